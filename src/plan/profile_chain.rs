//! Follows `extends`.

use std::ops::Range;

use crate::{
    fault::Fault,
    manifest::{BUILT_IN, Manifest, Profile},
};

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

struct Walk<'m> {
    manifest: &'m Manifest,
    done: Vec<(String, &'m Profile)>,
    path: Vec<String>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str, named_at: Option<&Range<usize>>) {
        if let Some(start) = self.path.iter().position(|on_path| on_path == name) {
            let circle = self.path[start..].iter().map(String::as_str).chain([name]);
            let circle = circle.collect::<Vec<_>>().join(" → ");
            let span = named_at.cloned().unwrap_or_default();
            self.faults.push(
                Fault::new(span, format!("`extends` goes round in a circle: {circle}"))
                    .help("a profile cannot start from itself: remove one of them"),
            );
            return;
        }
        if self.done.iter().any(|(done, _)| done == name) {
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
