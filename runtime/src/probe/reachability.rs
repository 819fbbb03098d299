//! Who reaches whom in a whole lab.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::asker::Options;
use super::schedule::Plan;
use super::target::Family;
use super::{
    FEWEST, LEAST_WINDOW, PATIENCE, PingError, PingReport, Target, WINDOW, all_on_hosts, fail, refuse_to_block,
    session, wait_on_host,
};
use crate::trail;
use crate::{Host, Lab};

/// From one request to the next.
const INTERVAL: Duration = Duration::from_millis(100);

/// A question to every host of a lab about every other, all at once. `.await` it, or `.wait()` for it.
///
/// A host reaches another if a ping is answered within the window, 1.5 s, stretched by the setting `time-scale`.
#[derive(Clone, Debug)]
#[must_use = "nobody is asked until this is awaited or waited for"]
pub struct ProbeReachability {
    lab: Lab,
    family: Option<Family>,
    window: Duration,
    /// The words of the table that is expected, if one is: who is to be reached is given the time that any assertion gives.
    expected: Vec<String>,
}

/// The assertion that exactly these hosts reach each other. `.await` it, or `.wait()` for it.
#[derive(Clone, Debug)]
#[must_use = "an assertion does nothing until it is awaited or waited for"]
pub struct AssertReachability {
    probe: ProbeReachability,
    expected: String,
    at: &'static Location<'static>,
}

/// Who reaches whom in a lab: a row for each host that asks, a column for each that is asked.
///
/// As text, it is a table of `yes`, `no`, `-` for a host and itself, and `?` where the question could not be asked, with what went wrong
/// below.
#[derive(Debug)]
pub struct Reachability {
    hosts: Vec<Host>,
    /// In rows; none for a host and itself.
    outcomes: Vec<Option<Result<PingReport, PingError>>>,
    /// Of whom was asked, and by what, in each that is to be answered.
    questions: Vec<Option<Options>>,
}

impl Lab {
    /// Asks every host whether it reaches every other.
    ///
    /// ```no_run
    /// # async fn example(lab: netns_test::Lab) {
    /// println!("{}", lab.reachability().await);
    /// # }
    /// ```
    pub fn reachability(&self) -> ProbeReachability {
        ProbeReachability { lab: self.clone(), family: None, window: WINDOW, expected: Vec::new() }
    }

    /// Asserts that exactly these hosts reach each other: a table as [`Reachability`] prints it, columns in any width.
    ///
    /// ```no_run
    /// # async fn example(lab: netns_test::Lab) {
    /// lab.assert_reachability(
    ///     "        laptop  server
    ///      laptop  -       yes
    ///      server  no      -",
    /// )
    /// .await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// At the caller's line, when awaited or waited for, if it is otherwise, if the table is not one of this lab, or if a question could not be
    /// asked.
    #[track_caller]
    pub fn assert_reachability(&self, expected: impl Into<String>) -> AssertReachability {
        AssertReachability { probe: self.reachability(), expected: expected.into(), at: Location::caller() }
    }
}

impl ProbeReachability {
    /// Asks at IPv4 addresses.
    pub fn ipv4(mut self) -> Self {
        self.family = Some(Family::V4);
        self
    }

    /// Asks at IPv6 addresses.
    pub fn ipv6(mut self) -> Self {
        self.family = Some(Family::V6);
        self
    }

    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window.max(LEAST_WINDOW);
        self
    }

    /// Blocks this thread until all have answered. For functions that are not `async`.
    ///
    /// # Panics
    /// In a future that runs on a host's own runtime, which would wait for itself.
    #[track_caller]
    pub fn wait(self) -> Reachability {
        let Some(host) = self.lab.hosts().first().cloned() else { return self.of_nobody() };
        // Each host's probes run on its own thread.
        for host in self.lab.hosts() {
            refuse_to_block(host);
        }
        let nobody = self.of_nobody();
        let all = self.into_future();
        wait_on_host(&host, WHAT.to_owned(), async { Ok::<_, PingError>(all.await) }).unwrap_or(nobody)
    }

    fn of_nobody(&self) -> Reachability {
        Reachability { hosts: self.lab.hosts().to_vec(), outcomes: Vec::new(), questions: Vec::new() }
    }
}

const WHAT: &str = "who reaches whom in the lab";

