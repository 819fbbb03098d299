//! A program for hosts to run: it does what its first argument says, and stays.

use std::env;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::FromRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::sched::CloneFlags;
use nix::time::ClockId;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // Listens there.
        ["tcp", address] => stay(TcpListener::bind(address).unwrap()),
        ["udp", address] => stay(UdpSocket::bind(address).unwrap()),
        // Listens when its standard input has ended, which it asks for.
        ["tcp-later", address] => {
            println!("not yet");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            stay(TcpListener::bind(address).unwrap());
        }
        // Says what its peer says.
        ["connect", address] => {
            let mut text = String::new();
            TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
            println!("{text}");
            stay(());
        }
        // Says this to whoever waits for it to be ready.
        ["notify", ref says @ ..] => {
            let name = env::var("NOTIFY_SOCKET").unwrap();
            let address = SocketAddr::from_abstract_name(name.strip_prefix('@').unwrap()).unwrap();
            let socket = UnixDatagram::unbound().unwrap();
            for say in says {
                socket.send_to_addr(say.as_bytes(), &address).unwrap();
            }
            stay(());
        }
        // Answers on each listener that it was given with what it was told of it, once.
        ["answer"] => {
            assert_eq!(env::var("LISTEN_PID").unwrap(), std::process::id().to_string());
            let count: i32 = env::var("LISTEN_FDS").unwrap().parse().unwrap();
            let names = env::var("LISTEN_FDNAMES").ok();
            let mut names = names.iter().flat_map(|names| names.split(':'));
            for fd in 3..3 + count {
                let name = names.next().unwrap_or("without a name");
                let mut stream = inherited(fd).accept().unwrap().0;
                stream.write_all(format!("{fd} {name}").as_bytes()).unwrap();
            }
        }
        // Says what time it is, by three clocks, in nanoseconds.
        ["clocks"] => {
            let clocks = [ClockId::CLOCK_REALTIME, ClockId::CLOCK_MONOTONIC, ClockId::CLOCK_BOOTTIME];
            println!("{}", clocks.map(|clock| Duration::from(clock.now().unwrap()).as_nanos().to_string()).join(" "));
        }
        // Has this many threads that never rest.
        ["spin", threads] => {
            let spin = || std::hint::black_box(std::iter::repeat(())).for_each(|()| std::hint::spin_loop());
            (0..threads.parse().unwrap()).for_each(|_: u32| _ = std::thread::spawn(spin));
            stay(());
        }
        // Starts one child after another, each of which lives for a moment. With this much memory, in MB, each takes a while.
        ["fork", megabytes] => {
            let memory = vec![1u8; megabytes.parse::<usize>().unwrap() << 20];
            println!("here");
            loop {
                fork(|| std::thread::sleep(Duration::from_millis(20)));
                std::hint::black_box(&memory);
            }
        }
        // Waits for a child that does not become another program.
        ["vfork"] => vfork(|| stay(())),
        // The same, and the child is in no host.
        ["vfork-away"] => vfork(|| {
            nix::sched::unshare(CloneFlags::CLONE_NEWNET).unwrap();
            stay(());
        }),
        _ => panic!("{arguments:?}"),
    }
}

/// Stays, with what it has, until it is killed.
fn stay<T>(_with: T) {
    println!("here");
    loop {
        std::thread::park();
    }
}

/// As vfork(2): waits until the child becomes another program or ends.
#[allow(unsafe_code)]
fn vfork(mut child: impl FnMut()) {
    let mut stack = vec![0; 256 * 1024];
    let work = Box::new(|| {
        child();
        0
    });
    // SAFETY: the child has a stack of its own, and all the memory to itself: this is the only thread, and it waits.
    unsafe { nix::sched::clone(work, &mut stack, CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK, None) }.unwrap();
}

/// Starts a copy of this process, and waits for none but those that have ended.
#[allow(unsafe_code)]
fn fork(child: impl FnOnce()) {
    use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
    // SAFETY: this is the only thread.
    if let nix::unistd::ForkResult::Child = unsafe { nix::unistd::fork() }.unwrap() {
        child();
        std::process::exit(0);
    }
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status != WaitStatus::StillAlive) {}
}

#[allow(unsafe_code)]
fn inherited(fd: i32) -> TcpListener {
    // SAFETY: `sd_listen_fds(3)`: it is open, and nobody else in here has it.
    unsafe { TcpListener::from_raw_fd(fd) }
}
