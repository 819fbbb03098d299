//! Where packets of SCTP died. On a kernel that has it.

use netns_test::prelude::*;
use netns_test_tests::panics::says;

/// How long is asked in vain.
const WHILE: Duration = Duration::from_millis(1200);

#[derive(Topology)]
#[topology(requires(sctp))]
struct Routed {
    #[segment("10.0.1.0/24")]
    near: Segment,
    #[segment("10.0.2.0/24")]
    far: Segment,
    #[host(near)]
    client: Host,
    #[router(near, far)]
    router: Host,
    #[host(far)]
    server: Host,
}

fn forward(rule: &str) -> String {
    format!("table inet t {{\nchain c {{ type filter hook forward priority filter; policy accept; {rule}\n }}\n}}")
}

#[netns_test(requires(nftables))]
async fn an_association_is_not_let_through(net: Routed) -> TestResult {
    net.router.nft(forward("sctp dport 80 drop"))?;
    let error = net.client.open_sctp(&net.server).port(80).timeout(WHILE).await.unwrap_err();
    let message = format!("{error:?}");
    for words in ["INIT 1 of 1: left client:eth0 → entered router:eth0\n", "by the nft rule `sctp dport 80 drop`"] {
        assert!(message.contains(words), "`{words}` is not in:\n{message}");
    }
    Ok(())
}

#[netns_test(requires(nftables))]
async fn an_association_is_cut(net: Routed) -> TestResult {
    let mut flow = net.client.open_sctp(&net.server).port(80).await?;
    net.router.nft(forward("sctp dport 80 drop"))?;
    let cause = "it died in router by the nft rule `sctp dport 80 drop`";
    says(flow.assert_alive().timeout(WHILE), &["DATA ", "left client:eth0 → entered router:eth0\n", cause]).await;
    Ok(())
}

#[netns_test(requires(nftables))]
async fn the_answers_of_an_association_are_lost(net: Routed) -> TestResult {
    let mut flow = net.client.open_sctp(&net.server).port(80).await?;
    net.router.nft(forward("sctp sport 80 drop"))?;
    let there = "left client:eth0 → entered router:eth0 → left router:eth1 → entered server:eth0\n";
    let back = "its answer: left server:eth0 → entered router:eth1\n";
    let cause = "it died in router by the nft rule `sctp sport 80 drop`";
    says(flow.assert_alive().timeout(WHILE), &[there, back, cause]).await;
    Ok(())
}

#[netns_test]
async fn nobody_listens_to_associations(net: Routed) {
    let sctp = net.client.assert_sctp(&net.server, 80).timeout(WHILE);
    says(sctp, &["entered server:eth0\n", "nobody listens on SCTP port 80 of server"]).await;
    net.far.unplug(&net.server).await.unwrap();
    let sctp = net.client.assert_sctp(&net.server, 80).timeout(WHILE);
    says(sctp, &["entered router:eth0", "server:eth0 has no carrier"]).await;
}
