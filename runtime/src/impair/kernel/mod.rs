//! Impairments that the kernel carries out: netem (tc-netem(8)) on what frames leave a segment by.

mod distribution;
mod netem;

pub(crate) use netem::qdisc;
