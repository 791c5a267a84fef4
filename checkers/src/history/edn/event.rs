//! An event of a log, whatever its operations are.

use std::io::BufRead;

use super::super::events::{Event, Happening, Recording};
use super::super::lines::Lines;
use super::super::malformed::{Flaw, ReadError};
use super::super::{ClientId, History, Moment};
use super::{Form, Placed};

/// One event of a client.
pub(in super::super) struct EdnEvent<'a> {
    /// Whose event it is.
    pub(in super::super) client: ClientId,
    /// Where its number stands.
    pub(in super::super) column: u64,
    pub(in super::super) stage: Stage,
    /// `:f`: what is called.
    pub(in super::super) function: Placed<'a>,
    /// `:key`, if there is one.
    pub(in super::super) key: Option<Placed<'a>>,
    /// `:value`, if there is one.
    pub(in super::super) value: Option<Placed<'a>>,
}

/// Where in an operation's life an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Stage {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Stage {
    pub(in super::super) fn named(form: &Form<'_>) -> Option<Self> {
        match form {
            Form::Keyword("invoke") => Some(Self::Invoke),
            Form::Keyword("ok") => Some(Self::Ok),
            Form::Keyword("fail") => Some(Self::Fail),
            Form::Keyword("info") => Some(Self::Info),
            _ => None,
        }
    }
}

impl<'a> EdnEvent<'a> {
    /// The event that a map tells of; `None` if it is of no client, but of the
    /// one who breaks things: that one has a name instead of a number.
    pub(in super::super) fn of(map: Placed<'a>) -> Result<Option<Self>, Flaw> {
        let column = map.column;
        let Form::Map(entries) = map.form else {
            return Err(map.flaw("an event is a map, as in {:process 0, :type :invoke, ...}"));
        };
        let mut fields = Fields::default();
        for (key, value) in entries {
            fields.take(&key, value)?;
        }
        let lacks = |field: &str| Flaw::new(column, format!("this event has no {field}"));
        let process = fields.process.ok_or_else(|| lacks(":process"))?;
        let Some(client) = client_of(&process)? else {
            return Ok(None);
        };
        let stage = fields.stage.ok_or_else(|| lacks(":type"))?;
        let Some(known) = Stage::named(&stage.form) else {
            return Err(stage.flaw("unknown :type: write one of :invoke, :ok, :fail and :info"));
        };
        Ok(Some(Self {
            client,
            column: process.column,
            stage: known,
            function: fields.function.ok_or_else(|| lacks(":f"))?,
            key: fields.key,
            value: fields.value,
        }))
    }

    /// The call that this event should end is another one.
    pub(in super::super) fn ends_another_call(&self) -> Flaw {
        let client = self.client.0;
        let why = format!("this is not what client {client} called last, which is still open");
        self.function.flaw(why)
    }

    /// `:value`, where there must be one.
    pub(in super::super) fn value(&self) -> Result<&Placed<'a>, Flaw> {
        self.value
            .as_ref()
            .ok_or_else(|| self.function.flaw("this event has no :value"))
    }
}

/// The client that a process is; `None` for one with a name.
pub(in super::super) fn client_of(process: &Placed<'_>) -> Result<Option<ClientId>, Flaw> {
    match process.form {
        Form::Keyword(_) => Ok(None),
        Form::Integer(number) => u32::try_from(number)
            .map(|number| Some(ClientId(number)))
            .map_err(|_| process.flaw("processes are numbered from 0 to 2147483647")),
        _ => Err(process.flaw("the process should be a number here, counted from 0")),
    }
}

/// The entries that mean something. Logs have others, such as `:time`.
#[derive(Default)]
struct Fields<'a> {
    process: Option<Placed<'a>>,
    stage: Option<Placed<'a>>,
    function: Option<Placed<'a>>,
    key: Option<Placed<'a>>,
    value: Option<Placed<'a>>,
}

impl<'a> Fields<'a> {
    fn take(&mut self, key: &Placed<'a>, value: Placed<'a>) -> Result<(), Flaw> {
        let Form::Keyword(name) = key.form else {
            return Ok(());
        };
        let field = match name {
            "process" => &mut self.process,
            "type" => &mut self.stage,
            "f" => &mut self.function,
            "key" => &mut self.key,
            "value" => &mut self.value,
            _ => return Ok(()),
        };
        if field.is_some() {
            return Err(key.flaw(format!("this map has :{name} twice")));
        }
        *field = Some(value);
        Ok(())
    }
}

/// Reads a log of which each line is an event, or none (then `parse` gives
/// `None`). `meaning` says what an event is, given the call that is open.
pub(in super::super) fn read_log<Input, Output>(
    from: impl BufRead,
    parse: impl Fn(&str) -> Result<Option<EdnEvent<'_>>, Flaw>,
    meaning: impl Fn(&EdnEvent<'_>, Option<&Input>) -> Result<Happening<Input, Output>, Flaw>,
) -> Result<History<Input, Output>, ReadError> {
    let mut lines = Lines::new(from);
    let mut recording = Recording::new();
    let mut last = 1;
    while let Some((number, line)) = lines.next_line()? {
        last = number;
        let on_line = |flaw: Flaw| flaw.on(number);
        let Some(event) = parse(line).map_err(on_line)? else {
            continue;
        };
        let client = event.client;
        let what = meaning(&event, recording.open(client)).map_err(on_line)?;
        let at = Moment(number);
        recording
            .take(Event { client, at, what })
            .map_err(|why| Flaw::new(event.column, why).on(number))?;
    }
    Ok(recording
        .finish()
        .map_err(|error| Flaw::of_line(error.to_string()).on(last))?)
}
