//! Assertions that do not hold, asked why.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// What an assertion says that does not hold: its message, or `broken` if it could not be asked.
pub async fn panic_of(assertion: impl IntoFuture<Output = ()>) -> Result<(), String> {
    let mut assertion = Box::pin(assertion.into_future());
    let result =
        std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| assertion.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        });
    result.await.map_err(|payload| match payload.downcast::<String>() {
        Ok(text) => *text,
        // The harness's own type for "could not ask"; its text has been printed.
        Err(_) => "broken".to_owned(),
    })
}

/// The assertion fails, and its message has each of these: the hop, and the cause.
pub async fn says(assertion: impl IntoFuture<Output = ()>, expected: &[&str]) {
    let message = panic_of(assertion).await.expect_err("the network is broken");
    println!("{message}");
    for words in expected {
        assert!(message.contains(words), "`{words}` is not in:\n{message}");
    }
}
