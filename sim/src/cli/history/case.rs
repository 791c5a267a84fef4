//! Reads a history of one specification, and judges it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use snowglobe_checkers::consistency::{ReadWrite, weakness};
use snowglobe_checkers::history::jepsen::Tally;
use snowglobe_checkers::history::{Format, History, Operation, ReadError};
use snowglobe_checkers::linearizability::{
    Budget, Certificate, Found, Options, Specification, Verdict, check, explain, partitions,
};

use super::super::Failed;
use super::judge::{Task, nothing};
use super::outcome::{Counts, Finding, Inconclusive, News, Outcome, Placed, ReadAs, Weak, Wrong};
use super::source::{Halt, Source, Start, estimate, unreadable};
use super::{Object, name_of};
use crate::campaign::stopwatch::Stopwatch;

/// A history of this object.
type Of<S> = History<<S as Specification>::Input, <S as Specification>::Output>;

/// Says how weak a history is.
type Weakness<S> = fn(&S, &Of<S>, &Budget<'_>) -> Weak;

/// A task, and the specification that it is about.
pub(super) struct Case<'a, S: Specification> {
    task: &'a Task,
    specification: S,
    read_as: ReadAs,
    /// For objects that have reads and writes.
    weakness: Option<Weakness<S>>,
    /// What the user may have forgotten to say.
    hint: Option<Hint<S>>,
    /// What speaks against how the file was read, if the user did not say so.
    doubt: Option<Hint<S>>,
}

/// A sentence on what may make an illegal history a legal one.
type Hint<S> = fn(&Of<S>) -> Option<String>;

impl<'a, S: Specification> Case<'a, S> {
    pub(super) fn new(task: &'a Task, specification: S, format: Format, object: Object) -> Self {
        Self {
            task,
            specification,
            read_as: ReadAs {
                format,
                object,
                was_found: task.object == Object::Auto,
                has_tuples: false,
                missing_is_empty: false,
            },
            weakness: None,
            hint: None,
            doubt: None,
        }
    }

    /// The keys are in the values.
    pub(super) fn with_tuples(mut self, tuples: bool) -> Self {
        self.read_as.has_tuples = tuples;
        self
    }

    /// A missing key is an empty text.
    pub(super) fn with_missing_as_empty(mut self) -> Self {
        self.read_as.missing_is_empty = true;
        self
    }

    /// Holds what the start of the file showed against the whole of it.
    pub(super) fn doubting(mut self, doubt: Hint<S>) -> Self {
        self.doubt = (self.task.reading.missing_is_empty.is_none()).then_some(doubt);
        self
    }

    /// Says more of an illegal history.
    pub(super) fn hinting(mut self, hint: Hint<S>) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl<S: ReadWrite<Key: Serialize>> Case<'_, S> {
    /// Other guarantees can be judged too.
    pub(super) fn of_memory(mut self) -> Self {
        self.weakness = Some(|specification, history, budget| {
            let weakness = weakness(specification, history, &a_glance(budget));
            Weak {
                data: serde_json::to_value(&weakness).unwrap_or_default(),
                words: weakness.words,
            }
        });
        self
    }
}

