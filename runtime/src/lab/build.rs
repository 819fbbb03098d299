//! From a plan to namespaces and links.
//!
//! Namespaces first, then links, each born in the namespaces where it lives; then addresses; `up` comes last. Many hosts are
//! built by as many threads as there are processors: each makes the namespaces of its share, and their sockets, and no other
//! thread touches those until it is done.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use netns_test_topology::{Feature, HostPlan, InterfacePlan, IpNet, MacAddr, Plan, SegmentKind, SegmentPlan};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use once_cell::sync::OnceCell;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{BridgeStpState, InfoBridge, InfoData, InfoKind, InfoVeth, LinkMessage};
use rtnetlink::{AddressMessageBuilder, LinkMessageBuilder, LinkUnspec};

use super::LabError;
use super::baseline::Baseline;
use super::carrier;
use super::netlink::{Netlink, NetlinkError};
use crate::settings::Settings;

/// How long links may take to come up, before it is an error.
const CARRIER: Duration = Duration::from_secs(10);

/// How many hosts are worth starting a thread for, to send them their requests: the kernel takes those one at a time anyway.
const WORTH_A_THREAD: usize = 64;

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
    let (mut sites, mut hub) = make_sites(plan, make_hub)?;
    make_switches(plan, &indices, &mut hub)?;
    make_links(plan, &indices, &mut sites, &mut hub)?;
    in_shares(&mut sites, |site| configure(&indices, site))?;
    raise_switches(plan, &indices, &mut hub)?;
    let patience = Patience::new(settings);
    wait_for_ports(plan, &indices, &mut hub, patience)?;
    in_shares(&mut sites, |site| wait_for_carrier(&indices, site, patience))?;
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

/// Two files for each host while the lab is built; seven for one that is used afterwards (namespaces and a runtime). So the limit goes
/// as high as it may.
fn allow_open_files(hosts: usize) -> Result<(), LabError> {
    let (building, using) = (2 * hosts as u64 + 100, 7 * hosts as u64 + 100);
    let failed = |source: nix::Error| LabError::File { path: "RLIMIT_NOFILE".to_owned(), source: source.into() };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if using <= soft {
        return Ok(());
    }
    if building > hard {
        return Err(LabError::OpenFiles { hosts, needed: using, limit: hard });
    }
    setrlimit(Resource::RLIMIT_NOFILE, using.min(hard), hard).map_err(failed)
}

/// The namespace of this thread, with its loopback up.
fn make_hub() -> Result<Netlink, LabError> {
    let in_hub = |source| request("the switches", source);
    let mut hub = Netlink::open().map_err(in_hub)?;
    hub.set_link("bring up the loopback", up(LOOPBACK)).map_err(in_hub)?;
    hub.settle().map_err(in_hub)?;
    Ok(hub)
}

/// The bridges. Not before the hosts' namespaces are there: on some machines those inherit the sysctls that are set here
/// (`net.core.devconf_inherit_init_net = 3`).
fn make_switches(plan: &Plan, indices: &Indices, hub: &mut Netlink) -> Result<(), LabError> {
    let in_hub = |source| request("the switches", source);
    let mut switches = switches(plan).peekable();
    if switches.peek().is_some() {
        Baseline::of_switches().apply()?;
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
    hub.settle().map_err(|source| device(Feature::Bridge, "the switches", source))
}

fn switches(plan: &Plan) -> impl Iterator<Item = (usize, &SegmentPlan)> {
    plan.segments.iter().enumerate().filter(|(_, segment)| matches!(segment.kind, SegmentKind::Switch(_)))
}

/// The namespaces of all hosts, each with its sysctls and a socket in it; and meanwhile, on this thread, something else.
///
/// The baseline is read in this thread's namespace, which is as fresh as theirs, while the kernel makes the first of them.
fn make_sites<T>(plan: &Plan, meanwhile: impl FnOnce() -> Result<T, LabError>) -> Result<(Vec<Site<'_>>, T), LabError> {
    let baselines = [OnceCell::new(), OnceCell::new()];
    let share = share_of(plan.hosts.len(), 1);
    // Also for a single host: the thread that makes a namespace ends up in it.
    std::thread::scope(|scope| {
        let shares = plan.hosts.chunks(share).enumerate().map(|(nth, hosts)| {
            let baselines = &baselines;
            let work = move || -> Result<Vec<_>, _> {
                (nth * share..).zip(hosts).map(|(number, host)| make_site(number, host, baselines)).collect()
            };
            start(scope, work)
        });
        let threads = shares.collect::<Result<Vec<_>, _>>()?;
        for ipv6 in plan.hosts.iter().map(HostPlan::has_ipv6).collect::<BTreeSet<_>>() {
            baseline(&baselines, ipv6)?;
        }
        let value = meanwhile();
        let mut sites = Vec::with_capacity(plan.hosts.len());
        for thread in threads {
            sites.extend(join(thread)?);
        }
        Ok((sites, value?))
    })
}

fn make_site<'a>(number: usize, host: &'a HostPlan, baselines: &[OnceCell<Baseline>; 2]) -> Result<Site<'a>, LabError> {
    let failed = |source| LabError::Namespace { host: host.name.clone(), source };
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| failed(error.into()))?;
    let netns = File::open("/proc/thread-self/ns/net").map_err(failed)?.into();
    baseline(baselines, host.has_ipv6())?.apply()?;
    let netlink = Netlink::open().map_err(|source| at_host(host, source))?;
    Ok(Site { number, host, netns, netlink })
}

