//! Every signal reaches the child exactly once, whenever it comes.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;

use super::{
    Running, children, kill, lives, only_child,
    probe::{FENCE, counted, probe, until_counted},
    state, sublet, until, until_gone, until_state,
};
use crate::{
    project::{Project, binary},
    starting::{State, starts_with},
};

/// Not for the child: it has children and sockets of its own, and the last two nobody can take.
const KEPT: [i32; 4] =
    [Signal::SIGCHLD as i32, Signal::SIGURG as i32, Signal::SIGKILL as i32, Signal::SIGSTOP as i32];

/// A provider that waits at the fifo `gate`, and says so in `asked`.
pub(super) const AT_THE_GATE: &str = "#!/bin/sh\necho $$ >> asked\nread -r line < gate\n\
     echo '{\"protocol\":1,\"answers\":[{\"value\":\"x\"}]}'\n";

/// A project whose only secret comes from the program `ask`.
pub(super) fn asking(run: &str, script: &str) -> Project {
    let manifest = format!(
        "[env]\nA = \"${{ask:one}}\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n{run}"
    );
    Project::with_manifest(manifest).program("ask", script)
}

/// Sends each signal to `target`, whose child is a probe that logs to `log`.
#[track_caller]
pub(super) fn each_arrives_once(project: &Project, log: &str, target: i32) {
    project.until_ready(log);
    let mut expected = Vec::new();
    for number in (1..=64).filter(|number| !KEPT.contains(number)) {
        kill(target, number);
        expected.push(number);
        assert_eq!(until_counted(project, log, expected.len()), expected);
    }
    kill(target, Signal::SIGCHLD as i32);
    kill(target, Signal::SIGURG as i32);
    kill(target, FENCE);
    expected.push(FENCE);
    until_counted(project, log, expected.len());
    assert_eq!(counted(project, log), expected);
}

/// Starts `wrapper probe count log` with `states`.
fn counting(project: &Project, wrapper: &[String], states: Vec<State>) -> Running {
    let mut command = project.command(&wrapper[0]);
    command.args(&wrapper[1..]).args([probe(), "count", "log"]);
    project.start_with(starts_with(&mut command, states))
}

pub(super) fn claim_all_signals(wrapper: &[String]) {
    let project = Project::new();
    let running = counting(&project, wrapper, vec![]);
    each_arrives_once(&project, "log", running.pid());
}

#[test]
fn every_signal_arrives_once() {
    claim_all_signals(&sublet());
}

#[test]
fn every_signal_arrives_once_though_it_was_blocked_or_ignored() {
    let project = Project::new();
    let states = vec![
        State::Blocked(Signal::SIGTERM),
        State::Blocked(Signal::SIGINT),
        State::Ignored(Signal::SIGHUP),
        State::Ignored(Signal::SIGCHLD),
        State::Ignored(Signal::SIGPIPE),
    ];
    let running = counting(&project, &sublet(), states);
    each_arrives_once(&project, "log", running.pid());
}

#[test]
fn every_signal_arrives_once_after_a_restart() {
    let manifest = "[run]\ndebounce = \"0s\"\n[profiles.development]\nwatch = \"1s\"\n";
    let project = Project::with_manifest(manifest).file(".env", "LOG=one\n");
    let script = format!("exec {} count $LOG", probe());
    let running = project.start(&["--", "sh", "-c", &script]);
    let first = project.until_ready("one");
    project.write(".env", "LOG=two\n");
    // It counts the request to stop, and does not stop by itself.
    assert_eq!(until_counted(&project, "one", 1), [15]);
    kill(first, 9);
    each_arrives_once(&project, "two", running.pid());
}

pub(super) fn claim_queue(wrapper: &[String]) {
    let project = Project::new();
    let running = counting(&project, wrapper, vec![]);
    project.until_ready("log");
    for _ in 0..50 {
        running.signal(40);
    }
    running.signal(FENCE);
    let counted = until_counted(&project, "log", 51);
    assert_eq!(counted.iter().filter(|number| **number == 40).count(), 50);
}

#[test]
fn real_time_signals_queue() {
    claim_queue(&sublet());
}

