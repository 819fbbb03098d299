//! Values as expressions that mean the same wherever they stand.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// A value that can be written as an expression.
pub(super) trait Literal {
    fn literal(&self, private: &TokenStream) -> TokenStream;
}

impl Literal for String {
    fn literal(&self, _: &TokenStream) -> TokenStream {
        quote!(::std::borrow::ToOwned::to_owned(#self))
    }
}

impl Literal for u32 {
    fn literal(&self, _: &TokenStream) -> TokenStream {
        let literal = proc_macro2::Literal::u32_unsuffixed(*self);
        quote!(#literal)
    }
}

impl Literal for bool {
    fn literal(&self, _: &TokenStream) -> TokenStream {
        quote!(#self)
    }
}

impl<T: Literal> Literal for Option<T> {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        if let Some(value) = self.as_ref().map(|value| value.literal(private)) {
            quote!(::core::option::Option::Some(#value))
        } else {
            quote!(::core::option::Option::None)
        }
    }
}

impl<T: Literal> Literal for Vec<T> {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        let items = self.iter().map(|item| item.literal(private));
        quote!(::core::convert::From::from([#(#items),*]))
    }
}

impl<A: Literal, B: Literal> Literal for (A, B) {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        let (a, b) = (self.0.literal(private), self.1.literal(private));
        quote!((#a, #b))
    }
}

/// A field of a structure, if it has another value than by default.
pub(super) fn field<T: Literal + Default + PartialEq>(
    name: &str,
    written: &T,
    private: &TokenStream,
) -> Option<TokenStream> {
    value(name, (*written != T::default()).then(|| written.literal(private)))
}

/// A field of a structure, if it has a value.
pub(super) fn value(name: &str, value: Option<TokenStream>) -> Option<TokenStream> {
    let (name, value) = (format_ident!("{name}"), value?);
    Some(quote!(#name: #value))
}

/// A structure with these of its fields; the others are as by default.
pub(super) fn structure(name: &str, fields: &[Option<TokenStream>], private: &TokenStream) -> TokenStream {
    let name = format_ident!("{name}");
    let rest = fields.iter().any(Option::is_none).then(|| quote!(..::core::default::Default::default()));
    let fields = fields.iter().flatten();
    quote!(#private::#name { #(#fields,)* #rest })
}
