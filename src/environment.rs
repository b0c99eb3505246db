//! The environment that sublet was started with, as names and values.

use std::{ffi::CStr, rc::Rc};

/// Names and values, borrowed from where the kernel left them. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Environment(Rc<[(&'static [u8], &'static [u8])]>);

impl Environment {
    /// Entries without a `=` have no name and are left out; of two with the same name the first
    /// counts, as it does with getenv(3).
    pub(crate) fn new(entries: &[&'static CStr]) -> Self {
        let mut pairs = entries.iter().filter_map(|entry| split(entry)).collect::<Vec<_>>();
        // Stable, so that the first of a name stays the first.
        pairs.sort_by_key(|(name, _)| *name);
        pairs.dedup_by_key(|(name, _)| *name);
        Self(pairs.into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'static [u8]> {
        let found = self.0.binary_search_by_key(&name.as_bytes(), |(name, _)| *name);
        found.ok().map(|index| self.0[index].1)
    }

    /// Every pair of a name and a value, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static [u8], &'static [u8])> + '_ {
        self.0.iter().copied()
    }
}

fn split(entry: &'static CStr) -> Option<(&'static [u8], &'static [u8])> {
    let bytes = entry.to_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    Some((&bytes[..equals], &bytes[equals + 1..]))
}

/// Shows names alone: any value may be a secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name.escape_ascii().to_string())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_counts_and_names_need_an_equals_sign() {
        let environment = Environment::new(&[c"B=2", c"A=1=1", c"B=3", c"none", c"C="]);
        assert_eq!(environment.get("A"), Some(b"1=1".as_slice()));
        assert_eq!(environment.get("B"), Some(b"2".as_slice()));
        assert_eq!(environment.get("C"), Some(b"".as_slice()));
        assert_eq!(environment.get("none"), None);
        assert!(!format!("{environment:?}").contains('2'));
    }
}
