//! No code: `cases` holds what the compiler is shown, `tests` what shows it.
