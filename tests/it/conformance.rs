//! What holds for every source: one suite, by what each says that it can do.
//!
//! A new source is one entry in [`SOURCES`].

use crate::{needs, outcome::Outcome, project::Project};

/// A source, and the references under which it keeps what every source is asked for.
struct Source {
    name: &'static str,
    /// Its table in the manifest, where it needs one.
    settings: &'static str,
    /// Puts what it serves into a project.
    stock: fn(Project) -> Project,
    /// `canary-value`.
    value: &'static str,
    /// The bytes `ff fe 01`, which are no text.
    bytes: &'static str,
    /// `canary-field`, a field of several.
    field: &'static str,
    /// `canary-inner`, a field of a field.
    nested: &'static str,
    /// `canary-only`, the only field of what the reference names.
    only: Option<&'static str>,
    missing: &'static str,
    missing_field: &'static str,
    /// A field of what has no fields.
    not_fields: Option<&'static str>,
    /// Several fields, and none named.
    no_field_named: Option<&'static str>,
    /// There, and refused to us. The second says that this takes a user without rights.
    denied: Option<(&'static str, bool)>,
    malformed: Option<&'static str>,
    /// `canary-previous`, the version before.
    previous: Option<&'static str>,
    takes_params: bool,
}

const FIELDS: &str =
    r#"{"field":"canary-field","nested":{"inner":"canary-inner"},"some.dotted":null}"#;

const SOURCES: [Source; 5] = [
    Source {
        name: "env",
        settings: "",
        stock: |project| {
            use std::os::unix::ffi::OsStrExt;
            let project = project.env("CONF_VALUE", "canary-value").env("CONF_JSON", FIELDS);
            project.env("CONF_BYTES", std::ffi::OsStr::from_bytes(b"\xff\xfe\x01"))
        },
        value: "env:CONF_VALUE",
        bytes: "env:CONF_BYTES",
        field: "env:CONF_JSON#field",
        nested: "env:CONF_JSON#nested.inner",
        only: None,
        missing: "env:CONF_ABSENT",
        missing_field: "env:CONF_JSON#absent",
        not_fields: Some("env:CONF_VALUE#field"),
        no_field_named: None,
        denied: None,
        malformed: None,
        previous: None,
        takes_params: false,
    },
    Source {
        name: "file",
        settings: "",
        stock: |project| {
            let project = project.file("conf/value", "canary-value").file("conf/json", FIELDS);
            let project =
                project.file("conf/bytes", b"\xff\xfe\x01").file("folder/only", "canary-only");
            let project = project.file("folder/..data/only", "canary").folder("folder/nested");
            let project = project.file("closed", "canary").mode("closed", 0o600);
            project.fifo("pipe")
        },
        value: "file:conf/value",
        bytes: "file:conf/bytes",
        field: "file:conf/json#field",
        nested: "file:conf#json.nested.inner",
        only: Some("file:folder"),
        missing: "file:conf/absent",
        missing_field: "file:conf#absent",
        not_fields: Some("file:conf/value#field"),
        no_field_named: Some("file:conf"),
        denied: Some(("file:closed", true)),
        malformed: Some("file:pipe"),
        previous: None,
        takes_params: false,
    },
    Source {
        name: "dotenv",
        settings: "",
        stock: |project| {
            let env =
                [b"VALUE=canary-value\nBYTES=\xff\xfe\x01\nJSON=" as &[u8], FIELDS.as_bytes()];
            let project =
                project.file("conf.env", env.concat()).file("only.env", "A=canary-only\n");
            let project = project.file("bad.env", "canary\n");
            project.file("closed.env", "A=canary\n").mode("closed.env", 0o600)
        },
        value: "dotenv:conf.env#VALUE",
        bytes: "dotenv:conf.env#BYTES",
        field: "dotenv:conf.env#JSON.field",
        nested: "dotenv:conf.env#JSON.nested.inner",
        only: Some("dotenv:only.env"),
        missing: "dotenv:absent.env#VALUE",
        missing_field: "dotenv:conf.env#ABSENT",
        not_fields: Some("dotenv:conf.env#VALUE.field"),
        no_field_named: Some("dotenv:conf.env"),
        denied: Some(("dotenv:closed.env#A", true)),
        malformed: Some("dotenv:bad.env#A"),
        previous: None,
        takes_params: false,
    },
    Source {
        name: "json",
        settings: "[sources.json]\ntype = \"command\"\ncommand = [\"./json\"]\n",
        stock: |project| project.program("json", JSON),
        value: "json:value",
        bytes: "json:bytes",
        field: "json:fields#field",
        nested: "json:fields#nested.inner",
        only: Some("json:only"),
        missing: "json:absent",
        missing_field: "json:fields#absent",
        not_fields: Some("json:value#field"),
        no_field_named: Some("json:fields"),
        denied: Some(("json:denied", false)),
        malformed: Some("json:malformed"),
        previous: Some("json:value@previous"),
        takes_params: true,
    },
    Source {
        name: "summon",
        settings: "[sources.summon]\ntype = \"command\"\nprotocol = \"summon\"\ncommand = [\"./summon\", \"get\"]\n",
        stock: |project| project.program("summon", SUMMON),
        value: "summon:value",
        bytes: "summon:bytes",
        field: "summon:json#field",
        nested: "summon:json#nested.inner",
        only: None,
        // Summon has no word for it: a provider only fails.
        missing: "",
        missing_field: "summon:json#absent",
        not_fields: Some("summon:value#field"),
        no_field_named: None,
        denied: None,
        malformed: None,
        previous: None,
        takes_params: false,
    },
];

const JSON: &str = r#"#!/bin/sh
request=$(cat)
case $request in
*'"version":"previous"'*) answer='"value": "canary-previous"' ;;
*'"path":"value"'*) answer='"value": "canary-value", "version": "7"' ;;
*'"path":"bytes"'*) answer='"base64": "//4B"' ;;
*'"path":"fields"'*) answer='"fields": {"field": "canary-field", "nested": {"inner": "canary-inner"}}' ;;
*'"path":"only"'*) answer='"fields": {"a": "canary-only", "gone": null}' ;;
*'"path":"denied"'*) answer='"error": "denied", "value": "canary", "message": "canary"' ;;
*'"path":"malformed"'*) echo '{"protocol": 1, "answers": [{"value": "canary"'; exit ;;
*) answer='"error": "not-found"' ;;
esac
echo "{\"protocol\": 1, \"answers\": [{$answer}]}"
"#;

