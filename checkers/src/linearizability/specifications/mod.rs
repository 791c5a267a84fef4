//! Objects that are often judged, each with what it accepts.

mod cas_register;
mod counter;
mod entry;
mod keyed;
mod lock;
mod mutex;
mod queue;
mod queue_machine;
mod queue_order;
mod register;
mod set;
mod set_order;
mod text;
mod text_machine;
mod text_reason;
mod versioned;

pub use cas_register::{CasInput, CasOutput, CasRegister};
pub use counter::{Counter, CounterInput, CounterOutput};
pub use entry::{Entries, Entry};
pub use keyed::{Keyed, KeyedInput};
pub use lock::{Lock, LockInput, LockOutput, LockState, Token};
pub use mutex::{Mutex, MutexInput, MutexOutput};
pub use queue::{Queue, QueueInput, QueueOutput};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use set::{Set, SetInput, SetOutput};
pub use text::{KeyValue, Text, TextInput, TextOutput};
pub use versioned::{Versioned, VersionedInput, VersionedOutput, VersionedValue};
