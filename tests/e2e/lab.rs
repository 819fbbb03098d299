//! The lab is what was described, wherever one looks.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};

use netns_test::prelude::*;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn read(host: &Host, path: &str) -> String {
    host.run(|| std::fs::read_to_string(path)).unwrap_or_else(|error| panic!("{path}: {error}")).trim().to_owned()
}

/// Names of the interfaces of a host, as its programs see them.
fn interfaces(host: &Host) -> Vec<String> {
    let listed = host.run(|| {
        let entries = std::fs::read_dir("/sys/class/net").unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    });
    // Some kernels put these into every new namespace.
    let fallback = ["tunl0", "sit0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"];
    let mut names: Vec<_> = listed.into_iter().filter(|name| !fallback.contains(&name.as_str())).collect();
    names.sort();
    names
}

#[netns_test(namespaces = 2, veth = true)]
fn hosts_have_the_names_of_their_parameters(alice: Host, _bob: Host, lab: Lab) {
    assert_eq!(alice.name(), "alice");
    assert_eq!(lab.host("bob").name(), "bob");
    assert_eq!(read(&alice, "/proc/sys/kernel/hostname"), "alice");
    assert_eq!(read(lab.host("bob"), "/proc/sys/kernel/hostname"), "bob");
}

#[netns_test(namespaces = 3, veth = true)]
fn a_picture_has_what_the_hosts_have(lab: Lab) {
    let picture = lab.draw();
    let forms = [picture.to_string(), picture.svg(), picture.graphviz(), picture.mermaid()];
    for host in lab.hosts() {
        let addresses = [host.addr_v4().to_string(), host.addr_v6().to_string()];
        let words = interfaces(host).into_iter().filter(|name| name != "lo").chain(addresses);
        for word in words.chain([host.name().to_owned(), lab.segments()[0].name().to_owned()]) {
            assert!(forms.iter().all(|form| form.contains(&word)), "{word}: {picture}");
        }
    }
}

#[netns_test(veth = true)]
fn two_hosts_are_dual_stack_on_one_wire(a: Host, b: Host) {
    assert_eq!((a.addr(), b.addr()), ("198.51.100.1".parse().unwrap(), "198.51.100.2".parse().unwrap()));
    assert_eq!((a.addr_v6(), b.addr_v6()), ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap()));
    for host in [&a, &b] {
        assert_eq!(interfaces(host), ["eth0", "lo"]);
        assert_eq!(read(host, "/sys/class/net/eth0/operstate"), "up");
        assert!(!host.run(|| std::path::Path::new("/sys/class/net/eth0/brport").exists()), "a wire, not a switch");
    }
}

#[netns_test(veth = true, subnets = ["10.1.0.0/16", "fd00:7::/64"], mtu = 1400)]
fn addresses_and_mtu_are_as_written(a: Host, b: Host) {
    assert_eq!(a.addr_v4().to_string(), "10.1.0.1");
    assert_eq!(b.addr_v6().to_string(), "fd00:7::2");
    for host in [&a, &b] {
        assert_eq!(read(host, "/sys/class/net/eth0/mtu"), "1400");
        assert!(read(host, "/proc/net/fib_trie").contains(&host.addr_v4().to_string()));
        let if_inet6 = read(host, "/proc/net/if_inet6");
        let written = format!("{:032x}", host.addr_v6().to_bits());
        let line = if_inet6.lines().find(|line| line.starts_with(&written)).expect("the address is there");
        let fields: Vec<_> = line.split_whitespace().collect();
        // Prefix length 64, and neither tentative (0x40) nor failed (0x08).
        assert_eq!((fields[2], u32::from_str_radix(fields[4], 16).unwrap() & 0x48), ("40", 0), "{line}");
    }
}

#[netns_test(veth = true, ipv6 = false)]
fn without_ipv6_there_is_none(a: Host, b: Host) {
    assert_eq!(a.try_addr_v6(), None);
    assert_eq!(read(&b, "/proc/sys/net/ipv6/conf/eth0/disable_ipv6"), "1");
    assert!(!read(&a, "/proc/net/if_inet6").contains("eth0"), "no link-local address either");
}

