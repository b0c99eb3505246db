//! Finds the manifest, reads it, and opens what it names.

use std::{
    collections::BTreeMap,
    env, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use super::{Failure, Inherited, args::ProjectArgs, colours};
use crate::{
    environment::Environment,
    fault::Fault,
    manifest::{self, DEFAULT_PROFILE, Manifest, is_profile_name, refuses_dotenv},
    plan::{self, Plan},
    resolve::{Question, Reach, Resolved, resolve},
    secret::Secret,
    source::{FileTrouble, Registry, Surroundings, read_regular, specs},
};

const NAME: &str = "sublet.toml";
/// The most that is read of a manifest.
const LIMIT: usize = 1 << 20;

/// A manifest with everything that follows from it for one profile.
pub(crate) struct Project {
    pub(crate) manifest: Manifest,
    /// Where the manifest was found; none where there is only a `.env`.
    pub(crate) path: Option<PathBuf>,
    pub(crate) plan: Plan,
    pub(crate) registry: Registry,
    pub(crate) surroundings: Surroundings,
}

impl Project {
    /// Opens the project that the arguments, the environment and the current folder name.
    ///
    /// # Errors
    /// No manifest and no `.env`; a manifest that cannot be read or must not be trusted; every
    /// fault in it.
    pub(crate) fn open(arguments: &ProjectArgs, inherited: &Inherited) -> Result<Self, Failure> {
        let profile = profile(arguments, inherited)?;
        let found = find(arguments, inherited)?;
        let folder = found.as_ref().and_then(|found| found.path.parent());
        let surroundings = Surroundings {
            folder: folder.map(Path::to_path_buf).unwrap_or_default(),
            environment: Environment::new(&inherited.environ),
        };
        let (text, path) = match found {
            Some(found) => (found.text, Some(found.path)),
            None => {
                refuse_bare_profile(&profile)?;
                (String::new(), None)
            }
        };
        let shown = path.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let faulty = |faults: &[Fault]| {
            let colour = colours(&io::stderr(), inherited);
            let report = manifest::report::render(&shown, &text, faults, colour);
            let count = if faults.len() == 1 { "a fault" } else { "faults" };
            Failure::new(format!("{count} in the manifest\n{report}"))
        };
        let kinds = specs();
        let (mut manifest, mut found) =
            manifest::parse(&text, &kinds).map_err(|syntax| faulty(&syntax))?;
        if path.is_none() {
            // Any profile will do where there is no manifest that names them.
            manifest.profiles.entry(profile.clone()).or_default();
        }
        found.extend(plan::check(&manifest, &kinds, &profile));
        let registry = match Registry::open(&manifest.sources, &surroundings) {
            Ok(registry) if found.is_empty() => registry,
            Ok(_) => return Err(faulty(&sorted(found))),
            Err(more) => {
                found.extend(more);
                return Err(faulty(&sorted(found)));
            }
        };
        known_profile(&manifest, &profile)?;
        let plan = Plan::of(&manifest, &profile).map_err(|faults| faulty(&faults))?;
        Ok(Self { manifest, path, plan, registry, surroundings })
    }

    /// Resolves as far as `reach` goes.
    ///
    /// # Errors
    /// A `.env` file that cannot be understood; no manifest and no `.env` at all.
    pub(crate) fn resolve(
        &self,
        set: &BTreeMap<String, Secret>,
        reach: Reach,
    ) -> Result<Resolved, Failure> {
        let resolved = resolve(&self.question(set, reach)).map_err(Failure::new)?;
        if self.path.is_none() && resolved.dotenv_files.is_empty() {
            return Err(Failure::new(
                "there is no sublet.toml here or in a folder above, and no .env here; \
                 run `sublet init`, or name a manifest with --manifest",
            ));
        }
        Ok(resolved)
    }

    /// Resolves everything.
    ///
    /// # Errors
    /// As [`Self::resolve`]; everything that is lacking.
    pub(crate) fn resolve_completely(
        &self,
        set: &BTreeMap<String, Secret>,
    ) -> Result<Resolved, Failure> {
        let resolved = self.resolve(set, Reach::Everything)?;
        if resolved.lacking.is_empty() {
            Ok(resolved)
        } else {
            Err(Failure::new(format!("not started: {}", resolved.lacking)))
        }
    }

    /// Whether anything delivered may change while the command lives: something is watched, or
    /// comes from a source that may lease what it gives. Where this says no, nobody need stay.
    pub(crate) fn may_change(&self) -> bool {
        self.plan.is_watched()
            || self.plan.references().any(|reference| self.registry.may_lease(&reference.source))
    }

    pub(crate) fn question<'a>(
        &'a self,
        set: &'a BTreeMap<String, Secret>,
        reach: Reach,
    ) -> Question<'a> {
        Question {
            plan: &self.plan,
            registry: &self.registry,
            surroundings: &self.surroundings,
            set,
            reach,
        }
    }

    /// What to call the project in messages.
    pub(crate) fn name(&self) -> String {
        self.path
            .as_ref()
            .map_or_else(|| ".env alone".to_owned(), |path| path.display().to_string())
    }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by_key(|fault| fault.span.start);
    faults.dedup();
    faults
}

