//! What happens to frames: what is read, where it may be, what carries it out.

mod common;

use std::time::Duration;

use common::*;
use netns_test_topology::{ImpairmentPart as Word, *};
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

/// An impairment of these words.
fn words(written: &[(Word, &str)]) -> DrawnImpairment {
    let mut drawn = DrawnImpairment::default();
    for &(part, text) in written {
        let slot = match part {
            Word::Preset => &mut drawn.preset,
            Word::Delay => &mut drawn.delay,
            Word::Jitter => &mut drawn.jitter,
            Word::Distribution => &mut drawn.distribution,
            Word::Loss => &mut drawn.loss,
            Word::Duplicate => &mut drawn.duplicate,
            Word::Reorder => &mut drawn.reorder,
            Word::Corrupt => &mut drawn.corrupt,
            Word::Rate => &mut drawn.rate,
            _ => panic!("{part} is a number"),
        };
        *slot = Some(text.to_owned());
    }
    drawn
}

fn black_hole() -> DrawnImpairment {
    DrawnImpairment { mtu_black_hole: Some(1400), ..Default::default() }
}

fn pair(from: &str, to: &str) -> DrawnPair {
    DrawnPair { from: from.into(), to: to.into(), both_ways: true, impairment: delay() }
}

fn path(from: &str, to: &str) -> DrawnPair {
    DrawnPair { both_ways: false, ..pair(from, to) }
}

/// `a`, `b` and `c` on `lan`.
fn lan(change: impl FnOnce(&mut Drawing)) -> Drawing {
    let hosts = ["a", "b", "c"].map(|name| host(name, &["lan"])).to_vec();
    let mut drawing = draw(vec![segment("lan", &["10.0.1.0/24"])], hosts);
    change(&mut drawing);
    drawing
}

fn on_lan(change: impl FnOnce(&mut DrawnSegment)) -> Drawing {
    lan(|drawing| change(&mut drawing.segments[0]))
}

fn impaired(impairment: DrawnImpairment) -> Drawing {
    on_lan(|lan| lan.impairment = impairment)
}

fn whole(part: Word) -> Place {
    Place::Segment(0, SegmentPart::Impairment(part))
}

fn of_pair(index: usize, part: PairPart) -> Place {
    Place::Segment(0, SegmentPart::Pair(index, part))
}

fn at(host: usize, part: InterfacePart) -> Place {
    Place::Host(host, HostPart::Interface(0, part))
}

/// Claims that there is this one complaint and no other.
#[track_caller]
fn refused(drawing: &Drawing, place: Place, message: &str) {
    let found = drawing.check();
    assert!(
        matches!(&found[..], [only] if only.place == place && only.to_string().contains(message)),
        "expected {place:?}: {message:?}\nfound {found:#?}"
    );
}

#[track_caller]
fn accepted(drawing: &Drawing) -> Plan {
    drawing.plan().unwrap_or_else(|complaints| panic!("{complaints}"))
}

/// What the first segment does.
#[track_caller]
fn does(drawing: &Drawing) -> Vec<(Crossing, String)> {
    let plan = accepted(drawing);
    plan.segments[0].impairments.iter().map(|plan| (plan.crossing, plan.impairment.to_string())).collect()
}

#[track_caller]
fn reads(written: &[(Word, &str)], said: &str) {
    assert_eq!(does(&impaired(words(written))), [(Crossing::All, said.to_owned())]);
}

#[test]
fn every_word_says_what_it_says() {
    reads(&[(Word::Delay, "20ms")], "delay 20ms");
    reads(&[(Word::Delay, "1.5s"), (Word::Jitter, "500us")], "delay 1500ms, jitter 500us");
    reads(&[(Word::Delay, "1h")], "delay 3600s");
    reads(&[(Word::Jitter, "1ms"), (Word::Distribution, "normal")], "jitter 1ms, distribution normal");
    reads(&[(Word::Jitter, "1ms"), (Word::Distribution, "uniform")], "jitter 1ms");
    reads(&[(Word::Loss, "0.1%")], "loss 0.1%");
    reads(&[(Word::Loss, "gemodel 1% 30%")], "loss gemodel 1% 30% 100% 0%");
    reads(&[(Word::Loss, "gemodel 1% 30% 50%")], "loss gemodel 1% 30% 50% 0%");
    reads(&[(Word::Loss, "gemodel 1% 30% 50% 2%")], "loss gemodel 1% 30% 50% 2%");
    reads(&[(Word::Duplicate, "1%"), (Word::Corrupt, "2%")], "duplicate 1%, corrupt 2%");
    reads(&[(Word::Delay, "1ms"), (Word::Reorder, "3%")], "delay 1ms, reorder 3%");
    reads(&[(Word::Rate, "5mbit")], "rate 5mbit");
    let numbers = DrawnImpairment { limit: Some(7), ..words(&[(Word::Rate, "8bit")]) };
    assert_eq!(does(&impaired(numbers)), [(Crossing::All, "rate 8bit, limit 7".to_owned())]);
    assert_eq!(does(&impaired(black_hole())), [(Crossing::All, "mtu_black_hole 1400".to_owned())]);
}

