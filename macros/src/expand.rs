//! The way from the tokens of an invocation to those of its expansion.

use proc_macro2::TokenStream;

use crate::check::check;
use crate::codegen;
use crate::errors::Errors;
use crate::parse::{Options, TestFn};

/// What `#[netns_test(options)] item` expands to.
///
/// Whatever is wrong, an item comes out that is as close to a test as possible: an editor goes on completing in its body,
/// and nothing that refers to it breaks.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let options = Options::parse(options, &mut errors);
    let function = match syn::parse2::<TestFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(error);
            return [errors.into_compile_errors(), item].into_iter().collect();
        }
    };
    match check(&options, &function, errors) {
        Ok(test) => codegen::test(&test),
        Err(errors) => [errors.into_compile_errors(), codegen::stand_in(&function)].into_iter().collect(),
    }
}
