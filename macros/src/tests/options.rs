//! What stands between the parentheses.

use super::tokens;
use crate::errors::Errors;
use crate::parse::{Flavor, Options, TABLE};

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
    for option in TABLE {
        good(option.example);
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
    for wrong in
        ["veth = 1", "veth", "veth =", "nonsense(1)", "7", "timeout = \"1\"", "veth = true = false", "", "r#type = 1"]
    {
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
