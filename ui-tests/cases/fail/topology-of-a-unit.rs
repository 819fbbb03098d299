// A topology has fields with names.

use netns_test::prelude::*;

#[derive(Topology)]
struct Net;

fn main() {}
