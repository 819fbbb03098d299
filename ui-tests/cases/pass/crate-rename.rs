// `crate` names the place of the runtime: bare, in a string, or through a macro's `$crate`.

extern crate netns_test as renamed;

mod reexported {
    pub use netns_test::*;

    #[macro_export]
    macro_rules! wrapped {
        ($name:ident, $host:ty, $namespaces:literal) => {
            #[netns_test::netns_test(crate = $crate::reexported, namespaces = $namespaces)]
            fn $name(alice: $host) {
                let _ = alice;
            }
        };
    }
}

use netns_test::Host;

#[renamed::netns_test(crate = ::netns_test)]
fn bare(alice: Host) {
    let _ = alice;
}

#[netns_test::netns_test(crate = "crate::reexported")]
async fn in_a_string(alice: Host) -> Result<(), String> {
    let _ = alice;
    Ok(())
}

wrapped!(through_a_macro, Host, 1);

fn main() {}
