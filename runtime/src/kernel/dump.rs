//! Netlink sockets of other families than the routing one, for one request each.

use std::fmt::Debug;
use std::io;

use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NetlinkSerializable,
};
use rtnetlink::sys::{Socket, SocketAddr};

use crate::netlink::{self, List};

/// What the kernel said to a request.
pub(crate) type Attempt<T> = io::Result<T>;

/// All that a request for a list is answered with, by the namespace that this thread is in.
pub(crate) fn dump<M>(family: isize, request: &M) -> Attempt<Vec<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable + Clone + Debug,
{
    netlink::undisturbed(|| {
        let socket = ask(family, request.clone(), NLM_F_DUMP)?;
        let mut list = List::new();
        while !list.is_done() {
            netlink::receive(&socket, |message| list.add(message))?;
        }
        Ok(list.answers())
    })
}

/// Asks for something to be done, which it is when this returns.
pub(super) fn request<M>(family: isize, request: M) -> Attempt<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let socket = ask(family, request, NLM_F_ACK)?;
    let mut done = false;
    while !done {
        netlink::receive(&socket, |message: NetlinkMessage<M>| {
            let NetlinkPayload::Error(answer) = message.payload else { return Ok(()) };
            done = true;
            if answer.code.is_some() { Err(answer.to_io()) } else { Ok(()) }
        })?;
    }
    Ok(())
}

/// A socket that a request has been sent by.
pub(super) fn ask<M: NetlinkSerializable + Debug>(family: isize, request: M, flags: u16) -> io::Result<Socket> {
    let mut socket = Socket::new(family)?;
    socket.bind(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    Ok(socket)
}
