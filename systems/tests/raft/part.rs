//! A process that contains a replica, or does not: what the replica promises is
//! watched through it, for each of two clusters in one world.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snowglobe_systems::embeds::{self, Embeds, PartView, Said, WriteOf};
use snowglobe_systems::invariants::{ClusterView, Invariants, NodeView, Violation};
use snowglobe_systems::ledger::{Place, Record};
use snowglobe_systems::vec_map::VecMap;

use snowglobe_systems::process::{self, Effect, Effects, Input, InvocationId, NodeId, Process};
use snowglobe_systems::raft::invariants::RaftInvariants;
use snowglobe_systems::raft::{self, LogIndex, Term, Timer, Voters};
use snowglobe_systems::replica::{Config, Operation, Outcome, Request};

use crate::cluster::Cluster;
use crate::story::{N1, N2, N3, N4, N5, Node as Member};

type Disk = raft::Durable<Request<Record>>;
type World = Cluster<Whole, Promises>;

const BYSTANDER: NodeId = NodeId(7);

/// A member of a cluster with a number, or somebody who replicates nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whole {
    Member(u8, Member),
    Bystander,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Message {
    Raft(raft::Message<Request<Record>>),
    Hello,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Write {
    Raft(raft::Write<Request<Record>>),
    Scribble,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Durable {
    member: Option<Disk>,
    scribbles: u64,
}

impl process::Durable for Durable {
    type Write = Write;

    fn apply(&mut self, write: &Write) {
        match write {
            Write::Raft(write) => self.member.get_or_insert_default().apply(write),
            Write::Scribble => self.scribbles += 1,
        }
    }
}

/// What a member does is what its node does.
fn pass_on(member: Effects<Member>, effects: &mut Effects<Whole>) {
    effects.pass_on(
        member,
        |timer| timer,
        |said, effects| match said {
            Said::Returned(invocation, outcome) => effects.reply(invocation, outcome),
            Said::Told(outcome) => effects.tell(outcome),
        },
    );
}

impl Process for Whole {
    type Config = Option<(u8, Config)>;
    type Message = Message;
    type Timer = Timer;
    type Operation = <Member as Process>::Operation;
    type Outcome = <Member as Process>::Outcome;
    type Durable = Durable;

    fn start(
        id: NodeId,
        config: &Self::Config,
        durable: Durable,
        effects: &mut Effects<Self>,
    ) -> Self {
        let Some((cluster, config)) = config else {
            return Self::Bystander;
        };
        let mut own = Effects::new();
        let disk = durable.member.unwrap_or_default();
        let member = Member::start(id, config, disk, &mut own);
        pass_on(own, effects);
        Self::Member(*cluster, member)
    }

    fn step(&mut self, input: Input<Self>, effects: &mut Effects<Self>) {
        let Self::Member(_, member) = self else {
            effects.push(Effect::Persist(Write::Scribble));
            let message = Message::Hello;
            return effects.push(Effect::Send { to: N1, message });
        };
        let mut own = Effects::new();
        match input {
            Input::Receive {
                message: Message::Hello,
                ..
            } => return,
            Input::Receive {
                from,
                message: Message::Raft(message),
            } => member.step(Input::Receive { from, message }, &mut own),
            Input::Timeout(timer) => member.step(Input::Timeout(timer), &mut own),
            Input::Invoke {
                invocation,
                operation,
            } => member.step(
                Input::Invoke {
                    invocation,
                    operation,
                },
                &mut own,
            ),
        }
        pass_on(own, effects);
    }

    fn flush(&mut self, effects: &mut Effects<Self>) {
        if let Self::Member(_, member) = self {
            let mut own = Effects::new();
            member.flush(&mut own);
            pass_on(own, effects);
        }
    }
}

impl Embeds<Member> for Whole {
    fn part(&self) -> Option<&Member> {
        match self {
            Self::Member(_, member) => Some(member),
            Self::Bystander => None,
        }
    }

    fn part_of_disk(durable: &Durable) -> Option<&Disk> {
        durable.member.as_ref()
    }

    fn message(message: raft::Message<Request<Record>>) -> Message {
        Message::Raft(message)
    }

    fn as_message(message: &Message) -> Option<&raft::Message<Request<Record>>> {
        match message {
            Message::Raft(message) => Some(message),
            Message::Hello => None,
        }
    }

    fn write(write: WriteOf<Member>) -> Write {
        Write::Raft(write)
    }

    fn as_write(write: &Write) -> Option<&WriteOf<Member>> {
        match write {
            Write::Raft(write) => Some(write),
            Write::Scribble => None,
        }
    }

    fn as_outcome(outcome: &<Member as Process>::Outcome) -> Option<&<Member as Process>::Outcome> {
        Some(outcome)
    }
}

/// What Raft promises, of each cluster by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Promises(VecMap<u8, RaftInvariants>);

impl Promises {
    /// Those of a node's cluster; anybody's, who has no part in any, where there is none.
    fn of(&mut self, cluster: &impl ClusterView<Whole>, node: NodeId) -> &mut RaftInvariants {
        let number = match cluster.node(node).process {
            Some(Whole::Member(number, _)) => *number,
            Some(Whole::Bystander) | None => 0,
        };
        self.0.entry(number).or_default()
    }
}

impl Invariants<Whole> for Promises {
    fn stepped(
        &mut self,
        cluster: &impl ClusterView<Whole>,
        node: NodeId,
        effects: &[Effect<Whole>],
    ) -> Result<(), Violation> {
        let promises = self.of(cluster, node);
        embeds::stepped::<Member, _>(promises, cluster, node, effects)
    }
    fn executed(
        &mut self,
        cluster: &impl ClusterView<Whole>,
        node: NodeId,
        effect: &Effect<Whole>,
    ) -> Result<(), Violation> {
        embeds::executed::<Member, _>(self.of(cluster, node), cluster, node, effect)
    }
    fn settled(
        &mut self,
        cluster: &impl ClusterView<Whole>,
        node: NodeId,
    ) -> Result<(), Violation> {
        embeds::settled::<Member, _>(self.of(cluster, node), cluster, node)
    }
    fn started(
        &mut self,
        cluster: &impl ClusterView<Whole>,
        node: NodeId,
    ) -> Result<(), Violation> {
        embeds::started::<Member, _>(self.of(cluster, node), cluster, node)
    }
}

/// Two clusters of three, and a bystander.
fn world() -> World {
    let members = |number: u8, nodes: [NodeId; 3]| {
        let mut config = Config::of(1);
        config.voters = Voters::new(nodes);
        vec![Some((number, config)); 3]
    };
    let (one, other) = ([N1, N2, N3], [N4, N5, NodeId(6)]);
    Cluster::of([members(1, one), members(2, other), vec![None]].concat())
}

/// Lets a node lead its cluster, and take a value.
fn take(world: &mut World, node: NodeId, value: u64) -> InvocationId {
    world.timeout(node, Timer::Election);
    world.settle();
    let command = Record::of(value);
    let invocation = world.invoke(
        node,
        Operation::Write {
            session: None,
            command,
        },
    );
    world.settle();
    world.timeout(node, Timer::Heartbeat);
    world.settle();
    invocation
}

/// All nodes of a world.
struct Nodes<'a>(&'a World);

impl ClusterView<Whole> for Nodes<'_> {
    fn len(&self) -> usize {
        self.0.names().len()
    }
    fn node(&self, id: NodeId) -> NodeView<'_, Whole> {
        NodeView {
            process: self.0.is_up(id).then(|| self.0.node(id)),
            durable: self.0.durable(id),
        }
    }
}

