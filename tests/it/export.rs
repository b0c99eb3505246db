//! `sublet export`: each format, read back by the program that it is for.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use crate::{needs, project::Project};

/// Values that each format has its own trouble with.
const VALUES: [(&str, &str); 20] = [
    ("PLAIN", "plain"),
    ("EMPTY", ""),
    ("SPACES", "  two  words  "),
    ("SINGLE", "it's"),
    ("DOUBLE", "say \"x\""),
    ("BACKSLASH", "C:\\new\\table\\"),
    ("BACKSLASHES", "\\\\\\"),
    ("DOLLAR", "$HOME ${HOME} $$ $(id) `id` $2b$12$x"),
    ("HASH", "#a b #c"),
    ("BANG", "a!b !! !$"),
    ("JSON", "{\"a\":\"b\",\"c\":[1,'2']}"),
    ("EQUALS", "a=b=c="),
    ("GLOB", "* ? [a] ~ ~root {a,b}"),
    ("OPERATORS", "a;b|c&d<e>f(g)h"),
    ("UNICODE", "ünïcödé 🎉 \u{85}\u{a0}\u{2028}"),
    ("CONTROL", "\u{1}\u{7}\u{1b}[31m\u{7f}"),
    ("TAB", "\ta\t"),
    ("PERCENT", "100%s %n %%"),
    ("TILDE", "~/x"),
    ("DASH", "-n -e"),
];

/// Those that need more than a line.
const LINES: [(&str, &str); 5] = [
    ("LINES", "one\ntwo\n\nfour\n"),
    ("RETURN", "a\r\nb\r"),
    ("KEY", "-----BEGIN KEY-----\nabc+/=\n-----END KEY-----\n"),
    ("EOF_LINE", "EOF\n'\n\"\n`"),
    ("CONTINUED", "a\\\nb"),
];

type Values = BTreeMap<String, Vec<u8>>;

fn values(lines: bool) -> Values {
    let all = VALUES.iter().chain(LINES.iter().filter(|_| lines));
    all.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// A project that delivers `values`, byte for byte.
fn project(values: &Values) -> Project {
    let mut manifest = "[env]\n".to_owned();
    for name in values.keys() {
        let _ = writeln!(manifest, "{name} = \"${{file:values/{name}}}\"");
    }
    let project = Project::with_manifest(manifest);
    for (name, value) in values {
        project.write(&format!("values/{name}"), value);
    }
    project
}

/// Writes the export to `name`.
fn export(project: &Project, format: &str, name: &str) {
    let outcome = project.run(["export", "--format", format]).success().stderr_is_empty();
    project.write(name, &outcome.stdout);
}

/// Those of `expected` that stand in what `env -0` printed.
fn delivered(output: &[u8], expected: &Values) -> Values {
    let entries = output.split(|byte| *byte == 0);
    let entries = entries.filter_map(|entry| {
        let equals = entry.iter().position(|byte| *byte == b'=')?;
        let name = String::from_utf8(entry[..equals].to_vec()).ok()?;
        Some((name, entry[equals + 1..].to_vec()))
    });
    entries.filter(|(name, _)| expected.contains_key(name)).collect()
}

#[test]
fn shells_read_every_byte() {
    let mut values = values(true);
    values.insert("BYTES".to_owned(), b"\xff\xfe\x80".to_vec());
    let project = project(&values);
    export(&project, "shell", "out.sh");
    for shell in ["sh", "bash", "dash"] {
        if !needs::tool(shell) {
            continue;
        }
        for script in
            [". ./out.sh; env -0", "eval \"$(cat out.sh)\"; env -0", "set -eu; . ./out.sh; env -0"]
        {
            let outcome = project.outcome(project.command(shell).args(["-c", script])).success();
            let outcome = outcome.stderr_is_empty();
            assert_eq!(delivered(&outcome.stdout, &values), values, "{shell}: {script}");
        }
    }
}

#[test]
fn the_default_format_is_the_shells() {
    let project = project(&values(true));
    let shell = project.run(["export", "--format=shell"]).success();
    project.run(["export"]).success().stdout_is(&shell.stdout);
    project.run(["export", "-f", "shell"]).success().stdout_is(&shell.stdout);
}

#[test]
fn our_own_env_file_reads_every_byte() {
    let mut values = values(true);
    values.insert("BYTES".to_owned(), b"\xff\xfe\x80".to_vec());
    let exported = project(&values).run(["export", "--format", "dotenv"]).success();
    let reader = Project::with_dotenv(&exported.stdout);
    let child = reader.child([""; 0]).success();
    assert_eq!(delivered(&child.stdout, &values), values);
}

#[test]
fn jq_reads_every_value() {
    if !needs::tool("jq") {
        return;
    }
    let values = values(true);
    let project = project(&values);
    export(&project, "json", "out.json");
    for (name, value) in &values {
        let mut jq = project.command("jq");
        jq.args(["-j", "--arg", "name", name, ".[$name]", "out.json"]);
        project.outcome(&mut jq).success().stdout_is(value);
    }
    let mut jq = project.command("jq");
    let count = project.outcome(jq.args(["length", "out.json"])).success();
    count.stdout_is(format!("{}\n", values.len()));
}

/// A `systemd --user` of our own, in namespaces and a cgroup of its own; the machine's is not
/// touched. `$1` is what `systemd-run` does in it.
const WITH_SYSTEMD: &str = r#"
group=sublet-it.$$ made=
for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [ -w $root/cgroup.procs ] && mkdir $root/$group && made="$made $root/$group"
done
(
    for folder in $made; do sh -c 'echo $PPID' > $folder/cgroup.procs; done
    exec unshare --fork --pid --mount --kill-child --mount-proc sh -c '
        mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system /run/user/0 && chmod 700 /run/user/0
        export XDG_RUNTIME_DIR=/run/user/0
        unset NOTIFY_SOCKET DBUS_SESSION_BUS_ADDRESS
        /lib/systemd/systemd --user --log-target=null --unit=basic.target > /dev/null 2>&1 &
        until systemctl --user is-active -q basic.target 2> /dev/null; do kill -0 $! || exit 1; done
        systemd-run --user --quiet --wait --pipe "$@"' - "$@"
)
code=$?
for folder in $made; do find $folder -depth -type d -exec rmdir {} + 2> /dev/null; done
exit $code
"#;

#[test]
fn systemd_reads_every_value() {
    if !needs::root() || !needs::tool("systemd-run") || !needs::tool("unshare") {
        return;
    }
    let with_systemd = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", WITH_SYSTEMD, "sh"]).args(args);
        command
    };
    if !needs::works("systemd --user", &mut with_systemd(&["true"])) {
        return;
    }
    let values = values(true);
    let project = project(&values);
    export(&project, "systemd", "out.env");
    let file = format!("EnvironmentFile={}", project.path("out.env").display());
    let outcome = project.outcome(&mut with_systemd(&["-p", &file, "env", "-0"])).success();
    assert_eq!(delivered(&outcome.stdout, &values), values);
}