struct Found {
    path: PathBuf,
    text: String,
}

fn profile(arguments: &ProjectArgs, inherited: &Inherited) -> Result<String, Failure> {
    let variable = || text_variable(inherited, "SUBLET_PROFILE");
    let name = match &arguments.profile {
        Some(name) => name.clone(),
        None => variable()?.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
    };
    if is_profile_name(&name) {
        Ok(name)
    } else {
        Err(Failure::new(format!(
            "`{name}` is not a name for a profile: use letters, digits, `_`, `-`"
        )))
    }
}

fn text_variable(inherited: &Inherited, name: &str) -> Result<Option<String>, Failure> {
    match inherited.variable(name).filter(|value| !value.is_empty()) {
        None => Ok(None),
        Some(value) => std::str::from_utf8(value)
            .map(|text| Some(text.to_owned()))
            .map_err(|_| Failure::new(format!("the variable {name} is not UTF-8"))),
    }
}

/// A profile is one that the manifest or every manifest has.
fn known_profile(manifest: &Manifest, profile: &str) -> Result<(), Failure> {
    let mut names = manifest.profiles.keys().map(String::as_str).collect::<Vec<_>>();
    names.extend(manifest::BUILT_IN.iter().filter(|name| !manifest.profiles.contains_key(**name)));
    if names.contains(&profile) {
        return Ok(());
    }
    let hint = match crate::fault::nearest(profile, names.iter().copied()) {
        Some(right) => format!("did you mean `{right}`?"),
        None => format!("the profiles are: {}", names.join(", ")),
    };
    Err(Failure::new(format!("there is no profile `{profile}`; {hint}")))
}

/// The manifest that is meant: the one named, else the nearest one upwards.
fn find(arguments: &ProjectArgs, inherited: &Inherited) -> Result<Option<Found>, Failure> {
    let variable = inherited.variable("SUBLET_MANIFEST").filter(|value| !value.is_empty());
    let variable = variable.map(|value| PathBuf::from(std::ffi::OsStr::from_bytes(value)));
    if let Some(path) = arguments.manifest.clone().or(variable) {
        return match read(&path)? {
            Some(found) => Ok(Some(found)),
            None => Err(Failure::new(format!("there is no manifest `{}`", path.display()))),
        };
    }
    if let Some(found) = read(Path::new(NAME))? {
        return Ok(Some(found));
    }
    // A folder that was deleted under us has nothing above it.
    let Ok(folder) = env::current_dir() else { return Ok(None) };
    for folder in folder.ancestors().skip(1) {
        if let Some(found) = read(&folder.join(NAME))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Option<Found>, Failure> {
    let shown = path.display();
    let name = path.file_name().unwrap_or_default().as_bytes();
    if name == b".env" || name.starts_with(b".env.") {
        return Err(Failure::new(format!(
            "`{shown}` is a .env file, not a manifest; run `sublet init` to make one"
        )));
    }
    let (bytes, metadata) = match read_regular(path, LIMIT) {
        Ok(read) => read,
        Err(FileTrouble::Missing) => return Ok(None),
        Err(trouble) => return Err(Failure::new(format!("cannot use `{shown}`: {trouble}"))),
    };
    trusted(path, metadata.uid(), metadata.mode())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(Found { path: path.to_path_buf(), text })),
        Err(error) => {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Failure::new(format!(
                "cannot use `{shown}`: line {line} is not UTF-8; save the file as UTF-8 text"
            )))
        }
    }
}

/// A manifest decides which commands run and where secrets go: it must be as safe as a program.
fn trusted(path: &Path, owner: u32, mode: u32) -> Result<(), Failure> {
    let shown = path.display();
    if mode & 0o002 != 0 {
        return Err(Failure::new(format!(
            "refusing `{shown}`: everybody may write to it; run `chmod o-w {shown}`"
        )));
    }
    let user = nix::unistd::geteuid().as_raw();
    if owner != 0 && owner != user {
        return Err(Failure::new(format!(
            "refusing `{shown}`: it belongs to user {owner}, who is neither root nor this user \
             ({user}); run `chown {user} {shown}`"
        )));
    }
    Ok(())
}

/// Without a manifest there must be a `.env`, and a profile that may use it.
fn refuse_bare_profile(profile: &str) -> Result<(), Failure> {
    if !refuses_dotenv(profile) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "profile `{profile}` refuses .env files, and there is no sublet.toml here or in a folder \
         above; write one with its secrets (`sublet init` starts one), or name one with --manifest"
    )))
}
