//! A `.env` file in our own dialect (see "dotenv dialect" in the documentation of the manifest).
//!
//! What of the dialect matters for writing: `$` is literal, `#` starts a comment only at the start
//! of a line or after white space, single quotes are raw and hold line breaks, and in double quotes
//! exactly `\n \r \t \" \\` are escapes, while any other backslash is itself. A line break inside
//! quotes may be read as LF where the file went through a CRLF editor, so a return is never written
//! as itself.
//!
//! Where there is a choice, the value is written as other readers of `.env` and a shell would also
//! take it: plain if nothing in it has a meaning to any of them, else in single quotes.

use crate::secret::Secret;

use super::{Obstacle, is_identifier, is_plain};

pub(super) fn obstacles(name: &str, _value: &[u8]) -> Vec<Obstacle> {
    if is_identifier(name) { vec![] } else { vec![Obstacle::NotAnIdentifier] }
}

pub(super) fn write(out: &mut Vec<u8>, variables: &[(String, Secret)]) {
    for (name, value) in variables {
        let value = value.expose();
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        if is_plain(value) {
            out.extend_from_slice(value);
        } else if value.iter().any(|byte| matches!(byte, b'\'' | b'\r')) {
            write_double_quoted(out, value);
        } else {
            out.push(b'\'');
            out.extend_from_slice(value);
            out.push(b'\'');
        }
        out.push(b'\n');
    }
}

fn write_double_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    for &byte in value {
        match byte {
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples;
    use super::super::{Format, render};
    use super::*;

    #[test]
    fn each_value_has_the_plainest_form_that_is_safe() {
        for (value, line) in [
            ("", "A=\n"),
            ("b", "A=b\n"),
            ("https://h:1/p?q", "A='https://h:1/p?q'\n"),
            ("p@ss$word!", "A='p@ss$word!'\n"),
            (r#"{"a":"b"}"#, "A='{\"a\":\"b\"}'\n"),
            ("line\nbreak", "A='line\nbreak'\n"),
            ("line\r\nbreak", "A=\"line\\r\\nbreak\"\n"),
            (r"it's \n", "A=\"it's \\\\n\"\n"),
        ] {
            let rendered =
                render(Format::Dotenv, &[("A".to_owned(), Secret::from(value))]).unwrap();
            assert_eq!(String::from_utf8_lossy(rendered.expose()), line);
        }
    }

    #[test]
    fn names_that_readers_differ_on_are_refused() {
        for name in ["my-app", "a.b", "A B", "#A", "\u{feff}A", "1ST"] {
            assert_eq!(obstacles(name, b""), [Obstacle::NotAnIdentifier], "{name}");
        }
    }

    #[test]
    fn the_dialect_reads_back_every_byte() {
        let variables = samples::all();
        let rendered = render(Format::Dotenv, &variables).unwrap();
        assert!(read(rendered.expose()) == samples::pairs(&variables));
    }

    #[test]
    fn crlf_line_ends_change_no_value_on_one_line() {
        let mut variables = samples::all();
        variables.retain(|(_, value)| !value.expose().contains(&b'\n'));
        let mut file = Vec::new();
        for &byte in render(Format::Dotenv, &variables).unwrap().expose() {
            if byte == b'\n' {
                file.push(b'\r');
            }
            file.push(byte);
        }
        assert!(read(&file) == samples::pairs(&variables));
    }

    proptest! {
        #[test]
        fn the_dialect_reads_back_any_bytes(variables in samples::any_bytes()) {
            let rendered = render(Format::Dotenv, &variables).unwrap();
            prop_assert_eq!(read(rendered.expose()), samples::pairs(&variables));
        }
    }

    /// The dialect at its barest, without faults.
    fn read(mut file: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut pairs = Vec::new();
        while !file.is_empty() {
            let name = take_until(&mut file, |byte| byte == b'=');
            file = &file[1..];
            let value = match file.first() {
                Some(b'\'') => {
                    file = &file[1..];
                    let raw = take_until(&mut file, |byte| byte == b'\'');
                    file = &file[1..];
                    raw.to_vec()
                }
                Some(b'"') => read_double_quoted(&mut file),
                _ => read_unquoted(&mut file),
            };
            let rest = take_until(&mut file, |byte| byte == b'\n');
            assert!(matches!(rest, b"" | b"\r"), "after the value");
            file = &file[1..];
            pairs.push((String::from_utf8(name.to_vec()).unwrap(), value));
        }
        pairs
    }

    fn read_double_quoted(file: &mut &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        loop {
            *file = &file[1..];
            match (file[0], file.get(1)) {
                (b'"', _) => break,
                (b'\\', Some(b'n')) => value.push(b'\n'),
                (b'\\', Some(b'r')) => value.push(b'\r'),
                (b'\\', Some(b't')) => value.push(b'\t'),
                (b'\\', Some(b'"')) => value.push(b'"'),
                (b'\\', Some(b'\\')) => value.push(b'\\'),
                (byte, _) => {
                    value.push(byte);
                    continue;
                }
            }
            *file = &file[1..];
        }
        *file = &file[1..];
        value
    }

    fn read_unquoted(file: &mut &[u8]) -> Vec<u8> {
        let line = take_until(file, |byte| byte == b'\n');
        let is_comment =
            |at: usize| line[at] == b'#' && (at == 0 || line[at - 1].is_ascii_whitespace());
        let end = (0..line.len()).find(|at| is_comment(*at)).unwrap_or(line.len());
        line[..end].trim_ascii().to_vec()
    }

    fn take_until<'a>(file: &mut &'a [u8], is_end: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = file.iter().position(|byte| is_end(*byte)).unwrap();
        let (taken, rest) = file.split_at(end);
        *file = rest;
        taken
    }
}