#[test]
fn the_others_start_from_a_preset() {
    for (name, figures) in PRESETS {
        reads(&[(Word::Preset, name)], &figures.to_string());
    }
    reads(&[(Word::Preset, "dsl"), (Word::Rate, "1mbit"), (Word::Loss, "0%")], "delay 15ms, jitter 2ms, rate 1mbit");
    reads(&[(Word::Preset, "lossy"), (Word::Delay, "1ms")], "delay 1ms, loss 10%");
    let deep = DrawnImpairment { limit: Some(9), ..words(&[(Word::Preset, "lan")]) };
    assert_eq!(does(&impaired(deep)), [(Crossing::All, "delay 250us, rate 1gbit, limit 9".to_owned())]);
}

#[test]
fn what_does_nothing_is_left_out() {
    let nothing = words(&[(Word::Delay, "0ms"), (Word::Loss, "0%")]);
    let drawing = lan(|drawing| {
        drawing.segments[0].impairment = nothing.clone();
        drawing.segments[0].pairs.push(DrawnPair { impairment: nothing.clone(), ..pair("a", "b") });
        drawing.hosts[0].interfaces[0].impairment = nothing;
    });
    assert_eq!(does(&drawing), []);
}

#[test]
fn words_that_say_nothing_are_refused_where_they_are() {
    for (part, text, message) in [
        (Word::Preset, "dls", "segment `lan`: there is no preset `dls`\nhelp: did you mean `dsl`?"),
        (Word::Preset, "", "the presets are `lan`, `wifi`, `dsl`, `4g`, `3g`, `satellite`, `lossy`"),
        (Word::Delay, "20", "`20` has no unit: write for example `20ms`"),
        (Word::Delay, "-20", "`-20` is out of range: a delay is between 0ms and 1h"),
        (Word::Delay, "61m", "a delay of 3660s is out of range: it is at most 1h"),
        (Word::Delay, "20µs", "unknown unit `µs`"),
        (Word::Jitter, "-1ms", "a jitter is between"),
        (Word::Jitter, "2h", "a jitter of 7200s is out of range"),
        (Word::Distribution, "norml", "there is no distribution `norml`\nhelp: did you mean `normal`?"),
        (Word::Loss, "1", "`1` has no unit: write `1%`"),
        (Word::Loss, "101%", "`101%` is out of range: a share is between 0% and 100%"),
        (Word::Loss, "1% 25%", "is not a share"),
        (Word::Loss, "gemodel", "is not a model of loss in bursts\nhelp: write for example `gemodel 1% 30%`"),
        (Word::Loss, "gemodel 1%", "is not a model of loss in bursts"),
        (Word::Loss, "gemodel 1% 2% 3% 4% 5%", "is not a model of loss in bursts"),
        (Word::Loss, "gemodel 1% 30", "`30` has no unit"),
        (Word::Loss, "gemodel  1% 30%", "`` is not a share"),
        (Word::Loss, "gemodel1% 30% 40%", "is not a share"),
        (Word::Loss, "gemodel 0% 30%", "never becomes bad"),
        (Word::Duplicate, "1", "has no unit"),
        (Word::Reorder, "-1%", "out of range"),
        (Word::Corrupt, "x", "is not a share"),
        (Word::Rate, "5", "`5` has no unit: write for example `5mbit`"),
        (Word::Rate, "-5", "`-5` is out of range: a rate is between"),
        (Word::Reorder, "1%", "`reorder` needs a `delay`"),
        (Word::Distribution, "normal", "there is none"),
    ] {
        refused(&impaired(words(&[(part, text)])), whole(part), message);
    }
    let limit = |limit, written: &[_]| impaired(DrawnImpairment { limit: Some(limit), ..words(written) });
    refused(&limit(1, &[]), whole(Word::Limit), "frames that wait for the `rate`, and there is none");
    refused(&limit(0, &[(Word::Rate, "1mbit")]), whole(Word::Limit), "lets no frame through");
}

