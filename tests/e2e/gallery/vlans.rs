//! Interfaces in a wrong VLAN, and what a failed assertion says of it. On a kernel that has VLANs.

use netns_test::prelude::*;
use netns_test_tests::panics::says;

/// How long is asked in vain.
const WHILE: Duration = Duration::from_millis(700);

#[derive(Topology)]
#[topology(requires(vlan, vlan_filtering))]
struct Filtered {
    #[segment("10.0.0.0/24", bridge(vlan_filtering = true))]
    trunk: Segment,
    #[segment("10.10.0.0/24", vlan = 10, over = trunk)]
    v10: Segment,
    #[host(trunk, v10)]
    left: Host,
    #[host(trunk, v10)]
    right: Host,
}

/// Runs one of iproute2's programs where the switches are: where the body is.
fn iproute(program: &str, arguments: &str) -> String {
    let output =
        std::process::Command::new(program).args(arguments.split(' ')).output().expect("iproute2 is installed");
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The ports of the one switch, in the order of its hosts.
fn ports() -> [String; 2] {
    let links: serde_json::Value = serde_json::from_str(&iproute("bridge", "-json link show")).expect("JSON");
    let names = links.as_array().expect("a list").iter().filter_map(|link| link["ifname"].as_str());
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    names.try_into().expect("two ports")
}

/// Both without a tag, each in a VLAN of its own.
#[netns_test]
async fn two_ports_are_in_different_vlans(net: Filtered) {
    net.left.assert_ping(net.right.addr_on(&net.trunk)).await;
    for (port, id) in ports().iter().zip([20, 30]) {
        iproute("bridge", &format!("vlan del dev {port} vid 1"));
        iproute("bridge", &format!("vlan add dev {port} vid {id} pvid untagged"));
    }
    let ping = net.left.assert_ping(net.right.addr_on(&net.trunk)).timeout(WHILE);
    let why = "the switch of `trunk` has left:eth0 in the VLAN 20, and carries to right:eth0 the VLAN 10, 30";
    says(ping, &["it was lost on `trunk` after it left left:eth0: ", why]).await;
    // Also by whoever has to be asked for first.
    iproute_of(&net.left, "neigh flush all");
    let ping = net.left.assert_ping(net.right.addr_on(&net.trunk)).timeout(WHILE);
    says(ping, &["nobody on `trunk` answers left:eth0 for ", "which has not heard the question", why]).await;
}

fn iproute_of(host: &Host, arguments: &str) {
    let output = host.command("ip").args(arguments.split(' ')).output().expect("`ip` can be run");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

#[netns_test]
async fn a_port_does_not_carry_a_vlan(net: Filtered) {
    let right = net.right.addr_on(&net.v10);
    net.left.assert_ping(right).await;
    let [of_left, of_right] = ports();
    iproute("bridge", &format!("vlan del dev {of_right} vid 10"));
    let why = "the switch of `trunk` has left:eth0 in the VLAN 10, and carries to right:eth0 the VLAN 1";
    says(net.left.assert_ping(right).timeout(WHILE), &["it was lost on `trunk` after it left left:eth0: ", why]).await;
    iproute("bridge", &format!("vlan add dev {of_right} vid 10"));
    iproute("bridge", &format!("vlan del dev {of_left} vid 10"));
    let why = "the switch of `trunk` does not take the VLAN 10 from left:eth0, but the VLAN 1";
    says(net.left.assert_ping(right).timeout(WHILE), &["it was lost on `trunk` after it left left:eth0: ", why]).await;
}

#[netns_test]
async fn a_port_takes_a_tag_off(net: Filtered) {
    let right = net.right.addr_on(&net.v10);
    net.left.assert_ping(right).await;
    let [_, of_right] = ports();
    iproute("bridge", &format!("vlan add dev {of_right} vid 10 untagged"));
    let why = "the switch of `trunk` passes the VLAN 10 on to right:eth0 without a tag, which takes the VLAN 10";
    says(net.left.assert_ping(right).timeout(WHILE), &[why]).await;
}

#[netns_test]
async fn an_interface_has_the_number_of_another_vlan(net: Filtered) {
    let right = net.right.addr_on(&net.v10);
    let name = vlan_of(&net.right);
    iproute_of(&net.right, &format!("link del {name}"));
    iproute_of(&net.right, "link add link eth0 name wrong type vlan id 20");
    iproute_of(&net.right, &format!("address add {right}/24 dev wrong"));
    iproute_of(&net.right, "link set wrong up");
    let ping = net.left.assert_ping(right).timeout(WHILE);
    let why = format!("{right} is right:wrong, in the VLAN 20; left:{name} is in the VLAN 10");
    says(ping, &["nothing of it left left\n", "nobody on `v10` answers left:", &why]).await;
}

/// Of two in different VLANs, of which one is down, that is why.
#[netns_test]
async fn an_interface_of_a_vlan_is_down(net: Filtered) {
    let right = net.right.addr_on(&net.v10);
    let name = vlan_of(&net.right);
    iproute_of(&net.right, &format!("link set {name} down"));
    let ping = net.left.assert_ping(right).timeout(WHILE);
    says(ping, &["nobody on `v10` answers left:", &format!("{right} is right:{name}: right:{name} is down")]).await;
}

/// One has no tag, and the other adds one: the switch translates, until it does not.
#[netns_test]
async fn a_switch_has_one_port_in_the_vlan_of_a_tag(net: Filtered) {
    let right = net.right.addr_on(&net.trunk);
    assert!(net.v10.name() != net.trunk.name());
    let name = vlan_of(&net.right);
    iproute_of(&net.right, &format!("address del {right}/24 dev eth0"));
    iproute_of(&net.right, &format!("address add {right}/24 dev {name}"));
    // By itself a host answers for an address of another of its interfaces.
    net.right.run(|| std::fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1")).expect("the sysctl is there");
    let [of_left, _] = ports();
    iproute("bridge", &format!("vlan add dev {of_left} vid 10 pvid untagged"));
    net.left.assert_ping(right).await;
    iproute("bridge", &format!("vlan add dev {of_left} vid 1 pvid untagged"));
    iproute_of(&net.left, "neigh flush all");
    let why = format!(
        "{right} is right:{name}, which has not heard the question: the switch of `trunk` passes the VLAN 1 on to right:eth0 without a tag, which takes the VLAN 10"
    );
    says(net.left.assert_ping(right).timeout(WHILE), &["nobody on `trunk` answers left:eth0 for ", &why]).await;
}

/// What the one interface in a VLAN is called.
fn vlan_of(host: &Host) -> String {
    host.run(|| {
        let names = std::fs::read_dir("/proc/net/vlan").expect("there are VLANs");
        let mut names = names.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
        names.find(|name| name != "config").expect("one VLAN")
    })
}
