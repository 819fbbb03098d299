//! Captures as a value: what crossed a wire, asserted on. Whole, all of it, or an error.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use netns_test::prelude::*;
use netns_test::{Capture, CaptureError, Frame, Frames, LinkError, StreamError};
use netns_test_tests::routed::Routed;
use netns_test_tests::three::Three;

/// What a claim says that does not hold.
fn red(claim: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(claim)).expect_err("the claim holds");
    *payload.downcast::<String>().expect("an assertion's message")
}

fn send(socket: &UdpSocket, payload: &[u8], to: impl Into<SocketAddr>) {
    assert_eq!(socket.send_to(payload, to.into()).unwrap(), payload.len());
}

/// How many carry this in UDP.
fn carrying(frames: &Frames, payload: &[u8]) -> usize {
    frames.filter(|frame| frame.udp().is_some_and(|datagram| datagram.payload == payload)).len()
}

/// Waits until this has come to a host, so often: whoever sends it goes on before it is there.
async fn arrives(capture: &Capture, at: &Host, payload: &[u8], times: usize) {
    let arrived = || carrying(&capture.arrivals().unwrap().at(at), payload) == times;
    eventually(format!("{payload:?} has arrived at {} {times} times", at.name()), arrived).await;
}

#[netns_test(veth = true)]
async fn no_cleartext_dns_leaves_the_host(client: Host, server: Host, lan: Segment) -> TestResult {
    let (of_host, of_segment) = (client.capture().await?, lan.capture().await?);
    // What waits for a neighbour to answer is not sent yet.
    client.assert_ping(&server).await;
    let socket = client.udp_socket()?;
    send(&socket, b"\x03\x55", (server.addr(), 853));
    for capture in [&of_host, &of_segment] {
        capture.frames()?.udp().port(853).assert_count(1);
        capture.frames()?.udp().port(53).assert_none();
    }
    send(&socket, b"\x12\x34 example.org", (server.addr(), 53));
    let said = red(|| of_segment.frames().unwrap().udp().port(53).assert_none());
    let from = socket.local_addr()?.port();
    let expected = "assertion failed: no frames of segment `lan`: UDP, at port 53\n  found 1 among ";
    assert!(said.starts_with(expected), "{said}");
    let line = format!("from client:eth0  198.51.100.1:{from} → 198.51.100.2:53  UDP, 14 bytes, DSCP 0");
    assert!(said.lines().nth(2).unwrap().ends_with(&line), "{said}");
    red(|| of_host.frames().unwrap().udp().port(53).assert_none());
    Ok(())
}

#[netns_test(veth = true)]
async fn fragments_are_at_the_port_of_the_whole(client: Host, server: Host, lan: Segment) -> TestResult {
    let capture = lan.capture().await?;
    for (socket, to) in [
        (client.run(|| UdpSocket::bind("0.0.0.0:0"))?, SocketAddr::from((server.addr_v4(), 53))),
        (client.run(|| UdpSocket::bind("[::]:0"))?, SocketAddr::from((server.addr_v6(), 53))),
    ] {
        client.assert_ping(to.ip()).await;
        send(&socket, &[7; 4000], to);
    }
    let frames = capture.frames()?.udp().port(53);
    assert_eq!((frames.len(), frames.destination(server.addr_v6()).len()), (6, 3), "{frames}");
    assert_eq!(capture.frames()?.filter(|frame| frame.udp().is_some()).len(), 0, "none of them is a whole one");
    Ok(())
}

