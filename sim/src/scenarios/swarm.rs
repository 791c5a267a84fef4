//! Drawing a whole scenario from a seed.
//!
//! Everything varies from seed to seed: the size of the cluster, the links,
//! the disks, which kinds of faults are on, the workload. A campaign with all
//! faults always on finds less: some bugs show only where others are absent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::System;
use super::file::{Expectation, Scenario};
use super::weather::Weather;
use crate::draw::{Draw, PerMillion, Purpose, Streams};
use crate::faults::generate;
use crate::seed::Seed;
use crate::time::SimTime;
use crate::world::network::LinkQuality;

/// A run of half a minute of simulated time takes some ten thousand steps;
/// one that takes this many goes round in circles.
const STEP_BUDGET: u64 = 3_000_000;
/// A run of more than this may take as many steps for each such span.
const BUDGET_FOR: Duration = Duration::from_secs(600);

/// How many steps a run may take.
#[must_use]
pub fn step_budget(scenario: &Scenario) -> u64 {
    let spans = scenario.chaos.as_secs().div_ceil(BUDGET_FOR.as_secs());
    STEP_BUDGET * spans.max(1)
}

/// How large a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Size {
    /// As most are.
    Usual,
    /// Many nodes, many clients, or many shards.
    Large,
    /// An hour.
    Long,
    /// Steps without a clock.
    Timeless,
}

impl Size {
    /// The size of a scenario that was drawn in this weather.
    #[must_use]
    pub fn of(drawn: &Scenario, weather: &Weather) -> Self {
        match Stretch::draw(&Streams::new(drawn.seed), weather) {
            _ if drawn.scripted.is_some() => Self::Timeless,
            Some(Stretch::Large) => Self::Large,
            // Not every system has something to do for an hour.
            Some(Stretch::Long) if drawn.chaos >= HOUR => Self::Long,
            Some(Stretch::Long) | None => Self::Usual,
        }
    }

    /// The word for it in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Large => "large",
            Self::Long => "long",
            Self::Timeless => "timeless",
        }
    }
}

/// How a run that has a clock is more than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stretch {
    Large,
    Long,
}

impl Stretch {
    /// From a stream of its own, so that a seed of the usual size is the same
    /// whatever sizes there are.
    fn draw(streams: &Streams, weather: &Weather) -> Option<Self> {
        let mut draw = streams.keyed(Purpose::Configuration, SIZE, 0);
        let mut one_in = |many: u64| draw.below(many.max(1)) == 0 && many > 0;
        let (large, long) = (one_in(weather.large_in), one_in(weather.long_in));
        match (large, long) {
            (true, _) => Some(Self::Large),
            (false, true) => Some(Self::Long),
            (false, false) => None,
        }
    }
}

/// What the size of a run is drawn by.
const SIZE: u64 = 2;
/// What the length of batches is drawn by.
const BATCH: u64 = 4;
/// What decides whether a run has a clock.
const TIMELESS: u64 = 3;

/// What a run without a clock is drawn with, if that is what this seed stands for.
pub(crate) fn timeless(seed: Seed, weather: &Weather) -> Option<Draw> {
    let mut draw = Streams::new(seed).keyed(Purpose::Configuration, TIMELESS, 0);
    let is_timeless = weather.timeless_in > 0 && draw.below(weather.timeless_in) == 0;
    is_timeless.then_some(draw)
}

