//! Tuning under which a group, a clerk or the controller could not work is refused, whichever
//! part of the node it is for.

use core::time::Duration;

use snowglobe_systems::process::Process;
use snowglobe_systems::replica;
use snowglobe_systems::service;
use snowglobe_systems::shardkv::{ClerkConfig, Config, Node, ServerConfig};

use crate::story::{G1, RULER};

fn asking() -> service::ClerkConfig {
    service::ClerkConfig::of([RULER])
}

fn server() -> ServerConfig {
    ServerConfig::of(G1, replica::Config::of(3), asking())
}

fn clerk() -> ClerkConfig {
    ClerkConfig::of(asking(), asking())
}

/// The sentence about a server that is sound but for one change.
fn refused_server(change: fn(&mut ServerConfig)) -> String {
    let mut server = server();
    change(&mut server);
    let error = Node::check(&Config::Server(server));
    error.expect_err("it makes no sense").to_string()
}

/// The sentence about a clerk that is sound but for one change.
fn refused_clerk(change: fn(&mut ClerkConfig)) -> String {
    let mut clerk = clerk();
    change(&mut clerk);
    let error = Node::check(&Config::Clerk(clerk));
    error.expect_err("it makes no sense").to_string()
}

#[test]
fn the_defaults_make_sense() {
    for config in [
        Config::Server(server()),
        Config::Clerk(clerk()),
        Config::Controller(service::Config::Server(replica::Config::of(3))),
        Config::Controller(service::Config::Clerk(asking())),
    ] {
        assert_eq!(Node::check(&config), Ok(()));
    }
}

#[test]
fn each_setting_that_makes_no_sense_is_named() {
    const ZERO: Duration = Duration::ZERO;
    let never_rests = "is 0, so that its timer fires for ever without time passing";
    let sentences = [
        (refused_server(|server| server.poll = ZERO..ZERO), "poll"),
        (
            refused_server(|server| server.hand_over = ZERO..ZERO),
            "hand_over",
        ),
        (refused_clerk(|clerk| clerk.rest = ZERO..ZERO), "rest"),
        (refused_clerk(|clerk| clerk.doubt = ZERO..ZERO), "doubt"),
        (refused_clerk(|clerk| clerk.group.idle = ZERO), "idle"),
    ];
    for (sentence, setting) in sentences {
        assert!(
            sentence.starts_with(&format!("{setting} {never_rests}")),
            "{sentence}"
        );
    }
}

#[test]
fn what_a_node_consists_of_is_looked_at_too() {
    let sentences = [
        refused_server(|server| server.controller.lanes = 0),
        refused_clerk(|clerk| clerk.controller.lanes = 0),
        refused_clerk(|clerk| clerk.group.lanes = 0),
    ];
    for sentence in sentences {
        assert!(sentence.starts_with("lanes is 0"), "{sentence}");
    }
    let sentence = refused_server(|server| server.replica.max_pending_entries = 0);
    assert!(
        sentence.starts_with("max_pending_entries is 0"),
        "{sentence}"
    );
    let nobody = Config::Controller(service::Config::Clerk(service::ClerkConfig::of([])));
    let error = Node::check(&nobody).expect_err("there is nobody to ask");
    assert_eq!(error.setting, "servers");
}
