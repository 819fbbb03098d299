//! The macros of `netns-test`. Use them from there: the code they write calls into that crate.
//!
//! An invocation goes through three phases, each a folder: `parse` reads what was written, `check` applies the rules
//! to it, `codegen` writes the test. `expand` strings them together; `derive` has its own of each. All of it is pure: no file, no
//! variable, no clock.

mod check;
mod codegen;
mod derive;
mod errors;
mod expand;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

// The examples of all pages are compiled against the runtime, which is a dev-dependency.
#[doc = include_str!("../docs/netns_test.md")]
#[doc = include_str!("../docs/impairments.md")]
#[proc_macro_attribute]
pub fn netns_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(options.into(), item.into()).into()
}

#[doc = include_str!("../docs/topology.md")]
#[doc = include_str!("../docs/impairments.md")]
#[proc_macro_derive(Topology, attributes(topology, segment, host, router))]
pub fn topology(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}