#[test]
fn two_clusters_keep_their_promises_in_one_world() {
    let mut world = world();
    // Both lead the same term, which one cluster must not see twice.
    for (node, value) in [(N1, 1), (N4, 2)] {
        let invocation = take(&mut world, node, value);
        let outcome = &world.outcomes[&invocation];
        assert!(matches!(
            outcome,
            Outcome::Written {
                response: Place(1),
                ..
            }
        ));
    }
    world.crash(N2);
    world.restart(N2);
    assert_eq!(world.violation, None);
}

#[test]
fn a_node_without_the_part_looks_down_and_empty() {
    let mut world = world();
    take(&mut world, N1, 1);
    world.invoke(BYSTANDER, Operation::OpenSession);
    assert_eq!(world.durable(BYSTANDER).scribbles, 1);
    let nodes = Nodes(&world);
    let view = PartView::<_, Whole, Member>::new(&nodes);
    assert_eq!(view.len(), 7);
    let node = view.node(BYSTANDER);
    assert_eq!((node.process, node.durable), (None, &Disk::default()));
    let node = view.node(N2);
    let disk = node.durable;
    assert_eq!(node.process.map(|it| it.raft().term()), Some(disk.term));
    assert_eq!(disk.term, Term(1));
}

/// Remembers who was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Shown(Vec<(NodeId, &'static str, usize)>);

