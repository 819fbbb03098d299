//! From a lab to the fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::derive::parse::Topology;

/// The function that binds the fields. Types are named where they were written, so that the compiler complains of a wrong one
/// there.
pub(super) fn bind(topology: &Topology, private: &TokenStream) -> TokenStream {
    // A constant of the user's with such a name would be taken for a pattern, so they are not ones that anybody would use.
    let (scope, bound) = (format_ident!("__netns_test_scope"), format_ident!("__netns_test_topology"));
    let segments = topology.segments.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let bind = quote_spanned!(ty.span()=> <#ty as #private::SegmentField>::bind);
        (ident, quote!(#bind(#scope, #name)))
    });
    let hosts = topology.hosts.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let bind = quote_spanned!(ty.span()=> <#ty as #private::HostField>::bind);
        (ident, quote!(#bind(#scope, #name)))
    });
    let nested = topology.nested.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let shares = field.drawn.shares.iter().map(|(inner, outer)| quote!((#inner, #outer)));
        let bind = quote_spanned!(ty.span()=> <#ty as #private::Topology>::bind);
        (ident, quote!(#bind(&#private::Scope::nested(#scope, #name, &[#(#shares),*]))))
    });
    let (idents, values): (Vec<_>, Vec<_>) = segments.chain(hosts).chain(nested).unzip();
    let parameter = if idents.is_empty() { quote!(_) } else { quote!(#scope) };
    // A field is there for what it draws: that no test reads it is no mistake, so they are all read here.
    quote! {
        fn bind(#parameter: &#private::Scope<'_>) -> Self {
            let #bound = Self { #(#idents: #values),* };
            let _ = (#(&#bound.#idents,)*);
            #bound
        }
    }
}
