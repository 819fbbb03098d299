//! The system calls that neither std nor nix offer in a safe form: the only file with `unsafe` in it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::raw::{c_char, c_int, c_ulong};
use std::ptr;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Takes a file descriptor that this process was started with.
///
/// Answers `EBADF` if it is not open. The caller must be the only one who was told its number.
pub(crate) fn take_inherited_fd(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_SETFD on any number is defined; it fails on one that is not open.
    cvt(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: it is open, and by the contract above nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal to the process behind a pidfd (`pidfd_send_signal(2)`).
pub(crate) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: c_int) -> io::Result<()> {
    let no_info = ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo_t` is allowed and means what kill(2) would say.
    cvt(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0) })?;
    Ok(())
}

/// A file descriptor for a child that has not been waited for (`pidfd_open(2)`).
pub(crate) fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: two integers go in, an integer comes out.
    let fd = cvt(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(fd).expect("file descriptors are ints")) })
}

/// A pidfd for the tokio runtime that this is called in: it can be read when the process has ended.
pub(crate) fn async_pidfd(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: it owns the descriptor, which so stays the same and open as long as it is registered.
    unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) }.map_err(Into::into)
}

/// Sets an integer socket option that neither socket2 nor nix knows.
pub(crate) fn setsockopt_int(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<c_int>()).expect("it is 4");
    // SAFETY: the kernel reads `size` bytes from a value that lives until the call is over.
    cvt(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), size) })?;
    Ok(())
}

/// Sets a socket option whose value is a struct of plain data.
pub(crate) fn setsockopt_bytes(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: &[u8]) -> io::Result<()> {
    let size = libc::socklen_t::try_from(value.len()).expect("structs are small");
    // SAFETY: the kernel reads at most `size` bytes from a slice of that length, which lives until the call is over.
    cvt(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.as_ptr().cast(), size) })?;
    Ok(())
}

/// Segments with data that a TCP socket has sent, retransmitted ones included.
pub(crate) fn tcp_data_segments_sent(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // `tcpi_data_segs_out` of linux/tcp.h, which libc's structure ends before.
    tcp_info(socket, 156)
}

/// Segments that a TCP socket has retransmitted, with data or without.
pub(crate) fn tcp_retransmissions(socket: BorrowedFd<'_>) -> io::Result<u32> {
    tcp_info(socket, std::mem::offset_of!(libc::tcp_info, tcpi_total_retrans))
}

/// The number at an offset of `struct tcp_info` (linux/tcp.h).
fn tcp_info(socket: BorrowedFd<'_>, offset: usize) -> io::Result<u32> {
    let mut info = [0u8; 160];
    let mut size = libc::socklen_t::try_from(info.len()).expect("it is 160");
    // SAFETY: the kernel writes at most `size` bytes to an array that lives until the call is over.
    cvt(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut size)
    })?;
    let told = &info[..info.len().min(size as usize)];
    let number = told.get(offset..).and_then(<[u8]>::first_chunk);
    number.map(|number| u32::from_ne_bytes(*number)).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// Has tokio's runtime of this thread watch a socket.
pub(crate) fn watch<T: AsRawFd + Into<OwnedFd>>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: what can be turned into an `OwnedFd` owns its descriptor: it is always the same, and nobody else closes it.
    Ok(unsafe { AsyncFd::register(owner) }?)
}

/// Reads an integer socket option that neither socket2 nor nix knows.
pub(crate) fn getsockopt_int(socket: BorrowedFd<'_>, level: c_int, option: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut size = libc::socklen_t::try_from(size_of::<c_int>()).expect("it is 4");
    // SAFETY: the kernel writes at most `size` bytes to a value that lives until the call is over.
    cvt(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut size) })?;
    Ok(value)
}

/// Keeps echo requests away from a raw `ICMPv6` socket (RFC 3542 section 3.2).
pub(crate) fn block_icmpv6_requests(socket: BorrowedFd<'_>) -> io::Result<()> {
    const ICMPV6_FILTER: c_int = 1;
    const ECHO_REQUEST: usize = 128;
    // One bit for each type, blocked where it is set.
    let mut filter = [0u32; 8];
    filter[ECHO_REQUEST / 32] |= 1 << (ECHO_REQUEST % 32);
    let size = libc::socklen_t::try_from(size_of_val(&filter)).expect("it is 32");
    // SAFETY: the kernel reads `size` bytes from an array that lives until the call is over.
    cvt(unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_ICMPV6, ICMPV6_FILTER, (&raw const filter).cast(), size)
    })?;
    Ok(())
}

/// Has a packet socket hear nothing of what this host sends (`PACKET_IGNORE_OUTGOING`, packet(7)).
pub(crate) fn ignore_outgoing(socket: BorrowedFd<'_>) -> io::Result<()> {
    const PACKET_IGNORE_OUTGOING: c_int = 23;
    setsockopt_int(socket, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
}

/// Has a packet socket hear what comes in by an interface with an ethertype (packet(7)).
pub(crate) fn bind_packet_socket(socket: BorrowedFd<'_>, interface: u32, ethertype: u16) -> io::Result<()> {
    let (address, size) = link_layer_address(interface, ethertype, [0; 6])?;
    // SAFETY: the kernel reads `size` bytes from a struct that lives until the call is over.
    cvt(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    Ok(())
}

/// The Ethernet address of the interface that a packet socket is bound to, if it has one. nix refuses the answer for its length.
pub(crate) fn ethernet_address(socket: BorrowedFd<'_>) -> io::Result<Option<[u8; 6]>> {
    let (mut address, mut size) = link_layer_address(0, 0, [0; 6])?;
    // SAFETY: the kernel writes at most `size` bytes to a struct that lives until the call is over.
    cvt(unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut size) })?;
    let [mac @ .., _, _] = address.sll_addr;
    Ok((address.sll_hatype == libc::ARPHRD_ETHER).then_some(mac))
}

/// Sends a packet out by an interface to a link-layer address, with an ethertype (packet(7)).
pub(crate) fn send_packet(
    socket: BorrowedFd<'_>,
    (interface, ethertype): (u32, u16),
    to: [u8; 6],
    packet: &[u8],
) -> io::Result<()> {
    let (address, size) = link_layer_address(interface, ethertype, to)?;
    let to = (&raw const address).cast();
    // SAFETY: the kernel reads the packet and `size` bytes from a struct, both of which live until the call is over.
    cvt(unsafe { libc::sendto(socket.as_raw_fd(), packet.as_ptr().cast(), packet.len(), 0, to, size) })?;
    Ok(())
}

/// What the kernel says of a frame that a packet socket has heard.
#[derive(Debug)]
pub(crate) struct Packet {
    /// The tag of a VLAN that the kernel has taken out of it (`PACKET_AUXDATA`).
    pub(crate) tag: Option<[u8; 4]>,
    /// When it came, since 1970 (`SO_TIMESTAMPNS`).
    pub(crate) time: Option<Duration>,
    /// The interface.
    pub(crate) interface: u32,
    /// What kind of link that is: `ARPHRD_ETHER` and others.
    pub(crate) link: u16,
    /// To whom it is: `PACKET_OUTGOING` and others.
    pub(crate) to: u8,
}

/// How many frames [`receive_starts_of_frames`] takes at once.
pub(crate) const AT_ONCE: usize = 32;

/// Takes the next frames from a packet socket, as many as there are up to [`AT_ONCE`], and of each as much as there is room for. They are handed over
/// with what the kernel says of them, and how long they were.
pub(crate) fn receive_starts_of_frames<const ROOM: usize>(
    socket: BorrowedFd<'_>,
    mut each: impl FnMut(&Packet, usize, &[u8]),
) -> io::Result<usize> {
    let mut rooms = [[0u8; ROOM]; AT_ONCE];
    let mut parts = rooms.each_mut().map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: ROOM });
    let mut beside = [const { Beside::new() }; AT_ONCE];
    let mut messages: [libc::mmsghdr; AT_ONCE] = std::array::from_fn(|nth| libc::mmsghdr {
        msg_hdr: beside[nth].message(std::slice::from_mut(&mut parts[nth])),
        msg_len: 0,
    });
    let (count, flags) = (libc::c_uint::try_from(AT_ONCE).expect("few"), libc::MSG_DONTWAIT | libc::MSG_TRUNC);
    // SAFETY: the kernel writes within the rooms and what is beside them, all of which live until the call is over.
    let received =
        cvt(unsafe { libc::recvmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, flags, ptr::null_mut()) })?;
    let received = usize::try_from(received).expect("it is not negative");
    for (nth, message) in messages[..received].iter().enumerate() {
        // SAFETY: the kernel has filled in the message, which still points to what is beside.
        let packet = unsafe { Packet::read(&message.msg_hdr, &beside[nth]) };
        let length = usize::try_from(message.msg_len).expect("it is no more than 64 kB");
        each(&packet, length, &rooms[nth][..length.min(ROOM)]);
    }
    Ok(received)
}

/// Takes the next frame from a packet socket that has one, all of it: what the kernel says of it (`PACKET_AUXDATA`, packet(7)), and its length. What stands in
/// front of it (`PACKET_VNET_HDR`) is as long as `header`, which may be empty.
///
/// # Errors
/// `EMSGSIZE` if there is not room enough for it; then it is gone.
pub(crate) fn receive_whole_frame(
    socket: BorrowedFd<'_>,
    header: &mut [u8],
    frame: &mut [u8],
) -> io::Result<(Packet, usize)> {
    let mut parts = [
        libc::iovec { iov_base: header.as_mut_ptr().cast(), iov_len: header.len() },
        libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() },
    ];
    let mut beside = Beside::new();
    let mut message = beside.message(&mut parts);
    // SAFETY: the kernel writes within the two slices and what is beside, all of which live until the call is over.
    let received = cvt(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) })?;
    if message.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    // SAFETY: the kernel has filled in the message, which still points to what is beside.
    let packet = unsafe { Packet::read(&message, &beside) };
    Ok((packet, usize::try_from(received).expect("it is not negative").saturating_sub(header.len())))
}

/// Room for what the kernel says beside a frame.
struct Beside {
    from: libc::sockaddr_ll,
    /// One `struct tpacket_auxdata` and one `struct timespec`, aligned as control messages are.
    control: [u64; 12],
}

impl Beside {
    const fn new() -> Self {
        // SAFETY: integers and arrays of them, of which zero is a value.
        Self { from: unsafe { MaybeUninit::zeroed().assume_init() }, control: [0; 12] }
    }

    /// A message that has this, and the parts of the frame. It points to both.
    fn message(&mut self, parts: &mut [libc::iovec]) -> libc::msghdr {
        // SAFETY: pointers and integers, of which zero is a value.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_name = (&raw mut self.from).cast();
        message.msg_namelen = libc::socklen_t::try_from(size_of_val(&self.from)).expect("it is 20");
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len();
        message.msg_control = self.control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&self.control);
        message
    }
}

impl Packet {
    /// # Safety
    /// The kernel has filled in the message, which was made by [`Beside::message`] of the same.
    unsafe fn read(message: &libc::msghdr, beside: &Beside) -> Self {
        let mut packet = Self {
            tag: None,
            time: None,
            interface: u32::try_from(beside.from.sll_ifindex).unwrap_or_default(),
            link: beside.from.sll_hatype,
            to: beside.from.sll_pkttype,
        };
        // SAFETY: the message points to the control buffer.
        let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
        while !next.is_null() {
            // SAFETY: it is a header within the control buffer, which is aligned for it.
            let kind = unsafe { ((*next).cmsg_level, (*next).cmsg_type) };
            // SAFETY: it is a header within the control buffer.
            let data = unsafe { libc::CMSG_DATA(next) };
            match kind {
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    // SAFETY: such a control message is this struct, which need not be aligned.
                    let auxiliary = unsafe { data.cast::<libc::tpacket_auxdata>().read_unaligned() };
                    if auxiliary.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                        let ([a, b], [c, d]) =
                            (auxiliary.tp_vlan_tpid.to_be_bytes(), auxiliary.tp_vlan_tci.to_be_bytes());
                        packet.tag = Some([a, b, c, d]);
                    }
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    // SAFETY: such a control message is this struct, which need not be aligned.
                    let time = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok(), u32::try_from(time.tv_nsec).ok());
                    packet.time = seconds.zip(nanoseconds).map(|(seconds, rest)| Duration::new(seconds, rest));
                }
                _ => {}
            }
            // SAFETY: both are the message's own.
            next = unsafe { libc::CMSG_NXTHDR(message, next) };
        }
        packet
    }
}

fn link_layer_address(
    interface: u32,
    ethertype: u16,
    mac: [u8; 6],
) -> io::Result<(libc::sockaddr_ll, libc::socklen_t)> {
    // SAFETY: integers and arrays of them, of which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sll_family = libc::c_ushort::try_from(libc::AF_PACKET).expect("a small number");
    address.sll_protocol = ethertype.to_be();
    address.sll_ifindex = c_int::try_from(interface).map_err(io::Error::other)?;
    address.sll_halen = 6;
    address.sll_addr[..6].copy_from_slice(&mac);
    Ok((address, libc::socklen_t::try_from(size_of_val(&address)).expect("it is 20")))
}

/// Lets a tap stay as long as its namespace, whoever has it open (`TUNSETPERSIST`).
pub(crate) fn keep_tap(tun: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: two integers go in.
    cvt(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETPERSIST, 1) })?;
    Ok(())
}

/// The name of an interface, by its index, in the network namespace of the socket (`SIOCGIFNAME`, netdevice(7)). `ENODEV` if there is none.
pub(crate) fn interface_name(socket: BorrowedFd<'_>, index: u32) -> io::Result<Vec<u8>> {
    let mut request = interface_request("")?;
    request.ifr_ifru.ifru_ifindex = c_int::try_from(index).map_err(io::Error::other)?;
    // SAFETY: the kernel reads and writes a struct of the size that it expects (netdevice(7)).
    cvt(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFNAME, &raw mut request) })?;
    let name = request.ifr_name.iter().map(|byte| byte.to_ne_bytes()[0]);
    Ok(name.take_while(|byte| *byte != 0).collect())
}

/// Has a socket hear only what a filter lets through (`SO_ATTACH_FILTER`, socket(7)).
pub(crate) fn attach_filter(socket: BorrowedFd<'_>, filter: &[libc::sock_filter]) -> io::Result<()> {
    let length = libc::c_ushort::try_from(filter.len()).map_err(io::Error::other)?;
    // The kernel only reads it.
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).expect("it is 16");
    let option = libc::SO_ATTACH_FILTER;
    // SAFETY: the kernel copies `len` instructions and the `size` bytes that point to them, all of which live until the call is over.
    cvt(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const program).cast(), size) })?;
    Ok(())
}

/// How many messages a socket had no room for (`SO_MEMINFO`).
pub(crate) fn socket_drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    const SO_MEMINFO: c_int = 55;
    const SK_MEMINFO_DROPS: usize = 8;
    let mut info = [0u32; 9];
    let mut size = libc::socklen_t::try_from(size_of_val(&info)).expect("it is 36");
    // SAFETY: the kernel writes at most `size` bytes to an array that lives until the call is over.
    cvt(unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_MEMINFO, (&raw mut info).cast(), &raw mut size)
    })?;
    Ok(info[SK_MEMINFO_DROPS])
}

/// Has this thread run soon after it wakes, for no longer than `slice` before others have their turn (`sched_runtime` of `sched_setattr(2)`, since Linux
/// 6.12; before, it is ignored). What it gets of the processor in all stays the same. One that is not scheduled as threads are usually is left alone.
pub(crate) fn run_soon(slice: Duration) -> io::Result<()> {
    // SAFETY: a struct of numbers, for which 0 is one.
    let mut attributes: libc::sched_attr = unsafe { MaybeUninit::zeroed().assume_init() };
    let size = u32::try_from(size_of_val(&attributes)).expect("it is small");
    // SAFETY: the kernel writes at most `size` bytes to a struct that lives until the call is over.
    cvt(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) })?;
    if i64::from(attributes.sched_policy) != i64::from(libc::SCHED_OTHER) {
        return Ok(());
    }
    attributes.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    // SAFETY: the kernel reads a struct that knows its size.
    cvt(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) })?;
    Ok(())
}

/// How many frames have come to a packet socket since this was asked last, and how many more it had no room for (`PACKET_STATISTICS`, packet(7)).
pub(crate) fn frames_since(socket: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    // `struct tpacket_stats`: all, and those that it had no room for.
    let mut all_and_drops = [0u32; 2];
    let mut size = libc::socklen_t::try_from(size_of_val(&all_and_drops)).expect("it is 8");
    // SAFETY: the kernel writes at most `size` bytes to an array that lives until the call is over.
    cvt(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut all_and_drops).cast(),
            &raw mut size,
        )
    })?;
    let [all, drops] = all_and_drops;
    Ok((all.wrapping_sub(drops), drops))
}

/// Makes a tap of an open `/dev/net/tun`, in the network namespace that it was opened in (`TUNSETIFF`,
/// `Documentation/networking/tuntap.rst` in the kernel). Each frame is read and written without anything in front of it. Without a name the
/// kernel chooses one.
pub(crate) fn make_tap(tun: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    let mut request = interface_request(name)?;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_TAP | libc::IFF_NO_PI).expect("two low bits");
    // SAFETY: the kernel reads and writes a struct of the size that it expects (tuntap.rst).
    cvt(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    Ok(())
}

/// Lets an interface compute checksums and cut segments itself, as for a device without offloads (ethtool(8)), in the network
/// namespace of the socket. What a kind of interface does not know it does not do, either.
pub(crate) fn switch_offloads_off(socket: BorrowedFd<'_>, interface: &str) -> io::Result<()> {
    #[repr(C)]
    struct EthtoolValue {
        command: u32,
        data: u32,
    }
    // `ETHTOOL_SRXCSUM`, `ETHTOOL_STXCSUM`, `ETHTOOL_STSO`, `ETHTOOL_SGSO`, `ETHTOOL_SGRO` of linux/ethtool.h.
    for command in [0x15, 0x17, 0x1f, 0x24, 0x2c] {
        let mut value = EthtoolValue { command, data: 0 };
        let mut request = interface_request(interface)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the kernel reads the request, and the value that it points to, which lives until the call is over.
        match cvt(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) }) {
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
            other => _ = other?,
        }
    }
    Ok(())
}

/// A `struct ifreq` with a name (netdevice(7)).
fn interface_request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: it is plain data, for which zeroes are fine.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = c_char::from_ne_bytes([from]);
    }
    Ok(request)
}

fn cvt<T: Default + PartialOrd>(result: T) -> io::Result<T> {
    if result < T::default() { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Has a program be started by fork(2): std may use `posix_spawn(3)` otherwise, whose child shares its parent's memory.
pub(crate) fn start_by_fork(command: &mut std::process::Command) {
    // SAFETY: nothing is done.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, || Ok(())) };
}

/// Has a program start with these descriptors, from 3 on, and with its own pid in `LISTEN_PID` (`sd_listen_fds(3)`). `argv` has its name
/// first, `envp` is the rest of its environment as `NAME=value`. If it cannot be started, its errno is written to `report`, which the
/// caller keeps open until then.
pub(crate) fn exec_with_descriptors(
    command: &mut std::process::Command,
    argv: Vec<CString>,
    envp: Vec<CString>,
    fds: Vec<OwnedFd>,
    report: RawFd,
) {
    let mut variable = b"LISTEN_PID=".to_vec();
    let digits = variable.len();
    // Room for any pid, and for the null at the end.
    variable.resize(digits + 11, 0);
    let argv_pointers = null_terminated(&argv);
    let mut envp_pointers = null_terminated(&envp);
    envp_pointers.insert(0, variable.as_ptr().cast());
    let numbers = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let mut exec =
        Exec { argv_pointers, envp_pointers, variable, digits, numbers, report, _argv: argv, _envp: envp, _fds: fds };
    // SAFETY: only async-signal-safe calls are made, and execvp, as std does in the same place; nothing is allocated or dropped, since
    // it does not return.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, move || exec.exec()) };
}

/// What it takes to become a program after a fork. Everything is allocated before it.
struct Exec {
    argv_pointers: Vec<*const c_char>,
    envp_pointers: Vec<*const c_char>,
    /// `LISTEN_PID=`, and where its digits begin.
    variable: Vec<u8>,
    digits: usize,
    numbers: Vec<RawFd>,
    report: RawFd,
    _argv: Vec<CString>,
    _envp: Vec<CString>,
    _fds: Vec<OwnedFd>,
}

// SAFETY: the pointers are to what it owns, on the heap, and are read in the child's only thread.
unsafe impl Send for Exec {}
// SAFETY: nothing can be done with it through a shared reference.
unsafe impl Sync for Exec {}

unsafe extern "C" {
    /// environ(7).
    static mut environ: *const *const c_char;
}

impl Exec {
    /// Becomes the program. std's own pipe for errors may be where a descriptor has to be: it is closed then, so that std takes
    /// the program for started, and hears no more.
    fn exec(&mut self) -> ! {
        const FIRST: c_int = 3;
        // SAFETY: all calls are async-signal-safe but execvp, which std makes too; argv and envp end with a null.
        unsafe {
            let above = FIRST + c_int::try_from(self.numbers.len()).unwrap_or(c_int::MAX - FIRST);
            // Out of the way first: one may be where another has to be.
            let report = libc::fcntl(self.report, libc::F_DUPFD_CLOEXEC, above);
            if report < 0 {
                Self::fail(self.report);
            }
            for number in &mut self.numbers {
                *number = libc::fcntl(*number, libc::F_DUPFD_CLOEXEC, above);
                if *number < 0 {
                    Self::fail(report);
                }
            }
            for (place, number) in (FIRST..).zip(&self.numbers) {
                // Without close-on-exec.
                if libc::dup2(*number, place) < 0 {
                    Self::fail(report);
                }
            }
            self.write_pid(libc::getpid());
            environ = self.envp_pointers.as_ptr();
            libc::execvp(self.argv_pointers[0], self.argv_pointers.as_ptr());
            Self::fail(report)
        }
    }

    fn write_pid(&mut self, pid: libc::pid_t) {
        let (mut rest, mut count) = (pid, 1);
        while rest >= 10 {
            rest /= 10;
            count += 1;
        }
        let mut rest = pid;
        for nth in (0..count).rev() {
            self.variable[self.digits + nth] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }

    /// # Safety
    /// To be called in a forked child only.
    unsafe fn fail(report: RawFd) -> ! {
        // SAFETY: errno is thread-local and always there; the others are async-signal-safe.
        unsafe {
            let errno = (*libc::__errno_location()).to_ne_bytes();
            libc::write(report, errno.as_ptr().cast(), errno.len());
            libc::_exit(127)
        }
    }
}

/// A piece of stack: aligned as the ABIs want its top.
type Stack = u128;

/// How many descriptors a test's process has room for from its beginning: as many as a process may have unless somebody allows more.
///
/// The table of a process with several threads grows by doubling, and each time waits until no processor looks at the old one any more
/// (`expand_fdtable` in `fs/file.c`): some 10 ms. With one thread it costs nothing, and exec(2) keeps it.
pub(crate) const DESCRIPTORS: c_int = 1024;

/// How to start this program again in namespaces of its own. Everything is allocated before the fork.
pub(crate) struct Spawn<'a> {
    /// Arguments, the program's name first.
    pub(crate) argv: Vec<CString>,
    /// Environment, as `NAME=value`.
    pub(crate) envp: Vec<CString>,
    /// `CLONE_NEW…` flags of the namespaces to be born in.
    pub(crate) namespaces: c_int,
    /// Contents of `uid_map` and `gid_map` for a new user namespace.
    pub(crate) id_maps: Option<(CString, CString)>,
    /// Standard output and standard error of the program.
    pub(crate) stdout: BorrowedFd<'a>,
    pub(crate) stderr: BorrowedFd<'a>,
    /// Descriptors that the program inherits under the numbers they have.
    pub(crate) inherited: [BorrowedFd<'a>; 2],
    /// The parent's ends of sockets and pipes, which pid 1 must not hold.
    pub(crate) parents: [BorrowedFd<'a>; 4],
    /// Where pid 1 tells of its life: one [`Report`] after another. Close-on-exec.
    pub(crate) report: BorrowedFd<'a>,
}

/// A step on the way to the program, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Stage {
    /// Writing `/proc/self/setgroups`.
    Setgroups = 1,
    /// Writing `/proc/self/uid_map`.
    UidMap,
    /// Writing `/proc/self/gid_map`.
    GidMap,
    /// Asking to die with the parent.
    DeathSignal,
    /// The second fork.
    Fork,
    /// Placing the descriptors.
    Descriptors,
    /// `execve` of `/proc/self/exe`.
    Exec,
    /// Being told of ended children.
    Reap,
    /// The program ended; the value is its wait status.
    Ended,
}

/// What pid 1 reports: a stage, and the errno it failed with or the wait status it ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) stage: Stage,
    pub(crate) value: c_int,
}

impl Report {
    /// Bytes of one report on the pipe.
    pub(crate) const SIZE: usize = 8;

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&(self.stage as u32).to_ne_bytes());
        bytes[4..].copy_from_slice(&self.value.to_ne_bytes());
        bytes
    }

    /// Reads what [`pid 1`](Spawn::spawn) wrote.
    pub(crate) fn from_bytes(bytes: [u8; Self::SIZE]) -> Option<Self> {
        let (stage, value) = bytes.split_at(4);
        let stage = u32::from_ne_bytes(stage.try_into().ok()?);
        let stages = [
            Stage::Setgroups,
            Stage::UidMap,
            Stage::GidMap,
            Stage::DeathSignal,
            Stage::Fork,
            Stage::Descriptors,
            Stage::Exec,
            Stage::Reap,
            Stage::Ended,
        ];
        let stage = stages.into_iter().find(|known| *known as u32 == stage)?;
        Some(Self { stage, value: c_int::from_ne_bytes(value.try_into().ok()?) })
    }
}

impl Spawn<'_> {
    /// Starts pid 1 of new namespaces, which starts this program again as pid 2, reaps whatever becomes its child and ends
    /// with pid 2. Answers with the number of pid 1 here, and with its pidfd. It has no exit signal: wait for it with `__WALL`.
    ///
    /// `clone` rather than `clone3`: it takes the same namespace flags and `CLONE_PIDFD`, and is allowed by the seccomp profiles
    /// that answer ENOSYS to `clone3`.
    pub(crate) fn spawn(&self) -> io::Result<(libc::pid_t, OwnedFd)> {
        let argv = null_terminated(&self.argv);
        let envp = null_terminated(&self.envp);
        let mut stack = vec![0; 4096];
        let mut pidfd: c_int = -1;
        let flags = c_ulong::try_from(self.namespaces | libc::CLONE_PIDFD).expect("flags are positive");
        // A handler of this process must not run in pid 1, which keeps every signal blocked for life.
        let everything = full_signal_set();
        let before = set_signal_mask(&everything);
        // SAFETY: without CLONE_VM this is a fork; in the child only async-signal-safe calls are made and nothing is
        // allocated, dropped or unwound, since `pid_1` never returns. The kernel writes the pidfd to `pidfd`.
        let pid = unsafe { libc::syscall(libc::SYS_clone, flags, ptr::null::<u8>(), &raw mut pidfd, 0, 0) };
        if pid == 0 {
            // SAFETY: we are the single thread of the child.
            unsafe { self.pid_1(&argv, &envp, &mut stack) }
        }
        let error = io::Error::last_os_error();
        set_signal_mask(&before);
        if pid < 0 {
            return Err(error);
        }
        let pid = libc::pid_t::try_from(pid).expect("pids are ints");
        // SAFETY: the kernel has just made it for us.
        Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
    }

    /// The life of pid 1.
    ///
    /// # Safety
    /// To be called in the single thread of a forked child only.
    unsafe fn pid_1(&self, argv: &[*const c_char], envp: &[*const c_char], stack: &mut [Stack]) -> ! {
        // SAFETY: all of these are async-signal-safe and get valid pointers.
        unsafe {
            for parents in self.parents {
                libc::close(parents.as_raw_fd());
            }
            if let Some((uid_map, gid_map)) = &self.id_maps {
                self.write_file(c"/proc/self/setgroups", c"deny", Stage::Setgroups);
                self.write_file(c"/proc/self/uid_map", uid_map, Stage::UidMap);
                self.write_file(c"/proc/self/gid_map", gid_map, Stage::GidMap);
            }
            // Credentials are settled: from here on the death signal stays set.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) < 0 {
                self.fail(Stage::DeathSignal);
            }
            // An ignored SIGCHLD would be inherited, and nobody left to wait for.
            libc::signal(libc::SIGCHLD, libc::SIG_DFL);
            // Not libc's fork: it takes the allocator's locks, which another thread may have held when we were cloned. With the
            // memory shared until exec there is nothing to copy; with CLONE_VFORK we sleep until then.
            let mut pid_2 = Pid2 { spawn: self, argv, envp };
            let top = stack.as_mut_ptr_range().end.cast();
            let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
            let pid_2 = libc::clone(enter_pid_2, top, flags, (&raw mut pid_2).cast());
            if pid_2 < 0 {
                self.fail(Stage::Fork);
            }
            self.reap_until(pid_2)
        }
    }

    /// Puts the descriptors in their places and becomes the program.
    ///
    /// # Safety
    /// As for [`Spawn::pid_1`].
    unsafe fn pid_2(&self, argv: &[*const c_char], envp: &[*const c_char]) -> ! {
        // SAFETY: all of these are async-signal-safe and get valid pointers; argv and envp end with a null.
        unsafe {
            if libc::dup2(self.stdout.as_raw_fd(), 1) < 0 || libc::dup2(self.stderr.as_raw_fd(), 2) < 0 {
                self.fail(Stage::Descriptors);
            }
            // Where there is no room for so many, it grows when it has to.
            let last = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, DESCRIPTORS - 1);
            libc::close(last);
            for inherited in self.inherited {
                if libc::fcntl(inherited.as_raw_fd(), libc::F_SETFD, 0) < 0 {
                    self.fail(Stage::Descriptors);
                }
            }
            let mut nothing = MaybeUninit::uninit();
            libc::sigemptyset(nothing.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, nothing.as_ptr(), ptr::null_mut());
            libc::execve(c"/proc/self/exe".as_ptr(), argv.as_ptr(), envp.as_ptr());
            self.fail(Stage::Exec)
        }
    }

    /// Waits for children until `pid_2` has ended, tells how, and ends. The kernel then kills whatever is left in the namespace.
    ///
    /// # Safety
    /// As for [`Spawn::pid_1`].
    unsafe fn reap_until(&self, pid_2: libc::pid_t) -> ! {
        // SAFETY: all of these are async-signal-safe; `status` outlives the call.
        unsafe {
            libc::prctl(libc::PR_SET_NAME, c"netns-test-init".as_ptr());
            // A copy of somebody's pipe kept here would keep its reader waiting.
            let report = self.report.as_raw_fd();
            if report > 0 {
                libc::syscall(libc::SYS_close_range, 0, report - 1, 0);
            }
            libc::syscall(libc::SYS_close_range, report + 1, c_int::MAX, 0);
            // All signals are blocked, so none is lost between two waits.
            let mut children = MaybeUninit::uninit();
            libc::sigemptyset(children.as_mut_ptr());
            libc::sigaddset(children.as_mut_ptr(), libc::SIGCHLD);
            let children = libc::signalfd(-1, children.as_ptr(), libc::SFD_NONBLOCK);
            if children < 0 {
                self.fail(Stage::Reap);
            }
            loop {
                self.reap(pid_2);
                // The death signal is for a parent that dies from now on. One that had died before we asked for it has left the
                // other end of the report behind, closed.
                let mut fds = [
                    libc::pollfd { fd: children, events: libc::POLLIN, revents: 0 },
                    libc::pollfd { fd: report, events: 0, revents: 0 },
                ];
                libc::poll(fds.as_mut_ptr(), 2, -1);
                if fds[1].revents != 0 {
                    libc::_exit(1);
                }
                let mut signal = MaybeUninit::<libc::signalfd_siginfo>::uninit();
                libc::read(children, signal.as_mut_ptr().cast(), size_of::<libc::signalfd_siginfo>());
            }
        }
    }

    /// Waits for every child that has ended; ends with `pid_2`.
    ///
    /// # Safety
    /// As for [`Spawn::pid_1`].
    unsafe fn reap(&self, pid_2: libc::pid_t) {
        // SAFETY: all of these are async-signal-safe; `status` outlives the call.
        unsafe {
            loop {
                let mut status = 0;
                let pid = libc::waitpid(-1, &raw mut status, libc::__WALL | libc::WNOHANG);
                if pid == pid_2 {
                    self.tell(Report { stage: Stage::Ended, value: status });
                    libc::_exit(0);
                }
                if pid <= 0 {
                    return;
                }
            }
        }
    }

    /// Writes a whole file or fails with `stage`.
    ///
    /// # Safety
    /// As for [`Spawn::pid_1`].
    unsafe fn write_file(&self, path: &CStr, content: &CStr, stage: Stage) {
        let content = content.to_bytes();
        // SAFETY: both pointers are valid for what the kernel reads.
        unsafe {
            let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if fd < 0 || libc::write(fd, content.as_ptr().cast(), content.len()) < 0 {
                self.fail(stage);
            }
            libc::close(fd);
        }
    }

    fn tell(&self, report: Report) {
        let bytes = report.to_bytes();
        // SAFETY: the kernel reads the array, which outlives the call. Nobody is left to be told of an error.
        unsafe { libc::write(self.report.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
    }

    fn fail(&self, stage: Stage) -> ! {
        // SAFETY: errno is thread-local and always there; _exit is async-signal-safe.
        unsafe {
            self.tell(Report { stage, value: *libc::__errno_location() });
            libc::_exit(1)
        }
    }
}

/// What pid 2 needs on its stack.
struct Pid2<'a> {
    spawn: &'a Spawn<'a>,
    argv: &'a [*const c_char],
    envp: &'a [*const c_char],
}

extern "C" fn enter_pid_2(pid_2: *mut libc::c_void) -> c_int {
    // SAFETY: pid 1 passes a pointer to its own `Pid2` and sleeps until this process has become another program or ended.
    unsafe {
        let Pid2 { spawn, argv, envp } = &*pid_2.cast::<Pid2<'_>>();
        spawn.pid_2(argv, envp)
    }
}

fn null_terminated(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
}

fn full_signal_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises what it is given.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// Sets this thread's signal mask; answers with the former one.
fn set_signal_mask(set: &libc::sigset_t) -> libc::sigset_t {
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets are valid; the call cannot fail with SIG_SETMASK and so initialises `before`.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, set, before.as_mut_ptr());
        before.assume_init()
    }
}

/// Whether the kernel lets a child be born in namespaces: starts one that ends at once.
pub(crate) fn probe_clone(namespaces: c_int) -> io::Result<()> {
    // SAFETY: without CLONE_VM this is a fork; the child ends without touching anything.
    let pid = unsafe { libc::syscall(libc::SYS_clone, namespaces, ptr::null::<u8>(), 0, 0, 0) };
    if pid == 0 {
        // SAFETY: _exit is async-signal-safe.
        unsafe { libc::_exit(0) }
    }
    let pid = cvt(pid)?;
    // SAFETY: a null status is allowed; the child has no exit signal, so only we can wait for it.
    unsafe { libc::waitpid(libc::pid_t::try_from(pid).expect("pids are ints"), ptr::null_mut(), libc::__WALL) };
    Ok(())
}