impl Invariants<Member> for Shown {
    fn started(&mut self, _: &impl ClusterView<Member>, node: NodeId) -> Result<(), Violation> {
        self.0.push((node, "started", 0));
        Ok(())
    }
    fn stepped(
        &mut self,
        _: &impl ClusterView<Member>,
        node: NodeId,
        effects: &[Effect<Member>],
    ) -> Result<(), Violation> {
        self.0.push((node, "stepped", effects.len()));
        Ok(())
    }
    fn executed(
        &mut self,
        _: &impl ClusterView<Member>,
        node: NodeId,
        _: &Effect<Member>,
    ) -> Result<(), Violation> {
        self.0.push((node, "executed", 1));
        Ok(())
    }
    fn settled(&mut self, _: &impl ClusterView<Member>, node: NodeId) -> Result<(), Violation> {
        self.0.push((node, "settled", 0));
        Ok(())
    }
    fn crashed(
        &mut self,
        _: &impl ClusterView<Member>,
        node: NodeId,
        prevented: &[Effect<Member>],
    ) {
        self.0.push((node, "crashed", prevented.len()));
    }
}

#[test]
fn only_nodes_with_the_part_are_shown_and_only_its_effects() {
    let mut world = world();
    world.crash(N2);
    let nodes = Nodes(&world);
    let mut shown = Shown::default();
    let vote = raft::Write::HardState {
        term: Term(1),
        vote: None,
    };
    let effects = [
        Effect::Persist(Write::Scribble),
        Effect::Persist(Write::Raft(vote)),
        Effect::SetTimer {
            timer: Timer::Election,
            delay: Duration::from_millis(1).into(),
        },
    ];
    for node in [N1, N2, BYSTANDER] {
        let mut held = vec![
            embeds::started::<Member, _>(&mut shown, &nodes, node),
            embeds::stepped::<Member, _>(&mut shown, &nodes, node, &effects),
        ];
        for effect in &effects {
            held.push(embeds::executed::<Member, _>(
                &mut shown, &nodes, node, effect,
            ));
        }
        held.push(embeds::settled::<Member, _>(&mut shown, &nodes, node));
        assert!(held.iter().all(Result::is_ok));
    }
    embeds::crashed::<Member, _>(&mut shown, &nodes, N2, &effects);
    let expected = [
        (N1, "started", 0),
        (N1, "stepped", 1),
        (N1, "executed", 1),
        (N1, "settled", 0),
        (N2, "crashed", 1),
    ];
    assert_eq!(shown.0, expected);
}

#[test]
fn a_promise_that_a_part_breaks_is_found_through_the_whole() {
    let mut world = world();
    take(&mut world, N1, 1);
    take(&mut world, N4, 2);
    world.crash(N5);
    let disk = world.durable_mut(N5).member.as_mut();
    disk.expect("it voted").vote = None;
    world.restart(N5);
    let violation = world.violation.expect("a vote is lost");
    assert_eq!(violation.property, "vote-survives-crash");
    assert_eq!(violation.nodes, [N5]);
}

#[test]
fn an_effect_that_a_part_must_not_have_is_found_through_the_whole() {
    let mut world = world();
    take(&mut world, N1, 1);
    let told = |index| Effect::Return {
        invocation: InvocationId(9),
        outcome: Outcome::Written {
            index: LogIndex(index),
            term: Term(1),
            response: Place(1),
        },
    };
    let look = |index| {
        let mut promises = Promises::default();
        promises.executed(&Nodes(&world), N1, &told(index))
    };
    assert_eq!(look(2), Ok(()), "it was applied there");
    let violation = look(3).expect_err("nothing was applied there");
    assert_eq!(violation.property, "acknowledged-is-applied");
}
