//! Finds out why no place had a program to run. Asks the kernel only now that all has failed.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, faccessat};

use super::exec_failure::{ExecFailure, Reason};
use super::program_file;

/// What was found at one place.
enum Finding {
    Nothing,
    /// A folder on the way may not be entered, so nobody knows.
    Hidden,
    File(Reason),
    NotAFile(Reason),
}

/// The failure of all the candidates, each with its error: a file that would not run, before a folder of that name,
/// before nothing.
pub(super) fn post_mortem(
    program: &OsStr,
    path: &[u8],
    candidates: &[CString],
    errors: &[Errno],
) -> ExecFailure {
    let written_as_path = program.as_bytes().contains(&b'/');
    let mut hidden = Vec::new();
    let mut not_a_file = None;
    for (candidate, &errno) in candidates.iter().zip(errors) {
        let place = OsStr::from_bytes(candidate.to_bytes());
        let failure = |reason| ExecFailure::not_executable(candidate, reason);
        match examine(place, errno) {
            Finding::File(reason) => return failure(reason),
            Finding::NotAFile(reason) => {
                not_a_file.get_or_insert_with(|| failure(reason));
            }
            Finding::Hidden if written_as_path => return failure(Reason::Hidden),
            Finding::Hidden => hidden.push(place.to_owned()),
            Finding::Nothing => {}
        }
    }
    not_a_file.unwrap_or_else(|| ExecFailure::NotFound {
        program: program.to_owned(),
        searched: (!written_as_path).then(|| OsString::from_vec(path.to_vec())),
        hidden,
    })
}

fn examine(place: &OsStr, errno: Errno) -> Finding {
    let metadata = match fs::metadata(place) {
        Ok(metadata) => metadata,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::PermissionDenied => Finding::Hidden,
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Finding::Nothing,
                _ => Finding::NotAFile(Reason::Refused { errno }),
            };
        }
    };
    if metadata.is_dir() {
        return Finding::NotAFile(Reason::Directory);
    }
    if !metadata.is_file() {
        return Finding::NotAFile(Reason::NotAFile);
    }
    Finding::File(match errno {
        Errno::ENOENT | Errno::ENOTDIR => {
            Reason::InterpreterMissing { interpreter: program_file::missing_interpreter(place) }
        }
        Errno::EACCES => denied(place),
        errno => Reason::Refused { errno },
    })
}

/// Why a file is there and may not be executed. The mount comes first: it denies whatever the mode says.
fn denied(place: &OsStr) -> Reason {
    if statvfs(place).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC)) {
        return Reason::NoExecMount;
    }
    if !may_execute(place) {
        return Reason::NoPermission;
    }
    match program_file::interpreter(place) {
        Some(interpreter) if !may_execute(&interpreter) => {
            Reason::InterpreterDenied { interpreter }
        }
        _ => Reason::Refused { errno: Errno::EACCES },
    }
}

fn may_execute(place: &OsStr) -> bool {
    faccessat(AT_FDCWD, place, AccessFlags::X_OK, AtFlags::AT_EACCESS).is_ok()
        && fs::metadata(place).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, Permissions};
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    /// A folder of one test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("sublet-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &[u8], mode: u32) -> OsString {
            let path = self.0.join(name);
            let mut file = File::create(&path).unwrap();
            file.write_all(content).unwrap();
            file.set_permissions(Permissions::from_mode(mode)).unwrap();
            path.into_os_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn reason(place: &OsStr, errno: Errno) -> Reason {
        match examine(place, errno) {
            Finding::File(reason) | Finding::NotAFile(reason) => reason,
            Finding::Nothing | Finding::Hidden => panic!("nothing found"),
        }
    }

    #[test]
    fn a_missing_interpreter_is_named() {
        let folder = Folder::new("interpreter");
        let place = folder.file("script", b"#!/nowhere/sh\r\n", 0o755);
        let interpreter = Some("/nowhere/sh\r".into());
        assert_eq!(reason(&place, Errno::ENOENT), Reason::InterpreterMissing { interpreter });
    }

    #[test]
    fn a_missing_interpreter_of_an_interpreter_is_named() {
        let folder = Folder::new("chain");
        let first = folder.file("first", b"#!/nowhere/sh\n", 0o755);
        let line = [b"#!", first.as_bytes(), b"\n"].concat();
        let second = folder.file("second", &line, 0o755);
        let interpreter = Some("/nowhere/sh".into());
        assert_eq!(reason(&second, Errno::ENOENT), Reason::InterpreterMissing { interpreter });
    }

    #[test]
    fn what_may_not_be_executed_says_why() {
        let folder = Folder::new("denied");
        let plain = folder.file("plain", b"", 0o644);
        assert_eq!(reason(&plain, Errno::EACCES), Reason::NoPermission);
        assert_eq!(reason(folder.0.as_os_str(), Errno::EACCES), Reason::Directory);
        assert_eq!(reason("/dev/null".as_ref(), Errno::EACCES), Reason::NotAFile);
        let line = [b"#!", plain.as_bytes(), b"\n"].concat();
        let script = folder.file("script", &line, 0o755);
        let interpreter = plain;
        assert_eq!(reason(&script, Errno::EACCES), Reason::InterpreterDenied { interpreter });
    }

    #[test]
    fn a_file_that_would_not_run_comes_before_a_folder() {
        let folder = Folder::new("order");
        fs::create_dir(folder.0.join("dir")).unwrap();
        let plain = folder.file("plain", b"", 0o644);
        let candidates =
            ["/nowhere/x".into(), folder.0.join("dir").into_os_string(), plain.clone()]
                .map(|place: OsString| CString::new(place.into_vec()).unwrap());
        let errors = [Errno::ENOENT, Errno::EACCES, Errno::EACCES];
        let failure = post_mortem("x".as_ref(), b"/nowhere", &candidates, &errors);
        assert!(matches!(&failure, ExecFailure::NotExecutable { path, .. } if *path == plain));
        let failure = post_mortem("x".as_ref(), b"/nowhere", &candidates[..2], &errors);
        let reason = Reason::Directory;
        assert!(matches!(&failure, ExecFailure::NotExecutable { reason: r, .. } if *r == reason));
        let failure = post_mortem("x".as_ref(), b"/nowhere", &candidates[..1], &errors);
        assert!(matches!(&failure, ExecFailure::NotFound { searched: Some(_), .. }));
    }
}
