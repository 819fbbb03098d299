//! What a topology expands to.

mod bind;
mod drawing;
mod literal;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::parse::Topology;

/// The implementation.
pub(super) fn implementation(topology: &Topology) -> TokenStream {
    let private = private(topology);
    let drawing = drawing::drawing(topology, &private);
    let bind = bind::bind(topology, &private);
    within_impl(
        topology,
        &private,
        &quote! {
            fn drawing() -> #private::Drawing {
                #drawing
            }

            #bind
        },
    )
}

/// What stands in for the implementation where the struct is wrong. It does not come to be run.
pub(super) fn stand_in(topology: &Topology) -> TokenStream {
    let private = private(topology);
    within_impl(
        topology,
        &private,
        &quote! {
            fn drawing() -> #private::Drawing {
                ::core::unreachable!()
            }

            fn bind(_: &#private::Scope<'_>) -> Self {
                ::core::unreachable!()
            }
        },
    )
}

fn within_impl(topology: &Topology, private: &TokenStream, methods: &TokenStream) -> TokenStream {
    let name = &topology.ident;
    let (parameters, arguments, clause) = topology.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #parameters #private::Topology for #name #arguments #clause {
            #methods
        }
    }
}

/// Where the runtime keeps what is for us only.
fn private(topology: &Topology) -> TokenStream {
    let krate = topology.options.krate.as_ref().map(|krate| krate.value.to_token_stream());
    let krate = krate.unwrap_or_else(|| quote!(::netns_test));
    quote!(#krate::__private)
}
