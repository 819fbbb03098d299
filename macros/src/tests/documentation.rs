//! The pages of options, and the tables of options and needs.

use netns_test_topology::{Feature, ImpairmentPart, PRESETS};

use crate::derive::tables::{self, ATTRIBUTES};
use crate::parse::{TABLE, WORDS};

const ATTRIBUTE: &str = include_str!("../../docs/netns_test.md");
const DERIVE: &str = include_str!("../../docs/topology.md");
const GUIDE: &str = include_str!("../../../docs/guide.md");
const IMPAIRMENTS: &str = include_str!("../../docs/impairments.md");

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
    let mut listed = listed(ATTRIBUTE).remove(0);
    // One line stands for the words of an impairment.
    listed.retain(|option| *option != WORDS[0].part.word());
    let defined: Vec<_> = TABLE.iter().map(|option| option.name).collect();
    assert_eq!(listed, defined);
}

#[test]
fn the_page_of_impairments_lists_all_words_and_presets() {
    let listed = listed(IMPAIRMENTS);
    assert_eq!(listed[0], WORDS.map(|word| word.part.word()));
    assert_eq!(listed[0], ImpairmentPart::ALL.iter().map(|part| part.word()).collect::<Vec<_>>());
    for page in [IMPAIRMENTS, GUIDE] {
        let presets: Vec<_> = PRESETS.iter().map(|(name, link)| format!("| `{name}` | {link} |")).collect();
        let begin = format!("| `{}` |", PRESETS[0].0);
        let rows = page.lines().skip_while(|line| !line.starts_with(&begin)).take_while(|line| !line.is_empty());
        assert_eq!(rows.collect::<Vec<_>>(), presets);
    }
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
