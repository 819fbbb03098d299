//! The error of a test that uses `?`.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// What a test returns that uses `?` on errors of any kind.
pub type TestResult<T = ()> = Result<T, TestError>;

/// Any error, and the line with the `?` that it came by.
///
/// It is not itself an [`Error`], so that every error can become one.
pub struct TestError {
    error: Box<dyn Error + Send + Sync>,
    at: &'static Location<'static>,
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for TestError {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { error: error.into(), at: Location::caller() }
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::error::chain(&*self.error))
    }
}

/// As libtest shows it: what went wrong, where packets died if some did, and the line.
impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let trail = crate::error::trail(&*self.error).map(ToString::to_string).unwrap_or_default();
        write!(f, "{self}{trail}\n  at {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_question_mark_is_shown() {
        fn fails() -> TestResult {
            "x".parse::<u8>()?;
            Ok(())
        }
        let shown = format!("{:?}", fails().unwrap_err());
        let place = format!("invalid digit found in string\n  at {}:{}:", file!(), line!() - 4);
        assert!(shown.starts_with(&place), "{shown}");
    }

    #[test]
    fn text_can_be_an_error() {
        let error: TestError = "no luck".into();
        assert_eq!(error.to_string(), "no luck");
    }
}
