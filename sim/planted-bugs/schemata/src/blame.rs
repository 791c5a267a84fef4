//! Finds out from what the compiler says which changes do not compile.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::planting::Region;

/// The changes that the compiler's messages, one in a line of JSON, complain of.
///
/// # Errors
/// The first error that no change explains.
pub fn culprits<'a>(
    messages: &str,
    regions_of: impl Fn(&str) -> Option<&'a [Region]>,
) -> Result<BTreeSet<usize>, String> {
    let mut found = BTreeSet::new();
    for line in messages.lines() {
        let Ok(report) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let message = &report["message"];
        // What only sums up others has no place.
        if message["level"] != "error" || message["spans"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        let blamed = blamed(message, &regions_of);
        if blamed.is_empty() {
            return Err(message["rendered"].to_string());
        }
        found.extend(blamed);
    }
    Ok(found)
}

/// The error itself is more telling than the other places that it names: where a function has
/// two types, the error is at one and a label at the other.
fn blamed<'a>(message: &Value, regions_of: &impl Fn(&str) -> Option<&'a [Region]>) -> Vec<usize> {
    let mut spans = Vec::new();
    all_spans(message, &mut spans);
    spans.sort_by_key(|span| span["is_primary"] != true);
    let innermost = |span: &&Value| {
        let file = span["file_name"].as_str()?;
        let at = usize::try_from(span["byte_start"].as_u64()?).ok()?;
        let around = regions_of(file)?.iter();
        let around = around.filter(|(range, _)| range.contains(&at));
        around.min_by_key(|(range, _)| range.len())
    };
    let region = spans.iter().find_map(innermost);
    region.map_or_else(Vec::new, |(_, mutants)| mutants.clone())
}

/// The places that a message and its notes name.
fn all_spans<'a>(message: &'a Value, spans: &mut Vec<&'a Value>) {
    spans.extend(message["spans"].as_array().into_iter().flatten());
    for note in message["children"].as_array().into_iter().flatten() {
        all_spans(note, spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_at(places: &str) -> String {
        format!(r#"{{"message":{{"level":"error","spans":[{places}],"rendered":"oh"}}}}"#)
    }

    fn asked(message: &str) -> Result<Vec<usize>, String> {
        let regions = [(0..100, vec![1, 2]), (10..20, vec![1]), (30..40, vec![2])];
        let found = culprits(message, |file| (file == "a.rs").then_some(&regions[..]))?;
        Ok(found.into_iter().collect())
    }

    #[test]
    fn the_innermost_change_is_blamed_and_the_whole_choice_otherwise() {
        let within = r#"{"file_name":"a.rs","byte_start":12,"is_primary":true}"#;
        assert_eq!(asked(&error_at(within)), Ok(vec![1]));
        let between = r#"{"file_name":"a.rs","byte_start":50,"is_primary":true}"#;
        assert_eq!(asked(&error_at(between)), Ok(vec![1, 2]));
    }

    #[test]
    fn a_label_is_asked_where_the_error_itself_tells_nothing() {
        let places = r#"{"file_name":"a.rs","byte_start":32,"is_primary":false},
            {"file_name":"a.rs","byte_start":500,"is_primary":true}"#
            .replace('\n', "");
        assert_eq!(asked(&error_at(&places)), Ok(vec![2]));
    }

    #[test]
    fn an_error_that_no_change_explains_is_not_passed_over() {
        let elsewhere = r#"{"file_name":"b.rs","byte_start":12,"is_primary":true}"#;
        assert!(asked(&error_at(elsewhere)).is_err());
    }
}
