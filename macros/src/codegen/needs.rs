//! What is required of the machine, as a constant.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::parse::Need;

/// An expression of type `&'static [Need]`.
pub(crate) fn needs(needs: &[Need], private: &TokenStream) -> TokenStream {
    let needs = list(needs, private);
    quote!(&[#needs])
}

/// Expressions of type `Need`, between commas.
pub(crate) fn list(needs: &[Need], private: &TokenStream) -> TokenStream {
    let needs = needs.iter().map(|need| match need {
        Need::Feature(feature) => {
            let feature = format_ident!("{}", format!("{feature:?}"));
            quote!(#private::Need::Feature(#private::Feature::#feature))
        }
        Need::Program(program) => quote!(#private::Need::Program(#program)),
    });
    quote!(#(#needs),*)
}
