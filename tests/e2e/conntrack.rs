//! What the kernel of a host knows of sockets and connections.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use netns_test::prelude::*;
use netns_test::{ConntrackEntry, ConntrackState, Protocol, QueryError, SocketInfo, SocketState, Transport};
use nix::sys::stat::fstat;
use socket2::{Domain, Socket, Type};

/// Two sides of a router that tracks connections.
#[derive(Topology)]
struct Site {
    #[segment("10.0.1.0/24", "fd00:1::/64")]
    left: Segment,
    #[segment("10.0.2.0/24", "fd00:2::/64")]
    right: Segment,
    #[router(left, right)]
    router: Host,
    #[host(left)]
    client: Host,
    #[host(right)]
    server: Host,
}

impl Site {
    /// Lets through what belongs to a connection, and begins to track.
    fn track(&self) -> TestResult {
        Ok(self.router.nft(
            "table inet filter {
                chain forward {
                    type filter hook forward priority filter; policy accept;
                    ct state invalid drop
                    ct state established,related accept
                    tcp dport 7 ct mark set 0xcafe
                }
            }",
        )?)
    }

    fn tracked(&self) -> Vec<ConntrackEntry> {
        self.router.conntrack().list().unwrap()
    }
}

/// A connection over which a byte has gone each way.
fn converse(client: &Host, server: &Host, at: SocketAddr) -> TestResult<(TcpStream, TcpStream)> {
    let listener = server.run(|| TcpListener::bind(at))?;
    let mut here = client.tcp_connect(at)?;
    let (mut there, _) = listener.accept()?;
    here.write_all(b"?")?;
    there.read_exact(&mut [0])?;
    there.write_all(b"!")?;
    here.read_exact(&mut [0])?;
    Ok((here, there))
}

#[netns_test]
fn a_connection_is_tracked_until_it_is_flushed(net: Site) -> TestResult {
    assert_eq!(net.tracked(), [], "nothing is tracked without a rule");
    net.track()?;
    // Or an acknowledgement that is under way would have the connection tracked anew.
    net.router.run(|| std::fs::write("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", "0"))?;
    for server in [IpAddr::from(net.server.addr_v4()), net.server.addr_v6().into()] {
        let at = SocketAddr::new(server, 7);
        let (here, _there) = converse(&net.client, &net.server, at)?;
        let from = here.local_addr()?;
        let found = net.router.conntrack().tcp().address(server).list()?;
        let [entry] = &found[..] else { panic!("{found:#?}") };
        assert_eq!((entry.protocol, entry.state), (Protocol::Tcp, Some(ConntrackState::Established)));
        assert!(entry.is_assured() && entry.has_seen_reply(), "{entry}");
        assert_eq!(entry.mark, 0xcafe);
        assert!(entry.timeout.unwrap() > Duration::from_secs(60), "{:?}", entry.timeout);
        let original = (entry.original.source, entry.original.source_port);
        assert_eq!(original, (from.ip(), Some(from.port())));
        assert_eq!((entry.original.destination, entry.original.destination_port), (server, Some(7)));
        assert_eq!((entry.reply.source, entry.reply.source_port), (server, Some(7)));
        assert_eq!((entry.reply.destination, entry.reply.destination_port), (from.ip(), Some(from.port())));
        assert_eq!(entry.to_string(), format!("tcp {from} > {at} / {at} > {from} Established seen-reply assured"));
        // What is not meant stays.
        for other in [
            net.router.conntrack().udp(),
            net.router.conntrack().port(9),
            net.router.conntrack().address(net.router.addr()),
        ] {
            assert_eq!(other.clone().list()?, []);
            assert_eq!(other.flush()?, 0);
        }
        assert_eq!(net.router.conntrack().address(server).list()?.len(), 1);
        // Of the hosts themselves none tracks anything.
        assert_eq!(net.client.conntrack().list()?, []);
        assert_eq!(net.router.conntrack().port(7).address(server).flush()?, 1);
        assert_eq!(net.router.conntrack().address(server).list()?, []);
    }
    assert_eq!(net.tracked(), []);
    Ok(())
}

