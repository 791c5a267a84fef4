//! What operators, leaders and clients do in the stories.

use snowglobe_systems::kv::{self, Get};
use snowglobe_systems::process::{InvocationId, NodeId};
use snowglobe_systems::replica;
use snowglobe_systems::service::{self, Call};
use snowglobe_systems::shardctrler::{self, Command, GroupId, Shard};
use snowglobe_systems::shardkv::{self, Message, Node, Operation, Outcome, Timer};
use snowglobe_systems::vec_set::VecSet;

use crate::cluster::Envelope;
use crate::story::{
    ANN, G1, G2, G3, OPERATOR, World, appending, is_hand_over, is_received, key_in, servers, world,
};

/// G1 has all shards, with an "a" in each.
pub(crate) fn world_of_g1() -> World {
    let mut world = world();
    world.join(&[G1]);
    world.poll();
    for shard in 0..10 {
        world.append_and_wait(Shard(shard), "a");
    }
    world
}

/// G2 has joined, all groups know it, and sh5 to sh9 are on their way from G1.
pub(crate) fn world_in_the_middle() -> World {
    let mut world = world_of_g1();
    world.join(&[G2]);
    world.poll_but(is_hand_over);
    assert_eq!(world.bag.len(), 5, "one message for each shard");
    assert_eq!((world.served_by(G1), world.served_by(G2)), (5, 0));
    world
}

/// The operator and the groups' leaders.
impl World {
    /// The operator changes the configuration.
    pub(crate) fn command(&mut self, command: Command) {
        let operation = shardctrler::Operation::Write(command);
        let call = self.invoke(OPERATOR, Operation::Controller(operation));
        self.settle_but(is_hand_over);
        let Outcome::Controller(outcome) = &self.outcomes[&call] else {
            panic!("the controller answers the operator");
        };
        let changed = |outcome: &shardctrler::Outcome| {
            use shardctrler::Response::Changed;
            matches!(outcome, service::Outcome::Written(Changed(_)))
        };
        assert!(changed(outcome), "{outcome:?}");
    }

    pub(crate) fn join(&mut self, groups: &[GroupId]) {
        let groups = groups.iter().map(|group| (*group, servers(*group)));
        self.command(Command::Join {
            groups: groups.collect(),
        });
    }

    /// A group joins with servers that may not be its own.
    pub(crate) fn join_with(&mut self, group: GroupId, servers: Vec<NodeId>) {
        self.command(Command::Join {
            groups: [(group, servers)].into(),
        });
    }

    pub(crate) fn leave(&mut self, groups: &[GroupId]) {
        let groups: VecSet<GroupId> = groups.iter().copied().collect();
        self.command(Command::Leave { groups });
    }

    pub(crate) fn move_to(&mut self, shard: Shard, to: GroupId) {
        self.command(Command::Move { shard, to });
    }

    /// The leader of a group asks for the next configuration.
    pub(crate) fn ask_for_next(&mut self, group: GroupId) {
        if let Some(leader) = self.leader_of(group) {
            self.timeout(leader, Timer::Poll);
        }
    }

    /// The leaders of all groups ask for the next configuration, and get it.
    pub(crate) fn poll(&mut self) {
        self.poll_but(|_| false);
    }

    /// The same, and messages of a kind stay on their way.
    pub(crate) fn poll_but(&mut self, held: impl Fn(&Envelope<Node>) -> bool) {
        for group in [G1, G2, G3] {
            self.ask_for_next(group);
        }
        self.settle_but(held);
    }

    /// The leader of a group hands over again what it owes.
    pub(crate) fn hand_over_again(&mut self, group: GroupId) {
        let leader = self.leader_of(group).expect("a leader");
        assert!(self.timeout(leader, Timer::HandOver), "{leader} leads");
    }

    /// Leaders hand over and ask for configurations, until nobody owes a shard.
    pub(crate) fn finish_moves(&mut self) {
        for _ in 0..8 {
            for group in [G1, G2, G3] {
                self.hand_over_again(group);
            }
            self.poll();
        }
        self.assert_handed_over();
    }
}

/// Moves of shards.
impl World {
    /// The move of [`world_in_the_middle`] is over, and each shard is where it
    /// belongs with all that was written.
    pub(crate) fn assert_shared(&mut self) {
        self.assert_handed_over();
        assert_eq!((self.served_by(G1), self.served_by(G2)), (5, 5));
        for shard in 0..10 {
            self.append_and_wait(Shard(shard), "b");
            assert_eq!(self.get(Shard(shard)), "ab", "{shard}");
        }
        self.assert_held();
    }

