//! A machine of the lab.

/// A machine of the lab.
#[derive(Clone, Debug)]
pub struct Host {}