/// A connection that only asks is not assured, one that is answered is.
#[netns_test]
async fn what_was_seen_of_a_conversation_is_told(net: Site) -> TestResult {
    net.track()?;
    let (client, server) = (net.client.udp_socket()?, net.server.udp_socket()?);
    client.send_to(b"?", server.local_addr()?)?;
    let entry = || net.router.conntrack().udp().list().unwrap().pop().ok_or("nothing is tracked");
    let asked = eventually("the question is tracked", entry).await;
    assert!(!asked.has_seen_reply() && !asked.is_assured() && asked.state.is_none(), "{asked}");
    server.send_to(b"!", client.local_addr()?)?;
    let replied = || net.router.conntrack().udp().list().unwrap().into_iter().find(ConntrackEntry::has_seen_reply);
    eventually("the answer is tracked", replied).await;
    net.client.assert_ping(&net.server).ipv4().await;
    let pings = net.router.conntrack().protocol(Protocol::Other(1)).list()?;
    let [ping] = &pings[..] else { panic!("{pings:?}") };
    assert_eq!((ping.original.source, ping.original.source_port), (net.client.addr(), None));
    Ok(())
}

/// Whether or not the kernel has SCTP: what it tracks are packets.
#[netns_test]
async fn an_sctp_association_is_tracked_by_its_ports(net: Site) -> TestResult {
    net.track()?;
    // An INIT chunk (RFC 9260 section 3.3.2) without a checksum, which the router is told to overlook.
    net.router.run(|| std::fs::write("/proc/sys/net/netfilter/nf_conntrack_checksum", "0"))?;
    let header = [&4000u16.to_be_bytes()[..], &5000u16.to_be_bytes(), &[0; 8]].concat();
    let init = [1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];
    let raw = net.client.run(|| Socket::new(Domain::IPV4, Type::RAW, Some(socket2::Protocol::SCTP)))?;
    raw.send_to(&[&header[..], &init].concat(), &SocketAddr::new(net.server.addr(), 0).into())?;
    let entry = || net.router.conntrack().sctp().list().unwrap().pop().ok_or("nothing is tracked");
    let tracked = eventually("the association is tracked", entry).await;
    assert_eq!((tracked.protocol, tracked.state), (Protocol::Sctp, None));
    assert_eq!((tracked.original.source_port, tracked.original.destination_port), (Some(4000), Some(5000)));
    let text = tracked.to_string();
    assert!(text.starts_with(&format!("sctp {}:4000 > {}:5000 / ", net.client.addr(), net.server.addr())), "{text}");
    // By whatever names it.
    for other in [net.router.conntrack().tcp(), net.router.conntrack().protocol(Udp)] {
        assert_eq!(other.list()?, []);
    }
    for same in [Protocol::from(132), Sctp.into(), Transport::Sctp.into()] {
        assert_eq!(net.router.conntrack().protocol(same).list()?.len(), 1);
    }
    assert_eq!(net.router.conntrack().sctp().port(5000).flush()?, 1);
    Ok(())
}

/// What is translated is told as it comes in and as the answer is expected.
#[netns_test(veth = true, ipv6 = false)]
fn a_translated_connection_has_two_tuples(a: Host, b: Host) -> TestResult {
    b.nft(
        "table ip nat {
            chain in {
                type nat hook prerouting priority dstnat; policy accept;
                tcp dport 80 redirect to :8080
            }
        }",
    )?;
    let listener = b.run(|| TcpListener::bind("0.0.0.0:8080"))?;
    let _stream = a.tcp_connect(SocketAddr::new(b.addr(), 80))?;
    listener.accept()?;
    let found = b.conntrack().port(80).list()?;
    let [entry] = &found[..] else { panic!("{found:#?}") };
    assert_eq!((entry.original.destination_port, entry.reply.source_port), (Some(80), Some(8080)));
    assert_eq!(b.conntrack().port(8080).flush()?, 1);
    Ok(())
}

fn only(mut sockets: Vec<SocketInfo>) -> SocketInfo {
    assert_eq!(sockets.len(), 1, "{sockets:#?}");
    sockets.remove(0)
}

