//! What is said of a faulty manifest: the messages are the interface, so they are snapshots.
//!
//! `SNAPSHOTS=overwrite cargo test --test it` writes them anew: read the difference.

use snapbox::{IntoData, str};

use crate::project::Project;

/// The manifest is refused by `run` with exactly this message, and by the other commands too.
#[track_caller]
fn fault(manifest: &str, expected: impl IntoData) {
    let project = Project::with_manifest(manifest);
    project.run(["--", "touch", "child-ran"]).refused().stderr_is(expected);
    assert!(!project.path("child-ran").exists());
    for args in [&["check"][..], &["check", "--offline", "--json"], &["explain", "A"], &["export"]]
    {
        project.run(args).refused();
    }
}

#[test]
fn an_unknown_key_and_the_nearest_right_one() {
    fault(
        "[env]\nA = 1\n\n[enviroment]\nB = 2\n",
        str![[r#"
sublet: a fault in the manifest
error: the manifest has no key `enviroment`
 --> sublet.toml:4:2
  |
4 | [enviroment]
  |  ^^^^^^^^^^
  |
  = help: its keys are: env, files, secrets, profiles, sources, run, listen

"#]],
    );
    fault(
        "[run]\ninherits = false\n",
        str![[r#"
sublet: a fault in the manifest
error: `run` has no key `inherits`
 --> sublet.toml:2:1
  |
2 | inherits = false
  | ^^^^^^^^
  |
  = help: did you mean `inherit`?

"#]],
    );
    fault(
        "[env]\nA = { vlaue = \"x\", requird = false }\n",
        str![[r#"
sublet: faults in the manifest
error: `env.A` has no key `vlaue`
 --> sublet.toml:2:7
  |
2 | A = { vlaue = "x", requird = false }
  |       ^^^^^
  |
  = help: did you mean `value`?

error: `env.A` has no key `requird`
 --> sublet.toml:2:20
  |
2 | A = { vlaue = "x", requird = false }
  |                    ^^^^^^^
  |
  = help: did you mean `required`?

"#]],
    );
    fault(
        "[profiles.production]\nextend = \"staging\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `profiles.production` has no key `extend`
 --> sublet.toml:2:1
  |
2 | extend = "staging"
  | ^^^^^^
  |
  = help: did you mean `extends`?

"#]],
    );
}

#[test]
fn an_unknown_filter() {
    fault(
        "[env]\nA = \"x${db|urll}\"\n[secrets]\ndb = \"file:x\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `urll` is not a filter
 --> sublet.toml:2:12
  |
2 | A = "x${db|urll}"
  |            ^^^^
  |
  = help: did you mean `url`?

"#]],
    );
}

#[test]
fn an_unknown_name_in_a_template() {
    fault(
        "[env]\nA = \"${dbb.password}\"\n[secrets]\ndb = \"file:x\"\n",
        str![[r#"
sublet: a fault in the manifest
error: nothing is named `dbb`
 --> sublet.toml:2:6
  |
2 | A = "${dbb.password}"
  |      ^^^^^^^^^^^^^^^
  |
  = help: did you mean `db`?

"#]],
    );
}

#[test]
fn an_unknown_field_of_a_secret_put_together() {
    fault(
        "[env]\nA = \"${tls.privat_key}\"\n[secrets]\ntls = { private_key = \"file:x\" }\n",
        str![[r#"
sublet: a fault in the manifest
error: `tls` has no field `privat_key`
 --> sublet.toml:2:6
  |
2 | A = "${tls.privat_key}"
  |      ^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `private_key`?

"#]],
    );
}

#[test]
fn an_unknown_source() {
    fault(
        "[env]\nA = \"${valt:kv/a#b}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: there is no source `valt`
 --> sublet.toml:2:6
  |
2 | A = "${valt:kv/a#b}"
  |      ^^^^^^^^^^^^^^
  |
  = help: the sources are: command, dotenv, env, file; others are declared under `[sources]`

"#]],
    );
    fault(
        "[secrets]\na = \"fil:x\"\n[env]\nA = \"${a}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: there is no source `fil`
 --> sublet.toml:2:6
  |
2 | a = "fil:x"
  |      ^^^^^
  |
  = help: did you mean `file`?

"#]],
    );
    fault(
        "[sources.x]\ntype = \"comand\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `comand` is not a type of source
 --> sublet.toml:2:8
  |
2 | type = "comand"
  |        ^^^^^^^^
  |
  = help: did you mean `command`?

"#]],
    );
}

#[test]
fn an_unknown_profile_to_extend() {
    fault(
        "[profiles.production]\nextends = \"stagin\"\n",
        str![[r#"
sublet: a fault in the manifest
error: there is no profile `stagin`
 --> sublet.toml:2:11
  |
2 | extends = "stagin"
  |           ^^^^^^^^
  |
  = help: did you mean `staging`?

"#]],
    );
}

#[test]
fn a_circle_of_templates() {
    fault(
        "[env]\nA = \"${B}\"\nB = \"x${C}\"\nC = \"${A}\"\nD = \"1\"\n",
        str![[r#"
sublet: a fault in the manifest
error: this template goes round in a circle: A → B → C → A
 --> sublet.toml:4:6
  |
4 | C = "${A}"
  |      ^^^^
  |
  = help: declare a secret of that name, or use another name

"#]],
    );
    fault(
        "[env]\nA = \"${A}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: this template goes round in a circle: A → A
 --> sublet.toml:2:6
  |
2 | A = "${A}"
  |      ^^^^
  |
  = help: declare a secret of that name, or use another name

"#]],
    );
}

#[test]
fn a_circle_of_profiles() {
    fault(
        "[profiles.a]\nextends = \"b\"\n[profiles.b]\nextends = [\"c\"]\n[profiles.c]\nextends = \"a\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `extends` goes round in a circle: a → b → c → a
 --> sublet.toml:2:11
  |
2 | extends = "b"
  |           ^^^
  |
  = help: a profile cannot start from itself: remove one of them

"#]],
    );
    fault(
        "[profiles.a]\nextends = \"a\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `extends` goes round in a circle: a → a
 --> sublet.toml:2:11
  |
2 | extends = "a"
  |           ^^^
  |
  = help: a profile cannot start from itself: remove one of them

"#]],
    );
}

#[test]
fn the_same_key_twice() {
    fault(
        "[env]\nA = 1\nB = 2\nA = 3\n",
        str![[r#"
sublet: a fault in the manifest
error: not TOML: duplicate key
 --> sublet.toml:4:1
  |
4 | A = 3
  | ^

"#]],
    );
    fault(
        "[env]\nA = 1\n[run]\n[env]\nB = 1\n",
        str![[r#"
sublet: a fault in the manifest
error: not TOML: duplicate key
 --> sublet.toml:4:2
  |
4 | [env]
  |  ^^^

"#]],
    );
}

#[test]
fn broken_syntax() {
    fault(
        "[env]\nA = \"unclosed\nB = 1\n",
        str![[r#"
sublet: a fault in the manifest
error: not TOML: invalid basic string, expected `"`
 --> sublet.toml:2:14
  |
2 | A = "unclosed
  |              ^

"#]],
    );
    fault(
        "[env\nA = 1\n",
        str![[r#"
sublet: a fault in the manifest
error: not TOML: unclosed table, expected `]`
 --> sublet.toml:1:5
  |
1 | ****
  |     ^

"#]],
    );
    fault(
        "[env]\nA = ${db}\n",
        str![[r#"
sublet: faults in the manifest
error: not TOML: string values must be quoted, expected literal string
 --> sublet.toml:2:5
  |
2 | A = ${db}
  |     ^

error: not TOML: unexpected key or value, expected newline, `#`
 --> sublet.toml:2:6
  |
2 | A = ${db}
  |      ^

"#]],
    );
}

#[test]
fn a_template_that_does_not_close() {
    fault(
        "[env]\nA = \"x${db\"\n",
        str![[r#"
sublet: a fault in the manifest
error: this `${` is never closed
 --> sublet.toml:2:7
  |
2 | A = "x${db"
  |       ^^^^
  |
  = help: close it with `}`, or write `$${` for a literal `${`

"#]],
    );
    fault(
        "[env]\nA = \"${db:-default}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: a template has no defaults or conditions
 --> sublet.toml:2:10
  |
2 | A = "${db:-default}"
  |          ^^
  |
  = help: write `default = "…"` beside the variable's `value`

"#]],
    );
    fault(
        "[env]\nA = \"${$(id)}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `$(id)` is not a name
 --> sublet.toml:2:8
  |
2 | A = "${$(id)}"
  |        ^^^^^
  |
  = help: a template only names secrets: there are no defaults, conditions or commands

"#]],
    );
}

#[test]
fn bad_values_of_run() {
    fault(
        "[run]\nstop = { signal = \"SIGTREM\", timeout = \"10 parsecs\" }\n",
        str![[r#"
sublet: faults in the manifest
error: `SIGTREM` is not a signal
 --> sublet.toml:2:20
  |
2 | stop = { signal = "SIGTREM", timeout = "10 parsecs" }
  |                    ^^^^^^^
  |
  = help: did you mean `SIGTERM`?

error: `10 parsecs` is not a length of time
 --> sublet.toml:2:41
  |
2 | stop = { signal = "SIGTREM", timeout = "10 parsecs" }
  |                                         ^^^^^^^^^^
  |
  = help: write a number and a unit: "500ms", "2s", "5m", "1h"

"#]],
    );
    fault(
        "[run]\nbudget = \"five in ten minutes\"\nsplay = \"-1s\"\n",
        str![[r#"
sublet: faults in the manifest
error: `five in ten minutes` is not a budget of restarts
 --> sublet.toml:2:11
  |
2 | budget = "five in ten minutes"
  |           ^^^^^^^^^^^^^^^^^^^
  |
  = help: write a number and a time, as in "5/10m"

error: `-1s` is not a length of time
 --> sublet.toml:3:10
  |
3 | splay = "-1s"
  |          ^^^
  |
  = help: write a number and a unit: "500ms", "2s", "5m", "1h"

"#]],
    );
    fault(
        "[run]\nhandover = \"overlapp\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `overlapp` is not a value of `run.handover`
 --> sublet.toml:2:12
  |
2 | handover = "overlapp"
  |            ^^^^^^^^^^
  |
  = help: did you mean `overlap`?

"#]],
    );
    fault(
        "[run]\nready = { tcp = \"127.0.0.1:1\", http = \"http://x\" }\n",
        str![[r#"
sublet: a fault in the manifest
error: `run.ready` needs one way to tell that it is ready
 --> sublet.toml:2:9
  |
2 | ready = { tcp = "127.0.0.1:1", http = "http://x" }
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: write one of `notify`, `tcp`, `http`, `after`, `command`

"#]],
    );
    fault(
        "[run]\ninherit = \"PATH\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `run.inherit` must be `true` or `false`, or a list, each item a string, not a string
 --> sublet.toml:2:11
  |
2 | inherit = "PATH"
  |           ^^^^^^

"#]],
    );
}

#[test]
fn a_bad_mode_of_a_file() {
    fault(
        "[files.key]\ncontent = \"x\"\nenv = \"KEY\"\nmode = \"0999\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `0999` is not a file mode
 --> sublet.toml:4:9
  |
4 | mode = "0999"
  |         ^^^^
  |
  = help: write permissions in octal, as in "0400"

"#]],
    );
    fault(
        "[files.key]\ncontent = \"x\"\nenv = \"KEY\"\nmode = 400\n",
        str![[r#"
sublet: a fault in the manifest
error: `files.key.mode` must be a string, not an integer
 --> sublet.toml:4:8
  |
4 | mode = 400
  |        ^^^

"#]],
    );
}

#[test]
fn a_file_without_content_or_with_another_ones_variable() {
    fault(
        "[files.key]\nenv = \"KEY\"\n",
        str![[r#"
sublet: a fault in the manifest
error: the file `key` has no content
 --> sublet.toml:1:8
  |
1 | [files.key]
  |        ^^^
  |
  = help: add `content = "${secret}"`

"#]],
    );
    fault(
        "[env]\nKEY = 1\n[files.key]\ncontent = \"x\"\nenv = \"KEY\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `KEY` is already another variable
 --> sublet.toml:3:8
  |
3 | [files.key]
  |        ^^^
  |
  = help: choose another name for this file's `env`

"#]],
    );
}

#[test]
fn a_bad_reference() {
    fault(
        "[secrets]\na = \"no source\"\n",
        str![[r#"
sublet: a fault in the manifest
error: a reference needs a source, as in `vault:kv/app#key`
 --> sublet.toml:2:6
  |
2 | a = "no source"
  |      ^^^^^^^^^
  |
  = help: write SOURCE:PATH#FIELD

"#]],
    );
    fault(
        "[secrets]\na = \"file:\"\n",
        str![[r#"
sublet: a fault in the manifest
error: this reference has no path
 --> sublet.toml:2:6
  |
2 | a = "file:"
  |      ^^^^^
  |
  = help: write SOURCE:PATH, as in `file:/run/secrets/db`

"#]],
    );
    fault(
        "[secrets]\na = \"file:x#\"\n",
        str![[r#"
sublet: a fault in the manifest
error: no field follows `#`
 --> sublet.toml:2:12
  |
2 | a = "file:x#"
  |            ^
  |
  = help: write the field, or `%23` for a literal `#`

"#]],
    );
    fault(
        "[secrets]\na = {}\n",
        str![[r#"
sublet: a fault in the manifest
error: `a` comes from nowhere
 --> sublet.toml:2:1
  |
2 | a = {}
  | ^
  |
  = help: add `ref = "SOURCE:PATH"`, or a `default`

"#]],
    );
    fault(
        "[secrets]\na = { reff = \"x\" }\n",
        str![[r#"
sublet: a fault in the manifest
error: `reff` is not an option of a secret, and this is no reference
 --> sublet.toml:2:7
  |
2 | a = { reff = "x" }
  |       ^^^^
  |
  = help: did you mean `ref`?

"#]],
    );
}

#[test]
fn a_bad_address_to_listen_on() {
    fault(
        "[[listen]]\naddress = \"localhost\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `localhost` is not an address to listen on
 --> sublet.toml:2:12
  |
2 | address = "localhost"
  |            ^^^^^^^^^
  |
  = help: write "0.0.0.0:8080", "[::]:8080" or "unix:/run/app.sock"

"#]],
    );
    fault(
        "[[listen]]\nname = \"http\"\n",
        str![[r#"
sublet: a fault in the manifest
error: this socket has no address
 --> sublet.toml:1:1
  |
1 | [[listen]]
  | ^^^^^^^^^^
  |
  = help: add `address = "0.0.0.0:8080"`

"#]],
    );
}

#[test]
fn a_signal_on_the_change_of_a_variable() {
    let manifest =
        "[env]\nA = \"${db}\"\n[secrets]\ndb = { ref = \"file:x\", on-change = \"signal\" }\n";
    let project = Project::with_manifest(manifest).file("x", "x");
    project.run(["check"]).refused().stderr_has("sublet.toml:4:").stderr_has("on-change");
}

#[test]
fn several_faults_are_reported_at_once() {
    let manifest = r#"[env]
"A B" = "x"
A = "${tokn}"
B = "${token|bas64}"
C = ["no", "list"]

[secrets]
token = "flie:x"

[profiles.production]
extends = "stagging"

[run]
no-new-privilege = true
stop = { timeout = "soon" }
"#;
    fault(
        manifest,
        str![[r#"
sublet: faults in the manifest
error: ' ' cannot stand in the name of an environment variable
 --> sublet.toml:2:1
  |
2 | "A B" = "x"
  | ^^^^^
  |
  = help: a variable's name has no `=`, white space or control characters

error: nothing is named `tokn`
 --> sublet.toml:3:6
  |
3 | A = "${tokn}"
  |      ^^^^^^^
  |
  = help: did you mean `token`?

error: `bas64` is not a filter
 --> sublet.toml:4:14
  |
4 | B = "${token|bas64}"
  |              ^^^^^
  |
  = help: did you mean `base64`?

error: `env.C` must be a string, a number or a boolean, or a table, not a list
 --> sublet.toml:5:5
  |
5 | C = ["no", "list"]
  |     ^^^^^^^^^^^^^^

error: there is no source `flie`
 --> sublet.toml:8:10
  |
8 | token = "flie:x"
  |          ^^^^^^
  |
  = help: did you mean `file`?

error: there is no profile `stagging`
  --> sublet.toml:11:11
   |
11 | extends = "stagging"
   |           ^^^^^^^^^^
   |
   = help: did you mean `staging`?

error: `run` has no key `no-new-privilege`
  --> sublet.toml:14:1
   |
14 | no-new-privilege = true
   | ^^^^^^^^^^^^^^^^
   |
   = help: did you mean `no-new-privileges`?

error: `soon` is not a length of time
  --> sublet.toml:15:21
   |
15 | stop = { timeout = "soon" }
   |                     ^^^^
   |
   = help: write a number and a unit: "500ms", "2s", "5m", "1h"

"#]],
    );
}

#[test]
fn faults_of_profiles_that_are_not_used_are_faults() {
    fault(
        "[profiles.production.env]\nA = \"${nothing}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: nothing is named `nothing`
 --> sublet.toml:2:6
  |
2 | A = "${nothing}"
  |      ^^^^^^^^^^
  |
  = help: declare it under `[secrets]` or a profile's `secrets`; for a variable of the parent's environment write `${env:nothing}`

"#]],
    );
}

#[test]
fn env_files_in_staging_and_production() {
    fault(
        "[profiles.production]\ndotenv = [\".env\"]\n",
        str![[r#"
sublet: a fault in the manifest
error: `.env` files are refused in profile `production`
 --> sublet.toml:2:10
  |
2 | dotenv = [".env"]
  |          ^^^^^^^^
  |
  = help: say `allow-dotenv = true` in the profile itself if it must be

"#]],
    );
    fault(
        "[profiles.staging.secrets]\na = \"dotenv:.env#A\"\n[env]\nA = \"${a}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `.env` files are refused in profile `staging`
 --> sublet.toml:2:6
  |
2 | a = "dotenv:.env#A"
  |      ^^^^^^^^^^^^^
  |
  = help: say `allow-dotenv = true` in the profile itself if it must be

"#]],
    );
    fault(
        "[profiles.ci]\ndotenv = false\n[profiles.ci.secrets]\na = \"dotenv:.env#A\"\n",
        str![[r#"
sublet: a fault in the manifest
error: `.env` files are refused in profile `ci`
 --> sublet.toml:4:6
  |
4 | a = "dotenv:.env#A"
  |      ^^^^^^^^^^^^^
  |
  = help: say `allow-dotenv = true` in the profile itself if it must be

"#]],
    );
}

#[test]
fn an_unknown_profile_on_the_command_line() {
    let project = Project::with_manifest("[profiles.ci]\n");
    project.run(["-p", "prodution", "--", "true"]).refused().stderr_is(str![[r#"
sublet: there is no profile `prodution`; did you mean `production`?

"#]]);
    project.run(["-p", "zzz", "--", "true"]).refused().stderr_is(str![[r#"
sublet: there is no profile `zzz`; the profiles are: ci, development, staging, production

"#]]);
    project.run(["-p", "../x", "--", "true"]).refused().stderr_is(str![[r#"
sublet: `../x` is not a name for a profile: use letters, digits, `_`, `-`

"#]]);
}

#[test]
fn a_misspelt_option_of_run() {
    let project = Project::with_manifest("");
    for args in [&["run", "--profil", "x", "--", "true"][..], &["--profil", "x", "--", "true"]] {
        project.run(args).refused().stderr_has("--profil").stderr_has("--profile");
    }
}

#[test]
fn a_misspelt_option_or_subcommand() {
    let project = Project::with_manifest("");
    project.run(["check", "--profil", "x"]).refused().stderr_is(str![[r#"
error: unexpected argument '--profil' found

  tip: a similar argument exists: '--profile'

Usage: sublet check --profile <NAME>

For more information, try '--help'.

"#]]);
    project.run(["chek"]).refused().stderr_is(str![[r#"
error: unrecognized subcommand 'chek'

  tip: some similar subcommands exist: 'schema', 'check'

Usage: sublet <COMMAND>

For more information, try '--help'.

"#]]);
}

#[test]
fn a_caret_stands_under_its_fault_after_wide_characters() {
    fault(
        "[env]\nA = \"ünïcödé 🎉 ${nothing}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: nothing is named `nothing`
 --> sublet.toml:2:16
  |
2 | A = "ünïcödé 🎉 ${nothing}"
  |                 ^^^^^^^^^^
  |
  = help: declare it under `[secrets]` or a profile's `secrets`; for a variable of the parent's environment write `${env:nothing}`

"#]],
    );
    fault(
        "[env]\n\tA = \"\\u00fc ${nothing}\"\n",
        str![[r#"
sublet: a fault in the manifest
error: nothing is named `nothing`
 --> sublet.toml:2:6
  |
2 |     A = "\u00fc ${nothing}"
  |         ^^^^^^^^^^^^^^^^^^^
  |
  = help: declare it under `[secrets]` or a profile's `secrets`; for a variable of the parent's environment write `${env:nothing}`

"#]],
    );
}

#[test]
fn colours_are_for_terminals() {
    let project = Project::with_manifest("[enviroment]\n");
    project.run(["check"]).refused().stderr_lacks("\u{1b}[");
}
