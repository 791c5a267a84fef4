//! Texts that are drawn: few words often, many seldom, and some addresses.

use std::sync::Arc;

use snowglobe_systems::mapreduce::{Split, cut};
use snowglobe_systems::process::NodeId;

use super::{MapReduceOptions, OTHERS, SOUGHT};
use snowglobe::draw::{Draw, Purpose, Streams};
use snowglobe::seed::Seed;

const BEGINNINGS: [&str; 12] = [
    "gl", "sn", "fr", "dr", "cr", "bl", "st", "wh", "tr", "pl", "sk", "m",
];
const ENDINGS: [&str; 14] = [
    "ow", "ost", "ift", "ake", "ide", "ush", "int", "eam", "ome", "ight", "all", "ore", "ün", "é",
];

/// The splits of a drawn corpus, with the workers that have a copy of each.
pub(super) fn splits(workers: usize, options: &MapReduceOptions) -> Arc<[Split]> {
    let mut draw = Streams::new(Seed(u64::from(options.corpus))).open(Purpose::Workload(0));
    let mut splits = Vec::new();
    for file in 0..options.files {
        let text = text(&mut draw, options.lines);
        splits.extend(cut(&format!("book{file}"), &text, options.split_bytes));
    }
    for split in &mut splits {
        let replicas = usize::from(options.replicas).min(workers);
        let hosts = draw.sample(replicas, workers);
        split.hosts = hosts
            .into_iter()
            .map(|it| NodeId::at(OTHERS + it))
            .collect();
    }
    splits.into()
}

fn text(draw: &mut Draw, lines: u32) -> String {
    let mut text = String::new();
    for _ in 0..lines {
        for _ in 0..draw.below(12) {
            let word = match draw.below(20) {
                0 => SOUGHT.to_owned(),
                1 => format!("https://{}.{}.org/{}", word(draw), word(draw), word(draw)),
                _ => word(draw),
            };
            text.push_str(&word);
            text.push(' ');
        }
        text.push('\n');
    }
    text
}

/// A word; some are drawn far more often than others.
fn word(draw: &mut Draw) -> String {
    let often = draw.below(3) > 0;
    let of = |draw: &mut Draw, all: usize| draw.index(if often { 3 } else { all });
    let (beginning, ending) = (of(draw, BEGINNINGS.len()), of(draw, ENDINGS.len()));
    format!("{}{}", BEGINNINGS[beginning], ENDINGS[ending])
}
