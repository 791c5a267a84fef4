//! `snowglobe list`.

use std::fmt::Write as _;

use serde_json::json;

use super::{Failed, Format, print};
use crate::faults::FaultFamily;
use crate::registry::Systems;
use crate::world::engine::Engine;

pub(super) fn list(systems: Systems, format: Format) -> Result<u8, Failed> {
    match format {
        Format::Human => print(&human(systems))?,
        Format::Json => print(&format!("{:#}\n", json(systems)))?,
    }
    Ok(0)
}

fn human(systems: Systems) -> String {
    let mut text = String::from("systems\n");
    let names = systems.all().iter().map(|system| system.name().len());
    let width = names.max().unwrap_or_default().max(18);
    for system in systems.all() {
        let _ = writeln!(text, "  {:<width$} {}", system.name(), system.about());
    }
    text.push_str("\nfaults\n");
    for family in FaultFamily::ALL {
        let _ = writeln!(text, "  {:<18} {}", family.word(), family.name());
    }
    text.push_str("\nengines\n");
    for engine in Engine::ALL {
        let usual = match *engine == Engine::default() {
            true => " (unless --engine says otherwise)",
            false => "",
        };
        let _ = writeln!(text, "  {:<18} {}{usual}", engine.word(), engine.about());
    }
    for system in systems.all() {
        let _ = writeln!(text, "\nmarks of {}", system.name());
        for mark in system.marks() {
            let _ = writeln!(text, "  {mark}");
        }
    }
    text
}

fn json(systems: Systems) -> serde_json::Value {
    let listed: Vec<_> = systems
        .all()
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
    let engines: Vec<_> = Engine::ALL.iter().map(|engine| engine.word()).collect();
    json!({ "systems": listed, "faults": faults, "engines": engines })
}
