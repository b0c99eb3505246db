//! The supervisor as an init and as a supervisor, from outside: real processes, terminals and a
//! process id namespace. Nothing sleeps to be in step; [`until`] waits for what can be seen.

mod change;
mod exit_status;
mod files;
mod pid1;
mod probe;
mod reaping;
mod resources;
mod signals;
mod taking_over;
mod terminal;
mod workers;
mod wrappers;

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{libc, unistd::setsid};

use crate::project::{Project, binary};

/// No test waits for this: it turns what never happens into a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `look` sees something.
#[track_caller]
fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(wrappers::patience().unwrap_or(PATIENCE), look)
        .unwrap_or_else(|| panic!("waited in vain for: {what}"))
}

fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if start.elapsed() > patience {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The lines of a file that are complete. Of one that is not there, none.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let complete = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    complete.map(|line| line.trim_end().to_owned()).collect()
}

/// What `project` has heard from the child and from the supervisor.
impl Project {
    fn log(&self, name: &str) -> Vec<String> {
        lines(&self.path(name))
    }

    /// Waits until the file `name` has `count` lines, and returns them all.
    #[track_caller]
    fn until_lines(&self, name: &str, count: usize) -> Vec<String> {
        let seen = within(wrappers::patience().unwrap_or(PATIENCE), || {
            Some(self.log(name)).filter(|lines| lines.len() >= count)
        });
        seen.unwrap_or_else(|| {
            panic!("no {count} lines in {name}: {:?}\nerr: {:?}", self.log(name), self.log("err"))
        })
    }

    /// Waits until the supervisor has said `text`.
    #[track_caller]
    fn until_said(&self, text: &str) {
        let seen = within(PATIENCE, || self.said(text).then_some(()));
        seen.unwrap_or_else(|| panic!("no {text:?} in {:?}", self.log("err")));
    }

    fn said(&self, text: &str) -> bool {
        self.log("err").iter().any(|line| line.contains(text))
    }

    /// Waits for a child that says "ready PID" as a line of `name`, and returns the pid.
    #[track_caller]
    fn until_ready(&self, name: &str) -> i32 {
        self.until_lines(name, 1)[0].strip_prefix("ready ").unwrap().parse().unwrap()
    }

    /// `sublet run ARGS`, in a session of its own, its errors in the file `err`.
    fn start(&self, args: &[&str]) -> Running {
        self.start_with(self.sublet().arg("run").args(args))
    }

    fn start_with(&self, command: &mut Command) -> Running {
        let err = File::options().append(true).create(true).open(self.path("err")).unwrap();
        command.stdout(Stdio::null()).stderr(err);
        Running::start(command)
    }
}

/// A process that is ended with the test.
#[derive(Debug)]
struct Running {
    process: Child,
}

impl Running {
    /// In a session of its own: the terminal of whoever runs the tests has no part in them.
    #[allow(unsafe_code, reason = "a system call between fork and exec, in a test")]
    fn start(command: &mut Command) -> Self {
        // SAFETY: a plain system call.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                Ok(())
            });
        }
        Self { process: command.spawn().unwrap() }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).unwrap()
    }

    fn signal(&self, number: i32) {
        kill(self.pid(), number);
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        until("the end of the supervisor", || self.process.try_wait().unwrap())
    }

    fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Any number, also those that libraries hide.
#[allow(unsafe_code, reason = "nix knows no real-time signals")]
fn kill(pid: i32, number: i32) {
    // SAFETY: a plain system call.
    unsafe {
        libc::kill(pid, number);
    }
}

/// The children of a process, ended ones included.
fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// The only child of a process, once it has one.
#[track_caller]
fn only_child(pid: i32) -> i32 {
    until("one child", || match children(pid)[..] {
        [child] => Some(child),
        _ => None,
    })
}

/// A field of `/proc/PID/status`.
fn status(pid: i32, field: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

/// `R`, `S`, `T`, `Z`…, or nothing where there is no such process.
fn state(pid: i32) -> Option<char> {
    status(pid, "State")?.chars().next()
}

/// Whether the process runs: it is there and no zombie.
fn lives(pid: i32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

#[track_caller]
fn until_state(pid: i32, wanted: char) {
    until(&format!("{pid} in state {wanted}"), || (state(pid) == Some(wanted)).then_some(()));
}

#[track_caller]
fn until_gone(pid: i32) {
    until(&format!("the end of {pid}"), || (!lives(pid)).then_some(()));
}

/// Where the open descriptors of a process lead.
fn descriptors(pid: i32) -> Vec<(i32, PathBuf)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut found = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).ok()?))
        })
        .collect::<Vec<_>>();
    found.sort();
    found
}

/// `sublet` as a wrapper, beside which others can stand.
fn sublet() -> Vec<String> {
    let binary = binary();
    let words = [binary.to_str().unwrap(), "run", "--supervise", "--"];
    words.iter().map(ToString::to_string).collect()
}
