//! A routing socket in one namespace: requests are put together and sent as one.
//!
//! The rtnetlink crate's handle sends one request at a time through an event loop; building a lab of a thousand hosts that way
//! costs a wake-up for each of some seven thousand requests. Its messages are used here, its connection is not. The kernel has
//! carried out all that was sent when `send` returns (`netlink_unicast_kernel`), so only errors are left to be read.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use rtnetlink::packet_route::neighbour::NeighbourMessage;
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::packet_route::tc::TcMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::netlink::{self, List};

/// A batch is sent when it has grown to this size, in bytes; the kernel takes up to the send buffer, some 200 kB.
const BATCH: usize = 64 * 1024;

/// `RTNLGRP_LINK`: changes of links.
const LINK_EVENTS: u32 = 1;

/// `RTNLGRP_IPV6_IFADDR`: changes of IPv6 addresses.
const IPV6_ADDRESS_EVENTS: u32 = 9;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}")]
pub(crate) struct NetlinkError {
    /// What was asked for.
    pub(crate) what: &'static str,
    /// What the kernel said.
    pub(crate) source: io::Error,
}

/// A routing socket.
pub(crate) struct Netlink {
    socket: Socket,
    batch: Vec<u8>,
    /// What each request was for, by its sequence number less one.
    requests: Vec<&'static str>,
    /// Sequence numbers of requests to take something away that may be gone already.
    may_be_gone: Vec<usize>,
    /// Where the last message of the batch begins.
    last: usize,
}

impl Netlink {
    /// Opens a socket in the namespace that this thread is in; it stays there.
    pub(crate) fn open() -> Result<Self, NetlinkError> {
        let failed = failed("open a routing socket");
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(&failed)?;
        socket.bind(&SocketAddr::new(0, 0)).map_err(&failed)?;
        Ok(Self { socket, batch: Vec::new(), requests: Vec::new(), may_be_gone: Vec::new(), last: 0 })
    }

