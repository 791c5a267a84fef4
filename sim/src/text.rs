//! How this program names itself, and how it writes numbers.

use std::path::Path;
use std::sync::OnceLock;

/// What this program is called on a command line.
#[must_use]
pub fn program() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let own = std::env::current_exe().ok();
        let name = own.as_deref().and_then(Path::file_stem);
        let name = name.map(|name| name.to_string_lossy().into_owned());
        name.unwrap_or_else(|| "snowglobe".to_owned())
    })
}

/// A number with thin groups of three, as in `12 408`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// So many things: `1 run`, `2 runs`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_from_the_right() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1 000"),
            (1_234_567, "1 234 567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
