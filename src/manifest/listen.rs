//! `[[listen]]`: sockets that are held across generations.

use std::{net::SocketAddr, ops::Range, path::PathBuf};

use toml::{Spanned, de::DeValue};

use super::reader::{Reader, Text};
use crate::fault::Fault;

/// A socket that sublet binds and passes to the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listen {
    /// Its name in `LISTEN_FDNAMES`.
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) datagram: bool,
    /// Connections that may wait.
    pub(crate) backlog: i32,
    pub(crate) reuse_port: bool,
    /// Permission bits of a unix socket.
    pub(crate) mode: Option<u32>,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(PathBuf),
}

const BACKLOG: i32 = 4096;

/// Reads the `[[listen]]` tables.
pub(super) fn read_all<'a, 'i: 'a>(
    reader: &mut Reader<'_>,
    tables: impl Iterator<Item = &'a Spanned<DeValue<'i>>>,
) -> Vec<Listen> {
    let mut sockets: Vec<Listen> = Vec::new();
    for value in tables {
        let Some(socket) = read(reader, value) else { continue };
        if sockets.iter().any(|other| other.name == socket.name) {
            reader.faults.push(
                Fault::new(socket.span.clone(), format!("two sockets are named `{}`", socket.name))
                    .help("give each `[[listen]]` a `name` of its own"),
            );
        }
        sockets.push(socket);
    }
    sockets
}

fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Listen> {
    let table = value.get_ref().as_table()?;
    let Some(address) = reader.text(table, "address") else {
        if !table.contains_key("address") {
            reader.faults.push(
                Fault::new(value.span(), "this socket has no address")
                    .help("add `address = \"0.0.0.0:8080\"`"),
            );
        }
        return None;
    };
    let parsed = reader.parse(&address, parse_address)?;
    let backlog = table
        .get("backlog")
        .and_then(|value| value.get_ref().as_integer())
        .map_or(Some(BACKLOG), |number| number.as_str().parse().ok().filter(|n| *n > 0));
    let Some(backlog) = backlog else {
        reader.faults.push(Fault::new(value.span(), "`backlog` must be a positive number"));
        return None;
    };
    let plain = |text: Option<Text>| text.map(|text| text.value);
    Some(Listen {
        name: read_name(reader, table)?,
        address: parsed,
        datagram: reader.text(table, "type").is_some_and(|text| text.value == "datagram"),
        backlog,
        reuse_port: reader.bool(table, "reuse-port").unwrap_or(false),
        mode: reader.mode(table, "mode"),
        user: plain(reader.text(table, "user")),
        group: plain(reader.text(table, "group")),
        span: value.span(),
    })
}

/// A name as `LISTEN_FDNAMES` takes it: see `sd_listen_fds_with_names(3)`.
fn read_name(reader: &mut Reader<'_>, table: &toml::de::DeTable<'_>) -> Option<String> {
    let Some(text) = reader.text(table, "name") else { return Some("listen".to_owned()) };
    reader.parse(&text, |name| {
        let plain = name.chars().all(|c| c.is_ascii_graphic() && c != ':');
        if plain && (1..=255).contains(&name.len()) {
            Ok(name.to_owned())
        } else {
            Err(Fault::new(0..name.len(), format!("`{name}` cannot name a socket"))
                .help("use printable ASCII without `:` and spaces"))
        }
    })
}

fn parse_address(text: &str) -> Result<Address, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        // `sun_path` is 108 bytes with its NUL; see unix(7).
        return if path.starts_with('/') && path.len() < 108 {
            Ok(Address::Unix(PathBuf::from(path)))
        } else {
            Err(Fault::new(0..text.len(), format!("`{path}` is not a path for a socket"))
                .help("write an absolute path of at most 107 bytes"))
        };
    }
    text.parse().map(Address::Ip).map_err(|_| {
        Fault::new(0..text.len(), format!("`{text}` is not an address to listen on"))
            .help("write \"0.0.0.0:8080\", \"[::]:8080\" or \"unix:/run/app.sock\"")
    })
}
