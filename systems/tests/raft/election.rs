//! Who leads, and who does not get to.

use snowglobe_systems::process::Process as _;
use snowglobe_systems::raft::{
    Attempt, Message, PreVote, RequestVote, RequestVoteReply, Term, Timer, marks,
};

use crate::cluster::Envelope;
use crate::story::{N1, N2, N3, N4, N5, Node, log_id, n3_missed_a_committed_write, world};

#[test]
fn a_single_node_elects_itself_and_commits_alone() {
    let mut world = world(1);
    world.elect(N1);
    let write = world.write(N1, 7);
    assert!(world.is_written(write));
    let read = world.read(N1);
    assert!(world.outcome(read).is_some());
    world.crash(N1);
    world.restart(N1);
    world.timeout(N1, Timer::Election);
    assert_eq!(world.count(N1), 1, "the write survives");
    world.assert_held();
}

#[test]
fn every_size_from_one_to_nine_elects_and_commits() {
    for count in 1..=9 {
        let mut world = world(count);
        world.elect(N1);
        let write = world.write(N1, 1);
        world.settle();
        assert!(world.is_written(write), "{count} nodes");
        world.heartbeat(N1);
        for node in world.names() {
            assert_eq!(world.count(node), 1, "{node} of {count}");
        }
        world.assert_held();
    }
}

#[test]
fn a_leader_tells_everybody_with_one_message_each() {
    let mut world = world(3);
    world.timeout(N1, Timer::Election);
    let mut rpcs = 0;
    while !world.bag.is_empty() {
        rpcs += 1;
        world.deliver(0);
    }
    // Pre-votes, votes and the no-op: a request and a reply each, to two peers.
    assert_eq!(rpcs, 3 * 2 * 2);
    assert!(world.leads(N1));
    assert_eq!(world.node(N2).raft().leader(), Some(N1));
    assert_eq!(world.term(N3), 1);
}

#[test]
fn a_node_that_was_cut_off_does_not_raise_the_term() {
    let mut world = world(3);
    world.elect(N1);
    world.cut(N3);
    for _ in 0..5 {
        world.timeout(N3, Timer::Election);
        world.settle();
    }
    world.heal();
    world.timeout(N3, Timer::Election);
    world.settle();
    assert!(world.leads(N1), "the others still hear n1");
    assert_eq!(world.term(N3), 1);
    assert!(world.marks.contains(marks::PRE_VOTE_REJECTED));
    world.heartbeat(N1);
    assert_eq!(world.node(N3).raft().leader(), Some(N1));
    world.assert_held();
}

#[test]
fn a_pre_vote_is_granted_once_the_voters_own_timer_fired() {
    let mut world = world(3);
    world.elect(N1);
    world.crash(N1);
    world.timeout(N2, Timer::Election);
    world.settle();
    assert!(!world.leads(N2), "n3 still believes in n1");
    world.timeout(N3, Timer::Election);
    world.settle();
    assert!(world.leads(N3));
    assert_eq!(world.term(N2), 2);
}

#[test]
fn a_pre_vote_changes_neither_term_nor_vote() {
    let mut world = world(3);
    let question = PreVote {
        term: Term(8),
        last: log_id(0, 0),
        attempt: Attempt(1),
    };
    world.bag.push_back(Envelope {
        from: N2,
        to: N1,
        message: Message::PreVote(question),
    });
    world.deliver(0);
    let Message::PreVoteReply(reply) = &world.bag[0].message else {
        panic!("a reply");
    };
    assert!(reply.granted);
    assert_eq!(world.term(N1), 0);
    assert_eq!(world.node(N1).raft().vote(), None);
}

#[test]
fn a_follower_of_a_live_leader_ignores_requests_for_votes() {
    let mut world = world(3);
    world.elect(N1);
    for transfer in [false, true] {
        let question = RequestVote {
            term: Term(9),
            last: world.last(N3),
            transfer,
        };
        world.bag.push_back(Envelope {
            from: N3,
            to: N2,
            message: Message::RequestVote(question),
        });
        world.deliver(0);
        let (term, replies) = if transfer { (9, 1) } else { (1, 0) };
        assert_eq!(world.term(N2), term, "transfer: {transfer}");
        assert_eq!(world.bag.len(), replies, "transfer: {transfer}");
    }
}

#[test]
fn a_node_with_a_higher_term_makes_the_leader_move_up() {
    let mut world = world(3);
    world.elect(N1);
    world.crash(N3);
    world.durable_mut(N3).term = Term(7);
    world.restart(N3);
    world.heartbeat(N1);
    assert!(!world.leads(N1), "n3 answered out of t7");
    assert!(
        world
            .marks
            .contains(marks::LEADER_STEPS_DOWN_ON_HIGHER_TERM)
    );
    world.elect(N1);
    assert_eq!(world.term(N3), 8);
}

#[test]
fn a_candidate_with_an_older_log_does_not_win() {
    let mut world = n3_missed_a_committed_write();
    world.timeout(N2, Timer::Election);
    world.bag.clear();
    world.timeout(N3, Timer::Election);
    world.settle();
    assert!(!world.leads(N3));
    world.timeout(N2, Timer::Election);
    world.settle();
    assert!(world.leads(N2));
    world.assert_held();
}

