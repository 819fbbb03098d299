//! The page of options and the tables of options and needs.

use netns_test_topology::Feature;

use crate::parse::TABLE;

/// The first column of the first table under a heading.
fn listed(heading: &str) -> Vec<&'static str> {
    let page = include_str!("../../docs/netns_test.md");
    let section = page.lines().skip_while(|line| *line != heading);
    let table = section.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0)).collect()
}

#[test]
fn the_page_lists_the_options_of_the_table() {
    let defined: Vec<_> = TABLE.iter().map(|option| option.name).collect();
    assert_eq!(listed("# Options"), defined);
}

#[test]
fn the_page_lists_every_need() {
    let defined: Vec<_> = Feature::ALL.iter().map(|feature| feature.name()).chain(["program = \"…\""]).collect();
    assert_eq!(listed("## The machine: `requires`"), defined);
}

#[test]
fn an_example_is_of_its_option() {
    for option in TABLE {
        let starts = [" = ", "("].map(|next| format!("{}{next}", option.name));
        assert!(starts.iter().any(|start| option.example.starts_with(start)), "{}", option.example);
    }
}
