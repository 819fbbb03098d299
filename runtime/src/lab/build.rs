//! From a plan to namespaces and links.
//!
//! Namespaces first, then links, each born in the namespaces where it lives; then addresses; `up` comes last. Many hosts are
//! built by as many threads as there are processors: each makes the namespaces of its share, and their sockets, and no other
//! thread touches those until it is done.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use netns_test_topology::{HostPlan, InterfacePlan, IpNet, MacAddr, Plan, SegmentKind, SegmentPlan};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage};
use rtnetlink::packet_route::link::{BridgeStpState, InfoBridge, InfoData, InfoKind, InfoVeth, LinkMessage};
use rtnetlink::{AddressMessageBuilder, LinkMessageBuilder, LinkUnspec};

use super::LabError;
use super::baseline::Baseline;
use super::carrier;
use super::netlink::{Netlink, NetlinkError};
use crate::settings::Settings;

/// How long links may take to come up, before it is an error.
const CARRIER: Duration = Duration::from_secs(10);

/// From how many hosts on another thread is worth starting.
const SHARE: usize = 16;

/// Index of the loopback in every namespace (`LOOPBACK_IFINDEX`).
const LOOPBACK: u32 = 1;

/// Where our indices of interfaces begin: above those of fallback devices, which some kernels put into every new namespace.
const FIRST_INDEX: u32 = 100;

/// Makes the network. Answers with the hosts' network namespaces, in the order of the plan.
///
/// The calling thread is in the namespace that will hold the switches, and stays there.
pub(super) fn build(plan: &Plan, settings: &Settings) -> Result<Vec<OwnedFd>, LabError> {
    allow_open_files(plan.hosts.len())?;
    let indices = Indices::of(plan);
    let mut hub = make_hub(plan, &indices)?;
    let mut sites = make_sites(plan)?;
    make_links(plan, &indices, &mut sites, &mut hub)?;
    configure(&indices, &mut sites)?;
    raise_switches(plan, &indices, &mut hub)?;
    wait_for_carrier(plan, &indices, &mut sites, &mut hub, settings)?;
    Ok(sites.into_iter().map(|site| site.netns).collect())
}

/// A host in the making.
struct Site<'a> {
    number: usize,
    host: &'a HostPlan,
    netns: OwnedFd,
    netlink: Netlink,
}

/// The kernel's indices of our interfaces: different ones all over the lab, so that a message with one is about one thing.
struct Indices {
    /// Number of the first interface of each host, and of all interfaces at the end.
    first: Vec<u32>,
}

impl Indices {
    fn of(plan: &Plan) -> Self {
        let mut first = vec![0];
        for host in &plan.hosts {
            let interfaces = u32::try_from(host.interfaces.len()).expect("a host has few");
            first.push(first[first.len() - 1] + interfaces);
        }
        Self { first }
    }

    fn number(&self, host: usize, interface: usize) -> u32 {
        self.first[host] + u32::try_from(interface).expect("a host has few")
    }

    fn all(&self) -> u32 {
        self.first[self.first.len() - 1]
    }

    /// An interface of a host.
    fn interface(&self, host: usize, interface: usize) -> u32 {
        FIRST_INDEX + self.number(host, interface)
    }

    /// The port of a switch that an interface is plugged into.
    fn port(&self, host: usize, interface: usize) -> u32 {
        self.interface(host, interface) + self.all()
    }

    /// The switch of a segment.
    fn switch(&self, segment: usize) -> u32 {
        FIRST_INDEX + 2 * self.all() + u32::try_from(segment).expect("a lab has few")
    }
}

/// Two files for each host while the lab is built, and some for everything else.
fn allow_open_files(hosts: usize) -> Result<(), LabError> {
    let needed = 2 * hosts as u64 + 100;
    let failed = |source: nix::Error| LabError::File { path: "RLIMIT_NOFILE".to_owned(), source: source.into() };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if needed <= soft {
        return Ok(());
    }
    if needed > hard {
        return Err(LabError::OpenFiles { hosts, needed, limit: hard });
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed, hard).map_err(failed)
}

/// The namespace of this thread, with the switches in it and its loopback up.
fn make_hub(plan: &Plan, indices: &Indices) -> Result<Netlink, LabError> {
    let in_hub = |source| request("the switches", source);
    let mut hub = Netlink::open().map_err(in_hub)?;
    hub.set_link("bring up the loopback", up(LOOPBACK)).map_err(in_hub)?;
    let mut switches = switches(plan).peekable();
    if switches.peek().is_some() {
        Baseline::of_switches()?.apply()?;
    }
    for (number, segment) in switches {
        let info = InfoData::Bridge(vec![
            InfoBridge::ForwardDelay(0),
            InfoBridge::StpState(BridgeStpState::Disabled),
            InfoBridge::MulticastSnooping(false),
        ]);
        let bridge = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Bridge)
            .index(indices.switch(number))
            .name(format!("br{number}"))
            .address(switch_mac(indices.switch(number)))
            .set_info_data(info);
        hub.create_link("make a bridge", with_mtu(bridge, segment).build()).map_err(in_hub)?;
    }
    hub.settle().map_err(|source| device("bridge", "CONFIG_BRIDGE", "the switches", source))?;
    Ok(hub)
}

