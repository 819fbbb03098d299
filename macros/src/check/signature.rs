//! What the function looks like from outside.

use syn::ext::IdentExt;
use syn::{FnArg, Pat, PatType, Safety, Signature, Type};

use super::{Kind, Parameter};
use crate::errors::Errors;

/// Checks everything but the number of hosts; answers with the parameters.
pub(crate) fn check<'a>(sig: &'a Signature, errors: &mut Errors) -> Vec<Parameter<'a>> {
    qualifiers(sig, errors);
    let mut parameters: Vec<Parameter<'a>> = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                errors.add(receiver, "a test cannot have `self`\nhelp: write it as a function outside of any `impl`");
            }
            FnArg::Typed(written) => {
                let hosts = parameters.iter().filter(|parameter| parameter.is_host()).count();
                parameters.push(parameter(written, hosts, errors));
            }
        }
    }
    parameters
}

fn qualifiers(sig: &Signature, errors: &mut Errors) {
    if let Some(constness) = &sig.constness {
        errors.add(constness, "a test cannot be `const`");
    }
    if let Safety::Unsafe(unsafety) = &sig.safety {
        errors.add(unsafety, "a test cannot be `unsafe`\nhelp: write an `unsafe` block in the body");
    }
    if let Some(abi) = &sig.abi {
        errors.add(abi, "a test cannot be `extern`");
    }
    if !sig.generics.params.is_empty() {
        errors.add(&sig.generics, "a test cannot be generic: nobody could say for which types it runs");
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.add(clause, "a test cannot have a `where` clause");
    }
    if let Some(variadic) = &sig.variadic {
        errors.add(variadic, "a test cannot be variadic");
    }
}

fn parameter<'a>(written: &'a PatType, hosts_before: usize, errors: &mut Errors) -> Parameter<'a> {
    for attribute in written.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")) {
        errors.add(
            attribute,
            "a parameter of a test cannot be conditional\nhelp: write two tests, each with its `#[cfg]`",
        );
    }
    if let Type::Reference(reference) = &*written.ty
        && kind(&reference.elem) == Kind::Host
    {
        errors.add(reference, "a test owns its hosts\nhelp: write `Host` without the `&`");
    }
    if let Type::ImplTrait(nameless) = &*written.ty {
        errors.add(nameless, "a parameter of a test is of a type with a name, such as `Host` or `Lab`");
    }
    let kind = kind(&written.ty);
    let name = name(written, errors);
    if let (Kind::Segment, Pat::Wild(nameless)) = (kind, &*written.pat) {
        errors.add(nameless, "a parameter has the name of its segment\nhelp: write that in place of `_`");
    }
    let name = if name.is_empty() && kind == Kind::Host { format!("host{}", hosts_before + 1) } else { name };
    Parameter { name, written, kind }
}

/// The name of the parameter, as far as it says something: without `r#` and the underscore of what is not used.
fn name(written: &PatType, errors: &mut Errors) -> String {
    match &*written.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
            pattern.ident.unraw().to_string().trim_start_matches('_').to_owned()
        }
        Pat::Wild(_) => String::new(),
        pattern => {
            errors.add(pattern, "a parameter of a test is a plain name\nhelp: take the value apart in the body");
            String::new()
        }
    }
}

/// What the type is if it is written `Host`, for example, or `some::path::Host`, or as a reference to it.
fn kind(ty: &Type) -> Kind {
    match ty {
        Type::Path(path) => match path.path.segments.last().map(|segment| segment.ident.to_string()).as_deref() {
            Some("Host") => Kind::Host,
            Some("Segment") => Kind::Segment,
            Some("Lab") => Kind::Lab,
            _ => Kind::Other,
        },
        // Refused, but counted: it was meant as one.
        Type::Reference(inside) => kind(&inside.elem),
        Type::Paren(inside) => kind(&inside.elem),
        // What a `macro_rules!` fragment comes in.
        Type::Group(inside) => kind(&inside.elem),
        _ => Kind::Other,
    }
}
