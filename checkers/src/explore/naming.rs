//! Which of several messages a step means.
//!
//! Who writes steps and who takes them must agree on this to the letter, so
//! both directions are here, side by side.

/// The place of the message that is meant: of those that begin with some words, the n-th
/// matching one (1-based). `all` are the words of what is in flight between the two nodes,
/// in the order of sending.
#[must_use]
pub fn place_of<'a>(
    words: &str,
    which: usize,
    all: impl IntoIterator<Item = &'a str>,
) -> Option<usize> {
    all.into_iter()
        .enumerate()
        .filter(|(_, message)| message.starts_with(words))
        .nth(which.checked_sub(1)?)
        .map(|(place, _)| place)
}

/// How to name the message at a place by all its words: the number that makes
/// [`place_of`] find it again.
///
/// # Panics
/// If there is no such place.
#[must_use]
pub fn which_of(place: usize, all: &[impl AsRef<str>]) -> usize {
    let words = all[place].as_ref();
    all[..=place]
        .iter()
        .filter(|message| message.as_ref().starts_with(words))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_found_again() {
        // The third begins the first, and the fourth reads the same as the second.
        let all = ["matched i10", "stale", "matched i1", "stale", "matched i1"];
        for place in 0..all.len() {
            let which = which_of(place, &all);
            assert_eq!(place_of(all[place], which, all), Some(place));
        }
        assert_eq!(which_of(2, &all), 2);
        assert_eq!(place_of("matched", 1, all), Some(0));
        assert_eq!(place_of("stale", 3, all), None);
        assert_eq!(place_of("stale", 0, all), None);
    }
}
