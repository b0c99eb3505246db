//! Follows `extends`.

use std::ops::Range;

use crate::{
    fault::Fault,
    manifest::{BUILT_IN, Manifest, Profile, refuses_dotenv},
};

/// How many profiles may extend one another in a row. They are followed by recursion.
const DEPTH: usize = 64;

/// The profile and all it extends, weakest first; each once, at its first place.
///
/// # Errors
/// Every `extends` that names no profile or leads back to where it came from.
pub(super) fn chain<'m>(
    manifest: &'m Manifest,
    profile: &str,
) -> Result<Vec<(String, &'m Profile)>, Vec<Fault>> {
    let mut walk = Walk { manifest, done: Vec::new(), path: Vec::new(), faults: Vec::new() };
    walk.visit(profile, None);
    if walk.faults.is_empty() { Ok(walk.done) } else { Err(walk.faults) }
}

/// Every name that a profile can be called by.
pub(super) fn names(manifest: &Manifest) -> Vec<&str> {
    let declared = manifest.profiles.keys().map(String::as_str);
    let built_in = BUILT_IN.into_iter().filter(|name| !manifest.profiles.contains_key(*name));
    declared.chain(built_in).collect()
}

/// Whether `.env` files are refused in a profile: in staging and production, and in what extends
/// them.
pub(super) fn chain_refuses_dotenv(profile: &str, chain: &[(String, &Profile)]) -> bool {
    // Those that every manifest has are in the chain only where this one declares them.
    let extended = chain.iter().flat_map(|(_, profile)| &profile.extends);
    refuses_dotenv(profile) || extended.into_iter().any(|(name, _)| refuses_dotenv(name))
}

struct Walk<'m> {
    manifest: &'m Manifest,
    done: Vec<(String, &'m Profile)>,
    path: Vec<String>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str, named_at: Option<&Range<usize>>) {
        if let Some(start) = self.path.iter().position(|on_path| on_path == name) {
            let mut circle = self.path[start..].iter().map(String::as_str).collect::<Vec<_>>();
            // The same circle is found from each of its members: it is told from the first.
            let first = circle.iter().enumerate().min_by_key(|(_, name)| **name);
            let first = first.map_or(0, |(index, _)| index);
            circle.rotate_left(first);
            let next = circle.get(1).or(circle.first()).copied().unwrap_or_default();
            let extends = circle.first().and_then(|first| self.manifest.profiles.get(*first));
            let edges = extends.into_iter().flat_map(|profile| &profile.extends);
            let span = edges.into_iter().find(|(to, _)| to == next).map(|(_, span)| span.clone());
            circle.extend(circle.first().copied());
            let circle = circle.join(" → ");
            self.faults.push(
                Fault::new(
                    span.unwrap_or_default(),
                    format!("`extends` goes round in a circle: {circle}"),
                )
                .help("a profile cannot start from itself: remove one of them"),
            );
            return;
        }
        if self.done.iter().any(|(done, _)| done == name) {
            return;
        }
        if self.path.len() >= DEPTH {
            let span = named_at.cloned().unwrap_or_default();
            let cause = format!("more than {DEPTH} profiles extend one another here");
            self.faults.push(Fault::new(span, cause).help("start from fewer profiles in a row"));
            return;
        }
        let Some(profile) = self.manifest.profiles.get(name) else {
            if !BUILT_IN.contains(&name) {
                let names = names(self.manifest);
                let list = names.join(", ");
                let fault = Fault::new(
                    named_at.cloned().unwrap_or_default(),
                    format!("there is no profile `{name}`"),
                );
                self.faults
                    .push(fault.help(format!("the profiles are: {list}")).suggest(name, names));
            }
            return;
        };
        self.path.push(name.to_owned());
        for (parent, span) in &profile.extends {
            self.visit(parent, Some(span));
        }
        self.path.pop();
        self.done.push((name.to_owned(), profile));
    }
}
