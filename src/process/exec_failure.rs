//! Why a program could not be started: the message, and the exit status that a shell would give.

#![expect(
    clippy::unnecessary_debug_formatting,
    reason = "a name may hold control characters: quoted and escaped"
)]

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit};

use super::environment::EnvBlock;

/// The kernel takes no string longer than this many pages.
const STRING_PAGES: usize = 32;

const TOO_BIG_REMEDY: &str = "Deliver large values as files, or let the child inherit less.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExecFailure {
    NotFound {
        program: OsString,
        /// The `PATH`; none where the program was written with a `/`.
        searched: Option<OsString>,
        /// What may be there, in folders that may not be entered.
        hidden: Vec<OsString>,
    },
    NotExecutable {
        path: OsString,
        reason: Reason,
    },
    /// Arguments and environment are more than the kernel takes.
    TooBig {
        program: OsString,
        total: usize,
        limit: Option<usize>,
        string_limit: usize,
        largest: Option<Largest>,
    },
    /// Counted from the program, which is 0.
    NulInArgument {
        position: usize,
    },
    Other {
        path: OsString,
        errno: Errno,
    },
}

/// Why a file that is there does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    NoPermission,
    Directory,
    NotAFile,
    Hidden,
    NoExecMount,
    InterpreterMissing { interpreter: Option<OsString> },
    InterpreterDenied { interpreter: OsString },
    Foreign { machine: &'static str },
    NoShell { errno: Errno },
    Refused { errno: Errno },
}

/// The longest string, with its NUL. Never what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Largest {
    Variable { name: String, length: usize },
    Argument { position: usize, length: usize },
}

impl ExecFailure {
    pub(super) fn not_executable(path: &CStr, reason: Reason) -> Self {
        Self::NotExecutable { path: OsStr::from_bytes(path.to_bytes()).to_owned(), reason }
    }

    pub(super) fn too_big(program: &OsStr, argv: &[CString], env: &EnvBlock) -> Self {
        let pointer = size_of::<*const u8>();
        let arguments = argv.iter().map(|arg| arg.as_bytes_with_nul().len());
        let variable = env.largest().map(|(name, length)| {
            let name = String::from_utf8_lossy(name).into_owned();
            Largest::Variable { name, length }
        });
        let argument = arguments
            .clone()
            .enumerate()
            .map(|(position, length)| Largest::Argument { position, length })
            .max_by_key(Largest::length);
        Self::TooBig {
            program: program.to_owned(),
            total: env.size() + arguments.map(|length| length + pointer).sum::<usize>(),
            limit: total_limit(),
            string_limit: string_limit(),
            largest: argument.into_iter().chain(variable).max_by_key(Largest::length),
        }
    }

    /// As `env`, `nohup` and the shells have it: 127 not found, 126 found but not run; 125 what we were to hand over.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } | Self::Other { .. } => 126,
            Self::TooBig { .. } | Self::NulInArgument { .. } => 125,
        }
    }
}

impl Largest {
    fn length(&self) -> usize {
        match self {
            Self::Variable { length, .. } | Self::Argument { length, .. } => *length,
        }
    }
}

/// A quarter of the stack's limit, between 128 KiB and 6 MiB.
fn total_limit() -> Option<usize> {
    let (stack, _) = getrlimit(Resource::RLIMIT_STACK).ok()?;
    let quarter = usize::try_from(stack / 4).unwrap_or(usize::MAX);
    Some(quarter.clamp(128 << 10, 6 << 20))
}

fn string_limit() -> usize {
    // SAFETY: asks for a constant.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).unwrap_or(4096) * STRING_PAGES
}

