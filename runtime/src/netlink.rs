//! What a kernel answers over a netlink socket (`linux/netlink.h`): messages in datagrams, and lists of them.

use std::io;

use rtnetlink::packet_core::{NLM_F_DUMP_INTR, NetlinkDeserializable, NetlinkMessage, NetlinkPayload};
use rtnetlink::sys::Socket;

/// The largest datagram that the kernel puts together for a list, in bytes (`netlink_dump` in `net/netlink/af_netlink.c`).
const DATAGRAM: usize = 32 * 1024;

/// How often something is read before it is an error that it keeps changing.
const READINGS: usize = 100;

/// Hands over the messages of one datagram. It is there already: the kernel has answered when `send` returns, and goes on with a list whenever
/// some of it is taken.
pub(crate) fn receive<M: NetlinkDeserializable>(
    socket: &Socket,
    each: impl FnMut(NetlinkMessage<M>) -> io::Result<()>,
) -> io::Result<()> {
    let mut datagram = Vec::with_capacity(DATAGRAM);
    socket.recv(&mut datagram, libc::MSG_DONTWAIT)?;
    split(&datagram, each)
}

fn split<M: NetlinkDeserializable>(
    mut datagram: &[u8],
    mut each: impl FnMut(NetlinkMessage<M>) -> io::Result<()>,
) -> io::Result<()> {
    while !datagram.is_empty() {
        let message = NetlinkMessage::<M>::deserialize(datagram)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        let length = (message.header.length as usize).next_multiple_of(4);
        datagram = datagram.get(length..).unwrap_or_default();
        each(message)?;
    }
    Ok(())
}

/// The answers to a request for a list (`NLM_F_DUMP`), as they come in.
pub(crate) struct List<M> {
    answers: Vec<M>,
    done: bool,
    complete: bool,
}

impl<M> List<M> {
    pub(crate) fn new() -> Self {
        Self { answers: Vec::new(), done: false, complete: true }
    }

    /// Takes a message. The error is the kernel's, which a list may begin or end with: nobody answers for a protocol, for one.
    pub(crate) fn add(&mut self, message: NetlinkMessage<M>) -> io::Result<()> {
        self.complete &= message.header.flags & NLM_F_DUMP_INTR == 0;
        match message.payload {
            NetlinkPayload::InnerMessage(answer) => self.answers.push(answer),
            NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
            NetlinkPayload::Done(end) if end.code < 0 => return Err(io::Error::from_raw_os_error(-end.code)),
            NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => self.done = true,
            _ => {}
        }
        Ok(())
    }

    /// Notes that some of it may have been lost on the way.
    pub(crate) fn lose(&mut self) {
        self.complete = false;
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// All answers, or nothing if something has changed while the kernel went through it.
    pub(crate) fn answers(self) -> Option<Vec<M>> {
        self.complete.then_some(self.answers)
    }
}

/// Reads until nothing has changed under a reading, which answers with nothing then.
pub(crate) fn undisturbed<T>(mut read: impl FnMut() -> io::Result<Option<T>>) -> io::Result<T> {
    for _ in 0..READINGS {
        if let Some(answer) = read()? {
            return Ok(answer);
        }
    }
    Err(io::Error::other(format!("there were changes under each of {READINGS} readings")))
}

#[cfg(test)]
mod tests {
    use rtnetlink::packet_core::{NLM_F_MULTIPART, NLMSG_DONE, NLMSG_ERROR};
    use rtnetlink::packet_route::RouteNetlinkMessage;

    use super::*;

    /// `RTM_NEWLINK` (`linux/rtnetlink.h`) of a `struct ifinfomsg` without attributes.
    const NEW_LINK: u16 = 16;

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + payload.len()).unwrap();
        [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8], payload].concat()
    }

    fn link(flags: u16) -> Vec<u8> {
        message(NEW_LINK, flags | NLM_F_MULTIPART, &[0; 16])
    }

    fn done(code: i32) -> Vec<u8> {
        message(NLMSG_DONE, NLM_F_MULTIPART, &code.to_ne_bytes())
    }

    /// What comes of a list that arrives in these datagrams.
    fn read(datagrams: &[Vec<u8>]) -> io::Result<List<RouteNetlinkMessage>> {
        let mut list = List::new();
        datagrams.iter().try_for_each(|datagram| split(datagram, |message| list.add(message)))?;
        Ok(list)
    }

    #[test]
    fn a_list_is_all_that_comes_before_its_end() {
        let datagrams = [[link(0), link(0)].concat(), link(0), done(0)];
        assert!(!read(&datagrams[..2]).unwrap().is_done());
        let list = read(&datagrams).unwrap();
        assert!(list.is_done());
        assert_eq!(list.answers().unwrap().len(), 3);
        assert_eq!(read(&[done(0)]).unwrap().answers().unwrap(), []);
    }

    /// After others, and in the same datagram: an answer that is given is no reason to believe that it was all.
    #[test]
    fn an_error_at_the_end_of_a_list_is_one() {
        let error = |datagrams: &[Vec<u8>]| read(datagrams).err().and_then(|error| error.raw_os_error());
        assert_eq!(error(&[done(-libc::ENOENT)]), Some(libc::ENOENT));
        assert_eq!(error(&[[link(0), done(-libc::EINVAL)].concat()]), Some(libc::EINVAL));
    }

    #[test]
    fn an_error_instead_of_a_list_is_one() {
        let error =
            |code: i32| message(NLMSG_ERROR, 0, &[&code.to_ne_bytes()[..], &message(NEW_LINK, 0, &[])].concat());
        let refused = read(&[error(-libc::EPERM)]).err().unwrap();
        assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
        assert!(read(&[error(0)]).unwrap().is_done(), "it is an acknowledgement");
    }

    #[test]
    fn a_list_that_was_interrupted_is_read_again() {
        let whole = [link(0), link(0), done(0)].concat();
        let interrupted = [link(0), link(NLM_F_DUMP_INTR), done(0)].concat();
        let at_its_end = [link(0), message(NLMSG_DONE, NLM_F_MULTIPART | NLM_F_DUMP_INTR, &[0; 4])].concat();
        let mut readings = [&interrupted, &at_its_end, &whole, &interrupted].into_iter();
        let mut next = || Ok(read(&[readings.next().unwrap().clone()])?.answers());
        assert_eq!(undisturbed(&mut next).unwrap().len(), 2);
        let error = undisturbed(|| Ok(read(std::slice::from_ref(&interrupted))?.answers())).unwrap_err();
        assert_eq!(error.to_string(), "there were changes under each of 100 readings");
        let mut lost = read(std::slice::from_ref(&whole)).unwrap();
        lost.lose();
        assert_eq!(lost.answers(), None);
    }

    /// Not the shorter list that it looks like.
    #[test]
    fn a_message_that_is_cut_is_an_error() {
        let datagram = [link(0), link(0), done(0)].concat();
        let ends = [32, 64];
        for length in (1..datagram.len()).filter(|length| !ends.contains(length)) {
            let error = read(&[datagram[..length].to_vec()]).err().unwrap_or_else(|| panic!("{length} bytes"));
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        for length in ends {
            assert!(!read(&[datagram[..length].to_vec()]).unwrap().is_done());
        }
        // One that says that it is shorter than its own header would be read for ever.
        let mut endless = link(0);
        endless[..4].copy_from_slice(&0u32.to_ne_bytes());
        assert_eq!(read(&[endless]).err().unwrap().kind(), io::ErrorKind::InvalidData);
    }
}
