//! What must hold of any input, for the targets in `fuzz/`.
//!
//! A target is a function of bytes that panics where an invariant is broken. That no error holds
//! a value is checked by writing the same text with other letters: what the error says must stay.

use std::collections::BTreeMap;

use crate::{
    environment::Environment,
    export::{self, Format},
    fault::Fault,
    manifest::{self, BUILT_IN, Manifest, report},
    plan::{self, Layers, Plan},
    reference::Reference,
    secret::Secret,
    source::{
        self, Answer, Content, Registry, Surroundings, command::protocol, dotenv,
        dotenv::expand::Unexpandable,
    },
    template::{Part, Template},
};

/// A word that stands in no message of ours.
const CANARY: &str = "q7zX2kW9";

/// Every fault lies inside the text, a manifest without faults has a plan in each profile, and of
/// what stands above the first table no value is shown.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (manifest, faults) = faults(text);
    for fault in &faults {
        assert!(is_inside(fault, text), "{fault:?} in {} bytes", text.len());
    }
    let sound = faults.is_empty();
    for profile in manifest.profiles.keys().map(String::as_str).chain(BUILT_IN) {
        match Plan::of(&manifest, profile) {
            Ok(plan) => requests_parse_back(&plan),
            Err(faults) => assert!(!sound, "{profile}: {faults:?}"),
        }
    }
    if sound {
        settings(&manifest, text);
    }
    report::render("sublet.toml", text, &faults, true);
    nothing_above_the_tables_is_shown(text);
}

/// The manifest, as far as it can be read, and all that is wrong with it in any profile.
fn faults(text: &str) -> (Manifest, Vec<Fault>) {
    let kinds = source::specs();
    match manifest::parse(text, &kinds) {
        Ok((manifest, mut faults)) => {
            for profile in BUILT_IN {
                faults.extend(plan::check(&manifest, &kinds, profile));
            }
            (manifest, faults)
        }
        Err(syntax) => (Manifest::default(), syntax),
    }
}

/// Whether the fault marks whole characters of `text`.
fn is_inside(fault: &Fault, text: &str) -> bool {
    text.get(fault.span.clone()).is_some()
}

fn requests_parse_back(plan: &Plan) {
    for request in plan::requests(plan, &Layers::default()) {
        let parsed = Reference::parse(&request.to_string()).map(|parsed| parsed.request());
        assert_eq!(parsed, Ok(request));
    }
}

/// What only the source itself can judge.
fn settings(manifest: &Manifest, text: &str) {
    if let Err(faults) = Registry::open(&manifest.sources, &Surroundings::default()) {
        assert!(faults.iter().all(|fault| is_inside(fault, text)), "{faults:?}");
    }
}

/// A `.env` given for a manifest, or a variable pasted above `[env]`, stays hidden.
fn nothing_above_the_tables_is_shown(text: &str) {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    if head.trim_start().starts_with(['[', '#']) {
        // The first line would be taken for a table or a comment, which are shown.
        return;
    }
    // What stands before a `=` is a name.
    let bare = head.replace('=', " ");
    let pasted = match text.len() % 4 {
        0 => format!("API_KEY={head}{CANARY}\n{rest}"),
        1 => format!("export API_KEY = '{head}{CANARY}' # a comment\n{rest}"),
        2 => format!("{bare}{CANARY}\n{rest}"),
        _ => format!("API_KEY=\"-----BEGIN-----\n{head}{CANARY}==\n{rest}"),
    };
    let (_, faults) = faults(&pasted);
    let shown = report::render("sublet.toml", &pasted, &faults, false);
    assert!(!shown.contains(CANARY), "{pasted}\n\n{shown}");
}

/// What is written parses back, and a fault marks whole characters.
pub fn reference(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Reference::parse(text) {
        Ok(reference) => {
            assert_eq!(Reference::parse(&reference.to_string()).as_ref(), Ok(&reference));
            let request = reference.request();
            let parsed = Reference::parse(&request.to_string()).map(|parsed| parsed.request());
            assert_eq!(parsed, Ok(request));
        }
        Err(fault) => assert!(is_inside(&fault, text), "{fault:?} in {text:?}"),
    }
}

