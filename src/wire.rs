//! How processes of ours tell each other things: length-prefixed, little-endian, bounded.
//!
//! The other side may have crashed half-way or be broken: every read can fail, none can panic or
//! allocate more than what is there.

use zeroize::Zeroizing;

use crate::secret::Secret;

/// What was read is not what a writer of ours writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbled;

/// Collects values. What it holds is zeroed when it is dropped.
#[derive(Default)]
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn number(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// A list: its length, and each item by `write`.
    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads values in the order in which they were written.
pub(crate) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Garbled> {
        let (first, rest) = self.0.split_first().ok_or(Garbled)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Garbled> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Garbled)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*first))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], Garbled> {
        let length = usize::try_from(self.number()?).map_err(|_| Garbled)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Garbled)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<String, Garbled> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| Garbled)
    }

    pub(crate) fn secret(&mut self) -> Result<Secret, Garbled> {
        Ok(Secret::new(self.bytes()?.to_vec()))
    }

    /// A list of items, each of which takes at least one byte.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Garbled>,
    ) -> Result<Vec<T>, Garbled> {
        let length = usize::try_from(self.number()?).map_err(|_| Garbled)?;
        if length > self.0.len() {
            return Err(Garbled);
        }
        (0..length).map(|_| read(self)).collect()
    }

    /// Nothing may be left over.
    pub(crate) fn end(self) -> Result<(), Garbled> {
        if self.0.is_empty() { Ok(()) } else { Err(Garbled) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            byte: u8,
            number: u64,
            texts in proptest::collection::vec(".{0,9}", 0..5),
        ) {
            let mut writer = Writer::default();
            writer.byte(byte);
            writer.number(number);
            writer.list(texts.iter(), |writer, text| writer.text(text));
            let mut reader = Reader::new(writer.as_bytes());
            prop_assert_eq!(reader.byte(), Ok(byte));
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.list(Reader::text), Ok(texts));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn garbage_is_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            let _ = reader.list(|reader| reader.list(Reader::text));
            let _ = reader.end();
        }
    }
}
