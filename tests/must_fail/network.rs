//! The links, addresses, routes and rules of the machine.

use std::collections::BTreeSet;

use rtnetlink::packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkMessage};
use rtnetlink::packet_route::route::{RouteAttribute, RouteFlags, RouteMessage};
use rtnetlink::packet_route::rule::RuleMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// All of them, without what changes by itself: counters, ages and what the kernel has cached.
#[derive(Debug)]
pub(crate) struct Network(pub(crate) BTreeSet<String>);

impl Network {
    /// Asks the kernel.
    pub(crate) fn look() -> Self {
        let route = |family| {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            RouteNetlinkMessage::GetRoute(message)
        };
        let rule = |family| {
            let mut message = RuleMessage::default();
            message.header.family = family;
            RouteNetlinkMessage::GetRule(message)
        };
        let questions = [
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
            route(AddressFamily::Inet),
            route(AddressFamily::Inet6),
            rule(AddressFamily::Inet),
            rule(AddressFamily::Inet6),
        ];
        Self(questions.into_iter().flat_map(dump).filter_map(lasting).collect())
    }
}

/// What lasts of an answer.
fn lasting(message: RouteNetlinkMessage) -> Option<String> {
    match message {
        RouteNetlinkMessage::NewLink(mut link) => {
            // The last has counters too; the settings in it are sysctls.
            link.attributes.retain(|attribute| {
                !matches!(
                    attribute,
                    LinkAttribute::Stats(_) | LinkAttribute::Stats64(_) | LinkAttribute::AfSpecUnspec(_)
                )
            });
            Some(format!("{link:?}"))
        }
        RouteNetlinkMessage::NewAddress(mut address) => {
            address.attributes.retain(|attribute| !matches!(attribute, AddressAttribute::CacheInfo(_)));
            Some(format!("{address:?}"))
        }
        RouteNetlinkMessage::NewRoute(route) if route.header.flags.contains(RouteFlags::Cloned) => None,
        RouteNetlinkMessage::NewRoute(mut route) => {
            route.attributes.retain(|attribute| !matches!(attribute, RouteAttribute::CacheInfo(_)));
            Some(format!("{route:?}"))
        }
        other => Some(format!("{other:?}")),
    }
}

fn dump(question: RouteNetlinkMessage) -> Vec<RouteNetlinkMessage> {
    let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(question));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).unwrap();
    let mut answers = Vec::new();
    loop {
        let (datagram, _) = socket.recv_from_full().unwrap();
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).unwrap();
            let length = usize::try_from(message.header.length).unwrap().next_multiple_of(4);
            match message.payload {
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                NetlinkPayload::Done(_) => return answers,
                other => panic!("the kernel says {other:?}"),
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}
