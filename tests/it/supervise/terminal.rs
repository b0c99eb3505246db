//! On a terminal: the child has what the terminal sends, once, and job control works.

#![allow(unsafe_code, reason = "terminals are made by ioctl(2), between fork and exec")]

use std::{
    cell::RefCell,
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{
            fs::OpenOptionsExt,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::Command,
};

use nix::libc;

use super::{
    Running, children, kill, lives, only_child,
    probe::{FENCE, counted, probe, until_counted},
    signals::{AT_THE_GATE, asking},
    state, status, sublet, until, until_gone, until_state,
};
use crate::{
    needs,
    project::{PATH, Project, binary},
};

/// A pseudo-terminal, with what was written to it.
pub(super) struct Terminal {
    master: File,
    slave: OwnedFd,
    shown: RefCell<Vec<u8>>,
}

impl Terminal {
    pub(super) fn open() -> Self {
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let master = File::options().read(true).write(true).custom_flags(flags).open("/dev/ptmx");
        let master = master.unwrap();
        let locked = 0;
        // SAFETY: ioctls on a descriptor of ours; the number outlives the call, and the descriptor
        // that the second one opens is nobody else's.
        let slave = unsafe {
            assert_eq!(libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const locked), 0);
            let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
            let opened = libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags);
            assert!(opened >= 0);
            OwnedFd::from_raw_fd(opened)
        };
        Self { master, slave, shown: RefCell::default() }
    }

    /// Starts `command` on the terminal, as the leader of its session, as `login` does; or with
    /// the terminal as a mere file, if it shall not `own` it.
    pub(super) fn start(&self, command: &mut Command, own: bool) -> Running {
        let dup = || self.slave.try_clone().unwrap();
        command.stdin(dup()).stdout(dup()).stderr(dup()).env("TERM", "dumb").env("PS1", "$ ");
        // SAFETY: plain system calls.
        unsafe {
            command.pre_exec(move || {
                libc::setsid();
                if own && libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Running { process: command.spawn().unwrap() }
    }

    pub(super) fn enter(&self, text: &str) {
        (&self.master).write_all(text.as_bytes()).unwrap();
    }

    fn text(&self) -> String {
        let mut bytes = [0; 4096];
        let mut shown = self.shown.borrow_mut();
        while let Ok(length @ 1..) = (&self.master).read(&mut bytes) {
            shown.extend_from_slice(&bytes[..length]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits for the end of what can be seen in the files of `project`, and shows the terminal if
    /// it never comes.
    #[track_caller]
    pub(super) fn until_lines(&self, project: &Project, name: &str, count: usize) -> Vec<String> {
        let patience = super::wrappers::patience().unwrap_or(super::PATIENCE);
        let seen = super::within(patience, || {
            // What nobody reads would block who writes.
            let _ = self.text();
            Some(project.log(name)).filter(|lines| lines.len() >= count)
        });
        seen.unwrap_or_else(|| {
            panic!("no {count} lines in {name}: {:?}\n{}", project.log(name), self.text())
        })
    }

    fn resize(&self, columns: u16) {
        let size = libc::winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the structure outlives the call.
        let failed =
            unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(failed, 0);
    }
}

/// Shells with job control, as people have them.
const SHELLS: [&[&str]; 2] = [&["bash", "--norc", "--noprofile", "-i"], &["sh", "-i"]];

/// An interactive shell on a terminal, in the folder of `project`.
fn shell(project: &Project, argv: &[&str]) -> (Terminal, Running) {
    let terminal = Terminal::open();
    let mut command = project.command(argv[0]);
    let running = terminal.start(command.args(&argv[1..]), true);
    terminal.enter("echo up > up\n");
    terminal.until_lines(project, "up", 1);
    (terminal, running)
}

fn line(wrapper: &[String]) -> String {
    wrapper.join(" ")
}

/// The child's own child of a shell on the terminal: what the wrapper runs.
fn ready(terminal: &Terminal, project: &Project, name: &str) -> i32 {
    terminal.until_lines(project, name, 1)[0].strip_prefix("ready ").unwrap().parse().unwrap()
}

/// What the terminal sends to the job of a probe arrives once.
#[track_caller]
fn keys_arrive_once(terminal: &Terminal, project: &Project, wrapper: i32) {
    let mut expected = Vec::new();
    for (key, number) in [("\x03", 2), ("\x1c", 3), ("\x1a", 20), ("\x03", 2)] {
        terminal.enter(key);
        expected.push(number);
        assert_eq!(until_counted(project, "log", expected.len()), expected);
    }
    terminal.resize(123);
    expected.push(28);
    until_counted(project, "log", expected.len());
    kill(wrapper, FENCE);
    expected.push(FENCE);
    until_counted(project, "log", expected.len());
    assert_eq!(counted(project, "log"), expected);
}

pub(super) fn claim_keys_once(wrapper: &[String]) {
    for argv in SHELLS {
        let project = Project::new();
        let (terminal, shell) = shell(&project, argv);
        terminal.enter(&format!("{} {} count log\n", line(wrapper), probe()));
        ready(&terminal, &project, "log");
        keys_arrive_once(&terminal, &project, only_child(shell.pid()));
    }
}

#[test]
fn a_key_arrives_once() {
    claim_keys_once(&sublet());
}

pub(super) fn claim_keys_once_as_leader(wrapper: &[String]) {
    let (project, terminal) = (Project::new(), Terminal::open());
    let mut command = project.command(&wrapper[0]);
    command.args(&wrapper[1..]).args([probe(), "count", "log"]);
    let running = terminal.start(&mut command, true);
    ready(&terminal, &project, "log");
    keys_arrive_once(&terminal, &project, running.pid());
}

#[test]
fn a_key_arrives_once_where_no_shell_stands_above() {
    claim_keys_once_as_leader(&sublet());
}

#[test]
fn a_signal_that_no_key_sent_arrives_once() {
    let project = Project::new();
    let (terminal, shell) = shell(&project, SHELLS[0]);
    terminal.enter(&format!("{} {} count log\n", line(&sublet()), probe()));
    ready(&terminal, &project, "log");
    let sublet = only_child(shell.pid());
    // A continue is the shell's, to the whole job.
    let sent = (1..=64).filter(|number| ![9, 17, 18, 19, 23].contains(number)).collect::<Vec<_>>();
    for (index, number) in sent.iter().enumerate() {
        kill(sublet, *number);
        until_counted(&project, "log", index + 1);
    }
    assert_eq!(counted(&project, "log"), sent);
}

const READER: &str = "echo ready $$ > log; while read -r line; do echo \"$line\" >> read; done";

pub(super) fn claim_stop_and_fg(wrapper: &[String]) {
    for argv in SHELLS {
        let project = Project::new();
        let (terminal, shell) = shell(&project, argv);
        terminal.enter(&format!("{} sh -c '{READER}'\n", line(wrapper)));
        let child = ready(&terminal, &project, "log");
        let above = only_child(shell.pid());
        for round in 1..=3 {
            terminal.enter(&format!("line {round}\n"));
            assert_eq!(terminal.until_lines(&project, "read", round).len(), round);
            terminal.enter("\x1a");
            until_state(child, 'T');
            until_state(above, 'T');
            terminal.enter(&format!("jobs > jobs{round}\n"));
            let jobs = terminal.until_lines(&project, &format!("jobs{round}"), 1);
            assert!(jobs[0].contains("Stopped") || jobs[0].contains("Suspended"), "{jobs:?}");
            terminal.enter("fg\n");
            until("both to go on", || {
                let stopped = state(child) == Some('T') || state(above) == Some('T');
                (!stopped).then_some(())
            });
        }
        terminal.enter("\x03");
        until_gone(child);
        terminal.enter("echo code $? > code\n");
        assert_eq!(terminal.until_lines(&project, "code", 1), ["code 130"]);
    }
}

#[test]
fn a_job_is_stopped_and_continued() {
    claim_stop_and_fg(&sublet());
}

pub(super) fn claim_background(wrapper: &[String]) {
    for argv in SHELLS {
        let project = Project::new();
        let (terminal, _shell) = shell(&project, argv);
        terminal.enter(&format!("{} sh -c '{READER}' &\n", line(wrapper)));
        // It reads the terminal that is not its own, and is stopped for that.
        until_state(ready(&terminal, &project, "log"), 'T');
        terminal.enter("echo $$ > shell\n");
        terminal.until_lines(&project, "shell", 1);
        terminal.enter("fg\n");
        // What is typed before the shell hands the terminal over, the shell would read.
        let child = ready(&terminal, &project, "log");
        until("the foreground", || (foreground(child) == group(child)).then_some(()));
        terminal.enter("typed\n");
        assert_eq!(terminal.until_lines(&project, "read", 1), ["typed"]);
        terminal.enter("\x04");
        terminal
            .enter(&format!("{} sh -c \"exit 7\" & wait $!; echo code $? > code\n", line(wrapper)));
        assert_eq!(terminal.until_lines(&project, "code", 1), ["code 7"]);
    }
}

#[test]
fn a_job_in_the_background() {
    claim_background(&sublet());
}

/// The process group of `pid`, and the one in the foreground of its terminal.
fn group(pid: i32) -> Option<String> {
    stat(pid, 2)
}

fn foreground(pid: i32) -> Option<String> {
    stat(pid, 5)
}

fn stat(pid: i32, index: usize) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(index).map(ToOwned::to_owned)
}

pub(super) fn claim_pipeline(wrapper: &[String]) {
    for argv in SHELLS {
        let project = Project::new();
        let (terminal, _shell) = shell(&project, argv);
        let reader =
            "read -r piped; echo up > reading; read -r typed < /dev/tty; echo $piped $typed > got";
        let writer = "echo data; while ! test -s got; do :; done";
        terminal.enter(&format!("{} sh -c '{writer}' | sh -c '{reader}'\n", line(wrapper)));
        terminal.until_lines(&project, "reading", 1);
        terminal.enter("typed\n");
        assert_eq!(terminal.until_lines(&project, "got", 1), ["data typed"]);
    }
}

#[test]
fn a_pipeline_into_a_reader_of_the_terminal() {
    claim_pipeline(&sublet());
}

pub(super) fn claim_reads_the_terminal(wrapper: &[String]) {
    let (project, terminal) = (Project::new(), Terminal::open());
    let mut command = project.command(&wrapper[0]);
    let mut running = terminal.start(command.args(&wrapper[1..]).args(["sh", "-c", READER]), true);
    ready(&terminal, &project, "log");
    terminal.enter("typed\n");
    assert_eq!(terminal.until_lines(&project, "read", 1), ["typed"]);
    terminal.enter("\x04");
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn the_child_reads_the_terminal() {
    claim_reads_the_terminal(&sublet());
}

pub(super) fn claim_hangup(wrapper: &[String]) {
    let (project, terminal) = (Project::new(), Terminal::open());
    let mut command = project.command(&wrapper[0]);
    command.args(&wrapper[1..]).args([probe(), "count", "log"]);
    let running = terminal.start(&mut command, true);
    ready(&terminal, &project, "log");
    drop(terminal);
    until("a hangup", || counted(&project, "log").contains(&1).then_some(()));
    running.signal(FENCE);
    until("the fence", || counted(&project, "log").contains(&FENCE).then_some(()));
    let hangups = counted(&project, "log").iter().filter(|number| **number == 1).count();
    assert_eq!(hangups, 1);
}

#[test]
fn a_closed_terminal_hangs_up_once() {
    claim_hangup(&sublet());
}

#[test]
fn a_closed_terminal_ends_the_job_of_a_shell() {
    let project = Project::new();
    let (terminal, shell) = shell(&project, SHELLS[0]);
    terminal.enter(&format!("{} sh -c '{READER}'\n", line(&sublet())));
    let child = ready(&terminal, &project, "log");
    let sublet = only_child(shell.pid());
    drop(terminal);
    until_gone(child);
    until_gone(sublet);
}

#[test]
fn what_is_left_of_the_job_is_ended() {
    // A process that hears no request to stop, and one below it that hears none either.
    let project = Project::with_manifest("[run]\nstop = { timeout = \"50ms\" }\n").program(
        "heir",
        "#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $! > second; echo $$ > first\n\
         while :; do wait; done\n",
    );
    let (terminal, _shell) = shell(&project, SHELLS[0]);
    let script = "./heir & while ! test -s first; do :; done; exit 3";
    terminal.enter(&format!("{} sh -c '{script}'; echo code $? > code\n", line(&sublet())));
    assert_eq!(terminal.until_lines(&project, "code", 1), ["code 3"]);
    for name in ["first", "second"] {
        assert!(!lives(project.log(name)[0].parse().unwrap()), "{name}");
    }
}

#[test]
fn a_key_while_resolving_ends_the_start() {
    let project = asking("", AT_THE_GATE).fifo("gate");
    let (terminal, _shell) = shell(&project, SHELLS[0]);
    terminal.enter(&format!("{} touch began\n", line(&sublet())));
    terminal.until_lines(&project, "asked", 1);
    terminal.enter("\x03");
    terminal.enter("echo code $? > code\n");
    assert_eq!(terminal.until_lines(&project, "code", 1), ["code 130"]);
    assert!(!project.path("began").exists());
}

#[test]
fn a_key_while_launching_is_for_the_child() {
    if !needs::tool("strace") || !needs::works("strace", Command::new("strace").arg("true")) {
        return;
    }
    // A launcher takes its time at the door, so that there is a time to press a key.
    let (project, terminal) = (Project::new(), Terminal::open());
    let mut command = project.command("strace");
    command.args(["-f", "-o", "trace", "-e", "trace=execve"]);
    command.args(["-e", "inject=execve:delay_enter=500000"]);
    command.arg(binary()).args(["run", "--supervise", "--", "sleep", "1000"]);
    let mut running = terminal.start(&mut command, true);
    let sublet = until("sublet", || {
        let tracee = children(running.pid()).into_iter().next()?;
        (!children(tracee).is_empty()).then_some(tracee)
    });
    until("a launcher at the door", || {
        let launcher = *children(sublet).first()?;
        (status(launcher, "SigBlk")?.trim_start_matches('0').is_empty()).then_some(())
    });
    terminal.enter("\x03");
    let ended = running.wait();
    assert_eq!(ended.signal(), Some(2), "{ended} {} {PATH}", terminal.text());
}