#[netns_test(veth = true, subnet = "fd00::/64")]
async fn an_ipv6_only_lab_answers_at_once(a: Host, b: Host) {
    assert_eq!(a.try_addr_v4(), None);
    let report = a.ping(&b).count(1).timeout(Duration::from_millis(900)).await.unwrap();
    assert_eq!(report.received(), 1);
}

#[netns_test(namespaces = 5, veth = true)]
async fn more_hosts_share_a_switch(lab: Lab) {
    for from in lab.hosts() {
        assert_eq!(interfaces(from), ["eth0", "lo"]);
        for to in lab.hosts() {
            from.assert_ping(to).await;
            from.assert_ping(to).ipv6().await;
        }
    }
}

#[netns_test(namespaces = 3)]
async fn without_a_wire_each_has_a_loopback_only(a: Host, b: Host, c: Host) {
    for host in [&a, &b, &c] {
        assert_eq!(interfaces(host), ["lo"]);
        host.assert_ping("127.0.0.1").await;
        host.assert_ping("::1").await;
    }
    a.assert_no_ping("198.51.100.2").await;
}

#[netns_test(veth = true)]
fn every_namespace_has_the_baseline(a: Host, b: Host) {
    for host in [&a, &b] {
        for kind in ["all", "default", "eth0"] {
            let v4 = |name: &str| read(host, &format!("/proc/sys/net/ipv4/conf/{kind}/{name}"));
            let v6 = |name: &str| read(host, &format!("/proc/sys/net/ipv6/conf/{kind}/{name}"));
            for name in ["rp_filter", "forwarding", "arp_ignore", "arp_announce", "arp_filter", "accept_redirects"] {
                assert_eq!(v4(name), "0", "{kind}/{name}");
            }
            for name in ["accept_dad", "accept_ra", "forwarding", "disable_ipv6", "accept_redirects"] {
                assert_eq!(v6(name), "0", "{kind}/{name}");
            }
        }
        assert_eq!(read(host, "/proc/sys/net/ipv4/icmp_ratelimit"), "0");
        assert_eq!(read(host, "/proc/sys/net/ipv6/icmp/ratelimit"), "0");
        assert_eq!(read(host, "/proc/sys/net/ipv4/icmp_ratemask"), "0");
        assert_eq!(read(host, "/proc/sys/net/ipv6/icmp/ratemask"), "0");
    }
}

#[netns_test(veth = true)]
fn names_are_resolved_to_hosts(alice: Host, bob: Host) {
    let resolve = |host: &Host, name: &str| -> Vec<IpAddr> {
        host.run(|| (name, 1).to_socket_addrs().unwrap().map(|address| address.ip()).collect())
    };
    for host in [&alice, &bob] {
        let found = resolve(host, "bob");
        assert!(found.contains(&bob.addr()) && found.contains(&bob.addr_v6().into()), "{found:?}");
        assert!(resolve(host, "localhost").iter().all(IpAddr::is_loopback));
    }
    let lookup = bob.command("getent").args(["hosts", "alice"]).output().unwrap();
    assert!(String::from_utf8_lossy(&lookup.stdout).contains("alice"), "{lookup:?}");
}

#[netns_test(veth = true)]
fn a_host_sees_its_own_proc_and_sys(a: Host, b: Host) {
    let table = |host: &Host| read(host, "/proc/net/dev");
    assert!(table(&a).contains("eth0"));
    let here = std::fs::read_to_string("/proc/net/dev").unwrap();
    assert!(!here.contains("eth0"), "the body runs beside the hosts, not in one of them: {here}");
    // The file of a program started in the host, by its own number.
    let listed = b.command("cat").arg("/proc/net/dev").output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("eth0"), "{listed:?}");
}

