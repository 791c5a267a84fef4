//! How much memory this process takes, where the system tells.

use std::fs;

/// The bytes that are resident now. `None` where the system does not tell.
#[must_use]
pub fn resident() -> Option<u64> {
    field("VmRSS:")
}

/// The most bytes that ever were resident. `None` where the system does not tell.
#[must_use]
pub fn peak() -> Option<u64> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}
