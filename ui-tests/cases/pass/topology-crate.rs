// `crate` names the place of the runtime.

extern crate netns_test as renamed;

mod reexported {
    pub use renamed::*;

    #[macro_export]
    macro_rules! network {
        ($name:ident, $host:ty, $subnet:literal) => {
            #[derive(netns_test::Topology)]
            #[topology(crate = $crate::reexported)]
            struct $name {
                #[segment($subnet)]
                lan: netns_test::Segment,
                #[host(lan)]
                one: $host,
                #[host(lan)]
                two: $host,
            }
        };
    }
}

use renamed::{Host, Segment};

#[derive(renamed::Topology)]
#[topology(crate = ::renamed)]
struct Bare {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    one: Host,
    #[host(lan)]
    two: Host,
}

#[derive(renamed::Topology)]
#[topology(crate = "crate::reexported")]
struct InAString {
    #[topology]
    bare: Bare,
}

network!(ThroughAMacro, Host, "10.0.0.0/24");

#[renamed::netns_test(crate = ::renamed, topology = InAString)]
fn test() {}

#[renamed::netns_test(crate = crate::reexported)]
fn through_a_macro(net: ThroughAMacro) {
    let _ = net;
}

fn main() {}
