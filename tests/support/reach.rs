//! Whether hosts reach each other.

use std::net::IpAddr;
use std::time::Duration;

use netns_test::{Host, Lab};

/// How long an answer may take from the start of the body: a second of duplicate address detection would be more.
const SOON: Duration = Duration::from_secs(1);

/// Asserts that every host of the lab gets an answer from every address of every other, within a second.
pub async fn assert_all_reach_all(lab: &Lab) {
    for from in lab.hosts() {
        for to in lab.hosts().iter().filter(|to| *to != from) {
            assert_reaches(from, &to.addresses()).await;
        }
    }
}

/// Asserts that a host gets an answer from each of these addresses, within a second.
pub async fn assert_reaches(from: &Host, addresses: &[IpAddr]) {
    for address in addresses {
        let answered = from.ping(*address).count(1).timeout(SOON).await;
        assert!(answered.is_ok(), "{} to {address}: {answered:?}", from.name());
    }
}