    /// A shard goes from group to group, and nobody hears that it has arrived.
    pub(crate) fn move_silently(&mut self, shard: Shard, path: &[GroupId]) {
        for to in path {
            self.move_to(shard, *to);
            for _ in 0..2 {
                self.poll_but(is_received);
                self.lose(is_received);
            }
        }
    }

    /// Whoever asked the controller while it was cut off asks it again.
    pub(crate) fn ask_controller_again(&mut self) {
        for node in self.names() {
            for timer in self.timers(node).clone() {
                if let Timer::Controller(service::Timer::Patience { .. }) = timer {
                    self.timeout(node, timer);
                }
            }
        }
        self.settle();
    }
}

/// Calls and their answers.
impl World {
    /// A client calls the clerk. Clients come by one at a time.
    pub(crate) fn call(&mut self, operation: kv::Operation) -> InvocationId {
        self.invoke(ANN, Operation::Keys(operation))
    }

    pub(crate) fn append(&mut self, shard: Shard, text: &str) -> InvocationId {
        self.call(kv::Operation::Write(appending(shard, text)))
    }

    /// Whether a call was answered.
    pub(crate) fn is_done(&self, call: InvocationId) -> bool {
        self.outcomes.contains_key(&call)
    }

    /// Messages come and clerks that rest go on, until a call is answered.
    pub(crate) fn finish(&mut self, call: InvocationId) {
        self.finish_but(call, |_| false);
    }

    /// The same, and messages of a kind stay on their way.
    pub(crate) fn finish_but(
        &mut self,
        call: InvocationId,
        held: impl Fn(&Envelope<Node>) -> bool,
    ) {
        for _ in 0..100 {
            self.settle_but(&held);
            if self.is_done(call) {
                return;
            }
            self.rested();
            self.poll_but(&held);
        }
        panic!("{call} is not answered: {}", self.node(ANN));
    }

    /// The clerk has rested, and waited long enough for servers; it does not doubt yet.
    pub(crate) fn rested(&mut self) {
        use service::Timer::{BackOff, Patience};
        for timer in self.timers(ANN).clone() {
            if let Timer::Rest { .. } | Timer::Asking(_, BackOff { .. } | Patience { .. }) = timer {
                self.timeout(ANN, timer);
            }
        }
    }

    /// The clerk doubts that it asks the right group, and hears the newest configuration.
    pub(crate) fn doubt(&mut self) {
        assert!(self.timeout(ANN, Timer::Doubt { slot: 0 }), "it waits");
    }

    /// What a get of a shard's key gives.
    pub(crate) fn get(&mut self, shard: Shard) -> String {
        let get = Get { key: key_in(shard) };
        let call = self.call(kv::Operation::Read(get));
        self.finish(call);
        match &self.outcomes[&call] {
            Outcome::Keys(kv::Outcome::Answered(kv::Answer(value))) => value
                .as_ref()
                .map_or(String::new(), |value| value.0.to_string()),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn append_and_wait(&mut self, shard: Shard, text: &str) {
        let call = self.append(shard, text);
        self.finish(call);
        self.assert_written(call);
    }

    pub(crate) fn assert_written(&self, call: InvocationId) {
        let done = Outcome::Keys(kv::Outcome::Written(kv::Response::Done));
        assert_eq!(self.outcomes.get(&call), Some(&done));
    }

    /// Somebody asks a group's leader what no clerk asks, or not so.
    pub(crate) fn ask_directly(&mut self, group: GroupId, command: shardkv::Command) {
        let leader = self.leader_of(group).expect("a leader");
        // Each is a question of its own: one that comes again gets the answer it got.
        self.invocations += 1;
        let call = Call {
            invocation: InvocationId(u64::MAX - self.invocations),
            question: 1,
        };
        let operation = replica::Operation::Write {
            session: None,
            command,
        };
        let ask = service::Message::Ask {
            call,
            operation,
            relay: false,
        };
        self.bring((OPERATOR, leader), Message::Group(ask));
    }

    /// What somebody is told who asked a group's leader.
    pub(crate) fn told_directly(&mut self) -> shardkv::Response {
        self.settle_but(|envelope| envelope.to == OPERATOR);
        let told = self.bag.pop_front().map(|envelope| envelope.message);
        match told {
            Some(Message::Group(service::Message::Tell {
                outcome: replica::Outcome::Written { response, .. },
                ..
            })) => response,
            other => panic!("{other:?}"),
        }
    }
}
