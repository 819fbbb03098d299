// A test may return nothing, or a `Result` of any kind of error that can be shown.

use std::error::Error;

use netns_test::{Host, netns_test};

#[netns_test]
fn unit(_alice: Host) -> () {}

#[netns_test]
fn boxed(_alice: Host) -> Result<(), Box<dyn Error>> {
    let _: u8 = "1".parse()?;
    Ok(())
}

#[netns_test]
async fn io(_alice: Host) -> std::io::Result<()> {
    std::future::ready(Ok(())).await
}

#[netns_test]
fn nested(_alice: Host) -> Result<Result<(), String>, String> {
    Ok(Ok(()))
}

fn main() {}
