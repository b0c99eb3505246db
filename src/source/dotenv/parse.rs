//! The `.env` dialect: values come out byte for byte as they were written.
//!
//! `$` is literal. `#` starts a comment only at the start of a line or after white space. Single
//! quotes are raw; double quotes take `\n \r \t \" \\` and no other escape; both may span lines.
//! `export `, CRLF line ends and a byte order mark are accepted. Nothing is ever executed.
//!
//! This is not the dialect of `dotenv-ng`, which takes `\'` inside single quotes, removes
//! backslashes from unquoted values, and lets a quote inside an unquoted value hide a comment;
//! its language for `expand = true` is used as it is (see [`super::expand`]).

use std::fmt;

use zeroize::Zeroizing;

use crate::secret::Secret;

/// One assignment.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) value: Secret,
    /// Whether `$` may mean something in it: it was not in single quotes.
    pub(super) expandable: bool,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// What is wrong with a line. Never shows it: the line may hold a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    /// In bytes, counted from 1.
    pub(crate) column: usize,
    pub(crate) cause: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.cause)
    }
}

/// Parses a whole file. With `expand`, `\$` outside of single quotes becomes `$$`, which the
/// expansion turns into a literal `$`.
///
/// # Errors
/// The first [`Malformed`] line.
pub(crate) fn parse(text: &[u8], expand: bool) -> Result<Vec<Entry>, Malformed> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut parser = Parser { text, at: 0, line: 1, counted: 0, expand };
    let mut entries = Vec::new();
    while let Some(entry) = parser.entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    /// The line of the byte at `counted`.
    line: usize,
    counted: usize,
    expand: bool,
}

