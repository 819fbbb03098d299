//! `#[derive(Topology)]`: from the tokens of a struct to those of its implementation.

mod check;
mod codegen;
mod parse;

use proc_macro2::TokenStream;

use crate::errors::Errors;
use parse::Topology;
#[cfg(test)]
pub(crate) use parse::tables;

/// What `#[derive(Topology)]` adds to an item.
///
/// Whatever is wrong with it, an implementation comes out, so that nothing which uses the type breaks for that.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let item = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
    let topology = Topology::parse(item, &mut errors);
    check::check(&topology, &mut errors);
    if errors.is_empty() {
        return codegen::implementation(&topology);
    }
    [errors.into_compile_errors(), codegen::stand_in(&topology)].into_iter().collect()
}
