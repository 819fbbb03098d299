//! The drawing, as an expression.

use netns_test_topology::{
    DrawnBridge, DrawnDevice, DrawnHost, DrawnImpairment, DrawnInterface, DrawnNeighbour, DrawnNested, DrawnPair,
    DrawnPortForward, DrawnRoute, DrawnSegment, DrawnSourceNat, Medium, Role, Routes, Transport,
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::literal::{Literal, field, structure, value};
use crate::codegen::needs;
use crate::derive::parse::Topology;

/// An expression of type `Drawing`.
pub(super) fn drawing(topology: &Topology, private: &TokenStream) -> TokenStream {
    let hosts = topology.hosts.iter().map(|field| {
        let ty = &field.ty;
        let count = quote_spanned!(ty.span()=> <#ty as #private::HostField>::COUNT);
        host(&field.drawn, count, private)
    });
    let inner = topology.nested.iter().map(|field| {
        let ty = &field.ty;
        let drawing = quote_spanned!(ty.span()=> <#ty as #private::Topology>::drawing());
        nested(&field.drawn, &drawing, private)
    });
    let list =
        |items: Vec<TokenStream>| (!items.is_empty()).then(|| quote!(::core::convert::From::from([#(#items),*])));
    let segments = topology.segments.iter().map(|field| field.drawn.literal(private)).collect();
    let routes = topology.options.routes.as_ref().map(|routes| routes.value).unwrap_or_default();
    let needs = &topology.options.requires;
    let needs = (!needs.is_empty())
        .then(|| needs::list(needs, private))
        .map(|needs| quote!(::core::convert::From::from([#needs])));
    let fields = [
        value("segments", list(segments)),
        value("hosts", list(hosts.collect())),
        value("nested", list(inner.collect())),
        field("routes", &routes, private),
        value("needs", needs),
    ];
    structure("Drawing", &fields, private)
}

fn host(drawn: &DrawnHost, count: TokenStream, private: &TokenStream) -> TokenStream {
    let DrawnHost {
        name,
        count: _,
        role,
        isolated,
        interfaces,
        routes,
        neighbours,
        sysctls,
        masquerade,
        source_nat,
        forwards,
        hairpin,
    } = drawn;
    let fields = [
        field("name", name, private),
        value("count", Some(count)),
        field("role", role, private),
        field("isolated", isolated, private),
        field("interfaces", interfaces, private),
        field("routes", routes, private),
        field("neighbours", neighbours, private),
        field("sysctls", sysctls, private),
        field("masquerade", masquerade, private),
        field("source_nat", source_nat, private),
        field("forwards", forwards, private),
        field("hairpin", hairpin, private),
    ];
    structure("DrawnHost", &fields, private)
}

fn nested(drawn: &DrawnNested, drawing: &TokenStream, private: &TokenStream) -> TokenStream {
    let DrawnNested { name, shares, drawing: _ } = drawn;
    let fields = [
        field("name", name, private),
        field("shares", shares, private),
        value("drawing", Some(quote!(::core::option::Option::Some(#drawing)))),
    ];
    structure("DrawnNested", &fields, private)
}

/// Literals of structures. Each names all fields of its structure, so that none is forgotten.
macro_rules! structures {
    ($($structure:ident { $($field:ident),* })*) => {
        $(impl Literal for $structure {
            fn literal(&self, private: &TokenStream) -> TokenStream {
                let Self { $($field),* } = self;
                structure(stringify!($structure), &[$(field(stringify!($field), $field, private)),*], private)
            }
        })*
    };
}

structures! {
    DrawnSegment { name, subnets, mtu, offload, medium, over, bridge, impairment, engine, pairs }
    DrawnBridge { vlan_filtering, stp, ageing }
    DrawnInterface { segment, addresses, name, mac, mtu, offload, gateway, device, vrf, impairment, egress, ingress }
    DrawnImpairment { preset, delay, jitter, distribution, loss, duplicate, reorder, corrupt, rate, limit, mtu_black_hole }
    DrawnPair { from, to, both_ways, impairment }
    DrawnRoute { to, via }
    DrawnNeighbour { address, mac }
    DrawnSourceNat { segment, address }
    DrawnPortForward { protocol, port, to, to_port }
}

impl Literal for Medium {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        let variant = match self {
            Self::Switch => quote!(Switch),
            Self::Veth => quote!(Veth),
            Self::Dummy => quote!(Dummy),
            Self::Vlan { id, protocol } => {
                let (id, protocol) = (id.literal(private), protocol.literal(private));
                quote!(Vlan { id: #id, protocol: #protocol })
            }
            Self::Vxlan { vni } => {
                let vni = vni.literal(private);
                quote!(Vxlan { vni: #vni })
            }
            Self::WireGuard => quote!(WireGuard),
            Self::Gre => quote!(Gre),
            Self::Ipip => quote!(Ipip),
        };
        quote!(#private::Medium::#variant)
    }
}

impl Literal for DrawnDevice {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        let variant = match self {
            Self::Plain => quote!(Plain),
            Self::Macvlan => quote!(Macvlan),
            Self::Ipvlan => quote!(Ipvlan),
            Self::Macvtap => quote!(Macvtap),
            Self::Tap => quote!(Tap),
            Self::Bond { legs, mode } => {
                let (legs, mode) = (legs.literal(private), mode.literal(private));
                quote!(Bond { legs: #legs, mode: #mode })
            }
        };
        quote!(#private::DrawnDevice::#variant)
    }
}

impl Literal for Role {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Host => quote!(#private::Role::Host),
            Self::Router => quote!(#private::Role::Router),
        }
    }
}

impl Literal for Routes {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        match self {
            Self::Automatic => quote!(#private::Routes::Automatic),
            Self::None => quote!(#private::Routes::None),
        }
    }
}

impl Literal for Transport {
    fn literal(&self, private: &TokenStream) -> TokenStream {
        let variant = if *self == Self::Udp { quote!(Udp) } else { quote!(Tcp) };
        quote!(#private::Transport::#variant)
    }
}