#[test]
fn all_that_is_wrong_is_said_and_nothing_that_follows_from_it() {
    let wrong = [
        (Word::Preset, "x"),
        (Word::Delay, "x"),
        (Word::Jitter, "x"),
        (Word::Distribution, "x"),
        (Word::Loss, "x"),
        (Word::Duplicate, "x"),
    ];
    let wrong = [&wrong[..], &[(Word::Reorder, "x"), (Word::Corrupt, "x"), (Word::Rate, "x")]].concat();
    let drawn = DrawnImpairment { limit: Some(0), ..words(&wrong) };
    let found: Vec<_> = impaired(drawn).check().iter().map(|complaint| complaint.place).collect();
    let expected = [
        Word::Preset,
        Word::Delay,
        Word::Jitter,
        Word::Distribution,
        Word::Loss,
        Word::Duplicate,
        Word::Reorder,
        Word::Corrupt,
        Word::Rate,
        Word::Limit,
    ];
    assert_eq!(found, expected.map(whole));
    // Each of these would have been a delay, a jitter or a rate.
    refused(&impaired(words(&[(Word::Delay, "x"), (Word::Reorder, "1%")])), whole(Word::Delay), "is not a duration");
    refused(
        &impaired(words(&[(Word::Jitter, "x"), (Word::Distribution, "normal")])),
        whole(Word::Jitter),
        "is not a duration",
    );
    let limited = |part| DrawnImpairment { limit: Some(1), ..words(&[(part, "x")]) };
    refused(&impaired(limited(Word::Rate)), whole(Word::Rate), "is not a rate");
    refused(&impaired(limited(Word::Preset)), whole(Word::Preset), "no preset");
    let link = words(&[(Word::Preset, "x"), (Word::Reorder, "1%"), (Word::Distribution, "normal")]);
    refused(&impaired(link), whole(Word::Preset), "no preset");
}

#[test]
fn words_behind_an_interface_are_about_both_directions_of_each() {
    let drawing = lan(|drawing| {
        drawing.hosts[1].count = Some(2);
        drawing.hosts[1].interfaces[0].impairment = delay();
    });
    let said = "delay 20ms".to_owned();
    let (first, second) = ((1, 0), (2, 0));
    let expected = [Crossing::From(first), Crossing::To(first), Crossing::From(second), Crossing::To(second)];
    assert_eq!(does(&drawing), expected.map(|crossing| (crossing, said.clone())));
}

#[test]
fn words_for_one_direction_are_instead_of_those_for_both() {
    let a = |both: &[_], egress: &[_], ingress: &[_]| {
        let drawing = lan(|drawing| {
            let interface = &mut drawing.hosts[0].interfaces[0];
            interface.impairment = words(both);
            interface.egress = words(egress);
            interface.ingress = words(ingress);
        });
        let said = does(&drawing).into_iter().map(|(crossing, said)| match crossing {
            Crossing::From((0, 0)) => format!("from: {said}"),
            Crossing::To((0, 0)) => format!("to: {said}"),
            other => panic!("{other:?}"),
        });
        said.collect::<Vec<_>>()
    };
    assert_eq!(a(&[], &[(Word::Rate, "1mbit")], &[(Word::Rate, "16mbit")]), ["from: rate 1mbit", "to: rate 16mbit"]);
    assert_eq!(a(&[(Word::Delay, "5ms")], &[(Word::Loss, "1%")], &[]), ["from: delay 5ms, loss 1%", "to: delay 5ms"]);
    assert_eq!(a(&[(Word::Delay, "5ms")], &[(Word::Delay, "0ms")], &[]), ["to: delay 5ms"]);
    assert_eq!(
        a(&[(Word::Preset, "dsl")], &[(Word::Rate, "1mbit")], &[(Word::Preset, "lossy")]),
        ["from: delay 15ms, jitter 2ms, loss 0.05%, rate 1mbit", "to: loss 10%"],
    );
    let numbers = lan(|drawing| {
        let interface = &mut drawing.hosts[0].interfaces[0];
        interface.impairment = DrawnImpairment { limit: Some(7), ..black_hole() };
        interface.egress = words(&[(Word::Rate, "1mbit")]);
        interface.ingress = DrawnImpairment { limit: Some(8), mtu_black_hole: Some(9), ..interface.egress.clone() };
    });
    let said: Vec<_> = does(&numbers).into_iter().map(|(_, said)| said).collect();
    assert_eq!(said, ["rate 1mbit, limit 7, mtu_black_hole 1400", "rate 1mbit, limit 8, mtu_black_hole 9"]);
    // What needs another word may have it in each direction.
    assert_eq!(a(&[(Word::Reorder, "1%")], &[(Word::Delay, "5ms")], &[(Word::Delay, "6ms")]).len(), 2);
}

