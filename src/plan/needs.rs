//! Which candidates a variable has, which wins, and what must be fetched for it.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use crate::{
    environment::Environment,
    manifest::{Origin, Written},
    reference::{Reference, Request, Version},
    template::{Hole, Target},
};

/// Names that are given from outside the manifest, strongest layer first.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// `--set`.
    pub(crate) set: BTreeSet<String>,
    /// Variables of the profile's `.env` files, with the file that won.
    pub(crate) dotenv: BTreeMap<String, String>,
    pub(crate) parent: Environment,
}

impl Layers {
    /// Whether `--set` or a `.env` file gives the variable a value.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.set.contains(name) || self.dotenv.contains_key(name)
    }
}

/// One place that a variable's value can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate<'p> {
    Set,
    Profile { written: &'p Written, profile: &'p str },
    Dotenv { file: &'p str },
    Env(&'p Written),
    Parent,
    Default(&'p Written),
}

/// All candidates for `name`, strongest first; the first one wins. Looked for one after the other,
/// for most are never asked after the first.
pub(crate) fn candidates<'p>(
    plan: &'p Plan,
    layers: &'p Layers,
    name: &'p str,
) -> impl Iterator<Item = Candidate<'p>> {
    let planned = plan.variables.get(name);
    let own = planned.and_then(|planned| planned.own.as_ref());
    let base = planned.and_then(|planned| planned.base.as_ref());
    let default = planned.and_then(|planned| planned.default.as_ref());
    (0..6).filter_map(move |rank| match rank {
        0 => layers.set.contains(name).then_some(Candidate::Set),
        1 => own.map(|(written, profile)| Candidate::Profile { written, profile }),
        2 => layers.dotenv.get(name).map(|file| Candidate::Dotenv { file }),
        3 => base.map(Candidate::Env),
        4 => layers.parent.get(name).map(|_| Candidate::Parent),
        _ => default.map(Candidate::Default),
    })
}

/// Everything that must be fetched, each path once, for the candidates that win.
pub(crate) fn requests(plan: &Plan, layers: &Layers) -> BTreeSet<Request> {
    let mut requests = BTreeSet::new();
    for name in plan.variables.keys() {
        if let Some(Candidate::Profile { written, .. } | Candidate::Env(written)) =
            candidates(plan, layers, name).next()
        {
            add(plan, written, &mut requests);
        }
    }
    for file in plan.files.iter().filter(|file| !layers.gives(&file.env)) {
        add(plan, &file.content, &mut requests);
    }
    requests
}

fn add(plan: &Plan, written: &Written, requests: &mut BTreeSet<Request>) {
    for hole in written.template.holes() {
        for reference in references(plan, hole).into_iter().flatten() {
            requests.insert(reference.request());
        }
    }
}

/// The references that fill `hole`: one, two with `|versions`, none for a variable's name, a
/// secret that this profile lacks, or one that only has a default. In the second place stands
/// the previous version.
pub(crate) fn references(plan: &Plan, hole: &Hole) -> [Option<Reference>; 2] {
    let Some(current) = reference(plan, &hole.target) else { return [None, None] };
    let previous = hole.wants_versions().then(|| current.at(Version::Previous));
    [Some(current), previous]
}

fn reference(plan: &Plan, target: &Target) -> Option<Reference> {
    let (name, field, version) = match target {
        Target::Inline(reference) => return Some(reference.clone()),
        Target::Name { name, field, version } => (name, field.as_deref(), version),
        Target::Lease { name, .. } => (name, None, &Version::Current),
    };
    let reference = match &plan.secrets.get(name)?.origin {
        Origin::Reference(placed) => {
            let mut reference = placed.reference.clone();
            if field.is_some() {
                reference.field = field.map(str::to_owned);
            }
            reference
        }
        Origin::Fields(fields) => match field {
            Some(field) => fields.get(field)?.reference.clone(),
            None if fields.len() == 1 => fields.values().next()?.reference.clone(),
            None => return None,
        },
        Origin::Default => return None,
    };
    Some(if *version == Version::Current { reference } else { reference.at(version.clone()) })
}
