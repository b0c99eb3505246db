//! Every key of `sublet.toml`.

use super::spec::{Key, Kind, Spec, key};

const fn table(keys: &'static [Key]) -> Spec {
    Spec { keys, rest: None }
}

const fn map(rest: &'static Kind) -> Spec {
    Spec { keys: &[], rest: Some(rest) }
}

pub(crate) static MANIFEST: Spec = table(&[
    key("env", Kind::Table(&ENV), "The variables that the process needs, for all profiles."),
    key("files", Kind::Table(&FILES), "Secrets that are delivered as files, by relative path."),
    key("secrets", Kind::Table(&SECRETS), "Secrets of every profile that does not say otherwise."),
    key("profiles", Kind::Table(&PROFILES), "Where the process runs, and what differs there."),
    key("sources", Kind::Table(&SOURCES), "Settings of sources that differ from the defaults."),
    key("run", Kind::Table(&RUN), "How the process lives."),
    key("listen", Kind::List(&Kind::Table(&LISTEN)), "Sockets held across generations."),
]);

static ENV: Spec = map(&Kind::Either(&[Kind::Scalar, Kind::Table(&VARIABLE)]));

static VARIABLE: Spec = table(&[
    key("value", Kind::Scalar, "A literal or a template."),
    key("required", Kind::Bool, "Whether a missing value stops before the start.").or("true"),
    key("default", Kind::Scalar, "A literal or template for when the value is missing."),
    key("description", Kind::Text, "What it is for, shown where it is missing."),
]);

static FILES: Spec = map(&Kind::Table(&FILE));

static FILE: Spec = table(&[
    key("content", Kind::Text, "A literal or a template."),
    key("env", Kind::Text, "The variable that tells the process the file's path."),
    key("mode", Kind::Text, "Permissions, in octal.").or("\"0400\""),
    key("required", Kind::Bool, "Whether a missing value stops before the start.").or("true"),
    key("on-change", ON_CHANGE, "What the process sees of a change.").or("\"signal\""),
    key("description", Kind::Text, "What it is for, shown where it is missing."),
]);

static SECRETS: Spec = map(&Kind::Either(&[Kind::Text, Kind::Table(&SECRET)]));

pub(super) static SECRET: Spec = Spec {
    keys: &[
        key("ref", Kind::Text, "The reference."),
        key("fields", Kind::Table(&FIELDS), "Fields by name, each a reference."),
        key("default", Kind::Text, "The value when the source has none."),
        key("required", Kind::Bool, "Whether a missing value stops before the start.").or("true"),
        key("watch", WATCH, "How often to look for a change."),
        key("on-change", ON_CHANGE, "What the process sees of a change."),
        key("on-renew", ON_CHANGE, "What it sees of a renewal.").or("\"none\""),
        key("on-lease-lost", LEASE_LOST, "What follows a lease that could not be replaced."),
        key("description", Kind::Text, "What it is for, shown where it is missing."),
    ],
    rest: Some(&Kind::Text),
};

static FIELDS: Spec = map(&Kind::Text);

static PROFILES: Spec = map(&Kind::Table(&PROFILE));

static PROFILE: Spec = table(&[
    key("extends", TEXT_OR_LIST, "The profiles that this one starts from; later ones win."),
    key("dotenv", DOTENV, "`.env` files beside the manifest, later ones winning; or `false`."),
    key("allow-dotenv", Kind::Bool, "Allows `.env` sources in staging or production.").or("false"),
    key("watch", WATCH, "How often to look for changes in this profile's secrets."),
    key("env", Kind::Table(&ENV), "Variables of this profile; they win over its `.env` files."),
    key("secrets", Kind::Table(&SECRETS), "Secrets of this profile."),
]);

static SOURCES: Spec = map(&Kind::Source);

