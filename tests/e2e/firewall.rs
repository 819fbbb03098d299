//! `Host::nft`: a ruleset is loaded whole or not at all, and does what it says.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use netns_test::prelude::*;
use netns_test::{NftError, PingReport, UnreachableCode};
use netns_test_tests::programs;

/// A chain for what arrives at a host, with these rules and none that were there before.
fn input(rules: &str) -> String {
    format!(
        "table inet filter {{
            chain input {{
                type filter hook input priority filter; policy accept;
            }}
        }}
        flush chain inet filter input
        table inet filter {{
            chain input {{
                {rules}
            }}
        }}"
    )
}

/// It ends with the first refusal, if there is one.
async fn refused_ping(from: &Host, to: IpAddr) -> Result<PingReport, PingError> {
    from.ping(to).count(1).timeout(Duration::from_secs(5)).await
}

/// The tables that a host has.
fn tables(host: &Host) -> String {
    let nft = programs::all("nft").into_iter().next().unwrap();
    let listed = host.command(nft).args(["list", "tables"]).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    String::from_utf8(listed.stdout).unwrap()
}

#[netns_test(veth = true)]
async fn what_is_dropped_is_not_answered(client: Host, server: Host) -> TestResult {
    client.assert_ping(&server).await;
    server.nft(input("icmp type echo-request drop"))?;
    client.assert_no_ping(&server).await;
    let outcome = client.ping(&server).count(2).timeout(Duration::from_millis(300)).await;
    assert!(matches!(outcome, Err(PingError::Timeout { sent: 2, .. })), "{outcome:?}");
    // What no rule is about is as it was.
    client.assert_ping(&server).ipv6().await;
    server.assert_ping(&client).await;
    server.nft(input("icmpv6 type echo-request drop"))?;
    client.assert_no_ping(server.addr_v6()).window(Duration::from_millis(300)).await;
    client.assert_ping(&server).ipv4().await;
    Ok(())
}

#[netns_test(veth = true)]
async fn what_is_rejected_is_answered_with_the_rule_s_code(client: Host, server: Host) -> TestResult {
    let (v4, v6) = (IpAddr::from(server.addr_v4()), IpAddr::from(server.addr_v6()));
    for (what, with, to, expected) in [
        ("icmp", "icmp type host-prohibited", v4, UnreachableCode::V4(10)),
        ("icmp", "icmp type net-prohibited", v4, UnreachableCode::V4(9)),
        ("icmp", "icmp type admin-prohibited", v4, UnreachableCode::V4(13)),
        ("icmpv6", "icmpv6 type admin-prohibited", v6, UnreachableCode::V6(1)),
    ] {
        server.nft(input(&format!("{what} type echo-request reject with {with}")))?;
        let outcome = refused_ping(&client, to).await;
        let prohibited = |from: IpAddr, code| from == to && code == expected;
        assert!(
            matches!(outcome, Err(PingError::Prohibited { from, code, .. }) if prohibited(from, code)),
            "{outcome:?}"
        );
        client.assert_no_ping(to).await;
    }
    server.nft(input("icmp type echo-request reject with icmp type host-unreachable"))?;
    let outcome = refused_ping(&client, server.addr()).await;
    assert!(matches!(outcome, Err(PingError::Unreachable { code: UnreachableCode::V4(1), .. })), "{outcome:?}");
    Ok(())
}

#[netns_test(veth = true)]
async fn a_host_can_forbid_itself_to_ask(client: Host, server: Host) -> TestResult {
    client.nft(input("accept").replace("input", "output"))?;
    client.assert_ping(&server).await;
    client.nft(input("drop").replace("input", "output"))?;
    let outcome = refused_ping(&client, server.addr()).await;
    assert!(matches!(outcome, Err(PingError::ProhibitedHere { .. })), "{outcome:?}");
    Ok(())
}

#[netns_test(namespaces = 3, veth = true)]
fn hosts_have_their_names_in_rulesets(alice: Host, bob: Host, server: Host) -> TestResult {
    server.nft(input("ip saddr alice drop"))?;
    bob.assert_ping(&server).wait();
    alice.assert_no_ping(&server).window(Duration::from_millis(300)).wait();
    Ok(())
}