impl fmt::Display for ExecFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { program, searched: Some(path), hidden } => {
                write!(f, "cannot find the program {program:?} on the child's PATH {path:?}")?;
                for place in hidden {
                    write!(
                        f,
                        "\n  {place:?} cannot be looked at: a folder on the way may not be entered"
                    )?;
                }
                Ok(())
            }
            Self::NotFound { program, searched: None, .. } => {
                write!(f, "cannot find the program {program:?}: there is no such file")
            }
            Self::NotExecutable { path, reason } => write!(f, "cannot run {path:?}: {reason}"),
            Self::TooBig { program, string_limit, largest: Some(largest), .. }
                if largest.length() > *string_limit =>
            {
                write!(
                    f,
                    "cannot run {program:?}: the kernel accepts at most {string_limit} bytes in one string"
                )?;
                write!(f, ", and one is longer: {largest}.\n  {TOO_BIG_REMEDY}")
            }
            Self::TooBig { program, total, limit, largest, .. } => {
                write!(
                    f,
                    "cannot run {program:?}: its arguments and environment take {total} bytes"
                )?;
                match limit {
                    Some(limit) => write!(f, ", and the kernel accepts at most {limit}")?,
                    None => f.write_str(", more than the kernel accepts")?,
                }
                f.write_str(" (a quarter of the stack limit).")?;
                if let Some(largest) =
                    largest.as_ref().filter(|largest| largest.length() * 10 > *total)
                {
                    write!(f, "\n  The largest is {largest}.")?;
                }
                write!(f, "\n  {TOO_BIG_REMEDY}")
            }
            Self::NulInArgument { position: 0 } => {
                f.write_str("cannot run the program: its name holds a NUL byte")
            }
            Self::NulInArgument { position } => {
                write!(
                    f,
                    "cannot run the program: argument {position} holds a NUL byte, which no argument can"
                )
            }
            Self::Other { path, errno: Errno::ETXTBSY } => {
                write!(
                    f,
                    "cannot run {path:?}: somebody has it open for writing; try again when it is complete"
                )
            }
            Self::Other { path, errno } => write!(f, "cannot run {path:?}: {}", errno.desc()),
        }
    }
}

impl std::error::Error for ExecFailure {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPermission => f.write_str("no permission to execute it; `chmod +x` gives it"),
            Self::Directory => f.write_str("it is a directory"),
            Self::NotAFile => f.write_str("it is not a regular file"),
            Self::Hidden => f.write_str("a folder on the way to it may not be entered"),
            Self::NoExecMount => f.write_str(
                "its file system is mounted `noexec`; move it elsewhere, or run it by its interpreter",
            ),
            Self::InterpreterMissing { interpreter: Some(interpreter) } => {
                write!(f, "the file is there, but its interpreter {interpreter:?} is not")?;
                if interpreter.as_bytes().ends_with(b"\r") {
                    f.write_str("; its lines end in CR LF, and must end in LF")?;
                } else if interpreter.as_bytes().starts_with(b"/lib") {
                    f.write_str("; it was linked for another C library or machine")?;
                }
                Ok(())
            }
            Self::InterpreterMissing { interpreter: None } => f.write_str(
                "the file is there, but the interpreter in its first line, or its loader, is not",
            ),
            Self::InterpreterDenied { interpreter } => {
                write!(f, "its interpreter {interpreter:?} may not be executed")
            }
            Self::Foreign { machine } if *machine == std::env::consts::ARCH => {
                write!(f, "it is damaged, or for another system than this one ({machine})")
            }
            Self::Foreign { machine } => {
                write!(f, "it is built for {machine}, and this machine is {}", std::env::consts::ARCH)
            }
            Self::NoShell { errno } => write!(
                f,
                "it has no `#!` line and is no binary, and /bin/sh, which would run it, cannot be executed ({})",
                errno.desc()
            ),
            Self::Refused { errno: Errno::EACCES } => f.write_str(
                "the kernel denies it, though the file's mode does not; look for a security policy (SELinux, AppArmor)",
            ),
            Self::Refused { errno } => f.write_str(errno.desc()),
        }
    }
}

