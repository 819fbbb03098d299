//! From a place in the drawing to the tokens that are there.

use netns_test_topology::{HostPart, InterfacePart, NeighbourPart, Place, PortForwardPart, RoutePart, SourceNatPart};
use proc_macro2::TokenStream;
use quote::ToTokens;

use crate::derive::parse::Topology;

/// The tokens that a complaint is about; what it says about something that nobody wrote is shown at the next larger thing.
pub(super) fn tokens(topology: &Topology, place: Place) -> TokenStream {
    let found = match place {
        Place::Segment(index, part) => topology.segments.get(index).map(|segment| {
            let written = segment.places.get(&part).cloned();
            written.unwrap_or_else(|| segment.ident.to_token_stream())
        }),
        Place::Host(index, part) => topology.hosts.get(index).map(|host| {
            let written = host.places.get(&part).or_else(|| host.places.get(&owner(part)?)).cloned();
            written.unwrap_or_else(|| {
                if part == HostPart::Count { host.ty.to_token_stream() } else { host.ident.to_token_stream() }
            })
        }),
        Place::Nested(index, part) => topology.nested.get(index).map(|nested| {
            let written = nested.places.get(&part).cloned();
            written.unwrap_or_else(|| nested.ident.to_token_stream())
        }),
        Place::Routes => topology.options.routes.as_ref().map(|routes| routes.tokens.clone()),
        _ => None,
    };
    found.unwrap_or_else(|| topology.ident.to_token_stream())
}

/// What something is part of, that cannot be there without it.
fn owner(part: HostPart) -> Option<HostPart> {
    match part {
        HostPart::Interface(index, _) => Some(HostPart::Interface(index, InterfacePart::Segment)),
        HostPart::Route(index, _) => Some(HostPart::Route(index, RoutePart::To)),
        HostPart::Neighbour(index, _) => Some(HostPart::Neighbour(index, NeighbourPart::Address)),
        HostPart::SourceNat(index, _) => Some(HostPart::SourceNat(index, SourceNatPart::Segment)),
        HostPart::PortForward(index, _) => Some(HostPart::PortForward(index, PortForwardPart::Port)),
        _ => None,
    }
}
