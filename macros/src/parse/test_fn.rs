//! The function under the attribute.

use proc_macro2::{Delimiter, Group, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, Signature, Token, Visibility, token};

/// A function whose body is left alone: `syn` never looks into it, so it may hold what `syn` does not know, or what somebody
/// is just typing.
pub(crate) struct TestFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: Group,
}

impl Parse for TestFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        if !starts_a_function(input) {
            return Err(input.error("`#[netns_test]` stands on functions only"));
        }
        let sig = input.parse()?;
        if !input.peek(token::Brace) {
            return Err(input.error("a test needs a body"));
        }
        let body = visible(input.parse()?).ok_or_else(|| input.error("a test needs a body"))?;
        Ok(Self { attrs, vis, sig, body })
    }
}

/// The group that one sees: a `$body:block` of `macro_rules!` comes in another one without delimiters.
fn visible(tree: TokenTree) -> Option<Group> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => visible(group.stream().into_iter().next()?),
        TokenTree::Group(group) => Some(group),
        _ => None,
    }
}

/// Whether `fn` comes next, or after words that can stand before it.
fn starts_a_function(input: ParseStream<'_>) -> bool {
    let ahead = input.fork();
    while !ahead.peek(Token![fn]) {
        let qualifier = ahead.call(Ident::parse_any);
        if !qualifier.is_ok_and(|word| ["const", "async", "unsafe", "safe", "extern"].contains(&&*word.to_string())) {
            return false;
        }
        // The name of an ABI.
        let _ = ahead.parse::<Option<syn::LitStr>>();
    }
    true
}