impl<S> Case<'_, S>
where
    S: Specification<Key: Send + Sync, Input: Sync, Output: Sync> + Sync,
{
    /// Does the whole task.
    pub(super) fn judge(
        &self,
        start: Start,
        read: impl FnOnce(Source) -> Result<(Of<S>, Tally), ReadError>,
    ) -> Result<Outcome, Failed> {
        let stopwatch = Stopwatch::start();
        let shared = &self.task.shared;
        let per_operation = size_of::<Operation<S::Input, S::Output>>();
        let source = start.into_source(shared, self.task.memory, per_operation);
        let (history, tally) = match read(source).map_err(|error| self.ending(error)) {
            Ok(read) => read,
            Err(Ending::TooLarge) => return Ok(self.too_large(None, stopwatch.elapsed())),
            Err(Ending::Failed(failed)) => return Err(failed),
        };
        if history.is_empty() {
            return Err(nothing(self.task));
        }
        if let Some(why) = self.doubt.and_then(|doubt| doubt(&history)) {
            let file = name_of(&self.task.file);
            return Err(Failed::tool(format!("{file}: {why}")));
        }
        let counts = self.count(&history, tally);
        let reading = stopwatch.elapsed();
        let bytes = shared.bytes.load(Ordering::Relaxed);
        let taken = estimate(bytes, history.len() as u64, per_operation as u64);
        let Some(rest) = self.task.memory.checked_sub(taken) else {
            return Ok(self.too_large(Some(counts), reading));
        };
        Ok(self.judge_history(&history, counts, reading, rest))
    }

    /// `rest` is what the history leaves of the memory.
    fn judge_history(
        &self,
        history: &Of<S>,
        counts: Counts,
        reading: Duration,
        rest: u64,
    ) -> Outcome {
        let shared = &self.task.shared;
        shared.begin_judging(counts);
        let stopwatch = Stopwatch::start();
        let account = |finding| Outcome {
            read_as: self.read_as,
            counts: Some(counts),
            reading,
            judging: stopwatch.elapsed(),
            finding,
        };
        // Told to stop before there was time for anything.
        if shared.stop.load(Ordering::Relaxed) {
            return account(Finding::Inconclusive(Inconclusive::NotBegun));
        }
        let options = self.options(counts, rest);
        let verdict = check(&self.specification, history, &options);
        let mut finding = self.finding(history, &verdict);
        if let (Verdict::Illegal(illegal), Finding::Illegal(wrong)) = (&verdict, &mut finding) {
            let verdict = account(Finding::Illegal(wrong.clone()));
            // Nobody listens any more after an interrupt.
            let _ = self.task.news.send(News::Verdict(verdict));
            self.say_more(history, &illegal.key, wrong, &options);
        }
        account(finding)
    }

    fn count(&self, history: &Of<S>, tally: Tally) -> Counts {
        let unanswered = |operation: &&Operation<_, _>| operation.returned.is_none();
        Counts {
            operations: history.len(),
            keys: partitions(&self.specification, history).len(),
            pending: history.operations().iter().filter(unanswered).count(),
            tally,
        }
    }

    /// Why nothing was read.
    fn ending(&self, error: ReadError) -> Ending {
        let file = &self.task.file;
        let malformed =
            |why: &dyn std::fmt::Display| Failed::tool(format!("{}: {why}", name_of(file)));
        Ending::Failed(match error {
            ReadError::Malformed(error) => malformed(&error),
            ReadError::Io(error) => match error.downcast::<Halt>() {
                Ok(Halt::TooLarge) => return Ending::TooLarge,
                Ok(halt @ Halt::EndlessLine { .. }) => malformed(&halt),
                Err(error) => unreadable(file, &error),
            },
        })
    }

    fn too_large(&self, counts: Option<Counts>, reading: Duration) -> Outcome {
        Outcome {
            read_as: self.read_as,
            counts,
            reading,
            judging: Duration::ZERO,
            finding: Finding::Inconclusive(Inconclusive::TooLarge),
        }
    }

    fn options(&self, counts: Counts, rest: u64) -> Options<'_> {
        // Each thread has but one key at a time.
        let threads = self.task.threads.min(counts.keys).max(1);
        let bytes = rest / threads as u64;
        Options {
            budget: Budget {
                bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
                stop: Some(&self.task.shared.stop),
                ..Budget::DEFAULT
            },
            threads,
            ..Options::default()
        }
    }

    /// The verdict in words, as far as it is known without searching on.
    fn finding(&self, history: &Of<S>, verdict: &Verdict<S::Key>) -> Finding {
        match verdict {
            Verdict::Linearizable(certificate) => Finding::Linearizable {
                order: (self.task.order).then(|| self.order(history, certificate)),
            },
            Verdict::Illegal(illegal) => Finding::Illegal(Box::new(Wrong {
                key: self.key(&illegal.key),
                operations: illegal.operations.len(),
                found: illegal.found,
                reason: self.reason(history, illegal.found),
                hint: self.hint.and_then(|hint| hint(history)),
                explanation: None,
                weakness: None,
            })),
            Verdict::Unknown(unknown) => Finding::Inconclusive(Inconclusive::Unknown {
                key: self.key(&unknown.key),
                operations: unknown.operations,
                until: unknown.until,
                ended: unknown.ended,
                nodes: unknown.nodes,
            }),
        }
    }

    fn say_more(&self, history: &Of<S>, key: &S::Key, wrong: &mut Wrong, options: &Options<'_>) {
        if self.task.explain {
            wrong.explanation = explain(&self.specification, history, key, options);
        }
        if let Some(explanation) = &mut wrong.explanation {
            explanation.key.clone_from(&wrong.key);
        }
        if self.task.weakness
            && let Some(weakness) = self.weakness
        {
            wrong.weakness = Some(weakness(
                &self.specification,
                history,
                &a_glance(&options.budget),
            ));
        }
    }

    /// What is known without searching on.
    fn reason(&self, history: &Of<S>, found: Found) -> String {
        match found {
            Found::AtOnce(index) => {
                let operation = history.operation(index);
                let words =
                    (self.specification).describe_operation(&operation.input, operation.output());
                let (client, called) = (operation.client, operation.called);
                format!(
                    "nothing can have given the answer of {words}, called by {client} at {called}"
                )
            }
            Found::ByOrder => {
                "what was answered says in which order operations happened, and that \
                               goes round in a circle"
                    .to_owned()
            }
            Found::ByZones => "values were seen in an order in which they cannot have been \
                               written"
                .to_owned(),
            Found::BySearch => "no order of its operations gives each the answer that it \
                                got"
            .to_owned(),
        }
    }

    fn order(&self, history: &Of<S>, certificate: &Certificate) -> Vec<Placed> {
        let placed = |index: &_| {
            let operation = history.operation(*index);
            let (input, output) = (&operation.input, operation.output());
            Placed {
                index: *index,
                client: operation.client,
                key: self.key(&self.specification.key(input)),
                words: self.specification.describe_operation(input, output),
            }
        };
        certificate.order.iter().map(placed).collect()
    }

    /// A key in words. A file that says nothing of keys has the empty one, of
    /// which there is nothing to say.
    fn key(&self, key: &S::Key) -> String {
        let words = self.specification.describe_key(key);
        if words == "\"\"" {
            String::new()
        } else {
            words
        }
    }
}

/// Why reading ended early.
enum Ending {
    Failed(Failed),
    TooLarge,
}

/// What a look at weaker guarantees may cost: sequential consistency is one
/// search over all keys, and rarely worth a long one.
fn a_glance<'a>(budget: &Budget<'a>) -> Budget<'a> {
    const NODES: u64 = 200_000;
    Budget {
        nodes: budget.nodes.min(NODES),
        ..*budget
    }
}
