//! How a state is collected: on threads that can be left behind, until a deadline.

use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use nix::sched::{CloneFlags, setns};

use super::{Events, HostState, LabState, Section, links, programs, routes, switches, sysctls, traffic};
use crate::error::panic_message;
use crate::kernel::losses;
use crate::{Host, Lab};

/// How many hosts are asked at the same time: so many may hang before the others are not asked.
const AT_ONCE: usize = 16;

/// What is said of whatever has not been collected when the time is over.
const LATE: &str = "not collected in time";

/// What is known so far.
type Slot<T> = Arc<Mutex<T>>;

type Task = Box<dyn FnOnce() + Send>;

/// Collects what can be had until then. A host in which something hangs costs nothing but what would have come from there.
pub(in super::super) fn collect(labs: &[Lab], until: Instant) -> LabState {
    let hosts: Vec<Host> = labs.iter().flat_map(Lab::hosts).cloned().collect();
    let states: Vec<_> = hosts.iter().map(|host| slot(HostState::unknown(host.name(), LATE))).collect();
    let switches: Vec<_> = labs.iter().map(|_| slot(Err(LATE.to_owned()))).collect();
    let events: Vec<_> = labs.iter().map(|_| slot(Err(LATE.to_owned()))).collect();
    let running = slot(Err(LATE.to_owned()));
    let mut tasks: Vec<Task> = Vec::new();
    // What has happened is what changes while others are asked, and is there at once.
    for (lab, events) in labs.iter().zip(&events) {
        let (lab, events) = (lab.clone(), Arc::clone(events));
        tasks.push(Box::new(move || put(&events, section(|| Ok(happened(&lab))))));
    }
    let of = (hosts.clone(), Arc::clone(&running));
    tasks.push(Box::new(move || put(&of.1, section(|| Ok(programs::read(&of.0))))));
    for (lab, switches) in labs.iter().zip(&switches) {
        let (lab, switches) = (lab.clone(), Arc::clone(switches));
        tasks.push(Box::new(move || put(&switches, section(|| switches::read(lab.surroundings())))));
    }
    for (host, state) in hosts.iter().zip(&states) {
        let (host, state) = (host.clone(), Arc::clone(state));
        tasks.push(Box::new(move || ask(&host, &state)));
    }
    if let Err(why) = work_off(tasks, until) {
        for (host, state) in hosts.iter().zip(&states) {
            put(state, HostState::unknown(host.name(), &why));
        }
        for switches in &switches {
            put(switches, Err(why.clone()));
        }
        for events in &events {
            put(events, Err(why.clone()));
        }
        put(&running, Err(why));
    }
    // Whoever is late writes to what nobody reads any more.
    LabState {
        hosts: states.iter().map(|state| lock(state).clone()).collect(),
        switches: switches.iter().map(|switches| lock(switches).clone()).collect(),
        programs: lock(&running).clone(),
        events: events.iter().map(|events| lock(events).clone()).collect(),
    }
}

fn happened(lab: &Lab) -> Events {
    let journal = &lab.surroundings().journal;
    let happenings = lab.surroundings().chronicle.happened();
    Events { began: journal.began(), changes: journal.changes(), happenings, weather: lab.weather() }
}

/// Does something on a thread that can be left behind.
pub(in super::super) fn until(until: Instant, work: impl FnOnce() + Send + 'static) {
    // Where there is no thread, it is not done: it must not keep anybody waiting.
    let _ = work_off(vec![Box::new(work)], until);
}

/// Does what there is to do, several at the same time, until all is done or the time is over; or says why none of it can be done.
fn work_off(tasks: Vec<Task>, until: Instant) -> Result<(), String> {
    let count = tasks.len();
    let left = Arc::new(Mutex::new(tasks.into_iter()));
    let (tell, told) = mpsc::channel();
    let mut refused = None;
    let mut workers = 0;
    for _ in 0..count.min(AT_ONCE) {
        let (left, tell) = (Arc::clone(&left), tell.clone());
        let work = move || {
            loop {
                let Some(task) = lock(&left).next() else { return };
                // Each part of it is caught by itself; this is for what is between.
                let _ = catch_unwind(AssertUnwindSafe(task));
                let _ = tell.send(());
            }
        };
        match std::thread::Builder::new().name("netns-test".to_owned()).spawn(work) {
            Ok(_) => workers += 1,
            Err(error) => refused = Some(error),
        }
    }
    if let (0, Some(error)) = (workers, refused) {
        return Err(format!("no thread can be started to ask for it: {error}"));
    }
    for _ in 0..count {
        if told.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
            break;
        }
    }
    // What has not been begun is not begun any more.
    lock(&left).by_ref().for_each(drop);
    Ok(())
}

