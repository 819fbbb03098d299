//! A clock that nobody pauses: it wakes a task at an instant of real time.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// Wakes a task. It has a thread, named as those are that are none of the test's, which ends with it: one that stayed would hold on to the
/// namespaces that it was started in.
#[derive(Debug)]
pub(super) struct Alarm {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whom to wake, and when.
    call: Option<(Instant, Waker)>,
    over: bool,
}

impl Alarm {
    pub(super) fn new() -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let its = Arc::clone(&shared);
        let thread = Builder::new().name("netns-test".to_owned()).spawn(move || its.serve())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Wakes a task then; it is the only call from now on.
    pub(super) fn set(&self, at: Instant, task: &Waker) {
        self.shared.lock().call = Some((at, task.clone()));
        self.shared.changed.notify_one();
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
        // A waker may be the last that holds on to its task, and this be dropped by the thread itself.
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // It only wakes; if a waker has panicked that has been said.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut state = self.lock();
        while !state.over {
            let now = Instant::now();
            let left = state.call.as_ref().map(|(at, _)| at.saturating_duration_since(now));
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    let call = state.call.take();
                    drop(state);
                    if let Some((_, task)) = call {
                        task.wake();
                    }
                    self.lock()
                }
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

/// Blocks this thread until then.
///
/// By a condition variable that nobody else knows: to park the thread would swallow what its executor is told meanwhile.
pub(crate) fn block_until(at: Instant) {
    let (nothing, nobody) = (Mutex::new(()), Condvar::new());
    let mut guard = nothing.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        guard = nobody.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}