#[test]
fn signals_are_rewritten() {
    let project = Project::with_manifest(
        "[run]\nrewrite = { SIGTERM = \"SIGQUIT\", USR1 = \"SIGRTMIN+3\", 50 = \"USR2\" }\n",
    );
    let running = counting(&project, &sublet(), vec![]);
    project.until_ready("log");
    let rewritten = [(15, 3), (10, 37), (50, 12), (3, 3), (1, 1)];
    for (index, (sent, _)) in rewritten.iter().enumerate() {
        running.signal(*sent);
        until_counted(&project, "log", index + 1);
    }
    let expected = rewritten.map(|(_, received)| received);
    assert_eq!(counted(&project, "log"), expected);
}

/// Starts with `args` at the gate, sends what is blocked for the child, and opens the gate.
fn held_while_resolving(args: &[&str]) {
    let project = asking("", AT_THE_GATE).fifo("gate");
    let blocked = [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM];
    let mut command = project.sublet();
    command.arg("run").args(args).args(["--", probe(), "count", "log"]);
    let states = blocked.map(State::Blocked).to_vec();
    let mut running = project.start_with(starts_with(&mut command, states));
    project.until_lines("asked", 1);
    for signal in blocked {
        running.signal(signal as i32);
    }
    project.write("gate", "\n");
    project.until_ready("log");
    running.signal(FENCE);
    let mut counted = until_counted(&project, "log", 4);
    counted.sort_unstable();
    assert_eq!(counted, [10, 12, 14, FENCE], "{:?}", project.log("err"));
    assert!(!running.has_ended());
}

#[test]
fn signals_while_resolving_are_held() {
    held_while_resolving(&["--supervise"]);
}

#[test]
fn signals_while_resolving_are_held_also_where_nobody_stays() {
    held_while_resolving(&[]);
}

#[test]
fn a_stop_while_resolving_ends_the_worker() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGHUP] {
        for args in [&["--supervise", "--", "touch", "began"][..], &["--", "touch", "began"]] {
            let project = asking("", AT_THE_GATE).fifo("gate");
            let mut running = project.start(args);
            let provider = project.until_lines("asked", 1)[0].parse().unwrap();
            let worker = only_child(running.pid());
            running.signal(signal as i32);
            let status = running.wait();
            assert_eq!(status.signal(), Some(signal as i32), "{:?}", project.log("err"));
            assert!(!project.path("began").exists());
            until_gone(worker);
            until_gone(provider);
        }
    }
}

#[test]
fn what_is_ignored_does_not_end_the_start() {
    let project = asking("", AT_THE_GATE).fifo("gate");
    let mut command = project.sublet();
    command.args(["run", "--supervise", "--", "true"]);
    let ignored = vec![State::Ignored(Signal::SIGHUP)];
    let mut running = project.start_with(starts_with(&mut command, ignored));
    project.until_lines("asked", 1);
    running.signal(Signal::SIGHUP as i32);
    project.write("gate", "\n");
    assert_eq!(running.wait().code(), Some(0), "{:?}", project.log("err"));
}

#[test]
fn signals_between_two_children_are_held() {
    let manifest = "[run]\ndebounce = \"0s\"\nstop = { timeout = \"60s\" }\n\
                    [profiles.development]\nwatch = \"1s\"\n";
    let project = Project::with_manifest(manifest).file(".env", "LOG=one\n").fifo("gate");
    let first = "if test $LOG = one; then\n\
                 sh -c 'trap \"\" TERM; echo $$ > heir; read -r line < gate' &\n\
                 trap 'exit 5' TERM; echo ready $$ > one; while :; do wait; done\nfi\n";
    let script = format!("{first}exec {} count $LOG", probe());
    let mut command = project.sublet();
    command.args(["run", "--", "sh", "-c", &script]);
    let blocked = vec![State::Blocked(Signal::SIGUSR1)];
    let running = project.start_with(starts_with(&mut command, blocked));
    let first = project.until_ready("one");
    project.until_lines("heir", 1);
    project.write(".env", "LOG=two\n");
    // Ended, and kept until nothing is left of its group.
    until_state(first, 'Z');
    running.signal(Signal::SIGUSR1 as i32);
    assert!(!project.path("two").exists());
    project.write("gate", "\n");
    project.until_ready("two");
    running.signal(FENCE);
    assert_eq!(until_counted(&project, "two", 2), [10, FENCE]);
}