#[test]
fn what_is_wrong_behind_an_interface_is_said_once() {
    let a = |both, egress, ingress| {
        lan(|drawing| {
            let interface = &mut drawing.hosts[0].interfaces[0];
            (interface.impairment, interface.egress, interface.ingress) = (both, egress, ingress);
        })
    };
    let (nothing, reorder) = (DrawnImpairment::new(), words(&[(Word::Reorder, "1%")]));
    let needs = "host `a`: `reorder` needs a `delay`";
    refused(
        &a(reorder.clone(), nothing.clone(), nothing.clone()),
        at(0, InterfacePart::Impairment(Word::Reorder)),
        needs,
    );
    refused(&a(reorder.clone(), delay(), nothing.clone()), at(0, InterfacePart::Impairment(Word::Reorder)), needs);
    refused(&a(nothing.clone(), reorder.clone(), delay()), at(0, InterfacePart::Egress(Word::Reorder)), needs);
    refused(&a(nothing.clone(), delay(), reorder.clone()), at(0, InterfacePart::Ingress(Word::Reorder)), needs);
    let x = || words(&[(Word::Delay, "x")]);
    refused(&a(x(), reorder.clone(), nothing.clone()), at(0, InterfacePart::Impairment(Word::Delay)), "not a duration");
    refused(
        &a(reorder.clone(), x(), delay()),
        at(0, InterfacePart::Egress(Word::Delay)),
        "host `a`: `x` is not a duration",
    );
    refused(&a(reorder, delay(), x()), at(0, InterfacePart::Ingress(Word::Delay)), "host `a`: `x` is not a duration");
}

#[test]
fn a_pair_is_about_both_ways_and_a_path_about_one() {
    let drawing = lan(|drawing| {
        drawing.hosts[2].count = Some(2);
        drawing.hosts[2].interfaces.insert(0, on("wan"));
        drawing.segments.push(segment("wan", &["10.0.2.0/24"]));
        drawing.segments[0].pairs = vec![pair("a", "c-1"), path("b", "a"), path("c-0", "c-1")];
    });
    let (a, b, c0, c1) = ((0, 0), (1, 0), (2, 1), (3, 1));
    let between = [(a, c1), (c1, a), (b, a), (c0, c1)].map(|(from, to)| Crossing::Between(from, to));
    assert_eq!(does(&drawing), between.map(|crossing| (crossing, "delay 20ms".to_owned())));
}

#[test]
fn the_hosts_of_a_pair() {
    let with = |pairs: &[DrawnPair]| {
        lan(|drawing| {
            drawing.segments[0].pairs = pairs.to_vec();
            drawing.segments.push(segment("wan", &["10.0.2.0/24"]));
            drawing.hosts.push(host("server", &["wan"]));
            drawing.hosts.push(router("router", &["lan", "wan"]));
            drawing.hosts.push(DrawnHost { count: Some(2), ..host("many", &["lan"]) });
        })
    };
    accepted(&with(&[pair("a", "many-0"), path("a", "b"), path("b", "a"), pair("b", "router")]));
    let (from, to) = (of_pair(0, PairPart::From), of_pair(0, PairPart::To));
    refused(&with(&[pair("ruoter", "a")]), from, "segment `lan`: `ruoter` is no host\nhelp: did you mean `router`?");
    refused(&with(&[pair("a", "printer")]), to, "`printer` is no host\nhelp: the hosts are `a`, `b`, `c`, `server`");
    refused(
        &with(&[path("a", "many")]),
        to,
        "`many` is an array of 2 hosts, not one\nhelp: write for example `\"many-0\"`",
    );
    let off = "`server` is not on it\nhelp: the hosts on it are `a`, `b`, `c`, `router`, `many`";
    refused(&with(&[pair("server", "a")]), from, off);
    refused(&with(&[pair("a", "a")]), to, "`a` sends nothing to itself");
    accepted(&with(&[pair("many-0", "many-1")]));
    let again = of_pair(1, PairPart::Whole);
    refused(&with(&[pair("a", "b"), pair("b", "a")]), again, "what `b` sends to `a` is impaired twice");
    refused(&with(&[pair("a", "b"), path("b", "a")]), again, "what `b` sends to `a` is impaired twice");
    refused(&with(&[path("a", "b"), pair("b", "a")]), again, "is impaired twice");
    refused(&with(&[path("a", "b"), path("a", "b")]), again, "in two `path(…)`");
    let second = DrawnPair { impairment: words(&[(Word::Loss, "1")]), ..pair("a", "c") };
    refused(
        &with(&[pair("a", "b"), second]),
        of_pair(1, PairPart::Impairment(Word::Loss)),
        "segment `lan`: `1` has no unit",
    );
    let nonsense = DrawnPair { impairment: words(&[(Word::Reorder, "1%")]), ..pair("a", "c") };
    refused(&with(&[nonsense]), of_pair(0, PairPart::Impairment(Word::Reorder)), "needs a `delay`");
}

