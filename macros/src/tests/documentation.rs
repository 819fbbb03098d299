//! The page of options and the table of options.

use crate::parse::TABLE;

#[test]
fn the_page_lists_the_options_of_the_table() {
    let page = include_str!("../../docs/netns_test.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: Vec<_> = rows.map(|(name, _)| name).collect();
    let defined: Vec<_> = TABLE.iter().map(|option| option.name).collect();
    assert_eq!(listed, defined);
}

#[test]
fn an_example_is_of_its_option() {
    for option in TABLE {
        assert!(option.example.starts_with(&format!("{} = ", option.name)), "{}", option.example);
    }
}
