//! Which frames are recorded.

use libc::sock_filter;

use crate::filter::{answer, instruction};

/// Longer frames than this are what is to be cut into many on a link that there is not, or jumbo frames.
pub(crate) const LONG: u32 = 2048;

/// Of the long frames of TCP and UDP, one of so many is recorded: a power of two.
pub(super) const ONE_OF: u32 = 32;

/// Everything but most of what is bulk: between two hosts TCP passes on 64 kB at a time, a few of which would fill the room that there is for a host's
/// frames, and whatever else comes would not be heard. What else is said about a transfer, and its beginning and end, is shorter.
pub(super) fn filter() -> [sock_filter; 14] {
    // What the kernel knows of a frame, and what stands in its network header (linux/filter.h).
    let about = |what: libc::c_int| (libc::SKF_AD_OFF + what).cast_unsigned();
    let in_header = |offset: libc::c_int| (libc::SKF_NET_OFF + offset).cast_unsigned();
    let (word, byte) = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, libc::BPF_LD | libc::BPF_B | libc::BPF_ABS);
    let load = |code, k| instruction(code, k, [0, 0]);
    let (equals, greater) = (libc::BPF_JMP | libc::BPF_JEQ, libc::BPF_JMP | libc::BPF_JGT);
    let any_bit = libc::BPF_JMP | libc::BPF_JSET;
    [
        load(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
        instruction(greater, LONG, [0, 11]),
        load(word, about(libc::SKF_AD_PROTOCOL)),
        instruction(equals, ETHERTYPE_IPV4, [1, 0]),
        instruction(equals, ETHERTYPE_IPV6, [2, 8]),
        // The protocol: RFC 791 section 3.1, and RFC 8200 section 3.
        load(byte, in_header(9)),
        instruction(libc::BPF_JMP | libc::BPF_JA, 1, [0, 0]),
        load(byte, in_header(6)),
        instruction(equals, TCP, [1, 0]),
        instruction(equals, UDP, [0, 3]),
        load(word, about(libc::SKF_AD_RANDOM)),
        instruction(any_bit, ONE_OF - 1, [0, 1]),
        answer(0),
        answer(u32::MAX),
    ]
}

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const UDP: u32 = 17;
