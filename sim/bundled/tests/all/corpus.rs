//! The corpus comes out as its files say.

use std::path::Path;
use std::time::Duration;

use snowglobe::campaign::corpus::{self, Checked};
use snowglobe::scenarios::file::Scenario;
use snowglobe::world::engine::Engine;
use snowglobe_bundled::SYSTEMS;

fn seeds() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../seeds"))
}

#[test]
fn every_stored_scenario_comes_out_as_it_says_on_both_engines() {
    let files = corpus::files(seeds()).expect("the corpus is there");
    assert!(files.len() >= 30, "only {} scenarios", files.len());
    for file in files {
        let [one, other] = [Engine::Madsim, Engine::Direct].map(|engine| {
            let checked = corpus::check(SYSTEMS, &file, engine, Duration::from_secs(300));
            match checked {
                Checked::AsExpected(report) => report.digest,
                otherwise => panic!("{}: {otherwise:#?}", file.display()),
            }
        });
        assert_eq!(one, other, "{}", file.display());
    }
}

#[test]
fn every_stored_scenario_says_why_it_exists() {
    for file in corpus::files(seeds()).expect("the corpus is there") {
        let scenario = Scenario::read(&file).expect("a scenario");
        assert!(
            scenario.comment.len() > 30,
            "{} has no comment on top",
            file.display()
        );
    }
}