/// Nobody can tell at which port it was, so it is not claimed that it was at none.
#[netns_test(namespaces = 0)]
async fn a_fragment_that_has_lost_its_first_may_be_at_any_port() -> TestResult {
    let lab =
        Lab::builder().segment("lan", ["192.0.2.0/24"]).host("client", ["lan"]).host("server", ["lan"]).build()?;
    let (client, server, lan) = (lab.host("client"), lab.host("server"), lab.segment("lan"));
    client.assert_ping(server).await;
    let is_first = |frame: &WireFrame| frame.from() == Some("client") && frame.bytes().len() > 1000;
    let _first_is_lost = lan.intercept(nth(1, is_first, Verdict::Drop)).await?;
    let capture = server.capture().await?;
    let socket = client.run(|| UdpSocket::bind("0.0.0.0:0"))?;
    send(&socket, &[7; 4000], (server.addr_v4(), 53));
    let rest = || capture.frames().unwrap().udp().len();
    eventually("two of the three fragments have crossed", || rest() == 2).await;
    let said = red(|| capture.frames().unwrap().udp().port(53).assert_none());
    assert!(said.contains("at unknown ports: the first fragment is missing"), "{said}");
    capture.frames()?.tcp().port(53).assert_none();
    Ok(())
}

/// As programs do that speak QUIC.
#[netns_test(veth = true)]
async fn datagrams_that_were_sent_at_once_are_a_frame_each(client: Host, server: Host, lan: Segment) -> TestResult {
    let (capture, at_server) = (lan.capture().await?, server.capture().await?);
    for (from, to) in [
        (client.run(|| UdpSocket::bind("0.0.0.0:0"))?, server.run(|| UdpSocket::bind("0.0.0.0:443"))?),
        (client.run(|| UdpSocket::bind("[::]:0"))?, server.run(|| UdpSocket::bind("[::]:444"))?),
    ] {
        let port = to.local_addr()?.port();
        let address = if port == 443 { server.addr_v4().into() } else { std::net::IpAddr::from(server.addr_v6()) };
        client.assert_ping(address).await;
        nix::sys::socket::setsockopt(&from, nix::sys::socket::sockopt::UdpGsoSegment, &6)?;
        send(&from, b"publicsecretend", (address, port));
        let parts: [&[u8]; 3] = [b"public", b"secret", b"end"];
        for part in parts {
            let mut read = [0; 20];
            let length = to.recv(&mut read)?;
            assert_eq!(&read[..length], part);
        }
        for frames in [capture.frames()?, capture.arrivals()?, at_server.frames()?] {
            let frames = frames.udp().port(port);
            let payloads: Vec<_> = frames.iter().map(|frame| frame.udp().unwrap().payload).collect();
            assert_eq!(payloads, parts, "{frames}");
        }
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn a_connection_has_one_syn(client: Host, server: Host, lan: Segment) -> TestResult {
    let capture = lan.capture().await?;
    let flow = client.open_tcp(&server).await?;
    let frames = capture.frames()?;
    frames.filter(|frame| frame.is_syn()).assert_count(1);
    frames.filter(|frame| frame.is_syn_ack()).at(&server).assert_count(1);
    frames.filter(|frame| frame.is_syn()).at(&server).assert_none();
    // What arrives is another question.
    capture.arrivals()?.filter(|frame| frame.is_syn()).at(&server).assert_count(1);
    capture.arrivals()?.filter(|frame| frame.is_syn()).at(&client).assert_none();
    let said = red(|| frames.filter(|frame| frame.is_syn()).assert_count(2));
    assert!(said.contains("exactly 2 frames of segment `lan`: as the filter at tests/e2e/capture.rs:"), "{said}");
    assert!(said.contains("TCP SYN, sequence "), "{said}");
    drop(flow);
    // Seen from a host, a frame goes one way or the other.
    let capture = server.capture().await?;
    let _flow = client.open_tcp(&server).await?;
    let frames = capture.frames()?.filter(|frame| frame.is_syn() || frame.is_syn_ack());
    assert_eq!(frames.iter().map(Frame::is_sent).collect::<Vec<_>>(), [false, true], "{frames}");
    assert!(frames.iter().all(|frame| (frame.host(), frame.interface()) == ("server", "eth0")));
    assert_eq!(capture.arrivals()?.filter(|frame| frame.is_syn()).len(), 1);
    Ok(())
}

#[netns_test]
async fn the_dscp_is_kept_through_a_router(net: Routed) -> TestResult {
    let Routed { near, far, client, router, server } = &net;
    let (before, behind) = (near.capture().await?, far.capture().await?);
    let socket = client.udp_socket()?;
    // Expedited forwarding, in the upper six bits (RFC 3246, RFC 2474).
    socket2::SockRef::from(&socket).set_tos_v4(46 << 2)?;
    let marked = |capture: &Capture, payload: &[u8]| -> TestResult<Vec<Option<u8>>> {
        let frames = capture.frames()?.udp().filter(|frame| frame.udp().is_some_and(|of| of.payload == payload));
        Ok(frames.iter().map(|frame| frame.dscp()).collect())
    };
    client.assert_ping(server).await;
    send(&socket, b"kept", (server.addr_v4(), 9));
    arrives(&behind, server, b"kept", 1).await;
    assert_eq!((marked(&before, b"kept")?, marked(&behind, b"kept")?), (vec![Some(46)], vec![Some(46)]));
    let sent = before.frames()?.udp().port(9);
    let forwarded = behind.frames()?.udp().port(9);
    let ttl = |frames: &Frames| frames.iter().next().unwrap().ttl().unwrap();
    assert_eq!((ttl(&sent), sent.iter().next().unwrap().host()), (64, "client"));
    assert_eq!((ttl(&forwarded), forwarded.iter().next().unwrap().host()), (63, "router"));
    router.nft(
        "table ip t { chain c { type filter hook forward priority 0; udp dport 9 ip dscp set cs0
 }
 }",
    )?;
    send(&socket, b"lost", (server.addr_v4(), 9));
    arrives(&behind, server, b"lost", 1).await;
    assert_eq!((marked(&before, b"lost")?, marked(&behind, b"lost")?), (vec![Some(46)], vec![Some(0)]));
    let is_unmarked = |frame: &Frame| frame.dscp() != Some(46);
    let said = red(|| behind.frames().unwrap().udp().port(9).filter(is_unmarked).assert_none());
    assert!(said.contains("from router:eth1"), "{said}");
    Ok(())
}

