//! What the end-to-end tests share.

pub mod counters;
pub mod panics;
pub mod programs;
pub mod reach;
pub mod realised;
pub mod routed;
pub mod routes;
pub mod three;
pub mod tracked;
