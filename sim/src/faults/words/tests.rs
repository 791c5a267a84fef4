//! Words and what they are read as.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::draw::PerMillion;
use crate::time::SimTime;
use crate::world::disk::{CrashMode, Damage};

const LINES: [&str; 48] = [
    "1.20s..9.40s cut leader holding",
    "1.20s links of leader loss 10%",
    "1.20s..9.40s disk leader syncs in 50ms..80ms",
    "1.20s..9.40s pause leader",
    "1.20s partition n1 n2 | n3 n4 n5",
    "1.20s..9.40s partition n1 n2 | n3 n4 n5 holding",
    "1.20s partition n1",
    "2.00s bridge n1 n2 - n3 - n4 n5",
    "2.00s..3.00s bridge n1 - n3 - n4 holding",
    "2.00s ring n1 n2 n3 n4 n5",
    "2.00s cut n1 -> n2",
    "2.00s..2.50s cut n1 n2 -> n3 n4 holding",
    "2.00s cut n1",
    "2.00s cut n1 n2",
    "2.00s cut all",
    "2.00s join n1 -> n2",
    "3.125s heal",
    "2.00s link n1 -> n2 latency 20ms..200ms loss 10% duplicate 5% reorder 20%",
    "2.00s links latency 5ms",
    "2.00s links of n3 loss 0.5%",
    "2.00s links of n3 n4 loss 100% over 300 bytes corrupt 1% unchecked",
    "2.00s..4.00s links n1 n2 -> n3 latency 5ms hold 1% for 500ms..30s repeat 2% after 1s..2m",
    "3.00s link n1 -> n2 restored",
    "3.00s links restored",
    "2.00s crash n3 losing unsynced",
    "2.00s..2.10s crash n3 keeping unsynced after 2 effects",
    "2.00s..62.00s crash n1 n2 tearing unsynced",
    "2.00s crash all tearing unsynced",
    "2.00s crash n3 leaving unsynced",
    "2.50s restart n3",
    "2.50s restart all",
    "2.00s pause n2",
    "2.00s..2.40s pause n2 n3",
    "2.40s resume n2",
    "2.00s..9.00s slow n2 by 5ms..50ms",
    "2.00s clock n2 runs at 110%",
    "2.00s..3.00s clock all runs at 80%",
    "2.00s clock n2 jumps 5s",
    "2.00s disk n2 syncs in 50ms..80ms",
    "2.00s..3.00s disk n2 fails",
    "2.00s disk n2 drops-sync",
    "2.00s..9.00s disk n2 full",
    "2.00s..9.00s disk n2 unreadable",
    "2.00s disk n2 rots",
    "2.00s disk n2 bad-sector",
    "2.00s disk n2 lost-write",
    "2.00s disk n2 misdirected-write",
    "2.00s disk n2 heals",
];

#[test]
fn every_form_round_trips() {
    for line in LINES {
        let incident: Incident = line.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(incident.to_string(), line);
    }
}

#[test]
fn people_may_write_less_evenly() {
    let incident: Result<Incident, _> = " 2s   crash  n3 losing unsynced after 1 effect ".parse();
    let words = incident.map(|incident| incident.to_string());
    assert_eq!(
        words.as_deref(),
        Ok("2.00s crash n3 losing unsynced after 1 effects")
    );
}

