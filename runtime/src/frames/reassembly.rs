//! What one end of a TCP connection has sent, put in order by its sequence numbers (RFC 9293 section 3.4).

use std::collections::BTreeMap;
use std::ops::Range;

/// Bytes by where they are among all that one end sends. Numbers begin again after 2³² bytes; places do not.
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    /// A number and its place, that of the last segment or acknowledgment: another is taken to be near.
    near: Option<(u32, i64)>,
    /// The lowest place that a segment or an acknowledgment was at.
    lowest: Option<i64>,
    /// Where the first byte is, if the segment that opens the connection was seen.
    begin: Option<i64>,
    /// Behind the last byte, if its sender has said that it is.
    end: Option<i64>,
    /// Behind the last byte that is known to have been sent, seen or not: its receiver has acknowledged it, or its sender has gone on behind it.
    sent: Option<i64>,
    /// What was seen, without overlaps, by where it begins.
    pieces: BTreeMap<i64, Vec<u8>>,
    /// The first place where what was sent again was something else.
    differs: Option<i64>,
}

/// What one end has sent, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reassembled {
    /// The pieces that were seen, by where they begin, counted from the first byte. No two of them touch.
    pub(super) pieces: Vec<(u64, Vec<u8>)>,
    /// What lies between them, or behind them up to the last that is known to have been sent, and was not seen.
    pub(super) gaps: Vec<Range<u64>>,
    /// How many bytes are in front of the first that was sent again as another.
    pub(super) differs: Option<u64>,
    /// How many bytes have numbers in front of the first, and are not the one by which a peer is probed, or behind the last.
    pub(super) outside: u64,
    pub(super) is_begun: bool,
    pub(super) is_ended: bool,
}

/// How far ahead of what is known a segment may be that is of the same connection: more than receivers have room for.
const WINDOW: i64 = 16 << 20;

impl Reassembly {
    /// The number of the SYN, if one was seen.
    pub(super) fn opened_with(&self) -> Option<u32> {
        let ((number, place), begin) = (self.near?, self.begin?);
        // The first byte is behind it.
        Some(number.wrapping_add(offset(begin - 1 - place)))
    }

    /// Whether any number of it is known.
    pub(super) fn is_heard_of(&self) -> bool {
        self.near.is_some()
    }

    /// Whether a number is that of the byte behind the last that is known to have been sent.
    pub(super) fn goes_on_with(&self, number: u32) -> bool {
        self.sent.is_some_and(|end| self.place_of(number) == end)
    }

    /// Whether a number is behind the SYN that was seen, and not behind the last byte that is known to have been sent.
    pub(super) fn is_opened_and_has(&self, number: u32) -> bool {
        let place = self.place_of(number);
        self.begin.is_some_and(|begin| begin <= place) && self.sent.is_some_and(|end| place <= end)
    }

    /// Whether what begins with a number may be sent again, all or some of it: with one number in front by which a peer is probed, and that of the FIN.
    pub(super) fn has(&self, number: u32) -> bool {
        self.is_near(number, self.first(), 1)
    }

    /// Whether what acknowledges up to a number is about this.
    pub(super) fn is_acknowledged_by(&self, number: u32) -> bool {
        self.is_near(number, self.lowest, 1)
    }

    /// Whether it may be sent again, or come next when some is missing.
    pub(super) fn has_or_may_go_on_with(&self, number: u32) -> bool {
        self.is_near(number, self.first(), WINDOW)
    }

    /// From one in front of the first to so many behind the last.
    fn is_near(&self, number: u32, first: Option<i64>, behind: i64) -> bool {
        let place = self.place_of(number);
        first.is_some_and(|first| first - 1 <= place) && self.sent.is_some_and(|sent| place <= sent + behind)
    }

    /// Whether a number may be one of those that come next, when some are missing.
    pub(super) fn may_go_on_with(&self, number: u32) -> bool {
        let ahead = self.sent.map(|end| self.place_of(number) - end);
        self.end.is_none() && ahead.is_some_and(|ahead| (0..WINDOW).contains(&ahead))
    }

