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
fn every_stored_scenario_comes_out_as_it_says() {
    let files = corpus::files(seeds()).expect("the corpus is there");
    assert!(files.len() >= 30, "only {} scenarios", files.len());
    for file in files {
        let checked = corpus::check(SYSTEMS, &file, Engine::default(), Duration::from_secs(300));
        assert!(
            matches!(checked, Checked::AsExpected(_)),
            "{}: {checked:#?}",
            file.display()
        );
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