#[test]
fn a_split_vote_ends_with_the_next_timeout() {
    let mut world = world(4);
    // Both get pre-votes before either stands.
    world.timeout(N1, Timer::Election);
    world.timeout(N2, Timer::Election);
    while !(world.is_candidate(N1) && world.is_candidate(N2)) {
        let place = world
            .bag
            .iter()
            .position(|envelope| envelope.message.name().starts_with("PreVote"))
            .expect("pre-votes are on their way");
        world.deliver(place);
    }
    let vote_of = |envelope: &Envelope<Node>| match envelope.message {
        Message::RequestVote(_) => {
            (envelope.from, envelope.to) == (N1, N4) || (envelope.from, envelope.to) == (N2, N3)
        }
        _ => false,
    };
    world.lose(vote_of);
    world.settle();
    assert!(world.is_candidate(N1) && world.is_candidate(N2));
    world.timeout(N1, Timer::Election);
    world.settle();
    assert!(world.marks.contains(marks::VOTE_SPLIT));
    assert!(world.leads(N1));
    assert_eq!(world.term(N1), 2);
    world.assert_held();
}

#[test]
fn a_leader_without_a_majority_steps_down() {
    let mut world = world(5);
    world.elect(N1);
    for node in [N3, N4, N5] {
        world.cut(node);
    }
    assert!(world.timeout(N1, Timer::QuorumCheck));
    assert!(world.leads(N1), "it was heard since its election");
    world.heartbeat(N1);
    world.timeout(N1, Timer::QuorumCheck);
    assert!(!world.leads(N1), "only n2 answered");
    assert!(
        world
            .marks
            .contains(marks::LEADER_STEPS_DOWN_WITHOUT_QUORUM)
    );
    assert_eq!(world.term(N1), 1);
    assert_eq!(world.node(N1).raft().leader(), None);
    let timeout = world.configs[0].raft.election_timeout.clone();
    assert_eq!(world.delay(N1, Timer::Election), timeout);
    assert!(!world.timers(N1).contains(&Timer::Heartbeat));
    world.assert_held();
}

#[test]
fn a_vote_survives_a_crash_between_any_two_effects() {
    for effects in 0..6 {
        let mut world = world(3);
        let ask = |candidate| Envelope {
            from: candidate,
            to: N1,
            message: Message::RequestVote(RequestVote {
                term: Term(1),
                last: log_id(0, 0),
                transfer: false,
            }),
        };
        world.bag.push_back(ask(N2));
        world.crash_next_step_after(effects);
        world.deliver(0);
        let promised = world.bag.iter().any(|envelope| {
            let granted = RequestVoteReply {
                term: Term(1),
                granted: true,
            };
            envelope.message == Message::RequestVoteReply(granted)
        });
        world.restart(N1);
        world.bag.clear();
        world.bag.push_back(ask(N3));
        world.deliver(0);
        let Message::RequestVoteReply(second) = &world.bag[0].message else {
            panic!("a reply");
        };
        assert!(!(promised && second.granted), "after {effects} effects");
        world.assert_held();
    }
}

#[test]
fn a_candidate_remembers_that_it_voted_for_itself() {
    let mut world = world(3);
    world.timeout(N1, Timer::Election);
    world.deliver_until(|world| world.is_candidate(N1));
    world.bag.clear();
    world.crash(N1);
    world.restart(N1);
    assert!(world.marks.contains(marks::RESTART_WITH_VOTE));
    assert_eq!(world.node(N1).raft().vote(), Some(N1));
    assert_eq!(world.term(N1), 1);
}

#[test]
fn a_vote_that_comes_late_elects_as_long_as_the_term_lasts() {
    for next_term_began in [false, true] {
        let mut world = world(3);
        world.timeout(N1, Timer::Election);
        world.deliver_until(|world| world.is_candidate(N1));
        world.lose(|envelope| envelope.to == N3);
        let is_vote =
            |envelope: &Envelope<Node>| matches!(envelope.message, Message::RequestVoteReply(_));
        world.deliver_until(|world| world.bag.iter().any(is_vote));
        let place = world.bag.iter().position(is_vote);
        let late = place.and_then(|place| world.bag.remove(place));
        let late = late.expect("the vote of n2");
        world.bag.clear();
        // The vote is slower than the election timeout.
        world.timeout(N1, Timer::Election);
        assert!(!world.is_candidate(N1), "it asks anew whether to stand");
        if next_term_began {
            world.deliver_until(|world| world.is_candidate(N1));
            assert_eq!(world.term(N1), 2);
        }
        world.bag.clear();
        world.bag.push_back(late);
        world.deliver(0);
        assert_eq!(world.leads(N1), !next_term_began);
        world.assert_held();
    }
}

#[test]
fn the_election_timer_is_armed_anew_for_a_vote_granted_only() {
    // The harness forgets a fired timer, so a timer that is armed again was set.
    let mut world = world(3);
    world.elect(N1);
    world.crash(N1);
    let refused = RequestVote {
        term: Term(2),
        last: log_id(0, 0),
        transfer: false,
    };
    world.timeout(N2, Timer::Election);
    world.bag.clear();
    let effects_of = |question: RequestVote| {
        use snowglobe_systems::process::{Effects, Input, Process};
        let mut node = world.node(N2).clone();
        let mut effects = Effects::<Node>::new();
        node.step(
            Input::Receive {
                from: N3,
                message: Message::RequestVote(question),
            },
            &mut effects,
        );
        format!("{:?}", effects.as_slice())
    };
    assert!(!effects_of(refused.clone()).contains("SetTimer"));
    let last = world.last(N2);
    assert!(effects_of(RequestVote { last, ..refused }).contains("SetTimer { timer: Election"));
}

/// The world asks, to let faults hit leaders.
#[test]
fn the_world_knows_who_leads() {
    let mut world = world(3);
    world.elect(N2);
    let names = world.names().into_iter();
    let leaders: Vec<_> = names.filter(|node| world.node(*node).leads()).collect();
    assert_eq!(leaders, [N2]);
}
