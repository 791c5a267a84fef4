//! `snowglobe list`.

use std::fmt::Write as _;

use serde_json::json;

use super::{Failed, Format, print};
use crate::faults::FaultFamily;
use crate::scenarios;

pub(super) fn list(format: Format) -> Result<u8, Failed> {
    match format {
        Format::Human => print(&human())?,
        Format::Json => print(&format!("{:#}\n", json()))?,
    }
    Ok(0)
}

fn human() -> String {
    let mut text = String::from("systems\n");
    for system in scenarios::all() {
        let _ = writeln!(text, "  {:<18} {}", system.name(), system.about());
    }
    text.push_str("\nfaults\n");
    for family in FaultFamily::ALL {
        let _ = writeln!(text, "  {:<18} {}", family.word(), family.name());
    }
    for system in scenarios::all() {
        let _ = writeln!(text, "\nmarks of {}", system.name());
        for mark in system.marks() {
            let _ = writeln!(text, "  {mark}");
        }
    }
    text
}

fn json() -> serde_json::Value {
    let systems: Vec<_> = scenarios::all()
        .iter()
        .map(|system| {
            json!({
                "name": system.name(),
                "about": system.about(),
                "marks": system.marks(),
            })
        })
        .collect();
    let faults: Vec<_> = FaultFamily::ALL
        .iter()
        .map(|family| family.word())
        .collect();
    json!({ "systems": systems, "faults": faults })
}
