//! Shows faults in a manifest: the line, a caret, the cause and the remedy.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::fault::Fault;

/// How many faults are shown; a file that is no manifest at all would fill the screen.
const SHOWN: usize = 20;

/// Renders all `faults` of `text`, which was read from `path`.
pub(crate) fn render(path: &str, text: &str, faults: &[Fault], colour: bool) -> String {
    let shown = masked(text);
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut reports = faults
        .iter()
        .take(SHOWN)
        .map(|fault| renderer.render(&[group(path, &shown, fault)]))
        .collect::<Vec<_>>();
    if faults.len() > SHOWN {
        reports.push(format!("… and {} more faults", faults.len() - SHOWN));
    }
    reports.join("\n\n")
}

fn group<'a>(path: &'a str, text: &'a str, fault: &'a Fault) -> Group<'a> {
    let span = clamp(text, fault);
    let group = Level::ERROR
        .primary_title(fault.cause.as_str())
        .element(Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span)));
    match &fault.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// The fault's span, on character boundaries and inside the text; the first line of it only, so
/// that a table's fault does not show the whole table.
fn clamp(text: &str, fault: &Fault) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(fault.span.start);
    let end = floor(fault.span.end.max(start));
    let line = text[start..end].find('\n').map_or(end, |length| start + length);
    start..line
}

/// `text` with what stands before the first table hidden, comments aside.
///
/// A manifest has nothing there, but a `.env` file given by mistake, or a variable pasted above
/// `[env]`, has: and its line must not be shown with its value. Names are shown as far as every
/// line has one: in a value of several lines, such as a PEM key, a `=` follows no name.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut before_tables = true;
    let mut has_names = true;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        before_tables = before_tables && !is_table_header(start.trim_end());
        let plain = start.is_empty()
            || (has_names && (start.starts_with('#') || looks_like_header(start.trim_end())));
        if !before_tables || plain {
            masked.push_str(line);
            continue;
        }
        let name = line.find('=').filter(|_| has_names).map_or(0, |at| at + 1);
        let (name, value) = line.split_at(name);
        has_names = !name.is_empty() && is_whole(value.trim());
        masked.push_str(name);
        for character in value.chars() {
            if character == '\n' || character == '\r' {
                masked.push(character);
            } else {
                masked.extend(std::iter::repeat_n('*', character.len_utf8()));
            }
        }
    }
    masked
}

/// A header, though perhaps of no table there is: it names something and holds no value.
fn looks_like_header(line: &str) -> bool {
    let name = line.trim_start_matches('[').trim_end_matches(']');
    line.starts_with('[')
        && line.ends_with(']')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && name.len() < 40
}

/// Whether the value surely ends on its line.
fn is_whole(value: &str) -> bool {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let rest = &value[1..];
            let ends = rest.contains(quote) && !rest.contains('\\');
            ends && !rest.starts_with("\"\"") && !rest.starts_with("''")
        }
        Some('[' | '{') => false,
        _ => true,
    }
}

fn is_table_header(line: &str) -> bool {
    let name = line.trim_start_matches('[');
    line.starts_with('[')
        && ["env", "files", "secrets", "profiles", "sources", "run", "listen"].iter().any(|table| {
            name.strip_prefix(table).is_some_and(|rest| rest.starts_with(['.', ']', ' ']))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_above_the_first_table_is_not_shown() {
        let text = "API_KEY=\"canary\"\n-----canary-----\n[env]\nA = 1\n";
        let faults = [Fault::new(0..7, "no such key"), Fault::new(18..24, "not TOML")];
        let shown = render("sublet.toml", text, &faults, false);
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains("API_KEY="), "{shown}");
    }

    #[test]
    fn a_value_of_several_lines_has_no_names_in_it() {
        for open in ["\"-----BEGIN KEY-----", "'{", "\"\"\"", "\"{ \\\"k\\\": 1,", "["] {
            let text = format!("A = 'x'\nB={open}\n# canary\ncanary==\n[env]\nC = 1\n");
            let at = text.find("==").unwrap();
            let faults = [Fault::new(0..1, "one"), Fault::new(at..at + 1, "two")];
            let shown = render("sublet.toml", &text, &faults, false);
            assert!(shown.contains("A =*") && !shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn a_span_outside_the_text_is_shown_at_its_end() {
        let shown = render("x", "[env]\nü", &[Fault::new(7..99, "here")], false);
        assert!(shown.contains("here"), "{shown}");
    }
}
