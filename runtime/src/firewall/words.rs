//! What `nft` says of a ruleset that it does not load, with the lines that it means.
//!
//! It names a line by its file, its number and its columns, and shows it with a row of carets below. Our rulesets come from its
//! standard input, which a reader of its words does not have: the lines are shown with their numbers.

use std::fmt::Write;

use super::NftError;

/// What it calls its standard input.
const STDIN: &str = "/dev/stdin";

/// What it says where the kernel has taken nothing because it was too much for one message (`EMSGSIZE`).
const TOO_LONG: &str = "Message too long";

/// The error that `nft` will not find by itself: it takes everything up to a NUL byte for all there is.
pub(super) fn refused_before_asking(host: &str, ruleset: &str) -> Option<NftError> {
    let before = &ruleset[..ruleset.find('\0')?];
    let number = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    let place = Place { number, columns: (column, column) };
    Some(NftError::Refused {
        host: host.to_owned(),
        line: Some(number),
        message: complaint(ruleset, &place, "a NUL byte: nft would read no further").trim_end().to_owned(),
    })
}

/// The error, out of what `nft` has said.
pub(super) fn refused(host: &str, ruleset: &str, words: &str) -> NftError {
    let mut message = String::new();
    let mut first = None;
    let mut excerpt = false;
    for said in words.lines() {
        if let Some((place, what)) = about_a_line(said) {
            first = first.or(Some(place.number));
            message.push_str(&complaint(ruleset, &place, what));
            excerpt = true;
            continue;
        }
        // The line that it shows by itself, and the carets, until it says something else.
        excerpt = excerpt && !starts_anew(said);
        if !excerpt && !said.trim().is_empty() {
            let said = said.strip_prefix("internal:0:0-0: ").unwrap_or(said);
            // Writing to a string cannot fail.
            let _ = writeln!(message, "{said}");
        }
    }
    if words.contains(TOO_LONG) {
        message.push_str(
            "note: without privileges the kernel takes `net.core.wmem_default` bytes at once: load it in parts",
        );
    }
    NftError::Refused { host: host.to_owned(), line: first, message: message.trim_end().to_owned() }
}

/// A place in the ruleset.
struct Place {
    number: usize,
    /// The first and the last, counted in bytes from 1.
    columns: (usize, usize),
}

/// `/dev/stdin:3:9-12: Error: syntax error, unexpected string`
fn about_a_line(said: &str) -> Option<(Place, &str)> {
    let rest = said.strip_prefix(STDIN)?.strip_prefix(':')?;
    let (number, rest) = rest.split_once(':')?;
    let (columns, what) = rest.split_once(": ")?;
    let (first, last) = columns.split_once('-')?;
    let columns = (first.parse().ok()?, last.parse().ok()?);
    Some((Place { number: number.parse().ok()?, columns }, what.strip_prefix("Error: ").unwrap_or(what)))
}

/// Whether it says something new, about a file that the ruleset includes.
fn starts_anew(said: &str) -> bool {
    said.starts_with("In file included from ") || said.contains(": Error: ") || said.contains(": Warning: ")
}

/// A complaint with its line, in the form of the compiler's.
fn complaint(ruleset: &str, place: &Place, what: &str) -> String {
    let Place { number, columns: (first, last) } = *place;
    let mut text = format!("line {number}: {what}\n");
    // After the end it complains about a line that is not there.
    let Some(line) = ruleset.lines().nth(number.saturating_sub(1)) else { return text };
    let gutter = number.to_string();
    let indentation = |c: char| if c == '\t' { '\t' } else { ' ' };
    let upto = |column: usize| (0..=line.len()).rfind(|&at| at < column && line.is_char_boundary(at)).unwrap_or(0);
    let start = upto(first.max(1));
    let below: String = line[..start].chars().map(indentation).collect();
    let marked = line[start..].char_indices().take_while(|(at, _)| start + at < last).count().max(1);
    let carets = "^".repeat(marked);
    // Writing to a string cannot fail.
    let _ = write!(text, "{gutter} | {line}\n{blank} | {below}{carets}\n", blank = " ".repeat(gutter.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(ruleset: &str, words: &str) -> (Option<usize>, String) {
        match refused("fw", ruleset, words) {
            NftError::Refused { line, message, .. } => (line, message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_complaint_has_its_line() {
        let ruleset = "table inet mine {\n\tchain c {\n    tcp dprt 80 drop\n\t\tfoo\n  }\n}";
        let words = "/dev/stdin:3:9-12: Error: syntax error, unexpected string\n    tcp dprt 80 drop\n        ^^^^\n\
                     /dev/stdin:4:6-6: Error: syntax error, unexpected newline\n\t\tfoo\n\t\t   ^\n";
        let expected = "line 3: syntax error, unexpected string\n3 |     tcp dprt 80 drop\n  |         ^^^^\n\
                        line 4: syntax error, unexpected newline\n4 | \t\tfoo\n  | \t\t   ^";
        assert_eq!(said_of(ruleset, words), (Some(3), expected.to_owned()));
    }

    #[test]
    fn what_is_no_line_s_is_in_its_own_words() {
        let words = "In file included from /dev/stdin:1:1-14:\n./more:2:1-3: Error: syntax error, unexpected string\nfoo bar\n^^^\n";
        assert_eq!(said_of("include \"more\"", words), (None, words.trim_end().to_owned()));
        let words = "internal:0:0-0: Error: Could not process rule: Operation not supported\n\n";
        assert_eq!(said_of("{}", words).1, "Error: Could not process rule: Operation not supported");
        let after =
            "/dev/stdin:9:1-1: Error: syntax error, unexpected end of file\n}\n^\nnetlink: Error: cache is old\n";
        let expected = "line 9: syntax error, unexpected end of file\nnetlink: Error: cache is old";
        assert_eq!(said_of("table x {", after).1, expected);
    }

    #[test]
    fn what_is_too_long_is_told_with_the_limit() {
        let expected = "netlink: Error: Could not process rule: Message too long\nnote: without privileges the kernel takes \
                        `net.core.wmem_default` bytes at once: load it in parts";
        let words = "netlink: Error: Could not process rule: Message too long\n";
        assert_eq!(said_of("add table x", words), (None, expected.to_owned()));
    }

    #[test]
    fn letters_of_several_bytes_are_one_column_wide() {
        let words = "/dev/stdin:1:3-4: Error: odd\n/dev/stdin:1:99-120: Error: far\n";
        assert_eq!(said_of("aüöb", words).1, "line 1: odd\n1 | aüöb\n  |  ^^\nline 1: far\n1 | aüöb\n  |     ^");
    }

    #[test]
    fn a_nul_byte_is_an_error() {
        let Some(NftError::Refused { line, message, .. }) = refused_before_asking("fw", "add table a\nadd \0x\n")
        else {
            panic!("nothing is wrong with it");
        };
        assert_eq!((line, message.lines().next()), (Some(2), Some("line 2: a NUL byte: nft would read no further")));
        assert!(message.ends_with("|     ^"), "{message}");
        assert!(refused_before_asking("fw", "add table a").is_none());
    }
}
