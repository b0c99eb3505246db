//! `command`: any program as a source. The door for everything that has no source of its own.
//!
//! Two protocols: `json` (one process for a batch: one request on its standard input, one answer
//! on its standard output; see [`protocol`]) and `summon` (`PROVIDER PATH` prints the value, one
//! process per path). Standard error goes to the terminal; standard output is never shown.

mod process;
pub(crate) mod protocol;

use std::time::Duration;

use self::process::{Ended, Invocation};
use super::{
    Answer, Answers, ErrorKind, Fetched, Kind, Outlook, Question, Source, SourceError,
    Surroundings, Waits,
};
use crate::{
    fault::Fault,
    manifest::spec::{Kind as Holds, SourceSpec, Spec, key},
    reference::Version,
    secret::Secret,
};

const TIMEOUT: Duration = Duration::from_secs(30);
const PROTOCOLS: [&str; 2] = ["json", "summon"];

pub(super) static KIND: Kind = Kind {
    spec: SourceSpec {
        name: "command",
        development_only: false,
        needs_settings: true,
        offline: false,
        takes_params: true,
        spec: &Spec {
            keys: &[
                key("command", Holds::List(&Holds::Text), "The program and its first arguments."),
                key("protocol", Holds::Words(&PROTOCOLS), "How it is asked.").or("\"json\""),
                key("timeout", Holds::Text, "How long it may take.").or("\"30s\""),
                key(
                    "credentials",
                    Holds::List(&Holds::Text),
                    "Environment variables that the program logs in with; the child gets none.",
                ),
            ],
            rest: None,
        },
    },
    open: |name, settings, surroundings| {
        let words = settings.list("command").unwrap_or_default();
        let Some((program, arguments)) = words.split_first() else {
            return Err(Fault::new(settings.span.clone(), format!("`{name}` has no command"))
                .help("add `command = [\"program\", \"argument\"]`"));
        };
        Ok(Box::new(Command {
            name: name.to_owned(),
            program: program.clone(),
            arguments: arguments.to_vec(),
            summon: settings.text("protocol") == Some("summon"),
            timeout: settings.duration("timeout")?.unwrap_or(TIMEOUT),
            credentials: settings.list("credentials").unwrap_or_default(),
            surroundings: surroundings.clone(),
        }))
    },
};

struct Command {
    name: String,
    program: String,
    arguments: Vec<String>,
    summon: bool,
    timeout: Duration,
    credentials: Vec<String>,
    surroundings: Surroundings,
}

impl Source for Command {
    fn credentials(&self) -> Vec<String> {
        self.credentials.clone()
    }

    fn fetch<'a>(&'a self, questions: &'a [Question], waits: &'a Waits) -> Answers<'a> {
        if self.summon {
            Box::pin(self.summon(questions, waits))
        } else {
            Box::pin(self.json(questions, waits))
        }
    }
}

impl Command {
    async fn json(&self, questions: &[Question], waits: &Waits) -> Vec<Answer> {
        let outcome = match protocol::request(questions) {
            Ok(request) => match self.start(None, Some(&request)) {
                Ok(invocation) => self.finish(invocation, waits).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let answers = outcome.and_then(|stdout| protocol::answers(&stdout, questions.len()));
        match answers {
            Ok(answers) => answers
                .into_iter()
                .map(|answer| answer.map_err(|error| self.named(error)))
                .collect(),
            Err(error) => vec![Err(self.named(error)); questions.len()],
        }
    }

    async fn summon(&self, questions: &[Question], waits: &Waits) -> Vec<Answer> {
        // All are started before the first is waited for.
        let running = questions.iter().map(|question| self.start_summon(question));
        let running = running.collect::<Vec<_>>();
        let mut answers = Vec::with_capacity(running.len());
        for invocation in running {
            let answer = match invocation {
                Ok(invocation) => self.finish(invocation, waits).await,
                Err(error) => Err(error),
            };
            // As Summon itself does, without the white space around it.
            let fetched = answer.map(|value| Fetched {
                outlook: Outlook::Polled { next: None },
                ..Fetched::fixed(Secret::new(value.expose().trim_ascii().to_vec()))
            });
            answers.push(fetched.map_err(|error| self.named(error)));
        }
        answers
    }

    fn start_summon(&self, question: &Question) -> Result<Invocation, SourceError> {
        if question.version != Version::Current {
            return Err(super::error::no_versions("summon"));
        }
        if !question.params.is_empty() {
            return Err(SourceError::new(
                ErrorKind::Configuration,
                "the `summon` protocol has no parameters",
            )
            .help("leave `?…` out of the reference"));
        }
        self.start(Some(&question.path), None)
    }

    fn start(&self, path: Option<&str>, stdin: Option<&[u8]>) -> Result<Invocation, SourceError> {
        let arguments = self.arguments.iter().map(String::as_str).chain(path);
        Invocation::start(&self.program, arguments, &self.surroundings, stdin, self.timeout)
    }

    async fn finish(&self, invocation: Invocation, waits: &Waits) -> Result<Secret, SourceError> {
        let unavailable = |what: String| Err(SourceError::new(ErrorKind::Unavailable, what));
        match invocation.finish(waits).await {
            Ended::Well(stdout) => Ok(stdout),
            Ended::Badly(status) => unavailable(format!("it failed: {status}")),
            Ended::TimedOut => unavailable(format!("it gave no answer in {:?}", self.timeout)),
            Ended::Flooded => Err(SourceError::new(
                ErrorKind::Malformed,
                format!("it wrote more than {} MiB", process::LIMIT >> 20),
            )),
            Ended::Lost(error) => unavailable(format!("its output was lost: {error}")),
        }
    }

    fn named(&self, mut error: SourceError) -> SourceError {
        error.message = format!("`{}` (source `{}`): {}", self.program, self.name, error.message);
        error
    }
}