/// Text without holes is kept, holes and literals cover the text, and `$${` hides any text.
pub fn template(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let escaped = Template::parse(&text.replace("${", "$${"));
    assert_eq!(escaped.map(|template| literals(&template)).as_deref(), Ok(text));
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(fault) => return assert!(is_inside(&fault, text), "{fault:?} in {text:?}"),
    };
    let mut end = 0;
    for hole in template.holes() {
        let written = text.get(hole.span.clone()).unwrap_or_default();
        assert!(hole.span.start >= end && written.starts_with("${") && written.ends_with('}'));
        end = hole.span.end;
    }
    if !text.contains("${") {
        assert_eq!(literals(&template), text);
    }
}

fn literals(template: &Template) -> String {
    let literal = |part: &Part| match part {
        Part::Literal(text) => text.clone(),
        Part::Hole(hole) => panic!("a hole at {:?}", hole.span),
    };
    template.parts.iter().map(literal).collect()
}

/// Values come out as they were written, and errors say nothing of them.
pub fn dotenv(bytes: &[u8]) {
    for expand in [false, true] {
        let entries = dotenv::parse(bytes, expand);
        let other = dotenv::parse(&other_letters_outside_export(bytes), expand);
        assert_eq!(entries.as_ref().err(), other.as_ref().err());
        let Ok(entries) = entries else { continue };
        for entry in &entries {
            assert!(!entry.name.is_empty() && !entry.value.expose().contains(&0));
            if expand {
                expansion_is_silent(entry);
            }
        }
        renders_and_parses_back(&entries);
    }
    quoted_values_are_kept(bytes);
}

/// Same structure, other letters.
fn other_letters_outside_export(bytes: &[u8]) -> Vec<u8> {
    let mut other = bytes.iter().map(|byte| other_letter(*byte)).collect::<Vec<_>>();
    for (start, window) in bytes.windows(6).enumerate() {
        if window == b"export" {
            other[start..start + 6].copy_from_slice(window);
        }
    }
    other
}

/// Another letter with the same low bits in base64, so that a text stays base64.
fn other_letter(byte: u8) -> u8 {
    match byte {
        b'A'..=b'J' => byte + 16,
        b'K'..=b'P' => byte - b'K' + b'a',
        b'Q'..=b'Z' => byte - 16,
        b'a'..=b'f' => byte - b'a' + b'K',
        b'g'..=b'p' => byte - b'g' + b'Q',
        b'q'..=b'z' => byte - 16,
        other => other,
    }
}

/// An expression that cannot be expanded is told by its kind and the variable's name alone.
fn expansion_is_silent(entry: &dotenv::Entry) {
    let environment = Environment::default();
    match dotenv::expand::expand(entry, &environment, &BTreeMap::new()) {
        Ok(value) if !entry.value.expose().contains(&b'$') => {
            assert_eq!(value.expose(), entry.value.expose());
        }
        Err(Unexpandable::Unknown(name)) => {
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)), "{name}");
        }
        _ => {}
    }
}

/// Our own `.env` is read as it was written.
fn renders_and_parses_back(entries: &[dotenv::Entry]) {
    let variables = entries
        .iter()
        .map(|entry| (entry.name.clone(), entry.value.clone()))
        .collect::<BTreeMap<_, _>>();
    let variables = variables.into_iter().collect::<Vec<_>>();
    if let Ok(rendered) = export::render(Format::Dotenv, &variables) {
        assert_eq!(parsed_dotenv(rendered.expose()), plain(&variables));
    }
}

fn parsed_dotenv(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    match dotenv::parse(file, false) {
        Ok(entries) => {
            entries.into_iter().map(|entry| (entry.name, entry.value.expose().to_vec())).collect()
        }
        Err(malformed) => panic!("{malformed} in {}", file.escape_ascii()),
    }
}

fn plain(variables: &[(String, Secret)]) -> Vec<(String, Vec<u8>)> {
    variables.iter().map(|(name, value)| (name.clone(), value.expose().to_vec())).collect()
}

