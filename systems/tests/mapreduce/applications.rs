//! What the applications come to, written down. Jobs and the sequential runs that they are held to
//! share the code of the applications and the counters: a mistake there makes both wrong alike.

use snowglobe_systems::mapreduce::applications::{Grep, HostCount, InvertedIndex, Sort, WordCount};
use snowglobe_systems::mapreduce::{App, Application, Counters, Job, cut, sequentially};

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
