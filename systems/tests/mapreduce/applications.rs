//! What the applications come to, written down. Jobs and the sequential runs that they are held to
//! share the code of the applications and the counters: a mistake there makes both wrong alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use snowglobe_systems::mapreduce::applications::{
    BadRecords, Grep, HostCount, InvertedIndex, Sort, Unruly, WordCount,
};
use snowglobe_systems::mapreduce::{
    App, Application, Counters, Crash, Emit, Execution, Job, Lines, MapId, Partition, Record,
    TaskName, Temper, Values, cut, sequentially,
};

use crate::story::world;

/// A job of two files, with one part of output.
fn job_of(code: impl Application) -> Job {
    let mut splits = cut("a", "to be or\nnot to be\n", 10);
    splits.extend(cut("b", "be http://x.org/q\n", 100));
    Job {
        app: App::new("it", code),
        splits: splits.into(),
        partitions: 1,
    }
}

/// Runs it in one piece and as a job, and compares both to what is expected.
fn assert_comes_to(code: impl Application, output: &str, counters: &[(&str, u64)]) {
    let job = job_of(code);
    let expected = sequentially(&job);
    assert_eq!(expected.outputs, [output]);
    assert_eq!(expected.counters.iter().collect::<Vec<_>>(), counters);
    assert_eq!(expected.skipped, 0);
    let mut world = world(&job);
    world.finish();
    assert_eq!(world.outcome(), expected);
    world.assert_held();
}

#[test]
fn words_are_counted() {
    let output = "be 3\nhttp 1\nnot 1\nor 1\norg 1\nq 1\nto 2\nx 1\n";
    assert_comes_to(WordCount, output, &[("different words", 8), ("words", 11)]);
}

#[test]
fn files_are_listed_under_their_words() {
    let output = "be: 2 a,b\nhttp: 1 b\nnot: 1 a\nor: 1 a\norg: 1 b\nq: 1 b\nto: 1 a\nx: 1 b\n";
    assert_comes_to(InvertedIndex, output, &[("lines", 3)]);
}

#[test]
fn lines_are_found_with_their_places() {
    let text = "to".into();
    let output = "a:000000000000: to be or\na:000000000009: not to be\n";
    assert_comes_to(Grep { text }, output, &[("lines found", 2)]);
}

#[test]
fn lines_are_sorted() {
    let output = "be http://x.org/q\nnot to be\nto be or\n";
    assert_comes_to(Sort, output, &[("lines", 3)]);
}

#[test]
fn hosts_are_counted() {
    assert_comes_to(HostCount, "x.org 1\n", &[("requests", 1)]);
}

/// Counts words, and how often somebody has it combine them.
#[derive(Debug)]
struct Spy(Arc<AtomicUsize>);

impl Application for Spy {
    fn map(&self, record: &Record<'_>, emit: &mut Emit<'_>) -> Result<(), Crash> {
        WordCount.map(record, emit)
    }
    fn reduce(&self, key: &str, values: &Values<'_>, lines: &mut Lines<'_>) -> Result<(), Crash> {
        WordCount.reduce(key, values, lines)
    }
    fn combine(&self, key: &str, values: &Values<'_>) -> Option<String> {
        self.0.fetch_add(1, Ordering::Relaxed);
        WordCount.combine(key, values)
    }
    fn partition(&self, _: &str, _: u16) -> Partition {
        Partition(0)
    }
    fn temper(&self, _: &Execution) -> Temper {
        Temper::Slow(Duration::from_millis(7))
    }
}

fn execution(map: u32, earlier: u32) -> Execution {
    let task = TaskName::Map(MapId(map));
    Execution { task, earlier }
}

fn unruly(inner: App) -> Unruly {
    Unruly {
        inner,
        seed: 4,
        down_in_100: 0,
        slow_in_100: 0,
        slow: Duration::from_secs(1),
        executions: 2,
    }
}

fn bad_records(inner: App) -> BadRecords {
    BadRecords {
        inner,
        seed: 4,
        one_in: u64::MAX,
    }
}

/// Whoever is not slow, and whose records are not bad, does what it is made of.
#[test]
fn what_is_around_an_application_passes_all_on() {
    let combined = Arc::new(AtomicUsize::new(0));
    let spy = || App::new("spy", Spy(combined.clone()));
    let output = "be 3\nhttp 1\nnot 1\nor 1\norg 1\nq 1\nto 2\nx 1\n";
    let counters = [("different words", 8), ("words", 11)];
    assert_comes_to(unruly(spy()), output, &counters);
    assert!(combined.swap(0, Ordering::Relaxed) > 0);
    assert_comes_to(bad_records(spy()), output, &counters);
    assert!(combined.load(Ordering::Relaxed) > 0);
    assert_eq!(unruly(spy()).partition("x", 9), Partition(0));
    assert_eq!(bad_records(spy()).partition("x", 9), Partition(0));
    let slow = Temper::Slow(Duration::from_millis(7));
    assert_eq!(bad_records(spy()).temper(&execution(0, 0)), slow);
}

/// The share of executions that go one way or another, and how slow they are.
#[test]
fn the_unruly_are_so_as_often_as_they_should() {
    let code = Unruly {
        down_in_100: 30,
        slow_in_100: 20,
        ..unruly(App::new("wc", WordCount))
    };
    let (mut down, mut slow) = (0, Vec::new());
    for map in 0..1000 {
        match code.temper(&execution(map, 1)) {
            Temper::TakesWorkerDown => down += 1,
            Temper::Slow(span) => slow.push(span.as_millis()),
            Temper::Steady => {}
        }
        assert_eq!(code.temper(&execution(map, 2)), Temper::Steady);
    }
    assert!((250..350).contains(&down), "{down} of 1000");
    assert!((150..250).contains(&slow.len()), "{} of 1000", slow.len());
    assert!(slow.iter().all(|millis| *millis < 1000));
    let long = slow.iter().filter(|millis| **millis >= 500).count();
    assert!((slow.len() / 4..slow.len()).contains(&long), "{long}");
}

#[test]
fn counters_add_up_under_their_names() {
    let mut counters = Counters::default();
    counters.add("a", 2);
    counters.add("b", 1);
    counters.add("a", 3);
    let mut more = counters.clone();
    more.add_all(&counters);
    let amounts: Vec<_> = more.iter().collect();
    assert_eq!(amounts, [("a", 10), ("b", 2)]);
}
