//! Fills the templates of a plan with what the sources answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use super::{
    DeliveredContent, DeliveredVariable, Generation, Lacking, Missing, Reaction,
    lacking::Unanswered,
};
use crate::{
    filter,
    manifest::{DeclaredFile, DeclaredSecret, OnChange, Origin, Written},
    plan::{Candidate, Layers, Plan, candidates, references},
    reference::{Reference, Request},
    secret::Secret,
    source::{Answer, ErrorKind, Outlook},
    template::{Hole, LeaseItem, Part, Target},
};

/// The most bytes of one value.
const LARGEST: usize = 64 << 20;

/// Everything that templates are filled from.
pub(crate) struct Given<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) layers: &'a Layers,
    /// Values of `--set`.
    pub(crate) set: &'a BTreeMap<String, Secret>,
    /// Values of the profile's `.env` files.
    pub(crate) dotenv: &'a BTreeMap<String, Secret>,
    pub(crate) answers: &'a BTreeMap<Request, Answer>,
    /// When the answers were asked for: leases count from here.
    pub(crate) asked: SystemTime,
}

/// Builds the generation as far as it goes, and says all that it lacks. One that lacks anything
/// must not be delivered.
pub(crate) fn assemble(given: &Given<'_>) -> (Generation, Lacking) {
    let mut assembly = Assembly { given, filled: BTreeMap::new(), unanswered: BTreeMap::new() };
    let mut generation = Generation::default();
    let (mut lacks, mut absent) = (Vec::new(), Vec::new());
    let declared = given.plan.variables.keys();
    let names = declared.chain(given.set.keys()).chain(given.dotenv.keys());
    for name in names.collect::<BTreeSet<_>>() {
        let planned = given.plan.variables.get(name);
        let filled = match assembly.variable(name) {
            // Declared, it reaches the child whatever else is inherited.
            Filled::Inherited => given
                .layers
                .parent
                .get(name)
                .map_or(Filled::Inherited, |value| Filled::Value(Secret::new(value.to_vec()))),
            filled => filled,
        };
        match filled {
            Filled::Value(value) if value.expose().contains(&0) => lacks.push(Missing {
                name: name.clone(),
                reason: "its value holds a NUL byte, which no variable can; deliver it under \
                         `[files]`, or with `|base64`"
                    .to_owned(),
                description: None,
            }),
            Filled::Value(value) => {
                let on_change = assembly.reaction_of_variable(name);
                let name = name.clone();
                generation.variables.push(DeliveredVariable { name, value, on_change });
            }
            Filled::Inherited | Filled::Unanswered => {}
            Filled::Missing(reason) => {
                let required = planned.is_none_or(|planned| planned.required) && !reason.optional;
                let own = planned.and_then(|planned| planned.description.clone());
                let missing = Missing {
                    name: name.clone(),
                    reason: reason.text,
                    description: own.or(reason.description),
                };
                if required {
                    lacks.push(missing);
                } else {
                    generation.removed.insert(name.clone());
                    absent.push(missing);
                }
            }
        }
    }
    for file in &given.plan.files {
        let name = format!("file {}", file.path);
        if given.layers.gives(&file.env) {
            // A variable from outside that says where the file is takes its place.
            continue;
        }
        match assembly.template(&file.content, &name) {
            Filled::Value(content) => generation.files.push(DeliveredContent {
                path: file.path.clone(),
                content,
                env: file.env.clone(),
                mode: file.mode,
                on_change: assembly.reaction_of_file(file),
            }),
            Filled::Inherited | Filled::Unanswered => {}
            Filled::Missing(reason) => {
                let required = file.required && !reason.optional;
                let description = file.description.clone().or(reason.description);
                let missing = Missing { name, reason: reason.text, description };
                if required {
                    lacks.push(missing);
                } else {
                    generation.removed.insert(file.env.clone());
                    absent.push(missing);
                }
            }
        }
    }
    let lacking = Lacking { missing: lacks, unanswered: assembly.unanswered(), absent };
    (generation, lacking)
}

