//! The words of an impairment, wherever they stand.

use netns_test_topology::{DrawnImpairment, ImpairmentPart};
use proc_macro2::{Ident, TokenStream};
use syn::parse::Parser;
use syn::{Error, LitStr, Result};

use super::value::Value;

/// An impairment that is being read.
#[derive(Default)]
pub(crate) struct Impairment {
    pub(crate) drawn: DrawnImpairment,
    /// Where the words stand: the keys, and the tokens of the values.
    pub(crate) places: Vec<(ImpairmentPart, Ident, TokenStream)>,
}

/// A word that an impairment can have.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) part: ImpairmentPart,
    /// The word as it may be written.
    pub(crate) example: &'static str,
    slot: Slot,
}

#[derive(Clone, Copy)]
enum Slot {
    /// A string, and the unit that a number without one was probably meant to have.
    Text(fn(&mut DrawnImpairment) -> &mut Option<String>, &'static str),
    Number(fn(&mut DrawnImpairment) -> &mut Option<u32>),
}

/// All of them. Parsers, their messages and the test of the documentation know of no other list.
pub(crate) const WORDS: [Word; 11] = [
    text(ImpairmentPart::Preset, r#"preset = "dsl""#, "", |drawn| &mut drawn.preset),
    text(ImpairmentPart::Delay, r#"delay = "20ms""#, "ms", |drawn| &mut drawn.delay),
    text(ImpairmentPart::Jitter, r#"jitter = "5ms""#, "ms", |drawn| &mut drawn.jitter),
    text(ImpairmentPart::Distribution, r#"distribution = "normal""#, "", |drawn| &mut drawn.distribution),
    text(ImpairmentPart::Loss, r#"loss = "1%""#, "%", |drawn| &mut drawn.loss),
    text(ImpairmentPart::Duplicate, r#"duplicate = "1%""#, "%", |drawn| &mut drawn.duplicate),
    text(ImpairmentPart::Reorder, r#"reorder = "1%""#, "%", |drawn| &mut drawn.reorder),
    text(ImpairmentPart::Corrupt, r#"corrupt = "0.5%""#, "%", |drawn| &mut drawn.corrupt),
    text(ImpairmentPart::Rate, r#"rate = "5mbit""#, "mbit", |drawn| &mut drawn.rate),
    number(ImpairmentPart::Limit, "limit = 100", |drawn| &mut drawn.limit),
    number(ImpairmentPart::MtuBlackHole, "mtu_black_hole = 1400", |drawn| &mut drawn.mtu_black_hole),
];

const fn text(
    part: ImpairmentPart,
    example: &'static str,
    unit: &'static str,
    slot: fn(&mut DrawnImpairment) -> &mut Option<String>,
) -> Word {
    Word { part, example, slot: Slot::Text(slot, unit) }
}

const fn number(
    part: ImpairmentPart,
    example: &'static str,
    slot: fn(&mut DrawnImpairment) -> &mut Option<u32>,
) -> Word {
    Word { part, example, slot: Slot::Number(slot) }
}

impl Word {
    /// Whether this is its key. A raw identifier, such as `r#delay`, never is.
    pub(crate) fn is(&self, key: &Ident) -> bool {
        key == self.part.word()
    }
}

impl Impairment {
    /// Reads the value of the word that is its key.
    pub(crate) fn read(&mut self, value: Value) -> Result<()> {
        let (key, tokens) = (value.key.clone(), value.tokens.clone());
        let Some(word) = WORDS.into_iter().find(|word| word.is(&key)) else { unreachable!("{key}") };
        let read = match word.slot {
            Slot::Text(slot, unit) => quantity(value, unit).map(|text| *slot(&mut self.drawn) = Some(text)),
            Slot::Number(slot) => value.integer().map(|number| *slot(&mut self.drawn) = Some(number.value)),
        };
        match read {
            Ok(()) => self.places.push((word.part, key, tokens)),
            Err(_) => self.misread(&key, tokens),
        }
        read
    }

    /// Has what was meant to be a word stand as in its example, since others may need it.
    pub(crate) fn misread(&mut self, key: &Ident, at: TokenStream) {
        let Some(word) = WORDS.into_iter().find(|word| word.is(key)) else { unreachable!("{key}") };
        let value = word.example.rsplit(' ').next().unwrap_or_default().trim_matches('"');
        match word.slot {
            Slot::Text(slot, _) => *slot(&mut self.drawn) = Some(value.to_owned()),
            Slot::Number(slot) => *slot(&mut self.drawn) = value.parse().ok(),
        }
        self.places.push((word.part, key.clone(), at));
    }
}

/// The text of a string. A number that stands outside of one is shown as it is to be written; what is below nothing the rules refuse.
fn quantity(value: Value, unit: &str) -> Result<String> {
    let bare = value.tokens.to_string().replace([' ', '_'], "");
    let is_string = <LitStr as syn::parse::Parse>::parse.parse2(value.tokens.clone()).is_ok();
    if !is_string && bare.starts_with(|c: char| c.is_ascii_digit()) {
        let (key, unit) = (&value.key, if bare.ends_with(|c: char| c.is_ascii_digit()) { unit } else { "" });
        let message = format!("expected a string: write `{key} = \"{bare}{unit}\"`");
        return Err(Error::new_spanned(value.tokens, message));
    }
    if bare.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        return Ok(bare);
    }
    Ok(value.string()?.value.value())
}
