//! The options, as a constant.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::needs::needs;
use super::shim::at;
use crate::check::{Kind, Parameter, Test, no_topology};
use crate::parse::{Flavor, Impairment, WORDS, Written};

/// An expression of type `TestSpec`. What was not written stays unset: the settings decide about it at run time.
pub(crate) fn spec(test: &Test<'_>, private: &TokenStream) -> TokenStream {
    let options = test.options;
    let name = test.function.sig.ident.to_string();
    let hosts = &test.hosts;
    let subnets: Vec<_> = options.subnets().collect();
    let subnets = (!subnets.is_empty()).then(|| quote!(.subnets(&[#(#subnets),*])));
    // The compiler has resolved `cfg_attr` before an attribute macro sees the item, so none is hidden.
    let should_panic = test.function.attrs.iter().any(|attribute| attribute.path().is_ident("should_panic"));
    let setters = [
        should_panic.then(|| quote!(.should_panic(true))),
        set("veth", options.veth.as_ref(), |veth| *veth),
        subnets,
        set("ipv6", options.ipv6.as_ref(), |ipv6| *ipv6),
        set("mtu", options.mtu.as_ref(), |mtu| Literal::u32_unsuffixed(*mtu)),
        impairment(&options.impairment, private),
        set("engine", options.engine.as_ref(), Clone::clone),
        options.namespaces.as_ref().filter(|namespaces| namespaces.value == 0).map(|_| quote!(.no_hosts())),
        options.topology.as_ref().map(|topology| {
            let ty = &topology.value;
            let drawing = quote_spanned!(ty.span()=> <#ty as #private::Topology>::drawing);
            quote!(.topology(::core::option::Option::Some(#drawing)))
        }),
        set("timeout", options.timeout.as_ref(), Clone::clone),
        set("requires", options.requires.as_ref(), |requires| needs(requires, private)),
        set("multi_thread", options.flavor.as_ref(), |flavor| *flavor == Flavor::MultiThread),
        set("worker_threads", options.worker_threads.as_ref(), |workers| Literal::u32_unsuffixed(*workers)),
        set("start_paused", options.start_paused.as_ref(), |paused| *paused),
    ];
    let setters = setters.into_iter().flatten();
    let spec = quote! {
        #private::TestSpec::new(
            ::core::concat!(::core::module_path!(), "::", #name),
            ::core::env!("CARGO_MANIFEST_DIR"),
        )
        .hosts(&[#(#hosts),*])
        #(#setters)*
    };
    let others = test.parameters.iter().filter(|parameter| parameter.kind == Kind::Other);
    others.fold(spec, |spec, other| topology(&spec, other, test, private))
}

/// The options with a parameter that may be a topology. All of the call is where the type is: there the compiler says what it says
/// about it.
fn topology(spec: &TokenStream, parameter: &Parameter<'_>, test: &Test<'_>, private: &TokenStream) -> TokenStream {
    let ty = parameter.ty();
    let drawing = quote_spanned!(ty.span()=> <#ty as #private::Parameter>::DRAWING);
    let call = if let Some(complaint) = no_topology(test.options, ty) {
        quote!(#private::TestSpec::no_topology(#spec, #drawing, #complaint))
    } else {
        quote!(#private::TestSpec::topology(#spec, #drawing))
    };
    at(ty.span(), call)
}

/// The call of the setter of an impairment, if one was written.
fn impairment(written: &Impairment, private: &TokenStream) -> Option<TokenStream> {
    let words = written.places.iter().map(|(part, _, tokens)| {
        let word = format_ident!("{}", part.word());
        quote!(#word: ::core::option::Option::Some(#tokens))
    });
    let rest = (words.len() < WORDS.len()).then(|| quote!(..#private::DrawnImpairment::new()));
    (words.len() > 0).then(|| quote!(.impairment(#private::DrawnImpairment { #(#words,)* #rest })))
}

/// The call of a setter, for an option that was written.
fn set<T, V: ToTokens>(setter: &str, option: Option<&Written<T>>, value: impl Fn(&T) -> V) -> Option<TokenStream> {
    let setter = format_ident!("{setter}");
    let value = value(&option?.value);
    Some(quote!(.#setter(#value)))
}
