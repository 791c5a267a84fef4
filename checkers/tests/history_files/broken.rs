//! Files that are no histories, or not quite.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use snowglobe_checkers::history::jepsen::{self, KeyIn, Layout, Looks};
use snowglobe_checkers::history::{Format, History, ReadError, Value, json_lines};
use snowglobe_checkers::linearizability::specifications::{
    RegisterInput, RegisterOutput, TextInput, TextOutput,
};

use crate::agreement::{as_calls, as_events, jepsen_log, logged, mapped, porcupine_log};
use crate::script::{events, followed, of_a_logged_store, of_a_register, of_a_store};

/// A file that somebody's editor, disk or network has been at.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Truncate(Index),
    /// Two bytes change places, which keeps them likely ones.
    Swap(Index, Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        match self {
            Self::Flip(place, bit) => bytes[place.index(length)] ^= 1 << (bit % 8),
            Self::Insert(place, byte) => bytes.insert(place.index(length), *byte),
            Self::Delete(place) => drop(bytes.remove(place.index(length))),
            Self::Truncate(place) => bytes.truncate(place.index(length)),
            Self::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
        }
    }
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let likely = select(b"\"\\{}[]()#;:,_ \t\r\n0179-.eEnN\xff\xc3\0".to_vec());
    let damage = prop_oneof![
        any::<(Index, u8)>().prop_map(|(place, bit)| Damage::Flip(place, bit)),
        (any::<Index>(), likely).prop_map(|(place, byte)| Damage::Insert(place, byte)),
        any::<Index>().prop_map(Damage::Delete),
        any::<Index>().prop_map(Damage::Truncate),
        any::<(Index, Index)>().prop_map(|(one, other)| Damage::Swap(one, other)),
    ];
    vec(damage, 1..4)
}

fn damaged(text: String, damage: &[Damage]) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    for damage in damage {
        damage.apply(&mut bytes);
    }
    bytes
}

/// What was read of bytes that may be anything: a history, or at which place
/// within them they are wrong.
fn is_fair<I: Debug, O: Debug>(
    bytes: &[u8],
    read: Result<History<I, O>, ReadError>,
) -> Result<(), TestCaseError> {
    match read {
        Ok(history) => prop_assert!(history.len() <= bytes.len()),
        Err(ReadError::Malformed(malformed)) => {
            let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
            prop_assert!(
                (1..=lines.len() as u64).contains(&malformed.line),
                "{malformed}"
            );
            let line = lines[malformed.line as usize - 1];
            let columns = 1..=line.len() as u64 + 1;
            prop_assert!(columns.contains(&malformed.column), "{malformed}");
            prop_assert!(!malformed.why.is_empty() && !malformed.why.contains('\n'));
        }
        Err(error @ ReadError::Io(_)) => prop_assert!(false, "memory can be read: {error}"),
    }
    Ok(())
}

type Keyed<I, O> = jepsen::Keyed<I, O>;

fn jepsen_as<W: jepsen::Workload>(
    workload: &W,
    layout: Layout,
    keys: KeyIn,
    bytes: &[u8],
) -> Result<Keyed<W::Input, W::Output>, ReadError> {
    jepsen::read(workload, layout, keys, bytes).map(|(history, _)| history)
}

fn with_every_reader(bytes: &[u8]) -> Result<(), TestCaseError> {
    let _ = Format::guess(bytes);
    is_fair(bytes, json_lines::read::<TextInput, TextOutput>(bytes))?;
    let register = json_lines::read::<RegisterInput<Value>, RegisterOutput<Value>>(bytes);
    is_fair(bytes, register)?;
    for layout in [Layout::Maps, Layout::Log] {
        let _ = Looks::at(bytes, layout).subject();
        for keys in [KeyIn::Field, KeyIn::Tuple] {
            is_fair(
                bytes,
                jepsen_as(&jepsen::Register::default(), layout, keys, bytes),
            )?;
            is_fair(
                bytes,
                jepsen_as(&jepsen::Store::default(), layout, keys, bytes),
            )?;
            is_fair(bytes, jepsen_as(&jepsen::Set, layout, keys, bytes))?;
            is_fair(bytes, jepsen_as(&jepsen::Counter, layout, keys, bytes))?;
            is_fair(bytes, jepsen_as(&jepsen::Mutex, layout, keys, bytes))?;
            is_fair(bytes, jepsen_as(&jepsen::Lock, layout, keys, bytes))?;
        }
    }
    Ok(())
}

/// Bytes of which readers know the meaning, in no order.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "INFO  jepsen.util - ",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "#",
        "#_",
        "#{",
        "\"",
        "\\",
        "\n",
        " ",
        "\t",
        ",",
        ";",
        ":process ",
        ":type ",
        ":f ",
        ":key ",
        ":value ",
        ":invoke",
        ":ok",
        ":fail",
        ":info",
        ":read",
        ":write",
        ":cas",
        ":get",
        ":put",
        ":append",
        ":nemesis",
        "nil",
        "0",
        "1",
        "-7",
        "1.5",
        "99999999999999999999",
        "\"client\":",
        "\"call\":",
        "\"return\":",
        "\"at\":",
        "\"key\":",
        "\"input\":",
        "\"output\":",
        "\"invoke\":",
        "\"answer\":",
        "\"failed\":true",
        "\"lost\":true",
        "\"get\"",
        "{\"put\":\"x\"}",
        "\"done\"",
        "\"\\u00",
        "ö",
        "{\"client\":0,",
        "{:process 0, :type :invoke, ",
        "0\t:invoke\t:read\tnil\n",
    ];
    let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
    vec(select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_a_history_or_wrong_somewhere(bytes in vec(any::<u8>(), 0..200)) {
        with_every_reader(&bytes)?;
    }

    #[test]
    fn any_words_are_a_history_or_wrong_somewhere(bytes in soup()) {
        with_every_reader(&bytes)?;
    }

    #[test]
    fn damaged_json_is_a_history_or_wrong_somewhere(turns in of_a_store(), damage in damage()) {
        let events = events(&turns);
        with_every_reader(&damaged(as_calls(&followed(&events)), &damage))?;
        with_every_reader(&damaged(as_events(&events), &damage))?;
    }

    #[test]
    fn a_damaged_log_of_a_register_is_a_history_or_wrong_somewhere(
        turns in of_a_register(),
        damage in damage(),
    ) {
        with_every_reader(&damaged(jepsen_log(&turns, logged), &damage))?;
        with_every_reader(&damaged(jepsen_log(&turns, mapped), &damage))?;
    }

    #[test]
    fn a_damaged_log_of_a_store_is_a_history_or_wrong_somewhere(
        turns in of_a_logged_store(),
        damage in damage(),
    ) {
        with_every_reader(&damaged(porcupine_log(&turns), &damage))?;
    }
}
