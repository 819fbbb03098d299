//! Errors, shown with their causes.

use std::any::Any;
use std::error::Error;
use std::fmt::Write;
use std::panic::{Location, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

use crate::connectivity::ConnectivityError;
use crate::flow::FlowError;
use crate::trail::Trail;

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Where packets died, if an error knows.
pub(crate) fn trail<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Trail> {
    let of_flow = error.downcast_ref::<FlowError>().and_then(FlowError::trail);
    of_flow.or_else(|| error.downcast_ref::<ConnectivityError>()?.trail()).or_else(|| trail(error.source()?))
}

/// What a panic says.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref().copied());
    text.unwrap_or("without a message")
}

/// Prints to standard error, where libtest captures it. A print that fails panics, and a panic of ours is not to be taken for one
/// of the test's.
pub(crate) fn say(text: &str) {
    let _ = catch_unwind(|| eprintln!("{text}"));
}

/// The last panic: where it was, and what it said.
static LAST_PANIC: Mutex<Option<(String, String)>> = Mutex::new(None);

/// Remembers where each panic is, besides what is done about it. In a process that is a test's alone.
pub(crate) fn remember_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(at) = panic.location() {
            remember(at, panic_message(panic.payload()));
        }
        before(panic);
    }));
}

fn remember(at: &Location<'_>, message: &str) {
    let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    *last = Some((at.to_string(), message.to_owned()));
}

/// Where the last panic was, if it said this.
pub(crate) fn place_of_panic(message: &str) -> Option<String> {
    let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    last.as_ref().filter(|(_, said)| said == message).map(|(at, _)| at.clone())
}

/// Shows a panic as std's hook does, at the line of whoever caused it.
pub(crate) fn show_panic(at: &Location<'_>, message: &str) {
    remember(at, message);
    let thread = std::thread::current();
    let mut text = format!("\nthread '{}' panicked at {at}:\n{message}\n", thread.name().unwrap_or("<unnamed>"));
    // Where it was is said; how it got there takes more than a screen, and is for whoever wants all of it.
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|wanted| wanted == "full") {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "stack backtrace:\n{}", std::backtrace::Backtrace::force_capture());
    }
    say(text.trim_end());
}

/// Panics at the line of whoever made an assertion: a panic of ours would name ours, since a future has no caller.
pub(crate) fn fail(at: &Location<'_>, message: &str) -> ! {
    show_panic(at, message);
    resume_unwind(Box::new(message.to_owned()))
}

/// The longest line that is shown of what others have said, in characters.
const LINE: usize = 300;

/// A line, or the beginning of a long one, that does nothing to a terminal or a page: what controls it, or turns the direction of writing, is shown as it is
/// written in Rust.
pub(crate) fn harmless(line: &str) -> String {
    let mut text = String::new();
    for character in line.chars().take(LINE) {
        let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    if line.chars().nth(LINE).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_does_nothing_to_a_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\rb"), "a\\u{1b}[31m\\rb");
        assert_eq!(harmless("a\u{202e}b é"), "a\\u{202e}b é");
        assert_eq!(harmless(&"x".repeat(LINE)).chars().count(), LINE);
        assert_eq!(harmless(&"x".repeat(LINE + 1)).chars().count(), LINE + 1);
        assert!(harmless(&"x".repeat(LINE + 1)).ends_with('…'));
    }
}
