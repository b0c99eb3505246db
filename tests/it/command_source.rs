//! `command`: any program as a source, well-behaved or not.

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    project::Project,
    starting::{State, starts_with},
};

fn manifest(settings: &str) -> String {
    format!(
        "[env]\nA = \"${{ask:one}}\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\", \"first\"]\n{settings}"
    )
}

/// A project whose provider is this shell script.
fn asking(settings: &str, script: &str) -> Project {
    Project::with_manifest(manifest(settings)).program("ask", format!("#!/bin/sh\n{script}\n"))
}

#[test]
fn many_paths_are_one_process() {
    let manifest = "[env]\nA = \"${ask:one#x}\"\nB = \"${ask:one#y}\"\nC = \"${ask:two?k=v&l=}\"\nD = \"${two}\"\n\
                    [secrets]\ntwo = \"ask:two@3\"\n\
                    [sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n";
    let script = r#"#!/bin/sh
echo run >> runs
cat > request
echo '{"protocol":1,"answers":[{"fields":{"x":1,"y":"2"}},{"value":"c"},{"value":"d"}]}'
"#;
    let project = Project::with_manifest(manifest).program("ask", script);
    let child = project.child([""; 0]).success();
    let child = child.variable_is("A", "1").variable_is("B", "2");
    child.variable_is("C", "c").variable_is("D", "d");
    assert_eq!(project.read("runs"), "run\n");
    let request: serde_json::Value = serde_json::from_str(&project.read("request")).unwrap();
    let expected = serde_json::json!({"protocol": 1, "requests": [
        {"path": "one"},
        {"path": "two", "params": {"k": "v", "l": ""}},
        {"path": "two", "version": "3"}]});
    assert_eq!(request, expected);
}

#[test]
fn sources_are_asked_at_the_same_time() {
    // Each waits for the other: one after the other, they would never end.
    let manifest = "[env]\nA = \"${a:x}\"\nB = \"${b:x}\"\n\
                    [sources.a]\ntype = \"command\"\ncommand = [\"./meet\", \"one\", \"two\"]\nprotocol = \"summon\"\n\
                    [sources.b]\ntype = \"command\"\ncommand = [\"./meet\", \"two\", \"one\"]\nprotocol = \"summon\"\n";
    let project = Project::with_manifest(manifest).fifo("one").fifo("two");
    let project = project.program(
        "meet",
        "#!/bin/sh\ncase $1 in one) : > one; : < two;; two) : < one; : > two;; esac\necho met\n",
    );
    project.child([""; 0]).success().variable_is("A", "met").variable_is("B", "met");
}

#[test]
fn its_errors_are_shown_and_its_output_never() {
    let project = asking("", "echo to-the-user >&2; echo canary; exit 3");
    let outcome = project.child([""; 0]).refused().lacks("canary");
    outcome.stderr_has("to-the-user").stderr_has("exit status: 3").stderr_has("`./ask`");
    let project = asking("", "echo canary-on-stdout; kill -9 $$");
    project.child([""; 0]).refused().lacks("canary").stderr_has("signal: 9");
}

#[test]
fn answers_that_are_none() {
    for (script, why) in [
        ("", "breaks off"),
        ("printf '{\"protocol\":1,\"answers\":[{\"value\":\"cana'", "breaks off"),
        ("echo 'canary is no JSON'", "not JSON"),
        ("echo '{\"protocol\":2,\"answers\":[{\"value\":\"canary\"}]}'", "version 2"),
        ("echo '{\"protocol\":1,\"answers\":[]}'", "0 answers to 1"),
        (
            "echo '{\"protocol\":1,\"answers\":[{\"value\":\"canary\"},{\"value\":\"canary\"}]}'",
            "2 answers to 1",
        ),
        ("echo '{\"protocol\":1,\"answers\":{\"canary\":1}}'", "wrong form"),
        (
            "echo '{\"protocol\":1,\"answers\":[{\"value\":\"canary\",\"base64\":\"Y2FuYXJ5\"}]}'",
            "several",
        ),
        ("echo '{\"protocol\":1,\"answers\":[{\"base64\":\"canary!\"}]}'", "base64"),
        ("echo '{\"protocol\":1,\"answers\":[{\"error\":\"canary\"}]}'", "no known kind"),
        ("echo '{\"protocol\":1,\"answers\":[{\"value\":\"canary\"}]} canary'", "not JSON"),
        ("printf '\\377\\376'", "not JSON"),
    ] {
        asking("", script).child([""; 0]).refused().lacks("canary").stderr_has(why);
    }
    asking("", "echo '{\"protocol\":1,\"answers\":[{}]}'")
        .child([""; 0])
        .refused()
        .stderr_has("A: ");
}

#[test]
fn one_that_hangs_is_ended_at_its_timeout() {
    for script in ["exec sleep 1000", "while :; do :; done", "exec >&-; while :; do :; done"] {
        let project = asking("timeout = \"200ms\"\n", &format!("echo $$ > pid; {script}"));
        project.child([""; 0]).refused().stderr_has("200ms");
        assert!(!lives(&project.read("pid")), "{script}: the provider outlived its purpose");
    }
}

