//! The attribute of netns-test.

use proc_macro::TokenStream;

/// A test with a network of its own.
#[proc_macro_attribute]
pub fn netns_test(_options: TokenStream, item: TokenStream) -> TokenStream {
    item
}
