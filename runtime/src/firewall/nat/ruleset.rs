//! The rules that translate a router's addresses, in nft's JSON (libnftables-json(5)).

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use netns_test_topology::{HostPlan, IfName, PortForwardPlan, Transport};
use nftables::batch::Batch;
use nftables::expr::{CT, Expression, Fib, FibFlag, FibResult, Meta, MetaKey, NamedExpression, Payload, PayloadField};
use nftables::schema::{Chain, NfListObject, Nftables, Rule, Table};
use nftables::stmt::{Match, NAT, NATFamily, Operator, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook};

use super::kernel::Part;

/// The table's name. Users list it and may take it away.
const TABLE: &str = "netns-test";

/// Where destinations are translated: before routing, at the priority `dstnat`.
const PREROUTING: (&str, NfHook, i32) = ("prerouting", NfHook::Prerouting, -100);

/// Where sources are translated: after routing, at the priority `srcnat`.
const POSTROUTING: (&str, NfHook, i32) = ("postrouting", NfHook::Postrouting, 100);

const TABLES: Part = Part { what: "tables of the family `inet`", module: "nf_tables", config: "CONFIG_NF_TABLES_INET" };
const NAT_CHAINS: Part = Part { what: "chains of the type `nat`", module: "nft_chain_nat", config: "CONFIG_NFT_NAT" };
const FIB: Part = Part { what: "expression `fib`", module: "nft_fib_inet", config: "CONFIG_NFT_FIB_INET" };
const NAT_STATEMENTS: Part = Part { what: "statements `dnat` and `snat`", module: "nft_nat", config: "CONFIG_NFT_NAT" };
const MASQUERADE: Part = Part { what: "statement `masquerade`", module: "nft_masq", config: "CONFIG_NFT_MASQ" };
const TRACKING: Part = Part { what: "expression `ct`", module: "nft_ct", config: "CONFIG_NFT_CT" };

/// The name of an interface in these rules that would be taken for something else: for that of a set.
pub(super) fn misread(host: &HostPlan) -> Option<&IfName> {
    let masquerade = host.nat.masquerade.iter().copied();
    let source = host.nat.source.iter().map(|&(interface, _)| interface);
    let forwards = host.nat.forwards.iter().map(|forward| forward.interface);
    let names = masquerade.chain(source).chain(forwards).map(|interface| &host.interfaces[interface].name);
    names.into_iter().find(|name| name.as_str().starts_with('@'))
}

/// The whole table of a router: loaded, it is one transaction.
pub(super) fn of(host: &HostPlan) -> Nftables<'_> {
    let mut rules = Rules::new();
    for forward in &host.nat.forwards {
        for &to in &forward.to {
            rules.add(PREROUTING, arrived_for(host, forward, to));
        }
    }
    for &(interface, address) in &host.nat.source {
        rules.add(POSTROUTING, leaves_from(host, interface, address));
    }
    for &interface in &host.nat.masquerade {
        rules.add(POSTROUTING, leaves_from_the_router(host, interface));
    }
    if host.nat.hairpin {
        for forward in &host.nat.forwards {
            for &to in &forward.to {
                rules.add(POSTROUTING, turns_back(host, forward, to));
            }
        }
    }
    rules.0.to_nftables()
}

/// Samples of everything that these tables may be made of, the simplest first: each with the part of the kernel that it needs
/// and those before it do not.
pub(super) fn samples() -> [(&'static Part, Nftables<'static>); 6] {
    let address = IpAddr::from([192, 0, 2, 1]);
    let rule = |chain, statement| {
        let mut rules = Rules::new();
        rules.add(chain, vec![statement]);
        rules.0.to_nftables()
    };
    [
        (&TABLES, only_the_table().to_nftables()),
        (&NAT_CHAINS, Rules::new().0.to_nftables()),
        (&FIB, rule(PREROUTING, is(kind_of(FibFlag::Daddr), text("local")))),
        (&NAT_STATEMENTS, rule(PREROUTING, Statement::DNAT(Some(nat(address))))),
        (&MASQUERADE, rule(POSTROUTING, Statement::Masquerade(None))),
        (&TRACKING, rule(POSTROUTING, was_forwarded_by_port())),
    ]
}

