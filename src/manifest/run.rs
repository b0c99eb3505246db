//! `[run]`: how the process lives.

use std::{collections::BTreeMap, time::Duration};

use toml::de::{DeTable, DeValue};

use super::{
    change::{OnChange, OnLeaseLost},
    reader::{Reader, Text, duration},
};
use crate::{fault::Fault, signal::Signal};

/// `[run]`, with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) stop: Stop,
    pub(crate) handover: Handover,
    pub(crate) ready: Option<Ready>,
    /// Restarts are spread at random over this time.
    pub(crate) splay: Duration,
    pub(crate) budget: Budget,
    /// How long changes must be quiet before anything is done about them.
    pub(crate) debounce: Duration,
    pub(crate) on_change: Option<OnChange>,
    pub(crate) on_renew: OnChange,
    pub(crate) on_lease_lost: OnLeaseLost,
    /// What `on-change = "signal"` sends.
    pub(crate) signal: Signal,
    /// Signals that reach the child as other ones.
    pub(crate) rewrite: BTreeMap<Signal, Signal>,
    pub(crate) inherit: Inherit,
    pub(crate) strip: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) no_new_privileges: bool,
}

/// How the child is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) signal: Signal,
    /// How long it may take before `SIGKILL`. Where it is not said, sublet's own restarts use
    /// [`Stop::RESTART_TIMEOUT`] and an outside stop waits for ever.
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Handover {
    /// The old child is gone before the new one starts.
    #[default]
    Replace,
    /// The new child is ready before the old one is stopped.
    Overlap,
}

/// When a child counts as ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) probe: Probe,
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    Notify,
    Tcp(String),
    Http(String),
    After(Duration),
    Command(Vec<String>),
}

/// At most `restarts` in any `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) restarts: u32,
    pub(crate) window: Duration,
}

/// Which variables of the parent reach the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inherit {
    All,
    None,
    Only(Vec<String>),
}

impl Stop {
    pub(crate) const RESTART_TIMEOUT: Duration = Duration::from_secs(10);
}

impl Default for Run {
    fn default() -> Self {
        Self {
            stop: Stop { signal: Signal::TERM, timeout: None },
            handover: Handover::Replace,
            ready: None,
            splay: Duration::ZERO,
            budget: Budget { restarts: 5, window: Duration::from_secs(600) },
            debounce: Duration::from_secs(1),
            on_change: None,
            on_renew: OnChange::Nothing,
            on_lease_lost: OnLeaseLost::Stop,
            signal: Signal::HUP,
            rewrite: BTreeMap::new(),
            inherit: Inherit::All,
            strip: Vec::new(),
            user: None,
            group: None,
            no_new_privileges: false,
        }
    }
}

/// Reads the `[run]` table.
pub(super) fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Run {
    let default = Run::default();
    let plain = |text: Option<Text>| text.map(|text| text.value);
    Run {
        stop: reader.table(table, "stop").map_or(default.stop, |inner| Stop {
            signal: reader.signal(inner, "signal").unwrap_or(default.stop.signal),
            timeout: reader.duration(inner, "timeout"),
        }),
        handover: match reader.text(table, "handover") {
            Some(word) if word.value == "overlap" => Handover::Overlap,
            _ => Handover::Replace,
        },
        ready: read_ready(reader, table),
        splay: reader.duration(table, "splay").unwrap_or(default.splay),
        budget: read_budget(reader, table).unwrap_or(default.budget),
        debounce: reader.duration(table, "debounce").unwrap_or(default.debounce),
        on_change: OnChange::read(reader, table, "on-change"),
        on_renew: OnChange::read(reader, table, "on-renew").unwrap_or(default.on_renew),
        on_lease_lost: OnLeaseLost::read(reader, table).unwrap_or_default(),
        signal: reader.signal(table, "signal").unwrap_or(default.signal),
        rewrite: read_rewrite(reader, table),
        inherit: read_inherit(reader, table),
        strip: reader
            .texts(table, "strip")
            .map(|texts| texts.into_iter().map(|text| text.value).collect())
            .unwrap_or_default(),
        user: plain(reader.text(table, "user")),
        group: plain(reader.text(table, "group")),
        no_new_privileges: reader.bool(table, "no-new-privileges").unwrap_or(false),
    }
}

fn read_ready(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Ready> {
    const TIMEOUT: Duration = Duration::from_secs(30);
    let value = table.get("ready")?;
    let Some(inner) = value.get_ref().as_table() else {
        return Some(Ready { probe: Probe::Notify, timeout: TIMEOUT });
    };
    let timeout = reader.duration(inner, "timeout").unwrap_or(TIMEOUT);
    let plain = |text: Text| text.value;
    let probes = [
        reader.bool(inner, "notify").filter(|notify| *notify).map(|_| Probe::Notify),
        reader.text(inner, "tcp").map(plain).map(Probe::Tcp),
        reader.text(inner, "http").map(plain).map(Probe::Http),
        reader.duration(inner, "after").map(Probe::After),
        reader
            .texts(inner, "command")
            .map(|words| Probe::Command(words.into_iter().map(plain).collect())),
    ];
    let mut found = probes.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(probe), None) => Some(Ready { probe, timeout }),
        _ => {
            reader.faults.push(
                Fault::new(value.span(), "`run.ready` needs one way to tell that it is ready")
                    .help("write one of `notify`, `tcp`, `http`, `after`, `command`"),
            );
            None
        }
    }
}

fn read_budget(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Option<Budget> {
    let text = reader.text(table, "budget")?;
    reader.parse(&text, |text| {
        let fault = || {
            Fault::new(0..text.len(), format!("`{text}` is not a budget of restarts"))
                .help("write a number and a time, as in \"5/10m\"")
        };
        let (restarts, window) = text.split_once('/').ok_or_else(fault)?;
        Ok(Budget {
            restarts: restarts.trim().parse().map_err(|_| fault())?,
            window: duration(window.trim()).map_err(|_| fault())?,
        })
    })
}

fn read_rewrite(reader: &mut Reader<'_>, table: &DeTable<'_>) -> BTreeMap<Signal, Signal> {
    let mut rewrite = BTreeMap::new();
    for (from, to) in reader.table(table, "rewrite").into_iter().flatten() {
        let Some(value) = to.get_ref().as_str() else { continue };
        let from = Text { value: from.get_ref().to_string(), span: from.span() };
        let to = Text { value: value.to_owned(), span: to.span() };
        let from = reader.parse(&from, Signal::parse);
        if let (Some(from), Some(to)) = (from, reader.parse(&to, Signal::parse)) {
            rewrite.insert(from, to);
        }
    }
    rewrite
}

fn read_inherit(reader: &Reader<'_>, table: &DeTable<'_>) -> Inherit {
    match table.get("inherit").map(toml::Spanned::get_ref) {
        None | Some(DeValue::Boolean(true)) => Inherit::All,
        Some(DeValue::Boolean(false)) => Inherit::None,
        Some(_) => {
            let names = reader.texts(table, "inherit").unwrap_or_default();
            Inherit::Only(names.into_iter().map(|text| text.value).collect())
        }
    }
}
