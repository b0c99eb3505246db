//! What is wrong with a text that a person wrote: where, why, and what to write instead.

use std::ops::Range;

/// One fault in a text: its place, its cause and its remedy.
///
/// `span` counts bytes of the text that was parsed. Whoever embeds that text in a larger one
/// moves the span with [`Fault::within`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) cause: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, cause: impl Into<String>) -> Self {
        Self { span, cause: cause.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds "did you mean …?" where one of `candidates` is close to what was written.
    #[must_use]
    pub(crate) fn suggest<'a>(
        self,
        written: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match nearest(written, candidates) {
            Some(right) => self.help(format!("did you mean `{right}`?")),
            None => self,
        }
    }

    /// The same fault where the parsed text is a part of a larger one, at `outer`.
    ///
    /// `verbatim` says that the part stands in the larger text byte for byte; otherwise (it had
    /// escapes) positions inside it mean nothing and the whole of `outer` is marked.
    #[must_use]
    pub(crate) fn within(mut self, outer: Range<usize>, verbatim: bool) -> Self {
        self.span = if verbatim {
            let limit = outer.end;
            (outer.start + self.span.start).min(limit)..(outer.start + self.span.end).min(limit)
        } else {
            outer
        };
        self
    }
}

/// The candidate most like `written`, if any is like enough to be what was meant.
///
/// Likeness is the optimal string alignment distance; a third of the length may differ.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let allowed = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_nearest_name_and_nothing_far_away() {
        let names = ["restart", "signal", "none"];
        assert_eq!(nearest("singal", names), Some("signal")); // typos: ignore
        assert_eq!(nearest("restrat", names), Some("restart"));
        assert_eq!(nearest("command", names), None);
    }

    #[test]
    fn a_fault_inside_an_escaped_string_marks_the_whole_string() {
        let fault = Fault::new(2..3, "x");
        assert_eq!(fault.clone().within(10..20, true).span, 12..13);
        assert_eq!(fault.within(10..20, false).span, 10..20);
    }
}
