//! What differs between two generations, and what the child is to see of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Generation, Reaction};
use crate::signal::Signal;

/// A difference. Names alone: no value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Change {
    /// Variables and files that differ.
    pub(crate) names: Vec<String>,
    pub(crate) restart: bool,
    pub(crate) signals: BTreeSet<Signal>,
    pub(crate) commands: BTreeSet<Vec<String>>,
}

impl Change {
    /// What changes for a child that has `old` when it gets `new`. Unchanged bytes are no change.
    pub(crate) fn between(old: &Generation, new: &Generation) -> Self {
        let mut change = Self::default();
        let (old_items, new_items) = (items(old), items(new));
        for (name, (value, reaction)) in &new_items {
            if old_items.get(name).is_none_or(|(before, _)| before != value) {
                change.add(name, reaction);
            }
        }
        for (name, (_, reaction)) in &old_items {
            if !new_items.contains_key(name) {
                change.add(name, reaction);
            }
        }
        change
    }

    fn add(&mut self, name: &str, reaction: &Reaction) {
        self.names.push(name.to_owned());
        match reaction {
            Reaction::Restart => self.restart = true,
            Reaction::Signal(signal) => drop(self.signals.insert(*signal)),
            Reaction::Command(words) => drop(self.commands.insert(words.clone())),
            Reaction::Nothing => {}
        }
    }
}

/// Everything in a generation that can differ, by name, with its reaction.
fn items(generation: &Generation) -> BTreeMap<String, (&[u8], &Reaction)> {
    let variables = generation
        .variables
        .iter()
        .map(|variable| (variable.name.clone(), (variable.value.expose(), &variable.on_change)));
    let files = generation
        .files
        .iter()
        .map(|file| (format!("file {}", file.path), (file.content.expose(), &file.on_change)));
    variables.chain(files).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        generation::{DeliveredContent, DeliveredVariable},
        secret::Secret,
    };

    fn generation(variable: &str, content: Option<&str>) -> Generation {
        let variable = DeliveredVariable {
            name: "A".into(),
            value: Secret::from(variable),
            on_change: Reaction::Restart,
        };
        let file = content.map(|content| DeliveredContent {
            path: "f".into(),
            content: Secret::from(content),
            env: "F".into(),
            mode: 0o400,
            on_change: Reaction::Signal(Signal::HUP),
        });
        Generation {
            variables: vec![variable],
            files: file.into_iter().collect(),
            ..Generation::default()
        }
    }

    #[test]
    fn unchanged_bytes_are_no_change() {
        let change = Change::between(&generation("1", Some("x")), &generation("1", Some("x")));
        assert_eq!(change, Change::default());
    }

    #[test]
    fn each_difference_asks_for_its_own_reaction() {
        let change = Change::between(&generation("1", Some("x")), &generation("1", Some("y")));
        assert_eq!((change.restart, change.signals.len()), (false, 1));
        let change = Change::between(&generation("1", Some("x")), &generation("2", None));
        assert_eq!(change.names, ["A", "file f"]);
        assert_eq!((change.restart, change.signals.len()), (true, 1));
    }
}
