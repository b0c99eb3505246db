//! Interpolation, filters, secrets of several references.

use crate::project::Project;

#[track_caller]
fn gives(template: &str, expected: impl AsRef<[u8]>) {
    let manifest = format!(
        "[env]\nVALUE = '''{template}'''\nOTHER = \"other\"\n\
         [secrets]\nplain = \"file:plain\"\nfields = \"file:fields.json\"\n\
         put-together = {{ user = \"file:plain\", password = \"file:fields.json#pass\" }}\n"
    );
    let project =
        Project::with_manifest(manifest).file("plain", " a/b \"ü\" ").file("text", "line\n").file(
            "fields.json",
            r#"{"pass":"p@ss$w","n":1.50,"on":true,"nested":{"list":["x","y"]},"a.b":"dotted"}"#,
        );
    project.child([""; 0]).success().variable_is("VALUE", expected);
}

#[test]
fn literals_are_themselves() {
    gives("", "");
    gives("$", "$");
    gives("$$", "$$");
    gives("$x $(id) `id` {a} }", "$x $(id) `id` {a} }");
    gives("$${plain}", "${plain}");
    gives("a$${", "a${");
    gives("%s \\n", "%s \\n");
}

#[test]
fn holes_are_filled() {
    gives("${plain}", " a/b \"ü\" ");
    gives("<${plain}|${OTHER}>", "< a/b \"ü\" |other>");
    gives("${fields.pass}", "p@ss$w");
    gives("${fields.nested.list.1}", "y");
    gives("${file:fields.json#nested.list}", r#"["x","y"]"#);
    gives("${fields.a.b}", "dotted");
    gives("${file:fields.json#n}", "1.50");
    gives("${file:fields.json#on}", "true");
    gives("${put-together.user}:${put-together.password}", " a/b \"ü\" :p@ss$w");
    gives("${env:PATH}", crate::project::PATH);
    gives("$${x}${OTHER}$", "${x}other$");
}

#[test]
fn filters_change_values() {
    gives("${plain|url}", "%20a%2Fb%20%22%C3%BC%22%20");
    gives("${plain|trim}", "a/b \"ü\"");
    gives("${plain|json}", r#"" a/b \"ü\" ""#);
    gives("${plain|base64}", "IGEvYiAiw7wiIA==");
    gives("${plain|trim|url}", "a%2Fb%20%22%C3%BC%22");
    gives("${fields.pass|base64|json}", r#""cEBzcyR3""#);
}

#[test]
fn a_value_is_not_expanded_again() {
    let project = Project::with_manifest("[env]\nA = \"${file:x}\"\nB = \"${A}\"\n")
        .file("x", "${file:other} $${y}");
    let child = project.child([""; 0]).success();
    child.variable_is("A", "${file:other} $${y}").variable_is("B", "${file:other} $${y}");
}

#[test]
fn numbers_and_booleans_are_as_they_are_written() {
    let manifest = "[env]\nPORT = 8080\nRATIO = 1.50\nON = true\nHEX = 0xff\nBIG = 1_000\nDAY = \"2026-01-01\"\n";
    let child = Project::with_manifest(manifest).child([""; 0]).success();
    let child = child.variable_is("PORT", "8080").variable_is("ON", "true");
    child.variable_is("RATIO", "1.50").variable_is("DAY", "2026-01-01");
}

#[test]
fn both_versions_of_a_secret_come_as_a_list() {
    let manifest = "[env]\nKEYS = \"${signing|versions|json}\"\nOLD = \"${signing@previous}\"\n\
                    ONE = \"${single|versions|json}\"\n\
                    [secrets]\nsigning = \"ask:signing\"\nsingle = \"ask:single\"\n\
                    [sources.ask]\ntype = \"command\"\ncommand = [\"./answer\"]\n";
    // Requests come in the order of their references.
    let answer = r#"#!/bin/sh
cat > request
echo '{"protocol":1,"answers":[{"value":"new"},{"value":"old"},{"value":"only"},{"error":"not-found"}]}'
"#;
    let project = Project::with_manifest(manifest).program("answer", answer);
    let child = project.child([""; 0]).success();
    let child = child.variable_is("KEYS", r#"["new","old"]"#).variable_is("OLD", "old");
    child.variable_is("ONE", r#"["only"]"#);
    let request: serde_json::Value = serde_json::from_str(&project.read("request")).unwrap();
    let expected = serde_json::json!({"protocol": 1, "requests": [
        {"path": "signing"}, {"path": "signing", "version": "previous"},
        {"path": "single"}, {"path": "single", "version": "previous"}]});
    assert_eq!(request, expected);
}
