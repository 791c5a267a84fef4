//! Readers and writers of history files: what is written is read again, what is
//! broken is refused, and nothing panics.

mod agreement;
mod broken;
mod script;