#[test]
fn who_may_be_on_it_is_not_said_not_to_be() {
    let drawing = lan(|drawing| {
        drawing.segments[0].pairs = vec![pair("a", "d"), pair("site-x", "b")];
        drawing.hosts.push(host("d", &["lam"]));
        drawing.nested.push(DrawnNested { name: "site".into(), ..DrawnNested::default() });
    });
    refused(&drawing, at(3, InterfacePart::Segment), "`lam`, which is no segment");
}

#[test]
fn hosts_of_a_nested_topology_are_found_within_it_and_from_outside() {
    let inner = on_lan(|lan| lan.pairs = vec![pair("a", "b")]);
    let mut drawing = lan(|drawing| {
        drawing.segments[0].pairs = vec![path("site-c", "a")];
        let shares = vec![("up".to_owned(), "lan".to_owned())];
        let site = Drawing { segments: vec![segment("up", &[])], hosts: vec![host("c", &["up"])], ..inner.clone() };
        drawing.nested.push(DrawnNested { name: "site".into(), shares, drawing: Some(site) });
        drawing.nested.push(DrawnNested { name: "other".into(), shares: vec![], drawing: Some(inner) });
        drawing.routes = Routes::None;
    });
    let plan = accepted(&drawing);
    let between =
        |segment: usize| plan.segments[segment].impairments.iter().map(|plan| plan.crossing).collect::<Vec<_>>();
    assert_eq!(between(0), [Crossing::Between((3, 0), (0, 0))]);
    assert_eq!(between(1), [Crossing::Between((4, 0), (5, 0)), Crossing::Between((5, 0), (4, 0))]);
    drawing.nested[1].drawing.as_mut().unwrap().segments[0].pairs[0].to = "site-c".into();
    refused(&drawing, Place::Nested(1, NestedPart::Whole), "segment `other-lan`: `site-c` is no host");
    let inner = drawing.nested[1].drawing.as_mut().unwrap();
    inner.segments[0].pairs[0].to = "d".into();
    inner.hosts.push(DrawnHost { isolated: true, ..host("d", &[]) });
    let within = "segment `other-lan`: `d` is not on it\nhelp: the hosts on it are `a`, `b`, `c`";
    refused(&drawing, Place::Nested(1, NestedPart::Whole), within);
}

#[test]
fn only_a_switch_impairs() {
    let made = |medium: Medium, change: fn(&mut DrawnSegment)| {
        let mut drawing = draw(vec![segment("lan", &["10.0.1.0/24"])], vec![host("a", &["lan"]), host("b", &["lan"])]);
        let mut other = made_of(medium.clone(), "s", &["10.0.2.0/24"]);
        if !matches!(medium, Medium::Switch | Medium::Veth | Medium::Dummy) {
            other.over = Some("lan".into());
        }
        change(&mut other);
        drawing.segments.push(other);
        let hosts = if medium == Medium::Dummy { 1 } else { 2 };
        drawing.hosts[..hosts].iter_mut().for_each(|host| host.interfaces.push(on("s")));
        drawing
    };
    let at_segment = |part| Place::Segment(1, part);
    let delayed = |segment: &mut DrawnSegment| segment.impairment = delay();
    for (medium, message) in [
        (
            Medium::Veth,
            "segment `s`: `delay` needs a switch, and this is a veth pair\nhelp: leave out `veth`: a switch joins two as well",
        ),
        (Medium::Dummy, "this is a dummy\nhelp: nothing crosses a dummy: leave out one of the two"),
        (vlan(10), "this is a VLAN\nhelp: write it at `lan`, the segment that it is over"),
        (Medium::Vxlan { vni: 42 }, "this is a VXLAN\nhelp: write it at `lan`"),
        (Medium::WireGuard, "this is a WireGuard mesh\nhelp: write it at `lan`"),
        (Medium::Gre, "this is a GRE tunnel\nhelp: write it at `lan`"),
        (Medium::Ipip, "this is an IP-in-IP tunnel\nhelp: write it at `lan`"),
    ] {
        accepted(&made(medium.clone(), |_| {}));
        refused(&made(medium.clone(), delayed), at_segment(SegmentPart::Impairment(Word::Delay)), message);
        let mut behind = made(medium.clone(), |_| {});
        behind.hosts[0].interfaces[1].egress = delay();
        let place = Place::Host(0, HostPart::Interface(1, InterfacePart::Egress(Word::Delay)));
        refused(&behind, place, &message.replace("segment `s`:", "host `a`:").replace("this is", "`s` is"));
    }
    accepted(&made(Medium::Switch, delayed));
    let engine = |segment: &mut DrawnSegment| segment.engine = Some("kernel".into());
    refused(&made(Medium::Veth, engine), at_segment(SegmentPart::Engine), "`engine` needs a switch");
    let of_two = |segment: &mut DrawnSegment| segment.pairs = vec![path("a", "b")];
    let place = at_segment(SegmentPart::Pair(0, PairPart::Whole));
    refused(&made(Medium::Veth, of_two), place, "`path` needs a switch");
    let several = |segment: &mut DrawnSegment| {
        segment.pairs = vec![path("a", "b")];
        segment.engine = Some("kernel".into());
        segment.impairment = black_hole();
    };
    refused(&made(Medium::Veth, several), at_segment(SegmentPart::Impairment(Word::MtuBlackHole)), "needs a switch");
}