    /// Whether all that was seen of it is the SYN.
    pub(super) fn is_opened_only(&self) -> bool {
        self.begin.is_some() && self.sent == self.begin && self.end.is_none()
    }

    /// The first byte, or without a SYN the first that was seen.
    fn first(&self) -> Option<i64> {
        self.begin.or_else(|| self.pieces.keys().next().copied())
    }

    pub(super) fn add(&mut self, number: u32, syn: bool, fin: bool, payload: &[u8]) {
        // A SYN takes a number of its own.
        let place = self.place(number) + i64::from(syn);
        if syn {
            self.begin.get_or_insert(place);
        }
        let behind = place + length(payload);
        if fin {
            self.end.get_or_insert(behind);
        }
        self.sent = self.sent.max(Some(behind));
        self.insert(place, payload);
    }

    /// Its receiver expects this number next: whatever is in front of it has been sent.
    pub(super) fn acknowledged(&mut self, number: u32) {
        self.sent = self.sent.max(Some(self.place(number)));
    }

    fn place(&mut self, number: u32) -> i64 {
        let place = self.place_of(number);
        self.near = Some((number, place));
        self.lowest = Some(self.lowest.map_or(place, |lowest| lowest.min(place)));
        place
    }

    fn place_of(&self, number: u32) -> i64 {
        match self.near {
            None => 0,
            // The shorter way round: what is in the window of the receiver is never half the numbers away.
            Some((near, place)) => place + i64::from(number.wrapping_sub(near).cast_signed()),
        }
    }

    /// What was seen before stays as it was.
    fn insert(&mut self, mut place: i64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let before = self.pieces.range(..=place).next_back().map_or(place, |(begin, piece)| begin + length(piece));
            let known = usize::try_from(before - place).unwrap_or(0);
            if known > 0 {
                let (begin, piece) = self.pieces.range(..=place).next_back().expect("it is known from it");
                let old = &piece[usize::try_from(place - begin).expect("it begins before")..];
                if let Some(nth) = old.iter().zip(bytes).position(|(old, new)| old != new) {
                    self.differs =
                        self.differs.into_iter().chain([place + i64::try_from(nth).expect("a frame is small")]).min();
                }
                bytes = &bytes[known.min(bytes.len())..];
                place = before;
                continue;
            }
            let next = self.pieces.range(place..).next().map_or(i64::MAX, |(begin, _)| *begin);
            let new = usize::try_from(next.saturating_sub(place)).unwrap_or(usize::MAX).min(bytes.len());
            self.pieces.insert(place, bytes[..new].to_vec());
            place += length(&bytes[..new]);
            bytes = &bytes[new..];
        }
    }

    pub(super) fn finish(self) -> Reassembled {
        // Without a beginning, the first byte that was seen is the first.
        let first = self.first().unwrap_or(0);
        let from_first = |place: i64| u64::try_from(place - first).unwrap_or(0);
        let mut reassembled =
            Reassembled { is_begun: self.begin.is_some(), is_ended: self.end.is_some(), ..Reassembled::default() };
        // A byte in front of the first is of a probe.
        reassembled.differs = self.differs.filter(|place| *place >= first).map(from_first);
        let Reassembled { pieces, gaps, outside, .. } = &mut reassembled;
        let mut at = first;
        for (place, bytes) in self.pieces {
            let skipped = usize::try_from(first - place).unwrap_or(0).min(bytes.len());
            // One byte just in front of the first is a probe that keeps a connection alive (RFC 9293 section 3.8.4).
            if skipped > 0 && (place + 1, skipped) != (first, 1) {
                *outside += skipped as u64;
            }
            let (place, bytes) = (place.max(first), &bytes[skipped..]);
            if bytes.is_empty() {
                continue;
            }
            match pieces.last_mut() {
                Some((_, piece)) if place == at => piece.extend_from_slice(bytes),
                _ => {
                    if place > at {
                        gaps.push(from_first(at)..from_first(place));
                    }
                    pieces.push((from_first(place), bytes.to_vec()));
                }
            }
            at = place + length(bytes);
            if let Some(end) = self.end {
                *outside += u64::try_from(at - place.max(end)).unwrap_or(0);
            }
        }
        // A FIN takes a number, too. One that was not seen is not told apart from a byte.
        let sent = match (self.end, self.sent) {
            (Some(end), Some(sent)) if sent <= end + 1 => Some(end),
            (end, sent) => sent.max(end),
        };
        if let Some(end) = sent.filter(|end| *end > at) {
            gaps.push(from_first(at)..from_first(end));
        }
        reassembled
    }
}

