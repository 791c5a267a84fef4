//! How large a world is, and how its nodes are tuned, as the command line says.

use snowglobe_checkers::explore::{Bounds, Workload};

/// The budgets. If any is given, one world is explored, and what is not given is
/// as in the scope of the system that is usual for it, or in the one that is named.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Bounds")]
pub(super) struct BoundArguments {
    /// The highest term that a node may reach; with --from, how many more than
    /// the highest that there is.
    #[arg(long)]
    terms: Option<u64>,
    /// How many clients there are, where they are nodes.
    #[arg(long)]
    clients: Option<u8>,
    /// How many operations clients ask for, all together.
    #[arg(long)]
    operations: Option<u8>,
    /// What clients ask for; not every system knows each of these.
    #[arg(long, value_parser = workload)]
    workload: Option<Workload>,
    /// How many timeouts expire: timers that mean that something did not come in time.
    #[arg(long)]
    timeouts: Option<u8>,
    /// How often timers fire that mean that time has passed, as heartbeats do.
    #[arg(long)]
    beats: Option<u8>,
    /// How often nodes crash, between steps or between two effects of one.
    #[arg(long)]
    crashes: Option<u8>,
    /// How often a message arrives and stays under way.
    #[arg(long)]
    duplicates: Option<u8>,
    /// How often two nodes lose sight of each other; what is under way is lost, or
    /// held until they see each other again.
    #[arg(long)]
    cuts: Option<u8>,
    /// What a node sends is lost when so many messages are under way; with
    /// --from, so many more than there are.
    #[arg(long)]
    messages: Option<u8>,
    /// After how many applied entries a node takes a snapshot; 0 for never.
    #[arg(long)]
    snapshot_after: Option<u8>,
    /// Messages between two nodes arrive in the order in which they were sent.
    #[arg(long)]
    in_order: bool,
}

fn workload(name: &str) -> Result<Workload, String> {
    let mut all = Workload::ALL.into_iter();
    let names = || Workload::ALL.map(Workload::name).join(", ");
    all.find(|workload| workload.name() == name)
        .ok_or_else(|| format!("there are {}", names()))
}

/// An option as it stands in a scenario file; what is no number and no truth
/// value is a text without its quotes.
pub(super) fn named_value(text: &str) -> Result<(String, toml::Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it as NAME=VALUE, as in snapshot_chunk_bytes=64")?;
    let value = value.parse::<toml::Value>();
    let text = || toml::Value::String(text[name.len() + 1..].to_owned());
    Ok((name.to_owned(), value.unwrap_or_else(|_| text())))
}

impl BoundArguments {
    pub(super) fn are_given(&self) -> bool {
        let bytes = [
            self.clients,
            self.operations,
            self.timeouts,
            self.beats,
            self.crashes,
            self.duplicates,
            self.cuts,
            self.messages,
            self.snapshot_after,
        ];
        self.terms.is_some()
            || self.in_order
            || self.workload.is_some()
            || bytes.iter().any(Option::is_some)
    }

    pub(super) fn within(&self, default: Bounds) -> Bounds {
        Bounds {
            terms: self.terms.unwrap_or(default.terms),
            clients: self.clients.unwrap_or(default.clients),
            operations: self.operations.unwrap_or(default.operations),
            workload: self.workload.unwrap_or(default.workload),
            timeouts: self.timeouts.unwrap_or(default.timeouts),
            beats: self.beats.unwrap_or(default.beats),
            crashes: self.crashes.unwrap_or(default.crashes),
            duplicates: self.duplicates.unwrap_or(default.duplicates),
            cuts: self.cuts.unwrap_or(default.cuts),
            messages: self.messages.unwrap_or(default.messages),
            snapshot_after: self.snapshot_after.unwrap_or(default.snapshot_after),
            in_order: self.in_order || default.in_order,
        }
    }
}