fn switches(plan: &Plan) -> impl Iterator<Item = (usize, &SegmentPlan)> {
    plan.segments.iter().enumerate().filter(|(_, segment)| segment.kind == SegmentKind::Switch)
}

/// The namespaces of all hosts, each with its sysctls and a socket in it.
fn make_sites(plan: &Plan) -> Result<Vec<Site<'_>>, LabError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.min(plan.hosts.len().div_ceil(SHARE)).max(1);
    let share = plan.hosts.len().div_ceil(threads).max(1);
    // Also for a single host: the thread that makes a namespace ends up in it.
    std::thread::scope(|scope| {
        let shares = plan.hosts.chunks(share).enumerate().map(|(nth, hosts)| {
            let work = move || make_share(nth * share, hosts);
            std::thread::Builder::new().spawn_scoped(scope, work).map_err(|source| LabError::Thread { source })
        });
        let threads = shares.collect::<Result<Vec<_>, _>>()?;
        let mut sites = Vec::with_capacity(plan.hosts.len());
        for thread in threads {
            sites.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(sites)
    })
}

fn make_share(first: usize, hosts: &[HostPlan]) -> Result<Vec<Site<'_>>, LabError> {
    let mut baselines = [None, None];
    let mut sites = Vec::with_capacity(hosts.len());
    for (number, host) in (first..).zip(hosts) {
        let failed = |source| LabError::Namespace { host: host.name.clone(), source };
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| failed(error.into()))?;
        let netns = File::open("/proc/thread-self/ns/net").map_err(failed)?.into();
        let baseline = &mut baselines[usize::from(host.has_ipv6())];
        if baseline.is_none() {
            *baseline = Some(Baseline::of_hosts(host.has_ipv6())?);
        }
        baseline.as_ref().expect("just set").apply()?;
        let netlink = Netlink::open().map_err(|source| at_host(host, source))?;
        sites.push(Site { number, host, netns, netlink });
    }
    Ok(sites)
}

