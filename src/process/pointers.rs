//! The arrays that `execve` takes: pointers to C strings, and a null at the end.

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::ptr;

/// Borrows the strings that it points to.
pub(super) struct Pointers<'a> {
    array: Vec<*const c_char>,
    strings: PhantomData<&'a CStr>,
}

impl<'a> Pointers<'a> {
    pub(super) fn new(strings: impl Iterator<Item = &'a CStr>) -> Self {
        let array = strings.map(CStr::as_ptr).chain([ptr::null()]).collect();
        Self { array, strings: PhantomData }
    }

    /// Puts another string in the place of one. Out of bounds, and on the null at the end, it does nothing.
    pub(super) fn replace(&mut self, index: usize, string: &'a CStr) {
        if let Some(place) = self.array.get_mut(index).filter(|place| !place.is_null()) {
            *place = string.as_ptr();
        }
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.array.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_array_ends_in_null_and_keeps_it() {
        let mut pointers = Pointers::new([c"a", c"b"].into_iter());
        pointers.replace(0, c"c");
        pointers.replace(2, c"d");
        pointers.replace(3, c"e");
        assert_eq!(pointers.array.len(), 3);
        assert_eq!(pointers.array[2], ptr::null());
        // SAFETY: the first element points to a literal.
        assert_eq!(unsafe { CStr::from_ptr(*pointers.as_ptr()) }, c"c");
    }
}
