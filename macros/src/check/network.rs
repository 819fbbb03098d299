//! The hosts and what joins them. The rules are those of `netns_test_topology`; here a complaint gets its place in the source.

use netns_test_topology::{Drawing, Lan, Place, Plan, SegmentPart};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, LitStr, Pat, Signature, Type};

use super::{Kind, Parameter};
use crate::errors::Errors;
use crate::parse::{Options, Written};

/// Checks the network and answers with the names of the hosts that the attribute draws.
pub(crate) fn check(
    options: &Options,
    sig: &Signature,
    parameters: &[Parameter<'_>],
    errors: &mut Errors,
) -> Vec<String> {
    if let Some(topology) = &options.topology {
        bound_by_name(parameters, errors);
        for key in drawing_options(options) {
            errors.add(key, two_networks(key, &topology.value));
        }
        return Vec::new();
    }
    if let (Some(subnet), Some(subnets)) = (&options.subnet, &options.subnets) {
        either_subnet_or_subnets(subnet, subnets, errors);
        return Vec::new();
    }
    let hosts: Vec<_> = parameters.iter().filter(|parameter| parameter.is_host()).collect();
    let names = match &options.namespaces {
        Some(namespaces) if hosts.is_empty() => (1..=namespaces.value).map(|n| format!("host{n}")).collect(),
        Some(namespaces) if namespaces.value as usize != hosts.len() => {
            wrong_number(namespaces, &hosts, errors);
            return Vec::new();
        }
        _ => hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>(),
    };
    if let Some(plan) = plan(options, sig, parameters, &names, errors) {
        segments_of(&plan, parameters, errors);
    }
    names
}

/// The keys of the options that draw a network.
fn drawing_options(options: &Options) -> impl Iterator<Item = &Ident> {
    let keys = [
        options.namespaces.as_ref().map(|namespaces| &namespaces.key),
        options.veth.as_ref().map(|veth| &veth.key),
        options.subnet.as_ref().map(|subnet| &subnet.key),
        options.subnets.as_ref().map(|subnets| &subnets.key),
        options.ipv6.as_ref().map(|ipv6| &ipv6.key),
        options.mtu.as_ref().map(|mtu| &mtu.key),
        options.engine.as_ref().map(|engine| &engine.key),
    ];
    keys.into_iter().flatten().chain(options.impairment.places.iter().map(|(_, key, _)| key))
}

/// Why a parameter of this type cannot be a topology, if it cannot. Only the compiler knows whether it is one.
pub(crate) fn no_topology(options: &Options, parameter: &Type) -> Option<String> {
    let of_option = options.topology.as_ref().map(|topology| {
        let topology = spelling(&topology.value);
        format!(
            "the network of this test is `{topology}`, by the option `topology`\n\
             help: leave out `topology = {topology}`, or have hosts and segments as parameters"
        )
    });
    of_option.or_else(|| Some(two_networks(drawing_options(options).next()?, parameter)))
}

fn spelling(ty: &Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
}

/// What to say if an option draws the network, and a topology does too.
fn two_networks(option: &Ident, topology: &Type) -> String {
    let topology = spelling(topology);
    format!(
        "`{option}` is for a network that the attribute draws, and `{topology}` draws its own\n\
         help: leave out `{option}`, and say in `{topology}` what the network is like"
    )
}

/// Hosts of a topology are told by the names of their parameters, so they have one.
fn bound_by_name(parameters: &[Parameter<'_>], errors: &mut Errors) {
    for host in parameters.iter().filter(|parameter| parameter.is_host()) {
        if let Pat::Wild(nameless) = &*host.written.pat {
            errors.add(
                nameless,
                "a parameter has the name of its host in the topology\nhelp: write that in place of `_`",
            );
        }
    }
}

/// Segments are told by the names of their parameters.
fn segments_of(plan: &Plan, parameters: &[Parameter<'_>], errors: &mut Errors) {
    if parameters.iter().any(|parameter| parameter.kind == Kind::Other) {
        return;
    }
    for parameter in parameters.iter().filter(|parameter| parameter.kind == Kind::Segment) {
        let name = &parameter.name;
        if name.is_empty() || plan.segment(name).is_some() {
            continue;
        }
        let help = match plan.segments.first() {
            Some(segment) => format!("the segment of `veth = true` is called `{}`", segment.name),
            None => "write `veth = true`, whose segment is called `lan`, or `topology = …`".to_owned(),
        };
        errors.add(&parameter.written.pat, format!("there is no segment `{name}` in this test\nhelp: {help}"));
    }
}

fn either_subnet_or_subnets(subnet: &Written<LitStr>, subnets: &Written<Vec<LitStr>>, errors: &mut Errors) {
    let (one, more) = (&subnet.value, &subnets.value);
    let all = quote!(#one #(, #more)*);
    errors.add(
        &subnets.key,
        format!("`subnet` and `subnets` are two ways to write the same\nhelp: write `subnets = [{all}]`"),
    );
}

fn wrong_number(namespaces: &Written<u32>, hosts: &[&Parameter<'_>], errors: &mut Errors) {
    let (wanted, found) = (namespaces.value, hosts.len());
    let message = format!("`namespaces = {wanted}`, but the number of parameters of type `Host` is {found}");
    if let Some(extra) = hosts.get(wanted as usize..) {
        let extra = extra.iter().map(|host| host.written);
        let help = format!("write `namespaces = {found}`, or leave the option out");
        errors.add(quote!(#(#extra),*), format!("{message}\nhelp: {help}"));
    } else {
        let help = format!("write `namespaces = {found}`, or a parameter for each of the hosts, or none at all");
        errors.add(&namespaces.tokens, format!("{message}\nhelp: {help}"));
    }
}

/// Has the network planned, for the complaints.
fn plan(
    options: &Options,
    sig: &Signature,
    parameters: &[Parameter<'_>],
    names: &[String],
    errors: &mut Errors,
) -> Option<Plan> {
    let hosts: Vec<_> = parameters.iter().filter(|parameter| parameter.is_host()).collect();
    let subnets: Vec<String> = options.subnets().map(LitStr::value).collect();
    let engine = options.engine.as_ref().map(|engine| engine.value.value());
    let lan = Lan {
        hosts: &names.iter().map(String::as_str).collect::<Vec<_>>(),
        veth: options.veth.as_ref().is_some_and(|veth| veth.value),
        subnets: &subnets.iter().map(String::as_str).collect::<Vec<_>>(),
        ipv6: options.ipv6.as_ref().map(|ipv6| ipv6.value),
        mtu: options.mtu.as_ref().map(|mtu| mtu.value),
        impairment: options.impairment.drawn.map(String::as_str),
        engine: engine.as_deref(),
    };
    if names.is_empty() && options.namespaces.is_some() {
        return without_hosts(options, errors);
    }
    let complaints = match lan.plan() {
        Ok(plan) => return Some(plan),
        Err(complaints) => complaints,
    };
    // Another parameter may be a topology; if it is none, the runtime complains.
    let may_be_drawn = options.namespaces.is_none() && parameters.iter().any(|parameter| parameter.kind == Kind::Other);
    for complaint in &complaints {
        let is_of_the_attribute = match complaint.place {
            Place::HostCount | Place::Veth => !may_be_drawn,
            Place::Host(..) => true,
            _ => lan.veth || !may_be_drawn,
        };
        if !is_of_the_attribute {
            continue;
        }
        let written = place(complaint.place, options, &hosts);
        let written = written.unwrap_or_else(|| sig.ident.to_token_stream());
        match complaint.place {
            Place::Segment(_, SegmentPart::Subnet(subnet)) if subnet >= subnets.len() => {
                let note = "this subnet is the default one; `subnet = \"…\"` is for another";
                errors.add(written, format!("{complaint}\nnote: {note}"));
            }
            _ => errors.add(written, complaint),
        }
    }
    None
}

/// `namespaces = 0` is for bodies that draw their network themselves.
fn without_hosts(options: &Options, errors: &mut Errors) -> Option<Plan> {
    let others = drawing_options(options).filter(|key| *key != "namespaces");
    for key in others {
        errors.add(
            key,
            format!("`{key}` is about hosts, and there are none\nhelp: leave out `{key}`, or `namespaces = 0`"),
        );
    }
    Drawing::default().plan().ok()
}

/// The tokens that a complaint is about, if there are any.
fn place(place: Place, options: &Options, hosts: &[&Parameter<'_>]) -> Option<TokenStream> {
    let namespaces = || value(options.namespaces.as_ref());
    let veth = || value(options.veth.as_ref());
    match place {
        Place::Host(index, _) => hosts.get(index).map(|host| host.written.pat.to_token_stream()).or_else(namespaces),
        Place::Veth => veth(),
        Place::Ipv6 => value(options.ipv6.as_ref()),
        Place::Segment(_, SegmentPart::Mtu) => value(options.mtu.as_ref()),
        Place::Segment(_, SegmentPart::Engine) => value(options.engine.as_ref()),
        Place::Segment(_, SegmentPart::Impairment(part)) => {
            let mut words = options.impairment.places.iter();
            words.find(|(word, ..)| *word == part).map(|(.., tokens)| tokens.clone())
        }
        // The subnets that nobody wrote have no tokens. What is wrong with them is that there are too many hosts.
        Place::Segment(_, SegmentPart::Subnet(subnet)) => {
            options.subnets().nth(subnet).map(ToTokens::to_token_stream).or_else(namespaces).or_else(veth)
        }
        Place::Segment(..) => {
            let subnet = options.subnet.as_ref().map(|subnet| &subnet.key);
            let subnets = options.subnets.as_ref().map(|subnets| &subnets.key);
            subnet.or(subnets).map(ToTokens::to_token_stream).or_else(veth)
        }
        _ => namespaces(),
    }
}

fn value<T>(option: Option<&Written<T>>) -> Option<TokenStream> {
    option.map(|written| written.tokens.clone())
}
