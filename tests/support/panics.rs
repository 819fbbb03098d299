//! What an assertion that fails has said.

use std::panic::AssertUnwindSafe;

/// Awaits a future and answers with its panic, if it has one: what an assertion said that failed, or `broken` where it could not ask.
pub async fn panic_of(assertion: impl Future<Output = ()>) -> Result<(), String> {
    let mut assertion = Box::pin(assertion);
    let result = std::future::poll_fn(|context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| assertion.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => std::task::Poll::Ready(Err(payload)),
        }
    });
    result.await.map_err(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        // The harness's own type for "could not ask"; its text has been printed.
        Err(_) => "broken".to_owned(),
    })
}