#[test]
fn what_shares_a_port_is_not_impaired_by_itself() {
    let with = |device: DrawnDevice, change: fn(&mut Drawing)| {
        lan(|drawing| {
            drawing.hosts[0].interfaces[0].device = device;
            change(drawing);
        })
    };
    let behind = |drawing: &mut Drawing| drawing.hosts[0].interfaces[0].ingress = delay();
    let between = |drawing: &mut Drawing| drawing.segments[0].pairs = vec![path("b", "a")];
    for (device, name) in
        [(DrawnDevice::Macvlan, "macvlan"), (DrawnDevice::Ipvlan, "ipvlan"), (DrawnDevice::Macvtap, "macvtap")]
    {
        let message = format!("host `a`: the {name}s on `lan` share a port of the switch");
        refused(&with(device.clone(), behind), at(0, InterfacePart::Ingress(Word::Delay)), &message);
        let message = format!("the {name}s on it share a port of the switch");
        refused(&with(device.clone(), between), of_pair(0, PairPart::To), &message);
        let all = |drawing: &mut Drawing| drawing.segments[0].impairment = delay();
        accepted(&with(device.clone(), all));
        let mut two = with(device.clone(), all);
        two.hosts[1].interfaces[0].device = device;
        let kind = if name == "ipvlan" { "ipvlans" } else { "macvlans and macvtaps" };
        let message =
            format!("the {kind} of `lan` reach each other without its switch, which alone impairs\nhelp: leave out");
        refused(&two, whole(Word::Delay), &message);
        two.segments[0].impairment = DrawnImpairment::default();
        two.hosts[2].interfaces[0].egress = delay();
        accepted(&two);
    }
    for device in [DrawnDevice::Plain, DrawnDevice::Tap, DrawnDevice::Bond { legs: 2, mode: None }] {
        accepted(&with(device.clone(), behind));
        accepted(&with(device, between));
    }
}

#[test]
fn engines() {
    let of = |engine: &str| on_lan(|lan| lan.engine = Some(engine.into()));
    for (name, engine) in [("kernel", Engine::Kernel), ("relay", Engine::Relay), ("automatic", Engine::Automatic)] {
        assert_eq!(accepted(&of(name)).segments[0].engine, engine);
    }
    assert_eq!(accepted(&on_lan(|_| {})).segments[0].engine, Engine::Automatic);
    let place = Place::Segment(0, SegmentPart::Engine);
    refused(&of("kernle"), place, "segment `lan`: there is no engine `kernle`\nhelp: did you mean `kernel`?");
    refused(&of(""), place, "the engines are `kernel`, `relay`, `automatic`");
}

/// For each engine, what it says to a drawing: a place and a part of the message, or nothing.
#[track_caller]
fn by_engine(change: fn(&mut Drawing), expected: [Option<(Place, &str)>; 3]) {
    for (engine, expected) in [Some("kernel"), Some("relay"), None].into_iter().zip(expected) {
        let drawing = lan(|drawing| {
            drawing.segments[0].engine = engine.map(Into::into);
            change(drawing);
        });
        match expected {
            Some((place, message)) => refused(&drawing, place, message),
            None => drop(accepted(&drawing)),
        }
    }
}

fn of_jitter(jitter: &str) -> DrawnImpairment {
    DrawnImpairment { delay: Some("3s".into()), jitter: Some(jitter.into()), ..DrawnImpairment::default() }
}

fn bond(d: &mut Drawing) {
    d.hosts[1].interfaces[0].device = DrawnDevice::Bond { legs: 2, mode: None };
}

