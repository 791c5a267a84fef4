//! `snowglobe merge`: the nights of several machines, as one.

use std::io::Write as _;

use super::arguments::MergeArguments;
use super::fuzz::{Night, as_json, human, page};
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
    let summary = &merged.summary;
    let night = Night::merged(arguments.folders.len());
    match arguments.printed.format {
        Format::Human => print(&human(summary, &night))?,
        Format::Json => print(&format!("{:#}\n", as_json(summary, &night)))?,
    }
    if let Some(path) = &arguments.page {
        std::fs::write(path, page(summary, &night))
            .map_err(|error| Failed::tool(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(summary.exit_code())
}
