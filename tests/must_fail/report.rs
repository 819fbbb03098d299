//! What a harness says about a run.

use std::collections::BTreeMap;

use crate::expect::Verdict;
use crate::run::Outcome;

/// Verdicts, and what is shown under the name of each test.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    pub(crate) sections: BTreeMap<String, String>,
}

impl Report {
    /// Reads libtest's standard output.
    pub(crate) fn of_libtest(outcome: &Outcome) -> Self {
        let mut report = Self::default();
        let mut section: Option<&mut String> = None;
        for line in outcome.stdout.lines() {
            if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
                let fresh = !report.sections.contains_key(name);
                assert!(fresh, "two sections of `{name}`\n{}", outcome.stdout);
                section = Some(report.sections.entry(name.to_owned()).or_default());
            } else if line == "failures:" || line == "successes:" {
                section = None;
            } else if let Some(section) = &mut section {
                section.push_str(line);
                section.push('\n');
            } else if let Some((name, verdict)) = verdict(line) {
                let former = report.verdicts.insert(name.to_owned(), verdict);
                assert_eq!(former, None, "two verdicts on `{name}`\n{}", outcome.stdout);
            }
        }
        report
    }

    /// Reads nextest's `JUnit` report, by the names of the binaries.
    pub(crate) fn of_junit(outcome: &Outcome) -> BTreeMap<String, Self> {
        let junit = outcome.junit.as_deref().unwrap_or_else(|| panic!("no report\n{}", outcome.all()));
        let mut reports: BTreeMap<String, Self> = BTreeMap::new();
        for case in junit.split("<testcase ").skip(1) {
            let (head, rest) = case.split_once('>').unwrap();
            let body = if head.ends_with('/') { "" } else { rest.split("</testcase>").next().unwrap() };
            let (name, binary) = (attribute(head, "name"), attribute(head, "classname"));
            // The library's tests have the name of the package alone.
            let binary = binary.split_once("::").map_or(binary.as_str(), |(_, binary)| binary).replace('-', "_");
            let failed = body.contains("<failure") || body.contains("<error");
            let verdict = if failed { Verdict::Failed } else { Verdict::Passed };
            let report = reports.entry(binary).or_default();
            assert_eq!(report.verdicts.insert(name.clone(), verdict), None, "`{name}` was run twice");
            let section = element(body, "system-out") + &element(body, "system-err");
            report.sections.insert(name, section);
        }
        reports
    }
}

/// The verdict that a line of libtest is.
fn verdict(line: &str) -> Option<(&str, Verdict)> {
    let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match verdict {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        ignored if ignored.starts_with("ignored") => Verdict::Ignored,
        // A run that was cut short: the model misses a verdict, and says so with all that is known.
        _ => return None,
    };
    Some((name.strip_suffix(" - should panic").unwrap_or(name), verdict))
}

/// The value of an attribute of an XML element.
fn attribute(head: &str, name: &str) -> String {
    let head = format!(" {head}");
    let (_, rest) = head.split_once(&format!(" {name}=\"")).unwrap();
    unescape(rest.split('"').next().unwrap())
}

/// The text of all XML elements of a kind, which have no elements within.
fn element(body: &str, kind: &str) -> String {
    let (begins, ends) = (format!("<{kind}>"), format!("</{kind}>"));
    let texts = body.split(&begins).skip(1);
    texts.map(|text| unescape(text.split(&ends).next().unwrap())).collect()
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}