/// What both ends have sent of 100 kB each, as they have sent it.
fn exchange(client: &Host, server: &Host) -> TestResult<[Vec<u8>; 2]> {
    let bytes = |seed: u32| (0..100_000u32).map(|nth| (nth.wrapping_mul(seed) >> 7).to_le_bytes()[0]).collect();
    let both: [Vec<u8>; 2] = [bytes(2_654_435_761), bytes(40_503)];
    let listener = server.tcp_listener()?;
    let mut stream = client.tcp_connect(listener.local_addr()?)?;
    let (mut accepted, _) = listener.accept()?;
    let mut read = vec![0; 100_000];
    std::thread::scope(|scope| {
        scope.spawn(|| stream.write_all(&both[0]).unwrap());
        accepted.read_exact(&mut read).unwrap();
    });
    assert_eq!(read, both[0]);
    std::thread::scope(|scope| {
        scope.spawn(|| accepted.write_all(&both[1]).unwrap());
        stream.read_exact(&mut read).unwrap();
    });
    assert_eq!(read, both[1]);
    Ok(both)
}

#[netns_test]
async fn what_both_ends_said_is_put_together(net: Routed) -> TestResult {
    let Routed { near, far, client, router, server } = &net;
    let captures = [near.capture().await?, far.capture().await?, router.capture().await?, client.capture().await?];
    let both = exchange(client, server)?;
    for capture in &captures {
        let streams = capture.frames()?.streams();
        let [stream] = &streams[..] else { panic!("{}: {}", streams.len(), capture.frames()?) };
        assert!(stream.is_opened());
        assert_eq!((stream.client().from().ip(), stream.server().from().ip()), (client.addr(), server.addr()));
        assert!(stream.client().bytes()? == both[0] && stream.server().bytes()? == both[1], "{capture:?}");
    }
    // Without some of the frames there are gaps, and no bytes that could be taken for all.
    let seen = Cell::new(0);
    let some = captures[0].frames()?.filter(|frame| {
        let has_data = frame.host() == "client" && frame.tcp().is_some_and(|segment| !segment.payload.is_empty());
        seen.set(seen.get() + i32::from(has_data));
        !(has_data && seen.get() == 2)
    });
    let stream = some.streams().one();
    let Err(StreamError::Gap(gap)) = stream.client().bytes() else { panic!("nothing is missing") };
    assert_eq!(stream.client().gaps().count(), 1, "{gap}");
    let (begin, end) = (usize::try_from(gap.begin)?, usize::try_from(gap.end)?);
    let pieces: Vec<_> = stream.client().pieces().collect();
    assert_eq!(pieces, [(0, &both[0][..begin]), (gap.end, &both[0][end..])]);
    Ok(())
}

