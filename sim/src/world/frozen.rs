//! A world in which nothing happens by itself: somebody outside takes every step.
//!
//! Messages stay under way until they are delivered by name, timers stay armed
//! until they are told to fire, and a node crashes where it is told to. What
//! does happen goes the ordinary way: a message that is delivered travels
//! through the engine's sockets, the invariants look at every step, and the trace
//! takes it in.

use std::sync::Arc;
use std::time::Duration;

use snowglobe_systems::invariants::Invariants;
use snowglobe_systems::process::{Choice, NodeId, Process, Source};

use super::World;
use super::agenda::Due;
use super::disk::CrashMode;
use super::network::{DropReason, Parcel};
use crate::draw::Purpose;
use crate::faults::{CrashMoment, Fault, Links, Nodes};

/// What a message that is delivered by name needs for its way.
pub(super) const LAST_WAY: Duration = Duration::from_millis(2);

/// A message that is under way until it is delivered by name.
#[derive(Clone, Debug)]
pub struct Held<M> {
    /// Counts all messages of a run in the order of their sending.
    pub number: u64,
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// What it says.
    pub message: M,
    /// The same, as it travels.
    bytes: Arc<Vec<u8>>,
}

/// What a world keeps while it is frozen.
#[derive(Clone, Debug)]
pub(super) struct Frozen<M> {
    /// All that is under way, in the order of sending.
    held: Vec<Held<M>>,
    /// Who is to choose what in its next step.
    choices: Option<(NodeId, Vec<u32>)>,
    /// What the step that is being taken was told to choose.
    told: Vec<u32>,
    /// Why a step could not choose as it was told.
    otherwise: Option<String>,
}

impl<P: Process, I: Invariants<P>> World<P, I> {
    /// From now on nothing happens by itself, for the rest of the run.
    ///
    /// What is under way is held, in the order of sending, and so is all that is
    /// sent later, unless its link is cut. Armed timers stay armed. Faults that
    /// are still to come never do. Syncs that are going on end at once and take
    /// no time any more, and paused nodes go on. Alarms ring as before.
    pub fn freeze(&mut self) {
        if self.frozen.is_some() {
            return;
        }
        self.frozen = Some(Frozen {
            held: Vec::new(),
            choices: None,
            told: Vec::new(),
            otherwise: None,
        });
        self.active.clear();
        let ids: Vec<NodeId> = self.node_ids().collect();
        for id in &ids {
            let node = &mut self.nodes[id.position()];
            node.armed_crashes.clear();
            node.held_down.clear();
            node.kept_down = false;
            node.stopped_by_disk = false;
            node.baseline.paused = false;
            node.baseline.pace = Duration::ZERO..Duration::ZERO;
            if let Some(running) = node.running() {
                running.busy = false;
            }
        }
        let mut under_way = self.network.freeze();
        let mut syncs = Vec::new();
        for (at, due) in self.agenda.take_all() {
            match due {
                Due::Arrives(parcel) => under_way.push(parcel),
                Due::Synced { node, incarnation } => syncs.push((node, incarnation)),
                Due::Alarm(_) => self.agenda.put(at, due),
                Due::Timer { .. } | Due::Ready { .. } | Due::Begins(_) | Due::Ends(_) => {}
            }
        }
        for parcel in under_way {
            self.hold(parcel);
        }
        for (node, incarnation) in syncs {
            self.synced(node, incarnation);
        }
        for id in ids {
            self.recompute(id);
            self.drain_inbox(id);
        }
    }

    /// All that is under way in a frozen world, in the order of sending.
    pub fn held(&self) -> impl Iterator<Item = &Held<P::Message>> {
        self.frozen.iter().flat_map(|frozen| &frozen.held)
    }

    /// Of all that is under way in a frozen world, what was sent after a message of this number.
    pub fn held_since(&self, number: u64) -> &[Held<P::Message>] {
        let held = self.frozen.as_ref().map_or(&[][..], |frozen| &frozen.held);
        &held[held.partition_point(|held| held.number <= number)..]
    }

    /// Sends a held message on its last way; it arrives [`LAST_WAY`] later. If it stays, a copy of
    /// it can be delivered again. Whether it was there.
    pub fn deliver_held(&mut self, number: u64, stays: bool) -> bool {
        let Some(frozen) = &mut self.frozen else {
            return false;
        };
        let Ok(place) = frozen
            .held
            .binary_search_by_key(&number, |held| held.number)
        else {
            return false;
        };
        let held = match stays {
            true => frozen.held[place].clone(),
            false => frozen.held.remove(place),
        };
        let parcel = Parcel::new(held.from, held.to, number, held.bytes);
        self.travels(parcel, self.now + LAST_WAY);
        if stays {
            self.counters.duplicated += 1;
            self.mark("world.message_duplicated");
        }
        true
    }