/// Asks for all that there is of a host. What was there before something hangs is kept.
fn ask(host: &Host, state: &Slot<HostState>) {
    if let Err(why) = enter(host.netns()) {
        put(state, HostState::unknown(host.name(), &why));
        return;
    }
    let asked = links::read();
    let names = asked.as_ref().map(|links| links::names(links)).unwrap_or_default();
    lock(state).links = asked;
    let routes = section(|| routes::read(&names));
    lock(state).routes = routes;
    let neighbours = section(|| links::neighbours(&names));
    lock(state).neighbours = neighbours;
    let counters = section(|| losses().map_err(|error| format!("cannot read the kernel's counters: {error}")));
    lock(state).counters = counters;
    let sysctls = section(|| Ok(sysctls::read(host.plan())));
    lock(state).sysctls = sysctls;
    let rules = section(routes::rules);
    lock(state).rules = rules;
    let qdiscs = section(|| links::qdiscs(&names));
    lock(state).qdiscs = qdiscs;
    let sockets = section(traffic::sockets);
    lock(state).traffic.sockets = sockets;
    let connections = section(traffic::connections);
    lock(state).traffic.connections = connections;
    // The only one that starts a program.
    let firewall = section(traffic::firewall);
    lock(state).traffic.firewall = firewall;
}

/// Moves this thread into a network namespace.
pub(super) fn enter(netns: BorrowedFd<'_>) -> Section<()> {
    setns(netns, CloneFlags::CLONE_NEWNET).map_err(|error| format!("its namespace cannot be entered: {error}"))
}

/// A part, or why it is not known.
pub(super) fn section<T>(read: impl FnOnce() -> Section<T>) -> Section<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let said = panic_message(&*panic);
        Err(format!("its collection has panicked: {said}"))
    })
}

fn slot<T>(value: T) -> Slot<T> {
    Arc::new(Mutex::new(value))
}

fn put<T>(slot: &Slot<T>, value: T) {
    *lock(slot) = value;
}

/// Nothing panics while it is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(60);

    /// A task that notes that it was done.
    fn noting(done: &Slot<Vec<u32>>, number: u32) -> Task {
        let done = Arc::clone(done);
        Box::new(move || lock(&done).push(number))
    }

    #[test]
    fn one_that_hangs_or_panics_keeps_no_other_from_being_done() {
        let done = slot(Vec::new());
        let (hang, hangs) = mpsc::channel::<()>();
        let hanging: Task = Box::new(move || _ = hangs.recv());
        // As many as there are threads, each of which goes on.
        let panicking = (0..AT_ONCE).map(|_| Box::new(|| -> () { panic!("what is this") }) as Task);
        let others = (0..40).map(|number| noting(&done, number));
        let begun = Instant::now();
        work_off(panicking.chain([hanging]).chain(others).collect(), begun + SHORT * 20).unwrap();
        assert!(begun.elapsed() >= SHORT * 20, "it hangs");
        assert!(begun.elapsed() < LONG);
        assert_eq!(lock(&done).len(), 40);
        drop(hang);
    }

    #[test]
    fn what_is_all_done_is_not_waited_for() {
        let done = slot(Vec::new());
        let begun = Instant::now();
        work_off(vec![noting(&done, 1)], begun + LONG * 60).unwrap();
        assert!(begun.elapsed() < LONG);
        assert_eq!(*lock(&done), [1]);
    }

    #[test]
    fn what_has_not_been_begun_in_time_never_is() {
        let done = slot(Vec::new());
        let (hang, hangs) = mpsc::channel::<()>();
        let hangs = Arc::new(Mutex::new(hangs));
        let hanging = (0..AT_ONCE).map(|_| {
            let hangs = Arc::clone(&hangs);
            Box::new(move || _ = lock(&hangs).recv()) as Task
        });
        work_off(hanging.chain([noting(&done, 1)]).collect(), Instant::now() + SHORT).unwrap();
        assert_eq!(*lock(&done), [0; 0]);
        drop(hang);
        // Its last holder are the threads: when it is free, all of them have come back.
        while Arc::strong_count(&hangs) > 1 {
            std::thread::yield_now();
        }
        assert_eq!(*lock(&done), [0; 0]);
    }

    #[test]
    fn a_part_that_panics_says_so() {
        let part: Section<()> = section(|| panic!("what is this"));
        assert_eq!(part, Err("its collection has panicked: what is this".to_owned()));
    }
}