#[test]
fn a_stop_between_two_children_is_the_end() {
    let manifest = "[run]\ndebounce = \"0s\"\nstop = { timeout = \"60s\" }\n\
                    [profiles.development]\nwatch = \"1s\"\n";
    let project = Project::with_manifest(manifest).file(".env", "LOG=one\n").fifo("gate");
    let script = "sh -c 'trap \"\" TERM; echo $$ > heir; read -r line < gate' &\n\
                  trap 'exit 5' TERM; echo ready $$ > $LOG; while :; do wait; done\n";
    let mut running = project.start(&["--", "sh", "-c", script]);
    let first = project.until_ready("one");
    project.until_lines("heir", 1);
    project.write(".env", "LOG=two\n");
    until_state(first, 'Z');
    running.signal(Signal::SIGTERM as i32);
    project.write("gate", "\n");
    assert_eq!(running.wait().code(), Some(5));
    assert!(!project.path("two").exists());
}

#[test]
fn an_outside_stop_reaches_the_whole_group() {
    let project = Project::new();
    let script = "trap '' TERM\n\
                  sh -c 'trap \"echo told >> told; exit\" TERM; echo $$ > heir; while :; do sleep 1; done' &\n\
                  echo ready $$ > log; wait; exit 6";
    // An ignored signal cannot be trapped by a shell that inherits it so.
    let script = script.replace("trap '' TERM\n", "trap : TERM\n");
    let script = script.replace("wait; exit 6", "wait; wait; exit 6");
    let mut running = project.start(&["--supervise", "--", "sh", "-c", &script]);
    project.until_ready("log");
    project.until_lines("heir", 1);
    running.signal(Signal::SIGTERM as i32);
    project.until_lines("told", 1);
    assert_eq!(running.wait().code(), Some(6));
    assert_eq!(project.log("told"), ["told"]);
}

#[test]
fn an_outside_stop_is_waited_for() {
    let project = Project::new();
    let mut running = counting(&project, &sublet(), vec![]);
    let child = project.until_ready("log");
    running.signal(15);
    running.signal(15);
    until_counted(&project, "log", 1);
    running.signal(FENCE);
    until("the fence", || counted(&project, "log").contains(&FENCE).then_some(()));
    // Killing it is for whoever asked.
    assert!(lives(child) && !running.has_ended());
}

#[test]
fn an_outside_stop_is_enforced_where_a_time_is_said() {
    let project = Project::with_manifest("[run]\nstop = { timeout = \"100ms\" }\n");
    let mut running = counting(&project, &sublet(), vec![]);
    project.until_ready("log");
    running.signal(15);
    assert_eq!(running.wait().signal(), Some(9));
    assert_eq!(counted(&project, "log"), [15]);
}

#[test]
fn a_stopped_child_is_woken_to_hear_that_it_shall_stop() {
    let project = Project::new();
    let script =
        "trap 'exit 4' TERM; echo ready $$ > log; kill -STOP $$; while :; do sleep 1; done";
    let mut running = project.start(&["--supervise", "--", "sh", "-c", script]);
    until_state(project.until_ready("log"), 'T');
    running.signal(15);
    assert_eq!(running.wait().code(), Some(4));
}

#[test]
fn a_signal_after_the_end_of_the_child_harms_nobody() {
    // What is left of the group holds the supervisor up, so that there is such a time.
    let project = Project::with_manifest("[run]\nstop = { timeout = \"60s\" }\n").fifo("gate");
    let script = "sh -c 'trap \"\" TERM; echo $$ > heir; read -r line < gate' & \
                  while ! test -s heir; do :; done; exit 3";
    let mut running = project.start(&["--supervise", "--", "sh", "-c", script]);
    let heir = project.until_lines("heir", 1)[0].parse().unwrap();
    let child = until("the child's end", || {
        children(running.pid()).into_iter().find(|pid| state(*pid) == Some('Z'))
    });
    for number in [1, 2, 10, 12, 40] {
        running.signal(number);
    }
    assert!(lives(heir) && state(child) == Some('Z'));
    project.write("gate", "\n");
    assert_eq!(running.wait().code(), Some(3), "{:?} {:?}", project.log("err"), binary());
}
