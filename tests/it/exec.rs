//! The child finds exactly what it would have found without us, in the very same process.

use std::{
    ffi::{CString, OsStr, OsString},
    fs,
    io::{BufRead, BufReader, Read},
    os::{
        fd::AsRawFd,
        unix::{
            ffi::{OsStrExt, OsStringExt},
            process::ExitStatusExt,
        },
    },
    process::{Command, Stdio},
};

use nix::sys::{resource::Resource, signal::Signal};

use crate::{
    needs,
    outcome::Outcome,
    project::{Project, binary},
    starting::{State, starts_with},
};

/// A project in which something is delivered: a variable from a `.env`, one from a template, and
/// a secret of a file.
fn project() -> Project {
    Project::with_manifest(
        "[env]\nCOMPOSED = \"x${key}y${file:key.txt}\"\n[secrets]\nkey = \"file:key.txt\"\n",
    )
    .file(".env", "FROM_DOTENV=1\n")
    .file("key.txt", "k")
}

/// Runs `argv` by itself and through `sublet`, both started with `states`.
fn twice(project: &Project, argv: &[&str], states: &[State]) -> [Outcome; 2] {
    let mut direct = project.command(argv[0]);
    direct.args(&argv[1..]);
    let mut through = project.sublet();
    through.args(["run", "--"]).args(argv);
    [direct, through]
        .map(|mut command| project.outcome(starts_with(&mut command, states.to_vec())).success())
}

/// Asserts that `argv` prints the same by itself and through `sublet`, and returns it.
#[track_caller]
fn same(argv: &[&str], states: &[State]) -> String {
    let [direct, through] = twice(&project(), argv, states);
    assert_eq!(direct.stdout_text(), through.stdout_text(), "{}", through.show());
    direct.stdout_text()
}

