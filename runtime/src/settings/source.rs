//! Where a setting was written.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use netns_test_topology::did_you_mean;

use super::root::Root;
use super::table::NAMES;

const PREFIX: &str = "NETNS_TEST_";

/// A setting that cannot be used: what, where, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A value that is malformed or out of range, or a name that is no setting's.
    #[error("{origin}: {message}")]
    Value { origin: String, message: String },
    /// A file that is not TOML.
    #[error("{} is not valid TOML: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    /// A file that is there and cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
}

/// A value as it was written, and where.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) name: &'static str,
    pub(super) text: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Attribute,
    Environment,
    File(PathBuf),
    Default,
}

impl Written {
    /// The place, for messages.
    pub(super) fn origin(&self) -> String {
        match &self.place {
            Place::Attribute => format!("`{}` in the attribute", self.name),
            Place::Environment => in_environment(&variable(self.name)),
            Place::File(path) => in_file(self.name, path),
            Place::Default => format!("the default of `{}`", self.name),
        }
    }

    /// An error about this value.
    pub(super) fn error(&self, message: String) -> SettingsError {
        SettingsError::Value { origin: self.origin(), message }
    }
}

/// All that was written, by strength.
pub(super) struct Layers {
    attribute: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    path: PathBuf,
}

impl Layers {
    /// Reads the environment and the file.
    pub(super) fn read(attribute: &[(&'static str, Option<&str>)], root: &Root) -> Result<Self, SettingsError> {
        Self::new(attribute, std::env::vars_os(), root.read_file()?)
    }

    /// Takes in what was written. Every name must be a setting's.
    pub(super) fn new(
        attribute: &[(&'static str, Option<&str>)],
        environment: impl Iterator<Item = (OsString, OsString)>,
        file: Option<(PathBuf, String)>,
    ) -> Result<Self, SettingsError> {
        let attribute = attribute.iter().filter_map(|(name, text)| Some((*name, (*text)?.to_owned()))).collect();
        let (path, text) = file.unwrap_or_default();
        Ok(Self { attribute, environment: from_environment(environment)?, file: from_file(&path, &text)?, path })
    }

    /// The strongest value of a setting.
    pub(super) fn find(&self, name: &'static str, default: &str) -> Written {
        let attribute = self.attribute.get(name).map(|text| (text, Place::Attribute));
        let environment = || self.environment.get(&variable(name)).map(|text| (text, Place::Environment));
        let file = || self.file.get(name).map(|text| (text, Place::File(self.path.clone())));
        let default = default.to_owned();
        let (text, place) = attribute.or_else(environment).or_else(file).unwrap_or((&default, Place::Default));
        Written { name, text: text.clone(), place }
    }
}

fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, SettingsError> {
    let known: Vec<String> = NAMES.iter().map(|name| variable(name)).collect();
    let mut values = BTreeMap::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        check_name(name, &known, || in_environment(name))?;
        let value = value.into_string().map_err(|value| SettingsError::Value {
            origin: in_environment(name),
            message: format!("`{}` is not UTF-8", value.display()),
        })?;
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn from_file(path: &Path, text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| SettingsError::Syntax {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    let known: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    let mut values = BTreeMap::new();
    for (name, value) in table {
        check_name(&name, &known, || in_file(&name, path))?;
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            _ => {
                let message = "it is neither a string nor a number".to_owned();
                return Err(SettingsError::Value { origin: in_file(&name, path), message });
            }
        };
        values.insert(name, value);
    }
    Ok(values)
}

fn check_name(name: &str, known: &[String], origin: impl Fn() -> String) -> Result<(), SettingsError> {
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    // What all names begin with does not make two of them alike.
    let prefix = if name.starts_with(PREFIX) { PREFIX } else { "" };
    let words = known.iter().map(|known| &known[prefix.len()..]);
    let message = match did_you_mean(&name[prefix.len()..], words) {
        Some(near) => format!("there is no such setting; did you mean `{prefix}{near}`?"),
        None => format!("there is no such setting; there are `{}`", known.join("`, `")),
    };
    Err(SettingsError::Value { origin: origin(), message })
}

fn variable(name: &str) -> String {
    PREFIX.to_owned() + &name.to_ascii_uppercase().replace('-', "_")
}

fn in_environment(variable: &str) -> String {
    format!("`{variable}` in the environment")
}

fn in_file(name: &str, path: &Path) -> String {
    format!("`{name}` in {}", path.display())
}