/// For one of the router's own addresses, and a port that it forwards.
///
/// What the router sends to itself is not among them: it has been through the translation on its way out, by no rule, and each
/// connection goes through it once.
fn arrived_for<'a>(host: &'a HostPlan, forward: &PortForwardPlan, to: IpAddr) -> Vec<Statement<'a>> {
    let target = NAT { port: Some(Expression::Number(forward.to_port.into())), ..nat(to) };
    let mut rule = Vec::new();
    if !host.nat.hairpin {
        rule.push(is_not(meta(MetaKey::Iifname), name(host, forward.interface)));
    }
    rule.push(is(meta(MetaKey::Nfproto), text(family(to))));
    rule.push(is(kind_of(FibFlag::Daddr), text("local")));
    rule.push(is(port_of(forward.protocol), Expression::Number(forward.port.into())));
    rule.push(Statement::DNAT(Some(target)));
    rule
}

/// Forwarded, out of an interface where it gets this source.
fn leaves_from(host: &HostPlan, interface: usize, address: IpAddr) -> Vec<Statement<'_>> {
    let mut rule = forwarded_out_of(host, interface);
    rule.push(is(meta(MetaKey::Nfproto), text(family(address))));
    rule.push(Statement::SNAT(Some(nat(address))));
    rule
}

/// Forwarded, out of an interface where it gets the router's own address as its source.
fn leaves_from_the_router(host: &HostPlan, interface: usize) -> Vec<Statement<'_>> {
    let mut rule = forwarded_out_of(host, interface);
    rule.push(Statement::Masquerade(None));
    rule
}

/// Forwarded to a port's target from where that is itself: without another source, the answer would not come back through the router.
fn turns_back<'a>(host: &'a HostPlan, forward: &PortForwardPlan, to: IpAddr) -> Vec<Statement<'a>> {
    let there = name(host, forward.interface);
    vec![
        is(meta(MetaKey::Iifname), there.clone()),
        is(meta(MetaKey::Oifname), there),
        is(destination(to), Expression::String(to.to_string().into())),
        is(port_of(forward.protocol), Expression::Number(forward.to_port.into())),
        was_forwarded_by_port(),
        Statement::Masquerade(None),
    ]
}

/// Of a connection whose destination was translated.
fn was_forwarded_by_port<'a>() -> Statement<'a> {
    let status = CT { key: "status".into(), family: None, dir: None };
    has(Expression::Named(NamedExpression::CT(status)), text("dnat"))
}

/// What comes from none of the router's own addresses. (An incoming interface would not tell: what a tunnel of the router's sends has
/// one.)
fn forwarded_out_of(host: &HostPlan, interface: usize) -> Vec<Statement<'_>> {
    vec![is(meta(MetaKey::Oifname), name(host, interface)), is_not(kind_of(FibFlag::Saddr), text("local"))]
}

fn only_the_table<'a>() -> Batch<'a> {
    let mut batch = Batch::new();
    batch.add(NfListObject::Table(Table { family: NfFamily::INet, name: TABLE.into(), handle: None }));
    batch
}

/// A table with its two chains, and the rules that were added.
struct Rules<'a>(Batch<'a>);

impl<'a> Rules<'a> {
    fn new() -> Self {
        let mut batch = only_the_table();
        for (name, hook, priority) in [PREROUTING, POSTROUTING] {
            batch.add(NfListObject::Chain(Chain {
                family: NfFamily::INet,
                table: TABLE.into(),
                name: name.into(),
                _type: Some(NfChainType::NAT),
                hook: Some(hook),
                prio: Some(priority),
                policy: Some(NfChainPolicy::Accept),
                ..Chain::default()
            }));
        }
        Self(batch)
    }

