//! Contradictions between the parts of a manifest, in every profile.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Plan,
    profile_chain::{chain, chain_refuses_dotenv, names},
};
use crate::{
    fault::Fault,
    manifest::{
        DeclaredSecret, Dotenv, Manifest, OnChange, Origin, PlacedReference, Written,
        spec::SourceSpec,
    },
    reference::{Reference, Version},
    template::{Hole, Target},
};

/// How many variables may be made of one another in a row. Templates are filled by recursion.
const DEPTH: usize = 64;

/// Finds every contradiction, in every profile that the manifest declares and in the `active` one.
/// `kinds` are the types of source that exist.
pub(crate) fn check(manifest: &Manifest, kinds: &[SourceSpec], active: &str) -> Vec<Fault> {
    let mut check = Check { manifest, kinds, faults: Vec::new(), refused: BTreeMap::new() };
    check.names();
    check.sources();
    check.files();
    let profiles = manifest.profiles.keys().map(String::as_str);
    let known = names(manifest).into_iter().find(|name| *name == active);
    for profile in profiles.chain(known).collect::<BTreeSet<_>>() {
        check.profile(profile);
    }
    check.refusals();
    // A fault that several profiles inherit is one fault.
    let mut faults = check.faults;
    faults.sort_by(|a, b| (a.span.start, &a.cause).cmp(&(b.span.start, &b.cause)));
    faults.dedup();
    faults
}

struct Check<'m> {
    manifest: &'m Manifest,
    kinds: &'m [SourceSpec],
    faults: Vec<Fault>,
    /// Where a `.env` source is asked for, and the profiles that refuse it.
    refused: BTreeMap<(usize, usize), BTreeSet<String>>,
}

impl<'m> Check<'m> {
    /// Every name in a template must be declared somewhere, in whatever profile.
    fn names(&mut self) {
        let manifest = self.manifest;
        let secrets = manifest.profiles.values().flat_map(|profile| profile.secrets.keys());
        let secrets = manifest.secrets.keys().chain(secrets).map(String::as_str);
        let secrets = secrets.collect::<BTreeSet<_>>();
        let variables = manifest.profiles.values().flat_map(|profile| profile.env.keys());
        let variables = manifest.env.keys().chain(variables).map(String::as_str);
        let variables = variables.collect::<BTreeSet<_>>();
        for written in self.templates() {
            for hole in written.template.holes() {
                let (Target::Name { name, .. } | Target::Lease { name, .. }) = &hole.target else {
                    continue;
                };
                if secrets.contains(name.as_str()) {
                    self.field(written, hole);
                    continue;
                }
                if variables.contains(name.as_str()) {
                    self.variable(written, hole, name);
                    continue;
                }
                let known = secrets.iter().chain(&variables).copied();
                let fault = Fault::new(hole.span.clone(), format!("nothing is named `{name}`"))
                    .help(format!(
                        "declare it under `[secrets]` or a profile's `secrets`; for a variable of \
                         the parent's environment write `${{env:{name}}}`"
                    ))
                    .suggest(name, known);
                self.faults.push(fault.within(written.span.clone(), written.verbatim));
            }
        }
    }

    /// A field of a secret that is put together must be one of its fields, in some profile.
    fn field(&mut self, written: &Written, hole: &Hole) {
        let Target::Name { name, field, .. } = &hole.target else { return };
        let profiles = self.manifest.profiles.values().map(|profile| &profile.secrets);
        let declared = profiles.chain([&self.manifest.secrets]).filter_map(|map| map.get(name));
        let mut known = BTreeSet::new();
        for secret in declared {
            match &secret.origin {
                Origin::Fields(fields) => known.extend(fields.keys().map(String::as_str)),
                // Only the source knows which fields there are.
                Origin::Reference(_) => return,
                Origin::Default => {}
            }
        }
        if known.is_empty() {
            return;
        }
        let list = known.iter().copied().collect::<Vec<_>>().join(", ");
        let fault = match field {
            Some(field) if !known.contains(field.as_str()) => {
                Fault::new(hole.span.clone(), format!("`{name}` has no field `{field}`"))
                    .help(format!("its fields are: {list}"))
                    .suggest(field, known)
            }
            None if known.len() > 1 => {
                Fault::new(hole.span.clone(), format!("`{name}` has several fields"))
                    .help(format!("write `${{{name}.FIELD}}`, one of: {list}"))
            }
            _ => return,
        };
        self.faults.push(fault.within(written.span.clone(), written.verbatim));
    }

