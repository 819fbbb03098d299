//! The pages of options, and the tables of options and needs.

use netns_test_topology::Feature;

use crate::derive::tables::{self, ATTRIBUTES};
use crate::parse::TABLE;

const ATTRIBUTE: &str = include_str!("../../docs/netns_test.md");
const DERIVE: &str = include_str!("../../docs/topology.md");

/// The first columns of the tables of a page.
fn listed(page: &'static str) -> Vec<Vec<&'static str>> {
    let mut tables: Vec<Vec<_>> = Vec::new();
    for line in page.lines() {
        if line.starts_with("|---") {
            tables.push(Vec::new());
        } else if let (Some(table), Some(row)) = (tables.last_mut(), line.strip_prefix("| `")) {
            table.extend(row.split_once('`').map(|(name, _)| name));
        }
    }
    tables
}

fn names<T>(table: &[tables::Definition<T>]) -> Vec<&'static str> {
    table.iter().map(|option| option.name).collect()
}

#[test]
fn the_page_of_the_attribute_lists_the_options_of_the_table() {
    let defined: Vec<_> = TABLE.iter().map(|option| option.name).collect();
    assert_eq!(listed(ATTRIBUTE)[0], defined);
}

#[test]
fn the_page_of_the_attribute_lists_every_need() {
    let defined: Vec<_> = Feature::ALL.iter().map(|feature| feature.name()).chain(["program = \"…\""]).collect();
    assert_eq!(listed(ATTRIBUTE)[1], defined);
}

#[test]
fn the_page_of_the_derive_lists_the_options_of_all_tables() {
    let listed = listed(DERIVE);
    assert_eq!(listed[0], ATTRIBUTES.map(|(name, ..)| name));
    assert_eq!(listed[1], names(tables::SEGMENT));
    assert_eq!(listed[2], names(tables::BRIDGE));
    assert_eq!(listed[3], names(tables::INTERFACE));
    assert_eq!(listed[4], names(tables::HOST));
    assert_eq!(listed[5], names(tables::ROUTE));
    assert_eq!(listed[6], names(tables::FORWARD));
    assert_eq!(listed[7], names(tables::STRUCT));
    assert_eq!(listed.len(), 8);
}

#[test]
fn an_example_is_of_its_option() {
    for option in TABLE {
        let starts = [" = ", "("].map(|next| format!("{}{next}", option.name));
        assert!(starts.iter().any(|start| option.example.starts_with(start)), "{}", option.example);
    }
}
