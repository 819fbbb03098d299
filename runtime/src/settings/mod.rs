//! What a workspace, a machine or one test may set: attribute over environment over file over default.
//!
//! [`table`] is the only place that knows the settings. Values are parsed strictly where they are used, at run time: an unknown
//! name or a value out of range is an error that says what, where and what instead.

mod root;
mod source;
mod table;

pub(crate) use source::SettingsError;
pub(crate) use table::{Capture, Isolation, OnUnsupported, Pause, Settings};
