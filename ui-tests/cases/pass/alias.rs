// `netns_test::test` is the same attribute, for macros that look for one whose last word is `test`.

#[netns_test::test(namespaces = 1)]
fn by_its_other_name() {}

fn main() {}
