//! A machine that has no room for neighbours, which its hosts share: what they cannot send is no silence. Nothing runs beside this.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use netns_test::prelude::*;
use netns_test_tests::panics::panic_of;
use netns_test_tests::routes::take_down;

const QUICK: Duration = Duration::from_millis(300);

/// Has a host look for nobody at many addresses, from now on. Each is a neighbour until it has been given up, after three seconds.
fn crowd(host: &Host) -> TestResult {
    for part in 0..32_u32 {
        // Whatever waits for a neighbour fills the socket that it was sent by.
        let socket = host.udp_socket()?;
        socket.set_nonblocking(true)?;
        for number in 1..=128_u32 {
            let nobody = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 128, 0)) + part * 128 + number);
            socket.send_to(&[0], SocketAddr::from((nobody, 9)))?;
        }
        let socket = host.run(|| UdpSocket::bind(("::", 0)))?;
        socket.set_nonblocking(true)?;
        for number in 1..=128_u32 {
            let nobody = Ipv6Addr::from(
                u128::from(Ipv6Addr::new(0xfd00, 0, 0, 0, 1, 0, 0, 0)) + u128::from(part * 128 + number),
            );
            // Over IPv6 it is an error that there is no room.
            let _ = socket.send_to(&[0], SocketAddr::from((nobody, 9)));
        }
    }
    Ok(())
}

fn assert_explained(error: &PingError) -> TestResult {
    assert!(!error.is_negative(), "{error:?}");
    let source = std::error::Error::source(error).ok_or("a cause")?.to_string();
    assert!(source.starts_with("the machine's table of neighbours was full, "), "{source}");
    assert!(source.contains("`sudo sysctl -w net.ipv4.neigh.default.gc_thresh3="), "{source}");
    Ok(())
}

#[netns_test(namespaces = 0, timeout = "120s", requires(program = "ip"))]
async fn what_finds_no_room_for_neighbours_is_not_silent(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/16", "fd00::/64"]).hosts(18, "lan").build()?;
    let [host, last, hosts @ ..] = lab.hosts() else { unreachable!("there are more") };
    let (seekers, others) = hosts.split_at(9);
    let mut seekers = seekers.iter();
    // Each of the others is asked for the first time, and each of those who seek seeks once: what it has given up, there is room for again.
    macro_rules! crowded {
        ($question:expr) => {{
            let seeker = seekers.next().ok_or("somebody who has not sought")?;
            crowd(seeker)?;
            let outcome = $question.await;
            // Whom it looked for goes with its interface.
            take_down(seeker).await;
            outcome
        }};
    }
    let broken = || Err("broken".to_owned());
    let tables = host.command("ip").args(["ntable", "show"]).output()?;
    let tables = String::from_utf8(tables.stdout)?;
    let words: Vec<_> = tables.split_whitespace().collect();
    let room = words.windows(2).filter(|words| words[0] == "thresh3").map(|words| words[1].parse::<u32>());
    let room = room.max_by_key(|room| room.clone().unwrap_or(u32::MAX)).ok_or("a table")??;
    if room > 4000 {
        println!("this machine has room for {room} neighbours: it is not crowded here");
        return Ok(());
    }
    assert_explained(&crowded!(host.ping(&others[0]).count(1).timeout(QUICK)).unwrap_err())?;
    assert_explained(&crowded!(host.ping(&others[0]).ipv6().count(1).timeout(QUICK)).unwrap_err())?;
    assert_eq!(crowded!(panic_of(host.assert_ping(&others[1]).ipv6().timeout(QUICK))), broken());
    assert_eq!(crowded!(panic_of(host.assert_no_ping(&others[1]).window(QUICK))), broken());
    assert_eq!(crowded!(panic_of(host.assert_no_tcp(&others[2], 80).window(QUICK))), broken());
    assert_eq!(crowded!(panic_of(host.assert_no_arping(&others[3]).window(QUICK))), broken());
    let egress = host.connectivity(&others[4]).egress().ipv4();
    assert_eq!(crowded!(panic_of(egress.assert_no_connection(Tcp.port(80)).window(QUICK))), broken());
    let pair = Lab::builder().segment("pair", ["10.1.0.0/24"]).host("x", ["pair"]).host("y", ["pair"]).build()?;
    let nobody_reaches_anybody = "x y\nx - no\ny no -";
    assert_eq!(crowded!(panic_of(pair.assert_reachability(nobody_reaches_anybody).window(QUICK))), broken());
    for other in others {
        host.assert_ping(other).await;
    }
    host.assert_no_ping("10.0.99.99").window(QUICK).await;
    last.assert_ping(host).await;
    Ok(())
}
