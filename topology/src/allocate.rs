//! Addresses of a subnet, in order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpNet;

/// How many hosts a subnet has addresses for.
///
/// The first address names the subnet (RFC 950) or is the routers' anycast address (RFC 4291 section 2.6.1) and the last
/// IPv4 address is the broadcast; a subnet of two (RFC 3021, RFC 6164) gives both of its addresses to hosts.
pub(crate) fn capacity(subnet: &IpNet) -> u128 {
    let host_bits = u32::from(subnet.max_prefix_len() - subnet.prefix_len());
    let (first_and_last, all) = match subnet {
        IpNet::V4(_) => (2, 1u128.checked_shl(host_bits)),
        IpNet::V6(_) => (1, 1u128.checked_shl(host_bits)),
    };
    match host_bits {
        0 | 1 => all.unwrap_or(1),
        _ => all.unwrap_or(u128::MAX) - first_and_last,
    }
}

/// The address of the `n`-th host of a subnet, counted from 0, with the subnet's prefix length. `n` is below [`capacity`].
pub(crate) fn nth_host(subnet: &IpNet, n: u32) -> IpNet {
    debug_assert!(u128::from(n) < capacity(subnet));
    let host_bits = subnet.max_prefix_len() - subnet.prefix_len();
    let offset = n + u32::from(host_bits > 1);
    let address: IpAddr = match subnet.network() {
        IpAddr::V4(network) => Ipv4Addr::from_bits(network.to_bits() + offset).into(),
        IpAddr::V6(network) => Ipv6Addr::from_bits(network.to_bits() + u128::from(offset)).into(),
    };
    IpNet::new(address, subnet.prefix_len()).expect("the prefix length is the subnet's")
}

/// The number of the host whose address this is: the inverse of [`nth_host`].
pub(crate) fn index_of(subnet: &IpNet, address: IpAddr) -> Option<u128> {
    let offset = match (subnet.network(), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => u128::from(address.to_bits().checked_sub(network.to_bits())?),
        (IpAddr::V6(network), IpAddr::V6(address)) => address.to_bits().checked_sub(network.to_bits())?,
        _ => return None,
    };
    let host_bits = subnet.max_prefix_len() - subnet.prefix_len();
    offset.checked_sub(u128::from(host_bits > 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn capacities() {
        for (subnet, hosts) in [
            ("10.0.0.0/24", 254),
            ("10.0.0.0/30", 2),
            ("10.0.0.0/31", 2),
            ("10.0.0.0/32", 1),
            ("fd00::/126", 3),
            ("fd00::/127", 2),
        ] {
            assert_eq!(capacity(&net(subnet)), hosts, "{subnet}");
        }
        assert_eq!(capacity(&net("0.0.0.0/0")), (1 << 32) - 2);
        assert_eq!(capacity(&net("::/0")), u128::MAX - 1);
    }

    proptest! {
        #[test]
        fn a_host_address_is_inside_and_neither_network_nor_broadcast(bits: u32, length in 8u8..=30, n: u32) {
            let subnet = IpNet::new(Ipv4Addr::from_bits(bits).into(), length).unwrap().trunc();
            let n = u32::try_from(u128::from(n) % capacity(&subnet)).unwrap();
            let address = nth_host(&subnet, n).addr();
            prop_assert!(subnet.contains(&address));
            prop_assert_ne!(address, subnet.network());
            prop_assert_ne!(address, subnet.broadcast());
            prop_assert_eq!(index_of(&subnet, address), Some(u128::from(n)));
        }

        #[test]
        fn addresses_are_distinct(a in 0u32..10_000, b in 0u32..10_000) {
            let subnet = net("2001:db8::/64");
            prop_assert_eq!(nth_host(&subnet, a) == nth_host(&subnet, b), a == b);
        }
    }
}