#[netns_test(namespaces = 2)]
fn each_host_has_its_own_rules(one: Host, other: Host) -> TestResult {
    one.nft("add table inet mine")?;
    one.nft("add table ip another")?;
    assert_eq!((&*tables(&one), &*tables(&other)), ("table inet mine\ntable ip another\n", ""));
    Ok(())
}

#[netns_test(namespaces = 1)]
fn what_is_refused_is_shown_with_its_line_and_loads_nothing(fw: Host) -> TestResult {
    let error = fw
        .nft("add table inet mine\nadd chain inet mine input\n  add rule inet mine input tcp dprt 80 drop")
        .unwrap_err();
    let expected = "the ruleset is refused in host `fw`:\nline 3: syntax error, unexpected string\n\
                    3 |   add rule inet mine input tcp dprt 80 drop\n  |                                ^^^^";
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error, NftError::Refused { line: Some(3), .. }), "{error:?}");

    // The language is right, and the kernel refuses it.
    let error = fw.nft("add table inet mine\nadd rule inet mine nowhere drop\n").unwrap_err();
    let NftError::Refused { line, host, message } = error else { panic!("{error:?}") };
    assert_eq!((line, &*host), (Some(2), "fw"));
    assert!(message.contains("No such file or directory\n2 | add rule inet mine nowhere drop\n"), "{message}");

    // nft would take what is before it for all there is.
    let error = fw.nft("add table inet mine\n\0add rule\n").unwrap_err();
    assert!(matches!(error, NftError::Refused { line: Some(2), .. }), "{error:?}");

    assert_eq!(tables(&fw), "");
    fw.nft("")?;
    Ok(())
}

/// More than a pipe holds.
#[netns_test(namespaces = 1)]
fn a_long_ruleset_is_loaded(fw: Host) -> TestResult {
    let ports = (1..=5_000).map(|port| format!("{port}, # {port} is one of many ports\n"));
    let ruleset = format!(
        "table inet mine {{\nset ports {{\ntype inet_service\nelements = {{\n{}65535\n}}\n}}\n}}",
        ports.collect::<String>()
    );
    assert!(ruleset.len() > 65_536);
    fw.nft(&ruleset)?;
    let error = fw.nft(ruleset.replace("4999,", "4999x,")).unwrap_err();
    assert!(matches!(error, NftError::Refused { line: Some(5_003), .. }), "{error:?}");
    Ok(())
}

/// As the kernel has it for those without privileges.
#[netns_test(namespaces = 1)]
fn a_ruleset_that_is_too_long_for_an_ordinary_user_is_loaded_in_parts(fw: Host) -> TestResult {
    fw.nft("table inet mine {\nset hosts {\ntype ipv4_addr\n}\n}")?;
    let add = |hosts: RangeInclusive<u32>| {
        let hosts: Vec<_> = hosts.map(|host| Ipv4Addr::from(0x0a00_0000 + host).to_string()).collect();
        fw.nft(format!("add element inet mine hosts {{ {} }}", hosts.join(", ")))
    };
    match add(1..=16_000) {
        // Root's.
        Ok(()) => {}
        Err(NftError::Refused { message, .. }) => {
            assert!(message.ends_with("`net.core.wmem_default` bytes at once: load it in parts"), "{message}");
            add(1..=8_000)?;
            add(8_001..=16_000)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

#[netns_test(namespaces = 1)]
fn without_the_program_its_package_is_told(fw: Host) {
    programs::hide("nft");
    let error = fw.nft("add table inet mine").unwrap_err();
    assert!(matches!(error, NftError::NoProgram), "{error:?}");
    assert!(error.to_string().contains("apt install nftables"), "{error}");
}

#[netns_test(namespaces = 1)]
fn a_program_that_fails_without_a_word_is_no_refusal(fw: Host) -> TestResult {
    // Of the test's own.
    let script = Path::new("/run/nft");
    std::fs::write(script, "#!/bin/sh\nkill -9 $$\n")?;
    std::fs::set_permissions(script, PermissionsExt::from_mode(0o755))?;
    programs::replace("nft", script);
    let error = fw.nft("add table inet mine").unwrap_err();
    assert!(matches!(error, NftError::Io { .. }), "{error:?}");
    let why = error.source().ok_or("it has a cause")?.to_string();
    assert!(why.contains("signal: 9 (SIGKILL)"), "{why}");
    Ok(())
}
