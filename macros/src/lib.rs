//! The attribute of `netns-test`. Use it from there: the code it writes calls into that crate.
//!
//! An invocation goes through three phases, each a folder: `parse` reads what was written, `check` applies the rules
//! to it, `codegen` writes the test. `expand` strings them together. All of it is pure: no file, no variable, no clock.

mod check;
mod codegen;
mod errors;
mod expand;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

// Its examples are not run: this crate cannot see the runtime, whose own documentation runs such examples.
#[doc = include_str!("../docs/netns_test.md")]
#[proc_macro_attribute]
pub fn netns_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}
