//! What the compiler says about uses of the attribute, right and wrong.

/// One function, since trybuild builds all cases of a function as one project and projects would wait for each other.
#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("cases/pass/*.rs");
    cases.compile_fail("cases/fail/*.rs");
}
