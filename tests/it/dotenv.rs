//! `.env` files: the dialect through the whole program, what is refused, what is found.

use snapbox::str;

use crate::{needs, project::Project};

/// A line of a `.env` file, and the bytes that the child gets.
const DIALECT: [(&[u8], &[u8]); 36] = [
    // What dotenvy corrupts.
    (b"p@ss$word!", b"p@ss$word!"),
    (b"$2b$12$abcdefghijkl", b"$2b$12$abcdefghijkl"),
    (b"{\"a\":\"b\"}", b"{\"a\":\"b\"}"),
    (b"it's", b"it's"),
    (b"two words", b"two words"),
    (b"C:\\new\\table", b"C:\\new\\table"),
    (b"$(echo no) `echo no` ${HOME}", b"$(echo no) `echo no` ${HOME}"),
    (b"a=b=c==", b"a=b=c=="),
    (b"\xc3\xbcn\xc3\xafc\xc3\xb6d\xc3\xa9", b"\xc3\xbcn\xc3\xafc\xc3\xb6d\xc3\xa9"),
    (b"\xff\xfe", b"\xff\xfe"),
    (b"", b""),
    // White space and comments.
    (b"  padded\t ", b"padded"),
    (b"a#b", b"a#b"),
    (b"#fff", b"#fff"),
    (b" #fff", b""),
    (b"a # comment", b"a"),
    (b"a\t# comment", b"a"),
    (b"'a # b' # comment", b"a # b"),
    (b"it's # comment", b"it's"),
    (b"value\r", b"value"),
    // Single quotes are raw.
    (b"'$HOME `id` \\n \"x\" #'", b"$HOME `id` \\n \"x\" #"),
    (b"'a\\'", b"a\\"),
    (b"' '", b" "),
    (b"''", b""),
    (b"'one\ntwo\r\nthree'", b"one\ntwo\nthree"),
    // Double quotes take five escapes.
    (b"\"\\n\\r\\t\\\"\\\\\"", b"\n\r\t\"\\"),
    (b"\"\\a\\$\\'\\x41\\u0041\"", b"\\a\\$\\'\\x41\\u0041"),
    (b"\"$HOME ${HOME} $(id) `id`\"", b"$HOME ${HOME} $(id) `id`"),
    (b"\"one\ntwo\"", b"one\ntwo"),
    (b"\"it's\"", b"it's"),
    (b"\"\"", b""),
    (b"\" \"", b" "),
    (b"\"a\"\t# comment", b"a"),
    (b"-----BEGIN KEY-----", b"-----BEGIN KEY-----"),
    (b"a'b'c", b"a'b'c"),
    (b"a\"b\"c", b"a\"b\"c"),
];

#[test]
fn every_value_reaches_the_child_byte_for_byte() {
    for name in ["A", "export A", "  A ", "\texport\tA\t"] {
        for (line, expected) in DIALECT {
            for ending in ["", "\n", "\r\n"] {
                let text = [name.as_bytes(), b"=", line, ending.as_bytes(), b"B=next"];
                if ending.is_empty() {
                    Project::with_dotenv(text[..3].concat())
                        .child([""; 0])
                        .success()
                        .variable_is("A", expected);
                } else if name == "A" {
                    let child = Project::with_dotenv(text.concat()).child([""; 0]).success();
                    child.variable_is("A", expected).variable_is("B", "next");
                }
            }
        }
    }
}

#[test]
fn a_whole_file_of_it() {
    let text = b"\xef\xbb\xbf# a comment\r\n\r\n   # another\nexport FIRST=1\r\nSECOND='2\n2'\n\n\
                 export=3\nwith.dots-and-dashes=4\nBASH_FUNC_x%%=5\n\xc3\xbc=6\nLAST=7";
    let child = Project::with_dotenv(text).child([""; 0]).success();
    let child = child.variable_is("FIRST", "1").variable_is("SECOND", "2\n2");
    let child = child.variable_is("export", "3").variable_is("with.dots-and-dashes", "4");
    child.variable_is("BASH_FUNC_x%%", "5").variable_is("ü", "6").variable_is("LAST", "7");
}

