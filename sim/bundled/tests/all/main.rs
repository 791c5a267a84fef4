//! Everything that is tested over the bundled systems, in one binary: each binary of its own
//! would compile the engines for all of them once more.

mod around;
mod campaign;
mod canaries;
mod check;
mod cli;
#[cfg(unix)]
mod confirm;
mod corpus;
mod determinism;
mod frozen_world;
mod history;
mod incidents;
mod registered;
mod script;
mod scripted;
mod story;
mod timeless;
mod transcript;
mod two_engines;
