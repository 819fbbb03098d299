// A test with a mistake can be called: what is wrong is reported once.

use netns_test::{Host, netns_test};

#[netns_test(veht = true)]
async fn broken(alice: Host, bob: Host) -> Result<(), String> {
    Ok(())
}

fn main() {
    broken();
}
