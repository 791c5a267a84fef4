//! Applications that come with it.

mod unruly;
mod useful;

pub use unruly::{BadRecords, Unruly};
pub use useful::{Grep, HostCount, InvertedIndex, Sort, WordCount};
