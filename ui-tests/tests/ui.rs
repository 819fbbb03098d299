//! What the compiler says about uses of the attribute, right and wrong.
//!
//! Two functions: trybuild checks cases that all have to fail in one go, and mixed ones one by one.

#[test]
fn wrong_uses_are_refused() {
    trybuild::TestCases::new().compile_fail("cases/fail/*.rs");
}

#[test]
fn right_uses_compile() {
    trybuild::TestCases::new().pass("cases/pass/*.rs");
}