impl fmt::Display for Largest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable { name, length } => write!(f, "the variable {name} ({length} bytes)"),
            Self::Argument { position, length } => {
                write!(f, "argument {position} ({length} bytes)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_executable(reason: Reason) -> ExecFailure {
        ExecFailure::not_executable(c"./app", reason)
    }

    #[test]
    fn not_found_says_where_it_looked() {
        let failure = ExecFailure::NotFound {
            program: "servr".into(),
            searched: Some("/usr/bin:/bin".into()),
            hidden: vec!["/root/bin/servr".into()],
        };
        assert_eq!(
            failure.to_string(),
            "cannot find the program \"servr\" on the child's PATH \"/usr/bin:/bin\"\n  \
             \"/root/bin/servr\" cannot be looked at: a folder on the way may not be entered"
        );
        assert_eq!(failure.exit_code(), 127);
        let failure =
            ExecFailure::NotFound { program: "./app".into(), searched: None, hidden: vec![] };
        assert_eq!(failure.to_string(), "cannot find the program \"./app\": there is no such file");
        assert_eq!(failure.exit_code(), 127);
    }

    #[test]
    fn an_interpreter_that_is_missing_is_named_with_the_remedy() {
        let message = |interpreter: &str| {
            not_executable(Reason::InterpreterMissing { interpreter: Some(interpreter.into()) })
                .to_string()
        };
        assert_eq!(
            message("/bin/sh\r"),
            "cannot run \"./app\": the file is there, but its interpreter \"/bin/sh\\r\" is not; \
             its lines end in CR LF, and must end in LF"
        );
        assert_eq!(
            message("/lib64/ld-linux-x86-64.so.2"),
            "cannot run \"./app\": the file is there, but its interpreter \"/lib64/ld-linux-x86-64.so.2\" is not; \
             it was linked for another C library or machine"
        );
    }

    #[test]
    fn what_is_found_but_does_not_run_is_126() {
        assert_eq!(not_executable(Reason::NoPermission).exit_code(), 126);
        let other = ExecFailure::Other { path: "./app".into(), errno: Errno::ETXTBSY };
        assert_eq!(other.exit_code(), 126);
    }

    #[test]
    fn another_machine_is_told_from_a_damaged_file() {
        let foreign = not_executable(Reason::Foreign { machine: "s390x" }).to_string();
        assert!(foreign.contains("it is built for s390x, and this machine is "), "{foreign}");
        let damaged = not_executable(Reason::Foreign { machine: std::env::consts::ARCH });
        assert!(damaged.to_string().contains("damaged"));
    }

    fn too_big(argv: &[CString], variables: &[(&str, usize)]) -> ExecFailure {
        let mut env = EnvBlock::default();
        for (name, repeats) in variables {
            env.set(name.as_bytes(), "canary".repeat(*repeats).as_bytes()).unwrap();
        }
        ExecFailure::too_big("app".as_ref(), argv, &env)
    }

    #[test]
    fn too_big_together_names_the_largest_and_shows_no_value() {
        let failure = too_big(&[c"app".to_owned()], &[("A", 10), ("BLOB", 1_000), ("C", 1)]);
        assert_eq!(failure.exit_code(), 125);
        let message = failure.to_string();
        assert!(!message.contains("canary"));
        // 4+8, 63+8, 6006+8, 9+8
        assert!(message.contains("take 6114 bytes"), "{message}");
        assert!(message.contains("The largest is the variable BLOB (6006 bytes)."), "{message}");
        assert!(message.ends_with(TOO_BIG_REMEDY), "{message}");
    }

    #[test]
    fn one_string_that_is_too_long_is_the_reason() {
        let message = too_big(&[c"app".to_owned()], &[("BLOB", 1_000_000)]).to_string();
        assert!(
            message.contains("in one string, and one is longer: the variable BLOB (6000006 bytes)"),
            "{message}"
        );
        assert!(!message.contains("stack limit") && !message.contains("canary"), "{message}");
    }

    #[test]
    fn too_big_by_an_argument_says_which() {
        let failure = too_big(&[c"app".to_owned(), c"a long argument".to_owned()], &[("A", 1)]);
        assert!(failure.to_string().contains("The largest is argument 1 (16 bytes)."));
    }
}
