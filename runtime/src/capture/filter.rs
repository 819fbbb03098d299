//! Which frames are recorded.

use libc::{c_int, sock_filter};

use super::frame::LinkLayer;
use crate::filter::{answer, instruction};

/// Longer frames than this are what is to be cut into many on a link that there is not, or jumbo frames.
pub(crate) const LONG: u32 = 2048;

/// Of the long frames of TCP and UDP, one of so many is recorded: a power of two.
pub(super) const ONE_OF: u32 = 32;

/// Of the segments of TCP that carry connections on, one of so many is recorded in a rush: a power of two.
pub(super) const ONE_OF_A_RUSH: u32 = 128;

/// Everything but most of what is bulk: between two hosts TCP passes on 64 kB at a time, a few of which would fill the room that there is for a host's
/// frames, and whatever else comes would not be heard. What else is said about a transfer, and its beginning and end, is shorter.
pub(super) fn filter() -> Vec<sock_filter> {
    let mut instructions = vec![
        load_length(),
        instruction(GREATER, LONG, [0, 11]),
        load_known(libc::SKF_AD_PROTOCOL),
        instruction(EQUALS, ETHERTYPE_IPV4, [1, 0]),
        instruction(EQUALS, ETHERTYPE_IPV6, [2, 8]),
        // The protocol: RFC 791 section 3.1, and RFC 8200 section 3.
        load_byte(9),
        instruction(libc::BPF_JMP | libc::BPF_JA, 1, [0, 0]),
        load_byte(6),
        instruction(EQUALS, TCP, [1, 0]),
        instruction(EQUALS, UDP, [0, 3]),
    ];
    instructions.extend(one_of(ONE_OF));
    instructions
}

/// The end of a filter, for what is sampled. Whatever else is let through jumps to its last instruction.
fn one_of(many: u32) -> [sock_filter; 4] {
    [load_known(libc::SKF_AD_RANDOM), instruction(ANY_BIT, many - 1, [0, 1]), answer(0), answer(u32::MAX)]
}

/// For a host in a rush: also without most of the segments of TCP that carry a connection on. Of a transfer there is one for each long frame or two, at both of its
/// ends, and to record them costs more than all else. The rest is as [`filter`] has it.
pub(super) fn filter_in_a_rush() -> Vec<sock_filter> {
    let ipv4 = sampled(&[
        (load_known(libc::SKF_AD_PROTOCOL), Is::Equal(ETHERTYPE_IPV4)),
        // A filter that reads behind the end lets nothing through. Without the header of a link all of this is nearer: then the shortest are all recorded.
        (load_length(), Is::AtLeast(ETHERNET + IPV4 + FLAGS + 1)),
        // The version, and the length of a header without options, the protocol, and that it is no fragment: RFC 791 section 3.1.
        (load_byte(0), Is::Equal(0x45)),
        (load_byte(9), Is::Equal(TCP)),
        (load_half(6), Is::Without(0x3fff)),
        (load_byte(IPV4 + FLAGS), Is::Without(SYN_FIN_RST)),
    ]);
    let ipv6 = sampled(&[
        (load_known(libc::SKF_AD_PROTOCOL), Is::Equal(ETHERTYPE_IPV6)),
        (load_length(), Is::AtLeast(ETHERNET + IPV6 + FLAGS + 1)),
        // The next header: RFC 8200 section 3.
        (load_byte(6), Is::Equal(TCP)),
        (load_byte(IPV6 + FLAGS), Is::Without(SYN_FIN_RST)),
    ]);
    [ipv4, ipv6, filter()].concat()
}

/// Whether a frame is one of those of which [`filter_in_a_rush`] lets one of many through.
pub(super) fn carries_on(link: LinkLayer, frame: &[u8]) -> bool {
    let header = if link == LinkLayer::Ethernet { ETHERNET as usize } else { 0 };
    let Some(packet) = frame.get(header..) else { return false };
    let byte = |at: u32| packet.get(at as usize).map(|byte| u32::from(*byte));
    // As the filter has it, which knows no link.
    let is_long_enough = |flags: u32| frame.len() > (ETHERNET + flags) as usize;
    let carries_on = |flags: u32| is_long_enough(flags) && byte(flags).is_some_and(|flags| flags & SYN_FIN_RST == 0);
    let is_fragment = || byte(6).is_none_or(|byte| byte & 0x3f != 0) || byte(7) != Some(0);
    match byte(0).unwrap_or(0) {
        0x45 => byte(9) == Some(TCP) && !is_fragment() && carries_on(IPV4 + FLAGS),
        version => version >> 4 == 6 && byte(6) == Some(TCP) && carries_on(IPV6 + FLAGS),
    }
}

