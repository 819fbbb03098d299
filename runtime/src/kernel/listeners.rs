//! Who listens on the host that this thread is in, as `/proc/net` has it (proc(5)).
//!
//! `sock_diag(7)` knows it as well, but by a module for each protocol, which a kernel may lack; these tables are there wherever the protocol is.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::transport::Transport;

/// An address that a socket listens on; of SCTP it may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// An IPv4 address also where it is an IPv6 socket's (RFC 4291 section 2.5.5.2).
    pub(crate) local: SocketAddr,
    /// The inode by which `/proc/PID/fd` shows the socket to whoever has it open.
    pub(crate) inode: u64,
}

/// All sockets that listen; for UDP, those that are bound and not connected.
pub(crate) fn listeners(protocol: Transport) -> io::Result<Vec<Listener>> {
    let (tables, read): (&[_], fn(&str) -> Vec<Listener>) = match protocol {
        Transport::Tcp => (&["tcp", "tcp6"], |line| row(line, "0A").into_iter().collect()),
        Transport::Udp => (&["udp", "udp6"], |line| row(line, "07").into_iter().collect()),
        Transport::Sctp => (&["sctp/eps"], |line| row_of_sctp(line).unwrap_or_default()),
    };
    let mut found = Vec::new();
    for table in tables {
        match fs::read_to_string(format!("/proc/thread-self/net/{table}")) {
            Ok(text) => found.extend(text.lines().flat_map(read)),
            // A kernel without IPv6, or without SCTP until somebody asks for a socket of it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// A line of `/proc/net/tcp` and its like (`Documentation/networking/proc_net_tcp.rst` in the kernel), if it is in this state.
fn row(line: &str, state: &str) -> Option<Listener> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.rsplit_once(':')?;
    let local = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    (fields.nth(1)? == state).then_some(())?;
    Some(Listener { local, inode: fields.nth(5)?.parse().ok()? })
}

/// An address in words of 32 bits, each a number as this machine reads it.
fn address_of(words: &str) -> Option<IpAddr> {
    let word = |nth: usize| {
        let digits = words.get(nth * 8..(nth + 1) * 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    match words.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// A line of `/proc/net/sctp/eps` (`net/sctp/proc.c` in the kernel), if it listens.
fn row_of_sctp(line: &str) -> Option<Vec<Listener>> {
    let mut fields = line.split_ascii_whitespace();
    (fields.nth(3)? == "10").then_some(())?;
    let (port, inode) = (fields.nth(1)?.parse().ok()?, fields.nth(1)?.parse().ok()?);
    let addresses = fields.filter_map(|field| field.parse::<IpAddr>().ok());
    Some(addresses.map(|address| Listener { local: SocketAddr::new(address.to_canonical(), port), inode }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(local: &str, inode: u64) -> Listener {
        Listener { local: local.parse().unwrap(), inode }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn only_a_listener_counts() {
        let line = |address: &str, state| {
            format!(
                "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 \
                 0000000000000000 100 0 0 10 0"
            )
        };
        assert_eq!(row(&line("0100007F:1F90", "0A"), "0A"), Some(listener("127.0.0.1:8080", 4711)));
        assert_eq!(row(&line("0100007F:1F90", "01"), "0A"), None);
        assert_eq!(row(&line("0100007:1F90", "0A"), "0A"), None);
        let title = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(row(title, "0A"), None);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_ipv6_address_is_four_words_and_may_be_an_ipv4_address() {
        for (words, address) in [
            ("B80D0120000000000000000001000000", "2001:db8::1"),
            ("00000000000000000000000000000000", "::"),
            ("0000000000000000FFFF00000100007F", "127.0.0.1"),
        ] {
            assert_eq!(address_of(words), Some(address.parse().unwrap()));
        }
        let udp = "   0: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 \
                   00000000:00000000 00:00000000 00000000   101        0 99 2 0000000000000000 0";
        assert_eq!(row(udp, "07"), Some(listener("[::]:53", 99)));
    }

    #[test]
    fn an_sctp_endpoint_is_read_by_its_columns() {
        let line = "0000000000000000 0000000000000000 2   10  9    36412      0  31337 \
                    192.0.2.1 2001:0db8:0000:0000:0000:0000:0000:0001 ";
        let both = [listener("192.0.2.1:36412", 31337), listener("[2001:db8::1]:36412", 31337)];
        assert_eq!(row_of_sctp(line).unwrap(), both);
        assert_eq!(row_of_sctp(&line.replace("2   10", "2   7 ")), None);
        assert_eq!(row_of_sctp(" ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS"), None);
    }
}
