//! `sublet schema`: the JSON Schema of the manifest.

use std::process::Command;

use serde_json::Value;

use crate::{needs, project::Project};

/// All that a manifest can say with the sources that every build has.
const WHOLE: &str = r#"
[env]
LOG_FORMAT   = "json"
PORT         = 8080
STRIPE_KEY   = "${stripe}"
DATABASE_URL = "postgres://${db.username|url}:${db.password|url}@pg/finance"
SENTRY_DSN   = { value = "${sentry}", required = false, description = "error reporting" }
SIGNING_KEYS = "${signing|versions|json}"

[files."tls/key.pem"]
content = "${tls.private_key}"
env     = "TLS_KEY_FILE"
mode    = "0400"
on-change = "signal"

[secrets]
sentry = "file:shared/sentry.json#dsn"

[profiles.development]
dotenv = [".env", ".env.development"]
watch  = "2s"
[profiles.development.secrets]
tls    = { private_key = "file:dev/key.pem" }
sentry = { default = "" }

[profiles.staging.secrets]
db      = "keys:database/creds/finance-ro"
stripe  = "keys:kv/staging/finance#stripe_key"
signing = "keys:staging/finance#signing_key"
tls     = "keys:pki/issue/finance?common_name=finance.internal"

[profiles.production]
extends = "staging"
[profiles.production.secrets]
db      = { ref = "keys:database/creds/finance", on-change = "restart" }

[sources.keys]
type = "command"
command = ["get-keys"]

[run]
stop     = { signal = "SIGTERM", timeout = "25s" }
handover = "overlap"
ready    = { http = "http://127.0.0.1:8080/healthz", timeout = "30s" }
splay    = "30s"

[[listen]]
name    = "http"
address = "0.0.0.0:8080"
"#;

/// Faults that a schema can see.
const FAULTY: [&str; 8] = [
    "[enviroment]\nA = 1\n",
    "[env]\nA = { vlaue = 1 }\n",
    "[env]\nA = [1]\n",
    "[run]\nhandover = \"never\"\n",
    "[run]\nuser = 0\n",
    "[files.a]\nmode = 400\n",
    "[profiles.x]\ndotenvs = false\n",
    "[sources.file]\nunknown = 1\n",
];

fn schema() -> Value {
    Project::new().run(["schema"]).success().stderr_is_empty().json()
}

#[test]
fn it_describes_every_table_and_refuses_unknown_keys() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    for table in ["env", "files", "secrets", "profiles", "sources", "run", "listen"] {
        let property = &schema["properties"][table];
        assert!(property["description"].is_string(), "{table}: {property}");
    }
    let run = &schema["properties"]["run"]["properties"];
    for key in
        ["stop", "handover", "ready", "inherit", "strip", "user", "group", "no-new-privileges"]
    {
        assert!(run[key]["description"].is_string(), "{key}");
    }
    assert_eq!(run["handover"]["default"], "replace");
}

#[test]
fn the_example_of_all_keys_is_a_manifest() {
    let project = Project::with_manifest(WHOLE).file("shared/sentry.json", "{}");
    let project = project.file("dev/key.pem", "key");
    let project = project.file(".env", "STRIPE_KEY=a\nDATABASE_URL=b\nSIGNING_KEYS=c\n");
    let child = project.child([""; 0]).success();
    child.variable_is("PORT", "8080").variable_is("SENTRY_DSN", "");
    project
        .run(["check", "--offline", "-p", "production"])
        .stdout_has("keys:database/creds/finance");
}

/// Validates each TOML file given against the first argument's schema; prints `ok` or `wrong`.
const VALIDATE: &str = r"
import json, sys, tomllib
import jsonschema
with open(sys.argv[1]) as file:
    schema = json.load(file)
validator = jsonschema.Draft202012Validator
validator.check_schema(schema)
for name in sys.argv[2:]:
    with open(name, 'rb') as file:
        manifest = tomllib.load(file)
    print('ok' if validator(schema).is_valid(manifest) else 'wrong')
";

#[test]
fn a_validator_accepts_what_we_accept_and_sees_faults() {
    let mut python = Command::new("python3");
    if !needs::works("python3 with jsonschema", python.args(["-c", "import jsonschema, tomllib"])) {
        return;
    }
    let project =
        Project::new().file("schema.json", schema().to_string()).file("whole.toml", WHOLE);
    let mut names = vec!["whole.toml".to_owned()];
    for (index, faulty) in FAULTY.iter().enumerate() {
        let name = format!("faulty-{index}.toml");
        project.write(&name, faulty);
        project.run(["check", "--manifest", &name]).refused();
        names.push(name);
    }
    // With the environment of the tests, in which it was found.
    let mut python = Command::new("python3");
    python.current_dir(project.root()).args(["-c", VALIDATE, "schema.json"]).args(names);
    let expected = format!("ok\n{}", "wrong\n".repeat(FAULTY.len()));
    project.outcome(&mut python).success().stdout_is(expected);
}
