//! What a command did, and assertions that show all of it when they fail.

use std::{
    fmt::Write as _,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use snapbox::IntoData;

/// No test waits for this: it turns a command that hangs into a failure.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Outcome {
    shown: String,
    folder: PathBuf,
    status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Outcome {
    /// Runs `command` to its end. Its standard input is empty unless it was set.
    pub(crate) fn of(command: &mut Command, folder: &Path) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{shown}: {error}"));
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let (ended, end) = mpsc::channel();
        let waiter = thread::spawn(move || ended.send(child.wait()));
        let Ok(status) = end.recv_timeout(PATIENCE) else {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL);
            let _ = waiter.join();
            panic!("{shown} did not end");
        };
        let read = |bytes: mpsc::Receiver<Vec<u8>>, name| {
            let bytes = bytes.recv_timeout(PATIENCE);
            bytes.unwrap_or_else(|_| panic!("{shown} ended, and something of it holds {name} open"))
        };
        let (stdout, stderr) = (read(stdout, "stdout"), read(stderr, "stderr"));
        Self { shown, folder: folder.to_owned(), status: status.unwrap(), stdout, stderr }
    }

    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.show());
        self
    }

    #[track_caller]
    pub(crate) fn signal(self, signal: nix::sys::signal::Signal) -> Self {
        assert_eq!(self.status.signal(), Some(signal as i32), "{}", self.show());
        self
    }

    /// One of our own failures: status 125, a message, and no child (nothing on standard output).
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        let this = self.code(125).stdout_is("");
        assert!(!this.stderr.is_empty(), "no message\n{}", this.show());
        this
    }

    #[track_caller]
    pub(crate) fn stdout_is(self, expected: impl AsRef<[u8]>) -> Self {
        let expected = expected.as_ref();
        assert!(
            self.stdout == expected,
            "standard output is not\n{}\n{}",
            expected.escape_ascii(),
            self.show()
        );
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has(self, expected: &str) -> Self {
        assert!(self.stdout_text().contains(expected), "no {expected:?} in\n{}", self.show());
        self
    }

    #[track_caller]
    pub(crate) fn stderr_is_empty(self) -> Self {
        assert!(self.stderr.is_empty(), "{}", self.show());
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has(self, expected: &str) -> Self {
        assert!(self.stderr_text().contains(expected), "no {expected:?} in\n{}", self.show());
        self
    }

    #[track_caller]
    pub(crate) fn stderr_lacks(self, unwanted: &str) -> Self {
        assert!(!self.stderr_text().contains(unwanted), "{unwanted:?} in\n{}", self.show());
        self
    }

    /// Neither stream holds `unwanted`.
    #[track_caller]
    pub(crate) fn lacks(self, unwanted: &str) -> Self {
        assert!(!self.stdout_text().contains(unwanted), "{unwanted:?} in\n{}", self.show());
        self.stderr_lacks(unwanted)
    }

    /// Compares standard error with a snapshot, in which the project's folder is `[FOLDER]`.
    #[track_caller]
    pub(crate) fn stderr_is(self, expected: impl IntoData) -> Self {
        let folder = self.folder.display().to_string();
        snapbox::assert_data_eq!(
            self.stderr_text().replace(&folder, "[FOLDER]"),
            expected.into_data().raw()
        );
        self
    }

    /// As [`Outcome::stderr_is`], for standard output.
    #[track_caller]
    pub(crate) fn stdout_matches(self, expected: impl IntoData) -> Self {
        let folder = self.folder.display().to_string();
        snapbox::assert_data_eq!(
            self.stdout_text().replace(&folder, "[FOLDER]"),
            expected.into_data().raw()
        );
        self
    }

    pub(crate) fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as what `env -0` prints: every entry of the environment, in order.
    pub(crate) fn entries(&self) -> Vec<Vec<u8>> {
        let entries = self.stdout.split_inclusive(|byte| *byte == 0);
        entries.map(|entry| entry.strip_suffix(b"\0").unwrap_or(entry).to_vec()).collect()
    }

    /// The value of a variable in what `env -0` printed.
    #[track_caller]
    pub(crate) fn variable(&self, name: &str) -> Option<Vec<u8>> {
        let prefix = format!("{name}=").into_bytes();
        let mut values = self
            .entries()
            .into_iter()
            .filter_map(|entry| entry.strip_prefix(prefix.as_slice()).map(<[u8]>::to_vec));
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice\n{}", self.show());
        value
    }

    #[track_caller]
    pub(crate) fn variable_is(self, name: &str, expected: impl AsRef<[u8]>) -> Self {
        let (value, expected) = (self.variable(name), expected.as_ref());
        assert!(
            value.as_deref() == Some(expected),
            "{name} is not {:?}\n{}",
            expected.escape_ascii().to_string(),
            self.show()
        );
        self
    }

    #[track_caller]
    pub(crate) fn has_no_variable(self, name: &str) -> Self {
        assert_eq!(self.variable(name), None, "{name} is there\n{}", self.show());
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON: {error}\n{}", self.show()))
    }

    pub(crate) fn show(&self) -> String {
        let mut text = format!("{}\nends with {}\n", cut(&self.shown), self.status);
        for (name, bytes) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let shown = String::from_utf8_lossy(bytes).replace('\0', "\\0\n");
            let _ = writeln!(text, "--- {name}\n{}", cut(&shown));
        }
        text
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(8000) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

/// Reads all that is written, until the last writer is gone.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let mut pipe = pipe.unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        let _ = sender.send(bytes);
    });
    receiver
}
