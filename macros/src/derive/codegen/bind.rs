//! From a lab to the fields.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::derive::parse::Topology;

/// The pattern of the parameter that [`bind`] is about.
pub(super) fn scope(topology: &Topology) -> TokenStream {
    let is_used = !(topology.segments.is_empty() && topology.hosts.is_empty() && topology.nested.is_empty());
    if is_used { quote!(scope) } else { quote!(_) }
}

/// The body of the function. Types are named where they were written, so that the compiler complains of a wrong one there.
pub(super) fn bind(topology: &Topology, private: &TokenStream) -> TokenStream {
    let segments = topology.segments.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let bound = quote_spanned!(ty.span()=> <#ty as #private::SegmentField>::bind);
        quote!(#ident: #bound(scope, #name))
    });
    let hosts = topology.hosts.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let bound = quote_spanned!(ty.span()=> <#ty as #private::HostField>::bind);
        quote!(#ident: #bound(scope, #name))
    });
    let nested = topology.nested.iter().map(|field| {
        let (ident, ty, name) = (&field.ident, &field.ty, &field.drawn.name);
        let shares = field.drawn.shares.iter().map(|(inner, outer)| quote!((#inner, #outer)));
        let bound = quote_spanned!(ty.span()=> <#ty as #private::Topology>::bind);
        quote!(#ident: #bound(&#private::Scope::nested(scope, #name, &[#(#shares),*])))
    });
    let fields = segments.chain(hosts).chain(nested);
    let idents = topology.segments.iter().map(|field| &field.ident);
    let idents = idents.chain(topology.hosts.iter().map(|field| &field.ident));
    let idents = idents.chain(topology.nested.iter().map(|field| &field.ident));
    quote! {
        let topology = Self { #(#fields),* };
        // A field is there for what it draws: that no test reads it is no mistake.
        let _ = (#(&topology.#idents,)*);
        topology
    }
}
