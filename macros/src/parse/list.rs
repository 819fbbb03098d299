//! Lists with commas in them.

use proc_macro2::{TokenStream, TokenTree};

use crate::errors::Errors;

/// The tokens between commas, of which each item is `what`. The last comma may be left out. Between `<` and `>`, as in
/// `Net<2, 3>`, commas separate nothing.
pub(crate) fn split_at_commas(tokens: TokenStream, what: &str, errors: &mut Errors) -> Vec<TokenStream> {
    let mut items = Vec::new();
    let mut item = Vec::new();
    let mut depth = 0_usize;
    for token in tokens {
        match &token {
            TokenTree::Punct(angle) if angle.as_char() == '<' => depth += 1,
            TokenTree::Punct(angle) if angle.as_char() == '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' && depth == 0 => {
                if item.is_empty() {
                    errors.add(comma, format!("expected {what} before this `,`"));
                } else {
                    items.push(item.drain(..).collect());
                }
            }
            token => item.push(token),
        }
    }
    if !item.is_empty() {
        items.push(item.into_iter().collect());
    }
    items
}
