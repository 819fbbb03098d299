//! A router with VRFs, in whose tables a packet died. On a kernel that has them.

use netns_test::prelude::*;
use netns_test_tests::panics::says;

/// How long is asked in vain.
const WHILE: Duration = Duration::from_millis(700);

#[derive(Topology)]
#[topology(requires(vrf))]
struct Routed {
    #[segment("10.0.1.0/24")]
    near: Segment,
    #[segment("10.0.2.0/24")]
    far: Segment,
    #[host(near)]
    client: Host,
    #[router(near(vrf = "red"), far(vrf = "red"))]
    router: Host,
    #[host(far)]
    server: Host,
}

#[netns_test]
async fn a_route_of_a_vrf_is_a_black_hole(net: Routed) {
    net.client.assert_ping(&net.server).await;
    let server = net.server.addr_on(&net.far);
    assert!(net.client.addr_on(&net.near).is_ipv4());
    let arguments = format!("route add blackhole {server}/32 vrf red");
    let output = net.router.command("ip").args(arguments.split(' ')).output().expect("`ip` can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ping = net.client.assert_ping(server).timeout(WHILE);
    // By the routes outside of the VRF there would be no way at all.
    let cause = format!("a route of router drops it to {server} (blackhole)");
    says(ping, &["left client:eth0 → entered router:eth0\n", &cause]).await;
}