#[netns_test(veth = true)]
fn run_answers_what_the_closure_answers(a: Host, b: Host) {
    let mut seen = Vec::new();
    let name = a.run(|| {
        seen.push("borrowed");
        // Within a host, another host's and one's own.
        let inner = b.run(|| a.run(|| a.name().to_owned()));
        (inner, std::thread::current().name().map(str::to_owned))
    });
    assert_eq!(name, ("a".to_owned(), Some("a".to_owned())));
    assert_eq!(seen, ["borrowed"]);
}

#[netns_test(namespaces = 1)]
fn run_keeps_the_working_directory(a: Host) {
    let before = std::env::current_dir().unwrap();
    assert_eq!(a.run(|| std::env::current_dir().unwrap()), before);
    let printed = a.command("pwd").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&printed.stdout).trim(), before.to_str().unwrap());
    assert_eq!(std::env::current_dir().unwrap(), before);
}

#[netns_test(veth = true)]
fn a_blocked_closure_does_not_block_its_host(server: Host, client: Host) {
    let listener = server.tcp_listener().unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| server.run(|| listener.accept().unwrap().1.ip()));
        assert_eq!(server.run(|| server.name().to_owned()), "server");
        let _stream = client.tcp_connect(address).unwrap();
        assert_eq!(accepting.join().unwrap(), client.addr());
    });
}

#[netns_test(veth = true)]
fn sockets_work_in_plain_functions(a: Host, b: Host) -> TestResult {
    let (left, right) = (a.udp_socket()?, b.udp_socket()?);
    left.send_to(b"over UDP", right.local_addr()?)?;
    let mut buffer = [0; 16];
    let (length, from) = right.recv_from(&mut buffer)?;
    assert_eq!((&buffer[..length], from), (&b"over UDP"[..], left.local_addr()?));

    let listener = b.tcp_listener()?;
    assert_eq!(listener.local_addr()?.ip(), b.addr());
    let mut stream = a.tcp_connect(listener.local_addr()?)?;
    stream.write_all(b"over TCP")?;
    drop(stream);
    let mut text = String::new();
    listener.accept()?.0.read_to_string(&mut text)?;
    assert_eq!(text, "over TCP");
    Ok(())
}

#[netns_test(veth = true)]
async fn sockets_work_on_tokio(a: Host, b: Host) -> TestResult {
    let listener = b.tokio_tcp_listener()?;
    let address = listener.local_addr()?;
    let server = b.spawn(async move {
        let (mut stream, from) = listener.accept().await?;
        stream.write_all(from.to_string().as_bytes()).await?;
        std::io::Result::Ok(())
    });
    let mut stream = a.tokio_tcp_connect(address).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    assert_eq!(text, stream.local_addr()?.to_string());
    server.await??;

    let (left, right) = (a.tokio_udp_socket()?, b.tokio_udp_socket()?);
    left.send_to(b"x", right.local_addr()?).await?;
    assert_eq!(right.recv_from(&mut [0; 4]).await?, (1, left.local_addr()?));
    Ok(())
}

#[netns_test(veth = true)]
async fn a_spawned_future_is_in_its_host(a: Host, b: Host) {
    let address = b.addr();
    let listener = b.spawn(async move { tokio::net::TcpListener::bind((address, 0)).await.unwrap() }).await.unwrap();
    let to = listener.local_addr().unwrap();
    let stream = a.spawn(async move { tokio::net::TcpStream::connect(to).await.unwrap() }).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip(), a.addr());
    let blocking = a.spawn(async { tokio::task::spawn_blocking(|| std::fs::read_to_string("/proc/net/dev")).await });
    assert!(blocking.await.unwrap().unwrap().unwrap().contains("eth0"), "tokio's helper threads are in the host too");
}

#[netns_test(flavor = "multi_thread", worker_threads = 2)]
async fn the_body_can_have_workers(a: Host) {
    let task = tokio::spawn(async move { a.name().to_owned() });
    assert_eq!(task.await.unwrap(), "a");
    assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), 2);
}

