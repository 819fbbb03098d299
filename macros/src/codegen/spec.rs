//! The options, as a constant.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote};

use super::needs::needs;
use crate::check::Test;
use crate::parse::{Flavor, Written};

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
        set("timeout", options.timeout.as_ref(), Clone::clone),
        set("requires", options.requires.as_ref(), |requires| needs(requires, private)),
        set("multi_thread", options.flavor.as_ref(), |flavor| *flavor == Flavor::MultiThread),
        set("worker_threads", options.worker_threads.as_ref(), |workers| Literal::u32_unsuffixed(*workers)),
        set("start_paused", options.start_paused.as_ref(), |paused| *paused),
    ];
    let setters = setters.into_iter().flatten();
    quote! {
        #private::TestSpec::new(
            ::core::concat!(::core::module_path!(), "::", #name),
            ::core::env!("CARGO_MANIFEST_DIR"),
        )
        .hosts(&[#(#hosts),*])
        #(#setters)*
    }
}

/// The call of a setter, for an option that was written.
fn set<T, V: ToTokens>(setter: &str, option: Option<&Written<T>>, value: impl Fn(&T) -> V) -> Option<TokenStream> {
    let setter = format_ident!("{setter}");
    let value = value(&option?.value);
    Some(quote!(.#setter(#value)))
}
