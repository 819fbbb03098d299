//! Tables of options. The parsers, their messages and the test of the documentation know of no other lists.

use netns_test_topology::did_you_mean;
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Error, Result};

use super::word::{Word, each};
use crate::errors::Errors;
use crate::parse::{Impairment, WORDS};

/// An option that exists, of something that is read as `T`.
pub(crate) struct Definition<T> {
    pub(crate) name: &'static str,
    /// The option as it may be written.
    pub(crate) example: &'static str,
    /// Whether it may stand more than once.
    repeats: bool,
    read: fn(&mut T, Word) -> Result<()>,
}

/// An option that stands at most once.
pub(super) const fn once<T>(
    name: &'static str,
    example: &'static str,
    read: fn(&mut T, Word) -> Result<()>,
) -> Definition<T> {
    Definition { name, example, repeats: false, read }
}

/// An option that may stand any number of times.
pub(super) const fn often<T>(
    name: &'static str,
    example: &'static str,
    read: fn(&mut T, Word) -> Result<()>,
) -> Definition<T> {
    Definition { name, example, repeats: true, read }
}

impl<T> Clone for Definition<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Definition<T> {}

impl<T> Definition<T> {
    /// Whether this word is the option. A raw identifier, such as `r#route`, never is.
    pub(super) fn is(&self, key: &Ident) -> bool {
        key == self.name
    }

    /// Reads what was written. `seen` are the options that were read before.
    pub(super) fn read(&self, target: &mut T, word: Word, seen: &mut Vec<&'static str>) -> Result<()> {
        if seen.contains(&self.name) && !self.repeats {
            return Err(Error::new_spanned(word.key, format!("`{}` is written twice", self.name)));
        }
        seen.push(self.name);
        (self.read)(target, word.like(self.example))
    }
}

/// What can have an impairment.
pub(crate) trait Impaired {
    /// The one that is being read.
    fn impairment(&mut self) -> &mut Impairment;
}

impl Impaired for Impairment {
    fn impairment(&mut self) -> &mut Impairment {
        self
    }
}

/// The words of an impairment, as options of what can have one.
pub(crate) fn words<T: Impaired>() -> impl Iterator<Item = Definition<T>> {
    WORDS.into_iter().map(|word| {
        once(word.part.word(), word.example, |target: &mut T, word| {
            let key = word.key.clone();
            let impairment = target.impairment();
            let value = word.value().inspect_err(|_| impairment.misread(&key, key.to_token_stream()))?;
            impairment.read(value)
        })
    })
}

/// Options, and the words of an impairment behind them.
pub(super) fn and_words<T: Impaired>(options: &[Definition<T>]) -> Vec<Definition<T>> {
    options.iter().copied().chain(words()).collect()
}

/// Reads a list of nothing but options.
pub(super) fn read_options<T>(list: TokenStream, table: &[Definition<T>], target: &mut T, errors: &mut Errors) {
    let mut seen = Vec::new();
    each(list, "an option", errors, |input| read_option(Word::parse(input, "an option")?, table, target, &mut seen));
}

/// Reads a word that has to be an option.
pub(super) fn read_option<T>(
    word: Word,
    table: &[Definition<T>],
    target: &mut T,
    seen: &mut Vec<&'static str>,
) -> Result<()> {
    match table.iter().find(|option| option.is(&word.key)) {
        Some(option) => option.read(target, word, seen),
        None => Err(unknown(&word.key, table, "")),
    }
}

/// What to say about a word that is no option. `beside` is what else it could have been.
pub(super) fn unknown<T>(key: &Ident, table: &[Definition<T>], beside: &str) -> Error {
    let name = key.to_string();
    let meant = did_you_mean(&name, table.iter().map(|option| option.name));
    let meant = meant.map(|option| format!("; did you mean `{option}`?")).unwrap_or_default();
    let valid: Vec<_> = table.iter().map(|option| format!("`{}`", option.name)).collect();
    let valid = valid.join(", ");
    Error::new_spanned(key, format!("unknown option `{name}`{meant}\nnote: valid options are {valid}{beside}"))
}
