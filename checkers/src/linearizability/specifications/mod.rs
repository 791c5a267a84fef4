//! Objects that are often judged, each with what it accepts.

mod cas_register;
mod counter;
mod keyed;
mod lock;
mod queue;
mod queue_machine;
mod register;
mod set;
mod text;
mod text_machine;
mod text_reason;
mod versioned;

pub use cas_register::{CasInput, CasOutput, CasRegister};
pub use counter::{Counter, CounterInput, CounterOutput};
pub use keyed::{Keyed, KeyedInput};
pub use lock::{Lock, LockInput, LockOutput, LockState, Token};
pub use queue::{Queue, QueueInput, QueueOutput};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use set::{Set, SetInput, SetOutput};
pub use text::{KeyValue, Text, TextInput, TextOutput};
pub use versioned::{Versioned, VersionedInput, VersionedOutput, VersionedValue};