#[test]
fn where_the_kernel_has_no_queue() {
    let kernel_only = |place, message| [Some((place, message)), None, None];
    let jitter = "the kernel has no jitter of more than 2.147 s\nhelp: write `engine = \"relay\"`, which can";
    by_engine(|d| d.segments[0].impairment = of_jitter("2.148s"), kernel_only(whole(Word::Jitter), jitter));
    by_engine(|d| d.segments[0].impairment = of_jitter("2.147s"), [None; 3]);
    by_engine(
        |d| d.hosts[1].interfaces[0].egress = of_jitter("3s"),
        kernel_only(at(1, InterfacePart::Egress(Word::Jitter)), jitter),
    );
    let cables = "the kernel has a queue for each cable, and a bond has several\nhelp: write `engine = \"relay\"`";
    by_engine(bond, [None; 3]);
    by_engine(
        |d| {
            bond(d);
            d.segments[0].impairment = delay();
        },
        kernel_only(whole(Word::Delay), cables),
    );
    by_engine(
        |d| {
            bond(d);
            d.hosts[1].interfaces[0].ingress = delay();
        },
        kernel_only(at(1, InterfacePart::Ingress(Word::Delay)), cables),
    );
    by_engine(
        |d| {
            d.hosts[1].interfaces[0].device = DrawnDevice::Macvlan;
            d.segments[0].impairment = delay();
        },
        kernel_only(whole(Word::Delay), "the macvlans, macvtaps or ipvlans of a segment share one\nhelp: write"),
    );
    let tap = "what is written to a tap waits in no queue of a host's kernel\nhelp: write";
    by_engine(
        |d| {
            d.hosts[1].interfaces[0].device = DrawnDevice::Tap;
            d.hosts[1].interfaces[0].egress = delay();
        },
        kernel_only(at(1, InterfacePart::Egress(Word::Delay)), tap),
    );
    by_engine(
        |d| {
            d.hosts[1].interfaces[0].device = DrawnDevice::Tap;
            d.hosts[1].interfaces[0].ingress = delay();
        },
        [None; 3],
    );
}

#[test]
fn what_the_kernel_cannot_do() {
    let kernel_only = |place, message| [Some((place, message)), None, None];
    let size = "the kernel cannot drop packets by their size\nhelp: write `engine = \"relay\"`, which can";
    by_engine(|d| d.segments[0].impairment = black_hole(), kernel_only(whole(Word::MtuBlackHole), size));
    by_engine(
        |d| d.hosts[1].interfaces[0].impairment = black_hole(),
        kernel_only(at(1, InterfacePart::Impairment(Word::MtuBlackHole)), size),
    );
    by_engine(
        |d| d.hosts[1].interfaces[0].egress = black_hole(),
        kernel_only(at(1, InterfacePart::Egress(Word::MtuBlackHole)), size),
    );
    let alike =
        "the kernel cannot tell what one host sends to another from what others send to it\nhelp: write `engine";
    by_engine(|d| d.segments[0].pairs = vec![path("a", "b")], kernel_only(of_pair(0, PairPart::Whole), alike));
    by_engine(|d| d.segments[0].pairs = vec![pair("a", "b")], kernel_only(of_pair(0, PairPart::Whole), alike));
    let one =
        "host `b`: the kernel has one queue for what arrives at a host, which is that of all of `lan` already\nhelp:";
    let ingress = |d: &mut Drawing| d.hosts[1].interfaces[0].ingress = delay();
    by_engine(ingress, [None; 3]);
    by_engine(
        |d| {
            d.segments[0].impairment = delay();
            d.hosts[1].interfaces[0].ingress = delay();
        },
        kernel_only(at(1, InterfacePart::Ingress(Word::Delay)), one),
    );
    by_engine(
        |d| {
            d.segments[0].impairment = delay();
            d.hosts[1].interfaces[0].egress = delay();
            d.hosts[1].interfaces[0].ingress = delay();
        },
        kernel_only(at(1, InterfacePart::Ingress(Word::Delay)), one),
    );
    by_engine(
        |d| {
            d.segments[0].impairment = delay();
            d.hosts[1].interfaces[0].impairment = delay();
        },
        kernel_only(at(1, InterfacePart::Impairment(Word::Delay)), one),
    );
    by_engine(
        |d| {
            d.segments[0].impairment = delay();
            d.hosts[1].interfaces[0].egress = delay();
        },
        [None; 3],
    );
    by_engine(
        |d| {
            d.segments[0].impairment = delay();
            d.hosts[1].interfaces[0].ingress = words(&[(Word::Loss, "0%")]);
        },
        [None; 3],
    );
    by_engine(
        |d| {
            d.segments[0].impairment = words(&[(Word::Loss, "0%")]);
            d.hosts[1].interfaces[0].ingress = delay();
        },
        [None; 3],
    );
}

