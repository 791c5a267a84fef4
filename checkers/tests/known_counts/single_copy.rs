//! Servers that each hold a value, and know nothing of each other.

use snowglobe_checkers::explore::Reductions;
use snowglobe_systems::process::NodeId;

use super::history::{Frontier, LINEARIZABLE, NothingIsChosen, Observer, Whole};
use super::register::{Mail, Message, Register, Value};
use super::setting::RegisterSetting;
use super::{AS_STATERIGHT, WAYS, explore, has_states, steps_to_violation};

/// A server that holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SingleCopy(Value);

impl Register for SingleCopy {
    const NAME: &'static str = "single-copy register";
    type Inner = ();

    fn new(_: NodeId, _: u16) -> Self {
        Self(0)
    }

    fn receive(&mut self, from: NodeId, message: Message<()>, mail: &mut Mail<()>) {
        match message {
            Message::Write(request, value) => {
                self.0 = value;
                mail.push((from, Message::Written(request)));
            }
            Message::Read(request) => mail.push((from, Message::Holds(request, self.0))),
            _ => {}
        }
    }
}

type World<P> = RegisterSetting<SingleCopy, Observer<P>>;

#[test]
fn one_server_and_two_clients_have_93_states_and_are_linearizable() {
    has_states(&World::<Whole>::new(1, 2), AS_STATERIGHT, 93);
}

#[test]
fn no_delivery_changes_nothing_here_so_no_reduction_changes_the_count() {
    has_states(&World::<Whole>::new(1, 2), Reductions::NONE, 93);
}

#[test]
fn what_matters_of_the_past_has_fewer_states_than_all_of_it() {
    has_states(&World::<Frontier>::new(1, 2), AS_STATERIGHT, 67);
}

#[test]
fn a_value_is_read_after_three_steps() {
    let steps = steps_to_violation(RegisterSetting::<SingleCopy, NothingIsChosen>::new(1, 2));
    assert_eq!(steps.len(), 3, "{steps:#?}");
}

#[test]
fn two_servers_are_two_registers_and_four_steps_show_it() {
    let steps = steps_to_violation(World::<Whole>::new(2, 2));
    assert_eq!(steps.len(), 4, "{steps:#?}");
    for way in WAYS {
        let whole = explore(World::<Whole>::new(2, 2), AS_STATERIGHT, way);
        let frontier = explore(World::<Frontier>::new(2, 2), AS_STATERIGHT, way);
        for found in [
            whole.counterexample.map(|found| found.violation),
            frontier.counterexample.map(|found| found.violation),
        ] {
            let violation = found.expect("a client misses its own write");
            assert_eq!(violation.property, LINEARIZABLE);
        }
    }
}
