//! Which process listens on a port of the host that this thread is in.

use std::fs;
use std::io;

use crate::transport::Transport;

/// The numbers of the sockets that listen on a port, on whatever address; for UDP, those that are bound to it and not connected.
pub(super) fn sockets(protocol: Transport, port: u16) -> io::Result<Vec<u64>> {
    let (tables, read): (&[_], fn(&str) -> Option<Row>) = match protocol {
        Transport::Tcp => (&["tcp", "tcp6"], |line| row(line, "0A")),
        Transport::Udp => (&["udp", "udp6"], |line| row(line, "07")),
        Transport::Sctp => (&["sctp/eps"], row_of_sctp),
    };
    let mut found = Vec::new();
    for table in tables {
        match fs::read_to_string(format!("/proc/thread-self/net/{table}")) {
            Ok(text) => {
                let rows = text.lines().filter_map(read);
                found.extend(rows.filter(|row| row.port == port).map(|row| row.inode));
            }
            // A kernel without IPv6, or without SCTP.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Who of these processes has one of the sockets open.
pub(super) fn owner(processes: &[u32], sockets: &[u64]) -> Option<u32> {
    let links: Vec<String> = sockets.iter().map(|inode| format!("socket:[{inode}]")).collect();
    processes.iter().copied().find(|id| {
        // One that has ended meanwhile has none.
        let fds = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
        let mut targets = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
        targets.any(|target| target.to_str().is_some_and(|target| links.iter().any(|link| link == target)))
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    port: u16,
    inode: u64,
}

/// A line of `/proc/net/tcp` and its like (`Documentation/networking/proc_net_tcp.rst` in the kernel), if it is in this state.
fn row(line: &str, state: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace();
    let (_address, port) = fields.nth(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (fields.nth(1)? == state).then_some(())?;
    Some(Row { port, inode: fields.nth(5)?.parse().ok()? })
}

/// A line of `/proc/net/sctp/eps` (`net/sctp/proc.c` in the kernel), if it listens.
fn row_of_sctp(line: &str) -> Option<Row> {
    let mut fields = line.split_ascii_whitespace();
    (fields.nth(3)? == "10").then_some(())?;
    Some(Row { port: fields.nth(1)?.parse().ok()?, inode: fields.nth(1)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listener_counts() {
        let line = |state| {
            format!(
                "   0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 \
                 0000000000000000 100 0 0 10 0"
            )
        };
        assert_eq!(row(&line("0A"), "0A"), Some(Row { port: 8080, inode: 4711 }));
        assert_eq!(row(&line("01"), "0A"), None);
        let v6 = "   0: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 \
                  00000000:00000000 00:00000000 00000000   101        0 99 2 0000000000000000 0";
        assert_eq!(row(v6, "07"), Some(Row { port: 53, inode: 99 }));
        let title = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(row(title, "0A"), None);
    }

    #[test]
    fn an_sctp_endpoint_is_read_by_its_columns() {
        let line = "0000000000000000 0000000000000000 2   10  9    36412      0  31337 0.0.0.0";
        assert_eq!(row_of_sctp(line), Some(Row { port: 36412, inode: 31337 }));
        assert_eq!(row_of_sctp(" ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS"), None);
    }
}
