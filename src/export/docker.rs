//! A file for `docker run --env-file`.
//!
//! The rules are those of docker/cli, `pkg/kvfile/kvfile.go`, and of Go's `bufio.Scanner` under it:
//!
//! - A line is one variable, and its value is all after the first `=`: no quotes, no escapes, white
//!   space kept. So a value cannot hold a line break.
//! - A line is at most 64 KiB with its end, and loses one return before the line feed. A value that
//!   ends in a return is therefore written with one more.
//! - The file must be UTF-8; a BOM at its start is dropped.
//! - White space at the start of a line is dropped, then lines that start with `#`. A name with
//!   white space in it fails the whole file.
//!
//! Compose's `env_file` is another language, with quotes and interpolation.

use crate::secret::Secret;

use super::Obstacle;

/// `bufio.MaxScanTokenSize`.
const LINE_LIMIT: usize = 64 * 1024;

pub(super) fn obstacles(name: &str, value: &[u8]) -> Vec<Obstacle> {
    let mut obstacles = vec![];
    if name.contains(char::is_whitespace) || name.starts_with(['#', '\u{feff}']) {
        obstacles.push(Obstacle::NameRefusedByDocker);
    }
    if value.contains(&b'\n') {
        obstacles.push(Obstacle::LineBreak);
    }
    if str::from_utf8(value).is_err() {
        obstacles.push(Obstacle::NotUtf8);
    }
    if name.len() + 1 + value.len() + line_end(value).len() > LINE_LIMIT {
        obstacles.push(Obstacle::LineTooLong);
    }
    obstacles
}

pub(super) fn write(out: &mut Vec<u8>, variables: &[(String, Secret)]) {
    for (name, value) in variables {
        let value = value.expose();
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value);
        out.extend_from_slice(line_end(value));
    }
}

fn line_end(value: &[u8]) -> &'static [u8] {
    if value.ends_with(b"\r") { b"\r\n" } else { b"\n" }
}

#[cfg(test)]
mod tests {
    use std::io::{self, BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};
    use std::thread;

    use proptest::prelude::*;

    use super::super::samples;
    use super::super::{Format, render};
    use super::*;

    #[test]
    fn values_are_written_as_they_are() {
        let variables = [
            ("A".to_owned(), Secret::from("b")),
            ("C%%".to_owned(), Secret::from(" \"$d\" ")),
            ("E".to_owned(), Secret::from("f\r")),
        ];
        let rendered = render(Format::Docker, &variables).unwrap();
        assert_eq!(rendered.expose(), b"A=b\nC%%= \"$d\" \nE=f\r\r\n");
    }

    #[test]
    fn what_docker_misreads_or_refuses_is_refused() {
        for name in [" A", "A B", "A\t", "\u{a0}A", "A\n", "#A", "\u{feff}A"] {
            assert_eq!(obstacles(name, b""), [Obstacle::NameRefusedByDocker], "{name}");
        }
        assert_eq!(obstacles("A", b"b\n"), [Obstacle::LineBreak]);
        assert_eq!(obstacles("A", b"\xff"), [Obstacle::NotUtf8]);
        let longest = b"x".repeat(LINE_LIMIT - "A=\n".len());
        assert_eq!(obstacles("A", &longest), []);
        assert_eq!(obstacles("AB", &longest), [Obstacle::LineTooLong]);
        let with_return = [&longest[1..], b"\r"].concat();
        assert_eq!(obstacles("A", &with_return), [Obstacle::LineTooLong]);
    }

    #[test]
    fn docker_reads_back_every_byte() {
        let mut variables = carried(samples::all());
        let longest = b"x".repeat(LINE_LIMIT - "V1000=\n".len());
        variables.push(("V1000".to_owned(), Secret::new(longest)));
        let rendered = render(Format::Docker, &variables).unwrap();
        assert!(read(rendered.expose()) == samples::pairs(&variables));
        if let Some(env) = docker_create(rendered.expose()) {
            assert!(env == samples::pairs(&variables));
        }
    }

    proptest! {
        #[test]
        fn the_rules_read_back_any_text(variables in samples::any_text()) {
            let variables = carried(variables);
            let rendered = render(Format::Docker, &variables).unwrap();
            prop_assert_eq!(read(rendered.expose()), samples::pairs(&variables));
        }
    }

    fn carried(mut variables: Vec<(String, Secret)>) -> Vec<(String, Secret)> {
        variables.retain(|(name, value)| obstacles(name, value.expose()).is_empty());
        variables
    }

    /// The rules above.
    fn read(file: &[u8]) -> Vec<(String, Vec<u8>)> {
        let text = str::from_utf8(file).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut pairs = Vec::new();
        for line in text.split_inclusive('\n') {
            assert!(line.len() <= LINE_LIMIT);
            let line = line.strip_suffix('\n').unwrap_or(line);
            let line = line.strip_suffix('\r').unwrap_or(line).trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').unwrap();
            assert!(!name.is_empty() && !name.contains([' ', '\t']));
            pairs.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        pairs
    }

    /// What the docker client makes of the file, told by an engine that only listens; none where
    /// docker is not installed.
    fn docker_create(file: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
        let engine = TcpListener::bind("127.0.0.1:0").unwrap();
        let spawned = Command::new("docker")
            .args(["create", "--env-file", "/dev/stdin", "image"])
            .env("DOCKER_HOST", format!("tcp://{}", engine.local_addr().unwrap()))
            .env("DOCKER_CONFIG", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut child = match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            spawned => spawned.unwrap(),
        };
        let serving = thread::spawn(move || {
            loop {
                let (mut connection, _) = engine.accept().unwrap();
                if let Some(env) = answer(&mut connection) {
                    return env;
                }
            }
        });
        // The client asks the engine before it reads the file, so the engine must be there already.
        child.stdin.take().unwrap().write_all(file).unwrap();
        // Wait for the client first: if it refuses the file, there is no request to wait for.
        assert!(child.wait().unwrap().success());
        Some(serving.join().unwrap())
    }

    /// Answers one request, and returns the environment if it was that to create the container.
    fn answer(connection: &mut TcpStream) -> Option<Vec<(String, Vec<u8>)>> {
        let mut request = BufReader::new(connection.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(request.read_line(&mut head).unwrap(), 0);
        }
        let (status, answer) = if head.contains("/containers/create") {
            ("201 Created", r#"{"Id":"0","Warnings":[]}"#)
        } else {
            ("200 OK", "")
        };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        request.read_exact(&mut body).unwrap();
        let size = answer.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nApi-Version: 1.50\r\nContent-Type: application/json\r\n\
             Content-Length: {size}\r\nConnection: close\r\n\r\n{answer}"
        );
        connection.write_all(answer.as_bytes()).unwrap();
        let create: serde_json::Value = serde_json::from_slice(&body).ok()?;
        let assignments = create["Env"].as_array().unwrap().iter();
        Some(
            assignments
                .map(|assignment| assignment.as_str().unwrap().split_once('=').unwrap())
                .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
                .collect(),
        )
    }
}