impl IntoFuture for ProbeReachability {
    type Output = Reachability;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let hosts = self.lab.hosts().to_vec();
        let mut probes = Vec::new();
        let mut questions = Vec::new();
        for (row, from) in hosts.iter().enumerate() {
            for (column, to) in hosts.iter().enumerate() {
                if to == from {
                    questions.push(None);
                    continue;
                }
                let options = Options { family: self.family, ..Options::new(Target::from(to)) };
                let window = from.stretched(self.window);
                let is_expected = self.expected.get(row * hosts.len() + column).is_some_and(|word| word == "yes");
                let deadline = if is_expected { from.scaled(PATIENCE).max(window) } else { window };
                let plan =
                    Plan::Until { answers: 1, interval: INTERVAL.min(window / (u32::from(FEWEST) + 1)), deadline };
                questions.push(is_expected.then(|| options.clone()));
                probes.push((from.clone(), session::run(from.clone(), options, plan)));
            }
        }
        Box::pin(async move {
            let mut answers = all_on_hosts(WHAT.to_owned(), probes).await.into_iter();
            let cells = hosts.iter().flat_map(|from| hosts.iter().map(move |to| from != to));
            let outcomes = cells.map(|asked| if asked { answers.next() } else { None }).collect();
            Reachability { hosts, outcomes, questions }
        })
    }
}

impl Reachability {
    /// What came of asking whether one host reaches another; none for a host and itself, and for hosts of another lab.
    pub fn outcome(&self, from: &Host, to: &Host) -> Option<&Result<PingReport, PingError>> {
        let place = |host: &Host| self.hosts.iter().position(|other| other == host);
        self.outcomes.get(place(from)? * self.hosts.len() + place(to)?)?.as_ref()
    }

    /// Whether each host reaches every other.
    pub fn is_full(&self) -> bool {
        let asked = self.hosts.len() * self.hosts.len();
        self.outcomes.len() == asked && self.outcomes.iter().flatten().all(Result::is_ok)
    }

    /// The words of the table, row by row.
    fn words(&self) -> Vec<&'static str> {
        self.outcomes.iter().map(|outcome| outcome.as_ref().map_or("-", word)).collect()
    }

    /// Where the question could not be asked, and why.
    fn unanswered(&self) -> impl Iterator<Item = String> {
        let cells = self.outcomes.iter().enumerate();
        cells.filter_map(|(cell, outcome)| match outcome {
            Some(Err(error)) if !error.is_negative() => {
                let (from, to) = (&self.hosts[cell / self.hosts.len()], &self.hosts[cell % self.hosts.len()]);
                Some(format!("{} to {}: {}", from.name(), to.name(), crate::error::chain(error)))
            }
            _ => None,
        })
    }
}

fn word(outcome: &Result<PingReport, PingError>) -> &'static str {
    match outcome {
        Ok(_) => "yes",
        Err(error) if error.is_negative() => "no",
        Err(_) => "?",
    }
}

impl fmt::Display for Reachability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.hosts.iter().map(Host::name).collect();
        write!(f, "{}", table(&names, &self.words()))?;
        self.unanswered().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// A table with the names in the first row and column.
