//! The store does what a plain map of texts would.

use proptest::prelude::*;
use snowglobe_systems::kv::{Answer, Command, Get, Key, Response, Store, Value};
use snowglobe_systems::raft::{Command as _, LogIndex};
use snowglobe_systems::replica::StateMachine;
use snowglobe_systems::vec_map::VecMap;

use crate::story::cases;

type Plain = VecMap<String, String>;

fn key() -> impl Strategy<Value = Key> {
    prop::sample::select(vec!["", "a", "b", "ab", "Ω"]).prop_map(Key::from)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        9 => prop::sample::select(vec!["", "a", "b", "ba", "über"]).prop_map(Value::from),
        1 => (1..300usize).prop_map(|length| Value::from("x".repeat(length).as_str())),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Command::Put { key, value }),
        (key(), value()).prop_map(|(key, value)| Command::Append { key, value }),
        key().prop_map(|key| Command::Delete { key }),
        (key(), value(), value()).prop_map(|(key, from, to)| Command::Cas { key, from, to }),
    ]
}

fn obey(plain: &mut Plain, command: &Command) -> Response {
    let key = command.key().0.to_string();
    match command {
        Command::Put { value, .. } => {
            plain.insert(key, value.0.to_string());
        }
        Command::Append { value, .. } => plain.entry(key).or_default().push_str(&value.0),
        Command::Delete { .. } => {
            plain.remove(&key);
        }
        Command::Cas { from, to, .. } => {
            if plain.get(&key).map_or("", String::as_str) != &*from.0 {
                return Response::Kept;
            }
            plain.insert(key, to.0.to_string());
            return Response::Swapped;
        }
    }
    Response::Done
}

fn store_of(pairs: impl Iterator<Item = (String, String)>) -> Store {
    let mut store = Store::default();
    for (key, value) in pairs {
        let (key, value) = (key.as_str().into(), value.as_str().into());
        store.apply(LogIndex(1), &Command::Put { key, value });
    }
    store
}

fn assert_same(store: &Store, plain: &Plain) {
    let pairs = |(key, value): (&Key, &str)| (key.0.to_string(), value.to_string());
    assert_eq!(store.iter().map(pairs).collect::<Plain>(), *plain);
    assert_eq!(store.len(), plain.len());
    assert_eq!(store.is_empty(), plain.is_empty());
    for name in ["", "a", "b", "ab", "Ω", "nobody wrote this"] {
        let expected = plain.get(name).map(|value| Value::from(value.as_str()));
        assert_eq!(store.query(&Get { key: name.into() }), Answer(expected));
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_store_is_a_map_of_texts(commands in prop::collection::vec(command(), 0..40)) {
        let (mut store, mut plain) = (Store::default(), Plain::new());
        for (command, index) in commands.iter().zip(1..) {
            let (before, digest) = (plain.clone(), store.digest());
            let response = store.apply(LogIndex(index), command);
            prop_assert_eq!(response, obey(&mut plain, command));
            prop_assert_eq!(store.digest() == digest, plain == before, "{:?}", command);
        }
        assert_same(&store, &plain);
    }

    /// However they came about: by other commands, in another order, or out of a snapshot.
    #[test]
    fn equal_stores_have_equal_digests(commands in prop::collection::vec(command(), 0..40)) {
        let (mut store, mut plain) = (Store::default(), Plain::new());
        for command in &commands {
            store.apply(LogIndex(1), command);
            obey(&mut plain, command);
        }
        let bytes = postcard::to_allocvec(&store).expect("encodes");
        let decoded: Store = postcard::from_bytes(&bytes).expect("decodes");
        let forwards = store_of(plain.clone().into_iter());
        let backwards = store_of(plain.into_iter().rev());
        for other in [decoded, forwards, backwards] {
            prop_assert_eq!(other.digest(), store.digest());
            prop_assert_eq!(&other, &store);
        }
    }

    /// Logs and messages are bounded by sizes, so a size must not be far below the truth.
    #[test]
    fn a_size_bounds_the_encoding(command in command()) {
        const LONGER_LENGTHS: usize = 2;
        let bytes = postcard::to_allocvec(&command).expect("encodes");
        prop_assert!(bytes.len() <= command.size() + LONGER_LENGTHS, "{:?}", command);
        prop_assert!(command.size() <= bytes.len() + 4, "{:?}", command);
        prop_assert_eq!(postcard::from_bytes(&bytes), Ok(command));
    }
}

#[test]
fn a_missing_value_is_empty_to_append_and_cas_but_not_to_get() {
    let mut store = Store::default();
    let key = || Key::from("k");
    let swap = Command::Cas {
        key: key(),
        from: "".into(),
        to: "".into(),
    };
    assert_eq!(store.query(&Get { key: key() }), Answer(None));
    assert_eq!(store.apply(LogIndex(1), &swap), Response::Swapped);
    assert_eq!(store.get(&key()), Some(""), "now it is there, and empty");
    store.apply(LogIndex(2), &Command::Delete { key: key() });
    assert!(store.is_empty());
    assert_eq!(store.digest(), Store::default().digest());
}

#[test]
fn a_key_and_its_value_trade_no_letters_unseen() {
    let one = store_of([("ab".into(), "c".into())].into_iter());
    let other = store_of([("a".into(), "bc".into())].into_iter());
    assert_ne!(one.digest(), other.digest());
}
