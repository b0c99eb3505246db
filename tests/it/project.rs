//! A project in a folder of its own, and the command run in it.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::outcome::Outcome;

/// Where the tests' programs are, whatever the machine's own `PATH` is.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_sublet"));
    env::var_os("SUBLET_BIN").map_or_else(built, PathBuf::from)
}

/// A temporary folder with files, and the environment that commands get: `PATH`, and nothing else
/// that was not asked for.
#[derive(Debug)]
pub(crate) struct Project {
    folder: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Project {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Not below the crate: no manifest and no git repository is upwards from here.
        let folder = env::temp_dir().join(format!("sublet-it-{}-{number}", id()));
        fs::create_dir(&folder).unwrap();
        let folder = folder.canonicalize().unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder, env: Vec::new() }
    }

    /// A project with this `sublet.toml`.
    pub(crate) fn with_manifest(text: impl AsRef<[u8]>) -> Self {
        Self::new().file("sublet.toml", text)
    }

    /// A project with this `.env`, and no manifest.
    pub(crate) fn with_dotenv(text: impl AsRef<[u8]>) -> Self {
        Self::new().file(".env", text)
    }

    #[must_use]
    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// A file that can be executed.
    #[must_use]
    pub(crate) fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file(path, content).mode(path, 0o755)
    }

    #[must_use]
    pub(crate) fn mode(self, path: &str, mode: u32) -> Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    #[must_use]
    pub(crate) fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.path(path)).unwrap();
        self
    }

    #[must_use]
    pub(crate) fn fifo(self, path: &str) -> Self {
        nix::unistd::mkfifo(&self.path(path), nix::sys::stat::Mode::S_IRWXU).unwrap();
        self
    }

    #[must_use]
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.folder
    }

    /// A command in the project's folder, with the project's environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env_clear().env("PATH", PATH);
        command.envs(self.env.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command
    }

    pub(crate) fn sublet(&self) -> Command {
        self.command(binary())
    }

    /// Runs `sublet` with `args`, to its end.
    #[track_caller]
    pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Outcome {
        self.outcome(self.sublet().args(args))
    }

    #[track_caller]
    pub(crate) fn outcome(&self, command: &mut Command) -> Outcome {
        Outcome::of(command, &self.folder)
    }

    /// Runs `sublet run ARGS -- env -0`: what the child receives.
    #[track_caller]
    pub(crate) fn child<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Outcome {
        self.outcome(self.sublet().arg("run").args(args).args(["--", "env", "-0"]))
    }

    /// `sublet` as a user who is nobody, with no capabilities. Needs root and `setpriv`.
    pub(crate) fn as_nobody(&self) -> Command {
        let mut command = self.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary());
        command
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() && env::var_os("SUBLET_KEEP").is_some() {
            return;
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
