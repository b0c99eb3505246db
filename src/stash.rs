//! The stash: an anonymous memory file that hands a generation from process to process.
//!
//! A worker writes it, a launcher reads it; the supervisor holds the descriptor and never looks.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::OwnedFd,
};

use nix::{
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
};
use zeroize::Zeroizing;

use crate::{
    generation::{DeliveredContent, DeliveredVariable, Generation, Reaction},
    signal::Signal,
    wire::{Garbled, Reader, Writer},
};

const VERSION: u8 = 1;

/// What a launcher needs to start a child.
#[derive(Debug, Default)]
pub(crate) struct Stashed {
    pub(crate) generation: Generation,
    /// Environment variables that logged in to the sources.
    pub(crate) credentials: BTreeSet<String>,
}

/// The descriptor of a stash.
pub(crate) struct Stash(File);

impl Stash {
    /// An empty stash, for a worker to fill.
    pub(crate) fn create() -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = memfd_create(c"sublet-stash", flags)?;
        Ok(Self(File::from(file)))
    }

    /// Fills the stash and seals it: nobody changes it any more.
    pub(crate) fn fill(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)?;
        let seals = SealFlag::F_SEAL_SEAL
            | SealFlag::F_SEAL_SHRINK
            | SealFlag::F_SEAL_GROW
            | SealFlag::F_SEAL_WRITE;
        fcntl(&self.0, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(())
    }

    /// All that the stash holds.
    pub(crate) fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let length = usize::try_from(self.0.metadata()?.len()).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        (&self.0).rewind()?;
        (&self.0).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl From<Stash> for OwnedFd {
    fn from(stash: Stash) -> Self {
        stash.0.into()
    }
}

impl Stashed {
    pub(crate) fn write(&self) -> Writer {
        let mut writer = Writer::default();
        let generation = &self.generation;
        writer.byte(VERSION);
        writer.list(generation.variables.iter(), |writer, variable| {
            writer.text(&variable.name);
            writer.bytes(variable.value.expose());
            write_reaction(writer, &variable.on_change);
        });
        writer.list(generation.removed.iter(), |writer, name| writer.text(name));
        writer.list(generation.files.iter(), |writer, file| {
            writer.text(&file.path);
            writer.bytes(file.content.expose());
            writer.text(&file.env);
            writer.number(file.mode.into());
            write_reaction(writer, &file.on_change);
        });
        writer.list(self.credentials.iter(), |writer, name| writer.text(name));
        writer
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return Err(Garbled);
        }
        let variables = reader.list(|reader| {
            Ok(DeliveredVariable {
                name: reader.text()?,
                value: reader.secret()?,
                on_change: read_reaction(reader)?,
            })
        })?;
        let removed = reader.list(Reader::text)?.into_iter().collect();
        let files = reader.list(|reader| {
            Ok(DeliveredContent {
                path: reader.text()?,
                content: reader.secret()?,
                env: reader.text()?,
                mode: u32::try_from(reader.number()?).map_err(|_| Garbled)?,
                on_change: read_reaction(reader)?,
            })
        })?;
        let credentials = reader.list(Reader::text)?.into_iter().collect();
        reader.end()?;
        Ok(Self { generation: Generation { variables, removed, files }, credentials })
    }
}

fn write_reaction(writer: &mut Writer, reaction: &Reaction) {
    match reaction {
        Reaction::Restart => writer.byte(0),
        Reaction::Signal(signal) => {
            writer.byte(1);
            writer.number(signal.number().unsigned_abs().into());
        }
        Reaction::Command(words) => {
            writer.byte(2);
            writer.list(words.iter(), |writer, word| writer.text(word));
        }
        Reaction::Nothing => writer.byte(3),
    }
}

fn read_reaction(reader: &mut Reader<'_>) -> Result<Reaction, Garbled> {
    Ok(match reader.byte()? {
        0 => Reaction::Restart,
        1 => Reaction::Signal(read_signal(reader)?),
        2 => Reaction::Command(reader.list(Reader::text)?),
        3 => Reaction::Nothing,
        _ => return Err(Garbled),
    })
}

pub(crate) fn read_signal(reader: &mut Reader<'_>) -> Result<Signal, Garbled> {
    let number = i32::try_from(reader.number()?).map_err(|_| Garbled)?;
    Signal::from_number(number).ok_or(Garbled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    fn stashed() -> Stashed {
        let variable = DeliveredVariable {
            name: "A".into(),
            value: Secret::new(vec![0xff, b'\n']),
            on_change: Reaction::Command(vec!["reload".into(), String::new()]),
        };
        let file = DeliveredContent {
            path: "tls/key.pem".into(),
            content: Secret::from("key"),
            env: "KEY".into(),
            mode: 0o440,
            on_change: Reaction::Signal(Signal::HUP),
        };
        Stashed {
            generation: Generation {
                variables: vec![variable],
                removed: BTreeSet::from(["GONE".to_owned()]),
                files: vec![file],
            },
            credentials: BTreeSet::from(["TOKEN".to_owned()]),
        }
    }

    #[test]
    fn what_is_stashed_comes_back_through_the_file_and_can_be_read_twice() {
        let stash = Stash::create().unwrap();
        stash.fill(stashed().write().as_bytes()).unwrap();
        for _ in 0..2 {
            let back = Stashed::read(&stash.read().unwrap()).unwrap();
            assert_eq!(back.write().as_bytes(), stashed().write().as_bytes());
            assert_eq!(back.generation.variables[0].value.expose(), [0xff, b'\n']);
        }
        assert!(stash.fill(b"more").is_err(), "it is sealed");
    }

    proptest! {
        #[test]
        fn a_broken_stash_is_refused(cut in 0usize..200, flip in 0usize..200) {
            let writer = stashed().write();
            let whole = writer.as_bytes();
            let _ = Stashed::read(&whole[..cut.min(whole.len())]);
            let mut broken = whole.to_vec();
            let place = flip % broken.len();
            broken[place] ^= 0x55;
            let _ = Stashed::read(&broken);
        }
    }
}
