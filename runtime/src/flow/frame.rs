//! What the ends of a flow say to each other: frames of one length, so that a stream of them can be cut where it is.

use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::sync::Lazy;

use crate::probe::seed;

/// Bytes of a frame.
pub(super) const LENGTH: usize = 24;

const MAGIC: [u8; 4] = *b"nnt1";

/// A question, or the answer to one: whose, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// What the flow has and no other of this process.
    pub(super) flow: u64,
    /// What the question has and no other.
    pub(super) nonce: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Question = 1,
    Answer = 2,
}

/// A number that has not been used before in this process, and hardly in another.
pub(super) fn fresh() -> u64 {
    static NONCES: Lazy<AtomicU64> = Lazy::new(|| AtomicU64::new(seed()));
    NONCES.fetch_add(1, Ordering::Relaxed)
}

impl Frame {
    pub(super) fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[7] = self.kind as u8;
        bytes[8..16].copy_from_slice(&self.flow.to_be_bytes());
        bytes[16..].copy_from_slice(&self.nonce.to_be_bytes());
        bytes
    }

    /// Nothing if it is no frame.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let kind = match bytes[4..8] {
            [0, 0, 0, 1] => Kind::Question,
            [0, 0, 0, 2] => Kind::Answer,
            _ => return None,
        };
        let number = |at: usize| bytes[at..].first_chunk().map(|number| u64::from_be_bytes(*number));
        bytes.starts_with(&MAGIC).then_some(Self { kind, flow: number(8)?, nonce: number(16)? })
    }
}

/// Takes the frames that are whole out of what a stream has said so far; nothing if something else is in it.
pub(super) fn take_whole(stream: &mut Vec<u8>) -> Option<Vec<Frame>> {
    let whole = stream.len() - stream.len() % LENGTH;
    stream.drain(..whole).as_slice().chunks(LENGTH).map(Frame::from_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood_however_it_is_cut() {
        let frames: Vec<_> = [Kind::Question, Kind::Answer, Kind::Question]
            .map(|kind| Frame { kind, flow: fresh(), nonce: fresh() })
            .into();
        let said = frames.iter().flat_map(|frame| frame.to_bytes()).collect::<Vec<_>>();
        for cut in 0..=said.len() {
            let mut stream = said[..cut].to_vec();
            let mut heard = take_whole(&mut stream).unwrap();
            assert!(stream.len() < LENGTH);
            stream.extend(&said[cut..]);
            heard.extend(take_whole(&mut stream).unwrap());
            assert_eq!(heard, frames);
        }
    }

    #[test]
    fn what_is_no_frame_is_none() {
        let frame = Frame { kind: Kind::Answer, flow: 1, nonce: 2 }.to_bytes();
        assert_eq!(Frame::from_bytes(&frame[1..]), None);
        for at in 0..8 {
            let mut other = frame;
            other[at] ^= 0x40;
            assert_eq!(Frame::from_bytes(&other), None, "{at}");
            assert_eq!(take_whole(&mut other.to_vec()), None);
        }
    }
}
