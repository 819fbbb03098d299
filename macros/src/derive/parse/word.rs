//! What stands between two commas: a word, alone, with a value, or with a list.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, LitStr, Result, Token, token};

use crate::errors::Errors;
use crate::parse::{Value, Written, split_at_commas};

/// A word and what stands behind it.
pub(crate) struct Word {
    pub(crate) key: Ident,
    pub(crate) rest: Rest,
    /// The word as it may be written.
    pub(crate) example: &'static str,
}

/// What stands behind a word.
pub(crate) enum Rest {
    Nothing,
    /// What stands behind `=`.
    Value(TokenStream),
    /// What stands between parentheses.
    List(TokenStream),
}

impl Word {
    /// Reads a word, which `what` describes, and all that follows.
    pub(crate) fn parse(input: ParseStream<'_>, what: &str) -> Result<Self> {
        let Ok(key) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("expected {what}")));
        };
        let rest = if input.is_empty() {
            Rest::Nothing
        } else if input.parse::<Option<Token![=]>>()?.is_some() {
            Rest::Value(input.parse()?)
        } else if input.peek(token::Paren) {
            let list;
            syn::parenthesized!(list in input);
            Rest::List(list.parse()?)
        } else {
            Rest::Nothing
        };
        if input.is_empty() {
            Ok(Self { key, rest, example: "" })
        } else {
            Err(input.error("expected `,` before this"))
        }
    }

    /// Knows how it may be written.
    pub(crate) fn like(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    /// Whether nothing stands behind it.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }

    /// Whether a list stands behind it.
    pub(crate) fn has_list(&self) -> bool {
        matches!(self.rest, Rest::List(_))
    }

    /// Whether a string or a list of strings stands behind `=`.
    pub(crate) fn has_text(&self) -> bool {
        let is_text = |input: ParseStream<'_>| Ok(input.peek(LitStr) || input.peek(token::Bracket));
        matches!(&self.rest, Rest::Value(tokens) if peek(is_text, tokens))
    }

    /// The word, which stands alone.
    pub(crate) fn alone(self) -> Result<Ident> {
        let key = &self.key;
        match &self.rest {
            Rest::Nothing => Ok(self.key),
            Rest::Value(tokens) | Rest::List(tokens) => {
                let at = if tokens.is_empty() { key.to_token_stream() } else { tokens.clone() };
                Err(Error::new_spanned(at, format!("`{key}` stands alone: write `{key}`")))
            }
        }
    }

    /// What stands behind `=`.
    pub(crate) fn value(self) -> Result<Value> {
        let (key, example) = (self.key, self.example);
        match self.rest {
            Rest::Value(tokens) if !tokens.is_empty() => Ok(Value { key, tokens, example }),
            _ => Err(Error::new_spanned(&key, format!("`{key}` needs a value: write `{example}`"))),
        }
    }

    /// What stands between the parentheses, without the key.
    pub(crate) fn list(self) -> Result<TokenStream> {
        let (key, example) = (self.key, self.example);
        match self.rest {
            Rest::List(tokens) if !tokens.is_empty() => Ok(tokens),
            _ => Err(Error::new_spanned(&key, format!("`{key}` takes a list in parentheses: write `{example}`"))),
        }
    }

    /// What stands between parentheses, if it is not alone.
    pub(crate) fn alone_or_list(self) -> Result<TokenStream> {
        if self.is_alone() { Ok(TokenStream::new()) } else { self.list() }
    }
}

/// Whether tokens begin as they are to.
fn peek(is_there: impl Fn(ParseStream<'_>) -> Result<bool>, tokens: &TokenStream) -> bool {
    let begin = |input: ParseStream<'_>| {
        let found = is_there(input)?;
        input.parse::<TokenStream>()?;
        Ok(found)
    };
    begin.parse2(tokens.clone()).unwrap_or_default()
}

/// Whether what comes next is a word with something behind it.
pub(crate) fn has_value(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    ahead.call(Ident::parse_any).is_ok() && !ahead.is_empty()
}

/// Reads a list item by item. A mistake costs its own item and none of the others.
pub(crate) fn each(
    list: TokenStream,
    what: &str,
    errors: &mut Errors,
    mut read: impl FnMut(ParseStream<'_>) -> Result<()>,
) {
    for item in split_at_commas(list, what, errors) {
        if let Err(error) = (|input: ParseStream<'_>| read(input)).parse2(item) {
            errors.push(error);
        }
    }
}

/// The name that a field gives to its host, segment or topology: without `r#` and underscores in front, as it is for the
/// parameters of a test.
pub(crate) fn name(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.trim_start_matches('_') {
        "" => name,
        said => said.to_owned(),
    }
}

/// The name of a field, where `what` it is of is expected.
pub(crate) fn field(value: Value, what: &str) -> Result<Written<String>> {
    let read = value.read(what, Ident::parse_any)?;
    Ok(Written { value: name(&read), key: value.key, tokens: value.tokens })
}

/// The name of a field, or a string that stands for itself.
pub(crate) fn field_or_text(value: Value, what: &str) -> Result<Written<String>> {
    let read = value.read(what, name_or_text)?;
    Ok(Written { value: read, key: value.key, tokens: value.tokens })
}

/// A name of a field, or a string.
pub(crate) fn name_or_text(input: ParseStream<'_>) -> Result<String> {
    match input.parse::<Option<LitStr>>()? {
        Some(text) => Ok(text.value()),
        None => Ok(name(&input.call(Ident::parse_any)?)),
    }
}

/// A string.
pub(crate) fn text(value: Value) -> Result<Written<String>> {
    let Written { key, value, tokens } = value.string()?;
    Ok(Written { key, value: value.value(), tokens })
}
