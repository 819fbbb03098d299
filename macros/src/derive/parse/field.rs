//! What a field is: which of our attributes stands on it, and whether its type agrees.

use std::fmt;

use netns_test_topology::Role;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, MacroDelimiter, Meta, Type};

use super::word::name;
use crate::errors::Errors;

/// What a field is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Segment,
    Host(Role),
    Nested,
}

/// The attributes that say what a field is, and how they are written.
pub(crate) const ATTRIBUTES: [(&str, Kind, &str); 4] = [
    ("segment", Kind::Segment, "#[segment(\"10.0.0.0/24\")]"),
    ("host", Kind::Host(Role::Host), "#[host(lan)]"),
    ("router", Kind::Host(Role::Router), "#[router(lan, wan)]"),
    ("topology", Kind::Nested, "#[topology(uplink = wan)]"),
];

/// As one says it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Segment => "a segment",
            Self::Host(Role::Host) => "a host",
            Self::Host(Role::Router) => "a router",
            Self::Nested => "a topology",
        })
    }
}

/// The attribute of ours that this is, if it is one.
pub(super) fn kind(attribute: &Attribute) -> Option<Kind> {
    let found = ATTRIBUTES.iter().find(|(name, ..)| attribute.path().is_ident(name));
    found.map(|(_, kind, _)| *kind)
}

/// What the field is, and the attribute that says so. `None` if nobody can say, or if its type says otherwise.
pub(super) fn classify<'a>(
    field: &Ident,
    ty: &Type,
    attributes: &'a [Attribute],
    errors: &mut Errors,
) -> Option<(Kind, &'a Attribute)> {
    let mut ours = attributes.iter().filter_map(|attribute| Some((kind(attribute)?, attribute)));
    let Some((kind, attribute)) = ours.next() else {
        without_attribute(field, ty, errors);
        return None;
    };
    for (other, second) in ours {
        let field = name(field);
        let message = if other == kind {
            let path = attribute.path().to_token_stream();
            let both = [attribute, second].map(|attribute| list(attribute).unwrap_or_default().to_string());
            let both: Vec<_> = both.into_iter().filter(|list| !list.is_empty()).collect();
            format!(
                "`{field}` has two attributes `#[{path}]`\nhelp: write all in one, `#[{path}({})]`",
                both.join(", ")
            )
        } else {
            format!("`{field}` is {kind} already\nhelp: remove one of the attributes")
        };
        errors.add(&second.meta, message);
    }
    let wrong = match (kind, spelled(ty)) {
        (Kind::Segment, Some(Spelled::Host)) => {
            "`Host`\nhelp: write `#[host(…)]` or `#[router(…)]`, or the type `Segment`"
        }
        (Kind::Host(_), Some(Spelled::Segment)) => "`Segment`\nhelp: write `#[segment(…)]`, or the type `Host`",
        (Kind::Nested, Some(Spelled::Host)) => {
            "`Host`\nhelp: write `#[host(…)]` or `#[router(…)]`, or the type of a topology"
        }
        (Kind::Nested, Some(Spelled::Segment)) => "`Segment`\nhelp: write `#[segment(…)]`, or the type of a topology",
        _ => return Some((kind, attribute)),
    };
    let path = attribute.path();
    errors.add(path, format!("this is the attribute of {kind}, and `{}` is of type {wrong}", name(field)));
    None
}

fn without_attribute(field: &Ident, ty: &Type, errors: &mut Errors) {
    let fit = |kind| match spelled(ty) {
        Some(Spelled::Segment) => kind == Kind::Segment,
        Some(Spelled::Host) => matches!(kind, Kind::Host(_)),
        None => true,
    };
    let fitting: Vec<_> =
        ATTRIBUTES.iter().filter(|(_, kind, _)| fit(*kind)).map(|(.., example)| format!("`{example}`")).collect();
    let help = match fitting.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    };
    errors.add(field, format!("nothing says what `{}` is\nhelp: write for example {help} above it", name(field)));
}

/// What stands between the parentheses of an attribute.
pub(super) fn arguments(attribute: &Attribute, errors: &mut Errors) -> TokenStream {
    let found = ATTRIBUTES.iter().find(|(name, ..)| attribute.path().is_ident(name));
    if let (None, Some((name, _, example))) = (list(attribute), found) {
        errors.add(&attribute.meta, format!("`{name}` takes a list in parentheses: write `{example}`"));
    }
    list(attribute).unwrap_or_default()
}

/// The list, if it is one in parentheses or there is nothing at all.
fn list(attribute: &Attribute) -> Option<TokenStream> {
    match &attribute.meta {
        Meta::Path(_) => Some(TokenStream::new()),
        Meta::List(list) if matches!(list.delimiter, MacroDelimiter::Paren(_)) => Some(list.tokens.clone()),
        Meta::List(_) | Meta::NameValue(_) => None,
    }
}

/// How many hosts a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// It is one host.
    One,
    /// It is an array of so many.
    Known(usize),
    /// It is an array whose length only the compiler knows.
    Unknown,
}

impl Count {
    /// By the type.
    pub(super) fn of(ty: &Type) -> Self {
        match ty {
            Type::Paren(inside) => Self::of(&inside.elem),
            Type::Group(inside) => Self::of(&inside.elem),
            Type::Array(array) => match &array.len {
                Expr::Lit(ExprLit { lit: Lit::Int(length), .. }) => {
                    length.base10_parse().map_or(Self::Unknown, Self::Known)
                }
                _ => Self::Unknown,
            },
            _ => Self::One,
        }
    }
}

/// A type that can be told by its spelling. For all others there are traits.
enum Spelled {
    Host,
    Segment,
}

fn spelled(ty: &Type) -> Option<Spelled> {
    match ty {
        Type::Path(path) => {
            let last = &path.path.segments.last()?.ident;
            if last == "Host" {
                Some(Spelled::Host)
            } else if last == "Segment" {
                Some(Spelled::Segment)
            } else {
                None
            }
        }
        Type::Array(array) => spelled(&array.elem),
        Type::Paren(inside) => spelled(&inside.elem),
        // What a `macro_rules!` fragment comes in.
        Type::Group(inside) => spelled(&inside.elem),
        _ => None,
    }
}
