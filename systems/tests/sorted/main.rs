//! Maps and sets in a vector against those of the standard library.

mod map;
mod set;