    /// A variable has a value and nothing else.
    fn variable(&mut self, written: &Written, hole: &Hole, name: &str) {
        let plain =
            matches!(&hole.target, Target::Name { field: None, version: Version::Current, .. });
        if plain && !hole.wants_versions() {
            return;
        }
        let cause = format!("`{name}` is a variable: it has no fields, versions or lease");
        let fault = Fault::new(hole.span.clone(), cause).help(format!("write `${{{name}}}`"));
        self.faults.push(fault.within(written.span.clone(), written.verbatim));
    }

    fn templates(&self) -> Vec<&'m Written> {
        let manifest = self.manifest;
        let profiles = manifest.profiles.values().flat_map(|profile| profile.env.values());
        let variables = manifest.env.values().chain(profiles);
        let values = variables.flat_map(|variable| [&variable.value, &variable.default]);
        let files = manifest.files.iter().map(|file| &file.content);
        values.flatten().chain(files).collect()
    }

    /// Every reference must name a source that exists.
    fn sources(&mut self) {
        let manifest = self.manifest;
        for reference in placed_references(manifest) {
            self.source(&reference.reference, reference.span.clone());
        }
        for written in self.templates() {
            for hole in written.template.holes() {
                if let Target::Inline(reference) = &hole.target {
                    let place = Fault::new(hole.span.clone(), "");
                    let place = place.within(written.span.clone(), written.verbatim);
                    self.source(reference, place.span);
                }
            }
        }
    }

    fn source(&mut self, reference: &Reference, span: std::ops::Range<usize>) {
        let declared = self.manifest.sources.keys().map(String::as_str);
        let known = declared.chain(self.kinds.iter().map(|kind| kind.name));
        let known = known.collect::<BTreeSet<_>>();
        if known.contains(reference.source.as_str()) {
            return self.settings(reference, span);
        }
        let list = known.iter().copied().collect::<Vec<_>>().join(", ");
        let fault = Fault::new(span, format!("there is no source `{}`", reference.source))
            .help(format!("the sources are: {list}; others are declared under `[sources]`"))
            .suggest(&reference.source, known);
        self.faults.push(fault);
    }

    /// Some types of source mean nothing without settings, and some take no parameters.
    fn settings(&mut self, reference: &Reference, span: std::ops::Range<usize>) {
        let name = reference.source.as_str();
        let Some(kind) = self.kind(reference) else { return };
        if kind.needs_settings && !self.manifest.sources.contains_key(name) {
            self.faults.push(
                Fault::new(span, format!("the source `{name}` needs settings"))
                    .help(format!("declare it under `[sources.{name}]`")),
            );
        } else if !kind.takes_params && !reference.params.is_empty() {
            self.faults.push(
                Fault::new(span, format!("a `{}` source takes no parameters", kind.name))
                    .help("leave `?…` out; write a `?` of the path itself as `%3F`"),
            );
        }
    }

    fn kind(&self, reference: &Reference) -> Option<&'m SourceSpec> {
        let declared = self.manifest.sources.get(&reference.source);
        let kind = declared.map_or(reference.source.as_str(), |source| source.kind.as_str());
        self.kinds.iter().find(|known| known.name == kind)
    }

    /// The variable that tells a file's path must be that file's alone.
    fn files(&mut self) {
        for (index, file) in self.manifest.files.iter().enumerate() {
            let profiles = self.manifest.profiles.values().map(|profile| &profile.env);
            let mut tables = profiles.chain([&self.manifest.env]);
            let declared = tables.any(|table| table.contains_key(&file.env));
            let taken = self.manifest.files[..index].iter().any(|other| other.env == file.env);
            if declared || taken {
                let cause = format!("`{}` is already another variable", file.env);
                self.faults.push(
                    Fault::new(file.span.clone(), cause)
                        .help("choose another name for this file's `env`"),
                );
            }
        }
    }

    fn profile(&mut self, name: &str) {
        let plan = match Plan::of(self.manifest, name) {
            Ok(plan) => plan,
            Err(faults) => return self.faults.extend(faults),
        };
        self.dotenv(name, &plan);
        self.versions(&plan);
        self.signals(&plan);
        self.defaults(&plan);
        self.circles(&plan);
    }

    /// `.env` is for development.
    fn dotenv(&mut self, name: &str, plan: &Plan) {
        let Ok(chain) = chain(self.manifest, name) else { return };
        if chain.last().is_some_and(|(_, own)| own.allow_dotenv) {
            return;
        }
        let last = chain.iter().rev().find_map(|(_, profile)| profile.dotenv.as_ref());
        let refuses = chain_refuses_dotenv(name, &chain);
        match last {
            Some((Dotenv::Files(_), span)) if refuses => self.refuse(span, name),
            Some((Dotenv::Refused, _)) => {}
            _ if refuses => {}
            _ => return,
        }
        for placed in plan.secrets.values().flat_map(DeclaredSecret::references) {
            if self.is_development_only(&placed.reference) {
                self.refuse(&placed.span, name);
            }
        }
        let variables = plan.variables.values();
        let values = variables.filter_map(|planned| {
            planned.own.as_ref().map(|(written, _)| written).or(planned.base.as_ref())
        });
        for written in values.chain(plan.files.iter().map(|file| &file.content)) {
            for hole in written.template.holes() {
                if let Target::Inline(reference) = &hole.target
                    && self.is_development_only(reference)
                {
                    let place = Fault::new(hole.span.clone(), "");
                    let place = place.within(written.span.clone(), written.verbatim);
                    self.refuse(&place.span, name);
                }
            }
        }
    }

    fn refuse(&mut self, span: &std::ops::Range<usize>, profile: &str) {
        let profiles = self.refused.entry((span.start, span.end)).or_default();
        profiles.insert(profile.to_owned());
    }

    fn refusals(&mut self) {
        for ((start, end), profiles) in std::mem::take(&mut self.refused) {
            let list = profiles.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            let list = list.join(", ");
            self.faults.push(
                Fault::new(start..end, format!("`.env` files are refused in profile {list}"))
                    .help("say `allow-dotenv = true` in the profile itself if it must be"),
            );
        }
    }

    fn is_development_only(&self, reference: &Reference) -> bool {
        self.kind(reference).is_some_and(|kind| kind.development_only)
    }

    /// A version can be asked for once: in the secret's reference, or in the template.
    fn versions(&mut self, plan: &Plan) {
        for written in written(plan) {
            for hole in written.template.holes() {
                let Target::Name { name, version, .. } = &hole.target else { continue };
                let asked = *version != Version::Current || hole.wants_versions();
                let Some(secret) = plan.secrets.get(name).filter(|_| asked) else { continue };
                if secret.references().any(|placed| placed.reference.version != Version::Current) {
                    let cause = format!("the reference of `{name}` already names a version");
                    let fault = Fault::new(hole.span.clone(), cause)
                        .help("leave the version out of the reference, or out of the template");
                    self.faults.push(fault.within(written.span.clone(), written.verbatim));
                }
            }
        }
    }

    /// The environment of a living process cannot change, whatever signal it gets.
    fn signals(&mut self, plan: &Plan) {
        for (variable, planned) in &plan.variables {
            for hole in planned.templates().flat_map(|written| written.template.holes()) {
                let (Target::Name { name, .. } | Target::Lease { name, .. }) = &hole.target else {
                    continue;
                };
                let Some(secret) = plan.secrets.get(name) else { continue };
                if matches!(secret.on_change, Some(OnChange::Signal(_))) {
                    let cause = format!(
                        "`{name}` is delivered as the variable `{variable}`, which no signal can \
                         change"
                    );
                    self.faults.push(
                        Fault::new(secret.span.clone(), cause)
                            .help("deliver it under `[files]`, or say `on-change = \"restart\"`"),
                    );
                }
            }
        }
    }

    /// A default holds when a source has no value, so it cannot come from a source.
    fn defaults(&mut self, plan: &Plan) {
        for written in plan.variables.values().filter_map(|planned| planned.default.as_ref()) {
            for hole in written.template.holes() {
                let from_variable = matches!(
                    &hole.target,
                    Target::Name { name, .. } if plan.variables.contains_key(name)
                        && !plan.secrets.contains_key(name)
                );
                if !from_variable {
                    let fault =
                        Fault::new(hole.span.clone(), "a default cannot come from a source")
                            .help("write a literal, or name another variable");
                    self.faults.push(fault.within(written.span.clone(), written.verbatim));
                }
            }
        }
    }

    /// Variables may be made of others, but not of themselves, and not without end.
    fn circles(&mut self, plan: &Plan) {
        let mut depths = BTreeMap::new();
        for name in plan.variables.keys() {
            let mut path = Vec::new();
            self.follow(plan, name, &mut path, &mut depths);
        }
    }

    /// How many variables in a row follow `name`; from one that was at fault, none.
    fn follow<'p>(
        &mut self,
        plan: &'p Plan,
        name: &'p str,
        path: &mut Vec<&'p str>,
        depths: &mut BTreeMap<&'p str, usize>,
    ) -> usize {
        if let Some(depth) = depths.get(name) {
            return *depth;
        }
        let mut depth = 0;
        path.push(name);
        for written in plan.variables[name].templates() {
            for hole in written.template.holes() {
                let Target::Name { name: next, .. } = &hole.target else { continue };
                if plan.secrets.contains_key(next) {
                    continue;
                }
                let Some((next, _)) = plan.variables.get_key_value(next) else { continue };
                let fault = if let Some(start) = path.iter().position(|on_path| on_path == next) {
                    let circle = path[start..].iter().copied().chain([next.as_str()]);
                    let circle = circle.collect::<Vec<_>>().join(" → ");
                    let cause = format!("this template goes round in a circle: {circle}");
                    Fault::new(hole.span.clone(), cause)
                        .help("declare a secret of that name, or use another name")
                } else {
                    if path.len() < DEPTH {
                        let next_depth = self.follow(plan, next, path, depths);
                        if next_depth + 1 < DEPTH {
                            depth = depth.max(next_depth + 1);
                            continue;
                        }
                    }
                    let cause = format!("more than {DEPTH} variables are made of one another here");
                    Fault::new(hole.span.clone(), cause).help("name the last of them directly")
                };
                self.faults.push(fault.within(written.span.clone(), written.verbatim));
            }
        }
        path.pop();
        depths.insert(name, depth);
        depth
    }
}

