//! Work on a thread that is left behind if it takes too long.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Instant;

/// Why nothing came of some work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error("it was not done in time")]
    Late,
    /// The thread has shown its panic.
    #[error("it has panicked, which is a bug")]
    Panicked,
    #[error("no thread can be started for it: {0}")]
    NoThread(io::Error),
}

impl From<NotDone> for io::Error {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::NoThread(error) => error,
            why => Self::other(why.to_string()),
        }
    }
}

/// What comes of some work until then. A panic in it stays there.
pub(crate) fn aside<T: Send + 'static>(
    until: Instant,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NotDone> {
    let (tell, told) = mpsc::channel();
    let work = move || {
        // Whoever waits may have stopped.
        let _ = tell.send(work());
    };
    std::thread::Builder::new().name("netns-test".to_owned()).spawn(work).map_err(NotDone::NoThread)?;
    told.recv_timeout(until.saturating_duration_since(Instant::now())).map_err(|error| match error {
        RecvTimeoutError::Timeout => NotDone::Late,
        RecvTimeoutError::Disconnected => NotDone::Panicked,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_comes_of_it_is_known_or_why_nothing_does() {
        let long = Instant::now() + Duration::from_secs(60);
        assert_eq!(aside(long, || 42).unwrap(), 42);
        assert!(matches!(aside(long, || -> i32 { panic!("this is to be") }), Err(NotDone::Panicked)));
        let (hang, hangs) = mpsc::channel::<()>();
        assert!(matches!(aside(Instant::now(), move || hangs.recv()), Err(NotDone::Late)));
        drop(hang);
    }
}