/// Any value in single quotes is raw, and one in double quotes with its escapes is decoded.
fn quoted_values_are_kept(value: &[u8]) {
    if value.contains(&0) {
        return;
    }
    let one = |line: &[u8], expand| match dotenv::parse(line, expand) {
        Ok(mut entries) if entries.len() == 1 => entries.remove(0),
        other => panic!("{other:?} in {}", line.escape_ascii()),
    };
    if !value.contains(&b'\'') && !value.windows(2).any(|pair| pair == b"\r\n") {
        let line = [b"A='", value, b"'\n"].concat();
        for expand in [false, true] {
            assert_eq!(one(&line, expand).value.expose(), value);
        }
        let entry = one(&line, true);
        let expanded = dotenv::expand::expand(&entry, &Environment::default(), &BTreeMap::new());
        assert_eq!(expanded.as_ref().map(Secret::expose), Ok(value));
    }
    let mut line = b"A=\"".to_vec();
    for byte in value {
        match byte {
            b'\r' => line.extend(br"\r"),
            b'"' | b'\\' => line.extend([b'\\', *byte]),
            _ => line.push(*byte),
        }
    }
    line.push(b'"');
    assert_eq!(one(&line, false).value.expose(), value);
    let dollars = line.iter().flat_map(|byte| match byte {
        b'$' => &b"\\$"[..],
        other => std::slice::from_ref(other),
    });
    let entry = one(&dollars.copied().collect::<Vec<_>>(), true);
    if str::from_utf8(value).is_ok() {
        let expanded = dotenv::expand::expand(&entry, &Environment::default(), &BTreeMap::new());
        assert_eq!(expanded.as_ref().map(Secret::expose), Ok(value));
    }
}

/// An answer of any bytes is refused without a word of it; values come out as they were sent.
pub fn command_answer(bytes: &[u8]) {
    for expected in 0..4 {
        let answers = protocol::answers(&Secret::new(bytes.to_vec()), expected);
        let other = protocol::answers(&Secret::new(other_strings(bytes)), expected);
        match (answers, other) {
            (Ok(answers), Ok(other)) => {
                assert_eq!(answers.len(), expected);
                for (answer, other) in answers.iter().zip(&other) {
                    // With other letters a time is none.
                    let time = |answer: &Answer| {
                        answer.as_ref().is_err_and(|error| error.message.contains("`expires`"))
                    };
                    if !time(answer) && !time(other) {
                        assert_eq!(answer.as_ref().err(), other.as_ref().err());
                    }
                }
            }
            (answers, other) => {
                let (error, other) = (answers.err(), other.err());
                assert_eq!(error, other);
                assert!(error.is_some_and(|error| error.to_string().len() < 200));
            }
        }
    }
    values_are_kept(bytes);
}

/// The document with other letters in all strings that are no words of the protocol.
fn other_strings(document: &[u8]) -> Vec<u8> {
    const WORDS: [&str; 17] = [
        "expires",
        "protocol",
        "answers",
        "value",
        "base64",
        "fields",
        "error",
        "version",
        "lease",
        "id",
        "ttl",
        "renewable",
        "max_ttl",
        "not-found",
        "denied",
        "throttled",
        "unavailable",
    ];
    let mut other = document.to_vec();
    let mut at = 0;
    while let Some(open) = document[at..].iter().position(|byte| *byte == b'"') {
        let start = at + open + 1;
        let mut end = start;
        let mut escaped = false;
        while let Some(byte) = document.get(end).filter(|byte| escaped || **byte != b'"') {
            escaped = !escaped && *byte == b'\\';
            end += 1;
        }
        let text = &document[start..end];
        // An escape or a word that serde_json itself looks for would change its meaning.
        let fixed = text.contains(&b'\\') || text.starts_with(b"$serde_json");
        if !fixed && !WORDS.iter().any(|word| word.as_bytes() == text) {
            let letters = text.iter().map(|byte| other_letter(*byte)).collect::<Vec<_>>();
            other[start..end].copy_from_slice(&letters);
        }
        at = (end + 1).min(document.len());
    }
    other
}

