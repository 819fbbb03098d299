//! Netlink sockets of other families than the routing one, for one request each.

use std::fmt::Debug;
use std::io;

use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use rtnetlink::sys::{Socket, SocketAddr};

/// What the kernel said to a request.
pub(super) type Attempt<T> = io::Result<T>;

/// The largest datagram that the kernel puts together for a dump, in bytes (`netlink_dump` in `net/netlink/af_netlink.c`).
const DATAGRAM: usize = 32 * 1024;

/// How often a list is read before it is an error that it keeps changing.
const READINGS: usize = 100;

/// All that a request for a list is answered with, by the namespace that this thread is in.
pub(super) fn dump<M>(family: isize, request: &M) -> Attempt<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable + Clone + Debug,
{
    for _ in 0..READINGS {
        let mut answers = Vec::new();
        if exchange(family, request.clone(), NLM_F_DUMP, |answer| answers.push(answer))? {
            return Ok(answers);
        }
    }
    Err(io::Error::other(format!("the list changed under each of {READINGS} readings")))
}

/// Asks for something to be done, which it is when this returns.
pub(super) fn request<M>(family: isize, request: M) -> Attempt<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    exchange(family, request, NLM_F_ACK, |_: M| ()).map(|_| ())
}

/// Answers whether nothing has changed meanwhile.
fn exchange<M>(family: isize, request: M, flags: u16, mut each: impl FnMut(M)) -> Attempt<bool>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let mut socket = Socket::new(family)?;
    socket.bind(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let mut complete = true;
    loop {
        let mut answers = Vec::with_capacity(DATAGRAM);
        // The kernel has answered when `send` returns, and goes on with a list whenever some of it is taken.
        socket.recv(&mut answers, libc::MSG_DONTWAIT)?;
        let mut rest = &answers[..];
        while !rest.is_empty() {
            let message = NetlinkMessage::<M>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            complete &= message.header.flags & NLM_F_DUMP_INTR == 0;
            let length = (message.header.length as usize).next_multiple_of(4);
            rest = rest.get(length..).unwrap_or_default();
            match message.payload {
                NetlinkPayload::InnerMessage(answer) => each(answer),
                NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                // A list may end with an error: nobody answers for a protocol, for one.
                NetlinkPayload::Done(done) if done.code < 0 => return Err(io::Error::from_raw_os_error(-done.code)),
                NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => return Ok(complete),
                _ => {}
            }
        }
    }
}
