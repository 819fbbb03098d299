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

/// Whether any rule of the host that this thread is in translates where a packet is from that leaves by an interface. Nothing if there is no program `nft` to tell.
pub(crate) fn translates_sources(interface: &str) -> io::Result<Option<bool>> {
    if !has_tables()? {
        return Ok(Some(false));
    }
    Ok(list()?.map(|ruleset| translates_in(&ruleset, interface)))
}

fn translates_in(ruleset: &str, interface: &str) -> bool {
    let quoted = format!("\"{interface}\"");
    let translates = |rule: &str| {
        // As nft(8) writes it, and in what iptables has made.
        let mut words = rule.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
        words.any(|word| word == "masquerade" || word == "snat")
    };
    let rules = ruleset.lines().filter(|line| !line.trim_end().ends_with('{'));
    let mut of_interface = rules.filter(|rule| !rule.contains("oifname") || rule.contains(&quoted));
    of_interface.any(translates)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_translates_is_of_an_interface_or_of_all() {
        let ruleset = |rule| format!("table inet t {{\n\tchain masquerade {{\n\t\t{rule}\n\t}}\n}}\n");
        for (rule, translates) in [
            ("oifname \"eth1\" ip saddr != 10.0.0.1 masquerade", true),
            ("oifname \"eth10\" masquerade", false),
            ("oifname { \"eth0\", \"eth1\" } snat ip to 10.0.0.1", true),
            ("masquerade", true),
            ("oifname \"eth1\" xt target \"MASQUERADE\"", true),
            ("oifname \"eth1\" accept", false),
        ] {
            assert_eq!(translates_in(&ruleset(rule), "eth1"), translates, "{rule}");
        }
    }
}
