//! What clients ask, in words, and what those words mean.
//!
//! A schedule names each operation by its words. Both directions are here, side by side: what is
//! written down must be read as the same.

use std::fmt::Display;
use std::str::FromStr;

use snowglobe_systems::kv::{self, Get, Key, Value};
use snowglobe_systems::ledger::{Ledger, Record, Total};
use snowglobe_systems::process::NodeId;
use snowglobe_systems::raft::LogIndex;
use snowglobe_systems::replica::{Operation, Sequence, SessionId};
use snowglobe_systems::service;
use snowglobe_systems::shardctrler::{self, Command, GroupId, Number, Partitioner, Query, Shard};
use snowglobe_systems::vec_map::VecMap;
use snowglobe_systems::vec_set::VecSet;

/// A text as one word: in quotation marks, unless it reads as one anyway.
fn quoted(text: &str) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "._-:/#+".contains(it);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => serde_json::to_string(text).expect("a text is JSON"),
    }
}

/// The words of a line; one that begins with a quotation mark goes on to the next.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut rest, mut words) = (line, Vec::new());
    loop {
        let end = match rest.strip_prefix('"') {
            None => rest.find(' ').unwrap_or(rest.len()),
            Some(inside) => {
                let mut escaped = false;
                let closes = |(_, it): &(usize, char)| {
                    let is_end = *it == '"' && !escaped;
                    escaped = *it == '\\' && !escaped;
                    is_end
                };
                inside.char_indices().find(closes)?.0 + 2
            }
        };
        let (word, behind) = rest.split_at(end);
        words.push(match word.starts_with('"') {
            true => serde_json::from_str(word).ok()?,
            false => word.to_owned(),
        });
        match behind.strip_prefix(' ') {
            Some(more) => rest = more,
            None => return behind.is_empty().then_some(words),
        }
    }
}

/// A number behind the sign of its kind: the 3 of `sh3`.
fn signed<T: FromStr>(word: &str, sign: &str) -> Option<T> {
    word.strip_prefix(sign)?.parse().ok()
}

fn node(word: &str) -> Option<NodeId> {
    signed(word, "n").map(NodeId)
}

fn spaced(words: impl IntoIterator<Item: Display>) -> String {
    let words: Vec<String> = words.into_iter().map(|it| it.to_string()).collect();
    words.join(" ")
}

/// What is asked of a Raft cluster that keeps a ledger.
pub(super) fn of_ledger(operation: &Operation<Ledger>) -> String {
    match operation {
        Operation::OpenSession => "open a session".to_owned(),
        Operation::Read { query: Total } => "count".to_owned(),
        Operation::TransferLeadership { to } => transfer(*to),
        Operation::Write { session, command } => {
            let Record { value, padding } = command;
            let padded = match padding.len() {
                0 => String::new(),
                bytes => format!(" padded by {bytes}"),
            };
            let session = session.map_or_else(String::new, |(session, sequence)| {
                format!(" as {session} {sequence}")
            });
            format!("record {value}{padded}{session}")
        }
    }
}

/// The operation of such words.
pub(super) fn ledger(words: &str) -> Option<Operation<Ledger>> {
    let mut words = words.split(' ');
    let operation = match words.next()? {
        "count" => Operation::Read { query: Total },
        "open" => (words.by_ref().eq(["a", "session"])).then_some(Operation::OpenSession)?,
        "transfer" => Operation::TransferLeadership {
            to: transferred(&mut words)?,
        },
        "record" => {
            let value = words.next()?.parse().ok()?;
            let (mut bytes, mut session) = (0, None);
            while let Some(word) = words.next() {
                match (word, words.next()?) {
                    ("padded", "by") => bytes = words.next()?.parse().ok()?,
                    ("as", id) => {
                        let id = SessionId(LogIndex(signed(id, "s")?));
                        session = Some((id, Sequence(signed(words.next()?, "#")?)));
                    }
                    _ => return None,
                }
            }
            let command = Record::padded(value, bytes);
            Operation::Write { session, command }
        }
        _ => return None,
    };
    words.next().is_none().then_some(operation)
}

/// What is asked of a key/value store.
pub(super) fn of_store(operation: &kv::Operation) -> String {
    let text = |value: &Value| quoted(&value.0);
    match operation {
        kv::Operation::Read(Get { key }) => format!("get {}", quoted(&key.0)),
        kv::Operation::TransferLeadership { to } => transfer(*to),
        kv::Operation::Write(command) => {
            let key = quoted(&command.key().0);
            match command {
                kv::Command::Put { value, .. } => format!("put {key} {}", text(value)),
                kv::Command::Append { value, .. } => format!("append {key} {}", text(value)),
                kv::Command::Delete { .. } => format!("delete {key}"),
                kv::Command::Cas { from, to, .. } => {
                    format!("cas {key} {} {}", text(from), text(to))
                }
            }
        }
    }
}

/// The operation of such words.
pub(super) fn store(line: &str) -> Option<kv::Operation> {
    let words = words(line)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let write = |command| Some(kv::Operation::Write(command));
    let (key, value) = (|key| Key::from(key), |value| Value::from(value));
    match words[..] {
        ["get", of] => Some(kv::Operation::Read(Get { key: key(of) })),
        ["put", of, is] => write(kv::Command::Put {
            key: key(of),
            value: value(is),
        }),
        ["append", to, more] => write(kv::Command::Append {
            key: key(to),
            value: value(more),
        }),
        ["delete", of] => write(kv::Command::Delete { key: key(of) }),
        ["cas", of, from, to] => write(kv::Command::Cas {
            key: key(of),
            from: value(from),
            to: value(to),
        }),
        ["transfer", "to", to] => Some(kv::Operation::TransferLeadership { to: node(to)? }),
        _ => None,
    }
}

