//! The rules. What has passed them is a [`Test`], and nothing can go wrong any more.

mod attributes;
mod network;
mod runtime;
mod signature;

use syn::Type;

pub(crate) use attributes::{is_lint, is_standard_test};
pub(crate) use network::no_topology;

use crate::errors::Errors;
use crate::parse::{Options, TestFn};

/// A test that keeps all the rules.
pub(crate) struct Test<'a> {
    pub(crate) options: &'a Options,
    pub(crate) function: &'a TestFn,
    pub(crate) parameters: Vec<Parameter<'a>>,
    /// The names of the hosts, in order.
    pub(crate) hosts: Vec<String>,
}

/// A parameter of the function.
pub(crate) struct Parameter<'a> {
    /// What the runtime knows it by: the name of a host, for example.
    pub(crate) name: String,
    pub(crate) written: &'a syn::PatType,
    pub(crate) kind: Kind,
}

/// What a parameter is, by the spelling of its type. A macro sees names only; the compiler tells by the traits that the type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Host,
    Segment,
    Lab,
    /// It may be a topology.
    Other,
}

impl Parameter<'_> {
    pub(crate) fn ty(&self) -> &Type {
        &self.written.ty
    }

    pub(crate) fn is_host(&self) -> bool {
        self.kind == Kind::Host
    }
}

/// Applies all rules. `errors` are those of the options.
pub(crate) fn check<'a>(options: &'a Options, function: &'a TestFn, mut errors: Errors) -> Result<Test<'a>, Errors> {
    let options_are_read = errors.is_empty();
    attributes::check(function, &mut errors);
    let parameters = signature::check(&function.sig, &mut errors);
    let mut hosts = Vec::new();
    // An option that could not be read may be the one that another needs: rules between options would accuse the wrong one.
    if options_are_read {
        runtime::check(options, &function.sig, &mut errors);
        hosts = network::check(options, &function.sig, &parameters, &mut errors);
    }
    if errors.is_empty() { Ok(Test { options, function, parameters, hosts }) } else { Err(errors) }
}