#[test]
fn the_child_has_our_pid() {
    let project = project();
    for line in [&["run", "--"][..], &["--"]] {
        let mut command = project.sublet();
        command.args(line).args(["sh", "-c", "echo $$ $PPID"]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        let expected = format!("{pid} {}\n", std::process::id());
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

/// The children of the child, once it runs: a builtin reads them, so the shell starts none.
const CHILDREN: [&str; 3] =
    ["sh", "-c", "while read -r pid; do echo $pid; done < /proc/$$/task/$$/children"];

#[test]
fn nothing_is_left_behind() {
    let project = Project::with_manifest(
        "[env]\nA = \"${ask:a}\"\nB = \"${old:b}\"\n\
         [sources.ask]\ntype = \"command\"\ncommand = [\"./json\"]\n\
         [sources.old]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"echo\"]\n",
    )
    .program(
        "json",
        "#!/bin/sh\ncat > /dev/null\necho '{\"protocol\":1,\"answers\":[{\"value\":\"1\"}]}'\n",
    );
    let mut args = vec!["run", "--"];
    args.extend(CHILDREN);
    project.run(args).success().stdout_is("");
}

#[test]
fn local_sources_start_no_process_and_no_thread() {
    if !needs::tool("strace") || !needs::works("strace", Command::new("strace").arg("true")) {
        return;
    }
    let project = project();
    let mut traced = project.command("strace");
    traced.args(["-f", "-o", "trace", "-e", "trace=process,network"]).arg(binary());
    project.outcome(traced.args(["run", "--", "/bin/true"])).success();
    let trace = project.read("trace");
    for call in ["clone", "fork", "socket", "connect"] {
        assert!(!trace.contains(call), "{call} in\n{trace}");
    }
    assert_eq!(trace.matches("execve(").count(), 2, "{trace}");
}

#[test]
fn dispositions_mask_and_privileges_are_untouched() {
    use Signal::{SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SIGXFSZ};

    let states: [&[State]; 5] = [
        &[],
        &[State::Ignored(SIGHUP), State::Ignored(SIGCHLD)],
        &[State::Ignored(SIGPIPE), State::Ignored(SIGINT), State::Ignored(SIGXFSZ)],
        &[State::Blocked(SIGTERM), State::Blocked(SIGPIPE), State::Blocked(SIGCHLD)],
        &[State::Pending(SIGUSR1)],
    ];
    // Not `SigQ`, which counts what is pending for the user.
    let probe = [
        "grep",
        "-E",
        "^(Umask|Sig[BIPC]|Shd|Cap|NoNew|Secc|Uid|Gid|Groups|Threads|TracerPid)",
        "/proc/self/status",
    ];
    let mut seen = Vec::new();
    for states in states {
        seen.push(same(&probe, states));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), states.len(), "the states cannot be told apart: {seen:#?}");
}

#[test]
fn a_closed_pipe_ends_the_child() {
    let project = project();
    let mut command = project.sublet();
    let mut child = command.args(["run", "--", "yes"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "y\n");
    drop(output);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGPIPE as i32));
}

#[test]
fn nohup_survives() {
    let project = project();
    let mut command = project.command("nohup");
    let script = "kill -HUP $$; echo alive";
    command.arg(binary()).args(["run", "--", "sh", "-c", script]);
    project.outcome(&mut command).success().stdout_is("alive\n");
}

#[test]
fn an_ignored_sigchld_does_no_harm_to_a_source_that_is_a_program() {
    let project = Project::with_manifest(
        "[env]\nA = \"${old:b}\"\n\
         [sources.old]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"echo\"]\n",
    );
    let states = [State::Ignored(Signal::SIGCHLD)];
    let [direct, through] = twice(&project, &["grep", "SigIgn", "/proc/self/status"], &states);
    assert_eq!(direct.stdout_text(), through.stdout_text());
}

/// Writes what descriptors it has to `report`: not to standard output, which may be closed.
const DESCRIPTORS: [&str; 7] =
    ["find", "/proc/self/fd", "-ignore_readdir_race", "-mindepth", "1", "-fprintf", "report"];

#[test]
fn descriptors_are_untouched() {
    let (reader, writer) = std::io::pipe().unwrap();
    let project = project().file("some.txt", "text");
    let mut some = fs::File::open(project.path("some.txt")).unwrap();
    some.read_exact(&mut [0; 2]).unwrap();
    let open = [
        State::Copied(some.as_raw_fd(), 203),
        State::Copied(reader.as_raw_fd(), 204),
        State::Copied(writer.as_raw_fd(), 222),
        State::Copied(203, 3),
        State::Copied(204, 7),
        State::Copied(222, 42),
        State::Closed(4),
        State::Closed(5),
    ];
    let closed: [&[i32]; 7] = [&[], &[0], &[1], &[2], &[0, 2], &[1, 2], &[0, 1, 2]];
    for closed in closed {
        let states = closed.iter().map(|fd| State::Closed(*fd));
        let states = open.iter().cloned().chain(states).collect::<Vec<_>>();
        let mut reports = Vec::new();
        let mut through = project.sublet();
        through.args(["run", "--", "find"]);
        for mut command in [project.command("find"), through] {
            command.args(&DESCRIPTORS[1..]).arg("%f %l\\n");
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let ended = starts_with(&mut command, states.clone()).status().unwrap();
            assert!(ended.success(), "{closed:?}: {ended}");
            reports.push(project.read("report"));
        }
        // Each has its own process number.
        let [direct, through] = [0, 1].map(|at| lines_but_proc(&reports[at]));
        assert_eq!(direct, through, "{closed:?}");
        assert!(
            direct.contains(&format!("3 {}", project.path("some.txt").display())),
            "{direct:?}"
        );
        assert!(direct.iter().any(|line| line.starts_with("42 pipe:")), "{direct:?}");
    }
}

fn lines_but_proc(report: &str) -> Vec<String> {
    let mut lines = report.lines().filter(|line| !line.contains("/proc/")).collect::<Vec<_>>();
    lines.sort_unstable();
    lines.into_iter().map(str::to_owned).collect()
}

#[test]
fn flags_and_offsets_of_descriptors_are_untouched() {
    let project = project().file("some.txt", "text");
    let mut some = fs::File::open(project.path("some.txt")).unwrap();
    some.read_exact(&mut [0; 2]).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let states = [
        State::Copied(some.as_raw_fd(), 203),
        State::Copied(reader.as_raw_fd(), 204),
        State::Copied(writer.as_raw_fd(), 205),
    ];
    let info = ["cat", "/proc/self/fdinfo/203", "/proc/self/fdinfo/204", "/proc/self/fdinfo/205"];
    let [direct, through] = twice(&project, &info, &states);
    assert_eq!(direct.stdout_text(), through.stdout_text());
    direct.stdout_has("pos:\t2\n");
}

#[test]
fn a_delivered_file_takes_the_place_of_no_standard_descriptor() {
    let project = Project::with_manifest("[files.key]\ncontent = \"secret\"\nenv = \"KEY\"\n");
    let closed = [State::Closed(0), State::Closed(1), State::Closed(2)];
    // Where few descriptors are allowed, the lowest that are free are taken.
    for limit in [1000, 20] {
        let mut command = project.sublet();
        command.args(["run", "--"]).args(DESCRIPTORS).arg("%f %l\\n");
        let limit = State::Limit(Resource::RLIMIT_NOFILE, limit, limit);
        let states = closed.iter().cloned().chain([limit]).collect();
        assert!(starts_with(&mut command, states).status().unwrap().success());
        let report = project.read("report");
        let memory = report.lines().filter(|line| line.contains("memfd:")).collect::<Vec<_>>();
        let [memory] = memory[..] else { panic!("{report}") };
        let number: i32 = memory.split(' ').next().unwrap().parse().unwrap();
        assert!(number > 2, "{report}");
    }
}

#[test]
fn a_source_that_is_a_program_needs_no_standard_descriptor_of_ours() {
    let manifest =
        "[env]\nA = \"${ask:x}\"\n[sources.ask]\ntype = \"command\"\ncommand = [\"./ask\"]\n";
    let provider = "#!/bin/sh\ncat > request\necho noise >&2\n\
                    echo '{\"protocol\":1,\"answers\":[{\"value\":\"v\"}]}'\n";
    let project = Project::with_manifest(manifest).program("ask", provider);
    let mut command = project.sublet();
    command.args(["run", "--", "sh", "-c", "echo $A > copy"]);
    let states = vec![State::Closed(0), State::Closed(1), State::Closed(2)];
    let ended = starts_with(&mut command, states).status().unwrap();
    assert!(ended.success(), "{ended}");
    assert_eq!(project.read("copy"), "v\n");
    assert_eq!(project.read("request"), "{\"protocol\":1,\"requests\":[{\"path\":\"x\"}]}");
}

#[test]
fn the_rest_of_the_process_is_untouched() {
    let root = needs::root();
    let mut states = vec![
        State::Umask(0o027),
        State::Nice(3),
        State::Limit(Resource::RLIMIT_NOFILE, 123, 456),
        State::Limit(Resource::RLIMIT_CORE, 0, 0),
        State::Limit(Resource::RLIMIT_STACK, 4 << 20, 5 << 20),
    ];
    if root {
        states.push(State::OomScore("321"));
    }
    let script = "cat /proc/$$/limits /proc/$$/oom_score_adj /proc/$$/coredump_filter \
                  /proc/$$/timerslack_ns /proc/$$/personality /proc/$$/cgroup; umask; nice; pwd; \
                  stat -c '%U %a' /proc/$$/mem; cut -d' ' -f5,6,7 /proc/$$/stat > /dev/null; \
                  ulimit -a";
    let seen = same(&["sh", "-c", script], &states);
    assert!(seen.contains("0027") && seen.contains("456"), "{seen}");
}

#[test]
fn sublet_stays_in_the_session_and_group_of_its_parent() {
    let group = |mut command: Command| {
        let output = command.args(["cut", "-d ", "-f5,6,7", "/proc/self/stat"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let project = project();
    let mut through = project.sublet();
    through.args(["run", "--"]);
    let direct = project.command("env");
    let direct = group(direct);
    assert!(!direct.is_empty());
    assert_eq!(group(through), direct);
}

#[test]
fn arguments_are_bytes() {
    let project = project();
    let odd: [&OsStr; 7] = [
        OsStr::new(""),
        OsStr::new("two words"),
        OsStr::new("$HOME `id` $(id) ${x}"),
        OsStr::from_bytes(b"\xff\xfe\x01"),
        OsStr::new("--help"),
        OsStr::new("--"),
        OsStr::new("line\nbreak"),
    ];
    let script = "cat /proc/$$/cmdline; :";
    let mut command = project.sublet();
    command.args(["run", "--", "sh", "-c", script, "name"]).args(odd);
    let expected = ["sh", "-c", script, "name"].map(OsStr::new).into_iter().chain(odd);
    let expected = expected.flat_map(|arg| arg.as_bytes().iter().copied().chain([0]));
    project.outcome(&mut command).success().stdout_is(expected.collect::<Vec<u8>>());
}

#[test]
fn arguments_after_the_command_are_its_own() {
    let project = project();
    for line in [
        &["run", "printf", "%s,", "-p", "--manifest", "--set"][..],
        &["run", "--", "printf", "%s,", "-p", "--manifest", "--set"],
        &["--", "printf", "%s,", "-p", "--manifest", "--set"],
    ] {
        project.run(line).success().stdout_is("-p,--manifest,--set,");
    }
}

/// What every entry of the environment is, in order, byte for byte.
fn environments(project: &Project, entries: &[&[u8]]) -> [Vec<Vec<u8>>; 2] {
    let cat = ["/bin/cat", "/proc/self/environ"];
    let sublet = binary();
    let through = [sublet.as_os_str(), OsStr::new("run"), OsStr::new("--")];
    let lines = [
        cat.map(OsString::from).to_vec(),
        through.into_iter().chain(cat.map(OsStr::new)).map(OsStr::to_owned).collect(),
    ];
    let c_string = |bytes: &[u8]| CString::new(bytes).unwrap();
    lines.map(|argv| {
        let argv = argv.into_iter().map(|arg| c_string(&arg.into_vec())).collect::<Vec<_>>();
        let entries = entries.iter().map(|entry| c_string(entry)).collect();
        let mut command = project.command("unused");
        starts_with(&mut command, vec![State::Environment { argv, entries }]);
        let outcome = project.outcome(&mut command).success();
        outcome.entries()
    })
}

#[test]
fn the_environment_is_passed_on_byte_for_byte() {
    let entries: [&[u8]; 12] = [
        b"PATH=/usr/bin:/bin",
        b"TWICE=1",
        b"TWICE=2",
        b"NO_EQUALS",
        b"BASH_FUNC_x%%=() {  echo hi\n}",
        b"VALUE=\xff\xfe",
        b"\xff\xfe=name",
        b"=empty name",
        b"EMPTY=",
        b"a.b-c=dots and dashes",
        b"two words=x",
        b"A=b=c=",
    ];
    let [direct, through] = environments(&Project::with_manifest(""), &entries);
    assert_eq!(direct, through);
    assert_eq!(direct.len(), entries.len());
}

#[test]
fn delivered_variables_replace_their_names_and_nothing_else() {
    let project = Project::with_dotenv("TWICE=new\nADDED=1\nGONE.NOT=x\n");
    let entries: [&[u8]; 5] =
        [b"PATH=/usr/bin:/bin", b"TWICE=1", b"TWICE_NOT=1", b"TWICE=2", b"\xff=1"];
    let [direct, through] = environments(&project, &entries);
    let mut kept = through.clone();
    kept.retain(|entry| direct.contains(entry));
    assert_eq!(kept.len(), 3, "{through:?}");
    let added = through.iter().filter(|entry| !direct.contains(entry)).collect::<Vec<_>>();
    let mut expected: Vec<&[u8]> = vec![b"ADDED=1", b"GONE.NOT=x", b"TWICE=new"];
    expected.sort_unstable();
    let mut added = added.into_iter().map(Vec::as_slice).collect::<Vec<_>>();
    added.sort_unstable();
    assert_eq!(added, expected);
}

#[test]
fn an_empty_environment_works() {
    let [direct, through] = environments(&Project::with_manifest(""), &[]);
    assert_eq!(direct, through);
}

#[test]
fn standard_input_is_the_childs() {
    let project = project().file("input", "all of it");
    let mut command = project.sublet();
    command.args(["run", "--", "cat"]).stdin(fs::File::open(project.path("input")).unwrap());
    project.outcome(&mut command).success().stdout_is("all of it").stderr_is_empty();
}

#[test]
fn while_it_holds_values_its_own_user_cannot_read_its_memory() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let provider = "#!/bin/sh\nstat -c %u /proc/$PPID/mem\n";
    let manifest = "[env]\nOWNER = \"${old:x}\"\n\
                    [sources.old]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"./old\"]\n";
    let project = Project::with_manifest(manifest).program("old", provider);
    let script = "echo $OWNER; stat -c %u /proc/$$/mem";
    let mut command = project.as_nobody();
    command.args(["run", "--exec", "--", "sh", "-c", script]);
    // Root's until the child takes our place, which is an ordinary process again.
    project.outcome(&mut command).success().stdout_is("0\n65534\n");
}
