//! Leaving out of a list what is not needed.

use std::mem;

/// Leaves out of a list all that it can do without: halves first, then ever smaller pieces, and
/// at last single elements, until none can be missed. The end goes first, since what
/// happened late is more often needed by nothing.
///
/// `is_enough` says whether a shorter list still does what the whole one does; it is not asked
/// about the whole. What it gives back is taken for the list, since some of its elements may
/// make no sense without the others.
pub(super) fn thinned<T: Clone>(
    whole: Vec<T>,
    mut is_enough: impl FnMut(&[T]) -> Option<Vec<T>>,
) -> Vec<T> {
    let mut list = whole;
    let mut piece = list.len().div_ceil(2);
    while piece > 0 {
        let before = list.len();
        let mut end = list.len();
        while end > 0 {
            let start = end.saturating_sub(piece);
            let mut fewer = list.clone();
            fewer.drain(start..end);
            end = start;
            if let Some(enough) = is_enough(&fewer) {
                list = enough;
                end = end.min(list.len());
            }
        }
        // What was needed by something that is gone now may go as well.
        let again = piece == 1 && list.len() < before;
        if !again {
            piece = match piece {
                1 => 0,
                _ => piece.div_ceil(2),
            };
        }
    }
    mem::take(&mut list)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_remains_is_enough_and_nothing_of_it_can_be_missed(
            length in 0usize..60,
            needed in proptest::collection::btree_set(0usize..60, 0..8),
        ) {
            let whole: Vec<usize> = (0..length).collect();
            let needed: Vec<usize> = needed.into_iter().filter(|it| *it < length).collect();
            let mut asked = 0;
            let thin = thinned(whole, |list| {
                asked += 1;
                needed.iter().all(|it| list.contains(it)).then(|| list.to_vec())
            });
            prop_assert_eq!(thin, needed);
            prop_assert!(asked < 600, "{} asked", asked);
        }

        /// Where elements hang together, as an end on its beginning.
        #[test]
        fn what_makes_no_sense_alone_goes_with_what_it_needs(length in 2usize..40) {
            let whole: Vec<usize> = (0..length).collect();
            // An odd one makes no sense without the even one before it.
            let thin = thinned(whole, |list| {
                let sound = list.iter().filter(|it| *it % 2 == 0 || list.contains(&(*it - 1)));
                let sound: Vec<usize> = sound.copied().collect();
                sound.contains(&1).then_some(sound)
            });
            prop_assert_eq!(thin, vec![0, 1]);
        }
    }
}
