//! One event of a log, whatever its operations are.

use super::super::ClientId;
use super::super::edn::{Form, Placed};
use super::super::malformed::Flaw;

/// One event of a client.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    /// Whose event it is.
    pub client: ClientId,
    /// Where its number stands.
    pub column: u64,
    /// Where in an operation's life it is.
    pub stage: Stage,
    /// `:f`: what is called, without what stands before a `/`.
    pub function: &'a str,
    /// Where that stands.
    pub function_column: u64,
    /// `:key`, if there is one.
    pub key: Option<Placed<'a>>,
    /// `:value`, if there is one.
    pub value: Option<Placed<'a>>,
}

/// Where in an operation's life an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is called.
    Invoke,
    /// It has happened.
    Ok,
    /// It has not happened, and never will.
    Fail,
    /// Nobody knows.
    Info,
}

/// What a form at the top of a log is.
#[derive(Clone, Debug)]
pub(super) enum Top<'a> {
    /// An event of a client.
    Event(Told<'a>),
    /// An event of a process with a name: of the one who breaks things.
    Nemesis,
    /// No event: what was tested, say, or what came of it.
    Other,
}

impl Stage {
    /// The stage that is named so.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "invoke" => Some(Self::Invoke),
            "ok" => Some(Self::Ok),
            "fail" => Some(Self::Fail),
            "info" => Some(Self::Info),
            _ => None,
        }
    }
}

impl Told<'_> {
    pub(super) fn flaw_of_function(&self, why: impl Into<String>) -> Flaw {
        Flaw::new(self.function_column, why)
    }
}

/// The name that a keyword or, in JSON, a text is; without the name space before it.
pub(super) fn name<'f>(form: &'f Form<'_>) -> Option<&'f str> {
    let name = match form {
        Form::Keyword(name) => name,
        Form::Text(name) => &**name,
        _ => return None,
    };
    Some(name.rsplit_once('/').map_or(name, |(_, name)| name))
}

/// What a form at the top is: an event is a map with a process, a type and an `:f`; a map with
/// none of them is something else; one with some of them is an event that is broken.
pub(super) fn top(placed: Placed<'_>) -> Result<Top<'_>, Flaw> {
    let column = placed.column;
    let Form::Map(entries) = placed.form else {
        let what = placed.form.canonical();
        let what: String = what.chars().take(30).collect();
        return Err(Flaw::new(
            column,
            format!(
                "`{}` is no event: an event is a map, as in {{:process 0, :type :invoke, ...}}; \
                 if this is a log with other lines in it, read it as one: --from jepsen-log",
                what.escape_debug()
            ),
        ));
    };
    let mut fields = Fields::default();
    for (key, value) in entries {
        fields.take(&key, value)?;
    }
    if fields.process.is_none() && fields.stage.is_none() && fields.function.is_none() {
        return Ok(Top::Other);
    }
    let lacks = |field: &str| Flaw::new(column, format!("this event has no {field}"));
    let process = fields.process.ok_or_else(|| lacks(":process"))?;
    let Some(client) = client_of(&process)? else {
        return Ok(Top::Nemesis);
    };
    let stage = fields.stage.ok_or_else(|| lacks(":type"))?;
    let Some(known) = name(&stage.form).and_then(Stage::named) else {
        return Err(stage.flaw("unknown :type: write one of :invoke, :ok, :fail and :info"));
    };
    let function = fields.function.ok_or_else(|| lacks(":f"))?;
    Ok(Top::Event(Told {
        client,
        column: process.column,
        stage: known,
        function_column: function.column,
        function: owned_name(function)?,
        key: fields.key,
        value: fields.value,
    }))
}

/// The name of what is called, as long as the text that it is from.
fn owned_name(function: Placed<'_>) -> Result<&str, Flaw> {
    let why = "what is called should be a keyword here, as in :read";
    let name = match function.form {
        Form::Keyword(name) => name,
        // No name of a function has an escape in it.
        Form::Text(std::borrow::Cow::Borrowed(name)) => name,
        _ => return Err(function.flaw(why)),
    };
    Ok(name.rsplit_once('/').map_or(name, |(_, name)| name))
}

/// The client that a process is; `None` for one with a name.
pub(super) fn client_of(process: &Placed<'_>) -> Result<Option<ClientId>, Flaw> {
    match &process.form {
        Form::Keyword(_) => Ok(None),
        Form::Text(name) if name.parse::<u64>().is_err() => Ok(None),
        Form::Integer(number) => u32::try_from(*number)
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

/// Entries that could name the object. What they mean nobody can know.
const LIKE_KEYS: [&str; 6] = ["k", "register", "object", "table", "queue", "lock"];

impl<'a> Fields<'a> {
    fn take(&mut self, key: &Placed<'a>, value: Placed<'a>) -> Result<(), Flaw> {
        let name = match &key.form {
            Form::Keyword(name) => *name,
            Form::Text(name) => name,
            _ => return Ok(()),
        };
        let field = match name {
            "process" => &mut self.process,
            "type" => &mut self.stage,
            "f" => &mut self.function,
            "key" => &mut self.key,
            "value" => &mut self.value,
            name if LIKE_KEYS.contains(&name) => {
                return Err(key.flaw(format!(
                    "does :{name} name the object of this call? If it does, write :key instead; \
                     if not, leave it out"
                )));
            }
            _ => return Ok(()),
        };
        if field.is_some() {
            return Err(key.flaw(format!("this map has :{name} twice")));
        }
        *field = Some(value);
        Ok(())
    }
}
