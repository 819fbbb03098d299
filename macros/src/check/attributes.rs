//! The other attributes of the function. Those above ours that are macros have run by now and are gone.

use syn::{Attribute, Path, ReturnType, Type};

use crate::errors::Errors;
use crate::parse::TestFn;

/// Refuses attributes that make a test of the function a second time, and a `#[should_panic]` that can never be judged.
pub(crate) fn check(function: &TestFn, errors: &mut Errors) {
    for attribute in &function.attrs {
        if let Some(message) = second_test(attribute.path()).filter(|_| !is_standard_test(attribute)) {
            errors.add(attribute, message);
        }
        if attribute.path().is_ident("should_panic") && !returns_nothing(&function.sig.output) {
            errors.add(
                attribute,
                "`#[should_panic]` stands on tests that return nothing only\n\
                 help: leave out the return type and `unwrap()` where the body has `?`",
            );
        }
    }
}

/// Whether this is `#[test]` in the spelling that only other macros use: they leave it to the next one to be a test.
pub(crate) fn is_standard_test(attribute: &Attribute) -> bool {
    let spelling = spelling(attribute.path());
    ["::core::prelude::v1::test", "::std::prelude::v1::test"].contains(&&*spelling)
}

/// Whether the attribute sets the level of lints.
pub(crate) fn is_lint(attribute: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"].iter().any(|level| attribute.path().is_ident(level))
}

/// Whether there is no return type, or `()`.
fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

/// What to say about an attribute with this path if it makes a test of the function.
fn second_test(path: &Path) -> Option<String> {
    let spelling = spelling(path);
    let names: Vec<_> = spelling.rsplit("::").collect();
    let help = match names[..] {
        ["netns_test", ..] | ["test", "netns_test", ..] => "write all options in one `#[netns_test(…)]`",
        ["test"] => {
            "remove it: `#[netns_test]` makes a test of the function\n\
                     note: where `#[rstest]` has put it there, write `#[netns_test::test]` in place of `#[netns_test]`"
        }
        ["test", ..] => {
            "remove it: `#[netns_test]` makes a test of the function, and an `async` one runs on tokio; \
             its options are `flavor`, `worker_threads` and `start_paused`"
        }
        ["rstest", ..] => "write `#[rstest]` first, and below it `#[netns_test::test]` in place of `#[netns_test]`",
        _ => return None,
    };
    Some(format!("`#[{spelling}]` is a second test attribute\nhelp: {help}"))
}

/// The path as one writes it.
fn spelling(path: &Path) -> String {
    let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let colons = if path.leading_colon.is_some() { "::" } else { "" };
    format!("{colons}{}", names.join("::"))
}