#[test]
fn errors_name_the_word_and_what_would_be_understood() {
    let cases = [
        (
            "",
            "the fault `` ends too early: a time such as 1.20s, or 1.20s..9.40s is expected next",
        ),
        (
            "soon heal",
            "in the fault `soon heal`, `soon` is not understood: a time such as 1.20s, or 1.20s..9.40s, is expected here",
        ),
        (
            "2s crahs n3",
            "in the fault `2s crahs n3`, `crahs` is not understood: one of partition, bridge, ring, cut, join, heal, link, links, crash, restart, pause, resume, slow, clock, disk is expected here",
        ),
        (
            "2s crash n3",
            "the fault `2s crash n3` ends too early: one of losing, keeping, tearing, leaving is expected next",
        ),
        (
            "2s crash n0 losing unsynced",
            "in the fault `2s crash n0 losing unsynced`, `n0` is not understood: a node such as n1, or all, or leader, is expected here",
        ),
        (
            "2s cut n1 -> n1",
            "the fault `2s cut n1 -> n1` makes no sense: n1 has no link to itself",
        ),
        (
            "2s partition n1 | n2 n2",
            "the fault `2s partition n1 | n2 n2` makes no sense: n2 is named twice",
        ),
        (
            "2s partition n1 n2 | n1 n2 n3",
            "the fault `2s partition n1 n2 | n1 n2 n3` makes no sense: everybody in `n1 n2` is in `n1 n2 n3` too; give each group a node of its own",
        ),
        (
            "2s heal now",
            "in the fault `2s heal now`, `now` is not understood: the end is expected here",
        ),
        (
            "2s links loss 101%",
            "the fault `2s links loss 101%` makes no sense: 101% is more than all messages",
        ),
        (
            "2s links latency 5ms..1ms",
            "the fault `2s links latency 5ms..1ms` makes no sense: the range 5ms..1ms ends before it starts",
        ),
        (
            "2s links latency 0ms..0ms",
            "the fault `2s links latency 0ms..0ms` makes no sense: nothing arrives in no time; give a range that ends later than 0ms",
        ),
        (
            "2s links latency 2h",
            "the fault `2s links latency 2h` makes no sense: 120m is longer than the hour that is the most here",
        ),
        (
            "2s..1s pause n1",
            "the fault `2s..1s pause n1` makes no sense: it ends before it begins",
        ),
        (
            "2s..3s heal",
            "the fault `2s..3s heal` makes no sense: this happens at one moment; give no end",
        ),
        (
            "2s clock n1 runs at 100000%",
            "the fault `2s clock n1 runs at 100000%` makes no sense: a clock runs at 1% to 10000%",
        ),
    ];
    for (text, message) in cases {
        let error = text.parse::<Incident>().expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

fn some_nodes() -> impl Strategy<Value = Vec<NodeId>> {
    let order = Just((1..=9).map(NodeId).collect::<Vec<_>>()).prop_shuffle();
    (order, 1..4_usize).prop_map(|(order, many)| order[..many].to_vec())
}

fn links() -> impl Strategy<Value = Links> {
    let order = Just((1..=9).map(NodeId).collect::<Vec<_>>()).prop_shuffle();
    let one_way = (order, 1..4_usize, 1..4_usize).prop_map(|(order, from, to)| Links::OneWay {
        from: order[..from].to_vec(),
        to: order[5..5 + to].to_vec(),
    });
    prop_oneof![
        one_way,
        some_nodes().prop_map(Links::Of),
        Just(Links::All),
        Just(Links::OfLeader)
    ]
}

fn nodes() -> impl Strategy<Value = Nodes> {
    prop_oneof![
        some_nodes().prop_map(Nodes::Some),
        Just(Nodes::All),
        Just(Nodes::Leader)
    ]
}

fn times() -> impl Strategy<Value = Range<Duration>> {
    (0..10_000_000_000_u64, 1..10_000_000_000_u64)
        .prop_map(|(start, span)| Duration::from_nanos(start)..Duration::from_nanos(start + span))
}

fn share() -> impl Strategy<Value = PerMillion> {
    (0..=1_000_000_u32).prop_map(PerMillion)
}

fn late() -> impl Strategy<Value = Late> {
    (share(), times()).prop_map(|(share, by)| Late { share, by })
}

fn change() -> impl Strategy<Value = QualityChange> {
    let loss = (share(), option::of(any::<u32>())).prop_map(|(share, over)| Loss {
        share,
        over: over.map(|bytes| bytes as usize),
    });
    (
        option::of(times()),
        option::of(loss),
        [option::of(share()), option::of(share())],
        option::of((share(), any::<bool>())),
        option::of(late()),
        option::of(late()),
    )
        .prop_map(
            |(latency, loss, [duplicate, reorder], corrupt, hold, repeat)| QualityChange {
                latency,
                loss,
                duplicate,
                reorder,
                corrupt: corrupt.map(|(share, unchecked)| Corruption { share, unchecked }),
                hold,
                repeat,
            },
        )
        .prop_filter("something changes", |change| {
            *change != QualityChange::default()
        })
}

fn shape() -> impl Strategy<Value = Shape> {
    let order = || Just((1..=9).map(NodeId).collect::<Vec<_>>()).prop_shuffle();
    let groups = (order(), vec(1..=3_usize, 1..=3)).prop_map(|(order, sizes)| {
        let mut rest = order.into_iter();
        Shape::Groups(
            sizes
                .iter()
                .map(|size| rest.by_ref().take(*size).collect())
                .collect(),
        )
    });
    let bridge = (order(), 1..4_usize, 1..4_usize).prop_map(|(order, left, right)| Shape::Bridge {
        bridge: order[0],
        left: order[1..=left].to_vec(),
        right: order[5..5 + right].to_vec(),
    });
    let ring = (order(), 3..=9_usize).prop_map(|(order, size)| Shape::Ring(order[..size].to_vec()));
    prop_oneof![groups, bridge, ring]
}

fn disk() -> impl Strategy<Value = DiskFault> {
    prop_oneof![
        times().prop_map(DiskFault::SyncsIn),
        Just(DiskFault::Fails),
        Just(DiskFault::DropsSync),
        Just(DiskFault::Full),
        Just(DiskFault::Unreadable),
        prop::sample::select(&Damage::ALL).prop_map(DiskFault::Damaged),
        Just(DiskFault::Heals),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let moment = prop_oneof![
        Just(CrashMoment::AtOnce),
        any::<u32>().prop_map(CrashMoment::AfterEffects)
    ];
    let of_links = prop_oneof![
        (shape(), any::<bool>()).prop_map(|(shape, holds)| Fault::Shape { shape, holds }),
        (links(), any::<bool>()).prop_map(|(links, holds)| Fault::Cut { links, holds }),
        links().prop_map(Fault::Join),
        Just(Fault::Heal),
        (links(), change()).prop_map(|(links, change)| Fault::Degrade { links, change }),
        links().prop_map(Fault::Restore),
    ];
    let of_nodes = prop_oneof![
        (nodes(), prop::sample::select(&CrashMode::ALL), moment).prop_map(
            |(nodes, mode, moment)| Fault::Crash {
                nodes,
                mode,
                moment
            }
        ),
        nodes()
            .prop_filter("whoever is down leads nobody", |it| *it != Nodes::Leader)
            .prop_map(Fault::Restart),
        nodes().prop_map(Fault::Pause),
        nodes().prop_map(Fault::Resume),
        (nodes(), times()).prop_map(|(nodes, by)| Fault::Slow { nodes, by }),
        (nodes(), 10_000..5_000_000_u32).prop_map(|(nodes, rate)| Fault::Clock {
            nodes,
            rate: PerMillion(rate)
        }),
        (nodes(), times()).prop_map(|(nodes, by)| Fault::Jump { nodes, by: by.end }),
        (nodes(), disk()).prop_map(|(nodes, fault)| Fault::Disk { nodes, fault }),
    ];
    prop_oneof![of_links, of_nodes]
}

proptest! {
    #[test]
    fn words_round_trip(at in 0..u64::MAX / 2, span in option::of(1..u64::MAX / 2), fault in fault()) {
        let until = span.filter(|_| fault.lasts()).map(|span| SimTime(at + span));
        let incident = Incident { at: SimTime(at), until, fault };
        prop_assert_eq!(incident.to_string().parse(), Ok(incident));
    }

    #[test]
    fn no_text_panics(text in "([0-9a-z.%>|-]{0,6} ?){0,8}") {
        let _ = text.parse::<Incident>();
    }
}