const SUMMON: &str = r#"#!/bin/sh
[ "$1" = get ] || exit 9
case $2 in
value) echo ' canary-value ' ;;
bytes) printf '\377\376\001' ;;
json) echo '{"field":"canary-field","nested":{"inner":"canary-inner"}}' ;;
*) echo canary; exit 1 ;;
esac
"#;

impl Source {
    /// A project whose child gets `reference` as `A`.
    fn project(&self, reference: &str) -> Project {
        let manifest = format!(
            "[env]\nA = \"${{s}}\"\n[profiles.development.secrets]\ns = {reference:?}\n{}",
            self.settings
        );
        (self.stock)(Project::with_manifest(manifest))
    }

    #[track_caller]
    fn gives(&self, reference: &str, expected: impl AsRef<[u8]>) {
        self.project(reference)
            .child([""; 0])
            .success()
            .stderr_is_empty()
            .variable_is("A", expected);
    }

    /// `run` refuses and `check` fails; neither shows a value. What `check --json` says is returned.
    #[track_caller]
    fn lacks(&self, reference: &str) -> (Outcome, serde_json::Value) {
        let project = self.project(reference);
        let run =
            project.child([""; 0]).refused().lacks("canary").stderr_has(reference_path(reference));
        project.run(["check"]).code(1).lacks("canary");
        let check = project.run(["check", "--json"]).code(1).lacks("canary").json();
        (run, check)
    }
}

fn reference_path(reference: &str) -> &str {
    reference.split(['#', '@', '?']).next().unwrap()
}

#[test]
fn a_value() {
    for source in &SOURCES {
        source.gives(source.value, "canary-value");
    }
}

#[test]
fn bytes_that_are_no_text() {
    for source in &SOURCES {
        source.gives(source.bytes, b"\xff\xfe\x01");
    }
}

#[test]
fn fields_and_fields_of_fields() {
    for source in &SOURCES {
        source.gives(source.field, "canary-field");
        source.gives(source.nested, "canary-inner");
        if let Some(only) = source.only {
            source.gives(only, "canary-only");
        }
    }
}

#[test]
fn the_field_may_stand_in_the_template() {
    for source in &SOURCES {
        let Some((path, field)) = source.field.split_once('#') else { continue };
        let manifest = format!(
            "[profiles.development.env]\nA = \"${{s.{field}}}-${{{}}}\"\n\
             [profiles.development.secrets]\ns = {path:?}\n{}",
            source.field, source.settings
        );
        let project = (source.stock)(Project::with_manifest(manifest));
        project.child([""; 0]).success().variable_is("A", "canary-field-canary-field");
    }
}

#[test]
fn what_is_missing_is_missing() {
    for source in &SOURCES {
        for reference in [source.missing, source.missing_field] {
            if reference.is_empty() {
                continue;
            }
            let (run, check) = source.lacks(reference);
            run.stderr_has("a required value is missing").stderr_has("A: ");
            assert_eq!(check["variables"][0]["status"], "missing", "{reference}: {check}");
        }
    }
}

