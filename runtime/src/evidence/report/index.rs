//! The page over all failures.

use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use maud::{Markup, html};

use super::{cut, document};
use crate::evidence::files::Artifact;

/// How many failures are listed: the last.
const MOST: usize = 300;

/// How much of what a test said is shown, in bytes.
const SAID: usize = 1500;

/// A failed test, by what it has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Entry {
    /// The name of its directory.
    pub(in super::super) directory: String,
    /// What is in there.
    pub(in super::super) artifacts: Vec<Artifact>,
    pub(in super::super) test: String,
    /// What it said.
    pub(in super::super) said: String,
    pub(in super::super) time: SystemTime,
}

/// The page, the last failure first.
pub(in super::super) fn index(mut entries: Vec<Entry>) -> String {
    entries.sort_by(|one, other| other.time.cmp(&one.time).then_with(|| one.test.cmp(&other.test)));
    let left_out = entries.len().saturating_sub(MOST);
    let title = match entries.len() {
        1 => "1 failed test".to_owned(),
        some => format!("{some} failed tests"),
    };
    entries.truncate(MOST);
    let content = html! {
        ol.failures { @for entry in &entries { (listed(entry)) } }
        @if left_out > 0 { p.note { (left_out) " more are in this directory." } }
    };
    let about = html! { "what is here is of each test's last run, until it passes" };
    document(&title, &about, &[], &[], &content)
}

fn listed(entry: &Entry) -> Markup {
    let Entry { directory, artifacts, test, said, time } = entry;
    let link = |artifact: &Artifact| format!("{}/{}", in_address(directory), artifact.file_name());
    let report = artifacts.iter().find(|artifact| **artifact == Artifact::Report);
    html! {
        li {
            h2 {
                @match report {
                    Some(report) => a href=(link(report)) { (test) },
                    None => (test),
                }
            }
            p.about {
                time { (format_rfc3339_seconds(*time)) }
                @for artifact in artifacts { " · " a href=(link(artifact)) { (artifact.file_name()) } }
            }
            pre.said { (cut(said, SAID)) @if said.len() > SAID { "…" } }
        }
    }
}

/// A name as part of an address (RFC 3986 section 2.1).
fn in_address(name: &str) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = |byte| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(each).collect()
}
