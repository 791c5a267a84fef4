//! What the answers of a ledger must add up to.
//!
//! Every append carries a value that no other append carries, and is answered
//! with its position. So real time shows in positions: who was answered before
//! another asked has the smaller one. That is linearizability for an
//! append-only ledger, at the cost of a comparison per answer.

use std::collections::BTreeMap;

use snowglobe_systems::invariants::Violation;

/// Collects the answers that clients got.
#[derive(Clone, Debug, Default)]
pub(super) struct Oracle {
    /// The highest position or count that any client was told of. Whoever asks
    /// later must see at least this much.
    floor: u64,
    /// Which value stands at a position, as far as clients know.
    values: BTreeMap<u64, u64>,
    /// Where a value stands, as far as clients know.
    positions: BTreeMap<u64, u64>,
    /// The digest of the ledger by its length, as readers saw it.
    digests: BTreeMap<u64, u64>,
    /// Appends whose fate nobody was told.
    open: u64,
}

impl Oracle {
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    /// An append was given up: it may have happened, or not.
    pub(super) fn left_open(&mut self) {
        self.open += 1;
    }

    /// What became of an append that was left open is known now.
    pub(super) fn closed(&mut self) {
        self.open -= 1;
    }

    /// An append was answered with its position; `floor` is what was known when it was first asked.
    pub(super) fn appended(
        &mut self,
        value: u64,
        position: u64,
        floor: u64,
    ) -> Result<(), Violation> {
        if position <= floor {
            return Err(violation(
                "real-time-order",
                format!("value {value}, first asked when {floor} values were known, behind them"),
                format!("it stands at position {position}"),
            ));
        }
        if let Some(other) = self.values.insert(position, value)
            && other != value
        {
            return Err(violation(
                "exactly-once",
                format!("one value at position {position}"),
                format!("both {other} and {value} were acknowledged there"),
            ));
        }
        if let Some(other) = self.positions.insert(value, position)
            && other != position
        {
            return Err(violation(
                "exactly-once",
                format!("value {value} once"),
                format!("it was acknowledged at positions {other} and {position}"),
            ));
        }
        self.floor = self.floor.max(position);
        Ok(())
    }

    /// A read was answered; `floor` is what was known when it was asked.
    pub(super) fn read(&mut self, count: u64, digest: u64, floor: u64) -> Result<(), Violation> {
        if count < floor {
            return Err(violation(
                "stale-read",
                format!("a read that sees the {floor} values known when it was asked"),
                format!("it saw {count}"),
            ));
        }
        if let Some(other) = self.digests.insert(count, digest)
            && other != digest
        {
            return Err(violation(
                "one-history",
                format!("one ledger of {count} values"),
                format!("readers saw two, with digests {other:016x} and {digest:016x}"),
            ));
        }
        self.floor = self.floor.max(count);
        Ok(())
    }

    /// Everybody has finished, and the last thing everybody did was to read:
    /// the ledger holds what was acknowledged, and at most what was left open.
    pub(super) fn adds_up(&self) -> Result<(), Violation> {
        let acknowledged = self.positions.len() as u64;
        let most = acknowledged + self.open;
        if (acknowledged..=most).contains(&self.floor) {
            return Ok(());
        }
        Err(violation(
            "exactly-once",
            format!(
                "{acknowledged} acknowledged values and at most {} of unknown fate",
                self.open
            ),
            format!("a ledger of {} values", self.floor),
        ))
    }
}

fn violation(property: &'static str, expected: String, found: String) -> Violation {
    Violation::new(property, [], expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_must_see_what_was_known() {
        let mut oracle = Oracle::default();
        oracle.appended(7, 1, 0).expect("the first value");
        assert_eq!(oracle.floor(), 1);
        let stale = oracle.read(0, 0, 1).expect_err("it misses value 7");
        assert_eq!(stale.property, "stale-read");
        oracle.read(1, 5, 1).expect("it sees value 7");
        let split = oracle.read(1, 6, 0).expect_err("another ledger");
        assert_eq!(split.property, "one-history");
    }

    #[test]
    fn a_value_stands_once() {
        let mut oracle = Oracle::default();
        oracle.appended(7, 1, 0).expect("the first value");
        oracle.appended(7, 1, 0).expect("the same answer again");
        assert!(oracle.appended(7, 2, 0).is_err());
        let mut oracle = Oracle::default();
        oracle.appended(7, 1, 0).expect("the first value");
        oracle.read(2, 9, 0).expect("somebody appended");
        assert!(oracle.adds_up().is_err(), "nobody else did");
        oracle.left_open();
        oracle.adds_up().expect("the open one did");
    }

    #[test]
    fn a_value_stands_behind_all_that_was_known_and_at_a_place_of_its_own() {
        let mut oracle = Oracle::default();
        oracle.appended(7, 1, 0).expect("the first value");
        let early = oracle.appended(8, 1, 1).expect_err("it was asked later");
        assert_eq!(early.property, "real-time-order");
        let shared = oracle.appended(9, 1, 0).expect_err("7 stands there");
        assert_eq!(shared.property, "exactly-once");
    }

    #[test]
    fn what_was_acknowledged_is_there_at_the_end() {
        let mut oracle = Oracle::default();
        oracle.appended(7, 1, 0).expect("the first value");
        assert_eq!(oracle.adds_up(), Ok(()));
        // Two were acknowledged at places of their own, and the ledger has one.
        oracle.positions.insert(8, 1);
        let lost = oracle.adds_up().expect_err("one is missing");
        assert_eq!(lost.property, "exactly-once");
    }
}
