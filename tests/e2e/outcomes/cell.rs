//! What came of a question in a world, in one word, and the rule that every cell keeps.

use std::fmt::Debug;
use std::net::IpAddr;

use netns_test::{ArpError, CutReason, FlowError, PingError, ServiceError, UnreachableCode};

use super::made::Made;

/// A word of the table, or what is wrong.
pub(crate) type Cell = Result<String, String>;

/// The word where a flow would be opened to nobody: it is opened to a host, not to an address.
pub(crate) const NOBODY: &str = "–";

/// An error of a probe's.
pub(crate) trait NoAnswer: Debug {
    fn is_negative(&self) -> bool;

    /// What ICMP said.
    fn code(&self) -> Option<UnreachableCode>;

    /// Who said something, if that was by ICMP.
    fn from(&self) -> Option<IpAddr>;

    fn word(&self) -> String {
        variant(self)
    }
}

impl NoAnswer for PingError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn code(&self) -> Option<UnreachableCode> {
        if let Self::Unreachable { code, .. } | Self::Prohibited { code, .. } = self { Some(*code) } else { None }
    }

    fn from(&self) -> Option<IpAddr> {
        match self {
            Self::Unreachable { from, .. }
            | Self::Prohibited { from, .. }
            | Self::TimeExceeded { from, .. }
            | Self::ParameterProblem { from, .. } => Some(*from),
            Self::TooBig { from, .. } => *from,
            _ => None,
        }
    }
}

impl NoAnswer for ArpError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn code(&self) -> Option<UnreachableCode> {
        None
    }

    fn from(&self) -> Option<IpAddr> {
        None
    }
}

impl NoAnswer for ServiceError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn code(&self) -> Option<UnreachableCode> {
        if let Self::Unreachable { code, .. } | Self::Prohibited { code, .. } = self { Some(*code) } else { None }
    }

    fn from(&self) -> Option<IpAddr> {
        match self {
            Self::Unreachable { from, .. } | Self::Prohibited { from, .. } | Self::Astray { from, .. } => Some(*from),
            Self::Refused { from, .. } => *from,
            _ => None,
        }
    }
}

impl NoAnswer for FlowError {
    fn is_negative(&self) -> bool {
        self.is_negative()
    }

    fn code(&self) -> Option<UnreachableCode> {
        match self.cut_reason()? {
            CutReason::Unreachable { code, .. } | CutReason::Prohibited { code, .. } => Some(*code),
            _ => None,
        }
    }

    fn from(&self) -> Option<IpAddr> {
        match self {
            Self::Astray { from, .. } => Some(*from),
            _ => match self.cut_reason()? {
                CutReason::Unreachable { from, .. } | CutReason::Prohibited { from, .. } => Some(*from),
                _ => None,
            },
        }
    }

    fn word(&self) -> String {
        self.cut_reason().map_or_else(|| variant(self), |reason| format!("Cut: {}", variant(reason)))
    }
}

/// A variant's name, as it is in the code.
fn variant(value: &(impl Debug + ?Sized)) -> String {
    format!("{value:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

/// The outcome's word: with the number of what ICMP said, and in italics if it is no result.
fn word<T, E: NoAnswer>(made: &Made, outcome: &Result<T, E>) -> Cell {
    let Err(error) = outcome else { return Ok("answered".to_owned()) };
    if error.from().is_some_and(|from| !made.speaks(from)) {
        return Err(format!("somebody else has said so: {error:?}"));
    }
    let word = match error.code() {
        Some(UnreachableCode::V4(code) | UnreachableCode::V6(code)) => format!("{} {code}", error.word()),
        _ => error.word(),
    };
    Ok(if error.is_negative() { word } else { format!("*{word}*") })
}

/// The word, if the assertions keep the rule: an answer is for the one and against the other, what is negative the other way round; what is
/// neither fails both, the negative one as broken.
pub(crate) fn judged<T: Debug, E: NoAnswer>(
    made: &Made,
    outcome: &Result<T, E>,
    [positive, negative]: [&Result<(), String>; 2],
) -> Cell {
    let holds = |said: &Result<(), String>| said.is_ok();
    let failed = |said: &Result<(), String>| said.as_ref().is_err_and(|said| said.starts_with("assertion failed"));
    let broken = |said: &Result<(), String>| *said == Err("broken".to_owned());
    let keeps = match outcome {
        Ok(_) => holds(positive) && failed(negative),
        Err(error) if error.is_negative() => failed(positive) && holds(negative),
        Err(_) => broken(negative) && (broken(positive) || failed(positive)),
    };
    if keeps {
        word(made, outcome)
    } else {
        Err(format!("{outcome:?}\n  positive: {positive:?}\n  negative: {negative:?}"))
    }
}