#[test]
fn names_are_expanded_where_the_source_says_so() {
    let manifest = "[sources.dotenv]\nexpand = true\n";
    let env = "BASE=b\nA=$BASE/${BASE}-${NONE:-d}\nB='$BASE'\nC=\\$BASE\nD=$(touch ran)`touch ran`\nE=$FROM_PARENT\n";
    let project = Project::with_manifest(manifest).file(".env", env).env("FROM_PARENT", "p");
    let child = project.child([""; 0]).success();
    let child = child.variable_is("A", "b/b-d").variable_is("B", "$BASE").variable_is("C", "$BASE");
    child.variable_is("E", "p");
    assert!(!project.path("ran").exists());
}

#[test]
fn nothing_is_executed() {
    let project = Project::with_dotenv("A=$(touch ran)\nB=\"`touch ran`\"\nC=$(touch ran) x\n");
    project.child([""; 0]).success();
    assert!(!project.path("ran").exists());
}

#[test]
fn a_malformed_line_is_named_by_file_line_and_column_without_its_value() {
    for (text, place) in [
        ("A=1\ncanary-without-equals\n", "line 2, column 22"),
        ("A=1\n\n=canary\n", "line 3, column 1"),
        ("A='canary\n\n", "line 1, column 3"),
        ("A=\"canary\" canary\n", "line 1, column 12"),
        ("A B=canary\n", "line 1, column 3"),
        ("'A'=canary\n", "line 1, column 1"),
        ("A=can\0ary\n", "line 1, column 6"),
        ("export canary\n", "line 1, column 14"),
        ("canary: yaml\n", "line 1, column 9"),
    ] {
        let project = Project::with_dotenv(text);
        for args in [&["--", "true"][..], &["check"], &["explain", "A"], &["export"]] {
            let outcome = project.run(args).refused().lacks("canary");
            outcome.stderr_has(".env").stderr_has(place);
        }
    }
    let project = Project::with_dotenv("A=1\nB=\"canary\n");
    project.run(["--", "true"]).refused().lacks("canary").stderr_is(str![[r#"
sublet: `.env` line 2, column 3: this quote is never closed

"#]]);
}

#[test]
fn files_that_are_none() {
    let project = Project::new().fifo(".env");
    project.run(["--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot read `.env`: it is a named pipe, not a file

"#]]);
    let project = Project::new().folder(".env");
    project.run(["--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot read `.env`: it is a directory

"#]]);
    let project = Project::new();
    std::os::unix::fs::symlink("/dev/zero", project.path(".env")).unwrap();
    project.run(["--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot read `.env`: it is a device, not a file

"#]]);
}

#[test]
fn one_that_may_not_be_read() {
    if !needs::root() || !needs::tool("setpriv") {
        return;
    }
    let project = Project::with_dotenv("A=1\n").mode(".env", 0o600);
    project.outcome(project.as_nobody().args(["--", "env"])).refused().stderr_is(str![[r#"
sublet: cannot read `.env`: it may not be read by this user

"#]]);
}

#[test]
fn ten_megabytes_are_read() {
    // Too many for one process, so that only `check` takes them all.
    let line = format!("{}\n", "x".repeat(99));
    let text =
        (0..100_000).fold(String::new(), |text, number| text + &format!("V{number}=") + &line);
    assert!(text.len() > 10 << 20);
    Project::with_dotenv(text).run(["explain", "V99999"]).success().stdout_has(".env");
}

#[test]
fn too_large_a_file_is_refused() {
    let project = Project::with_dotenv("");
    let file = std::fs::OpenOptions::new().write(true).open(project.path(".env")).unwrap();
    file.set_len(1 << 40).unwrap();
    project.run(["--", "true"]).refused().stderr_is(str![[r#"
sublet: cannot read `.env`: it is larger than 16384 KiB, the most that is read

"#]]);
}

#[test]
fn without_a_manifest_four_files_are_read_and_later_ones_win() {
    let project = Project::with_dotenv("A=1\nB=1\nC=1\nD=1\n")
        .file(".env.local", "B=2\nC=2\nD=2\n")
        .file(".env.development", "C=3\nD=3\n")
        .file(".env.development.local", "D=4\n")
        .file(".env.ci", "C=ci\n")
        .file(".env.example", "A=example\n");
    let child = project.child([""; 0]).success();
    let child = child.variable_is("A", "1").variable_is("B", "2").variable_is("C", "3");
    child.variable_is("D", "4");
}

#[test]
fn without_a_manifest_any_profile_has_its_files() {
    let project = Project::with_dotenv("A=1\nB=1\nC=1\n")
        .file(".env.local", "B=2\nC=2\n")
        .file(".env.ci", "C=3\n")
        .file(".env.development", "A=4\n");
    let child = project.child(["-p", "ci"]).success();
    child.variable_is("A", "1").variable_is("B", "2").variable_is("C", "3");
}

#[test]
fn any_one_of_the_four_is_enough() {
    for file in [".env.local", ".env.development", ".env.development.local"] {
        Project::new().file(file, "A=1\n").child([""; 0]).success().variable_is("A", "1");
    }
}

#[test]
fn staging_and_production_refuse_them() {
    for profile in ["staging", "production"] {
        let project = Project::with_dotenv("A=canary\n").file(".env.production", "A=canary\n");
        project.child(["-p", profile]).refused().lacks("canary").stderr_has(profile);
        // With a manifest that names no file, there is none to refuse; and none is read.
        let project = project.file("sublet.toml", "[env]\nB = 1\n");
        project.child(["-p", profile]).success().has_no_variable("A");
    }
}

#[test]
fn a_profile_can_allow_them() {
    let manifest = "[profiles.production]\nallow-dotenv = true\ndotenv = [\".env.prod\"]\n";
    let project = Project::with_manifest(manifest).file(".env.prod", "A=1\n");
    project.child(["-p", "production"]).success().variable_is("A", "1");
}

#[test]
fn what_a_profile_extends_does_not_bring_them_into_production() {
    let manifest = "[profiles.development]\ndotenv = [\".env\"]\n\
                    [profiles.production]\nextends = \"development\"\n";
    let project = Project::with_manifest(manifest).file(".env", "A=canary\n");
    let outcome = project.child(["-p", "production"]).lacks("canary");
    outcome.refused().stderr_has("production");
}

#[test]
fn a_profile_that_extends_production_refuses_them_too() {
    let project = Project::with_dotenv("A=canary\n").file(".env.eu", "A=canary\n");
    let project = project.file("sublet.toml", "[profiles.eu]\nextends = \"production\"\n");
    project.child(["-p", "eu"]).lacks("canary").success().has_no_variable("A");
    let manifest = "[profiles.eu]\nextends = \"production\"\ndotenv = [\".env\"]\n";
    project.write("sublet.toml", manifest);
    project.child(["-p", "eu"]).refused().lacks("canary");
}

#[test]
fn a_reference_for_all_profiles_is_refused_where_it_is_used() {
    let manifest = "[env]\nA = \"${a}\"\n[secrets]\na = \"dotenv:some.env#A\"\n";
    let project = Project::with_manifest(manifest).file("some.env", "A=canary\n");
    project.child(["-p", "production"]).refused().lacks("canary").stderr_has("production");
    project.child([""; 0]).success().variable_is("A", "canary");
}

#[test]
fn a_profile_can_do_without() {
    let project = Project::with_manifest("[profiles.ci]\ndotenv = false\n");
    let project = project.file(".env", "A=1\n").file(".env.ci", "A=1\n");
    project.child(["-p", "ci"]).success().has_no_variable("A");
}

#[test]
fn a_file_that_is_listed_and_absent_is_no_fault() {
    let manifest = "[profiles.development]\ndotenv = [\".env\", \".env.mine\"]\n";
    Project::with_manifest(manifest)
        .file(".env", "A=1\n")
        .child([""; 0])
        .success()
        .variable_is("A", "1");
}