    /// Adds the request for a new link.
    pub(crate) fn create_link(&mut self, what: &'static str, link: LinkMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewLink(link), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds the request to change what is particular to a link's kind.
    pub(super) fn change_link(&mut self, what: &'static str, link: LinkMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewLink(link), 0)
    }

    /// Adds the request to change a link.
    pub(crate) fn set_link(&mut self, what: &'static str, link: LinkMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::SetLink(link), 0)
    }

    /// Adds the request for a new address.
    pub(crate) fn add_address(&mut self, what: &'static str, address: AddressMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewAddress(address), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds the request to take an address away.
    pub(crate) fn delete_address(&mut self, what: &'static str, address: AddressMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::DelAddress(address), 0)
    }

    /// Adds the request for a route in the place of one to the same destination.
    pub(crate) fn replace_route(&mut self, what: &'static str, route: RouteMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Adds the request to take a route away, if it is there.
    pub(crate) fn forget_route(&mut self, what: &'static str, route: RouteMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::DelRoute(route), 0)?;
        self.may_be_gone.push(self.requests.len());
        Ok(())
    }

    /// Adds the request for a new route.
    pub(super) fn add_route(&mut self, what: &'static str, route: RouteMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewRoute(route), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds the request for a new neighbour.
    pub(super) fn add_neighbour(
        &mut self,
        what: &'static str,
        neighbour: NeighbourMessage,
    ) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewNeighbour(neighbour), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Adds the request for one more destination of frames to the same neighbour.
    pub(super) fn append_neighbour(
        &mut self,
        what: &'static str,
        neighbour: NeighbourMessage,
    ) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewNeighbour(neighbour), NLM_F_CREATE | NLM_F_APPEND)
    }

    /// Adds the request for a queueing discipline in the place of another; one of the same kind is changed.
    pub(crate) fn replace_qdisc(&mut self, what: &'static str, qdisc: TcMessage) -> Result<(), NetlinkError> {
        self.push(what, RouteNetlinkMessage::NewQueueDiscipline(qdisc), NLM_F_CREATE | NLM_F_REPLACE)
    }

    fn push(&mut self, what: &'static str, message: RouteNetlinkMessage, flags: u16) -> Result<(), NetlinkError> {
        if self.batch.len() > BATCH {
            self.settle()?;
        }
        self.requests.push(what);
        let mut header = NetlinkHeader::default();
        header.sequence_number = u32::try_from(self.requests.len()).expect("a lab has fewer requests");
        header.flags = NLM_F_REQUEST | flags;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        self.last = self.batch.len();
        self.batch.resize(self.last + message.buffer_len(), 0);
        message.serialize(&mut self.batch[self.last..]);
        Ok(())
    }

    /// Sends what was added and makes sure that all of it was done.
    pub(crate) fn settle(&mut self) -> Result<(), NetlinkError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        // An error is answered always, success only where it is asked for: once a batch is enough.
        let flags = self.last + 6;
        let with_ack = u16::from_ne_bytes([self.batch[flags], self.batch[flags + 1]]) | NLM_F_ACK;
        self.batch[flags..flags + 2].copy_from_slice(&with_ack.to_ne_bytes());
        let last = self.requests.len();
        let what = self.requests[last - 1];
        self.socket.send(&self.batch, 0).map_err(|source| NetlinkError { what, source })?;
        self.batch.clear();
        self.read_answers(last)
    }

    /// Reads answers up to that of the last request. All are there already: a missing one is a bug, which must not become a hang.
    fn read_answers(&self, last: usize) -> Result<(), NetlinkError> {
        let mut done = false;
        while !done {
            let mut what = self.requests[last - 1];
            self.receive(|message| {
                let NetlinkPayload::Error(error) = message.payload else { return Ok(()) };
                let number = message.header.sequence_number as usize;
                done |= number == last;
                let gone = || error.raw_code() == -libc::ESRCH && self.may_be_gone.contains(&number);
                if error.code.is_some() && !gone() {
                    what = number.checked_sub(1).and_then(|number| self.requests.get(number)).copied().unwrap_or(what);
                    return Err(error.to_io());
                }
                Ok(())
            })
            .map_err(|source| NetlinkError { what, source })?;
        }
        Ok(())
    }

    /// Tells this socket of every change of a link from now on.
    pub(super) fn subscribe_to_links(&self) -> Result<(), NetlinkError> {
        self.socket.add_membership(LINK_EVENTS).map_err(failed("subscribe to the events of links"))
    }

    /// Tells this socket of every change of an IPv6 address from now on.
    pub(super) fn subscribe_to_ipv6_addresses(&self) -> Result<(), NetlinkError> {
        self.socket.add_membership(IPV6_ADDRESS_EVENTS).map_err(failed("subscribe to the events of addresses"))
    }

    /// Tells it nothing more, and passes over what has arrived: an answer to come could be lost among it.
    pub(super) fn unsubscribe(&self) -> Result<(), NetlinkError> {
        let failed = failed("unsubscribe from events");
        for group in [LINK_EVENTS, IPV6_ADDRESS_EVENTS] {
            self.socket.drop_membership(group).map_err(&failed)?;
        }
        self.drain(&mut |_| ()).map_err(&failed)?;
        Ok(())
    }

    /// Tells this socket of everything that these groups of events are about, from now on.
    pub(crate) fn subscribe(&self, groups: &[u32]) -> Result<(), NetlinkError> {
        groups.iter().try_for_each(|&group| self.socket.add_membership(group)).map_err(failed("subscribe to events"))
    }

    /// Waits until there are events, and passes over those that have arrived. Some may have been lost.
    pub(crate) fn wait_for_events(&self, at_most: Duration) -> Result<(), NetlinkError> {
        let timeout = PollTimeout::try_from(at_most + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(Errno::EINTR) => Ok(()),
            Ok(_) => self.drain(&mut |_| ()).map(|_| ()).map_err(failed("read the events")),
            Err(error) => Err(failed("wait for events")(error.into())),
        }
    }

    /// All IPv6 addresses as they are now. Events that have arrived before are passed over.
    pub(super) fn ipv6_addresses(&mut self) -> Result<Vec<AddressMessage>, NetlinkError> {
        let mut address = AddressMessage::default();
        address.header.family = AddressFamily::Inet6;
        let answers = self.list("read the addresses", &RouteNetlinkMessage::GetAddress(address))?;
        let addresses = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewAddress(address) => Some(address),
            _ => None,
        });
        Ok(addresses.collect())
    }

    /// All that a request for a list (`NLM_F_DUMP`) is answered with. Events that have arrived before are passed over.
    pub(crate) fn list(
        &mut self,
        what: &'static str,
        request: &RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, NetlinkError> {
        let read = || {
            self.drain(&mut |_| ())?;
            self.read_list(what, request.clone())
        };
        netlink::undisturbed(read).map_err(failed(what))
    }

    /// Answers with nothing if the list may be incomplete.
    fn read_list(
        &mut self,
        what: &'static str,
        request: RouteNetlinkMessage,
    ) -> io::Result<Option<Vec<RouteNetlinkMessage>>> {
        self.push(what, request, NLM_F_DUMP).map_err(|error| error.source)?;
        self.socket.send(&self.batch, 0)?;
        self.batch.clear();
        let number = self.requests.len();
        let mut list = List::new();
        while !list.is_done() {
            let received = self.receive(|message| {
                if message.header.sequence_number as usize == number { list.add(message) } else { Ok(()) }
            });
            match received {
                // Events were lost on the way; the answer comes all the same.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => list.lose(),
                // The answer found no room beside events: it has to be asked for again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                other => other?,
            }
        }
        Ok(list.answers())
    }

    /// Hands over links as they are now, by their indices. Events that have arrived, or arrive meanwhile, are handed over too, and a link may
    /// be handed over several times.
    ///
    /// Each is asked for by itself: the kernel brings its state up to date then, from 6.8 on (`linkwatch_sync_dev` in `rtnl_getlink`). A
    /// list would show what the worker has come to, who takes a hundred links and then rests for a second.
    pub(crate) fn links(&mut self, indices: &[u32], mut each: impl FnMut(LinkMessage)) -> Result<(), NetlinkError> {
        let read = || {
            let mut complete = true;
            for &index in indices {
                complete &= self.read_link(index, &mut each)?;
            }
            Ok(complete.then_some(()))
        };
        netlink::undisturbed(read).map_err(failed("read the links"))
    }

    /// Hands over the links of all events that have arrived; answers whether none was lost.
    ///
    /// The kernel says once that it has lost events, and then not again before everything that did fit was read (`netlink_overrun`):
    /// what is asked for earlier may be followed by losses that nobody hears of.
    fn drain(&self, each: &mut impl FnMut(LinkMessage)) -> io::Result<bool> {
        let mut complete = true;
        loop {
            match self.receive(|message| hand_over(message, each)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(complete),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => complete = false,
                other => other?,
            }
        }
    }

    /// Answers whether no event was lost meanwhile, nor the answer, for which there may be no room among events.
    fn read_link(&mut self, index: u32, each: &mut impl FnMut(LinkMessage)) -> io::Result<bool> {
        let mut complete = self.drain(each)?;
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
        self.push("read the links", RouteNetlinkMessage::GetLink(link), 0).map_err(|error| error.source)?;
        self.socket.send(&self.batch, 0)?;
        self.batch.clear();
        let number = self.requests.len();
        let mut answered = false;
        while !answered {
            let received = self.receive(|message| {
                let ours = message.header.sequence_number as usize == number;
                answered |= ours;
                match message.payload {
                    NetlinkPayload::Error(error) if ours => Err(error.to_io()),
                    _ => hand_over(message, each),
                }
            });
            match received {
                // The kernel has answered when `send` returns.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => complete = false,
                other => other?,
            }
        }
        Ok(complete)
    }

    /// Waits for events of links and hands over those that have arrived.
    pub(super) fn wait_for_links(
        &self,
        at_most: Duration,
        mut each: impl FnMut(LinkMessage),
    ) -> Result<Wait, NetlinkError> {
        let timeout = PollTimeout::try_from(at_most + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) => return Ok(Wait::Expired),
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Wait::Events),
            Err(error) => return Err(failed("wait for links")(error.into())),
        }
        match self.receive(|message| hand_over(message, &mut each)) {
            Ok(()) => Ok(Wait::Events),
            // More events than the socket holds: the state has to be read anew.
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(Wait::Overrun),
            Err(error) => Err(failed("read the events of links")(error)),
        }
    }

    fn receive(&self, each: impl FnMut(NetlinkMessage<RouteNetlinkMessage>) -> io::Result<()>) -> io::Result<()> {
        netlink::receive(&self.socket, each)
    }
}

/// Hands over the link that a message is about, if it is about one.
#[expect(clippy::unnecessary_wraps, reason = "as those wish it who receive messages")]
fn hand_over(message: NetlinkMessage<RouteNetlinkMessage>, each: &mut impl FnMut(LinkMessage)) -> io::Result<()> {
    if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = message.payload {
        each(link);
    }
    Ok(())
}

/// What a wait for events came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Some were handed over, or the wait was interrupted.
    Events,
    /// Some were lost.
    Overrun,
    /// None came in time.
    Expired,
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> NetlinkError {
    move |source| NetlinkError { what, source }
}
