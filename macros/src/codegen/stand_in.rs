//! What stands in for a test that is wrong.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{FnArg, Ident, Signature};

use super::shim::BODY;
use crate::check::is_lint;
use crate::parse::TestFn;

/// The function, not as a test: its body is there for the editor, and others find it under its name and in the shape that
/// it would have.
///
/// Attributes go, as a wrong one may be what brought us here. So do `const` and `...`, which the compiler would have an
/// opinion on as well.
pub(crate) fn stand_in(function: &TestFn) -> TokenStream {
    let TestFn { attrs, vis, sig, body } = function;
    let lints = attrs.iter().filter(|attribute| is_lint(attribute));
    let name = &sig.ident;
    let mut inner = Signature { constness: None, variadic: None, ..sig.clone() };
    for input in &mut inner.inputs {
        match input {
            FnArg::Receiver(receiver) => receiver.attrs.clear(),
            FnArg::Typed(parameter) => parameter.attrs.clear(),
        }
    }
    let function = if sig.receiver().is_some() {
        // A function within a function cannot have `self`.
        quote!(#inner #body)
    } else {
        inner.ident = Ident::new(BODY, Span::call_site());
        quote!(fn #name() { #inner #body })
    };
    quote! {
        #(#lints)*
        #[allow(dead_code, unused)]
        #vis #function
    }
}
