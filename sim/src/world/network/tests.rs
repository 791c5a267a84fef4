//! Layers over links: what each brings, what its end takes away, and what it draws.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::faults::Incident;
use crate::seed::Seed;

const NODES: u16 = 3;
const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn network() -> Network {
    let links = LinkQuality {
        latency: Duration::from_millis(2)..Duration::from_millis(40),
        loss: PerMillion::percent(10),
        ..LinkQuality::default()
    };
    Network::new(usize::from(NODES), links, &Streams::new(Seed(7)))
}

fn fault(words: &str) -> Fault {
    words.parse().expect("the words of a fault")
}

impl Network {
    fn with(mut self, place: usize, words: &str) -> Self {
        let fault = fault(words);
        self.begin(place, Digest::of(&fault), fault);
        self
    }
}

#[test]
fn a_cut_is_one_way_and_shifts_no_draw_of_the_link() {
    let mut whole = network();
    let mut cut = network().with(0, "cut n1 -> n2");
    assert_eq!(cut.fate(A, B, b"x"), Fate::Dropped(DropReason::CutAtSend));
    assert_ne!(cut.fate(B, A, b"x"), Fate::Dropped(DropReason::CutAtSend));
    whole.fate(A, B, b"x");
    cut.end(0);
    assert_eq!(whole.fate(A, B, b"y"), cut.fate(A, B, b"y"));
    assert_eq!(whole.fate(A, B, b"x"), cut.fate(A, B, b"x"));
}

#[test]
fn an_end_takes_away_what_its_incident_brought_and_nothing_else() {
    let mut network = network()
        .with(0, "cut n1 -> n2")
        .with(1, "partition n1 holding")
        .with(2, "cut n1");
    network.cut(&Links::one(B, A), false);
    network.end(2);
    assert!(network.is_cut(A, B) && !network.holds(A, B));
    network.end(0);
    assert!(network.holds(A, B), "the partition is still there");
    network.join(&Links::All);
    assert!(network.holds(B, A), "words without an end do not end it");
    network.end(1);
    assert!(network.pairs().all(|(a, b)| !network.is_cut(a, b)));
}

#[test]
fn what_loses_goes_before_what_holds() {
    let network = network()
        .with(0, "partition n1 holding")
        .with(1, "cut n1 -> n2");
    assert!(!network.holds(A, B) && network.is_cut(A, B));
    assert!(network.holds(B, A));
}

#[test]
fn a_healed_link_is_under_no_incident() {
    let mut network = network().with(0, "cut n1");
    network.heal(A, B);
    network.recompute();
    assert!(!network.is_cut(A, B) && network.is_cut(B, A));
    network.cut(&Links::one(A, B), false);
    assert!(network.is_cut(A, B), "later words apply");
}

#[test]
fn what_waited_goes_on_when_nothing_holds_it() {
    let mut network = network()
        .with(0, "partition n1 holding")
        .with(1, "cut n1 -> n2 holding");
    for number in 0..40 {
        assert_eq!(network.fate(A, B, &[number]), Fate::Waits);
        network.wait(Parcel::new(A, B, u64::from(number), vec![number].into()));
    }
    network.end(0);
    assert_eq!(network.released().len(), 0);
    network.end(1);
    let released = network.released();
    assert_eq!(released.len(), 40);
    let arrive = released.into_iter().filter_map(|(_, fate)| match fate {
        Fate::Arrives(passage) => Some(passage.after),
        _ => None,
    });
    let arrive: Vec<Duration> = arrive.collect();
    assert!((25..40).contains(&arrive.len()), "the link loses a tenth");
    assert!(!arrive.is_sorted(), "no order is kept");
}

#[test]
fn latencies_of_layers_add_up() {
    let mut network = network()
        .with(0, "links latency 100ms")
        .with(1, "links of n1 latency 1s");
    let after = |fate| match fate {
        Fate::Arrives(Passage { after, .. }) => Some(after),
        _ => None,
    };
    let far = (0..20).find_map(|it| after(network.fate(A, B, &[it])));
    let near = (0..20).find_map(|it| after(network.fate(B, NodeId(3), &[it])));
    let millis = Duration::from_millis;
    assert!(far.is_some_and(|it| (millis(1102)..millis(1140)).contains(&it)));
    assert!(near.is_some_and(|it| (millis(102)..millis(140)).contains(&it)));
}

