//! Ports that the kernel gives to nobody else.

use std::collections::BTreeMap;
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use netns_test::prelude::*;
use netns_test::{PortError, Transport};

#[netns_test(veth = true)]
fn a_reserved_port_is_for_who_asks_for_it(client: Host, server: Host) -> TestResult {
    let port = server.reserve_port(Transport::Tcp)?;
    assert!(server.local_port_range()?.contains(&port.port()));
    assert_eq!(server.reserved_ports()?, [port.port()..=port.port()]);
    assert_eq!(client.reserved_ports()?, [], "ports are each host's own");
    // On both families, by whoever asks for it.
    for address in ["0.0.0.0", "[::1]"] {
        server.run(|| TcpListener::bind(format!("{address}:{port}")))?;
    }
    let program = server.command(env!("CARGO_BIN_EXE_netns-test-program")).args(["tcp", &format!("[::]:{port}")]);
    let _program = program.ready_when_listening(port.port()).spawn()?;
    client.tcp_connect(port.addr())?;
    drop(port.clone());
    assert_eq!(server.reserved_ports()?.len(), 1, "it stays");
    Ok(())
}

#[netns_test]
fn what_is_reserved_is_given_to_nobody(a: Host) -> TestResult {
    a.set_local_port_range(40000..=40009)?;
    assert_eq!(a.local_port_range()?, 40000..=40009);
    let mut ports: Vec<_> = (0..5).map(|_| a.reserve_port(Transport::Tcp)).collect::<Result<_, _>>()?;
    ports.extend((0..5).map(|_| a.reserve_port(Transport::Udp)).collect::<Result<Vec<_>, _>>()?);
    let mut numbers: Vec<_> = ports.iter().map(netns_test::ReservedPort::port).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (40000..=40009).collect::<Vec<_>>(), "each once, whatever the protocol");
    for protocol in [Transport::Tcp, Transport::Udp] {
        let error = a.reserve_port(protocol).unwrap_err();
        assert!(
            matches!(&error, PortError::Exhausted { range, reserved: 10, .. } if *range == (40000..=40009)),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!("host `a` has no {protocol} port left: of 40000–40009, 10 are reserved and others in use")
        );
    }
    a.run(|| {
        assert!(TcpListener::bind("127.0.0.1:0").is_err());
        assert!(UdpSocket::bind("[::1]:0").is_err());
        let listener = TcpListener::bind(("127.0.0.1", 40000)).expect("asked for by its number");
        assert!(TcpStream::connect(listener.local_addr().unwrap()).is_err(), "there is no port to connect from");
    });
    // With more ports there are more for all of them.
    a.set_local_port_range(40000..=40011)?;
    let more = 40010..=40011;
    let udp = a.run(|| UdpSocket::bind("127.0.0.1:0"))?;
    assert!(more.contains(&udp.local_addr()?.port()));
    assert!(more.contains(&a.reserve_port(Transport::Tcp)?.port()));
    Ok(())
}

#[netns_test]
fn a_port_in_use_is_not_reserved(a: Host) -> TestResult {
    a.set_local_port_range(40000..=40003)?;
    let _v4 = a.run(|| TcpListener::bind("127.0.0.1:40000"))?;
    let _v6 = a.run(|| TcpListener::bind("[::1]:40001"))?;
    let _any = a.run(|| TcpListener::bind("0.0.0.0:40002"))?;
    assert_eq!(a.reserve_port(Transport::Tcp)?.port(), 40003);
    assert!(matches!(a.reserve_port(Transport::Tcp), Err(PortError::Exhausted { reserved: 1, .. })));
    Ok(())
}

