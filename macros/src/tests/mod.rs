//! Tests of the phases, and snapshots of whole expansions.

mod documentation;
mod expansions;
mod options;
mod rules;
mod topology;
mod topology_expansions;

use proc_macro2::TokenStream;

/// Tokens of Rust, or of what somebody who is typing has so far.
fn tokens(source: &str) -> TokenStream {
    source.parse().expect("balanced brackets")
}

/// What is said about an invocation: the messages of its `compile_error!`s.
fn complaints(options: &str, item: &str) -> Vec<String> {
    complaints_in(crate::expand::expand(tokens(options), tokens(item)))
}

fn complaints_in(expansion: TokenStream) -> Vec<String> {
    let items = syn::parse2::<syn::File>(expansion).expect("an expansion is made of items").items;
    let macros = items.into_iter().filter_map(|item| match item {
        syn::Item::Macro(item) => Some(item.mac.tokens),
        _ => None,
    });
    macros.map(|message| syn::parse2::<syn::LitStr>(message).expect("the message").value()).collect()
}