/// As a difference of sequence numbers.
fn offset(places: i64) -> u32 {
    u32::try_from(places.rem_euclid(1 << 32)).expect("it is below 2³²")
}

fn length(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).expect("memory is finite")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Segments: number, payload.
    fn reassembled(syn: Option<u32>, segments: &[(u32, &[u8])]) -> Reassembled {
        let mut reassembly = Reassembly::default();
        if let Some(number) = syn {
            reassembly.add(number, true, false, b"");
        }
        for &(number, payload) in segments {
            reassembly.add(number, false, false, payload);
        }
        reassembly.finish()
    }

    fn whole(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        vec![(0, bytes.to_vec())]
    }

    #[test]
    fn segments_are_put_in_order() {
        let of = reassembled(Some(99), &[(103, b"def"), (100, b"abc"), (106, b"ghi")]);
        assert_eq!((of.pieces, of.gaps), (whole(b"abcdefghi"), vec![]));
    }

    #[test]
    fn what_was_sent_again_is_there_once() {
        let of = reassembled(Some(99), &[(100, b"abc"), (100, b"abc"), (103, b"def"), (100, b"abc")]);
        assert_eq!((of.pieces, of.gaps, of.differs), (whole(b"abcdef"), vec![], None));
    }

    #[test]
    fn what_overlaps_stays_as_it_was_first() {
        let of = reassembled(Some(99), &[(102, b"CD"), (106, b"GH"), (100, b"abcdefghij")]);
        assert_eq!((of.pieces, of.gaps, of.differs), (whole(b"abCDefGHij"), vec![], Some(2)));
        let of = reassembled(Some(99), &[(100, b"secreu"), (100, b"secret")]);
        assert_eq!((of.pieces, of.differs), (whole(b"secreu"), Some(5)));
        // In front of the first byte stands whatever a probe has.
        let of = reassembled(Some(99), &[(99, b"x"), (100, b"ab"), (99, b"y")]);
        assert_eq!((of.pieces, of.differs), (whole(b"ab"), None));
    }

    #[test]
    fn numbers_begin_again() {
        let of = reassembled(Some(u32::MAX - 2), &[(0, b"cd"), (u32::MAX - 1, b"ab"), (2, b"e")]);
        assert_eq!((of.pieces, of.gaps), (whole(b"abcde"), vec![]));
    }

    #[test]
    fn more_than_all_numbers_are_told_apart() {
        const STEP: u32 = 1 << 30;
        let mut reassembly = Reassembly::default();
        reassembly.add(0, true, false, b"");
        (0..6).for_each(|nth: u32| reassembly.add(1u32.wrapping_add(nth.wrapping_mul(STEP)), false, false, b"x"));
        let places: Vec<_> = reassembly.finish().pieces.into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, (0..6).map(|nth| nth * u64::from(STEP)).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_missing_is_said() {
        let of = reassembled(Some(99), &[(102, b"cd"), (107, b"h")]);
        assert_eq!(of.pieces, vec![(2, b"cd".to_vec()), (7, b"h".to_vec())]);
        assert_eq!(of.gaps, vec![0..2, 4..7]);
    }

    #[test]
    fn what_is_missing_at_the_end_is_said() {
        let mut reassembly = Reassembly::default();
        reassembly.add(99, true, false, b"");
        reassembly.add(100, false, false, b"ab");
        reassembly.add(105, false, true, b"fg");
        reassembly.add(102, false, false, b"cde");
        assert!(reassembly.clone().finish().gaps.is_empty());
        reassembly.end = Some(reassembly.end.unwrap() + 3);
        assert_eq!(reassembly.finish().gaps, vec![7..10]);
    }

    #[test]
    fn what_was_acknowledged_or_gone_on_behind_was_sent() {
        let mut reassembly = Reassembly::default();
        reassembly.add(99, true, false, b"");
        reassembly.add(100, false, false, b"ab");
        reassembly.acknowledged(102);
        assert!(reassembly.clone().finish().gaps.is_empty());
        let mut acknowledged = reassembly.clone();
        acknowledged.acknowledged(105);
        assert_eq!(acknowledged.finish().gaps, vec![2..5]);
        let mut gone_on = reassembly.clone();
        gone_on.add(104, false, false, b"");
        assert_eq!(gone_on.finish().gaps, vec![2..4]);
        // The number that is acknowledged last is that of the FIN.
        reassembly.add(102, false, true, b"");
        reassembly.acknowledged(103);
        assert!(reassembly.finish().gaps.is_empty());
    }

    #[test]
    fn without_a_beginning_the_first_byte_that_was_seen_is_the_first() {
        let of = reassembled(None, &[(500, b"de"), (497, b"abc")]);
        assert_eq!((of.pieces, of.gaps, of.is_begun), (whole(b"abcde"), vec![], false));
    }

    #[test]
    fn a_probe_in_front_of_the_first_byte_is_none() {
        let of = reassembled(Some(99), &[(99, b"?"), (100, b"abc")]);
        assert_eq!((of.pieces, of.gaps), (whole(b"abc"), vec![]));
    }

    #[test]
    fn what_is_in_front_of_the_first_byte_and_no_probe_is_counted() {
        let of = reassembled(Some(99), &[(100, b"abc"), (97, b"xyz"), (50, b"?")]);
        assert_eq!((of.pieces, of.outside), (whole(b"abc"), 4));
        assert_eq!(reassembled(Some(99), &[(99, b"?"), (100, b"abc")]).outside, 0);
        assert_eq!(reassembled(None, &[(500, b"de"), (497, b"abc")]).outside, 0);
    }

    #[test]
    fn what_is_behind_the_last_byte_is_counted_and_hides_nothing() {
        let mut reassembly = Reassembly::default();
        reassembly.add(99, true, false, b"");
        reassembly.add(100, false, true, b"abc");
        let mut far = reassembly.clone();
        reassembly.add(103, false, false, b"evil");
        assert_eq!(reassembly.finish().outside, 4);
        far.add(110, false, false, b"evil");
        assert_eq!(far.finish().outside, 4);
        // An end that is not the last that was acknowledged.
        let mut reassembly = Reassembly::default();
        reassembly.add(99, true, false, b"");
        reassembly.add(100, false, true, b"abc");
        reassembly.acknowledged(109);
        assert_eq!(reassembly.finish().gaps, vec![3..9]);
    }

    /// Also if nothing lies behind it.
    #[test]
    fn what_is_in_front_of_all_that_was_seen_is_put_there() {
        let mut reassembly = Reassembly::default();
        reassembly.acknowledged(200);
        reassembly.add(100, false, false, b"abc");
        assert_eq!(reassembly.finish().pieces, whole(b"abc"));
    }

    #[test]
    fn a_connection_is_known_by_the_number_that_it_was_opened_with() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.opened_with(), None);
        reassembly.add(u32::MAX, true, false, b"");
        reassembly.add(5, false, false, b"abc");
        assert_eq!(reassembly.opened_with(), Some(u32::MAX));
    }
}
