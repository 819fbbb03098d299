use netns_test::__private::*;

const SPEC: TestSpec = TestSpec::new(concat!(module_path!(), "::", "hello"), env!("CARGO_MANIFEST_DIR"))
    .hosts(&["alice", "bob"])
    .veth(true);
#[test]
fn hello() {
    run(&SPEC, |lab| {
        let t = std::time::Instant::now();
        let (a, b) = (lab.host("alice"), lab.host("bob"));
        println!("{lab:?}");
        let l = b.tcp_listener().unwrap();
        println!("{:?} {:?}", l, t.elapsed());
        let c = a.tcp_connect(l.local_addr().unwrap()).unwrap();
        println!("{:?} {:?}", c, t.elapsed());
        let t = std::time::Instant::now();
        a.run(|| ());
        println!("{:?}", t.elapsed());
        a.command("sh").args(["-c", "ip addr; cat /proc/net/dev; ls /sys/class/net; hostname; ps ax; cat /etc/hosts; getent hosts bob; mount | tail -8; ip netns"]).status().unwrap();
    })
}
