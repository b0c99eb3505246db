//! From a plan to a generation: what a worker does, and exec mode in its own process.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use crate::{
    generation::{Generation, Given, Lacking, assemble},
    plan::{Layers, Plan, requests},
    reference::{Request, Version},
    secret::Secret,
    source::{Answer, Content, ErrorKind, Outlook, Registry, SourceError, Surroundings},
};

/// What came of resolving a plan.
pub(crate) struct Resolved {
    pub(crate) generation: Generation,
    /// What the generation lacks. It must not be delivered unless that is nothing.
    pub(crate) lacking: Lacking,
    /// Which names are given from outside the manifest.
    pub(crate) layers: Layers,
    /// The `.env` files of the profile that were there.
    pub(crate) dotenv_files: Vec<String>,
    /// How each answer can change.
    pub(crate) outlooks: BTreeMap<Request, Outlook>,
    /// Environment variables that log in to the sources that were used.
    pub(crate) credentials: BTreeSet<String>,
}

/// Which sources may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Everything,
    /// Those alone that answer from this machine; the others' values stay open.
    Offline,
}

/// Everything that resolving starts from.
pub(crate) struct Question<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) registry: &'a Registry,
    pub(crate) surroundings: &'a Surroundings,
    /// Values of `--set`.
    pub(crate) set: &'a BTreeMap<String, Secret>,
    pub(crate) reach: Reach,
}

/// Reads the `.env` files, asks the sources, and fills the templates.
///
/// # Errors
/// A `.env` file of the profile that is there but cannot be read or understood. Everything else
/// is said in [`Resolved::lacking`].
pub(crate) fn resolve(question: &Question<'_>) -> Result<Resolved, SourceError> {
    let Question { plan, registry, surroundings, set, reach } = *question;
    let dotenv = dotenv(plan, registry)?;
    let layers = layers(set, dotenv.files_by_name, surroundings);
    let mut requests = requests(plan, &layers);
    if reach == Reach::Offline {
        requests.retain(|request| registry.is_offline(&request.source));
    }
    let asked = SystemTime::now();
    let answers = registry.fetch(&requests);
    let (generation, lacking) = assemble(&Given {
        plan,
        layers: &layers,
        set,
        dotenv: &dotenv.values,
        answers: &answers,
        asked,
    });
    let outlook = |answer: Answer| answer.ok().map(|fetched| fetched.outlook);
    Ok(Resolved {
        generation,
        lacking,
        layers,
        dotenv_files: dotenv.files,
        outlooks: answers
            .into_iter()
            .filter_map(|(request, answer)| Some((request, outlook(answer)?)))
            .collect(),
        credentials: registry.credentials(&requests),
    })
}

/// Which names the command line, the `.env` files and the parent give, without asking a source.
///
/// # Errors
/// As [`resolve`].
pub(crate) fn named_outside(question: &Question<'_>) -> Result<Layers, SourceError> {
    let dotenv = dotenv(question.plan, question.registry)?;
    Ok(layers(question.set, dotenv.files_by_name, question.surroundings))
}

fn layers(
    set: &BTreeMap<String, Secret>,
    dotenv: BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Layers {
    Layers { set: set.keys().cloned().collect(), dotenv, parent: surroundings.environment.clone() }
}

/// What the `.env` files of a profile say together.
#[derive(Default)]
struct Dotenv {
    values: BTreeMap<String, Secret>,
    /// The file that each variable is from.
    files_by_name: BTreeMap<String, String>,
    /// The files that were there.
    files: Vec<String>,
}

/// Reads the `.env` files; later ones win. One that is not there says nothing.
fn dotenv(plan: &Plan, registry: &Registry) -> Result<Dotenv, SourceError> {
    let requests = plan.dotenv.iter().map(|file| Request {
        source: "dotenv".to_owned(),
        path: file.clone(),
        version: Version::Current,
        params: Vec::new(),
    });
    let requests = requests.collect::<Vec<_>>();
    let mut dotenv = Dotenv::default();
    for (request, answer) in requests.iter().zip(registry.fetch_in_order("dotenv", &requests)) {
        let fields = match answer {
            Ok(fetched) => match fetched.content {
                Content::Fields(fields) => fields,
                Content::Value(_) => continue,
            },
            Err(error) if error.kind == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        dotenv.files.push(request.path.clone());
        let file = |name: &String| (name.clone(), request.path.clone());
        if dotenv.values.is_empty() {
            // Most often there is one file: its variables are taken as they are.
            dotenv.files_by_name = fields.keys().map(file).collect();
            dotenv.values = fields;
        } else {
            dotenv.files_by_name.extend(fields.keys().map(file));
            dotenv.values.extend(fields);
        }
    }
    Ok(dotenv)
}