/// What became of a template.
#[derive(Debug, Clone)]
enum Filled {
    Value(Secret),
    /// The parent's own value holds.
    Inherited,
    /// It has no value.
    Missing(Reason),
    /// A source did not answer; that is reported once for all that need it.
    Unanswered,
}

/// Why something has no value.
#[derive(Debug, Clone, Default)]
struct Reason {
    text: String,
    /// The secret that has none says that it may be missing.
    optional: bool,
    /// What the secret is for.
    description: Option<String>,
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<&str> for Reason {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// The reason, as the secret that lacks has it.
fn lacking_in(secret: &DeclaredSecret, reason: Reason) -> Reason {
    Reason { optional: !secret.required, description: secret.description.clone(), ..reason }
}

fn lacking_in_any(secret: Option<&DeclaredSecret>, reason: Reason) -> Reason {
    match secret {
        Some(secret) => lacking_in(secret, reason),
        None => reason,
    }
}

struct Assembly<'a> {
    given: &'a Given<'a>,
    /// Templates that have been filled, by variable.
    filled: BTreeMap<String, Filled>,
    /// By request, the names that need it.
    unanswered: BTreeMap<Request, BTreeSet<String>>,
}

impl Assembly<'_> {
    /// The value of a variable by the strongest of its candidates.
    fn variable(&mut self, name: &str) -> Filled {
        let given = self.given;
        let winner = candidates(given.plan, given.layers, name).next();
        let known = |values: &BTreeMap<String, Secret>| {
            values.get(name).cloned().map_or(Filled::Missing("it is not set".into()), Filled::Value)
        };
        if let Some(filled) = self.filled.get(name) {
            return filled.clone();
        }
        let mut filled = match winner {
            None => Filled::Missing("nothing gives it a value".into()),
            Some(Candidate::Set) => return known(given.set),
            Some(Candidate::Dotenv { .. }) => return known(given.dotenv),
            Some(Candidate::Parent) => return Filled::Inherited,
            Some(
                Candidate::Profile { written, .. }
                | Candidate::Env(written)
                | Candidate::Default(written),
            ) => self.template(written, name),
        };
        if matches!(filled, Filled::Missing(_))
            && let Some(default) =
                given.plan.variables.get(name).and_then(|planned| planned.default.as_ref())
        {
            filled = self.template(default, name);
        }
        self.filled.insert(name.to_owned(), filled.clone());
        filled
    }

    fn template(&mut self, written: &Written, needed_by: &str) -> Filled {
        let mut text = Vec::new();
        let mut outcome = None;
        for part in &written.template.parts {
            let hole = match part {
                Part::Literal(literal) => {
                    text.push(Secret::from(literal.as_str()));
                    continue;
                }
                Part::Hole(hole) => hole,
            };
            match self.hole(hole, needed_by) {
                Filled::Value(value) => text.push(value),
                // What is missing says more than what was not answered; what must not be missing
                // says more than what may.
                Filled::Missing(reason) if !matches!(&outcome, Some(Filled::Missing(first)) if reason.optional || !first.optional) =>
                {
                    outcome = Some(Filled::Missing(reason));
                }
                other => outcome = outcome.or(Some(other)),
            }
        }
        let length = text.iter().map(|part| part.expose().len()).sum::<usize>();
        outcome.unwrap_or_else(|| match length {
            0..=LARGEST => Filled::Value(Secret::concat(&text)),
            _ => Filled::Missing(
                format!("its value would be larger than {} MiB", LARGEST >> 20).into(),
            ),
        })
    }

    fn hole(&mut self, hole: &Hole, needed_by: &str) -> Filled {
        let values = match self.values(hole, needed_by) {
            Ok(values) => values,
            Err(filled) => return filled,
        };
        match filter::apply(&hole.filters, values) {
            Ok(value) => Filled::Value(value),
            Err(filter::NotText) => {
                Filled::Missing("`|json` needs text, and the value is not UTF-8".into())
            }
        }
    }

