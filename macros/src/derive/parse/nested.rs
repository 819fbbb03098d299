//! What stands between the parentheses of `#[topology]` on a field: the segments that it shares.

use netns_test_topology::{DrawnNested, NestedPart};
use proc_macro2::TokenStream;

use super::places::Places;
use super::word::{Word, each, field, name};
use crate::errors::Errors;

/// Reads a nested topology with this name.
pub(super) fn read(field_name: String, list: TokenStream, errors: &mut Errors) -> (DrawnNested, Places<NestedPart>) {
    let mut drawn = DrawnNested { name: field_name, ..DrawnNested::default() };
    let mut places = Places::default();
    each(list, "a segment", errors, |input| {
        let word = Word::parse(input, "a segment that is shared, for example `uplink = wan`")?;
        let outer = field(word.like("uplink = wan").value()?, "the name of a segment")?;
        let number = drawn.shares.len();
        drawn.shares.push((name(&outer.key), outer.value));
        places.note(NestedPart::Inner(number), outer.key);
        places.note(NestedPart::Outer(number), outer.tokens);
        Ok(())
    });
    (drawn, places)
}