#[netns_test(veth = true)]
fn half_of_a_conversation_is_not_taken_for_all(client: Host, server: Host, lan: Segment) -> TestResult {
    let whole = lan.capture().wait()?;
    let listener = server.tcp_listener()?;
    let mut stream = client.tcp_connect(listener.local_addr()?)?;
    let (mut accepted, _) = listener.accept()?;
    stream.write_all(b"lost to the second")?;
    accepted.read_exact(&mut [0; 18])?;
    let late = lan.capture().wait()?;
    stream.write_all(b"hello")?;
    accepted.read_exact(&mut [0; 5])?;
    accepted.write_all(b"yes")?;
    stream.read_exact(&mut [0; 3])?;
    let all = whole.frames()?.streams().one();
    assert_eq!((all.client().bytes()?, all.server().bytes()?), (&b"lost to the secondhello"[..], &b"yes"[..]));
    let some = late.frames()?.streams().one();
    let (from, to) = (stream.local_addr()?, stream.peer_addr()?);
    assert_eq!(some.client().bytes(), Err(StreamError::NoBeginning { from, to }));
    assert_eq!(some.client().pieces().collect::<Vec<_>>(), [(0, &b"hello"[..])]);
    // One direction: what the other has sent is only acknowledged.
    let half = whole.frames()?.source(client.addr()).streams().one();
    assert_eq!(half.client().bytes()?, b"lost to the secondhello");
    assert_eq!(half.server().bytes(), Err(StreamError::NoBeginning { from: to, to: from }));
    let half = whole.frames()?.filter(|frame| frame.from() == Some("client") || frame.is_syn_ack()).streams().one();
    let Err(StreamError::Gap(gap)) = half.server().bytes() else { panic!("nothing is missing") };
    assert_eq!((gap.from, gap.begin, gap.end), (to, 0, 3));
    Ok(())
}

/// Nothing that was acknowledged is missing, also when it is asked in the midst of it.
#[netns_test(veth = true, timeout = "60s")]
fn what_is_asked_for_at_any_moment_has_no_gaps(client: Host, server: Host, lan: Segment) -> TestResult {
    let capture = lan.capture().wait()?;
    let listener = server.tcp_listener()?;
    let mut stream = client.tcp_connect(listener.local_addr()?)?;
    stream.set_nodelay(true)?;
    let (mut accepted, _) = listener.accept()?;
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::copy(&mut accepted.try_clone().unwrap(), &mut accepted).unwrap());
        // So little that the sockets of an ordinary user have room for all of it.
        let talk = scope.spawn(move || {
            for _ in 0..1000 {
                stream.write_all(&[1; 100]).unwrap();
                stream.read_exact(&mut [0; 100]).unwrap();
            }
        });
        while !talk.is_finished() {
            let said = capture.frames()?.streams().one();
            let (forth, back) = (said.client().bytes()?.len(), said.server().bytes()?.len());
            assert!(back <= forth, "{back} bytes answer {forth}");
        }
        Ok(())
    })
}

