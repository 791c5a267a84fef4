//! Taking one incident away changes nothing that it did not cause.

use snowglobe_bundled::SYSTEMS;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowglobe::report::timeline::{Selection, Timeline};
use snowglobe::scenarios::file::Scenario;
use snowglobe::scenarios::weather::Weather;
use snowglobe::seed::Seed;
use snowglobe::time::SimTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one writer").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The events of a run, a line each, without those that only say that a fault begins or ends.
fn events(scenario: &Scenario) -> Vec<String> {
    let system = SYSTEMS.find(&scenario.system).expect("a system");
    let nodes = system.size(scenario).expect("it makes sense");
    let buffer = Buffer::default();
    let (timeline, rest) = Timeline::new(nodes, Selection::default(), Box::new(buffer.clone()));
    let subscriber = Registry::default().with(timeline);
    let run = || SYSTEMS.run(scenario).expect("it makes sense");
    tracing::subscriber::with_default(subscriber, run);
    rest.finish().expect("memory takes all");
    let text = buffer.0.lock().expect("the run is over").clone();
    let text = String::from_utf8(text).expect("a timeline is text");
    let lines = text.lines().filter(|line| !line.contains("-- fault"));
    lines.map(str::to_owned).collect()
}

fn at(line: &str) -> SimTime {
    let word = line.split_whitespace().next().unwrap_or_default();
    word.parse()
        .unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// Whoever sleeps until shortly before an incident looks a little earlier than without it.
const MARGIN: Duration = Duration::from_millis(2);

/// That whatever follows is drawn the same, message by message, is shown in
/// `world/network/tests.rs`; when it happens may shift by up to a millisecond, the shortest sleep that
/// madsim has.
#[test]
fn nothing_differs_before_the_incident_that_was_removed() {
    let usual = Weather {
        large_in: 0,
        long_in: 0,
        timeless_in: 0,
        ..Weather::default()
    };
    let (mut compared, mut differed) = (0, 0);
    for seed in 0..6 {
        for system in ["raft", "kv", "mapreduce"] {
            let system = SYSTEMS.find(system).expect("a system");
            let scenario = system.draw_in(Seed(seed), &usual);
            let whole = events(&scenario);
            for removed in (0..scenario.faults.len()).step_by(9) {
                let mut without = scenario.clone();
                let incident = without.faults.remove(removed);
                let fewer = events(&without);
                let first = whole
                    .iter()
                    .zip(&fewer)
                    .position(|(one, other)| one != other);
                if let Some(first) = first {
                    for line in [&whole[first], &fewer[first]] {
                        assert!(at(line) + MARGIN >= incident.at, "{incident}: {line}");
                    }
                    differed += 1;
                }
                compared += 1;
            }
        }
    }
    assert!(differed > 30, "{differed} of {compared}");
}
