//! The one type that holds a secret value.

use std::fmt;

use zeroize::Zeroizing;

/// Bytes that must not be shown: they cannot be printed, and are zeroed when dropped.
///
/// A value is a string of bytes, not text: an environment variable or a file may hold any byte
/// (a variable any but NUL), and what a source returned reaches the child unchanged.
#[derive(Clone, Default)]
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// All of `parts`, one after the other.
    pub(crate) fn concat(parts: &[Self]) -> Self {
        Self::new(parts.iter().flat_map(Self::expose).copied().collect())
    }

    /// The bytes themselves. Every call is a place where a value could leak: look twice.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Secret::from("canary")), "Secret(…)");
    }
}