/// What is asked of a shard controller.
pub(super) fn of_controller(operation: &shardctrler::Operation) -> String {
    use service::Operation::{Read, TransferLeadership, Write};
    match operation {
        Read(Query { number: None }) => "look at the newest".to_owned(),
        Read(Query {
            number: Some(number),
        }) => format!("look at {number}"),
        TransferLeadership { to } => transfer(*to),
        Write(command) => match command {
            Command::Divide {
                shards,
                partitioner,
            } => match partitioner {
                Partitioner::Hash => format!("divide {shards}"),
                Partitioner::FirstByte => format!("divide {shards} by first byte"),
            },
            Command::Join { groups } => {
                let groups = groups.iter();
                let groups = groups.map(|(group, servers)| {
                    spaced(
                        [group.to_string()]
                            .into_iter()
                            .chain(servers.iter().map(NodeId::to_string)),
                    )
                });
                format!("join {}", groups.collect::<Vec<_>>().join(", "))
            }
            Command::Leave { groups } => format!("leave {}", spaced(groups.iter())),
            Command::Move { shard, to } => format!("move {shard} to {to}"),
        },
    }
}

/// The operation of such words.
pub(super) fn controller(words: &str) -> Option<shardctrler::Operation> {
    use service::Operation::{Read, TransferLeadership, Write};
    let (verb, rest) = words.split_once(' ')?;
    let group = |word: &str| signed(word, "g").map(GroupId);
    Some(match verb {
        "look" => Read(Query {
            number: match rest.strip_prefix("at ")? {
                "the newest" => None,
                number => Some(Number(signed(number, "v")?)),
            },
        }),
        "transfer" => {
            let mut rest = rest.split(' ');
            let to = transferred(&mut rest)?;
            rest.next().is_none().then_some(TransferLeadership { to })?
        }
        "divide" => {
            let (shards, partitioner) = match rest.strip_suffix(" by first byte") {
                Some(shards) => (shards, Partitioner::FirstByte),
                None => (rest, Partitioner::Hash),
            };
            let shards = shards.parse().ok()?;
            Write(Command::Divide {
                shards,
                partitioner,
            })
        }
        "join" => {
            let mut groups = VecMap::new();
            for words in rest.split(", ").filter(|words| !words.is_empty()) {
                let mut words = words.split(' ');
                let id = group(words.next()?)?;
                let servers: Option<Vec<NodeId>> = words.map(node).collect();
                groups.insert(id, servers?);
            }
            Write(Command::Join { groups })
        }
        "leave" => {
            let groups: Option<VecSet<GroupId>> = rest
                .split(' ')
                .filter(|word| !word.is_empty())
                .map(group)
                .collect();
            Write(Command::Leave { groups: groups? })
        }
        "move" => {
            let (shard, to) = rest.split_once(" to ")?;
            let (shard, to) = (Shard(signed(shard, "sh")?), group(to)?);
            Write(Command::Move { shard, to })
        }
        _ => return None,
    })
}

fn transfer(to: NodeId) -> String {
    format!("transfer to {to}")
}

/// The successor, behind the verb.
fn transferred<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<NodeId> {
    (words.next()? == "to").then_some(())?;
    node(words.next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_operation_is_read_as_the_same() {
        for words in [
            "count",
            "open a session",
            "record 7",
            "record 7 padded by 300",
            "record 7 as s12 #3",
            "record 7 padded by 300 as s12 #3",
            "transfer to n300",
        ] {
            assert_eq!(
                ledger(words).as_ref().map(of_ledger).as_deref(),
                Some(words)
            );
        }
        for words in [
            "get k1",
            "put k1 \"c2.5;\"",
            "put \"a key\" \"\"",
            "append k1 é",
            "append k1 \"u1.1 \"",
            "append k1 \"a \\\"b\\\\\"",
            "delete k1",
            "cas k1 \"\" a",
            "transfer to n2",
        ] {
            assert_eq!(store(words).as_ref().map(of_store).as_deref(), Some(words));
        }
        for words in [
            "look at the newest",
            "look at v3",
            "divide 4",
            "divide 4 by first byte",
            "join g1 n1 n2, g7",
            "join ",
            "leave g1 g2",
            "leave ",
            "move sh3 to g2",
            "transfer to n2",
        ] {
            let read = controller(words);
            assert_eq!(read.as_ref().map(of_controller).as_deref(), Some(words));
        }
    }

    #[test]
    fn what_means_nothing_is_not_read() {
        for words in [
            "",
            "count 3",
            "record",
            "record x",
            "record 1 as s1",
            "record 1 as 1 #1",
            "transfer n2",
            "open a door",
        ] {
            assert_eq!(ledger(words), None, "{words}");
        }
        for words in [
            "get",
            "get a b",
            "put a",
            "cas a b",
            "increase a",
            "delete a b",
            "put a \"b",
            "put a \"b\"c",
            "get \"\\x\"",
        ] {
            assert_eq!(store(words), None, "{words}");
        }
        for words in [
            "look",
            "look at 3",
            "join 1",
            "join g1 2",
            "leave 1",
            "move 1 to g2",
            "move sh1 g2",
            "divide",
        ] {
            assert_eq!(controller(words), None, "{words}");
        }
    }
}
