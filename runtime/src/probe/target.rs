//! What a probe is aimed at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netns_test_topology::Device;

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

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
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

/// What is wrong with a target. The question was never asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// It has no address, or none of the family that was asked for.
    #[error("{target} has no {family}address{hint}")]
    NoAddress {
        /// The target.
        target: String,
        /// `IPv4 ` or `IPv6 ` if that was asked for.
        family: &'static str,
        /// Why it has none, if that is known.
        hint: &'static str,
    },
    /// It is a host of another lab, which none of this lab's segments leads to.
    #[error("host `{target}` is in another lab than the host that asks")]
    OtherLab {
        /// Its name.
        target: String,
    },
    /// There is no host of this name in the lab.
    #[error("there is no host `{name}` in the lab{}", known_names(known))]
    UnknownName {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// What would lead to it is a tap: its frames are written by the test, and the host's kernel has nothing to do with them.
    #[error(
        "host `{host}` cannot ask for {to}: its interface `{interface}` is a tap, and what it says the test writes itself"
    )]
    Tap {
        /// The destination.
        to: IpAddr,
        /// The host that was to ask.
        host: String,
        /// Its interface.
        interface: String,
    },
}

fn known_names(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are `{}`", known.join("`, `")) }
}

impl Target {
    /// The address that this means to a host that asks. Everything that is wrong with it is an error of its own kind: none of it is silence.
    pub(crate) fn resolve(&self, host: &Host, family: Option<Family>) -> Result<IpAddr, TargetError> {
        let address = self.address(host, family)?;
        kernel_speaks_to(host, address)?;
        Ok(address)
    }

    fn address(&self, host: &Host, family: Option<Family>) -> Result<IpAddr, TargetError> {
        let of_family = |address: &IpAddr| family.is_none_or(|family| Family::of(*address) == family);
        let candidates: Vec<IpAddr> = match self {
            // An IPv4 address in the form of an IPv6 one (RFC 4291 section 2.5.5.2) is an IPv4 address.
            Self::Addr(address) => vec![address.to_canonical()],
            // Somebody in this lab may have its address, too.
            Self::Host(target) if !host.is_in_the_lab_of(target) => {
                return Err(TargetError::OtherLab { target: target.name().to_owned() });
            }
            Self::Host(target) => host.addresses_towards(target.machine().number(), of_family),
            Self::Name(name) => {
                let plan = host.lab_plan();
                let Some(target) = plan.hosts.iter().position(|host| host.name.as_str() == name) else {
                    let known = plan.hosts.iter().map(|host| host.name.to_string()).collect();
                    return Err(TargetError::UnknownName { name: name.clone(), known });
                };
                host.addresses_towards(target, of_family)
            }
        };
        let first = |wanted: fn(&IpAddr) -> bool| candidates.iter().copied().filter(of_family).find(wanted);
        let found = first(IpAddr::is_ipv4).or_else(|| first(|_| true)).filter(|address| !address.is_unspecified());
        found.ok_or_else(|| {
            let family = match family {
                None => "",
                Some(Family::V4) => "IPv4 ",
                Some(Family::V6) => "IPv6 ",
            };
            let hint = match self {
                Self::Host(target) => target.why_no_address(),
                _ => "",
            };
            TargetError::NoAddress { target: self.to_string(), family, hint }
        })
    }
}

/// The kernel has no route through a tap, and says so for a reason that is no answer: the host there is the test.
fn kernel_speaks_to(host: &Host, to: IpAddr) -> Result<(), TargetError> {
    let interfaces = &host.plan().interfaces;
    let addresses = host.surroundings().addresses_of(host.machine().number());
    let is_tap = |nth: &usize| interfaces[*nth].device == Device::Tap;
    let (taps, others): (Vec<usize>, Vec<usize>) = (0..interfaces.len()).partition(is_tap);
    let near = |nth: &usize| addresses[*nth].iter().any(|subnet| subnet.contains(&to));
    let only_way = taps.iter().find(|tap| near(tap)).or_else(|| taps.first().filter(|_| others.is_empty()));
    match only_way {
        Some(&tap) if !to.is_loopback() && !others.iter().any(near) => {
            let interface = interfaces[tap].name.to_string();
            Err(TargetError::Tap { to, host: host.name().to_owned(), interface })
        }
        _ => Ok(()),
    }
}
