//! Tables of `docs/outcomes.md`: each compared with what was seen, or written anew if `BLESS` is set in the environment.

use std::fs::{self, File};

use netns_test::TestResult;
use nix::fcntl::{Flock, FlockArg};

use super::cell::Cell;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/outcomes.md");

/// As it was when this was compiled: where the test runs there may be no such file.
const TEXT: &str = include_str!("../../../docs/outcomes.md");

/// The columns of each table.
const COLUMNS: [&str; 8] = ["ping", "arping", "tcp", "udp", "sctp", "open_tcp", "open_udp", "open_sctp"];

/// What stands for a cell that nobody has seen yet.
const UNSEEN: &str = "?";

/// Compares some columns of the table below a mark with these rows: names of worlds, and their cells. All that is wrong is said at once.
pub(crate) fn check(mark: &str, columns: &[&str], rows: &[(&str, Vec<Cell>)]) -> TestResult {
    let wrong = rows.iter().flat_map(|(name, cells)| {
        let wrong = cells.iter().zip(columns).filter_map(|(cell, column)| Some((column, cell.as_ref().err()?)));
        wrong.map(move |(column, wrong)| format!("`{column}` in the world where {name}: {wrong}\n"))
    });
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "an outcome is not what it can be\n{wrong}");
    if std::env::var_os("BLESS").is_some() {
        // Several tests have a table there.
        let _alone = Flock::lock(File::open(PATH)?, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        let text = fs::read_to_string(PATH)?;
        let (before, written, after) = around(&text, mark);
        fs::write(PATH, [before, &with_seen(written, columns, rows), after].concat())?;
        return Ok(());
    }
    let (_, written, _) = around(TEXT, mark);
    let seen = with_seen(written, columns, rows);
    let only_in = |one: &str, other: &str| {
        let lines = one.split_inclusive('\n').filter(|line| !other.split_inclusive('\n').any(|known| known == *line));
        lines.collect::<String>()
    };
    let (says, was) = (only_in(written, &seen), only_in(&seen, written));
    assert!(
        written == seen,
        "docs/outcomes.md says\n{says}and this was seen\n{was}With `BLESS=1` in the environment it is written there; the whole is\n{seen}"
    );
    Ok(())
}

/// A table as it is written, with these columns as they were seen.
fn with_seen(written: &str, columns: &[&str], rows: &[(&str, Vec<Cell>)]) -> String {
    let known = |name: &str, column: usize| {
        let mut rows = written.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        rows.find(|row| row.get(1) == Some(&name)).and_then(|row| row.get(column + 2).copied()).unwrap_or(UNSEEN)
    };
    let line = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
    let head = line("world", COLUMNS.map(|column| format!("`{column}`")).to_vec());
    let rule = format!("|{}\n", "---|".repeat(1 + COLUMNS.len()));
    let lines = rows.iter().map(|(name, cells)| {
        let cells = COLUMNS.iter().enumerate().map(|(nth, column)| {
            let seen = columns.iter().position(|seen| seen == column).map(|nth| cells[nth].as_deref());
            seen.map_or_else(|| known(name, nth), |cell| cell.unwrap_or(UNSEEN)).to_owned()
        });
        line(name, cells.collect())
    });
    [head, rule].into_iter().chain(lines).collect()
}

/// What is before the table below a mark, the table, and what is after.
fn around<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str, &'a str) {
    let mark = format!("<!-- {mark} -->\n");
    let start = text.find(&mark).expect("the table has a place") + mark.len();
    let length: usize =
        text[start..].split_inclusive('\n').take_while(|line| line.starts_with('|')).map(str::len).sum();
    let (before, rest) = text.split_at(start);
    let (table, after) = rest.split_at(length);
    (before, table, after)
}
