//! Becoming the child: `execvp`, with the `PATH` that the child will have.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::libc;

use super::environment::EnvBlock;
use super::exec_failure::{ExecFailure, Reason};
use super::pointers::Pointers;
use super::post_mortem::post_mortem;
use super::program_file;

/// Where programs are when `PATH` is not set (as in glibc: not in the current folder).
pub(super) const DEFAULT_PATH: &[u8] = b"/bin:/usr/bin";

const SHELL: &CStr = c"/bin/sh";

/// Replaces this process by the program. Returns only if that fails.
///
/// `arguments` are the arguments after `argv[0]`, which is `program` as it was written. A name with a `/` is used as it is,
/// any other is looked up on the `PATH` in `env`. A file that is neither binary nor starts with `#!` is given to `/bin/sh`.
///
/// On the way to success nothing is asked of the kernel but `execve`, once for each place on the `PATH`; and nothing is
/// allocated after the first.
pub(crate) fn exec(program: &OsStr, arguments: &[OsString], env: &EnvBlock) -> ExecFailure {
    let mut argv = Vec::with_capacity(arguments.len() + 1);
    for (position, arg) in
        std::iter::once(program).chain(arguments.iter().map(OsString::as_os_str)).enumerate()
    {
        match CString::new(arg.as_bytes()) {
            Ok(arg) => argv.push(arg),
            Err(_) => return ExecFailure::NulInArgument { position },
        }
    }
    let path = env.get(b"PATH").unwrap_or(DEFAULT_PATH);
    let candidates = candidates(program.as_bytes(), path);

    let rest = argv.get(1..).unwrap_or_default();
    let program_argv = Pointers::new(argv.iter().map(CString::as_c_str));
    // The second is the file, once it is known.
    let mut shell_argv =
        Pointers::new([SHELL, SHELL].into_iter().chain(rest.iter().map(CString::as_c_str)));
    let envp = env.pointers();
    let mut errors = Vec::with_capacity(candidates.len());

    for candidate in &candidates {
        let mut errno = execve(candidate, &program_argv, &envp);
        if errno == Errno::ENOEXEC {
            if let Some(machine) = program_file::machine(candidate) {
                return ExecFailure::not_executable(candidate, Reason::Foreign { machine });
            }
            shell_argv.replace(1, candidate);
            errno = execve(SHELL, &shell_argv, &envp);
            if errno != Errno::E2BIG {
                return ExecFailure::not_executable(candidate, Reason::NoShell { errno });
            }
        }
        match errno {
            Errno::E2BIG => return ExecFailure::too_big(program, &argv, env),
            errno if another_place_may_do(errno) => errors.push(errno),
            errno => return ExecFailure::Other { path: to_os_string(candidate), errno },
        }
    }
    post_mortem(program, path, &candidates, &errors)
}

/// Every file that may be meant, in order.
fn candidates(program: &[u8], path: &[u8]) -> Vec<CString> {
    let places: Vec<&[u8]> = match program {
        b"" => return Vec::new(),
        _ if program.contains(&b'/') => vec![b""],
        _ => path.split(|&byte| byte == b':').collect(),
    };
    places
        .into_iter()
        .filter_map(|place| {
            let slash: &[u8] = if place.is_empty() { b"" } else { b"/" };
            // Neither part holds a NUL: one is a C string already, the other was taken from one.
            CString::new([place, slash, program].concat()).ok()
        })
        .collect()
}

/// As in glibc, and where a name is too long or loops as well: neither says anything about the next place.
fn another_place_may_do(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EACCES
            | Errno::ENOENT
            | Errno::ENOTDIR
            | Errno::ESTALE
            | Errno::ENODEV
            | Errno::ETIMEDOUT
            | Errno::ENAMETOOLONG
            | Errno::ELOOP
    )
}

fn execve(path: &CStr, argv: &Pointers<'_>, envp: &Pointers<'_>) -> Errno {
    let (argv, envp) = (argv.as_ptr(), envp.as_ptr());
    // SAFETY: the path is a C string, and both arrays end in null and borrow the C strings that they point to.
    unsafe { libc::execve(path.as_ptr(), argv, envp) };
    Errno::last()
}

fn to_os_string(path: &CStr) -> OsString {
    OsStr::from_bytes(path.to_bytes()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(program: &str, path: &str) -> Vec<String> {
        let candidates = candidates(program.as_bytes(), path.as_bytes());
        candidates.into_iter().map(|candidate| candidate.into_string().unwrap()).collect()
    }

    #[test]
    fn a_name_is_looked_for_in_every_place_in_order() {
        assert_eq!(places("ls", "/usr/bin:/bin:rel"), ["/usr/bin/ls", "/bin/ls", "rel/ls"]);
        assert_eq!(places("ls", "/"), ["//ls"]);
    }

    #[test]
    fn an_empty_place_is_the_current_folder() {
        assert_eq!(places("ls", ":/bin"), ["ls", "/bin/ls"]);
        assert_eq!(places("ls", "/bin:"), ["/bin/ls", "ls"]);
        assert_eq!(places("ls", "/a::/b"), ["/a/ls", "ls", "/b/ls"]);
        assert_eq!(places("ls", ""), ["ls"]);
    }

    #[test]
    fn a_name_with_a_slash_is_used_as_it_is() {
        assert_eq!(places("./ls", "/bin"), ["./ls"]);
        assert_eq!(places("a/b", ""), ["a/b"]);
        assert_eq!(places("/", "/bin"), ["/"]);
    }

    #[test]
    fn an_empty_name_is_nowhere() {
        assert!(places("", "/bin").is_empty());
        let failure = exec(OsStr::new(""), &[], &EnvBlock::default());
        assert_eq!(failure.exit_code(), 127);
    }

    #[test]
    fn a_nul_is_found_before_anything_is_tried() {
        let failure = exec(OsStr::new("true"), &["a".into(), "b\0c".into()], &EnvBlock::default());
        assert!(matches!(failure, ExecFailure::NulInArgument { position: 2 }));
    }

    #[test]
    fn only_what_the_place_is_to_blame_for_goes_on() {
        assert!(another_place_may_do(Errno::ENOENT));
        assert!(another_place_may_do(Errno::EACCES));
        assert!(!another_place_may_do(Errno::ETXTBSY));
        assert!(!another_place_may_do(Errno::ENOMEM));
    }
}
