//! Arithmetic on prefixes that never leaves them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::IpNet;
use crate::allocate::capacity;

/// Why a prefix has no such address, or no such part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrefixError {
    /// Its addresses are fewer.
    #[error("{prefix} has no address number {number}{}: they are 0 to {last}", if *from_end { " from its end" } else { "" })]
    NoAddress {
        /// The prefix.
        prefix: IpNet,
        /// The number that was asked for.
        number: u128,
        /// Whether it was counted from the last address.
        from_end: bool,
        /// The greatest that there is.
        last: u128,
    },
    /// The parts would be larger than the whole, or smaller than an address.
    #[error("{prefix} has no subnets of length {length}: it is {} to {}", prefix.prefix_len(), prefix.max_prefix_len())]
    NoLength {
        /// The prefix.
        prefix: IpNet,
        /// The length that was asked for, in bits.
        length: u8,
    },
    /// Its parts of this length are fewer.
    #[error("{prefix} has no subnet number {number} of length {length}: they are 0 to {last}")]
    NoSubnet {
        /// The prefix.
        prefix: IpNet,
        /// The length of the parts, in bits.
        length: u8,
        /// The number that was asked for.
        number: u128,
        /// The greatest that there is.
        last: u128,
    },
}

/// Addresses and parts of a prefix, by their numbers. What is not in the prefix is an error.
///
/// ```
/// use netns_test_topology::{IpNet, Prefix, PrefixError};
///
/// let lan: IpNet = "10.0.1.0/24".parse().unwrap();
/// assert_eq!(lan.nth(5)?.to_string(), "10.0.1.5");
/// assert_eq!(lan.nth_from_end(1)?.to_string(), "10.0.1.254");
/// assert_eq!(lan.subnet(28, 2)?.to_string(), "10.0.1.32/28");
/// assert_eq!(lan.nth(256).unwrap_err().to_string(), "10.0.1.0/24 has no address number 256: they are 0 to 255");
/// # Ok::<(), PrefixError>(())
/// ```
pub trait Prefix {
    /// The address with this number, counted from 0, which is the prefix's own: `nth(5)` of `10.0.1.0/24` is `10.0.1.5`. Whether a host
    /// can have it is not asked.
    fn nth(&self, number: u128) -> Result<IpAddr, PrefixError>;

    /// The address with this number, counted from the last one, which is 0: in IPv4 the broadcast address.
    fn nth_from_end(&self, number: u128) -> Result<IpAddr, PrefixError>;

    /// All addresses that hosts can have, in order: without the one that names the prefix (RFC 950; in IPv6 the routers' anycast address, RFC
    /// 4291 section 2.6.1) and IPv4's broadcast; a prefix of one address or two (RFC 3021, RFC 6164) gives all it has. (`hosts` of ipnet's own
    /// has IPv6's first address among them.)
    fn host_addresses(&self) -> HostAddresses;

    /// The part with this number of those of a length, in bits, counted from 0.
    fn subnet(&self, length: u8, number: u128) -> Result<IpNet, PrefixError>;
}

impl Prefix for IpNet {
    fn nth(&self, number: u128) -> Result<IpAddr, PrefixError> {
        let last = last(self);
        let error = PrefixError::NoAddress { prefix: self.trunc(), number, from_end: false, last };
        if number <= last { Ok(at(self, number)) } else { Err(error) }
    }

    fn nth_from_end(&self, number: u128) -> Result<IpAddr, PrefixError> {
        let last = last(self);
        let error = PrefixError::NoAddress { prefix: self.trunc(), number, from_end: true, last };
        last.checked_sub(number).map(|number| at(self, number)).ok_or(error)
    }

    fn host_addresses(&self) -> HostAddresses {
        let first = u128::from(self.max_prefix_len() - self.prefix_len() > 1);
        HostAddresses { prefix: *self, next: first, left: capacity(self) }
    }

    fn subnet(&self, length: u8, number: u128) -> Result<IpNet, PrefixError> {
        let no_length = || PrefixError::NoLength { prefix: self.trunc(), length };
        let wanted = length.checked_sub(self.prefix_len()).filter(|_| length <= self.max_prefix_len());
        let last = ones(wanted.ok_or_else(no_length)?);
        if number > last {
            return Err(PrefixError::NoSubnet { prefix: self.trunc(), length, number, last });
        }
        // All of them are one where a part has as many addresses as there are numbers.
        let size_bits = u32::from(self.max_prefix_len() - length);
        let first = number.checked_shl(size_bits).unwrap_or(0);
        IpNet::new(at(self, first), length).map_err(|_| no_length())
    }
}

/// The addresses of a prefix that hosts can have: see [`Prefix::host_addresses`].
#[derive(Clone, Debug)]
pub struct HostAddresses {
    prefix: IpNet,
    next: u128,
    left: u128,
}

impl Iterator for HostAddresses {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        self.left = self.left.checked_sub(1)?;
        let address = at(&self.prefix, self.next);
        // After the very last address there is no other.
        self.next = self.next.wrapping_add(1);
        Some(address)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let exact = usize::try_from(self.left).ok();
        (exact.unwrap_or(usize::MAX), exact)
    }
}

/// The greatest number of so many bits.
fn ones(bits: u8) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}

/// The number of the last address.
fn last(prefix: &IpNet) -> u128 {
    ones(prefix.max_prefix_len() - prefix.prefix_len())
}

/// The address with a number that is not greater than that of the last.
fn at(prefix: &IpNet, number: u128) -> IpAddr {
    debug_assert!(number <= last(prefix));
    match prefix.network() {
        IpAddr::V4(network) => {
            let offset = u32::try_from(number).expect("an IPv4 prefix has no more addresses");
            Ipv4Addr::from_bits(network.to_bits() | offset).into()
        }
        IpAddr::V6(network) => Ipv6Addr::from_bits(network.to_bits() | number).into(),
    }
}
