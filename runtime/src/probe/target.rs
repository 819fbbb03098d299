//! What a probe is aimed at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Host;

/// What a probe is aimed at: a host, an address, or the name of either.
///
/// Made from a `&Host`, an [`IpAddr`], [`Ipv4Addr`] or [`Ipv6Addr`], or from text: an address, or the name of a host in the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// An address.
    Addr(IpAddr),
    /// The first address of a host, v4 before v6.
    Host(Host),
    /// The host of the lab with this name.
    Name(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addr(address) => address.fmt(f),
            Self::Host(host) => f.write_str(host.name()),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl From<&Host> for Target {
    fn from(host: &Host) -> Self {
        Self::Host(host.clone())
    }
}

impl From<IpAddr> for Target {
    fn from(address: IpAddr) -> Self {
        Self::Addr(address)
    }
}

impl From<Ipv4Addr> for Target {
    fn from(address: Ipv4Addr) -> Self {
        Self::Addr(address.into())
    }
}

impl From<Ipv6Addr> for Target {
    fn from(address: Ipv6Addr) -> Self {
        Self::Addr(address.into())
    }
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Addr)
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}