    /// The value of a hole before its filters; two with `|versions`, where there are two.
    fn values(&mut self, hole: &Hole, needed_by: &str) -> Result<Vec<Secret>, Filled> {
        let plan = self.given.plan;
        match &hole.target {
            Target::Lease { name, item } => {
                return self.lease(hole, name, *item, needed_by).map(|value| vec![value]);
            }
            Target::Name { name, .. } if !plan.secrets.contains_key(name) => {
                return self.named_variable(name).map(|value| vec![value]);
            }
            _ => {}
        }
        let secret = match &hole.target {
            Target::Name { name, .. } => plan.secrets.get(name),
            _ => None,
        };
        let [current, previous] = references(plan, hole);
        let Some(current) = current else {
            return self.without_reference(hole, secret).map(|value| vec![value]);
        };
        let current = match self.fetched(&current, needed_by) {
            Err(Filled::Missing(reason)) => secret
                .and_then(|secret| secret.default.as_deref())
                .map(Secret::from)
                .ok_or_else(|| Filled::Missing(lacking_in_any(secret, reason))),
            other => other,
        }?;
        let previous = match previous.map(|previous| self.fetched(&previous, needed_by)) {
            // The first version of a secret has none before it.
            None | Some(Err(Filled::Missing(_))) => None,
            Some(previous) => Some(previous?),
        };
        Ok(std::iter::once(current).chain(previous).collect())
    }

    /// `${NAME}` of another variable.
    fn named_variable(&mut self, name: &str) -> Result<Secret, Filled> {
        let plan = self.given.plan;
        if !plan.variables.contains_key(name) && !self.given.dotenv.contains_key(name) {
            return Err(Filled::Missing(
                format!(
                    "it needs the secret `{name}`, which profile `{}` does not have",
                    plan.profile
                )
                .into(),
            ));
        }
        match self.variable(name) {
            Filled::Value(value) => Ok(value),
            Filled::Inherited => {
                let inherited = self.given.layers.parent.get(name);
                inherited
                    .map(|value| Secret::new(value.to_vec()))
                    .ok_or_else(|| Filled::Missing(format!("`{name}` is not set").into()))
            }
            Filled::Missing(reason) => {
                let text = format!("`{name}`: {}", reason.text);
                Err(Filled::Missing(Reason { text, ..reason }))
            }
            Filled::Unanswered => Err(Filled::Unanswered),
        }
    }

    fn without_reference(
        &self,
        hole: &Hole,
        secret: Option<&DeclaredSecret>,
    ) -> Result<Secret, Filled> {
        let Some(secret) = secret else {
            return Err(Filled::Missing("it needs a secret that is not declared".into()));
        };
        let default = secret.default.as_deref().map(Secret::from);
        default.ok_or_else(|| {
            let Target::Name { name, field, .. } = &hole.target else {
                return Filled::Missing("its secret has no reference".into());
            };
            let text = match (&secret.origin, field) {
                (Origin::Fields(_), Some(field)) => {
                    format!(
                        "`{name}` has no field `{field}` in profile `{}`",
                        self.given.plan.profile
                    )
                }
                (Origin::Fields(_), None) => format!("`{name}` has several fields: say which"),
                _ => format!("profile `{}` gives `{name}` no value", self.given.plan.profile),
            };
            Filled::Missing(lacking_in(secret, text.into()))
        })
    }

