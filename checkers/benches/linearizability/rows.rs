//! The rows of the table.

use snowglobe_checkers::history::Value;
use snowglobe_checkers::history::jepsen::{self, FailedSwap, KeyIn, Layout};
use snowglobe_checkers::linearizability::specifications::{
    CasRegister, KeyValue, Keyed, KeyedInput, Register, RegisterInput, RegisterOutput, TextInput,
    TextOutput,
};

use crate::generate::{Shape, registers, spoil_last_read, texts, then};
use crate::{judge, listen};

/// A row: its name, and what prints it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) run: Box<dyn Fn(&str)>,
}

fn row(name: impl Into<String>, run: impl Fn(&str) + 'static) -> Row {
    Row {
        name: name.into(),
        run: Box::new(run),
    }
}

const NUMBERS: Keyed<u32, Register<u32>> = Keyed::new(Register { initial: 0 });

const fn shape(operations: u32, keys: u32, clients: u32) -> Shape {
    Shape {
        operations,
        keys,
        clients,
        one_pending_in: 0,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(recorded());
    rows.extend(append_mixes());
    rows.extend(put_get());
    rows.extend(single_registers());
    rows.extend(long_register());
    rows.extend(pending());
    rows.extend(while_they_grow());
    rows
}

fn count(operations: u32) -> String {
    match operations {
        1_000_000 => "1M".to_owned(),
        _ => format!("{}k", operations / 1000),
    }
}

fn append_mixes() -> Vec<Row> {
    [10_000, 100_000]
        .into_iter()
        .map(|operations| {
            let name = format!("append mix, {}, 10 keys, 50 clients", count(operations));
            row(name, move |name| {
                judge(
                    name,
                    &KeyValue::EMPTY,
                    &[texts(shape(operations, 10, 50), 1)],
                );
            })
        })
        .collect()
}

/// The same kinds of histories, judged while they grow.
fn while_they_grow() -> Vec<Row> {
    [(10, 5), (10, 10), (1, 3)]
        .into_iter()
        .flat_map(|(keys, clients)| {
            let kind = format!("10k, {keys} keys, {clients} clients");
            [
                row(format!("growing append mix, {kind}"), move |name| {
                    listen(
                        name,
                        &KeyValue::EMPTY,
                        texts(shape(10_000, keys, clients), 5),
                    );
                }),
                row(format!("growing put/get, {kind}"), move |name| {
                    listen(
                        name,
                        &NUMBERS,
                        registers(shape(10_000, keys, clients), None, 5),
                    );
                }),
            ]
        })
        .collect()
}

fn put_get() -> Vec<Row> {
    let sizes = [
        (10_000, 10, 5),
        (100_000, 10, 50),
        (1_000_000, 10, 50),
        (1_000_000, 1000, 50),
    ];
    let mut rows = Vec::new();
    for (operations, keys, clients) in sizes {
        let name = format!(
            "put/get, {}, {keys} keys, {clients} clients",
            count(operations)
        );
        rows.push(row(format!("{name}, unique"), move |name| {
            judge(
                name,
                &NUMBERS,
                &[registers(shape(operations, keys, clients), None, 2)],
            );
        }));
        rows.push(row(format!("{name}, 5 values"), move |name| {
            judge(
                name,
                &NUMBERS,
                &[registers(shape(operations, keys, clients), Some(5), 2)],
            );
        }));
        rows.push(row(format!("{name}, 1 spoilt"), move |name| {
            let history = registers(shape(operations, keys, clients), Some(5), 2);
            judge(name, &NUMBERS, &[spoil_last_read(&history, 99)]);
        }));
    }
    rows
}

fn single_registers() -> Vec<Row> {
    let mut rows = Vec::new();
    for clients in [10, 20, 30] {
        for operations in [300, 1000] {
            let name = format!("register, 5 values, {operations}, {clients} clients");
            rows.push(row(format!("{name}, valid"), move |name| {
                judge(
                    name,
                    &NUMBERS,
                    &[registers(shape(operations, 1, clients), Some(5), 3)],
                );
            }));
            rows.push(row(format!("{name}, stale"), move |name| {
                let history = registers(shape(operations, 1, clients), Some(5), 3);
                let one = |input, output| (KeyedInput { key: 0, input }, output);
                let last = [
                    one(RegisterInput::Write(1), RegisterOutput::Written),
                    one(RegisterInput::Read, RegisterOutput::Value(2)),
                ];
                judge(name, &NUMBERS, &[then(&history, last)]);
            }));
            rows.push(row(format!("{name}, hidden"), move |name| {
                // Two reads at the end, each of which might be right, but not both.
                let history = registers(shape(operations, 1, clients), Some(5), 3);
                let one = |input, output| (KeyedInput { key: 0, input }, output);
                let last = [
                    one(RegisterInput::Read, RegisterOutput::Value(1)),
                    one(RegisterInput::Read, RegisterOutput::Value(2)),
                ];
                judge(name, &NUMBERS, &[then(&history, last)]);
            }));
        }
    }
    rows
}

/// A hundred thousand operations on one key, with moments at which nothing is open, and a
/// violation at the end that no answer shows on its own.
fn long_register() -> Vec<Row> {
    [("valid", None), ("hidden", Some([1, 2]))]
        .into_iter()
        .map(|(kind, last)| {
            row(
                format!("register, 5 values, 100k, 3 clients, {kind}"),
                move |name| {
                    let history = registers(shape(100_000, 1, 3), Some(5), 3);
                    let read = |seen| {
                        let input = RegisterInput::Read;
                        (KeyedInput { key: 0, input }, RegisterOutput::Value(seen))
                    };
                    let last = last.into_iter().flatten().map(read);
                    judge(name, &NUMBERS, &[then(&history, last)]);
                },
            )
        })
        .collect()
}

/// The recorded histories, where they are.
fn recorded() -> Vec<Row> {
    let Some(folder) = std::env::var_os("SNOWGLOBE_HISTORIES").map(std::path::PathBuf::from) else {
        return Vec::new();
    };
    let logs = folder.clone();
    vec![
        row("recorded register logs, all", move |name| {
            let files = files(&logs.join("register"));
            let histories: Vec<_> = files
                .into_iter()
                .map(|file| {
                    let failed_swap = FailedSwap::NoMatch;
                    let log = jepsen::Register { failed_swap };
                    let read = jepsen::read(&log, Layout::Log, KeyIn::Field, file);
                    read.expect("a log").0
                })
                .collect();
            let initial = Value::Nothing;
            judge(name, &Keyed::new(CasRegister { initial }), &histories);
        }),
        row("recorded key/value logs, all", move |name| {
            let files = files(&folder.join("kv"));
            let histories: Vec<_> = files
                .into_iter()
                .map(|file| {
                    let log = jepsen::Store::default();
                    let read = jepsen::read(&log, Layout::Maps, KeyIn::Field, file);
                    read.expect("a log").0
                })
                .collect();
            judge(name, &KeyValue::EMPTY, &histories);
        }),
    ]
}

fn files(folder: &std::path::Path) -> Vec<std::io::BufReader<std::fs::File>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::io::BufReader::new(std::fs::File::open(path).expect("readable")))
        .collect()
}