#[test]
fn what_a_relay_cannot_do() {
    fn stp(drawing: &mut Drawing) {
        drawing.segments[0].bridge.stp = Some(true);
    }
    let engine = Place::Segment(0, SegmentPart::Engine);
    let bridge = Place::Segment(0, SegmentPart::Bridge);
    let instead = "a relay does not speak STP\nhelp: write `engine = \"kernel\"`, or leave out `stp = true`";
    let maybe = "this switch may be impaired by a relay, which does not speak STP\nhelp: write `engine = \"kernel\"`";
    by_engine(stp, [None, Some((engine, instead)), None]);
    let unless_kernel = [None, Some((engine, instead)), Some((bridge, maybe))];
    by_engine(
        |d| {
            stp(d);
            d.segments[0].impairment = delay();
        },
        unless_kernel,
    );
    by_engine(
        |d| {
            stp(d);
            d.hosts[0].interfaces[0].egress = delay();
        },
        unless_kernel,
    );
    let vlans =
        "a relay does not filter VLANs\nhelp: write `engine = \"kernel\"`, or leave out `vlan_filtering = true`";
    by_engine(|d| d.segments[0].bridge.vlan_filtering = Some(true), [None, Some((engine, vlans)), None]);
    by_engine(
        |d| {
            d.segments[0].bridge.stp = Some(false);
            d.segments[0].bridge.vlan_filtering = Some(false);
            d.segments[0].bridge.ageing = Some("10s".into());
            d.segments[0].impairment = delay();
        },
        [None; 3],
    );
    // What neither can do, no help says that the other can.
    let neither = "help: leave out `stp = true`: the kernel cannot do all of what is asked for";
    by_engine(
        |d| {
            stp(d);
            d.segments[0].pairs = vec![path("a", "b")];
        },
        [
            Some((
                of_pair(0, PairPart::Whole),
                "help: leave out this, or `stp = true` and write `engine = \"relay\"`, which does not speak STP",
            )),
            Some((engine, neither)),
            Some((bridge, neither)),
        ],
    );
}

fn shares() -> impl Strategy<Value = Percent> {
    prop_oneof![
        Just(Percent::ZERO),
        Just(Percent::ALL),
        (0u32..=1_000_000_000).prop_map(|n| Percent::new(f64::from(n) / 1e7))
    ]
}

fn times() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..=3_600_000u64).prop_map(Duration::from_millis),
        (0..=3_600_000_000_000u64).prop_map(Duration::from_nanos),
    ]
}

fn impairments() -> impl Strategy<Value = Impairment> {
    let bits = prop_oneof![8..=1_000_000_000_000u64, (1..=1000u64).prop_map(|n| n * 1_000_000)];
    let bursts = prop::option::of((shares(), shares(), shares(), shares()));
    let shares = (shares(), shares(), shares(), shares());
    let numbers = (prop::option::of(1..u32::MAX), prop::option::of(any::<u32>()));
    (times(), times(), any::<bool>(), shares, bursts, prop::option::of(bits), numbers).prop_map(
        |(delay, jitter, is_normal, (loss, duplicate, reorder, corrupt), bursts, bits, (limit, mtu))| {
            let mut impairment = Impairment::new().delay(delay).jitter(jitter).loss(loss);
            impairment = impairment.duplicate(duplicate).reorder(reorder).corrupt(corrupt);
            if let Some((good_to_bad, bad_to_good, in_bad, in_good)) = bursts {
                impairment.loss = Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good };
            }
            impairment.distribution = if is_normal { Distribution::Normal } else { Distribution::Uniform };
            (impairment.rate, impairment.limit) = (bits.map(Rate::bit), limit);
            impairment.mtu_black_hole = mtu;
            impairment
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn typed_values_are_the_same_when_they_have_been_written(impairment in impairments()) {
        // What makes no sense is refused, and what does nothing is left out.
        let plan = impaired(impairment.into()).plan();
        if impairment.complaints().is_empty() {
            let planned: Vec<_> = plan.unwrap().segments[0].impairments.clone();
            let expected: Vec<_> = (!impairment.is_none()).then_some(ImpairmentPlan::new(Crossing::All, impairment)).into_iter().collect();
            prop_assert_eq!(planned, expected);
        } else {
            plan.unwrap_err();
        }
    }
}

/// The property above says nothing of what is refused.
#[test]
fn an_hour_and_a_nanosecond_are_written_to_the_last_digit() {
    for (time, text) in [
        (60 * 60 * 1000 * MS, "3600s"),
        (20 * MS, "20ms"),
        (Duration::from_micros(500), "500us"),
        (Duration::from_nanos(1), "0.001us"),
        (Duration::from_nanos(3_599_999_999_999), "3599999999.999us"),
    ] {
        let drawn = DrawnImpairment::from(Impairment::new().delay(time));
        assert_eq!(drawn.delay.as_deref(), Some(text));
        let plan = accepted(&impaired(drawn));
        assert_eq!(plan.segments[0].impairments[0].impairment.delay, time);
    }
}