    fn fetched(&mut self, reference: &Reference, needed_by: &str) -> Result<Secret, Filled> {
        let request = reference.request();
        let field = |answer: &Answer| match answer {
            Ok(fetched) => fetched.content.field(reference.field.as_deref()),
            Err(error) => Err(error.clone()),
        };
        match self.given.answers.get(&request).map(field) {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) if error.kind == ErrorKind::NotFound => {
                Err(Filled::Missing(format!("`{reference}`: {error}").into()))
            }
            // A field that cannot be read is this variable's alone; the path was answered.
            Some(Err(error)) if self.given.answers.get(&request).is_some_and(Result::is_ok) => {
                Err(Filled::Missing(format!("`{reference}`: {error}").into()))
            }
            _ => {
                self.unanswered.entry(request).or_default().insert(needed_by.to_owned());
                Err(Filled::Unanswered)
            }
        }
    }

    fn lease(
        &mut self,
        hole: &Hole,
        name: &str,
        item: LeaseItem,
        needed_by: &str,
    ) -> Result<Secret, Filled> {
        let [reference, _] = references(self.given.plan, hole);
        let none = || Filled::Missing(format!("`{name}` is not leased").into());
        let request = reference.ok_or_else(none)?.request();
        let Some(Ok(fetched)) = self.given.answers.get(&request) else {
            self.unanswered.entry(request).or_default().insert(needed_by.to_owned());
            return Err(Filled::Unanswered);
        };
        let Outlook::Leased { ttl, .. } = &fetched.outlook else { return Err(none()) };
        Ok(Secret::from(
            match item {
                LeaseItem::Ttl => ttl.as_secs().to_string(),
                LeaseItem::Expires => {
                    humantime::format_rfc3339_seconds(self.given.asked + *ttl).to_string()
                }
            }
            .as_str(),
        ))
    }

    /// A living process's environment cannot change: unless its secrets say otherwise, restart.
    fn reaction_of_variable(&self, name: &str) -> Reaction {
        let plan = self.given.plan;
        let declared = plan.variables.contains_key(name);
        let winner = declared.then(|| candidates(plan, self.given.layers, name).next()).flatten();
        let templates = match winner {
            Some(Candidate::Profile { written, .. } | Candidate::Env(written)) => Some(written),
            _ => None,
        };
        let own = templates.and_then(|written| self.strongest(written));
        let general = plan.on_change.as_ref().map(|on_change| self.reaction(on_change));
        match own.or(general) {
            // A signal cannot bring a new environment; `check` refuses it where it is said of a
            // secret, and said of everything it is meant for files.
            None | Some(Reaction::Signal(_)) => Reaction::Restart,
            Some(reaction) => reaction,
        }
    }

    fn reaction_of_file(&self, file: &DeclaredFile) -> Reaction {
        let plan = self.given.plan;
        let own = file.on_change.as_ref().map(|on_change| self.reaction(on_change));
        own.or_else(|| self.strongest(&file.content))
            .or_else(|| plan.on_change.as_ref().map(|on_change| self.reaction(on_change)))
            .unwrap_or(Reaction::Signal(plan.signal))
    }

    /// What the secrets in a template ask for; a restart where one of several asks for it or says
    /// nothing, for it brings what all others would.
    fn strongest(&self, written: &Written) -> Option<Reaction> {
        let secrets = written.template.holes().filter_map(|hole| match &hole.target {
            Target::Name { name, .. } | Target::Lease { name, .. } => {
                self.given.plan.secrets.get(name)
            }
            Target::Inline(_) => None,
        });
        let asked = secrets.map(|secret| secret.on_change.as_ref()).collect::<Vec<_>>();
        let said = asked.iter().flatten().map(|on_change| self.reaction(on_change));
        let said = said.collect::<Vec<_>>();
        if said.len() < asked.len() && !said.is_empty() {
            return Some(Reaction::Restart);
        }
        let restart = said.iter().find(|reaction| **reaction == Reaction::Restart);
        let active = said.iter().find(|reaction| **reaction != Reaction::Nothing);
        restart.or(active).or(said.first()).cloned()
    }

    fn reaction(&self, on_change: &OnChange) -> Reaction {
        match on_change {
            OnChange::Restart => Reaction::Restart,
            OnChange::Signal(signal) => Reaction::Signal(signal.unwrap_or(self.given.plan.signal)),
            OnChange::Command(words) => Reaction::Command(words.clone()),
            OnChange::Nothing => Reaction::Nothing,
        }
    }

    fn unanswered(&mut self) -> Vec<Unanswered> {
        let unanswered = std::mem::take(&mut self.unanswered);
        let errors = unanswered.into_iter().filter_map(|(request, needed_by)| {
            let error = self.given.answers.get(&request)?.as_ref().err()?.clone();
            Some(Unanswered { request, error, needed_by: needed_by.into_iter().collect() })
        });
        errors.collect()
    }
}
