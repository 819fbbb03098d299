//! What a test expands to.

pub(crate) mod needs;
mod shim;
mod spec;
mod stand_in;

use proc_macro2::TokenStream;
use quote::quote;

pub(crate) use stand_in::stand_in;

use crate::check::{Test, is_lint, is_standard_test};

/// The test, and its mirror for builds that are not for testing.
///
/// Without `--test` the compiler drops every `#[test]` function unseen. The mirror is the same function without that
/// attribute, so that doc examples, UI tests and `cargo check` see the types of the body too.
pub(crate) fn test(test: &Test<'_>) -> TokenStream {
    let attrs = &test.function.attrs;
    let lints = attrs.iter().filter(|attribute| is_lint(attribute));
    // Last, so that every other macro finds a test, and a function that is still plain.
    let marker = (!attrs.iter().any(is_standard_test)).then(|| quote!(#[::core::prelude::v1::test]));
    let vis = &test.function.vis;
    let name = &test.function.sig.ident;
    let shim = shim::shim(test);
    quote! {
        #(#attrs)*
        #marker
        #vis #shim

        #[cfg(not(test))]
        #(#lints)*
        const _: () = {
            #shim
            let _ = #name;
        };
    }
}
