//! `snowglobe merge`: the nights of several machines, as one.

use std::io::Write as _;

use super::arguments::MergeArguments;
use super::fuzz::{Header, as_json, human, page};
use super::{Failed, Format, print};
use crate::campaign::merge;
use crate::registry::Systems;
use crate::text::program;

pub(super) fn merged(known: Systems, arguments: &MergeArguments) -> Result<u8, Failed> {
    let merged = merge(&arguments.folders, known.all()).map_err(Failed::usage)?;
    if let [one, other, ..] = merged.identities.as_slice() {
        let name = program();
        let _ = writeln!(
            std::io::stderr(),
            "{name}: these are of different campaigns: {one}; {other}"
        );
    }
    for folder in &merged.unfinished {
        let (name, folder) = (program(), folder.display());
        let _ = writeln!(
            std::io::stderr(),
            "{name}: the campaign in {folder} was interrupted; --resume goes on with it"
        );
    }
    let summary = &merged.summary;
    let header = Header::merged(arguments.folders.len());
    match arguments.printed.format {
        Format::Human => print(&human(summary, &header))?,
        Format::Json => print(&format!("{:#}\n", as_json(summary, &header)))?,
    }
    if let Some(path) = &arguments.page {
        std::fs::write(path, page(summary, &header))
            .map_err(|error| Failed::tool(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(summary.exit_code())
}
