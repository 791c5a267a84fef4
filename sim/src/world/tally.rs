//! Counting marks, which are reached at every other step.

use super::Marks;

/// How often each mark was reached.
///
/// Marks are constants, so the address of their text tells them apart faster
/// than the text does. Should one have two addresses, its counts are added up
/// when they are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Vec<(&'static str, u64)>);

impl Tally {
    #[inline]
    pub(super) fn count(&mut self, mark: &'static str) {
        let same = |(known, _): &&mut (&'static str, u64)| std::ptr::eq(*known, mark);
        match self.0.iter_mut().find(same) {
            Some((_, count)) => *count += 1,
            None => self.0.push((mark, 1)),
        }
    }

    pub(super) fn marks(&self) -> Marks {
        let mut marks = Marks::new();
        for (mark, count) in &self.0 {
            *marks.entry(mark).or_default() += count;
        }
        marks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_at_two_places_are_one_mark() {
        let elsewhere: &'static str = Box::leak(String::from("raft.read").into_boxed_str());
        let mut tally = Tally::default();
        tally.count("raft.read");
        tally.count(elsewhere);
        tally.count("raft.vote");
        assert_eq!(
            tally.marks(),
            Marks::from([("raft.read", 2), ("raft.vote", 1)])
        );
    }
}