#[test]
fn nothing_of_one_that_hangs_is_left() {
    let project = asking("timeout = \"200ms\"\n", "sleep 1000 & echo $! > pid; wait");
    let mut command = project.sublet();
    // Not a pipe, which what is left over would hold open.
    command.args(["--", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    assert_eq!(command.status().unwrap().code(), Some(125));
    let pid = project.read("pid");
    let left = lives(&pid);
    let _ = kill(Pid::from_raw(pid.trim().parse().unwrap()), Signal::SIGKILL);
    assert!(!left, "what the provider started outlived it");
}

fn lives(pid: &str) -> bool {
    std::path::Path::new("/proc").join(pid.trim()).exists()
}

#[test]
fn one_that_floods_is_ended() {
    asking("", "yes canary").child([""; 0]).refused().lacks("canary").stderr_has("16 MiB");
}

#[test]
fn one_that_does_not_read_its_request_may_answer() {
    let project = asking("", "exec <&-; echo '{\"protocol\":1,\"answers\":[{\"value\":\"x\"}]}'");
    project.child([""; 0]).success().variable_is("A", "x");
}

#[test]
fn one_that_cannot_be_started() {
    Project::with_manifest(manifest(""))
        .child([""; 0])
        .refused()
        .stderr_has("`./ask`")
        .stderr_has("no such program");
    let project = Project::with_manifest(manifest("")).file("ask", "");
    project.child([""; 0]).refused().stderr_has("may not be executed");
    let project =
        Project::with_manifest("[env]\nA = \"${ask:x}\"\n[sources.ask]\ntype = \"command\"\n");
    project.child([""; 0]).refused().stderr_has("no command");
}

#[test]
fn a_summon_provider_is_used_as_it_is() {
    let manifest = "[env]\nA = \"${ask:path/to%23x}\"\nB = \"${dash}\"\n\
                    [secrets]\ndash = \"ask:-b\"\n\
                    [sources.ask]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"./ask\"]\n";
    let script = "#!/bin/sh\nprintf ' %s:%s\\n\\n' \"$#\" \"$1\"\n";
    let project = Project::with_manifest(manifest).program("ask", script);
    let child = project.child([""; 0]).success();
    child.variable_is("A", "1:path/to#x").variable_is("B", "1:-b");
}

#[test]
fn a_lease_is_read_and_its_end_known() {
    let answer = "echo '{\"protocol\":1,\"answers\":[{\"fields\":{\"user\":\"u\"},\"lease\":{\"id\":\"l-1\",\"ttl\":3600,\"renewable\":true,\"max_ttl\":86400}}]}'";
    let manifest = "[env]\nTTL = \"${db.lease.ttl}\"\nUNTIL = \"${db.lease.expires}\"\nUSER = \"${db.user}\"\n\
                    [secrets]\ndb = \"ask:db\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n";
    let project = Project::with_manifest(manifest).program("ask", format!("#!/bin/sh\n{answer}\n"));
    // Whether it is executed or supervised.
    for mode in ["--exec", "--supervise"] {
        let child = project.child([mode]).success();
        let child = child.variable_is("TTL", "3600").variable_is("USER", "u").stderr_lacks("l-1");
        let until = String::from_utf8(child.variable("UNTIL").unwrap()).unwrap();
        assert!(until.len() == 20 && until.ends_with('Z') && until.contains('T'), "{until}");
    }
    // Then nobody renews it.
    project.child(["--exec"]).success().stderr_has("`ask:db`");
}

#[test]
fn its_credentials_do_not_reach_the_child() {
    let project = asking(
        "credentials = [\"ASK_TOKEN\"]\n",
        "echo \"{\\\"protocol\\\":1,\\\"answers\\\":[{\\\"value\\\":\\\"with $ASK_TOKEN\\\"}]}\"",
    );
    let project = project.env("ASK_TOKEN", "token").env("ASK_OTHER", "kept");
    let child = project.child([""; 0]).success().variable_is("A", "with token");
    child.has_no_variable("ASK_TOKEN").variable_is("ASK_OTHER", "kept");
    // Of a source that is not used, they are not credentials.
    project.child(["--set", "A=1"]).success().variable_is("ASK_TOKEN", "token");
}

#[test]
fn it_starts_with_the_state_that_we_were_started_with() {
    let script = "grep -E '^Sig(Blk|Ign)' /proc/self/status >&2";
    let answer = "echo '{\"protocol\":1,\"answers\":[{\"value\":\"x\"}]}'";
    let project = asking("", &format!("{script}; {answer}"));
    for states in [vec![], vec![State::Ignored(Signal::SIGHUP)]] {
        let mut direct = project.command("sh");
        direct.args(["-c", script]);
        let direct = project.outcome(starts_with(&mut direct, states.clone())).success();
        let mut command = project.sublet();
        let through = starts_with(command.args(["--", "true"]), states);
        let through = project.outcome(through).success();
        assert_eq!(standard(&through.stderr_text()), standard(&direct.stderr_text()));
    }
}

/// The masks without the signals that the C library keeps to itself, and ignores in what it spawns.
fn standard(masks: &str) -> Vec<u64> {
    let masks = masks.lines().map(|line| line.split('\t').next_back().unwrap());
    let masks = masks.map(|mask| u64::from_str_radix(mask, 16).unwrap() & 0x7fff_ffff);
    masks.collect()
}

#[test]
fn it_inherits_none_of_the_values() {
    let manifest = "[env]\nA = \"${ask:one}\"\nB = \"${file:b}\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n";
    let script = "#!/bin/sh\nenv > seen; ls /proc/self/fd >> seen\necho '{\"protocol\":1,\"answers\":[{\"value\":\"x\"}]}'\n";
    let project = Project::with_manifest(manifest)
        .program("ask", script)
        .file("b", "canary")
        .file(".env", "C=canary\n");
    project.child([""; 0]).success();
    assert!(!project.read("seen").contains("canary"), "{}", project.read("seen"));
}
