//! What stands between the parentheses.

use netns_test_topology::Feature;

use super::tokens;
use crate::errors::Errors;
use crate::parse::{Flavor, Need, Options, TABLE, WORDS};

fn parse(source: &str) -> (Options, Errors) {
    let mut errors = Errors::default();
    let options = Options::parse(tokens(source), &mut errors);
    (options, errors)
}

fn good(source: &str) -> Options {
    let (options, errors) = parse(source);
    assert!(errors.is_empty(), "{source}: {}", errors.into_compile_errors());
    options
}

#[test]
fn every_example_is_a_good_option() {
    for example in TABLE.iter().map(|option| option.example).chain(WORDS.map(|word| word.example)) {
        good(example);
    }
}

#[test]
fn values_arrive() {
    let options = good(r#"namespaces = 1_0, veth = true, mtu = 0x578, flavor = "multi_thread","#);
    assert_eq!(options.namespaces.unwrap().value, 10);
    assert!(options.veth.unwrap().value);
    assert_eq!(options.mtu.unwrap().value, 1400);
    assert_eq!(options.flavor.unwrap().value, Flavor::MultiThread);
    assert!(options.ipv6.is_none());
}

#[test]
fn a_mistake_costs_its_own_option_only() {
    for wrong in [
        "veth = 1",
        "veth",
        "veth =",
        "nonsense(1)",
        "7",
        "timeout = \"1\"",
        "veth = true = false",
        "",
        "r#type = 1",
        "requires",
        "requires(7)",
        "requires = veth",
    ] {
        let (options, errors) = parse(&format!("mtu = 1400, {wrong}, namespaces = 3"));
        assert!(!errors.is_empty(), "{wrong}");
        assert_eq!((options.mtu.unwrap().value, options.namespaces.unwrap().value), (1400, 3), "{wrong}");
    }
}

#[test]
fn numbers_are_plain_and_in_range() {
    for wrong in ["1024", "-1", "2u32", "2.0", "'2'", "99999999999999999999", "1 + 1"] {
        assert!(!parse(&format!("namespaces = {wrong}")).1.is_empty(), "{wrong}");
    }
    good("namespaces = 0");
    good("namespaces = 1023");
}

#[test]
fn a_crate_path_is_absolute() {
    for right in ["::a", "::a::b", "crate", "crate::a", "\"::a\"", "\"crate::a\""] {
        good(&format!("crate = {right}"));
    }
    for wrong in ["a", "a::b", "self::a", "super::a", "Self", "\"a\"", "\"\"", "\"::a b\"", "::", "::a<u8>", "1"] {
        assert!(!parse(&format!("crate = {wrong}")).1.is_empty(), "{wrong}");
    }
}

#[test]
fn needs_arrive_in_their_order() {
    let needs = good(r#"requires(sctp, program = "nft", vlan_filtering, program = "tc",)"#).requires.unwrap().value;
    let program = |name: &str| Need::Program(name.to_owned());
    let expected = [Need::Feature(Feature::Sctp), program("nft"), Need::Feature(Feature::VlanFiltering), program("tc")];
    assert_eq!(needs, expected);
}

#[test]
fn every_feature_can_be_required() {
    for feature in Feature::ALL {
        good(&format!("requires({feature})"));
    }
}

#[test]
fn the_line_to_write_in_place_of_a_wrong_list_is_a_good_one() {
    for (wrong, right) in [
        ("requires = vlan", "requires(vlan)"),
        ("requires = [vlan, sctp]", "requires(vlan, sctp)"),
        ("requires[vlan]", "requires(vlan)"),
        ("requires = (program = \"tc\")", "requires(program = \"tc\")"),
        ("requires", r#"requires(vlan, program = "nft")"#),
        ("requires =", r#"requires(vlan, program = "nft")"#),
        ("requires = \"vlan\"", r#"requires(vlan, program = "nft")"#),
        ("requires vlan", "requires(vlan)"),
    ] {
        let said = parse(wrong).1.into_compile_errors().to_string().replace(['\\', ' '], "");
        let line = format!("takesalistinparentheses:write`{}`", right.replace(' ', ""));
        assert!(said.contains(&line), "{wrong}: {said}");
        good(right);
    }
}

#[test]
fn every_mistake_in_a_list_of_needs_is_found() {
    for (list, mistakes) in [
        ("vlan", 0),
        ("", 1),
        (",", 1),
        ("vlan vxlan", 1),
        ("vlan, vlan, vlan", 2),
        ("Vlan", 1),
        ("vlan = true, no, program, program = 5, program = \"\", program = \"a/b\", \"sctp\", 1 + 1, sctp", 8),
        ("program = \"nft\" \"tc\"", 1),
        ("program = \"nft\", program = \"nft\"", 1),
    ] {
        let found = super::complaints(&format!("requires({list})"), "fn test(a: Host) {}");
        assert_eq!(found.len(), mistakes, "{list}: {found:#?}");
    }
}
