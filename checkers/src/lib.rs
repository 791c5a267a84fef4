//! What "right" means: judges of what a simulated system did.
//!
//! [`history`] is who called what when, and what came back: the material of
//! every judge that looks at a system from outside.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod history;