fn table(names: &[&str], words: &[&str]) -> String {
    let width = names.iter().chain(words).map(|word| word.len()).max().unwrap_or(0);
    let row = |name: &str, cells: &[&str]| {
        let cells = std::iter::once(&name).chain(cells).map(|cell| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = row("", names);
    let rows = names.iter().zip(words.chunks(names.len().max(1))).map(|(name, cells)| row(name, cells));
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

/// The words of a table, if it has a row and a column for each of these names, in their order.
fn read(text: &str, names: &[&str]) -> Result<Vec<String>, String> {
    let mut lines =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).filter(|line| !line.is_empty());
    let there_are = || format!("its hosts are, in this order: {}", names.join(" "));
    if lines.next().unwrap_or_default() != names {
        return Err(format!("the first line of the table does not name the hosts of the lab; {}", there_are()));
    }
    let mut words = Vec::new();
    for name in names {
        let line = lines.next().unwrap_or_default();
        let Some((first, cells)) = line.split_first().filter(|(first, _)| *first == name) else {
            return Err(format!("the table lacks the row of `{name}`; {}", there_are()));
        };
        if cells.len() != names.len() {
            return Err(format!("the row of `{first}` has {} words, and there are {} hosts", cells.len(), names.len()));
        }
        if let Some(other) = cells.iter().find(|cell| !["yes", "no", "-"].contains(*cell)) {
            return Err(format!("the row of `{first}` has the word `{other}`; there are `yes`, `no` and `-`"));
        }
        words.extend(cells.iter().map(ToString::to_string));
    }
    match lines.next() {
        Some(line) => Err(format!("the table has a row too many: `{}`", line.join(" "))),
        None => Ok(words),
    }
}

impl AssertReachability {
    /// Asks at IPv4 addresses.
    pub fn ipv4(mut self) -> Self {
        self.probe = self.probe.ipv4();
        self
    }

    /// Asks at IPv6 addresses.
    pub fn ipv6(mut self) -> Self {
        self.probe = self.probe.ipv6();
        self
    }

    /// How long silence has to last, at least 20 ms; stretched by the setting `time-scale`, never shortened by it.
    pub fn window(mut self, window: Duration) -> Self {
        self.probe = self.probe.window(window);
        self
    }

    /// Blocks this thread until it is decided. For functions that are not `async`.
    ///
    /// # Panics
    /// If it is otherwise, or if a question could not be asked, as in a future that runs on a host's own runtime.
    #[track_caller]
    pub fn wait(self) {
        let expected = self.expected_words();
        let begun = Instant::now();
        let seen = self.asking(&expected).wait();
        self.judge(&expected, &seen, begun);
    }

    fn expected_words(&self) -> Vec<String> {
        let names: Vec<&str> = self.probe.lab.hosts().iter().map(Host::name).collect();
        // Nothing has been asked, so nothing is known.
        read(&self.expected, &names).unwrap_or_else(|complaint| self.could_not(complaint))
    }

    fn asking(&self, expected: &[String]) -> ProbeReachability {
        ProbeReachability { expected: expected.to_vec(), ..self.probe.clone() }
    }

    fn could_not(&self, message: String) -> ! {
        self.probe.lab.could_not(self.at, message)
    }

    fn judge(&self, expected: &[String], seen: &Reachability, begun: Instant) {
        let unanswered: Vec<String> = seen.unanswered().collect();
        if !unanswered.is_empty() || seen.outcomes.len() != expected.len() {
            self.could_not(format!("could not ask who reaches whom\n{seen}"));
        }
        let words = seen.words();
        if words == expected {
            return;
        }
        let names: Vec<&str> = seen.hosts.iter().map(Host::name).collect();
        let marked: Vec<String> = words
            .iter()
            .zip(expected)
            .map(
                |(seen, expected)| {
                    if seen == expected { (*seen).to_owned() } else { format!("{seen}, not {expected}") }
                },
            )
            .collect();
        let marked: Vec<&str> = marked.iter().map(String::as_str).collect();
        let why = Self::explain(expected, seen, begun);
        fail(
            self.at,
            &format!("assertion failed: other hosts reach each other than expected\n{}{why}", table(&names, &marked)),
        );
    }

    /// Where the first question died that should have been answered.
    fn explain(expected: &[String], seen: &Reachability, since: Instant) -> String {
        let hosts = &seen.hosts;
        let words = seen.words();
        let died = |cell: &usize| expected[*cell] == "yes" && words[*cell] == "no";
        let Some(cell) = (0..expected.len()).find(died) else { return String::new() };
        let (from, to) = (&hosts[cell / hosts.len()], &hosts[cell % hosts.len()]);
        let asked = seen.questions.get(cell).and_then(Option::as_ref);
        let Some(question) = asked.and_then(|asked| asked.question().question(from, since)) else {
            return String::new();
        };
        let why = trail::explain(&question);
        format!("\nfrom {} to {}:{why}", from.name(), to.name())
    }
}

impl IntoFuture for AssertReachability {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let expected = self.expected_words();
            let begun = Instant::now();
            let seen = self.asking(&expected).await;
            self.judge(&expected, &seen, begun);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let (names, words) = (["a", "long-name"], ["-", "yes", "no", "-"]);
        let text = table(&names, &words);
        assert_eq!(text, "           a          long-name\na          -          yes\nlong-name  no         -");
        assert_eq!(read(&text, &names).unwrap(), words);
    }

    #[test]
    fn what_is_no_table_of_these_hosts_says_why() {
        for (text, says) in [
            ("", "the first line of the table does not name the hosts of the lab; its hosts are, in this order: a b"),
            (
                "b a",
                "the first line of the table does not name the hosts of the lab; its hosts are, in this order: a b",
            ),
            ("a b\na - yes", "the table lacks the row of `b`; its hosts are, in this order: a b"),
            ("a b\na -\nb yes -", "the row of `a` has 1 words, and there are 2 hosts"),
            ("a b\na - maybe\nb yes -", "the row of `a` has the word `maybe`; there are `yes`, `no` and `-`"),
            ("a b\na - yes\nb yes -\nc - -", "the table has a row too many: `c - -`"),
        ] {
            assert_eq!(read(text, &["a", "b"]).unwrap_err(), says, "{text:?}");
        }
    }
}
