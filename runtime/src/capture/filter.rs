//! Which frames are recorded.

use libc::sock_filter;

/// Longer frames than this are what is to be cut into many on a link that there is not, or jumbo frames.
const LONG: u32 = 2048;

/// Of the long frames of TCP and UDP, one of so many is recorded: a power of two.
pub(super) const ONE_OF: u32 = 32;

/// Everything but most of what is bulk: between two hosts TCP passes on 64 kB at a time, a few of which would fill the room that there is for a host's
/// frames, and whatever else comes would not be heard. What else is said about a transfer, and its beginning and end, is shorter.
pub(super) fn filter() -> [sock_filter; 14] {
    // What the kernel knows of a frame, and what stands in its network header (linux/filter.h).
    let about = |what: libc::c_int| (libc::SKF_AD_OFF + what).cast_unsigned();
    let in_header = |offset: libc::c_int| (libc::SKF_NET_OFF + offset).cast_unsigned();
    let (word, byte) = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_LD | libc::BPF_B | libc::BPF_ABS);
    let (equals, greater) = (libc::BPF_JMP | libc::BPF_JEQ, libc::BPF_JMP | libc::BPF_JGT);
    let (any_bit, always) = (libc::BPF_JMP | libc::BPF_JSET, libc::BPF_JMP | libc::BPF_JA);
    let answer = libc::BPF_RET | libc::BPF_K;
    [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        branch(greater, LONG, 0, 11),
        step(word, about(libc::SKF_AD_PROTOCOL)),
        branch(equals, ETHERTYPE_IPV4, 1, 0),
        branch(equals, ETHERTYPE_IPV6, 2, 8),
        // The protocol: RFC 791 section 3.1, and RFC 8200 section 3.
        step(byte, in_header(9)),
        step(always, 1),
        step(byte, in_header(6)),
        branch(equals, TCP, 1, 0),
        branch(equals, UDP, 0, 3),
        step(word, about(libc::SKF_AD_RANDOM)),
        branch(any_bit, ONE_OF - 1, 0, 1),
        step(answer, 0),
        step(answer, WHOLE),
    ]
}

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const UDP: u32 = 17;
const WHOLE: u32 = u32::MAX;

fn step(code: u32, k: u32) -> sock_filter {
    branch(code, k, 0, 0)
}

/// `if_so` and `if_not` are how many steps to skip.
fn branch(code: u32, k: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).expect("a code is 16 bits"), jt: if_so, jf: if_not, k }
}