    /// Cuts two nodes off from each other, and drops what is held between them.
    pub fn cut(&mut self, one: NodeId, other: NodeId) {
        self.part(one, other);
        let Some(frozen) = &mut self.frozen else {
            return;
        };
        let lost: Vec<Held<P::Message>> = frozen
            .held
            .extract_if(.., |held| {
                [(one, other), (other, one)].contains(&(held.from, held.to))
            })
            .collect();
        for held in lost {
            self.dropped(held.from, held.to, held.number, DropReason::CutAtDelivery);
        }
    }

    /// Lets two nodes reach each other again.
    pub fn mend(&mut self, one: NodeId, other: NodeId) {
        for (from, to) in [(one, other), (other, one)] {
            self.apply_fault(&Fault::Join(Links::one(from, to)));
        }
    }

    /// Two nodes lose sight of each other; what is under way between them is held
    /// until they see each other again.
    pub fn part(&mut self, one: NodeId, other: NodeId) {
        for (from, to) in [(one, other), (other, one)] {
            let links = Links::one(from, to);
            let holds = false;
            self.apply_fault(&Fault::Cut { links, holds });
        }
    }

    /// Whether two nodes do not see each other.
    #[must_use]
    pub fn is_cut(&self, one: NodeId, other: NodeId) -> bool {
        self.network.is_cut(one, other) && self.network.is_cut(other, one)
    }

    /// Lets a node go down when exactly so many effects of its next step, or of
    /// its next start, are executed. Other than a crash of a schedule, this one
    /// strikes inside no write, and not in a later step either: a step that has
    /// fewer effects goes by, and the crash waits for [`disarm`](Self::disarm).
    pub fn crash_after(&mut self, id: NodeId, effects: u32) {
        self.apply_fault(&Fault::Crash {
            nodes: Nodes::one(id),
            mode: CrashMode::Lose,
            moment: CrashMoment::AfterEffects(effects),
        });
        if let Some(armed) = self.nodes[id.position()].armed_crashes.last_mut() {
            armed.exact = true;
        }
    }

    /// Takes a crash back that has not struck. How many more effects it waited
    /// for, if there was one.
    pub fn disarm(&mut self, id: NodeId) -> Option<u32> {
        let armed = self.nodes[id.position()].armed_crashes.pop();
        armed.map(|armed| armed.effects)
    }

    /// From now on until the world is frozen, processes take the first possibility of whatever
    /// they choose. Where a script begins, all nodes have started so.
    pub fn start_without_choice(&mut self) {
        self.starts_without_choice = true;
    }

    /// Lets the next step of a node, or its next start, choose so; where nothing is said, a step
    /// of a frozen world takes the first possibility.
    pub fn chooses(&mut self, id: NodeId, choices: &[u32]) {
        if let Some(frozen) = &mut self.frozen {
            frozen.choices = (!choices.is_empty()).then(|| (id, choices.to_vec()));
        }
    }

    /// Why a step could not choose as it was told, if one could not; or nobody took it.
    pub fn chose_otherwise(&mut self) -> Option<String> {
        let frozen = self.frozen.as_mut()?;
        let waits = frozen.choices.take();
        let waits = waits.map(|(node, _)| format!("{node} takes no step that could choose"));
        frozen.otherwise.take().or(waits)
    }

    /// How the next step of a node chooses.
    pub(super) fn source_of_choices(&mut self, id: NodeId) -> Source {
        let Some(frozen) = &mut self.frozen else {
            if self.starts_without_choice {
                return Source::default();
            }
            let chosen = self.nodes[id.position()].steps_that_chose;
            return Source::Drawn(self.streams.word(Purpose::Choice(id), chosen));
        };
        let told = frozen.choices.take_if(|(node, _)| *node == id);
        let told = told.map_or_else(Vec::new, |(_, choices)| choices);
        frozen.told.clone_from(&told);
        Source::Told(told)
    }

    /// A step of a node has chosen.
    pub(super) fn chose(&mut self, id: NodeId, chosen: &[Choice]) {
        self.nodes[id.position()].steps_that_chose += u64::from(!chosen.is_empty());
        let Some(frozen) = &mut self.frozen else {
            return;
        };
        let told = std::mem::take(&mut frozen.told);
        let taken: Vec<u32> = chosen.iter().map(|choice| choice.taken).collect();
        if !taken.starts_with(&told) {
            let of: Vec<String> = chosen.iter().map(|choice| choice.of.to_string()).collect();
            frozen.otherwise = Some(match of.is_empty() {
                true => format!("its step on {id} chooses nothing"),
                false => format!("its step on {id} chooses one of {}", of.join(", one of ")),
            });
        }
    }

    /// Keeps a parcel until it is delivered by name.
    pub(super) fn hold(&mut self, parcel: Parcel) {
        let Some(message) = self.decode(&parcel) else {
            return;
        };
        let Some(frozen) = &mut self.frozen else {
            return;
        };
        let place = frozen
            .held
            .partition_point(|held| held.number <= parcel.number);
        let held = Held {
            number: parcel.number,
            from: parcel.from,
            to: parcel.to,
            message,
            bytes: parcel.bytes,
        };
        frozen.held.insert(place, held);
    }
}
