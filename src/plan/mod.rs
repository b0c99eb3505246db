//! What one profile of a manifest asks for, with inheritance followed and contradictions found.
//!
//! Pure. A plan knows which candidates a variable has and which requests they need; it does not
//! know a value.

mod check;
mod needs;
mod profile_chain;

use std::{collections::BTreeMap, time::Duration};

use self::profile_chain::{chain, chain_refuses_dotenv};
pub(crate) use self::{
    check::check,
    needs::{Candidate, Layers, candidates, references, requests},
};
use crate::{
    fault::Fault,
    manifest::{
        DeclaredFile, DeclaredSecret, Dotenv, Manifest, OnChange, Variable, Written,
        conventional_dotenv,
    },
    reference::Reference,
    signal::Signal,
};

/// What a run in one profile has to deliver.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) profile: String,
    /// `.env` files in order, later ones winning.
    pub(crate) dotenv: Vec<String>,
    pub(crate) variables: BTreeMap<String, PlannedVariable>,
    pub(crate) files: Vec<DeclaredFile>,
    pub(crate) secrets: BTreeMap<String, DeclaredSecret>,
    /// How often to look for changes where a secret does not say.
    pub(crate) watch: Option<Duration>,
    /// What the child sees of a change where neither secret nor file says.
    pub(crate) on_change: Option<OnChange>,
    /// What `on-change = "signal"` sends.
    pub(crate) signal: Signal,
}

/// A declared variable with what all declarations of it say together.
#[derive(Debug, Clone)]
pub(crate) struct PlannedVariable {
    /// The profile's own value, which beats `.env` files, and the profile that says it.
    pub(crate) own: Option<(Written, String)>,
    /// The value of `[env]`.
    pub(crate) base: Option<Written>,
    pub(crate) default: Option<Written>,
    pub(crate) required: bool,
    pub(crate) description: Option<String>,
}

impl Plan {
    /// The plan of `profile`, which must be one that [`check()`] found no fault with.
    ///
    /// # Errors
    /// A profile that `extends` an unknown one or itself.
    pub(crate) fn of(manifest: &Manifest, profile: &str) -> Result<Self, Vec<Fault>> {
        let chain = chain(manifest, profile)?;
        let mut variables = manifest
            .env
            .iter()
            .map(|(name, variable)| (name.clone(), PlannedVariable::base(variable)))
            .collect::<BTreeMap<_, _>>();
        let mut secrets = manifest.secrets.clone();
        let mut dotenv = None;
        let mut watch = None;
        for (name, layer) in &chain {
            for (variable, declared) in &layer.env {
                variables
                    .entry(variable.clone())
                    .or_insert_with(PlannedVariable::empty)
                    .overlay(declared, name);
            }
            secrets.extend(layer.secrets.clone());
            dotenv = layer.dotenv.as_ref().map(|(dotenv, _)| dotenv.clone()).or(dotenv);
            watch = layer.watch.or(watch);
        }
        let allowed = chain.last().is_some_and(|(_, own)| own.allow_dotenv);
        let dotenv = match dotenv {
            Some(Dotenv::Refused) => Vec::new(),
            Some(Dotenv::Files(files)) => files,
            None if chain_refuses_dotenv(profile, &chain) && !allowed => Vec::new(),
            None => conventional_dotenv(profile).to_vec(),
        };
        Ok(Self {
            profile: profile.to_owned(),
            dotenv,
            variables,
            files: manifest.files.clone(),
            secrets,
            watch,
            on_change: manifest.run.on_change.clone(),
            signal: manifest.run.signal,
        })
    }
}

impl Plan {
    /// Whether the profile or any of its secrets asks for changes to be looked for.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.is_some() || self.secrets.values().any(|secret| secret.watch.is_some())
    }

    /// Every reference that some template can be filled from.
    pub(crate) fn references(&self) -> impl Iterator<Item = Reference> {
        let variables = self.variables.values().flat_map(PlannedVariable::templates);
        let written = variables.chain(self.files.iter().map(|file| &file.content));
        let holes = written.flat_map(|written| written.template.holes());
        holes.flat_map(|hole| references(self, hole)).flatten()
    }
}

impl PlannedVariable {
    fn empty() -> Self {
        Self { own: None, base: None, default: None, required: true, description: None }
    }

    fn base(declared: &Variable) -> Self {
        Self {
            base: declared.value.clone(),
            default: declared.default.clone(),
            required: declared.required.unwrap_or(true),
            description: declared.description.clone(),
            ..Self::empty()
        }
    }

    fn overlay(&mut self, declared: &Variable, profile: &str) {
        if let Some(value) = &declared.value {
            self.own = Some((value.clone(), profile.to_owned()));
        }
        if declared.default.is_some() {
            self.default.clone_from(&declared.default);
        }
        if declared.description.is_some() {
            self.description.clone_from(&declared.description);
        }
        self.required = declared.required.unwrap_or(self.required);
    }

    /// Every template of it.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Written> {
        let own = self.own.as_ref().map(|(written, _)| written);
        own.into_iter().chain(self.base.as_ref()).chain(self.default.as_ref())
    }
}
