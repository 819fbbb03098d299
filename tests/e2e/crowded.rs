//! A machine that has no room for neighbours, which its hosts share: what they cannot send is no silence. Nothing runs beside this.

use std::net::{Ipv4Addr, SocketAddr};

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
    }
    Ok(())
}

#[netns_test(namespaces = 0, timeout = "120s")]
async fn what_finds_no_room_for_neighbours_is_not_silent(_lab: Lab) -> TestResult {
    let lab = Lab::builder().segment("lan", ["10.0.0.0/16"]).hosts(7, "lan").build()?;
    let [seeker, host, others @ ..] = lab.hosts() else { unreachable!("there are seven") };
    let broken = || Err("broken".to_owned());
    // Each is asked for the first time.
    crowd(seeker)?;
    let Err(error) = host.ping(&others[0]).count(1).timeout(QUICK).await else {
        // 1024 is what it is unless somebody has changed it, which only the machine's own namespace tells.
        println!("this machine has room for more than 4096 neighbours: it cannot be crowded");
        return Ok(());
    };
    assert!(!error.is_negative(), "{error:?}");
    let source = std::error::Error::source(&error).ok_or("a cause")?.to_string();
    assert!(source.starts_with("the machine's table of neighbours was full, "), "{source}");
    assert!(source.contains("`sudo sysctl -w net.ipv4.neigh.default.gc_thresh3="), "{source}");
    crowd(seeker)?;
    assert_eq!(panic_of(host.assert_no_ping(&others[1]).window(QUICK)).await, broken());
    crowd(seeker)?;
    assert_eq!(panic_of(host.assert_no_tcp(&others[2], 80).window(QUICK)).await, broken());
    crowd(seeker)?;
    assert_eq!(panic_of(host.assert_no_arping(&others[3]).window(QUICK)).await, broken());
    crowd(seeker)?;
    let egress = host.connectivity(&others[4]).egress();
    for ports in [Tcp.port(80), Udp.port(80)] {
        assert_eq!(panic_of(egress.assert_no_connection(ports).window(QUICK)).await, broken());
    }
    // Whom it looked for goes with its interface.
    take_down(seeker).await;
    for other in others {
        host.assert_ping(other).await;
    }
    seeker.assert_no_ping(host).await;
    Ok(())
}