impl Parser<'_> {
    /// The next assignment, past blank lines and comments.
    fn entry(&mut self) -> Result<Option<Entry>, Malformed> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Ok(None),
                Some(b'\n') => self.at += 1,
                Some(b'\r') if self.at_line_end() => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(_) => break,
            }
        }
        let start = self.at;
        self.skip_export();
        let name = self.name()?;
        self.skip_blanks();
        if self.peek() != Some(b'=') {
            return Err(self.malformed(self.at, "there is no `=` after the name"));
        }
        self.at += 1;
        let blanks = self.at;
        self.skip_blanks();
        let (value, expandable) = match self.peek() {
            Some(quote @ b'\'') => (self.quoted(quote)?, false),
            Some(quote @ b'"') => (self.quoted(quote)?, true),
            _ => (self.unquoted(blanks), true),
        };
        if value.contains(&0) {
            let nul = self.text[start..self.at].iter().position(|byte| *byte == 0);
            return Err(self.malformed(start + nul.unwrap_or(0), "the value holds a NUL byte"));
        }
        let line = self.line_of(start);
        Ok(Some(Entry { name, value: Secret::new(value.to_vec()), expandable, line }))
    }

    fn skip_export(&mut self) {
        let rest = &self.text[self.at..];
        if rest.starts_with(b"export") && matches!(rest.get(6), Some(b' ' | b'\t')) {
            // `export = x` sets a variable of that name.
            let after = rest[6..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
            if after != Some(&b'=') {
                self.at += 6;
                self.skip_blanks();
            }
        }
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b'=' | b' ' | b'\t' | b'\n' | b'\r' => break,
                b'\'' | b'"' | b'#' | b'`' | b'$' | b'\\' | 0..=0x1f | 0x7f => {
                    let cause = "this character cannot stand in a name";
                    return Err(self.malformed(self.at, cause));
                }
                _ => self.at += 1,
            }
        }
        if self.at == start {
            return Err(self.malformed(start, "there is no name before the `=`"));
        }
        String::from_utf8(self.text[start..self.at].to_vec())
            .map_err(|_| self.malformed(start, "the name is not UTF-8"))
    }

    fn quoted(&mut self, quote: u8) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let open = self.at;
        self.at += 1;
        let mut value = Zeroizing::new(Vec::with_capacity(self.closing(quote)));
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.malformed(open, "this quote is never closed"));
            };
            self.at += 1;
            match byte {
                byte if byte == quote => break,
                b'\\' if quote == b'"' => self.escape(&mut value),
                // A line end is a line end, however the file writes it.
                b'\r' if self.peek() == Some(b'\n') => {}
                byte => value.push(byte),
            }
        }
        let after = self.at;
        self.skip_blanks();
        match self.peek() {
            None | Some(b'\n') => {}
            Some(b'\r') if self.at_line_end() => {}
            Some(b'#') if self.at > after => {}
            Some(_) => return Err(self.malformed(self.at, "text follows the closing quote")),
        }
        self.skip_line();
        Ok(value)
    }

    /// A bound on the length of the quoted value that starts here.
    fn closing(&self, quote: u8) -> usize {
        let rest = &self.text[self.at..];
        let line = rest.iter().position(|byte| *byte == quote).unwrap_or(rest.len());
        if self.expand { line * 2 } else { line }
    }

    fn escape(&mut self, value: &mut Vec<u8>) {
        let literal = match self.peek() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(byte @ (b'"' | b'\\')) => byte,
            Some(b'$') if self.expand => {
                value.push(b'$');
                b'$'
            }
            _ => return value.push(b'\\'),
        };
        value.push(literal);
        self.at += 1;
    }

    /// The rest of the line without a comment and the white space before it. `blanks` is where
    /// the white space after `=` starts: a `#` right after it is a comment only if there is some.
    fn unquoted(&mut self, blanks: usize) -> Zeroizing<Vec<u8>> {
        let start = self.at;
        let rest = &self.text[start..];
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let mut line = &rest[..line];
        let mut previous_blank = start > blanks;
        for (index, byte) in line.iter().enumerate() {
            if *byte == b'#' && previous_blank {
                line = &line[..index];
                break;
            }
            previous_blank = matches!(byte, b' ' | b'\t');
        }
        self.skip_line();
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        let line = &line[..end.map_or(0, |end| end + 1)];
        let mut value = Zeroizing::new(Vec::with_capacity(line.len() * 2));
        for (index, byte) in line.iter().enumerate() {
            let escaped = self.expand && *byte == b'\\' && line.get(index + 1) == Some(&b'$');
            value.push(if escaped { b'$' } else { *byte });
        }
        value
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Whether the carriage return here ends the line.
    fn at_line_end(&self) -> bool {
        matches!(self.text.get(self.at + 1), None | Some(b'\n'))
    }

    /// The line of a place that is not before the last one asked for.
    fn line_of(&mut self, at: usize) -> usize {
        let passed = &self.text[self.counted..at];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = at;
        self.line
    }

    fn malformed(&self, at: usize, cause: &'static str) -> Malformed {
        let (line, column) = self.place(at);
        Malformed { line, column, cause }
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        (line, before.len() - start + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &[u8]) -> Vec<(String, Vec<u8>)> {
        let entries = parse(text, false).unwrap();
        entries.into_iter().map(|entry| (entry.name, entry.value.expose().to_vec())).collect()
    }

    fn value(text: &str) -> String {
        let mut values = values(text.as_bytes());
        assert_eq!(values.len(), 1, "{text:?}");
        String::from_utf8(values.remove(0).1).unwrap()
    }

    #[test]
    fn what_dotenvy_corrupts_is_literal() {
        for literal in [
            "p@ss$word!",
            "$2b$12$abcdefghijklmnop",
            r#"{"a":"b"}"#,
            "it's",
            r"C:\new\table",
            "a#b",
            "two words",
            "`echo no`",
            "$(echo no)",
            "a=b=c",
            "ünïcödé 🎉",
            r"ends with \",
        ] {
            assert_eq!(value(&format!("A={literal}")), literal);
            assert_eq!(value(&format!("A = {literal}  # comment\n")), literal);
            assert_eq!(
                value(&format!("A='{}'", literal.replace('\'', "_"))),
                literal.replace('\'', "_")
            );
        }
    }

    #[test]
    fn a_comment_needs_the_start_of_a_line_or_white_space() {
        assert_eq!(value("# one\n  # two\nA=1 # three\n"), "1");
        assert_eq!(value("A=#fff"), "#fff");
        assert_eq!(value("A= #fff"), "");
        assert_eq!(value("A=it's # not hidden by the quote"), "it's");
        assert_eq!(value("A='x' # y"), "x");
    }

    #[test]
    fn single_quotes_are_raw_and_double_quotes_take_five_escapes() {
        assert_eq!(value(r"A='a\'"), r"a\");
        assert_eq!(value(r"A='\n$x'"), r"\n$x");
        assert_eq!(value(r#"A="\n\r\t\"\\""#), "\n\r\t\"\\");
        assert_eq!(value(r#"A="\a\$\'\d""#), r"\a\$\'\d");
    }

    #[test]
    fn lines_ends_exports_and_a_byte_order_mark_are_accepted() {
        let text =
            b"\xef\xbb\xbfexport A=1\r\nexport\tB='x\r\ny'\r\n\r\nC=\r\nexport=4\r\nD=\xff\xfe";
        let expected = [
            ("A", b"1".to_vec()),
            ("B", b"x\ny".to_vec()),
            ("C", vec![]),
            ("export", b"4".to_vec()),
            ("D", vec![0xff, 0xfe]),
        ];
        assert_eq!(values(text), expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(value("A=\"multi\nline\""), "multi\nline");
        assert_eq!(value("A=a\rb"), "a\rb");
    }

    #[test]
    fn a_malformed_line_is_shown_by_its_place_alone() {
        for (text, line, column) in [
            ("A=1\nsecret-without-equals\n", 2, 22),
            ("A=1\n=secret", 2, 1),
            ("A='secret\n\n", 1, 3),
            ("A=\"x\" secret", 1, 7),
            ("A='x'#secret", 1, 6),
            ("\n\n  \"A\"=secret", 3, 3),
            ("A=se\0cret", 1, 5),
            ("A B=secret", 1, 3),
        ] {
            let malformed = parse(text.as_bytes(), false).unwrap_err();
            assert_eq!((malformed.line, malformed.column), (line, column), "{text:?}");
            assert!(!malformed.to_string().contains("secret"));
        }
    }

    #[test]
    fn entries_know_their_lines() {
        let entries = parse(b"A='1\n2'\n# x\n\nB=3", false).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 5]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..80), expand: bool) {
            let _ = parse(&text, expand);
        }

        #[test]
        fn a_single_quoted_value_comes_out_as_it_is(text in "[^\0'\r]{0,40}") {
            prop_assert_eq!(value(&format!("A='{text}'")), text);
        }

        #[test]
        fn where_the_dialects_agree_so_do_the_parsers(text in "[a-zA-Z0-9$ #=@:{}\"-]{0,20}", quote: bool) {
            let text = text.replace('"', "");
            let line = if quote { format!("A=\"{text}\"") } else { format!("A={text}") };
            let theirs = ::dotenv::EnvLoader::with_reader(line.as_bytes())
                .sequence(::dotenv::EnvSequence::InputOnly)
                .load()
                .unwrap();
            // Theirs takes `A=#` for a comment.
            prop_assume!(quote || !text.starts_with('#'));
            prop_assert_eq!(&value(&line), theirs.get("A").unwrap());
        }
    }
}