/// Every veth, with each end in the namespace where it belongs.
fn make_links(plan: &Plan, indices: &Indices, sites: &mut [Site<'_>], hub: &mut Netlink) -> Result<(), LabError> {
    for (number, segment) in plan.segments.iter().enumerate() {
        let end = |(host, interface): (usize, usize), sites: &[Site<'_>]| {
            let site = &sites[host];
            host_end(&site.host.interfaces[interface], indices.interface(host, interface), segment, site)
        };
        match segment.kind {
            SegmentKind::Wire => {
                let [first, second] = segment.members[..] else { unreachable!("a wire has two ends") };
                let peer = end(second, sites).build();
                let link = veth(
                    end_at_home(&sites[first.0].host.interfaces[first.1], indices.interface(first.0, first.1), segment),
                    peer,
                );
                let site = &mut sites[first.0];
                site.netlink.create_link("make a veth pair", link).map_err(|source| at_host(site.host, source))?;
                site.netlink.settle().map_err(|source| no_veth(&site.host.name.to_string(), source))?;
            }
            _ => {
                for &(host, interface) in &segment.members {
                    let port = LinkMessageBuilder::<LinkUnspec>::default()
                        .index(indices.port(host, interface))
                        .name(format!("p{}", indices.number(host, interface)))
                        .address(switch_mac(indices.port(host, interface)))
                        .controller(indices.switch(number));
                    let link = veth(with_mtu(port, segment), end((host, interface), sites).build());
                    hub.create_link("make a veth pair", link).map_err(|source| no_veth("the switches", source))?;
                }
            }
        }
    }
    hub.settle().map_err(|source| no_veth("the switches", source))
}

/// Addresses, then `up`.
fn configure(indices: &Indices, sites: &mut [Site<'_>]) -> Result<(), LabError> {
    for site in sites {
        let (host, number) = (site.host, site.number);
        configure_site(indices, site, number).map_err(|source| at_host(host, source))?;
    }
    Ok(())
}

fn configure_site(indices: &Indices, site: &mut Site<'_>, number: usize) -> Result<(), NetlinkError> {
    let netlink = &mut site.netlink;
    netlink.set_link("bring up the loopback", up(LOOPBACK))?;
    for (nth, interface) in site.host.interfaces.iter().enumerate() {
        for address in &interface.addresses {
            netlink.add_address("give an address", address_message(indices.interface(number, nth), address))?;
        }
    }
    for nth in 0..site.host.interfaces.len() {
        netlink.set_link("bring up an interface", up(indices.interface(number, nth)))?;
    }
    netlink.settle()
}

fn raise_switches(plan: &Plan, indices: &Indices, hub: &mut Netlink) -> Result<(), LabError> {
    let in_hub = |source| request("the switches", source);
    for (number, segment) in switches(plan) {
        hub.set_link("bring up a bridge", up(indices.switch(number))).map_err(in_hub)?;
        for &(host, interface) in &segment.members {
            hub.set_link("bring up the port of a bridge", up(indices.port(host, interface))).map_err(in_hub)?;
        }
    }
    hub.settle().map_err(in_hub)
}

fn wait_for_carrier(
    plan: &Plan,
    indices: &Indices,
    sites: &mut [Site<'_>],
    hub: &mut Netlink,
    settings: &Settings,
) -> Result<(), LabError> {
    let waited = settings.scaled(CARRIER);
    let deadline = Instant::now() + waited;
    let name = |host: usize, interface: usize| {
        format!("{}:{}", plan.hosts[host].name, plan.hosts[host].interfaces[interface].name)
    };
    let ports = switches(plan)
        .flat_map(|(_, segment)| &segment.members)
        .map(|&(host, interface)| (indices.port(host, interface), format!("the port of {}", name(host, interface))));
    let ports: HashMap<_, _> = ports.collect();
    if !ports.is_empty() {
        carrier::wait(hub, "the switches", ports, deadline, waited)?;
    }
    for site in sites.iter_mut().filter(|site| !site.host.interfaces.is_empty()) {
        let interfaces = 0..site.host.interfaces.len();
        let links = interfaces.map(|nth| (indices.interface(site.number, nth), name(site.number, nth))).collect();
        carrier::wait(&mut site.netlink, &format!("host {}", site.host.name), links, deadline, waited)?;
    }
    Ok(())
}

/// A message with everything that makes an interface but the namespace it is born in.
fn end_at_home(interface: &InterfacePlan, index: u32, segment: &SegmentPlan) -> LinkMessageBuilder<LinkUnspec> {
    let MacAddr(mac) = interface.mac;
    let end =
        LinkMessageBuilder::<LinkUnspec>::default().index(index).name(interface.name.as_str()).address(mac.to_vec());
    with_mtu(end, segment)
}

/// The same, to be born in the host's namespace.
fn host_end(
    interface: &InterfacePlan,
    index: u32,
    segment: &SegmentPlan,
    site: &Site<'_>,
) -> LinkMessageBuilder<LinkUnspec> {
    end_at_home(interface, index, segment).setns_by_fd(site.netns.as_raw_fd())
}

fn veth(end: LinkMessageBuilder<LinkUnspec>, peer: LinkMessage) -> LinkMessage {
    let mut link = end.build();
    let info = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Veth)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .build();
    link.attributes.extend(info.attributes);
    link
}

fn with_mtu(link: LinkMessageBuilder<LinkUnspec>, segment: &SegmentPlan) -> LinkMessageBuilder<LinkUnspec> {
    match segment.mtu {
        Some(mtu) => link.mtu(mtu),
        None => link,
    }
}

/// Switches and their ports have addresses that no host has: the second octet differs.
fn switch_mac(index: u32) -> Vec<u8> {
    let [a, b, c, d] = index.to_be_bytes();
    vec![0x02, 0x01, a, b, c, d]
}

fn up(index: u32) -> LinkMessage {
    LinkMessageBuilder::<LinkUnspec>::default().index(index).up().build()
}

fn address_message(index: u32, address: &IpNet) -> AddressMessage {
    match address {
        IpNet::V4(v4) => {
            AddressMessageBuilder::<std::net::Ipv4Addr>::new().index(index).address(v4.addr(), v4.prefix_len()).build()
        }
        IpNet::V6(v6) => {
            let mut message = AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                .index(index)
                .address(v6.addr(), v6.prefix_len())
                .build();
            message.header.flags |= AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
            message
        }
    }
}

fn at_host(host: &HostPlan, source: NetlinkError) -> LabError {
    request(&format!("host {}", host.name), source)
}

/// An error of a request in some place.
pub(super) fn request(place: &str, source: NetlinkError) -> LabError {
    LabError::Netlink { place: place.to_owned(), source }
}

fn no_veth(place: &str, source: NetlinkError) -> LabError {
    device("veth", "CONFIG_VETH", place, source)
}

/// An error of a request for a link, of a kind that the kernel may lack.
fn device(kind: &'static str, config: &'static str, place: &str, source: NetlinkError) -> LabError {
    match source.source.raw_os_error() {
        Some(libc::EOPNOTSUPP) => LabError::NoDevice { kind, config, source },
        _ => request(place, source),
    }
}
