//! Where the parts of a drawing are written.

use std::collections::HashMap;
use std::hash::Hash;

use netns_test_topology::ImpairmentPart;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;

use crate::parse::Written;

/// The tokens of each part that was written.
pub(crate) struct Places<P>(HashMap<P, TokenStream>);

impl<P> Default for Places<P> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<P: Eq + Hash> Places<P> {
    /// Notes where a part stands.
    pub(crate) fn note(&mut self, part: P, at: impl ToTokens) {
        self.0.insert(part, at.into_token_stream());
    }

    /// Notes where a value stands, and hands it over.
    pub(crate) fn noted<T>(&mut self, part: P, written: Written<T>) -> T {
        self.note(part, written.tokens);
        written.value
    }

    /// Takes over what was noted about a part of this one.
    pub(crate) fn extend<Q>(&mut self, inner: Places<Q>, whole: impl Fn(Q) -> P) {
        self.0.extend(inner.0.into_iter().map(|(part, at)| (whole(part), at)));
    }

    /// Notes where the words of an impairment stand.
    pub(crate) fn impaired(
        &mut self,
        words: Vec<(ImpairmentPart, Ident, TokenStream)>,
        whole: impl Fn(ImpairmentPart) -> P,
    ) {
        self.0.extend(words.into_iter().map(|(part, _, at)| (whole(part), at)));
    }

    /// Where a part stands, if it was written.
    pub(crate) fn get(&self, part: &P) -> Option<&TokenStream> {
        self.0.get(part)
    }
}