fn values_are_kept(value: &[u8]) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let sent = |item: String| match protocol::answers(
        &Secret::from(format!(r#"{{"protocol":1,"answers":[{item}]}}"#).as_str()),
        1,
    ) {
        Ok(mut answers) => answers.remove(0),
        Err(error) => panic!("{error} for {item}"),
    };
    let came = |answer: Answer| match answer.map(|fetched| fetched.content) {
        Ok(content @ Content::Value(_)) => content.field(None).map(|v| v.expose().to_vec()),
        other => panic!("{other:?}"),
    };
    let encoded = STANDARD.encode(value);
    assert_eq!(came(sent(format!(r#"{{"base64":"{encoded}"}}"#))).as_deref(), Ok(value));
    let Ok(text) = str::from_utf8(value) else { return };
    let quoted = serde_json::Value::from(text).to_string();
    assert_eq!(came(sent(format!(r#"{{"value":{quoted}}}"#))).as_deref(), Ok(value));
    if is_number(text) {
        assert_eq!(came(sent(format!(r#"{{"value":{text}}}"#))).as_deref(), Ok(value));
    }
}

/// RFC 8259, section 6, without exponents: `serde_json` writes `1e5` as `1e+5`.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (integer, fraction) = match text.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (text, None),
    };
    digits(integer) && (integer == "0" || !integer.starts_with('0')) && fraction.is_none_or(digits)
}

/// What a format takes, its reader gets byte for byte; what it does not take, it names.
pub fn export(bytes: &[u8]) {
    let variables = variables(bytes);
    for name in Format::ALL {
        let Ok(format) = name.parse::<Format>() else { panic!("{name}") };
        let rendered = match export::render(format, &variables) {
            Ok(rendered) => rendered,
            Err(error) => {
                assert!(!error.variables.is_empty());
                let known = |name: &String| variables.iter().any(|(known, _)| known == name);
                assert!(error.variables.iter().all(|(name, _)| known(name)));
                continue;
            }
        };
        let file = rendered.expose();
        let read = match format {
            Format::Dotenv => parsed_dotenv(file),
            Format::Json => parsed_json(file),
            Format::Docker => parsed_docker(file),
            Format::Shell => parsed_shell(file),
            Format::Systemd => continue,
        };
        assert_eq!(read, plain(&variables), "{name}");
    }
}

/// Names and values out of `bytes`: NUL ends a variable, the first `=` its name.
fn variables(bytes: &[u8]) -> Vec<(String, Secret)> {
    let mut variables = BTreeMap::new();
    for variable in bytes.split(|byte| *byte == 0) {
        let Some(equals) = variable.iter().position(|byte| *byte == b'=') else { continue };
        let Ok(name) = str::from_utf8(&variable[..equals]) else { continue };
        if !name.is_empty() {
            variables.insert(name.to_owned(), Secret::new(variable[equals + 1..].to_vec()));
        }
    }
    variables.into_iter().collect()
}

fn parsed_json(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    match serde_json::from_slice::<BTreeMap<String, String>>(file) {
        Ok(object) => object.into_iter().map(|(name, text)| (name, text.into_bytes())).collect(),
        Err(error) => panic!("{error} in {}", file.escape_ascii()),
    }
}

/// As `bufio.Scanner` and docker's `kvfile.go` read it.
fn parsed_docker(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = file.strip_suffix(b"\n").unwrap_or(file).split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(|line| split(line.strip_suffix(b"\r").unwrap_or(line)))
        .collect()
}

fn split(line: &[u8]) -> (String, Vec<u8>) {
    let equals = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
    let name = String::from_utf8_lossy(&line[..equals]).into_owned();
    (name, line.get(equals + 1..).unwrap_or_default().to_vec())
}

/// The words of `export NAME=WORD` lines in the shell's single quotes and backslashes, and
/// nothing that would be more than a word.
fn parsed_shell(mut file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut pairs = Vec::new();
    while let Some(mut rest) = file.strip_prefix(b"export ") {
        let mut word = Vec::new();
        loop {
            match rest {
                [b'\n', tail @ ..] => {
                    file = tail;
                    break;
                }
                [b'\\', byte, tail @ ..] => {
                    word.push(*byte);
                    rest = tail;
                }
                [b'\'', tail @ ..] => {
                    let Some(end) = tail.iter().position(|byte| *byte == b'\'') else {
                        panic!("a quote is open")
                    };
                    word.extend(&tail[..end]);
                    rest = &tail[end + 1..];
                }
                [byte, tail @ ..] => {
                    assert!(byte.is_ascii_alphanumeric() || b"_=".contains(byte), "{byte:?}");
                    word.push(*byte);
                    rest = tail;
                }
                [] => panic!("the last line does not end"),
            }
        }
        pairs.push(split(&word));
    }
    assert!(file.is_empty(), "more than `export` commands");
    pairs
}

/// What a broken worker may say, and what a broken stash may hold: refused, or understood in one
/// way only.
pub fn worker(bytes: &[u8]) {
    if let Ok(report) = crate::worker::Report::read(bytes) {
        let again = crate::worker::Report::read(report.write().as_bytes());
        assert!(again.is_ok() || bytes.len() > 1024, "{report:?}");
    }
    if let Ok(stashed) = crate::stash::Stashed::read(bytes) {
        let writer = stashed.write();
        assert!(crate::stash::Stashed::read(writer.as_bytes()).is_ok());
    }
}
