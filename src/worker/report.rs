//! What a worker tells the supervisor: metadata, versioned and bounded. Never a value.

use std::{path::PathBuf, time::Duration};

use crate::{
    generation::Change,
    stash::read_signal,
    wire::{Garbled, Reader, Writer},
};

const VERSION: u8 = 1;

/// The most bytes of one report.
pub(crate) const LIMIT: usize = 64 << 10;

/// The most places that are watched; what is beyond is left to asking again.
const WATCHED: usize = 256;
/// The most names of a change that are told.
const NAMED: usize = 64;

/// How a worker's task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// A generation is in the stash.
    Prepared { change: Change, future: Future },
    /// There is none to be had now.
    Refused { message: String, transient: bool },
}

/// How a generation can change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Future {
    pub(crate) can_change: bool,
    pub(crate) watched: Vec<Watched>,
    /// When to ask again, where only asking shows a change.
    pub(crate) ask_again: Option<Duration>,
}

/// An entry of a folder that shows a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Watched {
    pub(crate) folder: PathBuf,
    pub(crate) name: std::ffi::OsString,
}

impl Report {
    pub(crate) fn write(&self) -> Writer {
        let mut writer = Writer::default();
        writer.byte(VERSION);
        match self {
            Self::Prepared { change, future } => {
                writer.byte(0);
                write_change(&mut writer, change);
                write_future(&mut writer, future);
            }
            Self::Refused { message, transient } => {
                writer.byte(1);
                writer.text(clipped(message));
                writer.byte(u8::from(*transient));
            }
        }
        writer
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Garbled);
        }
        let report = match reader.byte()? {
            0 => Self::Prepared {
                change: read_change(&mut reader)?,
                future: read_future(&mut reader)?,
            },
            1 => Self::Refused { message: reader.text()?, transient: flag(&mut reader)? },
            _ => return Err(Garbled),
        };
        reader.end()?;
        Ok(report)
    }
}

/// A message that fits into a report.
fn clipped(message: &str) -> &str {
    let mut end = message.len().min(LIMIT / 2);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

fn write_change(writer: &mut Writer, change: &Change) {
    let named = &change.names[..change.names.len().min(NAMED)];
    writer.list(named.iter(), |writer, name| writer.text(name));
    writer.byte(u8::from(change.restart));
    writer.list(change.signals.iter(), |writer, signal| {
        writer.number(signal.number().unsigned_abs().into());
    });
    writer.list(change.commands.iter(), |writer, words| {
        writer.list(words.iter(), |writer, word| writer.text(word));
    });
}

fn read_change(reader: &mut Reader<'_>) -> Result<Change, Garbled> {
    Ok(Change {
        names: reader.list(Reader::text)?,
        restart: flag(reader)?,
        signals: reader.list(read_signal)?.into_iter().collect(),
        commands: reader.list(|reader| reader.list(Reader::text))?.into_iter().collect(),
    })
}

fn write_future(writer: &mut Writer, future: &Future) {
    use std::os::unix::ffi::OsStrExt;

    writer.byte(u8::from(future.can_change));
    let watched = &future.watched[..future.watched.len().min(WATCHED)];
    writer.list(watched.iter(), |writer, watched| {
        writer.bytes(watched.folder.as_os_str().as_bytes());
        writer.bytes(watched.name.as_bytes());
    });
    writer.byte(u8::from(future.ask_again.is_some()));
    let length = future.ask_again.unwrap_or_default();
    writer.number(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
}

fn read_future(reader: &mut Reader<'_>) -> Result<Future, Garbled> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    let can_change = flag(reader)?;
    let watched = reader.list(|reader| {
        Ok(Watched {
            folder: OsStr::from_bytes(reader.bytes()?).into(),
            name: OsStr::from_bytes(reader.bytes()?).into(),
        })
    })?;
    let asks = flag(reader)?;
    let length = Duration::from_millis(reader.number()?);
    Ok(Future { can_change, watched, ask_again: asks.then_some(length) })
}

fn flag(reader: &mut Reader<'_>) -> Result<bool, Garbled> {
    match reader.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Garbled),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::signal::Signal;

    fn prepared() -> Report {
        Report::Prepared {
            change: Change {
                names: vec!["A".into(), "file f".into()],
                restart: true,
                signals: BTreeSet::from([Signal::HUP]),
                commands: BTreeSet::from([vec!["reload".to_owned(), "-s".to_owned()]]),
            },
            future: Future {
                can_change: true,
                watched: vec![Watched { folder: "/a".into(), name: ".env".into() }],
                ask_again: Some(Duration::from_millis(1500)),
            },
        }
    }

    #[test]
    fn what_is_reported_is_read() {
        let refused = Report::Refused { message: "ü no".into(), transient: true };
        for report in [prepared(), refused] {
            assert_eq!(Report::read(report.write().as_bytes()), Ok(report));
        }
    }

    #[test]
    fn a_report_is_bounded() {
        let message = "ü".repeat(LIMIT);
        let report = Report::Refused { message, transient: false };
        assert!(report.write().as_bytes().len() < LIMIT);
    }

    proptest! {
        #[test]
        fn a_broken_report_is_refused_without_panic(
            garbage in proptest::collection::vec(any::<u8>(), 0..80),
            flip in 0usize..200,
        ) {
            let _ = Report::read(&garbage);
            let mut broken = prepared().write().as_bytes().to_vec();
            let place = flip % broken.len();
            broken[place] ^= 0x81;
            let _ = Report::read(&broken);
        }
    }
}
