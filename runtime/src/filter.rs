//! Filters for sockets, in classic BPF (`Documentation/networking/filter.rst` in the kernel).

/// The end of a filter: so many bytes of the packet are let through.
pub(crate) fn answer(bytes: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, bytes, [0, 0])
}

/// An instruction; `jumps` are how many to leave out if it finds what it compares with, and if it does not.
pub(crate) fn instruction(code: u32, k: u32, jumps: [u8; 2]) -> libc::sock_filter {
    let [jt, jf] = jumps;
    libc::sock_filter { code: u16::try_from(code).expect("codes are small"), jt, jf, k }
}
