//! The same for programs.

use serde_json::{Value, json};

use super::super::{Saved, World};
use super::Told;
use crate::explore::Found;
use crate::explore::coverage::Coverage;

impl Told<'_> {
    /// For programs.
    pub(in super::super) fn json(&self) -> Value {
        json!({
            "system": self.system,
            "exhausted": self.is_exhausted(),
            "vacuous": self.is_vacuous(),
            "after_step": self.around().map(|around| around.step),
            "within": self.around().map(|around| around.depth),
            "ended": self.ended.map(|ended| format!("{ended:?}").to_lowercase()),
            "memory": self.memory,
            "scopes": self.worlds.iter().map(world_as_json).collect::<Vec<_>>(),
            "finding": self.found.first().map(finding_as_json),
            "findings": self.found.iter().map(finding_as_json).collect::<Vec<_>>(),
        })
    }
}

fn finding_as_json((found, saved): &(&Found, Saved)) -> Value {
    let steps = found.steps().iter().map(ToString::to_string);
    json!({
        "property": found.violation.property,
        "expected": found.violation.expected,
        "found": found.violation.found,
        "steps": steps.collect::<Vec<_>>(),
        "saved": saved.path.display().to_string(),
        "replays": saved.replays.is_ok(),
    })
}

fn world_as_json(world: &World) -> Value {
    let exploration = &world.exploration;
    let account = &exploration.account;
    let actions: serde_json::Map<String, Value> = account
        .actions
        .iter()
        .map(|(kind, count)| (kind.name().to_owned(), json!(count)))
        .collect();
    json!({
        "name": world.name,
        "nodes": world.plan.nodes,
        "bounds": exploration.bounds,
        "exhausted": exploration.exhausted,
        "complete_to": exploration.complete_to,
        "generated": exploration.headway.generated,
        "distinct": exploration.headway.distinct,
        "queued": exploration.headway.queued,
        "depth": exploration.headway.depth,
        "local_steps": exploration.local_steps,
        "collision_odds": exploration.headway.collision_odds(),
        "packing": exploration.packing.map(|packing| json!({
            "bytes": packing.bytes,
            "clusters": packing.clusters,
            "bags": packing.bags,
            "node_states": packing.parts.members,
            "messages": packing.parts.messages,
            "memories": packing.parts.memories,
            "judges": packing.parts.judges,
            "rests": packing.parts.rests,
            "steps_worked_out": packing.worked_out,
            "states_worked_out_again": account.worked_out_again,
        })),
        "could_begin_otherwise": exploration.could_begin_otherwise,
        "seconds": world.took.as_secs_f64(),
        "properties": exploration.properties.iter().map(|it| it.name).collect::<Vec<_>>(),
        "recovered_from": account.sampled,
        "recovered_without": world.plan.sample_one_in.map_or(0, |_| exploration.absences),
        "options": world.plan.options,
        "looked_at_under_other_names": account.orbits,
        "certificate": {
            "left_out": exploration.certificate.left_out,
            "looked_at": exploration.certificate.looked_at,
            "taken_up": exploration.certificate.taken_up,
            "rounds": exploration.certificate.rounds,
        },
        "doubt": exploration.doubt.as_ref().map(|doubt| doubt.property),
        "actions": actions,
        "marks": account.marks,
        "lost": account.lost,
        "obsolete": account.obsolete,
        "stuttering": account.stuttering,
        "beyond": account.beyond,
        "never_taken": exploration.never_taken.iter().map(|it| it.name()).collect::<Vec<_>>(),
        "never_reached": exploration.never_reached,
    })
}

/// How much fuzzing sees, for programs.
pub(in super::super) fn coverage_as_json(coverage: &Coverage) -> Value {
    json!({
        "states": coverage.states,
        "steps": coverage.steps,
        "rows": coverage.rows.iter().map(|row| json!({
            "seeds": row.seeds,
            "states": row.states,
            "steps": row.steps,
        })).collect::<Vec<_>>(),
    })
}
