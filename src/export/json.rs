//! One JSON object (RFC 8259) with a string per variable.
//!
//! A string is Unicode text, so a value must be UTF-8. Escaped is what section 7 says must be:
//! `"`, `\` and the control characters. Written by hand because a serializer can fail, and this
//! cannot: what could not be text was refused before.

use crate::secret::Secret;

use super::Obstacle;

pub(super) fn obstacles(_name: &str, value: &[u8]) -> Vec<Obstacle> {
    match str::from_utf8(value) {
        Ok(_) => vec![],
        Err(_) => vec![Obstacle::NotUtf8],
    }
}

pub(super) fn write(out: &mut Vec<u8>, variables: &[(String, Secret)]) {
    out.push(b'{');
    for (index, (name, value)) in variables.iter().enumerate() {
        let separator: &[u8] = if index == 0 { b"\n  " } else { b",\n  " };
        out.extend_from_slice(separator);
        write_string(out, name.as_bytes());
        out.extend_from_slice(b": ");
        write_string(out, value.expose());
    }
    let end: &[u8] = if variables.is_empty() { b"}\n" } else { b"\n}\n" };
    out.extend_from_slice(end);
}

fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0..0x20 => {
                out.extend_from_slice(br"\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xf)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::super::samples;
    use super::super::{Format, render};
    use super::*;

    #[test]
    fn the_object_is_readable_and_in_order() {
        let variables =
            [("B".to_owned(), Secret::from("1\u{1b}\"")), ("A-%%\n".to_owned(), Secret::from("ü"))];
        let rendered = render(Format::Json, &variables).unwrap();
        let expected = "{\n  \"B\": \"1\\u001b\\\"\",\n  \"A-%%\\n\": \"ü\"\n}\n";
        assert_eq!(String::from_utf8_lossy(rendered.expose()), expected);
    }

    #[test]
    fn what_is_not_text_is_refused() {
        assert_eq!(obstacles("A", b"\xff"), [Obstacle::NotUtf8]);
        assert_eq!(obstacles("A", b"\xed\xa0\x80"), [Obstacle::NotUtf8], "a surrogate");
    }

    #[test]
    fn jq_reads_back_every_byte() {
        let variables = samples::utf8();
        let rendered = render(Format::Json, &variables).unwrap();
        let program = r#"to_entries[] | .key, "=", .value, "\u0000""#;
        let spawned = Command::new("jq")
            .args(["-j", program])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            spawned => spawned.unwrap(),
        };
        child.stdin.take().unwrap().write_all(rendered.expose()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(samples::from_env(&output.stdout) == samples::pairs(&variables));
    }

    proptest! {
        #[test]
        fn serde_reads_back_any_text(variables in samples::any_text()) {
            let rendered = render(Format::Json, &variables).unwrap();
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(rendered.expose()).unwrap();
            prop_assert_eq!(object.len(), variables.len());
            for (name, value) in samples::pairs(&variables) {
                prop_assert_eq!(object[&name].as_str().unwrap().as_bytes(), &value);
            }
        }
    }
}
