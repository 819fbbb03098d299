//! What was written, with the tokens it was written in, so that a later phase can point at them.

mod impairment;
mod list;
mod needs;
mod options;
mod test_fn;
mod value;

pub(crate) use impairment::{Impairment, WORDS};
pub(crate) use list::split_at_commas;
pub(crate) use needs::{Need, parse as parse_needs};
pub(crate) use options::Options;
#[cfg(test)]
pub(crate) use options::TABLE;
pub(crate) use test_fn::TestFn;
pub(crate) use value::{Flavor, Value, Written};