fn pending() -> Vec<Row> {
    let mut rows = Vec::new();
    for pending in [1, 5, 10, 20, 40] {
        rows.push(row(
            format!("pending {pending}, appends, illegal"),
            move |name| {
                let history = texts(shape(200, 1, 10), 4);
                judge(
                    name,
                    &KeyValue::EMPTY,
                    &[with_pending_texts(&history, pending)],
                );
            },
        ));
        rows.push(row(
            format!("pending {pending}, writes, illegal"),
            move |name| {
                let history = registers(shape(200, 1, 10), Some(5), 4);
                judge(name, &NUMBERS, &[with_pending_writes(&history, pending)]);
            },
        ));
    }
    rows
}

fn with_pending_texts(history: &crate::generate::Texts, pending: u32) -> crate::generate::Texts {
    use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
    let key: std::sync::Arc<str> = "0".into();
    let get = |text: &str| {
        let input = KeyedInput {
            key: key.clone(),
            input: TextInput::Get,
        };
        (input, TextOutput::Value(text.into()))
    };
    let mut operations = history.operations().to_vec();
    for client in 0..pending {
        operations.push(Operation {
            client: ClientId(1_000_000 + client),
            called: Moment(u64::from(client)),
            input: KeyedInput {
                key: key.clone(),
                input: TextInput::Append(format!("p{client}").into()),
            },
            returned: None,
        });
    }
    let history = History::new(operations).expect("new clients");
    then(&history, [get("p0p1p2"), get("p2p1")])
}

fn with_pending_writes(
    history: &crate::generate::Registers,
    pending: u32,
) -> crate::generate::Registers {
    use snowglobe_checkers::history::{ClientId, History, Moment, Operation};
    let one = |input| KeyedInput { key: 0, input };
    let mut operations = history.operations().to_vec();
    for client in 0..pending {
        operations.push(Operation {
            client: ClientId(1_000_000 + client),
            called: Moment(u64::from(client)),
            input: one(RegisterInput::Write(1 + client % 5)),
            returned: None,
        });
    }
    let history = History::new(operations).expect("new clients");
    // More reads of one value after writes of another than there are writes to explain them.
    let last = (0..=pending).flat_map(|_| {
        [
            (one(RegisterInput::Write(7)), RegisterOutput::Written),
            (one(RegisterInput::Read), RegisterOutput::Value(1)),
        ]
    });
    then(&history, last)
}
