//! The shipped specifications: what each accepts, and whether its claims are true.

mod claims;
mod sequences;
