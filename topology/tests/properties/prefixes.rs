//! What holds for every prefix: nothing that is asked of it is outside of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netns_test_topology::{IpNet, Prefix, PrefixError};
use proptest::prelude::*;

/// Any prefix, of either family, also with host bits.
fn prefixes() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 0u8..=32).prop_map(|(bits, length)| (IpAddr::from(Ipv4Addr::from_bits(bits)), length));
    let v6 = (any::<u128>(), 0u8..=128).prop_map(|(bits, length)| (IpAddr::from(Ipv6Addr::from_bits(bits)), length));
    prop_oneof![v4, v6].prop_map(|(address, length)| IpNet::new(address, length).unwrap())
}

/// Numbers of all sizes.
fn numbers() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0u32..=128).prop_map(|(bits, shift)| bits.checked_shr(shift).unwrap_or(0))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// How many addresses there are, less one.
fn last(prefix: IpNet) -> u128 {
    number(prefix.broadcast()) - number(prefix.network())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_address_is_in_its_prefix_or_an_error(prefix in prefixes(), n in numbers()) {
        match prefix.nth(n) {
            Ok(address) => {
                prop_assert!(prefix.contains(&address) && n <= last(prefix));
                prop_assert_eq!(number(address) - number(prefix.network()), n);
                let from_end = last(prefix) - n;
                prop_assert_eq!(prefix.nth_from_end(from_end), Ok(address));
            }
            Err(error) => {
                prop_assert!(n > last(prefix));
                let from_end = PrefixError::NoAddress { prefix: prefix.trunc(), number: n, from_end: true, last: last(prefix) };
                prop_assert_eq!(prefix.nth_from_end(n), Err(from_end));
                let expected = PrefixError::NoAddress { prefix: prefix.trunc(), number: n, from_end: false, last: last(prefix) };
                prop_assert_eq!(error, expected);
            }
        }
    }

    #[test]
    fn the_first_and_the_last_address_are_there(prefix in prefixes()) {
        prop_assert_eq!(prefix.nth(0), Ok(prefix.network()));
        prop_assert_eq!(prefix.nth_from_end(0), Ok(prefix.broadcast()));
        prop_assert_eq!(prefix.nth(last(prefix)), Ok(prefix.broadcast()));
    }

    #[test]
    fn a_subnet_is_in_its_prefix_or_an_error(prefix in prefixes(), length in any::<u8>(), n in numbers()) {
        let fits = (prefix.prefix_len()..=prefix.max_prefix_len()).contains(&length);
        match prefix.subnet(length, n) {
            Ok(subnet) => {
                prop_assert!(fits && prefix.trunc().contains(&subnet));
                prop_assert_eq!((subnet.prefix_len(), subnet.trunc()), (length, subnet));
                // The next begins where this one ends.
                if let Some(next) = n.checked_add(1).and_then(|next| prefix.subnet(length, next).ok()) {
                    prop_assert_eq!(number(next.network()), number(subnet.broadcast()) + 1);
                } else {
                    prop_assert_eq!(subnet.broadcast(), prefix.broadcast());
                }
                if n == 0 {
                    prop_assert_eq!(subnet.network(), prefix.network());
                }
            }
            Err(PrefixError::NoLength { .. }) => prop_assert!(!fits),
            Err(PrefixError::NoSubnet { last, .. }) => {
                prop_assert!(fits && n > last);
                prop_assert_eq!(prefix.subnet(length, last).unwrap().broadcast(), prefix.broadcast());
                prop_assert!(prefix.subnet(length, last + 1).is_err());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn hosts_are_in_order_and_as_many_as_there_is_room_for(prefix in prefixes()) {
        let hosts: Vec<_> = prefix.host_addresses().take(300).collect();
        let of_two = prefix.max_prefix_len() - prefix.prefix_len() < 2;
        let all = last(prefix).saturating_add(1);
        let set_aside = match (of_two, prefix) {
            (true, _) => 0,
            (false, IpNet::V4(_)) => 2,
            (false, IpNet::V6(_)) => 1,
        };
        prop_assert_eq!(hosts.len() as u128, (all - set_aside).min(300));
        prop_assert!(hosts.is_sorted_by(|a, b| a < b));
        for host in hosts {
            prop_assert!(prefix.contains(&host));
            prop_assert!(of_two || host != prefix.network());
            prop_assert!(of_two || host.is_ipv6() || host != prefix.broadcast());
        }
    }
}
