//! The last thing sublet is: delivers a generation, drops privileges, and becomes the command.

use std::{
    collections::BTreeMap,
    ffi::{CStr, OsString},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use crate::{
    deliver::{Parent, environment, memory_files},
    manifest::Run,
    process::{Inheritance, MemoryFile, Privileges, exec, obey_parent, own_group},
    stash::Stashed,
};

/// What is launched.
pub(crate) struct Launch<'a> {
    /// The program and its arguments.
    pub(crate) command: &'a [OsString],
    pub(crate) run: &'a Run,
    pub(crate) stashed: &'a Stashed,
    /// The parent's environment, byte for byte.
    pub(crate) environ: &'a [&'static CStr],
    pub(crate) privileges: Option<&'a Privileges>,
    pub(crate) files: Files<'a>,
    /// The supervisor that stays behind.
    pub(crate) supervised: Option<Supervised<'a>>,
}

/// How files reach the child.
pub(crate) enum Files<'a> {
    /// In memory files that vanish with it.
    Memory,
    /// In this folder, where a supervisor replaces them.
    Folder(&'a Path),
}

/// What differs for a child that is supervised.
pub(crate) struct Supervised<'a> {
    pub(crate) inheritance: &'a Inheritance,
    pub(crate) supervisor: nix::unistd::Pid,
    /// In the job of a terminal the child stays in the job's group.
    pub(crate) own_group: bool,
    /// Where to work; `None` is where the supervisor still is itself.
    pub(crate) folder: Option<&'a Path>,
}

/// Why the command did not begin, and the exit code that says so.
pub(crate) struct NotLaunched {
    pub(crate) message: String,
    pub(crate) code: i32,
}

impl Launch<'_> {
    /// Becomes the command. Returns only where that fails.
    pub(crate) fn become_command(&self) -> NotLaunched {
        match self.attempt() {
            Ok(never) => never,
            Err(message) => NotLaunched { message, code: 125 },
        }
    }

    fn attempt(&self) -> Result<NotLaunched, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let Some((program, arguments)) = self.command.split_first() else {
            return Err("no command was given".to_owned());
        };
        let (_open_until_exec, paths) = self.files()?;
        let parent = Parent { environ: self.environ, credentials: &self.stashed.credentials };
        let account = self.privileges.and_then(Privileges::account);
        let mut block = environment(&parent, &self.stashed.generation, &paths, self.run, account)
            .map_err(|error| text(&error))?;
        if let Some(supervised) = &self.supervised {
            block.replace_listen_pid(supervised.supervisor);
            if let Some(folder) = supervised.folder {
                std::env::set_current_dir(folder)
                    .map_err(|error| format!("cannot work in `{}`: {error}", folder.display()))?;
            }
            if supervised.own_group {
                own_group().map_err(|error| text(&error))?;
            }
        }
        if let Some(privileges) = self.privileges {
            privileges.drop().map_err(|error| text(&error))?;
        }
        if let Some(supervised) = &self.supervised {
            // After the change of user, which would undo it.
            obey_parent(supervised.supervisor).map_err(|error| text(&error))?;
            supervised.inheritance.restore();
        }
        let failure = exec(program, arguments, &block);
        Ok(NotLaunched { message: failure.to_string(), code: failure.exit_code() })
    }

    fn files(&self) -> Result<(Vec<MemoryFile>, BTreeMap<String, PathBuf>), String> {
        let generation = &self.stashed.generation;
        match &self.files {
            Files::Memory => {
                let owner = self.privileges.and_then(Privileges::owner);
                memory_files(generation, owner).map_err(|error| error.to_string())
            }
            Files::Folder(folder) => {
                let paths = generation.files.iter();
                let paths = paths.map(|file| (file.env.clone(), folder.join(&file.path)));
                Ok((Vec::new(), paths.collect()))
            }
        }
    }
}

/// Writes why nothing was launched to whoever waits at the other end of `pipe`.
pub(crate) fn confess(failure: &NotLaunched, pipe: &impl AsFd) {
    let mut bytes = failure.code.to_le_bytes().to_vec();
    bytes.extend_from_slice(failure.message.as_bytes());
    // One write of less than a page is whole or not at all; see pipe(7).
    bytes.truncate(4096);
    let _ = nix::unistd::write(pipe, &bytes);
}

/// Reads what [`confess`] wrote.
pub(crate) fn confession(bytes: &[u8]) -> NotLaunched {
    match bytes.split_first_chunk() {
        Some((code, message)) => NotLaunched {
            message: String::from_utf8_lossy(message).into_owned(),
            code: i32::from_le_bytes(*code),
        },
        None => NotLaunched { message: "the command could not be started".into(), code: 125 },
    }
}