#[test]
fn copies_are_slowed_like_what_they_copy() {
    for words in ["duplicate 100%", "repeat 100% after 1s"] {
        let mut network = network()
            .with(0, &format!("links {words}"))
            .with(1, "links latency 1h");
        let passage = (0..20).find_map(|it| match network.fate(A, B, &[it]) {
            Fate::Arrives(passage) => Some(passage),
            _ => None,
        });
        let passage = passage.expect("not all are lost");
        assert!(!passage.copies.is_empty());
        let hour = Duration::from_secs(3600);
        assert!(passage.copies.iter().all(|it| *it >= hour), "{passage:?}");
    }
}

#[test]
fn only_what_is_large_is_lost() {
    let mut network = network().with(0, "links loss 100% over 10 bytes");
    let large = network.fate(A, B, &[0; 11]);
    assert_eq!(large, Fate::Dropped(DropReason::TooLarge));
    let small = |it: u8| network.fate(A, B, &[it; 10]);
    assert!(
        (0..20)
            .map(small)
            .any(|fate| matches!(fate, Fate::Arrives(_)))
    );
}

/// An incident over the network, and the messages between which it begins and ends.
fn incidents() -> impl Strategy<Value = Vec<(usize, usize, Fault)>> {
    let words = prop::sample::select(vec![
        "links loss 30%",
        "links of n1 duplicate 40%",
        "links reorder 50%",
        "link n1 -> n2 latency 10ms..500ms",
        "links hold 30% for 1s..5s",
        "links of n2 repeat 30% after 1s..5s",
        "links corrupt 30%",
        "links loss 100% over 2 bytes",
        "cut n1 -> n2",
        "partition n1 | n2 n3",
        "partition n2 | n1 n3 holding",
    ]);
    vec((0..40_usize, 1..40_usize, words), 1..6).prop_map(|drawn| {
        let incident =
            |(begin, span, words): (usize, usize, &str)| (begin, begin + span, fault(words));
        drawn.into_iter().map(incident).collect()
    })
}

/// What becomes of some messages under some incidents.
fn fates(incidents: &[(usize, usize, Fault)], messages: &[(u16, u16, Vec<u8>)]) -> Vec<Fate> {
    let mut network = network();
    let mut fates = Vec::new();
    for (time, (from, step, bytes)) in messages.iter().enumerate() {
        for (place, (begin, end, fault)) in incidents.iter().enumerate() {
            let incident = Incident {
                at: SimTime(*begin as u64),
                until: Some(SimTime(*end as u64)),
                fault: fault.clone(),
            };
            if *begin == time {
                network.begin(place, Digest::of(&incident), fault.clone());
            }
            if *end == time {
                network.end(place);
            }
        }
        let to = NodeId((from - 1 + step) % NODES + 1);
        fates.push(network.fate(NodeId(*from), to, bytes));
    }
    fates
}

proptest! {
    /// Take one incident away: whatever it was not over comes to the same, message by message.
    #[test]
    fn an_incident_less_shifts_no_draw(
        incidents in incidents(),
        away: prop::sample::Index,
        messages in vec((1..=NODES, 1..NODES, vec(0..3_u8, 0..4)), 1..60),
    ) {
        let all = fates(&incidents, &messages);
        let away = away.index(incidents.len());
        let mut fewer = incidents.clone();
        let (begin, end, fault) = fewer.remove(away);
        let spared = fates(&fewer, &messages);
        for (time, (from, step, _)) in messages.iter().enumerate() {
            let (from, to) = (NodeId(*from), NodeId((from - 1 + step) % NODES + 1));
            let is_over = (begin..end).contains(&time) && match &fault {
                Fault::Shape { shape, .. } => !shape.reaches(from, to),
                Fault::Cut { links, .. } | Fault::Degrade { links, .. } => links.contains(from, to),
                _ => false,
            };
            if !is_over {
                prop_assert_eq!(&all[time], &spared[time], "message {}", time);
            }
        }
    }

    /// What an incident adds does not depend on what others add: latencies come on top, whatever is lost.
    #[test]
    fn what_one_incident_draws_no_other_feels(bytes in vec(any::<u8>(), 0..20)) {
        let alone = network().with(1, "links latency 100ms..900ms").fate(A, B, &bytes);
        let beside = network()
            .with(0, "links duplicate 100%")
            .with(1, "links latency 100ms..900ms")
            .with(2, "links of n3 loss 100%")
            .fate(A, B, &bytes);
        match (alone, beside) {
            (Fate::Arrives(alone), Fate::Arrives(beside)) => {
                prop_assert_eq!(alone.after, beside.after);
            }
            (alone, beside) => prop_assert_eq!(alone, beside),
        }
    }
}