#[netns_test]
async fn what_is_lost_on_the_wire_was_sent_and_did_not_arrive(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let capture = lan.capture().await?;
    let is_second = |frame: &WireFrame| frame.udp().is_some_and(|datagram| datagram.payload == b"second");
    let lost = lan.intercept(nth(1, is_second, Verdict::Drop)).await?;
    let socket = a.udp_socket()?;
    let all: [&[u8]; 3] = [b"first", b"second", b"third"];
    for payload in all {
        send(&socket, payload, (b.addr_v4(), 9));
    }
    arrives(&capture, b, b"first", 1).await;
    arrives(&capture, b, b"third", 1).await;
    eventually("the second is lost", || lost.report().unwrap().dropped == 1).await;
    let (sent, arrived) = (capture.frames()?.udp().port(9), capture.arrivals()?.udp().port(9).at(b));
    assert_eq!(all.map(|payload| carrying(&sent, payload)), [1, 1, 1], "{sent}");
    assert_eq!(all.map(|payload| carrying(&arrived, payload)), [1, 0, 1], "{arrived}");
    Ok(())
}

#[netns_test]
async fn a_copy_that_the_segment_makes_is_only_among_what_arrives(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    a.assert_ping(b).await;
    let capture = lan.capture().await?;
    let is_ours = |frame: &WireFrame| frame.udp().is_some_and(|datagram| datagram.destination_port == 9);
    let _doubled = lan.intercept(nth(1, is_ours, Verdict::Duplicate)).await?;
    send(&a.udp_socket()?, b"once", (b.addr_v4(), 9));
    arrives(&capture, b, b"once", 2).await;
    assert_eq!(carrying(&capture.frames()?, b"once"), 1);
    Ok(())
}

#[netns_test(veth = true)]
async fn all_captures_have_one_zero_of_time(a: Host, b: Host, lan: Segment) -> TestResult {
    let first = lan.capture().await?;
    a.assert_ping(&b).await;
    let socket = a.udp_socket()?;
    send(&socket, b"one", (b.addr_v4(), 9));
    let second = a.capture().await?;
    send(&socket, b"two", (b.addr_v4(), 9));
    let time = |capture: &Capture, payload: &[u8]| -> TestResult<Duration> {
        let frames = capture.frames()?.udp().filter(|frame| frame.udp().is_some_and(|of| of.payload == payload));
        Ok(frames.iter().next().ok_or("it is not there")?.time())
    };
    assert!(time(&first, b"one")? < time(&second, b"two")?, "{}{}", first.frames()?, second.frames()?);
    Ok(())
}

/// A frame with the tag of a VLAN, from nobody to everybody.
fn tagged(vlan: u16) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [0xff; 6]);
    let builder = builder.single_vlan(vlan.try_into().unwrap()).ipv4([10, 0, 0, 9], [10, 0, 0, 255], 1).udp(9, 9);
    let mut frame = Vec::new();
    builder.write(&mut frame, b"tagged").unwrap();
    frame
}

#[netns_test]
async fn the_tag_of_a_vlan_is_seen(net: Three) -> TestResult {
    let Three { lan, a, b, c, router, .. } = &net;
    let capture = lan.capture().await?;
    lan.inject(tagged(10)).await?;
    for host in [a, b, c, router] {
        arrives(&capture, host, b"tagged", 1).await;
    }
    let arrived = capture.arrivals()?.filter(|frame| frame.vlan().is_some());
    assert_eq!(arrived.iter().map(|frame| frame.vlans()).collect::<Vec<_>>(), vec![vec![10]; 4], "{arrived}");
    assert_eq!(arrived.iter().next().unwrap().bytes(), tagged(10));
    // No host has sent it.
    capture.frames()?.filter(|frame| frame.vlan().is_some()).assert_none();
    Ok(())
}

/// As hidden as behind a fourth tag: it is among those of no protocol, and a claim about those can be had with one about it.
#[netns_test]
async fn what_cannot_be_read_is_not_claimed_to_be_nothing(net: Three) -> TestResult {
    let Three { lan, a, .. } = &net;
    let capture = lan.capture().await?;
    capture.arrivals()?.unread().assert_none();
    let mut hidden = tagged(10);
    hidden.splice(12..12, [0x81, 0, 0, 1].repeat(3));
    lan.inject(hidden.clone()).await?;
    eventually("it has arrived", || capture.arrivals().unwrap().at(a).unread().len() == 1).await;
    let arrived = capture.arrivals()?.at(a);
    assert_eq!(arrived.unread().iter().next().unwrap().bytes(), hidden);
    arrived.udp().port(9).assert_none();
    let said = red(|| arrived.udp().port(9).assert_some());
    assert!(said.lines().nth(1).unwrap().contains(" could not be read to the end, and may be anything"), "{said}");
    red(|| arrived.unread().assert_none());
    Ok(())
}

