//! Whole expansions, as they would be written by hand.

use super::tokens;
use crate::expand::expand;

fn expansion(options: &str, item: &str) -> String {
    prettyplease::unparse(&syn::parse2(expand(tokens(options), tokens(item))).expect("an expansion is made of items"))
}

/// Without the mirror for builds that are not for testing.
fn test_only(options: &str, item: &str) -> String {
    let expansion = expansion(options, item);
    expansion.split("#[cfg(not(test))]").next().unwrap_or_default().to_owned()
}

#[test]
fn a_plain_test() {
    let expansion = expansion("veth = true", "fn reach(alice: Host, _bob: Host) { alice.run(|| ()) }");
    insta::assert_snapshot!(expansion, @r#"
    #[::core::prelude::v1::test]
    fn reach() {
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        fn __netns_test_body(
            #[allow(unused_variables)]
            alice: Host,
            #[allow(unused_variables)]
            _bob: Host,
        ) {
            alice.run(|| ())
        }
        const __NETNS_TEST_SPEC: ::netns_test::__private::TestSpec = ::netns_test::__private::TestSpec::new(
                ::core::concat!(::core::module_path!(), "::", "reach"),
                ::core::env!("CARGO_MANIFEST_DIR"),
            )
            .hosts(&["alice", "bob"])
            .veth(true);
        ::netns_test::__private::run(
            &__NETNS_TEST_SPEC,
            |__netns_test_lab| __netns_test_body(
                <Host as ::netns_test::__private::Parameter>::bind(
                    __netns_test_lab,
                    "alice",
                ),
                <Host as ::netns_test::__private::Parameter>::bind(__netns_test_lab, "bob"),
            ),
        )
    }
    #[cfg(not(test))]
    const _: () = {
        fn reach() {
            #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
            fn __netns_test_body(
                #[allow(unused_variables)]
                alice: Host,
                #[allow(unused_variables)]
                _bob: Host,
            ) {
                alice.run(|| ())
            }
            const __NETNS_TEST_SPEC: ::netns_test::__private::TestSpec = ::netns_test::__private::TestSpec::new(
                    ::core::concat!(::core::module_path!(), "::", "reach"),
                    ::core::env!("CARGO_MANIFEST_DIR"),
                )
                .hosts(&["alice", "bob"])
                .veth(true);
            ::netns_test::__private::run(
                &__NETNS_TEST_SPEC,
                |__netns_test_lab| __netns_test_body(
                    <Host as ::netns_test::__private::Parameter>::bind(
                        __netns_test_lab,
                        "alice",
                    ),
                    <Host as ::netns_test::__private::Parameter>::bind(
                        __netns_test_lab,
                        "bob",
                    ),
                ),
            )
        }
        let _ = reach;
    };
    "#);
}

#[test]
fn an_async_test_with_everything() {
    let expansion = test_only(
        r#"crate = ::testing::netns, namespaces = 2, veth = true, subnets = ["10.0.0.0/24", "fd00::/64"], ipv6 = true,
           mtu = 1400, timeout = "10s", requires(vlan, program = "nft"), flavor = "multi_thread", worker_threads = 2"#,
        r#"
        /// Documented.
        #[allow(unused)]
        #[ignore = "slow"]
        pub(crate) async fn reach(mut alice: Host, #[allow(unused)] bob: netns::Host, lab: Lab) -> io::Result<()> {
            #![allow(clippy::all)]
            Ok(())
        }"#,
    );
    insta::assert_snapshot!(expansion, @r#"
    /// Documented.
    #[allow(unused)]
    #[ignore = "slow"]
    #[::core::prelude::v1::test]
    pub(crate) fn reach() -> impl ::std::process::Termination {
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        async fn __netns_test_body(
            #[allow(unused_variables)]
            mut alice: Host,
            #[allow(unused)]
            #[allow(unused_variables)]
            bob: netns::Host,
            lab: Lab,
        ) -> io::Result<()> {
            #![allow(clippy::all)]
            Ok(())
        }
        const __NETNS_TEST_SPEC: ::testing::netns::__private::TestSpec = ::testing::netns::__private::TestSpec::new(
                ::core::concat!(::core::module_path!(), "::", "reach"),
                ::core::env!("CARGO_MANIFEST_DIR"),
            )
            .hosts(&["alice", "bob"])
            .veth(true)
            .subnets(&["10.0.0.0/24", "fd00::/64"])
            .ipv6(true)
            .mtu(1400)
            .timeout("10s")
            .requires(
                &[
                    ::testing::netns::__private::Need::Feature(
                        ::testing::netns::__private::Feature::Vlan,
                    ),
                    ::testing::netns::__private::Need::Program("nft"),
                ],
            )
            .multi_thread(true)
            .worker_threads(2);
        ::testing::netns::__private::run_async(
            &__NETNS_TEST_SPEC,
            |__netns_test_lab| __netns_test_body(
                <Host as ::testing::netns::__private::Parameter>::bind(
                    __netns_test_lab,
                    "alice",
                ),
                <netns::Host as ::testing::netns::__private::Parameter>::bind(
                    __netns_test_lab,
                    "bob",
                ),
                <Lab as ::testing::netns::__private::Parameter>::bind(
                    __netns_test_lab,
                    "lab",
                ),
            ),
        )
    }
    "#);
}

#[test]
fn a_test_with_a_bad_link() {
    let expansion = test_only(
        r#"veth = true, delay = "20ms", rate = "1mbit", limit = 5, engine = "kernel""#,
        "fn far(a: Host, b: Host) {}",
    );
    insta::assert_snapshot!(expansion, @r#"
    #[::core::prelude::v1::test]
    fn far() {
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        fn __netns_test_body(
            #[allow(unused_variables)]
            a: Host,
            #[allow(unused_variables)]
            b: Host,
        ) {}
        const __NETNS_TEST_SPEC: ::netns_test::__private::TestSpec = ::netns_test::__private::TestSpec::new(
                ::core::concat!(::core::module_path!(), "::", "far"),
                ::core::env!("CARGO_MANIFEST_DIR"),
            )
            .hosts(&["a", "b"])
            .veth(true)
            .impairment(::netns_test::__private::DrawnImpairment {
                delay: ::core::option::Option::Some("20ms"),
                rate: ::core::option::Option::Some("1mbit"),
                limit: ::core::option::Option::Some(5),
                ..::netns_test::__private::DrawnImpairment::new()
            })
            .engine("kernel");
        ::netns_test::__private::run(
            &__NETNS_TEST_SPEC,
            |__netns_test_lab| __netns_test_body(
                <Host as ::netns_test::__private::Parameter>::bind(__netns_test_lab, "a"),
                <Host as ::netns_test::__private::Parameter>::bind(__netns_test_lab, "b"),
            ),
        )
    }
    "#);
}

#[test]
fn a_test_that_somebody_else_marks() {
    let expansion = test_only("namespaces = 1", "#[::core::prelude::v1::test] fn marked() -> () {}");
    insta::assert_snapshot!(expansion, @r#"
    #[::core::prelude::v1::test]
    fn marked() {
        #[allow(clippy::needless_pass_by_value, clippy::unused_async)]
        fn __netns_test_body() -> () {}
        const __NETNS_TEST_SPEC: ::netns_test::__private::TestSpec = ::netns_test::__private::TestSpec::new(
                ::core::concat!(::core::module_path!(), "::", "marked"),
                ::core::env!("CARGO_MANIFEST_DIR"),
            )
            .hosts(&["host1"]);
        ::netns_test::__private::run(
            &__NETNS_TEST_SPEC,
            |__netns_test_lab| __netns_test_body(),
        )
    }
    "#);
}

#[test]
fn of_the_attributes_the_mirror_has_the_lints() {
    let item = "#[should_panic] #[allow(unused)] #[ignore] #[expect(dead_code)] pub fn f(a: Host) { panic!() }";
    let expansion = expansion("", item);
    let mirror = expansion.split_once("#[cfg(not(test))]").expect("a mirror").1;
    let attributes: Vec<_> = mirror.lines().map(str::trim).take_while(|line| !line.starts_with("const")).collect();
    assert_eq!(attributes, ["", "#[allow(unused)]", "#[expect(dead_code)]"]);
    assert!(!mirror.contains("pub"));
}

#[test]
fn a_wrong_option_leaves_a_function_of_the_same_shape() {
    let expansion = expansion(
        "vet = true, namespaces = 1024",
        "#[allow(unused)] #[should_panic] pub async fn broken(#[case] a: Host) -> Result<(), E> { a.b().await }",
    );
    insta::assert_snapshot!(expansion, @r#"
    ::core::compile_error! {
        "unknown option `vet`; did you mean `veth`?\nnote: valid options are `namespaces`, `veth`, `subnet`, `subnets`, `ipv6`, `mtu`, `engine`, `topology`, `timeout`, `requires`, `flavor`, `worker_threads`, `start_paused`, `crate`, `preset`, `delay`, `jitter`, `distribution`, `loss`, `duplicate`, `reorder`, `corrupt`, `rate`, `limit`, `mtu_black_hole`"
    }
    ::core::compile_error! {
        "expected an integer between 0 and 1023, for example `namespaces = 2`"
    }
    ::core::compile_error! {
        "`#[should_panic]` stands on tests that return nothing only\nhelp: leave out the return type and `unwrap()` where the body has `?`"
    }
    #[allow(unused)]
    #[allow(dead_code, unused)]
    pub fn broken() {
        async fn __netns_test_body(a: Host) -> Result<(), E> {
            a.b().await
        }
    }
    "#);
}

#[test]
fn a_method_stays_one() {
    // Within `impl`, where it came from, it is well-formed.
    let expansion = expand(tokens(""), tokens("#[cfg(unix)] fn method(&self, a: Host) { self.a }")).to_string();
    insta::assert_snapshot!(expansion, @r#":: core :: compile_error ! { "a test cannot have `self`\nhelp: write it as a function outside of any `impl`" } # [allow (dead_code , unused)] fn method (& self , a : Host) { self . a }"#);
}

#[test]
fn the_body_may_be_anything() {
    let body = "{ if 1 alice . let = ; }";
    let expansion = expand(tokens("namespaces = 1"), tokens(&format!("fn typing() {body}"))).to_string();
    assert!(expansion.contains(body) && !expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn what_is_not_a_function_comes_out_as_it_was() {
    let expansion = expansion("oops", "#[derive(Clone)] struct Test { alice: Host }");
    insta::assert_snapshot!(expansion, @r#"
    ::core::compile_error! {
        "unknown option `oops`\nnote: valid options are `namespaces`, `veth`, `subnet`, `subnets`, `ipv6`, `mtu`, `engine`, `topology`, `timeout`, `requires`, `flavor`, `worker_threads`, `start_paused`, `crate`, `preset`, `delay`, `jitter`, `distribution`, `loss`, `duplicate`, `reorder`, `corrupt`, `rate`, `limit`, `mtu_black_hole`"
    }
    ::core::compile_error! {
        "`#[netns_test]` stands on functions only"
    }
    #[derive(Clone)]
    struct Test {
        alice: Host,
    }
    "#);
}