    fn add(&mut self, (chain, ..): (&'a str, NfHook, i32), statements: Vec<Statement<'a>>) {
        self.0.add(NfListObject::Rule(Rule {
            family: NfFamily::INet,
            table: TABLE.into(),
            chain: chain.into(),
            expr: statements.into(),
            ..Rule::default()
        }));
    }
}

fn is<'a>(left: Expression<'a>, right: Expression<'a>) -> Statement<'a> {
    Statement::Match(Match { left, right, op: Operator::EQ })
}

fn is_not<'a>(left: Expression<'a>, right: Expression<'a>) -> Statement<'a> {
    Statement::Match(Match { left, right, op: Operator::NEQ })
}

/// A bit among others.
fn has<'a>(left: Expression<'a>, right: Expression<'a>) -> Statement<'a> {
    Statement::Match(Match { left, right, op: Operator::IN })
}

fn text(text: &'static str) -> Expression<'static> {
    Expression::String(text.into())
}

fn meta<'a>(key: MetaKey) -> Expression<'a> {
    Expression::Named(NamedExpression::Meta(Meta { key }))
}

/// What an address of the packet is for this host: `local` if it is one of its own.
fn kind_of<'a>(address: FibFlag) -> Expression<'a> {
    Expression::Named(NamedExpression::Fib(Fib { result: FibResult::Type, flags: HashSet::from([address]) }))
}

fn port_of<'a>(protocol: Transport) -> Expression<'a> {
    let protocol = match protocol {
        Transport::Udp => "udp",
        _ => "tcp",
    };
    field(protocol, "dport")
}

fn destination<'a>(address: IpAddr) -> Expression<'a> {
    field(if address.is_ipv4() { "ip" } else { "ip6" }, "daddr")
}

fn field<'a>(protocol: &'static str, field: &'static str) -> Expression<'a> {
    let field = PayloadField { protocol: protocol.into(), field: field.into() };
    Expression::Named(NamedExpression::Payload(Payload::PayloadField(field)))
}

fn nat<'a>(address: IpAddr) -> NAT<'a> {
    let family = if address.is_ipv4() { NATFamily::IP } else { NATFamily::IP6 };
    let address = Expression::String(address.to_string().into());
    NAT { addr: Some(address), family: Some(family), port: None, flags: None }
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// The name of an interface, for a comparison. One that ends in `*` would stand for all names that begin like it.
fn name(host: &HostPlan, interface: usize) -> Expression<'_> {
    let name = host.interfaces[interface].name.as_str();
    Expression::String(match name.strip_suffix('*') {
        Some(stem) => Cow::Owned(format!("{stem}\\*")),
        None => Cow::Borrowed(name),
    })
}

#[cfg(test)]
mod tests {
    use netns_test_topology::{
        Drawing, DrawnHost, DrawnInterface, DrawnPortForward, DrawnSegment, DrawnSourceNat, Plan, Role,
    };
    use serde_json::{Value, json};

    use super::*;

    /// A router between `lan` (`eth0`) and `wan` (`eth1`), and a server on `lan`.
    fn plan(translate: impl FnOnce(&mut DrawnHost)) -> Plan {
        let segment = |name: &str, subnets: [&str; 2]| DrawnSegment {
            name: name.to_owned(),
            subnets: subnets.map(str::to_owned).to_vec(),
            ..DrawnSegment::default()
        };
        let host = |name: &str, role, segments: &[&str]| {
            let join = |segment: &&str| DrawnInterface { segment: (*segment).to_owned(), ..DrawnInterface::default() };
            let interfaces = segments.iter().map(join).collect();
            DrawnHost { name: name.to_owned(), role, interfaces, ..DrawnHost::default() }
        };
        let mut router = host("router", Role::Router, &["lan", "wan"]);
        translate(&mut router);
        let segments =
            vec![segment("lan", ["10.0.1.0/24", "fd00:1::/64"]), segment("wan", ["203.0.113.0/24", "2001:db8:1::/64"])];
        let hosts = vec![router, host("server", Role::Host, &["lan"]), host("outside", Role::Host, &["wan"])];
        Drawing { segments, hosts, ..Drawing::default() }.plan().unwrap()
    }

    fn forward_to_server(router: &mut DrawnHost, protocol: Transport) {
        let to = "server".to_owned();
        router.forwards.push(DrawnPortForward { protocol, port: 80, to, to_port: Some(8080) });
    }

    /// Everything after the table and its chains.
    fn rules(plan: &Plan) -> Vec<Value> {
        let mut all = serde_json::to_value(of(&plan.hosts[0])).unwrap();
        let Value::Array(commands) = all["nftables"].take() else { panic!("no list") };
        commands.into_iter().skip(3).collect()
    }

    fn rule(chain: &str, expr: &[Value]) -> Value {
        json!({ "add": { "rule": { "family": "inet", "table": "netns-test", "chain": chain, "expr": expr } } })
    }

    fn compare(op: &str, left: &Value, right: &Value) -> Value {
        json!({ "match": { "left": left, "right": right, "op": op } })
    }

    fn meta_is(key: &str, value: &str) -> Value {
        compare("==", &json!({ "meta": { "key": key } }), &json!(value))
    }

    fn meta_is_not(key: &str, value: &str) -> Value {
        compare("!=", &json!({ "meta": { "key": key } }), &json!(value))
    }

    fn field_is(protocol: &str, field: &str, value: &Value) -> Value {
        compare("==", &json!({ "payload": { "protocol": protocol, "field": field } }), value)
    }

    fn local(op: &str, address: &str) -> Value {
        compare(op, &json!({ "fib": { "result": "type", "flags": [address] } }), &json!("local"))
    }

    #[test]
    fn there_is_one_table_with_two_chains() {
        let plan = plan(|router| router.masquerade.push("wan".to_owned()));
        let all = serde_json::to_value(of(&plan.hosts[0])).unwrap();
        let chain = |name: &str, priority| {
            json!({ "add": { "chain": {
                "family": "inet", "table": "netns-test", "name": name,
                "type": "nat", "hook": name, "prio": priority, "policy": "accept",
            } } })
        };
        assert_eq!(all["nftables"][0], json!({ "add": { "table": { "family": "inet", "name": "netns-test" } } }));
        assert_eq!(all["nftables"][1], chain("prerouting", -100));
        assert_eq!(all["nftables"][2], chain("postrouting", 100));
    }

    #[test]
    fn masquerade_is_of_what_is_forwarded() {
        let plan = plan(|router| router.masquerade.push("wan".to_owned()));
        let expected =
            rule("postrouting", &[meta_is("oifname", "eth1"), local("!=", "saddr"), json!({ "masquerade": null })]);
        assert_eq!(rules(&plan), [expected]);
    }

    #[test]
    fn a_source_is_of_its_family_and_goes_before_masquerade() {
        let plan = plan(|router| {
            router.masquerade.push("wan".to_owned());
            for address in ["203.0.113.7", "2001:db8:1::7"] {
                router.source_nat.push(DrawnSourceNat { segment: "wan".to_owned(), address: address.to_owned() });
            }
        });
        let source = |protocol: &str, family: &str, address: &str| {
            let snat = json!({ "snat": { "family": family, "addr": address } });
            let conditions = [meta_is("oifname", "eth1"), local("!=", "saddr"), meta_is("nfproto", protocol)];
            rule("postrouting", &[&conditions[..], &[snat]].concat())
        };
        let rules = rules(&plan);
        assert_eq!(rules[..2], [source("ipv4", "ip", "203.0.113.7"), source("ipv6", "ip6", "2001:db8:1::7")]);
        assert_eq!((rules.len(), &rules[2]["add"]["rule"]["expr"][2]), (3, &json!({ "masquerade": null })));
    }

    #[test]
    fn a_port_is_forwarded_unless_it_came_from_where_it_leads_to() {
        let plan = plan(|router| forward_to_server(router, Transport::Tcp));
        let forward = |protocol: &str, family: &str, address: &str| {
            let dnat = json!({ "dnat": { "family": family, "addr": address, "port": 8080 } });
            let port = field_is("tcp", "dport", &json!(80));
            let from = meta_is_not("iifname", "eth0");
            rule("prerouting", &[from, meta_is("nfproto", protocol), local("==", "daddr"), port, dnat])
        };
        assert_eq!(rules(&plan), [forward("ipv4", "ip", "10.0.1.2"), forward("ipv6", "ip6", "fd00:1::2")]);
    }

    #[test]
    fn with_hairpin_what_turns_back_comes_from_the_router() {
        let plan = plan(|router| {
            forward_to_server(router, Transport::Udp);
            router.hairpin = true;
        });
        let forward = |protocol: &str, family: &str, address: &str| {
            let dnat = json!({ "dnat": { "family": family, "addr": address, "port": 8080 } });
            let port = field_is("udp", "dport", &json!(80));
            rule("prerouting", &[meta_is("nfproto", protocol), local("==", "daddr"), port, dnat])
        };
        let back = |family: &str, address: &str| {
            let to = [field_is(family, "daddr", &json!(address)), field_is("udp", "dport", &json!(8080))];
            let translated = compare("in", &json!({ "ct": { "key": "status" } }), &json!("dnat"));
            let from = [meta_is("iifname", "eth0"), meta_is("oifname", "eth0")];
            rule("postrouting", &[&from[..], &to, &[translated, json!({ "masquerade": null })]].concat())
        };
        let expected = [
            forward("ipv4", "ip", "10.0.1.2"),
            forward("ipv6", "ip6", "fd00:1::2"),
            back("ip", "10.0.1.2"),
            back("ip6", "fd00:1::2"),
        ];
        assert_eq!(rules(&plan), expected);
    }

    #[test]
    fn a_name_is_one_interface() {
        let on = |names: [&str; 2]| {
            let plan = plan(|router| {
                for (interface, name) in router.interfaces.iter_mut().zip(names) {
                    interface.name = Some(name.to_owned());
                }
                router.masquerade.push("wan".to_owned());
            });
            let mut rules = rules(&plan);
            let matched = rules[0]["add"]["rule"]["expr"][0]["match"]["right"].take();
            (matched, misread(&plan.hosts[0]).is_some())
        };
        assert_eq!(on(["lan", "wan"]), (json!("wan"), false));
        assert_eq!(on(["lan", "wan*"]), (json!("wan\\*"), false));
        assert_eq!(on(["lan", "*"]), (json!("\\*"), false));
        assert!(on(["lan", "@wan"]).1);
        // Nothing is said of that one.
        assert!(!on(["@lan", "wan"]).1);
    }
}