/// Everything that was sent is there at once, also where nobody had time to take it yet.
#[netns_test(veth = true, timeout = "60s")]
async fn nothing_that_was_sent_is_missing(a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    for (round, count) in
        [(0u8, 1), (1, 10), (2, 100), (3, 300), (4, 1)].into_iter().chain((5..50).map(|round| (round, 7)))
    {
        let capture = lan.capture().await?;
        let socket = a.udp_socket()?;
        for nth in 0..count {
            send(&socket, &[&[round][..], &u16::to_be_bytes(nth)].concat(), (b.addr_v4(), 9));
        }
        let frames = capture.frames()?.udp().port(9);
        let sent: Vec<_> = frames.iter().map(|frame| frame.udp().unwrap().payload.to_vec()).collect();
        let expected: Vec<_> = (0..count).map(|nth| [&[round][..], &u16::to_be_bytes(nth)].concat()).collect();
        assert_eq!(sent, expected);
        assert!(frames.iter().zip(frames.iter().skip(1)).all(|(one, next)| one.time() <= next.time()));
    }
    Ok(())
}

/// An ordinary user's capture has several sockets, which begin one after the other.
#[netns_test(veth = true, timeout = "60s")]
async fn from_the_first_frame_on_each_is_there_once(a: Host, b: Host, lan: Segment) -> TestResult {
    a.assert_ping(&b).await;
    let (from, to) = (a.udp_socket()?, b.udp_socket()?);
    let address = to.local_addr()?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // One is sent when the one before has come: all the time, and not more than a capture can take.
            for nth in (0u32..).take_while(|_| !done.load(Ordering::Relaxed)) {
                send(&from, &nth.to_be_bytes(), address);
                to.recv(&mut [0; 4]).unwrap();
            }
        });
        let looked = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..50 {
                let capture = lan.capture().wait().unwrap();
                let sent = || capture.frames().unwrap().udp().port(address.port());
                let mut frames = sent();
                while frames.len() < 10 {
                    std::thread::yield_now();
                    frames = sent();
                }
                let number = |frame: &Frame| u32::from_be_bytes(frame.udp().unwrap().payload.try_into().unwrap());
                // What is sent while the capture is asked may be in it or not, so only its beginning is sure to have no gap.
                let numbers: Vec<_> = frames.iter().map(number).take(10).collect();
                let expected: Vec<_> = (numbers[0]..).take(10).collect();
                assert_eq!(numbers, expected);
            }
        }));
        done.store(true, Ordering::Relaxed);
        looked.unwrap_or_else(|panic| resume_unwind(panic));
    });
    Ok(())
}

/// The first is thrown away where it arrives, as its checksum is wrong: what was read is the other.
#[netns_test(namespaces = 0)]
async fn what_was_changed_on_its_way_is_not_taken_for_what_was_read() -> TestResult {
    let lab = Lab::builder().segment("lan", ["192.0.2.0/24"]).host("a", ["lan"]).host("b", ["lan"]).build()?;
    let (a, b, lan) = (lab.host("a"), lab.host("b"), lab.segment("lan"));
    let mut is_changed = false;
    let changed = lan.intercept(move |frame: &WireFrame| {
        let has_secret = frame.tcp().is_some_and(|segment| segment.payload == b"secret");
        if !has_secret || std::mem::replace(&mut is_changed, true) {
            return Verdict::Pass;
        }
        let mut bytes = frame.bytes().to_vec();
        *bytes.last_mut().expect("it has a payload") ^= 1;
        Verdict::Replace(bytes)
    });
    let _changed = changed.await?;
    let capture = b.capture().await?;
    let listener = b.tcp_listener()?;
    let mut stream = a.tcp_connect(listener.local_addr()?)?;
    stream.write_all(b"secret")?;
    let mut read = [0; 6];
    listener.accept()?.0.read_exact(&mut read)?;
    assert_eq!(&read, b"secret");
    let said = capture.frames()?.streams().one().client().bytes().map(<[u8]>::to_vec);
    assert!(matches!(said, Err(StreamError::Differs { place: 5, .. })), "{said:?}");
    Ok(())
}

