//! Configurations that make no sense are refused, with what to write instead.

use core::time::Duration;

use snowglobe_systems::mapreduce::{Config, Node, Role, Tuning};
use snowglobe_systems::process::{ConfigError, Process};

use crate::story::{COORDINATOR, STORE, word_count};

fn config() -> Config {
    Config {
        job: word_count().into(),
        role: Role::Worker { slowness: 1 },
        store: STORE,
        coordinator: COORDINATOR,
        tuning: Tuning::default(),
    }
}

/// The sentence about a configuration that is sound but for one change.
fn refused(change: impl FnOnce(&mut Config)) -> String {
    let mut config = config();
    change(&mut config);
    let refused: Result<(), ConfigError> = Node::check(&config);
    refused.expect_err("it makes no sense").to_string()
}

#[test]
fn the_defaults_make_sense() {
    for role in [
        Role::Store,
        Role::Coordinator,
        Role::Worker { slowness: 1000 },
    ] {
        assert_eq!(Node::check(&Config { role, ..config() }), Ok(()));
    }
    let calm = Tuning {
        lag_checks: None,
        per_kilobyte: Duration::ZERO,
        ..Tuning::default()
    };
    let tuning = calm;
    assert_eq!(Node::check(&Config { tuning, ..config() }), Ok(()));
}

#[test]
fn each_setting_that_makes_no_sense_is_named() {
    let millis = Duration::from_millis;
    let zero = Duration::ZERO;
    let tuned = |change: fn(&mut Tuning)| refused(|config| change(&mut config.tuning));
    let jobless = |config: &mut Config| {
        let mut job = word_count();
        job.partitions = 0;
        config.job = job.into();
    };
    let sentences = [
        (refused(jobless), "partitions is 0"),
        (
            refused(|config| config.coordinator = STORE),
            "coordinator is the node of the store",
        ),
        (
            refused(|config| config.role = Role::Worker { slowness: 0 }),
            "slowness is 0",
        ),
        (tuned(|it| it.silent_checks = 0), "silent_checks is 0"),
        (tuned(|it| it.lag_checks = Some(0)), "lag_checks is 0"),
        (tuned(|it| it.tries = 0), "tries is 0"),
        (
            tuned(|it| it.per_kilobyte = Duration::from_secs(3601)),
            "per_kilobyte is 3601s",
        ),
        (refused(|it| it.tuning.check = zero), "check is 0"),
        (refused(|it| it.tuning.ping = zero..zero), "ping is 0"),
        (
            refused(|it| it.tuning.retry = millis(4)..millis(2)),
            "retry runs backwards",
        ),
        (refused(|it| it.tuning.down = zero..millis(2)), "down is 0"),
        (
            refused(|it| it.tuning.ping = millis(80)..millis(2000)),
            "silent_checks are over after 2s, before a worker pings again",
        ),
    ];
    for (sentence, beginning) in sentences {
        assert!(sentence.starts_with(beginning), "{sentence}");
        assert!(sentence.contains("give "), "it says what to do: {sentence}");
    }
}