static RUN: Spec = table(&[
    key("stop", Kind::Table(&STOP), "How the process is told to stop."),
    key("handover", Kind::Words(&HANDOVERS), "How a new generation replaces the old.")
        .or("\"replace\""),
    key("ready", READY, "When the process counts as ready."),
    key("splay", Kind::Text, "Restarts are spread at random over this time.").or("\"0s\""),
    key("budget", Kind::Text, "How many restarts are allowed in which time.").or("\"5/10m\""),
    key("debounce", Kind::Text, "How long changes must be quiet first.").or("\"1s\""),
    key("on-change", ON_CHANGE, "What the process sees of a change of any secret."),
    key("on-renew", ON_CHANGE, "What it sees of a renewal.").or("\"none\""),
    key("on-lease-lost", LEASE_LOST, "What follows a lease that could not be replaced.")
        .or("\"stop\""),
    key("signal", Kind::Text, "The signal that `on-change = \"signal\"` sends.").or("\"SIGHUP\""),
    key("rewrite", Kind::Table(&REWRITE), "Signals that reach the process as other ones."),
    key("inherit", INHERIT, "Which variables of the parent are passed on.").or("true"),
    key("strip", Kind::List(&Kind::Text), "Variables of the parent that are not passed on."),
    key("user", Kind::Text, "The user that the process runs as."),
    key("group", Kind::Text, "The group that the process runs as."),
    key("no-new-privileges", Kind::Bool, "Sets `no_new_privs` on the process.").or("false"),
]);

static STOP: Spec = table(&[
    key("signal", Kind::Text, "The signal that asks it to stop.").or("\"SIGTERM\""),
    key("timeout", Kind::Text, "How long it may take before `SIGKILL`."),
]);

static REWRITE: Spec = map(&Kind::Text);

static READY_TABLE: Spec = table(&[
    key("notify", Kind::Bool, "It says so itself, by `sd_notify`."),
    key("tcp", Kind::Text, "An address that accepts connections."),
    key("http", Kind::Text, "A URL that answers with a status below 400."),
    key("after", Kind::Text, "A time after its start."),
    key("command", COMMAND_LINE, "A command that succeeds."),
    key("timeout", Kind::Text, "How long it may take.").or("\"30s\""),
]);

static LISTEN: Spec = table(&[
    key("name", Kind::Text, "Its name in `LISTEN_FDNAMES`."),
    key("address", Kind::Text, "`0.0.0.0:8080`, `[::]:8080` or `unix:/run/app.sock`."),
    key("type", Kind::Words(&["stream", "datagram"]), "What kind of socket.").or("\"stream\""),
    key("backlog", Kind::Integer, "Connections that may wait.").or("4096"),
    key("reuse-port", Kind::Bool, "Sets `SO_REUSEPORT`.").or("false"),
    key("mode", Kind::Text, "Permissions of a unix socket, in octal.").or("\"0666\""),
    key("user", Kind::Text, "Owner of a unix socket."),
    key("group", Kind::Text, "Group of a unix socket."),
]);

static ON_CHANGE_TABLE: Spec = table(&[
    key("command", COMMAND_LINE, "A program and its arguments."),
    key("signal", Kind::Text, "A signal of its own."),
]);

pub(crate) const CHANGES: [&str; 3] = ["restart", "signal", "none"];
pub(crate) const HANDOVERS: [&str; 2] = ["replace", "overlap"];
pub(crate) const LEASE_LOST_WORDS: [&str; 2] = ["stop", "keep"];

const TEXT_OR_LIST: Kind = Kind::Either(&[Kind::Text, Kind::List(&Kind::Text)]);
const COMMAND_LINE: Kind = Kind::List(&Kind::Text);
const DOTENV: Kind = Kind::Either(&[Kind::Bool, Kind::Text, Kind::List(&Kind::Text)]);
const INHERIT: Kind = Kind::Either(&[Kind::Bool, Kind::List(&Kind::Text)]);
const WATCH: Kind = Kind::Either(&[Kind::Text, Kind::Bool]);
const ON_CHANGE: Kind = Kind::Either(&[Kind::Words(&CHANGES), Kind::Table(&ON_CHANGE_TABLE)]);
const LEASE_LOST: Kind = Kind::Words(&LEASE_LOST_WORDS);
const READY: Kind = Kind::Either(&[Kind::Words(&["notify"]), Kind::Table(&READY_TABLE)]);
