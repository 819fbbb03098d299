//! What is refused, and what only looks as if it should be. The words and places of a refusal are in the UI cases.

use super::complaints;

#[test]
fn names_of_hosts() {
    for (parameters, names) in [
        ("alice: Host, bob: Host", r#"["alice","bob"]"#),
        ("_alice: Host, __b_: Host", r#"["alice","b_"]"#),
        ("_: Host, mut b: a::Host, ___: (Host)", r#"["host1","b","host3"]"#),
        ("r#type: Host, lab: Lab, _: Host", r#"["type","host2"]"#),
    ] {
        let item = format!("fn test({parameters}) {{}}");
        let expansion = crate::expand::expand(super::tokens("veth = true"), super::tokens(&item)).to_string();
        assert!(expansion.replace(' ', "").contains(&format!(".hosts(&{names})")), "{parameters}: {expansion}");
    }
}

#[test]
fn hosts_without_parameters_are_numbered() {
    let expansion = crate::expand::expand(super::tokens("namespaces = 2"), super::tokens("fn test(lab: Lab) {}"));
    assert!(expansion.to_string().replace(' ', "").contains(r#".hosts(&["host1","host2"])"#));
}

#[test]
fn mistakes_in_options_and_signature_are_reported_together() {
    let found = complaints("veht = true, mtu", "unsafe fn test<T>(a: Host, (b, c): T) where T: Copy {}");
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_mistake_in_the_options_accuses_no_other_option() {
    // With `veth` the subnet would be right.
    assert_eq!(complaints(r#"veht = true, subnet = "10.0.0.0/24""#, "fn test(a: Host, b: Host) {}").len(), 1);
}

#[test]
fn mistakes_in_the_signature_hide_none_in_the_network() {
    let found = complaints(r#"veth = true, subnet = "10.0.0.1/24""#, "const fn test(a: Host, b: Host) {}");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn attributes_of_others() {
    for (attribute, mistakes) in [
        ("#[ignore]", 0),
        ("#[tokio_test]", 0),
        ("#[test_case(1)]", 0),
        ("#[::core::prelude::v1::test]", 0),
        ("#[::std::prelude::v1::test]", 0),
        ("#[core::prelude::v1::test]", 1),
        ("#[test]", 1),
        ("#[tokio::test]", 1),
        ("#[rstest::rstest]", 1),
        ("#[netns_test]", 1),
        ("#[::netns_test::netns_test(veth = true)]", 1),
    ] {
        let found = complaints("", &format!("{attribute} async fn test(a: Host) {{}}"));
        assert_eq!(found.len(), mistakes, "{attribute}: {found:#?}");
    }
}

#[test]
fn should_panic_needs_a_test_that_returns_nothing() {
    for (output, mistakes) in [("", 0), ("-> ()", 0), ("-> Result<(), ()>", 1), ("-> TestResult", 1)] {
        let item = format!("#[should_panic] fn test(a: Host) {output} {{}}");
        assert_eq!(complaints("", &item).len(), mistakes, "{output}");
    }
}
