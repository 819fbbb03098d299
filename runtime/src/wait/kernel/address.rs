//! Waiting for an address that can be used.

use std::net::IpAddr;

use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};

use super::{WaitFor, address_text, listed};
use crate::Host;

/// `RTNLGRP_IPV4_IFADDR` and `RTNLGRP_IPV6_IFADDR` (`linux/rtnetlink.h`).
const EVENTS: &[u32] = &[5, 9];

impl Host {
    /// Waits until the host has an address, on whichever interface, and can use it: it is not tentative, nor a duplicate (RFC 4862
    /// section 5.4).
    pub fn wait_for_address(&self, address: impl Into<IpAddr>) -> WaitFor {
        let address = address.into();
        WaitFor::new(self, &format!("address {address}"), EVENTS, move |netlink| {
            let messages =
                netlink.list("read the addresses", &RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
            let mut others = Vec::new();
            for message in &messages {
                let RouteNetlinkMessage::NewAddress(message) = message else { continue };
                let Some(own) = own(message) else { continue };
                let remark = remark(message.header.flags);
                if own == address && remark.is_none() {
                    return Ok(None);
                }
                if own == address || !own.is_loopback() {
                    others.push(address_text(own, remark));
                }
            }
            Ok(Some(listed("addresses", &others)))
        })
    }
}

/// The address itself: where it has a peer, that is in the place of the other.
fn own(message: &AddressMessage) -> Option<IpAddr> {
    let find = |wanted: fn(&AddressAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let local = find(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        find(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

/// Why it cannot be used, if that is so. A duplicate stays tentative.
fn remark(flags: AddressHeaderFlags) -> Option<&'static str> {
    if flags.contains(AddressHeaderFlags::Dadfailed) {
        Some("a duplicate")
    } else {
        flags.contains(AddressHeaderFlags::Tentative).then_some("tentative")
    }
}
