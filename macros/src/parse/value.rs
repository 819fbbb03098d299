//! The values that options take.

use std::ops::RangeInclusive;

use netns_test_topology::{did_you_mean, units};
use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitBool, LitInt, LitStr, Path, Result, Token, Type};

use super::needs::{self, Need};

/// An option that was written, and where.
pub(crate) struct Written<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
    /// The tokens of the value.
    pub(crate) tokens: TokenStream,
}

/// The two kinds of tokio's runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
}

/// What stands behind the `=` of an option, or between its parentheses; not yet read.
pub(crate) struct Value {
    pub(crate) key: Ident,
    pub(crate) tokens: TokenStream,
    /// The option with a good value.
    pub(crate) example: &'static str,
}

impl Value {
    /// `true` or `false`.
    pub(crate) fn boolean(self) -> Result<Written<bool>> {
        let value = self.read("`true` or `false`", <LitBool as Parse>::parse)?;
        Ok(self.written(value.value))
    }

    /// An integer.
    pub(crate) fn integer(self) -> Result<Written<u32>> {
        let value = self.read("an integer", |input| integer(input, &(0..=u32::MAX)))?;
        Ok(self.written(value))
    }

    /// An integer from 1 on.
    pub(crate) fn positive_integer(self) -> Result<Written<u32>> {
        let value = self.read("a positive integer", |input| integer(input, &(1..=u32::MAX)))?;
        Ok(self.written(value))
    }

    /// An integer within a range.
    pub(crate) fn integer_in(self, range: RangeInclusive<u32>) -> Result<Written<u32>> {
        let expected = format!("an integer between {} and {}", range.start(), range.end());
        let value = self.read(&expected, |input| integer(input, &range))?;
        Ok(self.written(value))
    }

    /// A string.
    pub(crate) fn string(self) -> Result<Written<LitStr>> {
        let value = self.read("a string", <LitStr as Parse>::parse)?;
        Ok(self.written(value))
    }

    /// A list of at least one string.
    pub(crate) fn strings(self) -> Result<Written<Vec<LitStr>>> {
        let value = self.read("a list of strings", |input| {
            let list;
            syn::bracketed!(list in input);
            let strings = Punctuated::<LitStr, Token![,]>::parse_terminated(&list)?;
            if strings.is_empty() { Err(list.error("empty")) } else { Ok(strings.into_iter().collect()) }
        })?;
        Ok(self.written(value))
    }

    /// A type.
    pub(crate) fn ty(self) -> Result<Written<Type>> {
        let value = self.read("the type of a topology", <Type as Parse>::parse)?;
        Ok(self.written(value))
    }

    /// A string that says how long the test may take.
    pub(crate) fn timeout(self) -> Result<Written<LitStr>> {
        let written = self.string()?;
        match units::timeout(&written.value.value()) {
            Ok(_) => Ok(written),
            Err(message) => Err(Error::new_spanned(&written.value, message)),
        }
    }

    /// A list of needs.
    pub(crate) fn needs(self) -> Result<Written<Vec<Need>>> {
        let needs = needs::parse(&self.key, self.tokens.clone())?;
        Ok(self.written(needs))
    }

    /// A string that names a [`Flavor`].
    pub(crate) fn flavor(self) -> Result<Written<Flavor>> {
        const FLAVORS: [(&str, Flavor); 2] =
            [("current_thread", Flavor::CurrentThread), ("multi_thread", Flavor::MultiThread)];
        let name = self.read("a string", <LitStr as Parse>::parse)?.value();
        if let Some((_, flavor)) = FLAVORS.iter().find(|(flavor, _)| *flavor == name) {
            return Ok(self.written(*flavor));
        }
        let meant = did_you_mean(&name, FLAVORS.map(|(flavor, _)| flavor));
        let meant = meant.map(|flavor| format!("; did you mean `{flavor}`?")).unwrap_or_default();
        let message = format!("unknown flavor `{name}`{meant}\nnote: flavors are `current_thread` and `multi_thread`");
        Err(Error::new_spanned(self.tokens, message))
    }

    /// A path that means the same in every module, bare or in a string.
    pub(crate) fn absolute_path(self) -> Result<Written<Path>> {
        let path = self.read("a path", |input| match input.parse::<Option<LitStr>>()? {
            Some(string) => string.parse_with(Path::parse_mod_style),
            None => Path::parse_mod_style(input),
        })?;
        let Some(first) = path.segments.first() else { return Err(self.expected("a path")) };
        // `$crate` is the `crate` of another crate: a `macro_rules!` that wraps the attribute writes it.
        if path.leading_colon.is_some() || ["crate", "$crate"].contains(&&*first.ident.to_string()) {
            return Ok(self.written(path));
        }
        let words: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let words = words.join("::");
        let message = match &*first.ident.to_string() {
            "self" | "super" | "Self" => {
                format!("`{words}` means something else in every module\nhelp: write the whole path, from `crate::` on")
            }
            _ => format!(
                "`{words}` is not an absolute path\nhelp: write `crate = ::{words}` for a dependency, or \
                 `crate = crate::{words}` for an item of this crate"
            ),
        };
        Err(Error::new_spanned(self.tokens, message))
    }

    /// Reads the value, which `expected` describes, and nothing after it.
    pub(crate) fn read<T>(&self, expected: &str, parser: impl Fn(ParseStream<'_>) -> Result<T>) -> Result<T> {
        let whole = |input: ParseStream<'_>| {
            let value = parser(input).map_err(|_| self.expected(expected))?;
            if input.is_empty() { Ok(value) } else { Err(input.error("expected `,` after the value")) }
        };
        whole.parse2(self.tokens.clone())
    }

    fn expected(&self, what: &str) -> Error {
        Error::new_spanned(&self.tokens, format!("expected {what}, for example `{}`", self.example))
    }

    fn written<T>(self, value: T) -> Written<T> {
        Written { key: self.key, value, tokens: self.tokens }
    }
}

fn integer(input: ParseStream<'_>, range: &RangeInclusive<u32>) -> Result<u32> {
    let literal = input.parse::<LitInt>()?;
    let value = literal.base10_parse()?;
    if range.contains(&value) && literal.suffix().is_empty() { Ok(value) } else { Err(input.error("out of range")) }
}
