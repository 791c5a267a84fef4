//! Objects that are often judged, each with what it accepts.

mod cas_register;
mod keyed;
mod register;
mod text;

pub use cas_register::{CasInput, CasOutput, CasRegister};
pub use keyed::{Keyed, KeyedInput};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use text::{KeyValue, Text, TextInput, TextOutput};
