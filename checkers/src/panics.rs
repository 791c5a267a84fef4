//! A panic inside a system is a finding, not the end of the tool.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Where the last panic of this thread happened, while a system runs on it.
    static GUARDED: RefCell<Guard> = const { RefCell::new(Guard { depth: 0, place: None }) };
}

struct Guard {
    depth: u32,
    place: Option<String>,
}

/// Runs code of a system; a panic comes back as its message and place.
///
/// # Errors
/// When the code panics.
pub fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    install_hook();
    GUARDED.with_borrow_mut(|guard| guard.depth += 1);
    let result = panic::catch_unwind(AssertUnwindSafe(code));
    let place = GUARDED.with_borrow_mut(|guard| {
        guard.depth -= 1;
        guard.place.take()
    });
    result.map_err(|payload| {
        let message = message_of(payload.as_ref());
        match place {
            Some(place) => format!("{message} ({place})"),
            None => message,
        }
    })
}

/// The words of a panic.
#[must_use]
pub fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without words".to_owned()
    }
}

/// Keeps the default hook from printing the panics that are caught and reported.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let guarded = GUARDED.with_borrow_mut(|guard| {
                if guard.depth == 0 {
                    return false;
                }
                guard.place = info
                    .location()
                    .map(|place| format!("{}:{}", place.file(), place.line()));
                true
            });
            if !guarded {
                default(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_comes_back_with_its_place() {
        let found = guarded(|| {
            let empty: [u8; 0] = [];
            assert!(!empty.is_empty(), "log index within the log");
        });
        let message = found.expect_err("the code panics");
        assert!(
            message.starts_with("log index within the log ("),
            "{message}"
        );
        assert!(message.contains("panics.rs:"), "{message}");
        assert_eq!(guarded(|| 7), Ok(7));
    }
}
