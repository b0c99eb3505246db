//! Says in words where a value comes from, for `check` and `explain`.

use crate::{
    manifest::Written,
    plan::{Candidate, Plan, references},
    reference::Reference,
    template::Target,
};

/// Where a candidate stands, in a few words.
pub(crate) fn place(candidate: &Candidate<'_>) -> String {
    match candidate {
        Candidate::Set => "--set".to_owned(),
        Candidate::Profile { profile, .. } => format!("[profiles.{profile}.env]"),
        Candidate::Dotenv { file } => (*file).to_owned(),
        Candidate::Env(_) => "[env]".to_owned(),
        Candidate::Parent => "the parent's environment".to_owned(),
        Candidate::Default(_) => "its default".to_owned(),
    }
}

/// The candidate's template, where it is one. Literals of the manifest are no secrets.
pub(crate) fn template<'p>(candidate: &Candidate<'p>) -> Option<&'p Written> {
    match candidate {
        Candidate::Profile { written, .. }
        | Candidate::Env(written)
        | Candidate::Default(written) => Some(written),
        Candidate::Set | Candidate::Dotenv { .. } | Candidate::Parent => None,
    }
}

/// Every reference that a template is filled from, by the secret's name where it has one.
pub(crate) fn sources(plan: &Plan, written: &Written) -> Vec<(Option<String>, Reference)> {
    let mut sources = Vec::new();
    for hole in written.template.holes() {
        let name = match &hole.target {
            Target::Name { name, .. } | Target::Lease { name, .. } => Some(name.clone()),
            Target::Inline(_) => None,
        };
        for reference in references(plan, hole).into_iter().flatten() {
            let source = (name.clone(), reference);
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    sources
}

/// The secrets of a template that have a default.
pub(crate) fn defaults<'p>(plan: &Plan, written: &'p Written) -> Vec<&'p str> {
    let names = written.template.holes().filter_map(|hole| match &hole.target {
        Target::Name { name, .. } => Some(name.as_str()),
        Target::Lease { .. } | Target::Inline(_) => None,
    });
    let with_default =
        |name: &&str| plan.secrets.get(*name).is_some_and(|secret| secret.default.is_some());
    names.filter(with_default).collect()
}
