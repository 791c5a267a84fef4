//! What one user appended to a key of its own.

use std::sync::Arc;

/// Values in the order in which they were appended.
#[derive(Clone, Debug, Default)]
pub(super) struct Chain(Vec<(Arc<str>, bool)>);

impl Chain {
    /// This was appended.
    pub(super) fn certainly(&mut self, value: Arc<str>) {
        self.0.push((value, true));
    }

    /// This was appended, will yet be, or never.
    pub(super) fn perhaps(&mut self, value: Arc<str>) {
        self.0.push((value, false));
    }

    /// Whether a text holds what was appended for certain, each value once and
    /// in order, and besides at most once each what may have been.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let links: Vec<&str> = text.split_inclusive(' ').collect();
        let known = |link: &str| self.0.iter().position(|(value, _)| **value == *link);
        let mut certain = self.0.iter().filter(|(_, certain)| *certain);
        let mut perhaps = Vec::new();
        for link in links {
            match known(link).map(|place| &self.0[place]) {
                None => return Err(format!("nobody appended {link:?}")),
                Some((value, true)) => {
                    let next = certain.next().map(|(value, _)| value);
                    if next != Some(value) {
                        return Err(format!("{link:?} stands where {next:?} should"));
                    }
                }
                Some((_, false)) if perhaps.contains(&link) => {
                    return Err(format!("{link:?} stands there twice"));
                }
                Some((_, false)) => perhaps.push(link),
            }
        }
        match certain.next() {
            Some((value, _)) => Err(format!("{value:?} is missing")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Chain {
        let mut chain = Chain::default();
        chain.certainly("a ".into());
        chain.perhaps("b ".into());
        chain.certainly("c ".into());
        chain
    }

    #[test]
    fn what_is_certain_stands_once_and_in_order() {
        for whole in ["a c ", "a b c ", "b a c ", "a c b "] {
            assert_eq!(chain().check(whole), Ok(()), "{whole}");
        }
        for broken in ["", "a ", "c a ", "a a c ", "a b b c ", "a c d ", "a c c "] {
            assert!(chain().check(broken).is_err(), "{broken}");
        }
    }
}