/// What something that was loaded is to be.
#[derive(Clone, Copy)]
enum Is {
    Equal(u32),
    AtLeast(u32),
    /// None of these bits is set.
    Without(u32),
}

/// One of [`ONE_OF_A_RUSH`] of the frames for which all of this is so. The others are judged by what comes behind.
fn sampled(checks: &[(sock_filter, Is)]) -> Vec<sock_filter> {
    let chosen = one_of(ONE_OF_A_RUSH);
    let end = 2 * checks.len() + chosen.len();
    let mut instructions = Vec::with_capacity(end);
    for (load, is) in checks {
        instructions.push(*load);
        let behind = u8::try_from(end - instructions.len() - 1).expect("they are few");
        instructions.push(match *is {
            Is::Equal(value) => instruction(EQUALS, value, [0, behind]),
            Is::AtLeast(value) => instruction(AT_LEAST, value, [0, behind]),
            Is::Without(bits) => instruction(ANY_BIT, bits, [behind, 0]),
        });
    }
    instructions.extend(chosen);
    instructions
}

const EQUALS: u32 = libc::BPF_JMP | libc::BPF_JEQ;
const GREATER: u32 = libc::BPF_JMP | libc::BPF_JGT;
const AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE;
const ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET;

fn load(what: u32, at: u32) -> sock_filter {
    instruction(libc::BPF_LD | what, at, [0, 0])
}

fn load_length() -> sock_filter {
    load(libc::BPF_W | libc::BPF_LEN, 0)
}

/// What the kernel knows of a frame (`linux/filter.h`).
fn load_known(what: c_int) -> sock_filter {
    load(libc::BPF_W | libc::BPF_ABS, (libc::SKF_AD_OFF + what).cast_unsigned())
}

/// Of the packet, behind the header of the link.
fn load_half(at: u32) -> sock_filter {
    load(libc::BPF_H | libc::BPF_ABS, in_packet(at))
}

/// Of the packet, behind the header of the link.
fn load_byte(at: u32) -> sock_filter {
    load(libc::BPF_B | libc::BPF_ABS, in_packet(at))
}

fn in_packet(at: u32) -> u32 {
    libc::SKF_NET_OFF.cast_unsigned() + at
}

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_IPV6: u32 = 0x86dd;
const TCP: u32 = 6;
const UDP: u32 = 17;

/// How long headers are: of Ethernet, of IPv4 without options, and of IPv6 without others behind it.
const ETHERNET: u32 = 14;
const IPV4: u32 = 20;
const IPV6: u32 = 40;

/// Where in the header of TCP its flags are, and those of its segments that do not carry a connection on (RFC 9293 section 3.1).
const FLAGS: u32 = 13;
pub(crate) const SYN_FIN_RST: u32 = 0b111;

#[cfg(test)]
mod tests {
    use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};

    use super::*;

    type Tcp = PacketBuilderStep<TcpHeader>;

    fn written(tcp: Tcp, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        tcp.write(&mut frame, payload).unwrap();
        frame
    }

    #[test]
    fn segments_without_syn_fin_and_rst_carry_on() {
        let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
        let ipv4 = || ethernet().ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        let ipv6 = || ethernet().ipv6([1; 16], [2; 16], 64);
        let both: [&dyn Fn() -> Tcp; 2] = [&|| ipv4().tcp(1, 2, 3, 4), &|| ipv6().tcp(1, 2, 3, 4)];
        for tcp in both {
            let segments = vec![
                (tcp().ack(5), true),
                (tcp().ack(5).psh(), true),
                (tcp().syn(), false),
                (tcp().syn().ack(5), false),
                (tcp().fin().ack(5), false),
                (tcp().rst(), false),
            ];
            for (segment, is_so) in segments {
                let frame = written(segment, b"some data");
                assert_eq!(carries_on(LinkLayer::Ethernet, &frame), is_so, "{frame:?}");
                let packet = &frame[14..];
                assert_eq!(carries_on(LinkLayer::Bare, packet), is_so, "{packet:?}");
                for length in 0..48 {
                    assert!(!carries_on(LinkLayer::Ethernet, &frame[..length]));
                    assert!(!carries_on(LinkLayer::Bare, &packet[..length]));
                }
            }
        }
        let mut fragment = written(ipv4().tcp(1, 2, 3, 4).ack(5), b"data");
        fragment[21] = 1;
        assert!(!carries_on(LinkLayer::Ethernet, &fragment));
        let mut datagram = Vec::new();
        ipv4().udp(1, 2).write(&mut datagram, &[0; 40]).unwrap();
        assert!(!carries_on(LinkLayer::Ethernet, &datagram));
    }
}