#[test]
fn a_default_takes_the_place_of_what_is_missing() {
    for source in SOURCES.iter().filter(|source| !source.missing.is_empty()) {
        let manifest = format!(
            "[env]\nA = \"${{s}}\"\n[profiles.development.secrets]\ns = {{ ref = {:?}, default = \"default\" }}\n{}",
            source.missing, source.settings
        );
        let project = (source.stock)(Project::with_manifest(manifest));
        project.child([""; 0]).success().variable_is("A", "default");
    }
}

#[test]
fn what_is_denied_is_not_missing() {
    for source in &SOURCES {
        let Some((reference, as_nobody)) = source.denied else { continue };
        if !as_nobody {
            let (_, check) = source.lacks(reference);
            assert_eq!(check["unanswered"][0]["kind"], "denied", "{check}");
            continue;
        }
        if !needs::root() || !needs::tool("setpriv") {
            continue;
        }
        let project = source.project(reference);
        let run = project.outcome(project.as_nobody().args(["--", "true"]));
        run.refused().lacks("canary").stderr_has(reference_path(reference));
        let check = project.outcome(project.as_nobody().args(["check", "--json"]));
        let check = check.code(1).lacks("canary").json();
        assert_eq!(check["unanswered"][0]["kind"], "denied", "{check}");
    }
}

#[test]
fn what_is_malformed_is_not_shown() {
    for source in &SOURCES {
        let Some(reference) = source.malformed else { continue };
        let (_, check) = source.lacks(reference);
        assert_eq!(check["unanswered"][0]["kind"], "malformed", "{}: {check}", source.name);
    }
}

#[test]
fn a_field_of_what_has_none_and_no_field_of_several() {
    for source in &SOURCES {
        for reference in [source.not_fields, source.no_field_named].into_iter().flatten() {
            source.lacks(reference);
        }
        if let Some(reference) = source.no_field_named {
            // The names of fields are no secrets, and the remedy.
            let name = if source.name == "dotenv" {
                "VALUE"
            } else if source.name == "file" {
                "value"
            } else {
                "nested"
            };
            source.project(reference).child([""; 0]).refused().stderr_has(name);
        }
    }
}

#[test]
fn versions_where_there_are_any() {
    for source in &SOURCES {
        if let Some(previous) = source.previous {
            source.gives(previous, "canary-previous");
            continue;
        }
        for version in ["@previous", "@7"] {
            let (path, field) = source
                .value
                .split_once('#')
                .map_or((source.value, String::new()), |(path, field)| (path, format!("#{field}")));
            let reference = format!("{path}{field}{version}");
            let (run, _) = source.lacks(&reference);
            run.stderr_has("version");
        }
    }
}

#[test]
fn parameters_where_they_are_taken() {
    for source in &SOURCES {
        let reference = format!("{}?some=param", source.value);
        if source.takes_params {
            source.gives(&reference, "canary-value");
        } else {
            source.project(&reference).child([""; 0]).refused().stderr_has("parameters");
        }
    }
}

#[test]
fn a_source_that_is_declared_and_not_used_is_not_touched() {
    let manifest = "[env]\nA = 1\n[secrets]\nunused = \"json:x\"\n\
                    [sources.json]\ntype = \"command\"\ncommand = [\"./touch\"]\n";
    let project = Project::with_manifest(manifest).program("touch", "#!/bin/sh\n: > ran\n");
    project.child([""; 0]).success();
    assert!(!project.path("ran").exists());
}

#[test]
fn a_source_can_have_another_name() {
    let manifest = "[env]\nA = \"${keys:value}\"\n[sources.keys]\ntype = \"file\"\n";
    Project::with_manifest(manifest)
        .file("value", "x")
        .child([""; 0])
        .success()
        .variable_is("A", "x");
}

#[test]
fn file_covers_the_credentials_of_systemd() {
    let manifest = "[env]\nA = \"${file:$CREDENTIALS_DIRECTORY/db}\"\n";
    let project = Project::with_manifest(manifest).file("creds/db", "x");
    project.child([""; 0]).refused().stderr_has("LoadCredential=db");
    let project = Project::with_manifest(manifest).file("creds/db", "x");
    let folder = project.path("creds");
    project.env("CREDENTIALS_DIRECTORY", folder).child([""; 0]).success().variable_is("A", "x");
}

#[test]
fn the_bytes_of_a_file_are_all_of_it() {
    let project = Project::with_manifest("[env]\nA = \"${file:a}\"\nB = \"${file:a|trim}\"\n");
    let child = project.file("a", " x\n").child([""; 0]).success();
    child.variable_is("A", " x\n").variable_is("B", "x");
}