fn written(plan: &Plan) -> Vec<&Written> {
    let variables = plan.variables.values().flat_map(super::PlannedVariable::templates);
    variables.chain(plan.files.iter().map(|file| &file.content)).collect()
}

fn placed_references(manifest: &Manifest) -> impl Iterator<Item = &PlacedReference> {
    let profiles = manifest.profiles.values().flat_map(|profile| profile.secrets.values());
    manifest.secrets.values().chain(profiles).flat_map(DeclaredSecret::references)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse;

    fn causes(text: &str) -> Vec<String> {
        let (manifest, faults) = parse(text, &[]).unwrap();
        assert_eq!(faults, []);
        check(&manifest, &[], "development").into_iter().map(|fault| fault.cause).collect()
    }

    /// `count` variables, each made of the next one in the order of their names or against it.
    fn row(count: usize, forwards: bool) -> String {
        let last = if forwards { count - 1 } else { 0 };
        let line = |number: usize| match number {
            number if number == last => format!("A{number:05} = 'x'\n"),
            number if forwards => format!("A{number:05} = '${{A{:05}}}'\n", number + 1),
            number => format!("A{number:05} = '${{A{:05}}}'\n", number - 1),
        };
        format!("[env]\n{}", (0..count).map(line).collect::<String>())
    }

    #[test]
    fn a_long_row_of_variables_is_a_fault_and_no_stack_overflow() {
        for forwards in [true, false] {
            assert_eq!(causes(&row(DEPTH, forwards)), [""; 0]);
            assert!(causes(&row(DEPTH + 1, forwards))[0].contains("64 variables"));
            assert!(!causes(&row(20_000, forwards)).is_empty());
        }
    }

    #[test]
    fn a_long_row_of_profiles_is_a_fault() {
        let row = |count| {
            let line = |number| format!("p{number}.extends = 'p{}'\n", number + 1);
            format!("[profiles]\n{}p{count} = {{}}\n", (0..count).map(line).collect::<String>())
        };
        assert_eq!(causes(&row(63)), [""; 0]);
        assert!(causes(&row(64))[0].contains("64 profiles"));
    }
}
