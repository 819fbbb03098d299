//! What was written, as a drawing, and where each part of it stands, so that a later phase can point at it.

mod field;
mod host;
mod interface;
mod nested;
mod places;
mod segment;
mod structure;
mod table;
mod word;

pub(crate) use field::Count;
pub(crate) use structure::Topology;
pub(crate) use word::name;

#[cfg(test)]
pub(crate) mod tables {
    //! For the tests of the documentation.

    pub(crate) use super::field::ATTRIBUTES;
    pub(crate) use super::host::{FORWARD, OPTIONS as HOST, ROUTE};
    pub(crate) use super::interface::OPTIONS as INTERFACE;
    pub(crate) use super::segment::{BRIDGE, OPTIONS as SEGMENT};
    pub(crate) use super::structure::OPTIONS as STRUCT;
    pub(crate) use super::table::Definition;
}
