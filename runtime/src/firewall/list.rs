//! The ruleset that a host has, for whoever reads why a test failed.

use std::io;
use std::process::Stdio;

use netlink_packet_netfilter::nftables::{NfTablesMessage, TableMessage};
use netlink_packet_netfilter::{NetfilterHeader, NetfilterMessage, NetfilterProtoFamily};
use rtnetlink::sys::protocols::NETLINK_NETFILTER;

use super::program;
use crate::kernel::dump;

/// What the kernel says where it has no nftables, or no netfilter (`nfnetlink_rcv_msg`).
const LACKING: [i32; 2] = [libc::EINVAL, libc::EPROTONOSUPPORT];

/// The ruleset of the host that this thread is in, in nft's language, counters and all. Nothing if it has none, or if there is no program `nft` to tell.
pub(crate) fn list() -> io::Result<Option<String>> {
    ask(&["list", "ruleset"])
}

/// The same, with a number behind each rule by which the kernel knows it.
pub(crate) fn list_with_handles() -> io::Result<Option<String>> {
    ask(&["--handle", "list", "ruleset"])
}

fn ask(arguments: &[&str]) -> io::Result<Option<String>> {
    // A program for each of a thousand hosts that have no ruleset would take its time.
    if !has_tables()? {
        return Ok(None);
    }
    let Some(nft) = program::find() else { return Ok(None) };
    let said = program::command(&nft, arguments, Stdio::null()).output()?;
    if said.status.success() {
        return Ok(Some(String::from_utf8_lossy(&said.stdout).into_owned()));
    }
    Err(io::Error::other(program::words(&said)))
}

/// Whether there is any table in the namespace that this thread is in.
fn has_tables() -> io::Result<bool> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let question = NetfilterMessage::new(header, NfTablesMessage::GetTable(TableMessage { attributes: Vec::new() }));
    match dump(NETLINK_NETFILTER, &question) {
        Ok(tables) => Ok(!tables.is_empty()),
        Err(error) if error.raw_os_error().is_some_and(|code| LACKING.contains(&code)) => Ok(false),
        Err(error) => Err(error),
    }
}