/// The baseline of hosts with or without IPv6, read by whichever thread is first, in its fresh namespace.
fn baseline(baselines: &[OnceCell<Baseline>; 2], ipv6: bool) -> Result<&Baseline, LabError> {
    baselines[usize::from(ipv6)].get_or_try_init(|| Baseline::of_hosts(ipv6))
}

/// Does something for each host, on several threads where there are many.
fn in_shares(
    sites: &mut [Site<'_>],
    work: impl Fn(&mut Site<'_>) -> Result<(), LabError> + Sync,
) -> Result<(), LabError> {
    let share = share_of(sites.len(), WORTH_A_THREAD);
    if sites.len() <= share {
        return sites.iter_mut().try_for_each(work);
    }
    let work = &work;
    std::thread::scope(|scope| {
        let shares = sites.chunks_mut(share).map(|sites| start(scope, move || sites.iter_mut().try_for_each(work)));
        let threads = shares.collect::<Result<Vec<_>, _>>()?;
        threads.into_iter().try_for_each(join)
    })
}

/// How many hosts each thread gets, if a thread should have so many at least.
fn share_of(hosts: usize, least: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    hosts.div_ceil(processors).max(least)
}

fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, LabError> {
    std::thread::Builder::new().spawn_scoped(scope, work).map_err(|source| LabError::Thread { source })
}

fn join<T>(thread: ScopedJoinHandle<'_, Result<T, LabError>>) -> Result<T, LabError> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Every veth, with each end in the namespace where it belongs.
fn make_links(plan: &Plan, indices: &Indices, sites: &mut [Site<'_>], hub: &mut Netlink) -> Result<(), LabError> {
    for (number, segment) in plan.segments.iter().enumerate() {
        let end = |(host, interface): (usize, usize)| {
            host_end(&plan.hosts[host].interfaces[interface], indices.interface(host, interface), segment)
        };
        match segment.kind {
            SegmentKind::Wire => {
                let [first, second] = segment.members[..] else { unreachable!("a wire has two ends") };
                let peer = end(second).setns_by_fd(sites[second.0].netns.as_raw_fd());
                let link = veth(end(first), peer);
                let site = &mut sites[first.0];
                site.netlink.create_link("make a veth pair", link).map_err(|source| at_host(site.host, source))?;
                site.netlink.settle().map_err(|source| no_veth(site.host.name.as_str(), source))?;
            }
            _ => {
                for &(host, interface) in &segment.members {
                    let port = LinkMessageBuilder::<LinkUnspec>::default()
                        .index(indices.port(host, interface))
                        .name(format!("p{}", indices.number(host, interface)))
                        .address(switch_mac(indices.port(host, interface)))
                        .controller(indices.switch(number));
                    let peer = end((host, interface)).setns_by_fd(sites[host].netns.as_raw_fd());
                    let link = veth(with_mtu(port, segment), peer);
                    hub.create_link("make a veth pair", link).map_err(|source| no_veth("the switches", source))?;
                }
            }
        }
    }
    hub.settle().map_err(|source| no_veth("the switches", source))
}

/// Addresses, then `up`.
fn configure(indices: &Indices, site: &mut Site<'_>) -> Result<(), LabError> {
    let host = site.host;
    configure_site(indices, site).map_err(|source| at_host(host, source))
}

fn configure_site(indices: &Indices, site: &mut Site<'_>) -> Result<(), NetlinkError> {
    let (number, netlink) = (site.number, &mut site.netlink);
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

/// How long links may take, and until when.
#[derive(Clone, Copy)]
struct Patience {
    waited: Duration,
    deadline: Instant,
}

impl Patience {
    fn new(settings: &Settings) -> Self {
        let waited = settings.scaled(CARRIER);
        Self { waited, deadline: Instant::now() + waited }
    }
}

fn wait_for_ports(plan: &Plan, indices: &Indices, hub: &mut Netlink, patience: Patience) -> Result<(), LabError> {
    let members = switches(plan).flat_map(|(_, segment)| &segment.members);
    let ports: HashMap<_, _> = members
        .map(|&(host, interface)| {
            (indices.port(host, interface), format!("the port of {}", interface_name(&plan.hosts[host], interface)))
        })
        .collect();
    carrier::wait(hub, "the switches", ports, patience.deadline, patience.waited)
}

fn wait_for_carrier(indices: &Indices, site: &mut Site<'_>, patience: Patience) -> Result<(), LabError> {
    let interfaces = 0..site.host.interfaces.len();
    let links = interfaces.map(|nth| (indices.interface(site.number, nth), interface_name(site.host, nth))).collect();
    let place = format!("host {}", site.host.name);
    carrier::wait(&mut site.netlink, &place, links, patience.deadline, patience.waited)?;
    if site.host.addresses().any(|address| address.is_ipv6()) {
        carrier::wait_for_addresses(&mut site.netlink, &place, patience.deadline, patience.waited)?;
    }
    Ok(())
}

fn interface_name(host: &HostPlan, interface: usize) -> String {
    format!("{}:{}", host.name, host.interfaces[interface].name)
}

/// An interface of a host, to be born in the namespace of the socket unless another is named.
fn host_end(interface: &InterfacePlan, index: u32, segment: &SegmentPlan) -> LinkMessageBuilder<LinkUnspec> {
    let MacAddr(mac) = interface.mac;
    let end =
        LinkMessageBuilder::<LinkUnspec>::default().index(index).name(interface.name.as_str()).address(mac.to_vec());
    with_mtu(end, segment)
}

fn veth(end: LinkMessageBuilder<LinkUnspec>, peer: LinkMessageBuilder<LinkUnspec>) -> LinkMessage {
    let mut link = end.build();
    let info = LinkMessageBuilder::<LinkUnspec>::new_with_info_kind(InfoKind::Veth)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer.build())))
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
        // Without `IFA_F_NODAD`: the baseline sees to it that there is no duplicate address detection, and an address with that flag
        // does not tell when it can be used ([`carrier::wait_for_addresses`]).
        IpNet::V6(v6) => {
            AddressMessageBuilder::<std::net::Ipv6Addr>::new().index(index).address(v6.addr(), v6.prefix_len()).build()
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
    device(Feature::Veth, place, source)
}

/// An error of a request for a link, of a kind that the kernel may lack.
fn device(kind: Feature, place: &str, source: NetlinkError) -> LabError {
    match source.source.raw_os_error() {
        Some(libc::EOPNOTSUPP) => LabError::NoDevice { kind, source },
        _ => request(place, source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_kind_of_device_that_is_missing_is_an_unmet_need_with_its_remedy() {
        let refused = |errno| NetlinkError { what: "make a bridge", source: io::Error::from_raw_os_error(errno) };
        let missing = device(Feature::Bridge, "the switches", refused(libc::EOPNOTSUPP));
        assert!(missing.is_unmet_need());
        assert_eq!(
            crate::error::chain(&missing),
            "this kernel has no devices of kind `bridge`: `sudo modprobe bridge`, or choose a kernel with CONFIG_BRIDGE: \
             cannot make a bridge: Operation not supported (os error 95)"
        );
        let other = device(Feature::Bridge, "the switches", refused(libc::EEXIST));
        assert!(!other.is_unmet_need());
        assert_eq!(crate::error::chain(&other), "in the switches: cannot make a bridge: File exists (os error 17)");
    }

    #[test]
    fn no_two_interfaces_have_the_same_index() {
        let plan =
            netns_test_topology::Lan { hosts: &["a", "b", "c"], veth: true, ..Default::default() }.plan().unwrap();
        let indices = Indices::of(&plan);
        let hosts = (0..3).flat_map(|host| [indices.interface(host, 0), indices.port(host, 0)]);
        let all: Vec<_> = hosts.chain([indices.switch(0)]).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
        assert!(all.iter().all(|index| *index >= FIRST_INDEX));
    }
}