/// RFC 5961 section 4: who has a connection takes no SYN for another, and says what it has.
#[netns_test]
async fn a_syn_into_an_open_connection_ends_nothing(net: Three) -> TestResult {
    let Three { lan, a, b, .. } = &net;
    let capture = b.capture().await?;
    let listener = b.tcp_listener()?;
    let mut stream = a.tcp_connect(listener.local_addr()?)?;
    let mut accepted = listener.accept()?.0;
    let mut say = |word: &[u8; 3]| {
        stream.write_all(word)?;
        accepted.read_exact(&mut [0; 3])
    };
    say(b"one")?;
    let frames = capture.frames()?.tcp();
    let (opened, segment) =
        frames.iter().find_map(|frame| Some((frame, frame.tcp()?))).ok_or("nobody has opened it")?;
    let (from, to) = (opened.source_mac().unwrap(), opened.destination_mac().unwrap());
    let builder = etherparse::PacketBuilder::ethernet2(from.0, to.0)
        .ipv4(a.addr_v4().octets(), b.addr_v4().octets(), 64)
        .tcp(segment.source_port, segment.destination_port, segment.sequence.wrapping_add(1 << 20), 1024)
        .syn();
    let mut syn = Vec::new();
    builder.write(&mut syn, b"").unwrap();
    lan.inject(syn).await?;
    let syns = || capture.frames().unwrap().filter(|frame| frame.tcp().is_some_and(|of| of.syn && !of.ack)).len();
    eventually("the SYN has come", || syns() == 2).await;
    say(b"two")?;
    let streams = capture.frames()?.streams();
    let said: Vec<_> = streams.iter().map(|stream| stream.client().bytes()).collect::<Result<_, _>>()?;
    assert_eq!(said, [&b"onetwo"[..], b""]);
    Ok(())
}

/// What a capture can take is not said to be too much for it.
#[netns_test(veth = true)]
async fn a_transfer_of_a_megabyte_is_whole(a: Host, b: Host, lan: Segment) -> TestResult {
    const BYTES: usize = 1 << 20;
    let capture = lan.capture().await?;
    netns_test_tests::three::transfer(&a, &b, BYTES)?;
    assert_eq!(capture.frames()?.streams().one().client().bytes()?.len(), BYTES);
    Ok(())
}

#[netns_test]
async fn a_host_that_moves_is_followed(net: Three) -> TestResult {
    let Three { lan, spare, a, b, .. } = &net;
    a.assert_ping(b).await;
    let captures = [lan.capture().await?, spare.capture().await?];
    let socket = a.udp_socket()?;
    // A destination that needs nobody's answer, so that it is sent at once, and is heard by all.
    socket.set_broadcast(true)?;
    let everybody = (std::net::Ipv4Addr::BROADCAST, 9);
    a.command("ip").args(["route", "add", "255.255.255.255", "dev", "eth0"]).status()?;
    let seen = |payload: &[u8]| -> Result<[usize; 2], CaptureError> {
        Ok([carrying(&captures[0].frames()?, payload), carrying(&captures[1].frames()?, payload)])
    };
    send(&socket, b"before", everybody);
    assert_eq!(seen(b"before")?, [1, 0]);
    lan.move_host(a, spare).await?;
    send(&socket, b"behind", everybody);
    assert_eq!((seen(b"before")?, seen(b"behind")?), ([1, 0], [0, 1]));
    spare.move_host(a, lan).await?;
    send(&socket, b"back", everybody);
    assert_eq!((seen(b"behind")?, seen(b"back")?), ([0, 1], [1, 0]));
    arrives(&captures[0], b, b"back", 1).await;
    arrives(&captures[1], &net.router, b"behind", 1).await;
    assert!(matches!(lan.move_host(a, lan).await, Err(LinkError::AlreadyThere { .. })));
    send(&socket, b"still", everybody);
    assert_eq!(seen(b"still")?, [1, 0]);
    Ok(())
}

