//! What stands between the parentheses of `requires(…)`, wherever that is written.

use netns_test_topology::{Feature, check_program, debian_package, did_you_mean};
use proc_macro2::TokenStream;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Result, Token};

use super::list::split_at_commas;
use super::value::Value;
use crate::errors::Errors;

/// A need that was written.
pub(crate) type Need = netns_test_topology::Need<String>;

/// The key of a need that is a program.
const PROGRAM: &str = "program";

/// A program as it may be written.
const PROGRAM_EXAMPLE: &str = r#"program = "nft""#;

/// Reads the needs one by one. All mistakes are in the error: each at its own tokens, or at `key`, the word `requires`, if there
/// are none.
pub(crate) fn parse(key: &Ident, list: TokenStream) -> Result<Vec<Need>> {
    let mut errors = Errors::default();
    let mut needs = Vec::new();
    for item in split_at_commas(list, "a need", &mut errors) {
        match one.parse2(item) {
            Ok((key, need)) if needs.contains(&need) => errors.add(key, format!("`{need}` is written twice")),
            Ok((_, need)) => needs.push(need),
            Err(error) => errors.push(error),
        }
    }
    if needs.is_empty() && errors.is_empty() {
        errors.add(key, format!("`{key}()` requires nothing: write `{key}(vlan, {PROGRAM_EXAMPLE})`, or leave it out"));
    }
    errors.unless_empty(needs)
}

/// One need: the name of a feature, or `program = "…"`.
fn one(input: ParseStream<'_>) -> Result<(Ident, Need)> {
    let Ok(key) = input.call(Ident::parse_any) else {
        return Err(input.error(format!("expected a need, for example `vlan` or `{PROGRAM_EXAMPLE}`")));
    };
    if key == PROGRAM {
        let program = program(&key, input)?;
        return Ok((key, Need::Program(program)));
    }
    let rest = input.parse::<TokenStream>()?;
    match Feature::named(&key.to_string()) {
        None => Err(unknown(&key)),
        Some(_) if !rest.is_empty() => Err(Error::new_spanned(rest, format!("expected `,` after `{key}`"))),
        Some(feature) => Ok((key, Need::Feature(feature))),
    }
}

/// The name of the program behind the word `program`.
fn program(key: &Ident, input: ParseStream<'_>) -> Result<String> {
    let equals = input.parse::<Option<Token![=]>>()?;
    let tokens = input.parse::<TokenStream>()?;
    if equals.is_none() || tokens.is_empty() {
        return Err(Error::new_spanned(key, format!("`{key}` needs a value: write `{PROGRAM_EXAMPLE}`")));
    }
    let name = Value { key: key.clone(), tokens, example: PROGRAM_EXAMPLE }.string()?.value;
    match check_program(&name.value()) {
        Ok(()) => Ok(name.value()),
        Err(message) => Err(Error::new_spanned(name, message)),
    }
}

fn unknown(key: &Ident) -> Error {
    let name = key.to_string();
    let names = || Feature::ALL.iter().map(|feature| feature.name());
    let meant = did_you_mean(&name, names().chain([PROGRAM]));
    let meant = meant.map(|need| format!("; did you mean `{need}`?")).unwrap_or_default();
    let program = debian_package(&name).map(|_| Need::Program(name.clone()));
    let help = program.map(|need| format!("\nhelp: for the program write `{need}`")).unwrap_or_default();
    let valid = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Error::new_spanned(
        key,
        format!("unknown need `{name}`{meant}{help}\nnote: valid needs are {valid} and `program = \"…\"`"),
    )
}
