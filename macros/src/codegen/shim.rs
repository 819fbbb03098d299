//! The function that libtest calls: thin, without parameters, a call of the runtime.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ReturnType, Signature, Type, parse_quote};

use super::spec;
use crate::check::{Parameter, Test};

/// The name of the function that the user wrote, within the shim. The user's code can see it, so it is not one that anybody
/// would use.
pub(crate) const BODY: &str = "__netns_test_body";

/// The shim, without attributes and visibility.
pub(crate) fn shim(test: &Test<'_>) -> TokenStream {
    let private = private(test);
    let spec = spec::spec(test, &private);
    let name = &test.function.sig.ident;
    let output = &test.function.sig.output;
    let returned = returned(output);
    let body_name = Ident::new(BODY, Span::call_site());
    let sig = Signature { ident: body_name.clone(), ..with_unused_hosts(test) };
    let body = &test.function.body;
    let run = format_ident!("{}", if sig.asyncness.is_some() { "run_async" } else { "run" });
    let lab = format_ident!("__netns_test_lab");
    let arguments = test.parameters.iter().map(|parameter| argument(parameter, &lab, &private));
    let call = quote!(#private::#run(&__NETNS_TEST_SPEC, |#lab| #body_name(#(#arguments),*)));
    let call = match output {
        ReturnType::Default => call,
        ReturnType::Type(_, ty) => at(ty.span(), call),
    };
    quote! {
        fn #name() #returned {
            // A test owns its hosts whatever it does with them, and may need the runtime without waiting for anything.
            #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
            #sig #body
            const __NETNS_TEST_SPEC: #private::TestSpec = #spec;
            #call
        }
    }
}

/// The signature, in which a host need not be used: it is there, which may be all that is wanted of it.
fn with_unused_hosts(test: &Test<'_>) -> Signature {
    let mut sig = test.function.sig.clone();
    for (input, parameter) in sig.inputs.iter_mut().zip(&test.parameters) {
        if let FnArg::Typed(input) = input
            && parameter.is_host()
        {
            input.attrs.push(parse_quote!(#[allow(unused_variables)]));
        }
    }
    sig
}

/// Where the runtime keeps what is for us only.
fn private(test: &Test<'_>) -> TokenStream {
    let krate = test.options.krate.as_ref().map(|krate| krate.value.to_token_stream());
    let krate = krate.unwrap_or_else(|| quote!(::netns_test));
    quote!(#krate::__private)
}

/// What libtest gets. It need not know the type, so only the call of the runtime complains of a wrong one.
fn returned(output: &ReturnType) -> Option<TokenStream> {
    match output {
        ReturnType::Default => None,
        // `#[should_panic]` knows `()` by its spelling.
        ReturnType::Type(_, ty) if matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()) => None,
        ReturnType::Type(..) => Some(quote!(-> impl ::std::process::Termination)),
    }
}

/// The call as if it stood at `place`: what the compiler says about it, it says there. To `#[track_caller]` it is still where
/// the attribute is.
pub(super) fn at(place: Span, call: TokenStream) -> TokenStream {
    let moved = call.into_iter().map(|mut token| {
        token.set_span(token.span().located_at(place));
        token
    });
    moved.collect()
}

/// The value of a parameter, with the span of its type for the same reason.
fn argument(parameter: &Parameter<'_>, lab: &Ident, private: &TokenStream) -> TokenStream {
    let (ty, name) = (parameter.ty(), &parameter.name);
    quote_spanned!(ty.span()=> <#ty as #private::Parameter>::bind(#lab, #name))
}
