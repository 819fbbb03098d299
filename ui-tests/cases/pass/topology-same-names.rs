// What the expansion names is not what the user names.

#![no_implicit_prelude]

mod core {}
mod std {}

struct Option;
struct Some;
struct None;
struct String;
struct Vec;
struct Default;
struct Drawing;
struct Scope;
struct ToOwned;
#[allow(non_upper_case_globals)]
const topology: u8 = 0;
#[allow(non_upper_case_globals)]
const scope: u8 = 0;
macro_rules! vec {
    () => {
        ()
    };
}

use ::netns_test::{Host, Segment};

#[::core::prelude::v1::derive(::netns_test::Topology)]
struct Net<const N: usize> {
    #[segment("10.0.0.0/24")]
    scope: Segment,
    #[host(scope(name = "eth9", bond = 2))]
    topology: Host,
    #[host(scope)]
    drawing: [Host; N],
    #[topology(lan = scope)]
    bind: Inner,
}

#[::core::prelude::v1::derive(::netns_test::Topology)]
struct Inner {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    host: Host,
}

#[::netns_test::netns_test]
fn test(net: Net<2>) {
    let _ = (&net, topology, scope, Option, Some, None, String, Vec, Default, Drawing, Scope, ToOwned, vec!());
}

fn main() {}