#[netns_test]
async fn an_interface_that_was_down_is_heard_when_it_is_up(net: Three) -> TestResult {
    let Three { lan, a, .. } = &net;
    a.command("ip").args(["link", "set", "eth0", "down"]).status()?;
    let capture = lan.capture().await?;
    for round in 0..20 {
        a.command("ip").args(["link", "set", "eth0", "up"]).status()?;
        a.announce(a.addr_v4()).await?;
        let heard = capture.frames()?.at(a).arp();
        assert!(heard.len() > round, "{}", capture.frames()?);
        a.command("ip").args(["link", "set", "eth0", "down"]).status()?;
    }
    Ok(())
}

#[netns_test(veth = true)]
async fn what_stays_within_a_host_is_heard_where_that_is_asked_for(a: Host, b: Host) -> TestResult {
    let (leaving, everywhere) = (a.capture().await?, a.capture_everywhere().await?);
    let socket = a.run(|| UdpSocket::bind("0.0.0.0:0"))?;
    send(&socket, b"to myself", ([127, 0, 0, 1], 53));
    assert!(
        a.command("ip").args(["link", "add", "later", "type", "veth", "peer", "name", "other"]).status()?.success()
    );
    assert!(a.command("ip").args(["address", "add", "192.0.2.1/24", "dev", "later"]).status()?.success());
    for end in ["later", "other"] {
        assert!(a.command("ip").args(["link", "set", end, "up"]).status()?.success());
    }
    // Until then what is sent is dropped before anybody could hear it.
    let state = || a.run(|| std::fs::read_to_string("/sys/class/net/later/operstate").unwrap());
    eventually("the interface is up", || state() == "up\n").await;
    let neighbour = ["neighbour", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:99", "dev", "later"];
    assert!(a.command("ip").args(neighbour).status()?.success());
    send(&socket, b"to nobody", ([192, 0, 2, 2], 53));
    send(&socket, b"out", (b.addr_v4(), 9));
    a.assert_ping(&b).await;
    leaving.frames()?.port(53).assert_none();
    assert_eq!(carrying(&leaving.frames()?, b"out"), 1);
    eventually("what was sent is at the other end", || everywhere.frames().unwrap().udp().port(53).len() == 4).await;
    let frames = everywhere.frames()?.udp();
    let places: Vec<_> = frames.port(53).iter().map(|frame| (frame.interface().to_owned(), frame.is_sent())).collect();
    let expected = [("lo", true), ("lo", false), ("later", true), ("other", false)];
    assert_eq!(places, expected.map(|(interface, sent)| (interface.to_owned(), sent)), "{frames}");
    assert_eq!(carrying(&frames, b"out"), 1);
    Ok(())
}

#[derive(Topology)]
struct Macvlan {
    #[segment("10.0.0.0/24")]
    lan: Segment,
    #[host(lan)]
    host: Host,
    #[host(lan(macvlan))]
    above: Host,
}

#[netns_test]
async fn a_macvlan_is_heard_as_any_other(net: Macvlan) -> TestResult {
    let capture = net.lan.capture().await?;
    for from in [&net.host, &net.above] {
        let to = if from == &net.host { &net.above } else { &net.host };
        from.assert_ping(to).await;
        send(&from.udp_socket()?, from.name().as_bytes(), (to.addr_v4(), 9));
        let frames = capture.frames()?;
        assert_eq!(carrying(&frames, from.name().as_bytes()), 1, "{frames}");
        assert_eq!(carrying(&frames.at(from), from.name().as_bytes()), 1, "{frames}");
        arrives(&capture, to, from.name().as_bytes(), 1).await;
    }
    Ok(())
}
