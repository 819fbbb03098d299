//! The child: says that it is there, runs the body, says how it went, and leaves.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::{Arc, Mutex, PoisonError};

use super::body::execute;
use super::conclusion::Conclusion;
use super::marker::Inheritance;
use super::protocol::{DUMP, Ending, Frame, GO_ON};
use super::{pause, phase};
use crate::__private::{Outcome, TestSpec};
use crate::Lab;
use crate::error::remember_panics;
use crate::isolation::Mode;
use crate::settings::Settings;

/// Runs the test and leaves by `exit`, so that coverage is written.
pub(super) fn run<R: Outcome>(spec: &'static TestSpec, inheritance: Inheritance, body: impl FnOnce(&Lab) -> R) -> ! {
    let pid = std::process::id();
    let parent = Parent::new(inheritance);
    remember_panics();
    parent.say(&Frame::Start);
    parent.listen();
    let told = parent.clone();
    pause::set_parent(move |frame| told.say(frame));
    let conclusion = match Settings::resolve(spec) {
        Ok(settings) => execute(spec, &settings, Mode::choose(settings.isolation), body),
        Err(error) => Conclusion::of_settings(&error),
    };
    let ending = ending(conclusion);
    let code = ending.exit_code();
    // The copy of a body that forks has no say: its exit code is for whoever forked it.
    if std::process::id() == pid {
        // Somebody may be looking at a test that was at its deadline.
        pause::wait_until_over();
        parent.say(&Frame::Verdict(ending));
    }
    exit(code)
}

fn ending(conclusion: Conclusion) -> Ending {
    match conclusion {
        Conclusion::Passed => Ending::Passed,
        Conclusion::Error => Ending::Error,
        Conclusion::Broken(what) => Ending::Broken(what),
        Conclusion::Unasked(what) => Ending::Unasked(what),
        Conclusion::Unsupported(why) | Conclusion::Skipped(why) => Ending::Unsupported(why),
        Conclusion::Panic(payload) => match payload.downcast::<String>() {
            Ok(text) => Ending::Panic(*text),
            Err(payload) => match payload.downcast_ref::<&str>() {
                Some(text) => Ending::Panic((*text).to_owned()),
                None => Ending::OpaquePanic,
            },
        },
    }
}

/// The child's end of the control socket.
#[derive(Clone)]
struct Parent(Arc<Mutex<UnixStream>>);

impl Parent {
    /// Takes over what was inherited; from here on the test's standard output is its own.
    fn new(inheritance: Inheritance) -> Self {
        if let Err(error) = nix::unistd::dup2_stdout(&inheritance.stdout) {
            // Without `Start` the parent reports a test that was never reached, with this line above.
            eprintln!("could not place the test's standard output: {error}");
            exit(1);
        }
        Self(Arc::new(Mutex::new(UnixStream::from(inheritance.control))))
    }

    fn say(&self, frame: &Frame) {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // If the parent has gone, so will this process, at once.
        let _ = frame.write_to(&*stream);
    }

    /// Starts the thread that answers the parent, even while the body hangs.
    fn listen(&self) {
        let parent = self.clone();
        let Ok(mut requests) = self.0.lock().unwrap_or_else(PoisonError::into_inner).try_clone() else { return };
        // Without it a test at its deadline is killed without last words, no more.
        let _ = std::thread::Builder::new().name("netns-test".to_owned()).spawn(move || {
            let mut byte = [0];
            while requests.read_exact(&mut byte).is_ok() {
                match byte[0] {
                    DUMP => parent.answer_dump(),
                    GO_ON => pause::go_on(),
                    _ => {}
                }
            }
        });
    }

    /// Says what the test is doing. It may then be looked at, for which this thread does not wait: it is to be told when that is over.
    fn answer_dump(&self) {
        let _ = std::io::stderr().write_all(phase::describe().as_bytes());
        phase::show_lab();
        let parent = self.clone();
        let look = move || {
            pause::at_deadline();
            parent.say(&Frame::Dumped);
        };
        if std::thread::Builder::new().name("netns-test".to_owned()).spawn(look).is_err() {
            self.say(&Frame::Dumped);
        }
    }
}