#[test]
fn docker_gets_lines_as_they_are() {
    // What `docker run --env-file` does: a line is NAME=VALUE, byte for byte, without quotes.
    let values = values(false);
    let exported = project(&values).run(["export", "--format", "docker"]).success();
    let lines = exported.stdout_text();
    let read = lines.lines().map(|line| {
        let (name, value) = line.split_once('=').unwrap();
        (name.to_owned(), value.as_bytes().to_vec())
    });
    assert_eq!(read.collect::<Values>(), values);
}

#[test]
fn what_a_format_cannot_carry_is_refused_by_name() {
    let canary = |value: &str| format!("canary{value}canary").into_bytes();
    let values = Values::from([
        ("GOOD".to_owned(), canary("")),
        ("LINES".to_owned(), canary("\n")),
        ("MORE_LINES".to_owned(), canary("\n\n")),
    ]);
    let outcome = project(&values).run(["export", "--format", "docker"]).refused().lacks("canary");
    outcome.stderr_has("LINES").stderr_has("MORE_LINES").stderr_lacks("GOOD");
    let values = Values::from([("BYTES".to_owned(), b"canary\xff".to_vec())]);
    for format in ["json", "systemd", "docker"] {
        let outcome = project(&values).run(["export", "--format", format]).refused();
        outcome.lacks("canary").stderr_has("BYTES");
    }
    let project = Project::with_manifest("[env]\n\"a.b\" = \"canary\"\n");
    project.run(["export"]).refused().lacks("canary").stderr_has("a.b");
}

#[test]
fn a_missing_value_prints_nothing() {
    let project = Project::with_manifest("[env]\nA = \"canary\"\nB = {}\n");
    project.run(["export"]).refused().lacks("canary").stderr_has("B");
}

#[test]
fn only_what_the_project_gives_is_exported() {
    let project = Project::with_manifest("[env]\nA = 1\n").env("OTHER", "canary");
    project.run(["export", "--format", "json"]).success().lacks("canary").stdout_has("\"A\"");
    let project = Project::with_manifest("[env]\nINHERITED = {}\n").env("INHERITED", "x");
    project.run(["export", "--format", "json"]).success();
}

#[test]
fn files_are_told_of_and_not_exported() {
    let project = Project::with_manifest("[files.key]\ncontent = \"canary\"\nenv = \"KEY\"\n");
    let outcome = project.run(["export"]).success().lacks("canary");
    outcome.stdout_is("").stderr_has("`key`");
}

#[test]
fn an_exported_file_is_not_left_behind() {
    let project = project(&values(false));
    let before = fs::read_dir(project.root()).unwrap().count();
    project.run(["export"]).success();
    assert_eq!(fs::read_dir(project.root()).unwrap().count(), before);
    assert!(Path::new(&project.path("sublet.toml")).exists());
}
