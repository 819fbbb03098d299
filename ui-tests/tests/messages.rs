//! Every message of the macros is shown by a case.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

#[test]
fn every_message_is_shown_by_a_case() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shown: String = files(&here.join("cases/fail"), "stderr").iter().map(|file| text(file)).collect();
    let phases = ["parse", "check", "derive/parse", "derive/check"];
    let sources = phases.map(|phase| files(&here.join("../macros/src").join(phase), "rs"));
    let mut messages = Vec::new();
    for file in sources.iter().flatten() {
        let tokens = text(file).parse().expect("the macros are Rust");
        messages
            .extend(literals(tokens).iter().filter(|literal| literal.contains(' ')).flat_map(|literal| parts(literal)));
    }
    assert!(messages.len() > 50, "only these were found, are the macros still there? {messages:#?}");
    messages.retain(|message| !shown.contains(message));
    assert!(messages.is_empty(), "no case shows these: {messages:#?}");
}

/// The string literals of a file but for those of attributes, documentation among them.
fn literals(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    let mut after_hash = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) if !after_hash => found.extend(literals(group.stream())),
            TokenTree::Literal(literal) => {
                let string = syn::parse_str::<syn::LitStr>(&literal.to_string());
                found.extend(string.map(|string| string.value()));
            }
            _ => {}
        }
        after_hash = match &token {
            TokenTree::Punct(punct) => punct.as_char() == '#' || (after_hash && punct.as_char() == '!'),
            _ => false,
        };
    }
    found
}

/// What stands between the placeholders and the line ends of a message.
fn parts(message: &str) -> Vec<String> {
    let fixed = message
        .split('\n')
        .flat_map(|line| line.split('{'))
        .map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    fixed.map(str::trim).filter(|part| part.contains(' ')).map(str::to_owned).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