#[netns_test(veth = true)]
fn the_range_of_local_ports_is_as_it_was_set(a: Host, b: Host) -> TestResult {
    let before = b.local_port_range()?;
    a.set_local_port_range(32768..=33000)?;
    assert_eq!((a.local_port_range()?, b.local_port_range()?), (32768..=33000, before));
    // One port is a range.
    a.set_local_port_range(40000..=40000)?;
    assert_eq!(a.run(|| UdpSocket::bind("127.0.0.1:0"))?.local_addr()?.port(), 40000);
    assert_eq!(a.run(|| TcpListener::bind("127.0.0.1:0"))?.local_addr()?.port(), 40000);
    let listener = b.tcp_listener()?;
    assert_eq!(a.tcp_connect(listener.local_addr()?)?.local_addr()?.port(), 40000);
    a.set_local_port_range(1024..=65535)?;
    for (range, why) in [
        #[allow(clippy::reversed_empty_ranges)]
        (40001..=40000, "it is empty"),
        (1023..=40000, "ports below 1024 are never given away (`ip_unprivileged_port_start`)"),
    ] {
        let error = a.set_local_port_range(range.clone()).unwrap_err();
        let said = format!("{}–{} is no range of local ports for host `a`: {why}", range.start(), range.end());
        assert_eq!(error.to_string(), said);
    }
    assert_eq!(a.local_port_range()?, 1024..=65535, "what is refused changes nothing");
    a.run(|| std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"))?;
    assert!(matches!(a.set_local_port_range(0..=9), Err(PortError::Range { .. })), "there is no port 0");
    a.set_local_port_range(1..=9)?;
    Ok(())
}

#[netns_test]
fn sctp_has_ports_where_the_kernel_has_sctp(a: Host) -> TestResult {
    let known = a.run(|| std::fs::read_to_string("/proc/net/protocols"))?.contains("SCTP");
    match a.reserve_port(Transport::Sctp) {
        Ok(port) => assert_eq!(a.reserved_ports()?, [port.port()..=port.port()]),
        Err(error) => {
            assert!(!known && matches!(error, PortError::Unsupported { .. }), "{error:?}");
            assert_eq!(
                error.to_string(),
                "this kernel has no SCTP: `sudo modprobe sctp`, or choose a kernel with CONFIG_IP_SCTP"
            );
        }
    }
    Ok(())
}

/// The kernel chooses at random among 28,232: of 10,000 that are not remembered, some 1,500 would come twice. The list is longer than what one
/// write takes.
#[netns_test(timeout = "2m")]
fn ten_thousand_ports_are_all_different(a: Host) -> TestResult {
    const THREADS: usize = 16;
    const EACH: usize = 625;
    /// What is reserved, and when it was.
    static RESERVED: Mutex<BTreeMap<u16, usize>> = Mutex::new(BTreeMap::new());
    static CLOCK: AtomicUsize = AtomicUsize::new(0);
    static DONE: AtomicBool = AtomicBool::new(false);
    let now = || CLOCK.fetch_add(1, Ordering::SeqCst);
    let listener = a.run(|| TcpListener::bind("127.0.0.1:1000"))?;
    let at = listener.local_addr()?;
    let connected = std::thread::scope(|scope| {
        // The other ends stay open, so that a port is not free again.
        let accepting = scope.spawn(|| -> Vec<TcpStream> {
            let accepted = listener.incoming().map(Result::unwrap);
            accepted.take_while(|_| !DONE.load(Ordering::SeqCst)).collect()
        });
        let connecting = scope.spawn(|| {
            a.run(|| {
                let mut connected = Vec::new();
                while !DONE.load(Ordering::SeqCst) && connected.len() < 400 {
                    let asked = now();
                    let stream = TcpStream::connect(at).unwrap();
                    connected.push((asked, now(), stream.local_addr().unwrap().port(), stream));
                    std::thread::yield_now();
                }
                connected
            })
        });
        // These take and leave ports all the time.
        for _ in 0..2 {
            scope.spawn(|| {
                a.run(|| {
                    while !DONE.load(Ordering::SeqCst) {
                        let asked = now();
                        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
                        let reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner).get(&port).copied();
                        assert!(
                            reserved.is_none_or(|reserved| reserved > asked),
                            "{port} was reserved, and then given away"
                        );
                    }
                });
            });
        }
        let reserving = (0..THREADS).map(|nth| {
            let (a, now) = (&a, &now);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let protocol = if nth % 2 == 0 { Transport::Tcp } else { Transport::Udp };
                    let port = a.reserve_port(protocol).unwrap().port();
                    assert_eq!(RESERVED.lock().unwrap().insert(port, now()), None, "{port} was reserved twice");
                    if protocol == Transport::Udp {
                        let bound = a.run(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)));
                        bound.unwrap_or_else(|error| panic!("{port} is reserved and not to be had: {error}"));
                    }
                }
            })
        });
        let reserving: Vec<_> = reserving.collect();
        let failed = reserving.into_iter().map(ScopedJoinHandle::join).filter(Result::is_err).count();
        DONE.store(true, Ordering::SeqCst);
        let connected = connecting.join().unwrap();
        a.tcp_connect(at).unwrap();
        drop(accepting.join().unwrap());
        assert_eq!(failed, 0);
        connected
    });
    let reserved = RESERVED.lock().unwrap();
    assert_eq!(reserved.len(), THREADS * EACH);
    let listed: Vec<u16> = a.reserved_ports()?.into_iter().flatten().collect();
    assert_eq!(listed, reserved.keys().copied().collect::<Vec<_>>());
    assert!(connected.len() > 10, "{}", connected.len());
    for (asked, _, port, _) in &connected {
        let before = reserved.get(port).is_some_and(|reserved| reserved < asked);
        assert!(!before, "{port} was reserved, and then given away");
    }
    Ok(())
}