#[netns_test(veth = true)]
fn a_listener_is_listed_with_its_inode_and_owner(a: Host, b: Host) -> TestResult {
    assert_eq!(a.sockets().list()?, []);
    let listener = a.tcp_listener()?;
    let at = listener.local_addr()?;
    let socket = only(a.sockets().list()?);
    assert_eq!((socket.protocol, socket.local, socket.remote), (Protocol::Tcp, at, None));
    assert_eq!(socket.state, SocketState::Listen);
    assert_eq!(u64::from(socket.inode), fstat(listener.as_fd())?.st_ino);
    assert_eq!(socket.uid, nix::unistd::geteuid().as_raw());
    assert_eq!(b.sockets().list()?, []);
    for other in [a.sockets().udp(), a.sockets().port(at.port() ^ 1), a.sockets().state(SocketState::Established)] {
        assert_eq!(other.list()?, []);
    }
    assert_eq!(only(a.sockets().tcp().listening().port(at.port()).list()?), socket);
    drop(listener);
    assert_eq!(a.sockets().list()?, []);
    Ok(())
}

#[netns_test(veth = true)]
fn a_connection_is_listed_at_both_ends(a: Host, b: Host) -> TestResult {
    // An IPv6 socket that an IPv4 address is connected to.
    let listener = b.run(|| TcpListener::bind("[::]:7"))?;
    for to in [IpAddr::from(b.addr_v4()), b.addr_v6().into()] {
        let stream = a.tcp_connect(SocketAddr::new(to, 7))?;
        let _accepted = listener.accept()?;
        let (from, to) = (stream.local_addr()?, stream.peer_addr()?);
        let here = only(a.sockets().state(SocketState::Established).port(from.port()).list()?);
        assert_eq!((here.local, here.remote), (from, Some(to)));
        let there = b.sockets().tcp().state(SocketState::Established).port(7).list()?;
        let there = there.into_iter().find(|socket| socket.remote == Some(from)).expect("the other end");
        assert_eq!(there.local, to);
    }
    Ok(())
}

#[netns_test(veth = true)]
fn udp_has_sockets_too(a: Host, b: Host) -> TestResult {
    let socket = a.udp_socket()?;
    let found = only(a.sockets().list()?);
    assert_eq!((found.protocol, found.state, found.remote), (Protocol::Udp, SocketState::Closed, None));
    assert_eq!(found.local, socket.local_addr()?);
    let to = SocketAddr::new(b.addr(), 7);
    socket.connect(to)?;
    let found = only(a.sockets().udp().list()?);
    assert_eq!((found.state, found.remote), (SocketState::Established, Some(to)));
    let _other = a.run(|| UdpSocket::bind("[::1]:9"))?;
    assert_eq!(only(a.sockets().port(9).list()?).local, "[::1]:9".parse()?);
    Ok(())
}

/// The kernel may not have it, or not tell of it: who asks for all sockets is told of the others.
#[netns_test]
fn sctp_has_sockets_where_the_kernel_tells_of_them(a: Host) -> TestResult {
    let bound = a.run(|| Socket::new(Domain::IPV6, Type::STREAM, Some(socket2::Protocol::SCTP)));
    let listener = a.run(|| TcpListener::bind("[::1]:0"))?;
    let of_tcp = |sockets: Vec<SocketInfo>| sockets.into_iter().filter(|socket| socket.protocol == Protocol::Tcp);
    assert_eq!(only(of_tcp(a.sockets().list()?).collect()).local, listener.local_addr()?);
    match a.sockets().sctp().list() {
        Ok(sockets) => {
            let sctp = bound?;
            assert_eq!(sockets, [], "it is neither bound nor connected");
            sctp.bind(&"[::1]:4000".parse::<SocketAddr>()?.into())?;
            sctp.listen(1)?;
            let found = only(a.sockets().sctp().listening().list()?);
            assert_eq!((found.protocol, found.local), (Protocol::Sctp, "[::1]:4000".parse()?));
            assert_eq!(u64::from(found.inode), fstat(sctp.as_fd())?.st_ino);
            assert!(a.sockets().list()?.contains(&found));
        }
        Err(error) => {
            assert!(matches!(error, QueryError::Unsupported { .. }), "{error:?}");
            assert_eq!(
                error.to_string(),
                "this kernel does not tell of its SCTP sockets: `sudo modprobe -a sctp sctp_diag`, or choose a kernel with \
                 CONFIG_IP_SCTP and CONFIG_INET_DIAG"
            );
        }
    }
    Ok(())
}