/// Draws a whole scenario.
#[must_use]
pub fn draw<S: System>(seed: Seed, weather: &Weather) -> Scenario {
    let streams = Streams::new(seed);
    let mut draw = streams.open(Purpose::Configuration);
    let nodes = draw_nodes(&mut draw).clamp(S::NODES.0, S::NODES.1);
    let chaos = draw_chaos(&mut draw, weather);
    let links = draw_links(&mut draw);
    let sync = draw_sync(&mut draw);
    let (links, sync) = match weather.healthy {
        true => (LinkQuality::default(), Duration::ZERO..Duration::ZERO),
        false => (links, sync),
    };
    let checkpoint_bytes = *draw.pick(&[512, 2048, 8192, 65536]);
    let options = S::draw_options(&mut draw, nodes);
    let (nodes, options, chaos, rarer) = match Stretch::draw(&streams, weather) {
        None => (nodes, options, chaos, 1),
        Some(Stretch::Large) => {
            let mut draw = streams.keyed(Purpose::Configuration, SIZE, 1);
            let (nodes, options) = S::enlarged(&mut draw, nodes, options);
            (nodes, options, chaos, 1)
        }
        Some(Stretch::Long) => match S::lasting(&options) {
            // As many incidents as in a few minutes.
            Some(lasting) => (nodes, lasting, HOUR, 10),
            None => (nodes, options, chaos, 1),
        },
    };
    let options = S::fitted(options, nodes, chaos);
    let members = S::membership(nodes, &options);
    let mut faults = streams.open(Purpose::Schedule);
    let mut profile = weather.profile(&mut faults, &members);
    profile.gap = profile.gap.start * rarer..profile.gap.end * rarer;
    let schedule = generate(&mut faults, &members, SimTime::START + chaos, &profile);
    Scenario {
        comment: String::new(),
        system: S::NAME.to_owned(),
        nodes,
        seed,
        expect: Expectation::Held,
        chaos,
        settle: S::settle(&options),
        faults: schedule,
        story: Vec::new(),
        scripted: None,
        links,
        sync,
        checkpoint_bytes,
        batch: draw_batch(&streams),
        options: toml::Table::try_from(options).expect("options of plain data are TOML"),
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// From a stream of its own, as the size is.
fn draw_batch(streams: &Streams) -> u64 {
    let mut draw = streams.keyed(Purpose::Configuration, BATCH, 0);
    *draw.pick(&[1, 1, 2, 8, 64])
}

fn draw_nodes(draw: &mut Draw) -> usize {
    *draw.weighted(&[(40, 3), (35, 5), (8, 4), (7, 7), (5, 2), (5, 1)])
}

/// Long enough for several incidents, and in some runs for those that last a minute.
fn draw_chaos(draw: &mut Draw, weather: &Weather) -> Duration {
    let lengths = [
        (7, (4_000, 16_000)),
        (2, (16_000, 40_000)),
        (1, (40_000, 100_000)),
    ];
    let (least, most) = *draw.weighted(&lengths);
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let range = match &weather.chaos {
        Some(range) => millis(range.start).max(1)..millis(range.end),
        None => least..most,
    };
    Duration::from_millis(draw.range_by_doublings(range))
}

fn draw_links(draw: &mut Draw) -> LinkQuality {
    let (millis, micros) = (Duration::from_millis, Duration::from_micros);
    let latency = draw
        .pick(&[
            micros(50)..micros(1000),
            millis(2)..millis(4),
            millis(2)..millis(27),
            millis(5)..millis(60),
        ])
        .clone();
    let share = |draw: &mut Draw, percents: &[u32]| PerMillion::percent(*draw.pick(percents));
    LinkQuality {
        latency,
        loss: share(draw, &[0, 0, 0, 1, 10]),
        duplicate: share(draw, &[0, 0, 1, 10]),
        reorder: share(draw, &[0, 0, 1, 10]),
        held_back: draw
            .pick(&[millis(20)..millis(100), millis(200)..millis(2400)])
            .clone(),
    }
}

fn draw_sync(draw: &mut Draw) -> std::ops::Range<Duration> {
    let micros = Duration::from_micros;
    // A disk that syncs at once has nothing to lose in a crash.
    draw.weighted(&[
        (2, Duration::ZERO..Duration::ZERO),
        (4, micros(100)..micros(2000)),
        (2, micros(2000)..micros(12_000)),
        (1, micros(5000)..micros(50_000)),
    ])
    .clone()
}
