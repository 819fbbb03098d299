//! The hosts and what joins them. The rules are those of `netns_test_topology`; here a complaint gets its place in the source.

use netns_test_topology::{Lan, Place, SegmentPart};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{LitStr, Signature};

use super::Parameter;
use crate::errors::Errors;
use crate::parse::{Options, Written};

/// Checks the network and answers with the names of its hosts.
pub(crate) fn check(
    options: &Options,
    sig: &Signature,
    parameters: &[Parameter<'_>],
    errors: &mut Errors,
) -> Vec<String> {
    if let (Some(subnet), Some(subnets)) = (&options.subnet, &options.subnets) {
        either_subnet_or_subnets(subnet, subnets, errors);
        return Vec::new();
    }
    let hosts: Vec<_> = parameters.iter().filter(|parameter| parameter.is_host).collect();
    let names = match &options.namespaces {
        Some(namespaces) if hosts.is_empty() => (1..=namespaces.value).map(|n| format!("host{n}")).collect(),
        Some(namespaces) if namespaces.value as usize != hosts.len() => {
            wrong_number(namespaces, &hosts, errors);
            return Vec::new();
        }
        _ => hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>(),
    };
    plan(options, sig, &hosts, &names, errors);
    names
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
fn plan(options: &Options, sig: &Signature, hosts: &[&Parameter<'_>], names: &[String], errors: &mut Errors) {
    let subnets: Vec<String> = options.subnets().map(LitStr::value).collect();
    let lan = Lan {
        hosts: &names.iter().map(String::as_str).collect::<Vec<_>>(),
        veth: options.veth.as_ref().is_some_and(|veth| veth.value),
        subnets: &subnets.iter().map(String::as_str).collect::<Vec<_>>(),
        ipv6: options.ipv6.as_ref().map(|ipv6| ipv6.value),
        mtu: options.mtu.as_ref().map(|mtu| mtu.value),
    };
    if let Err(complaints) = lan.plan() {
        for complaint in &complaints {
            let written = place(complaint.place, options, hosts);
            let written = written.unwrap_or_else(|| sig.ident.to_token_stream());
            match complaint.place {
                Place::Segment(_, SegmentPart::Subnet(subnet)) if subnet >= subnets.len() => {
                    let note = "this subnet is the default one; `subnet = \"…\"` is for another";
                    errors.add(written, format!("{complaint}\nnote: {note}"));
                }
                _ => errors.add(written, complaint),
            }
        }
    }
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
