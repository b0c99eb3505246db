//! The child's environment, as the block of C strings that `execve` takes.

use std::ffi::CStr;
use std::fmt;

use zeroize::Zeroizing;

use super::pointers::Pointers;

/// What the child finds as its environment, in order. The values that were set are zeroed when it is dropped.
#[derive(Default)]
pub(crate) struct EnvBlock {
    entries: Vec<Entry>,
}

enum Entry {
    /// Kept byte for byte, whether or not it looks like a variable.
    Inherited(&'static CStr),
    /// `NAME=VALUE` and its NUL; no other NUL.
    Set(Zeroizing<Vec<u8>>),
}

impl EnvBlock {
    /// Appends an entry of our own environment as it is.
    pub(crate) fn inherit(&mut self, entry: &'static CStr) {
        self.entries.push(Entry::Inherited(entry));
    }

    /// Appends a variable. An earlier entry of the name would hide it: the caller inherits none.
    pub(crate) fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), EnvError> {
        if name.is_empty() || name.contains(&b'=') || name.contains(&0) {
            return Err(EnvError::BadName { name: readable(name) });
        }
        if value.contains(&0) {
            return Err(EnvError::NulInValue { name: readable(name) });
        }
        // All of it reserved at once: growing would copy the value.
        let mut entry = Zeroizing::new(Vec::with_capacity(name.len() + value.len() + 2));
        entry.extend_from_slice(name);
        entry.push(b'=');
        entry.extend_from_slice(value);
        entry.push(0);
        self.entries.push(Entry::Set(entry));
        Ok(())
    }

    /// Sockets that a service manager passed to `before` are passed on to this process: the
    /// variable that says for whom they are names it.
    pub(crate) fn replace_listen_pid(&mut self, before: nix::unistd::Pid) {
        let named = self.get(b"LISTEN_PID") == Some(before.to_string().as_bytes());
        if named {
            self.entries.retain(|entry| entry.value_of(b"LISTEN_PID").is_none());
            // Cannot fail: neither holds a NUL.
            let _ = self.set(b"LISTEN_PID", std::process::id().to_string().as_bytes());
        }
    }

    /// The value, as `getenv` finds it: that of the first entry.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.entries.iter().find_map(|entry| entry.value_of(name))
    }

    /// What the kernel counts: the strings with their NULs, and the pointers to them.
    pub(crate) fn size(&self) -> usize {
        let pointer = size_of::<*const u8>();
        self.entries.iter().map(|entry| entry.bytes_with_nul().len() + pointer).sum()
    }

    /// The name of the largest entry (empty if it has none), and the length of its string with the NUL.
    pub(crate) fn largest(&self) -> Option<(&[u8], usize)> {
        let entry = self.entries.iter().max_by_key(|entry| entry.bytes_with_nul().len())?;
        Some((entry.name(), entry.bytes_with_nul().len()))
    }

    /// The null-terminated array for `execve`.
    pub(super) fn pointers(&self) -> Pointers<'_> {
        Pointers::new(self.entries.iter().map(Entry::as_c_str))
    }
}

impl Entry {
    fn as_c_str(&self) -> &CStr {
        match self {
            Self::Inherited(entry) => entry,
            // `set` put the one NUL at the end; without it, an empty string.
            Self::Set(entry) => CStr::from_bytes_with_nul(entry).unwrap_or_default(),
        }
    }

    fn bytes_with_nul(&self) -> &[u8] {
        match self {
            Self::Inherited(entry) => entry.to_bytes_with_nul(),
            Self::Set(entry) => entry,
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes_with_nul().split_last().map_or(&[], |(_, bytes)| bytes)
    }

    /// Empty where there is no `=`: what such an entry holds may be anything, also a value.
    fn name(&self) -> &[u8] {
        let bytes = self.bytes();
        bytes.iter().position(|&byte| byte == b'=').map_or(&[], |end| &bytes[..end])
    }

    fn value_of(&self, name: &[u8]) -> Option<&[u8]> {
        self.bytes().strip_prefix(name)?.strip_prefix(b"=")
    }
}

/// Why a variable cannot be given to a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EnvError {
    NulInValue { name: String },
    BadName { name: String },
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NulInValue { name } => write!(
                f,
                "the value of {name} holds a NUL byte, which no environment variable can: deliver it as a file, \
                 or encode it (`|base64`)"
            ),
            Self::BadName { name } => write!(
                f,
                "{name:?} cannot be the name of a variable: it must not be empty nor hold `=` or NUL"
            ),
        }
    }
}

impl std::error::Error for EnvError {}

fn readable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(entries: &[&'static CStr]) -> EnvBlock {
        let mut block = EnvBlock::default();
        for entry in entries {
            block.inherit(entry);
        }
        block
    }

    fn strings(block: &EnvBlock) -> Vec<&CStr> {
        block.entries.iter().map(Entry::as_c_str).collect()
    }

    #[test]
    fn inherited_entries_stay_byte_for_byte_in_order() {
        let entries = [
            c"B=2",
            c"junk",
            c"A=1",
            c"B=3",
            c"BASH_FUNC_x%%=() { :; }",
            c"\xff=\xfe",
            c"",
            c"=C:",
        ];
        assert_eq!(strings(&block(&entries)), entries);
    }

    #[test]
    fn the_first_entry_counts_as_for_getenv() {
        let block = block(&[c"AB=0", c"A", c"A=1", c"A=2", c"E="]);
        assert_eq!(block.get(b"A"), Some(b"1".as_slice()));
        assert_eq!(block.get(b"E"), Some(b"".as_slice()));
        assert_eq!(block.get(b"B"), None);
    }

    #[test]
    fn the_pointers_are_the_entries_and_a_null() {
        let mut block = block(&[c"A=1"]);
        block.set(b"B", b"2").unwrap();
        let pointers = block.pointers();
        // SAFETY: two entries and the null were put there.
        let (first, second, end) = unsafe {
            let array = pointers.as_ptr();
            (CStr::from_ptr(*array), CStr::from_ptr(*array.add(1)), *array.add(2))
        };
        assert_eq!((first, second), (c"A=1", c"B=2"));
        assert!(end.is_null());
    }

    #[test]
    fn size_and_largest_are_what_the_kernel_counts() {
        let mut block = block(&[c"A=1", c"nameless and long"]);
        assert_eq!(block.size(), 4 + 18 + 16);
        assert_eq!(block.largest(), Some((b"".as_slice(), 18)));
        block.set(b"BLOB", &[b'x'; 100]).unwrap();
        assert_eq!(block.largest(), Some((b"BLOB".as_slice(), 106)));
        assert_eq!(EnvBlock::default().largest(), None);
    }

    #[test]
    fn a_nul_is_refused_without_the_value() {
        let error = EnvBlock::default().set(b"KEY", b"canary\0canary").unwrap_err();
        assert_eq!(error, EnvError::NulInValue { name: "KEY".into() });
        assert_eq!(
            error.to_string(),
            "the value of KEY holds a NUL byte, which no environment variable can: deliver it as a file, \
             or encode it (`|base64`)"
        );
    }

    #[test]
    fn a_name_that_would_be_read_otherwise_is_refused() {
        for name in [b"".as_slice(), b"A=B", b"A\0"] {
            let error = EnvBlock::default().set(name, b"canary").unwrap_err();
            assert!(matches!(error, EnvError::BadName { .. }));
            assert!(!error.to_string().contains("canary"));
        }
    }
}
