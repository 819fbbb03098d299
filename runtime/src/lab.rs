//! The whole network of a test.

/// The whole network of a test.
#[derive(Clone, Debug)]
pub struct Lab {}
