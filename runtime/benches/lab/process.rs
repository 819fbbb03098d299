//! The least that a process in fresh namespaces costs.
#![expect(unsafe_code, reason = "a floor is made of system calls")]

use std::fs;
use std::ptr;

use netns_test::__private::bench;
use nix::sched::{CloneFlags, unshare};

/// Moves this process, which has one thread, to where it may make namespaces.
pub(crate) fn leave_machine() {
    if bench::namespaces() & libc::CLONE_NEWUSER == 0 {
        return;
    }
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    unshare(CloneFlags::CLONE_NEWUSER).expect("a user namespace");
    fs::write("/proc/self/setgroups", "deny").expect("setgroups");
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).expect("uid_map");
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).expect("gid_map");
}

/// Starts this program in the namespaces of a test, to do nothing, and waits for it.
pub(crate) fn spawn_nothing() {
    let argv = [c"lab".as_ptr(), c"nothing".as_ptr(), ptr::null()];
    let flags = bench::namespaces() | libc::SIGCHLD;
    // SAFETY: without CLONE_VM this is a fork, and the child makes async-signal-safe calls only.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, ptr::null::<u8>(), 0, 0, 0) };
    if pid == 0 {
        // SAFETY: path and argv are valid and terminated, and an empty environment is allowed.
        unsafe {
            libc::execve(c"/proc/self/exe".as_ptr(), argv.as_ptr(), [ptr::null()].as_ptr());
            libc::_exit(1);
        }
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(libc::pid_t::try_from(pid).expect("a pid"), &raw mut status, 0) };
    assert!(waited > 0 && status == 0, "the process that does nothing failed: {status}");
}
