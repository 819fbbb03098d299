//! What drops a packet on its way through a host's rules (`meta nftrace`, nft(8)).

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use netlink_packet_netfilter::nftables::NfTablesMessage;
use netlink_packet_netfilter::{NetfilterMessage, NetfilterMessageInner};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rtnetlink::packet_core::{DefaultNla, NetlinkMessage, NetlinkPayload, Nla, NlasIterator};
use rtnetlink::sys::Socket;
use rtnetlink::sys::protocols::NETLINK_NETFILTER;

use super::program;
use crate::netlink;

/// `NFNLGRP_NFTRACE` (`linux/netfilter/nfnetlink.h`).
const TRACES: u32 = 9;

/// What has dropped a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) table: String,
    pub(crate) chain: String,
    /// The handle of the rule; none if it was the policy of the chain.
    pub(crate) rule: Option<u64>,
}

/// What came of tracing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traced {
    /// The first thing that has dropped one of the packets.
    pub(crate) dropped: Option<Dropped>,
    /// Whether any of the packets came by.
    pub(crate) came_by: bool,
}

/// Has the kernel tell which rules packets meet that come by or go out while `ask` sends some, in the network namespace that this thread is in.
/// `which` is an expression of nft's. It waits for the first that is dropped, for `patience` at most.
///
/// For that while there is one more table, which drops nothing.
pub(crate) fn trace<T>(which: &[&str], patience: Duration, ask: impl FnOnce() -> T) -> io::Result<Traced> {
    // A kernel tells everybody what is traced.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.add_membership(TRACES)?;
    let _table = Table::add(which)?;
    // What it has sent by must last: a connection that is given up is not tried any more.
    let _asking = ask();
    let deadline = Instant::now() + patience;
    let mut traced = Traced::default();
    while traced.dropped.is_none() && wait(&socket, deadline)? {
        netlink::receive(&socket, |message: NetlinkMessage<NetfilterMessage>| {
            if let NetlinkPayload::InnerMessage(message) = message.payload
                && let NetfilterMessageInner::NfTables(NfTablesMessage::Trace(attributes)) = message.inner
            {
                traced.note(&attributes);
            }
            Ok(())
        })?;
    }
    Ok(traced)
}

/// Whether there is something to be read, before the deadline.
fn wait(socket: &Socket, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = PollTimeout::try_from(left).map_err(io::Error::other)?;
    Ok(poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout)? > 0)
}

/// The table that marks packets to be traced; gone when this is dropped.
struct Table;

const NAME: &str = "inet netns-test-trace";

impl Table {
    fn add(which: &[&str]) -> io::Result<Self> {
        let rules: Vec<_> = which.iter().map(|which| format!("{which} meta nftrace set 1\n")).collect();
        let rules = rules.concat();
        // Before everything else that sees packets (`NF_IP_PRI_FIRST` and on).
        let chain = |hook: &str| format!("chain {hook} {{\ntype filter hook {hook} priority -450;\n{rules}}}\n");
        load(&format!("table {NAME} {{\n{}{}}}\n", chain("prerouting"), chain("output")))?;
        Ok(Self)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // A test that has failed ends anyway.
        let _ = load(&format!("delete table {NAME}\n"));
    }
}

fn load(ruleset: &str) -> io::Result<()> {
    let nft = program::find().ok_or_else(|| io::Error::other(program::NOT_THERE))?;
    let said = program::command(&nft, &program::FROM_STDIN, program::file_with(ruleset)?).output()?;
    if said.status.success() { Ok(()) } else { Err(io::Error::other(program::words(&said))) }
}

/// `enum nft_trace_attributes`, `enum nft_trace_types` and `enum nft_verdict_attributes` (`linux/netfilter/nf_tables.h`).
const TABLE: u16 = 1;
const CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const TYPE: u16 = 4;
const VERDICT: u16 = 5;
const POLICY: u16 = 16;
const TYPE_POLICY: u32 = 1;
const VERDICT_CODE: u16 = 1;

/// `NF_DROP` (`linux/netfilter.h`).
const DROP: u32 = 0;

impl Traced {
    fn note(&mut self, attributes: &[DefaultNla]) {
        self.came_by = true;
        let value = |kind: u16| {
            let attribute = attributes.iter().find(|attribute| attribute.kind() == kind)?;
            let mut bytes = vec![0; attribute.value_len()];
            attribute.emit_value(&mut bytes);
            Some(bytes)
        };
        let number = |bytes: &[u8]| Some(u32::from_be_bytes(*bytes.first_chunk()?));
        let text = |kind| value(kind).map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned());
        let by_policy = value(TYPE).and_then(|bytes| number(&bytes)) == Some(TYPE_POLICY);
        let verdict = if by_policy {
            value(POLICY).and_then(|bytes| number(&bytes))
        } else {
            value(VERDICT).and_then(|bytes| {
                let code = NlasIterator::new(&bytes[..]).flatten().find(|nla| nla.kind() == VERDICT_CODE)?;
                number(code.value())
            })
        };
        if verdict == Some(DROP)
            && let (Some(table), Some(chain)) = (text(TABLE), text(CHAIN))
        {
            let rule = value(RULE_HANDLE).and_then(|bytes| Some(u64::from_be_bytes(*bytes.first_chunk()?)));
            let rule = rule.filter(|_| !by_policy);
            self.dropped.get_or_insert(Dropped { table, chain, rule });
        }
    }
}
