//! Impairments that the kernel carries out: netem (tc-netem(8)) on what frames leave a segment by.

mod apply;
mod distribution;
mod egress;
mod netem;

pub(super) use apply::Netem;
pub(super) use egress::{Egresses, can, is_exact};
pub(crate) use netem::qdisc;
