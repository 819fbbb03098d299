//! The child's part in a pause: the test stands still until somebody lets it go on.
//!
//! What lets it go on is a file in the lab's own `/run`, whoever makes it: somebody who has entered the lab, or this process when its
//! parent says that Enter was pressed.

use std::fs::{self, File};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::current;
use super::protocol::{Frame, Pause};
use crate::error::{harmless, say};
use crate::lab::world::DIRECTORY;
use crate::settings::{self, Settings};
use crate::{Host, Lab};

/// The file that lets a test go on.
pub(super) const GO_ON_FILE: &str = "/run/netns-test/go-on";

/// How many hosts are named.
const NAMED: usize = 8;

/// How many lines of what failed it are shown; all of it follows when the test ends.
const SHOWN: usize = 10;

static PARENT: OnceLock<Parent> = OnceLock::new();

/// How the parent is told.
struct Parent {
    /// Of the process that it knows as the test.
    pid: u32,
    tell: Box<dyn Fn(&Frame) + Send + Sync>,
}

/// Held during a pause: there is one at a time.
static PAUSED: Mutex<()> = Mutex::new(());

/// Why a test was not paused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotPause {
    /// Nobody would let it go on.
    #[error("`CI` is set, and a test that pauses would wait for ever where nobody is")]
    InCi,
    /// There is nothing to stop the deadline of, nor a process that is the test's alone.
    #[error("a test that runs `inline` has no process of its own to be entered: a debugger's breakpoint holds it")]
    Inline,
    /// The parent does not know it.
    #[error("only the test's own process can be paused, and this one is a copy of it")]
    Copy,
    /// The kernel does not tell.
    #[error("whether {GO_ON_FILE} is there could not be waited for")]
    Watch(#[source] Errno),
}

/// Notes how to tell the parent.
pub(super) fn set_parent(tell: impl Fn(&Frame) + Send + Sync + 'static) {
    // There is one.
    let _ = PARENT.set(Parent { pid: std::process::id(), tell: Box::new(tell) });
}

/// Holds the test until somebody lets it go on. `why` goes on after its name.
pub(crate) fn pause(why: String, lab: &Lab) -> Result<(), CannotPause> {
    if std::env::var_os("CI").is_some() {
        return Err(CannotPause::InCi);
    }
    let Parent { pid, tell } = PARENT.get().ok_or(CannotPause::Inline)?;
    if std::process::id() != *pid {
        return Err(CannotPause::Copy);
    }
    let _one = PAUSED.lock().unwrap_or_else(PoisonError::into_inner);
    // It may be there from an earlier pause.
    let _ = fs::remove_file(GO_ON_FILE);
    let events = Inotify::init(InitFlags::IN_CLOEXEC).map_err(CannotPause::Watch)?;
    let arrivals = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
    events.add_watch(DIRECTORY, arrivals).map_err(CannotPause::Watch)?;
    tell(&Frame::Paused(Pause { why, inside: inside(lab) }));
    let mut waited = Ok(());
    while waited.is_ok() && !Path::new(GO_ON_FILE).exists() {
        waited = match events.read_events() {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(CannotPause::Watch(error)),
        };
    }
    tell(&Frame::GoesOn);
    waited
}

/// Lets the test go on.
pub(super) fn go_on() {
    // Whoever waits for it is told by the kernel.
    if let Err(error) = File::create(GO_ON_FILE) {
        say(&format!("could not make {GO_ON_FILE}: {error}"));
    }
}

/// Waits for the end of a pause, if there is one.
pub(super) fn wait_until_over() {
    drop(PAUSED.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Holds a test that has failed, where the settings say so. What it has `left` to be read is in a directory.
pub(super) fn on_failure(words: &str, left: Option<&Path>, settings: &Settings, lab: &Lab) {
    let left = left.map(|left| format!("\n  (what it has left is in {})", left.display()));
    if_wanted(failed(words) + &left.unwrap_or_default(), settings, lab);
}

/// Holds a test that is at its deadline, where the settings say so and there is a lab to look at.
pub(super) fn at_deadline() {
    if let Some(lab) = current::lab() {
        if_wanted("is at its deadline".to_owned(), lab.settings(), &lab);
    }
}

fn failed(words: &str) -> String {
    let more = words.lines().nth(SHOWN).map(|_| "…".to_owned());
    let lines: Vec<_> = words.lines().take(SHOWN).map(harmless).chain(more).collect();
    if lines.is_empty() { "has failed".to_owned() } else { format!("has failed:\n  {}", lines.join("\n  ")) }
}

fn if_wanted(why: String, settings: &Settings, lab: &Lab) {
    if settings.pause != settings::Pause::OnFailure {
        return;
    }
    if let Err(error) = pause(why, lab) {
        let error = crate::error::chain(&error);
        say(&format!("note: no pause, though {} asks for one: {error}", settings.origin("pause")));
    }
}

/// What is in the labs of this test, and what can be typed there.
fn inside(lab: &Lab) -> String {
    let labs = lab.all().all();
    let hosts: Vec<&Host> = labs.iter().flat_map(Lab::hosts).collect();
    let Some(first) = hosts.first() else { return "its lab has no hosts\n".to_owned() };
    let names: Vec<_> = hosts.iter().take(NAMED).map(|host| host.name()).collect();
    let more = if hosts.len() > NAMED { format!(" and {} more", hosts.len() - NAMED) } else { String::new() };
    let interface = first.plan().interfaces.first().map_or("lo", |interface| interface.name.as_str());
    let capture = format!("tcpdump -ni {interface}");
    // tcpdump ends where it cannot set its groups, which a user namespace with one user does not let it.
    let one_user = fs::read_to_string("/proc/self/setgroups").is_ok_and(|word| word.trim() == "deny");
    let can_capture = !one_user && crate::path::find("tcpdump").is_ok();
    let commands = ["ip route", "nft list ruleset", if can_capture { &capture } else { "ss -tuna" }];
    let commands = commands.map(|command| format!("  ip netns exec {} {command}\n", first.name()));
    format!("its hosts: {}{more}; in there, for example:\n{}", names.join(", "), commands.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_in_its_own_words_but_not_in_too_many() {
        assert_eq!(failed(""), "has failed");
        assert_eq!(failed("left\nright"), "has failed:\n  left\n  right");
        let told = failed(&"a\n".repeat(SHOWN));
        assert!(told.ends_with("\n  a") && told.lines().count() == SHOWN + 1, "{told}");
        let told = failed(&"a\n".repeat(SHOWN + 1));
        assert!(told.ends_with("\n  a\n  …") && told.lines().count() == SHOWN + 2, "{told}");
    }
}