#[netns_test(start_paused = true, veth = true)]
async fn a_paused_clock_is_the_bodys_alone(a: Host, b: Host) {
    let begun = (tokio::time::Instant::now(), std::time::Instant::now());
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(begun.0.elapsed() >= Duration::from_secs(3600) && begun.1.elapsed() < Duration::from_secs(60));
    a.assert_ping(&b).await;
    // Silence takes real time to be silence.
    let begun = std::time::Instant::now();
    a.assert_no_ping("198.51.100.77").window(Duration::from_millis(300)).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[netns_test(veth = true)]
fn programs_run_in_their_host(a: Host, b: Host) -> TestResult {
    let listener = b.tcp_listener()?;
    let arguments = ["; rm -rf /", "two words", "$HOME", "-n", "", "ünï"];
    let echo = a.command("printf").arg("[%s]").args(arguments);
    assert_eq!(String::from_utf8(echo.output()?.stdout)?, arguments.map(|argument| format!("[{argument}]")).concat());

    let mut cat = a.command("cat").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn()?;
    let (mut stdin, mut stdout) = (cat.stdin().ok_or("piped")?, cat.stdout().ok_or("piped")?);
    stdin.write_all(b"through a pipe")?;
    drop(stdin);
    let mut text = String::new();
    stdout.read_to_string(&mut text)?;
    assert_eq!((text.as_str(), cat.wait()?.success()), ("through a pipe", true));
    assert_eq!(cat.signal(15).unwrap_err().raw_os_error(), Some(3), "a signal after the end goes to nobody");

    let sleep = a.command("sleep").arg("1000").spawn()?;
    assert!(sleep.try_wait()?.is_none());
    let status = sleep.kill()?;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));

    let missing = a.command("/no/such/program").spawn().unwrap_err();
    assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
    drop(TcpStream::connect(listener.local_addr()?).unwrap_err());
    Ok(())
}

#[netns_test(namespaces = 2, veth = true)]
fn the_body_has_a_loopback_of_its_own(lab: Lab) -> TestResult {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    TcpStream::connect(listener.local_addr()?)?;
    assert_eq!(Lab::current().ok_or("this is a test's body")?.hosts(), lab.hosts());
    assert!(std::thread::spawn(|| Lab::current().is_none()).join().unwrap());
    Ok(())
}

#[netns_test(namespaces = 1)]
#[should_panic(expected = "host `a` has no IPv4 address")]
fn a_missing_address_is_said(a: Host) {
    a.addr_v4();
}

/// Its neighbours ask a group that it joins for each address; before that an answer takes a second, or is taken for silence.
#[netns_test(namespaces = 8, veth = true)]
fn every_address_can_be_found_from_the_first_moment(lab: Lab) {
    for host in lab.hosts() {
        let [.., a, b, c] = host.addr_v6().octets();
        let solicited_node = format!("ff0200000000000000000001ff{a:02x}{b:02x}{c:02x}");
        assert!(read(host, "/proc/net/igmp6").contains(&solicited_node), "{} has not joined", host.name());
    }
}

#[netns_test(namespaces = 0)]
async fn many_small_labs_may_open_what_all_their_hosts_need() -> TestResult {
    // Enough for the hosts of any of them, and too little for those of all.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, 200, most)?;
    for number in 0..20 {
        let names = [format!("left{number}"), format!("right{number}")];
        let lab = Lab::builder().segment("lan", ["10.0.0.0/24"]).host(&names[0], ["lan"]).host(&names[1], ["lan"]);
        let lab = lab.build()?;
        let [left, right] = lab.hosts() else { unreachable!("there are two") };
        left.assert_ping(right).await;
        right.assert_ping(left).await;
    }
    Ok(())
}

/// Its table of descriptors would grow when hosts are made, on several threads: each time they wait for all processors, 10 ms.
#[netns_test(namespaces = 0)]
fn there_is_room_for_the_files_of_many_hosts_from_the_beginning() -> TestResult {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let room = status.lines().find_map(|line| line.strip_prefix("FDSize:")).ok_or("the kernel tells it")?;
    assert!(room.trim().parse::<usize>()? >= 1024, "{room}");
    Ok(())
}
