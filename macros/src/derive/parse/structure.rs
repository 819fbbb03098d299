//! The struct and its fields.

use netns_test_topology::{
    DrawnHost, DrawnNested, DrawnSegment, HostPart, NestedPart, Routes, SegmentPart, did_you_mean,
};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, GenericParam, Generics, LitStr, Path, Result, Type};

use super::field::{self, Count, Kind};
use super::places::Places;
use super::table::{Definition, once, read_option};
use super::word::{Word, each, name};
use super::{host, nested, segment};
use crate::errors::Errors;
use crate::parse::{Need, Value, Written, parse_needs};

/// A struct that draws a topology.
pub(crate) struct Topology {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) options: Options,
    pub(crate) segments: Vec<Field<DrawnSegment, SegmentPart>>,
    pub(crate) hosts: Vec<Field<DrawnHost, HostPart>>,
    pub(crate) nested: Vec<Field<DrawnNested, NestedPart>>,
    /// The names of fields that are something which nobody can say.
    pub(crate) lost: Vec<String>,
}

/// A field of the struct, and what it draws.
pub(crate) struct Field<D, P> {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) drawn: D,
    pub(crate) places: Places<P>,
    /// How many of it there are.
    pub(crate) count: Count,
    /// Whether nothing of its attribute was left unread.
    pub(crate) is_read: bool,
}

/// What stands above the struct.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) routes: Option<Written<Routes>>,
    pub(crate) requires: Vec<Need>,
    pub(crate) krate: Option<Written<Path>>,
}

/// All options of the struct.
pub(crate) const OPTIONS: &[Definition<Options>] = &[
    once("routes", "routes = \"none\"", |options, word| {
        options.routes = Some(routes(word.value()?)?);
        Ok(())
    }),
    once("requires", "requires(vlan, program = \"nft\")", |options, word| {
        let key = word.key.clone();
        options.requires = parse_needs(&key, word.list()?)?;
        Ok(())
    }),
    once("crate", "crate = ::netns_test", |options, word| {
        options.krate = Some(word.value()?.absolute_path()?);
        Ok(())
    }),
];

fn routes(value: Value) -> Result<Written<Routes>> {
    const ROUTES: [(&str, Routes); 2] = [("automatic", Routes::Automatic), ("none", Routes::None)];
    let name = value.read("a string", <LitStr as syn::parse::Parse>::parse)?.value();
    let Some((_, routes)) = ROUTES.iter().find(|(routes, _)| *routes == name) else {
        let meant = did_you_mean(&name, ROUTES.map(|(routes, _)| routes));
        let meant = meant.map(|routes| format!("; did you mean `{routes}`?")).unwrap_or_default();
        let message = format!("there are no routes `{name}`{meant}\nnote: routes are `automatic` or `none`");
        return Err(Error::new_spanned(value.tokens, message));
    };
    Ok(Written { key: value.key, value: *routes, tokens: value.tokens })
}

impl Topology {
    /// Reads the fields one by one. A mistake costs its own option and none of the others.
    pub(crate) fn parse(item: DeriveInput, errors: &mut Errors) -> Self {
        check_parameters(&item.generics, errors);
        let mut topology = Self {
            options: read_options(&item.attrs, errors),
            ident: item.ident,
            generics: item.generics,
            segments: Vec::new(),
            hosts: Vec::new(),
            nested: Vec::new(),
            lost: Vec::new(),
        };
        let wrong: TokenStream = match item.data {
            Data::Struct(data) => match data.fields {
                Fields::Named(fields) => {
                    topology.read_fields(&fields.named.into_iter().collect::<Vec<_>>(), errors);
                    return topology;
                }
                Fields::Unnamed(fields) => quote!(#fields),
                Fields::Unit => {
                    let ident = &topology.ident;
                    quote!(#ident)
                }
            },
            Data::Enum(data) => {
                let token = data.enum_token;
                quote!(#token)
            }
            Data::Union(data) => {
                let token = data.union_token;
                quote!(#token)
            }
        };
        let name = &topology.ident;
        let message = format!(
            "a topology is a struct with named fields: hosts, segments and other topologies\n\
             help: write `struct {name} {{ … }}`"
        );
        errors.add(wrong, message);
        topology
    }

    fn read_fields(&mut self, fields: &[syn::Field], errors: &mut Errors) {
        let mut known = Vec::new();
        for field in fields {
            let Some(ident) = &field.ident else { continue };
            let mut own = Errors::default();
            if let Some((kind, attribute)) = field::classify(ident, &field.ty, &field.attrs, &mut own) {
                known.push((ident, &field.ty, kind, attribute, own));
            } else {
                self.lost.push(name(ident));
                errors.append(own);
            }
        }
        let segments = known.iter().filter(|(_, _, kind, ..)| *kind == Kind::Segment);
        let segments: Vec<_> = segments.map(|(ident, ..)| name(ident)).collect();
        for (ident, ty, kind, attribute, mut own) in known {
            let list = field::arguments(attribute, &mut own);
            match kind {
                Kind::Segment => {
                    let (drawn, places) = segment::read(name(ident), list, &mut own);
                    self.segments.push(Field::new(ident, ty, drawn, places, &own));
                }
                Kind::Host(role) => {
                    let (drawn, places) = host::read(name(ident), role, list, &segments, &mut own);
                    self.hosts.push(Field::new(ident, ty, drawn, places, &own));
                }
                Kind::Nested => {
                    let (drawn, places) = nested::read(name(ident), list, &mut own);
                    self.nested.push(Field::new(ident, ty, drawn, places, &own));
                }
            }
            errors.append(own);
        }
    }
}

impl<D, P> Field<D, P> {
    fn new(ident: &Ident, ty: &Type, drawn: D, places: Places<P>, errors: &Errors) -> Self {
        let count = Count::of(ty);
        Self { ident: ident.clone(), ty: ty.clone(), drawn, places, count, is_read: errors.is_empty() }
    }
}

/// Reads what stands above the struct.
fn read_options(attributes: &[Attribute], errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let mut seen = Vec::new();
    for attribute in attributes {
        match field::kind(attribute) {
            Some(Kind::Nested) => {
                let list = field::arguments(attribute, errors);
                each(list, "an option", errors, |input| {
                    read_option(Word::parse(input, "an option")?, OPTIONS, &mut options, &mut seen)
                });
            }
            Some(kind) => errors.add(attribute.path(), format!("{kind} is a field\nhelp: write this above the field")),
            None => {}
        }
    }
    options
}

fn check_parameters(generics: &Generics, errors: &mut Errors) {
    for parameter in &generics.params {
        let what = match parameter {
            GenericParam::Const(_) => continue,
            GenericParam::Type(_) => "type",
            GenericParam::Lifetime(_) => "lifetime",
        };
        let message = format!(
            "a topology cannot have {what} parameters\n\
             note: `const` parameters are possible, for the lengths of arrays"
        );
        errors.add(parameter, message);
    }
}
