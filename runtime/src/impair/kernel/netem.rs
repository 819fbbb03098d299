//! An impairment as a request for netem, which rtnetlink does not have: `tc_netem_qopt` and the attributes after it in the kernel's
//! `linux/pkt_sched.h`.

use std::time::Duration;

use netns_test_topology::{DEFAULT_LIMIT, Impairment, Loss, Percent, Rate};
use rtnetlink::packet_core::{DefaultNla, Emitable, NLA_F_NESTED};
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};

use super::distribution;

/// What the kernel calls it.
pub(super) const KIND: &str = "netem";

const TCA_OPTIONS: u16 = 2;

const TCA_NETEM_DELAY_DIST: u16 = 2;
const TCA_NETEM_REORDER: u16 = 3;
const TCA_NETEM_CORRUPT: u16 = 4;
const TCA_NETEM_LOSS: u16 = 5;
const TCA_NETEM_RATE: u16 = 6;
const TCA_NETEM_RATE64: u16 = 8;
const TCA_NETEM_LATENCY64: u16 = 10;
const TCA_NETEM_JITTER64: u16 = 11;
/// Since Linux 6.6. Others pass over it, and draw at random.
const TCA_NETEM_PRNG_SEED: u16 = 14;

const NETEM_LOSS_GE: u16 = 2;

/// How many frames may be under way without a rate: what finds no room in netem is dropped, also when all it waits for is its delay. This is more
/// than 10 Gbit/s have in half a second, and with full frames a gigabyte of the machine's memory.
const UNDER_WAY: u32 = 500_000;

/// A full Ethernet frame, in bytes.
const FULL_FRAME: u128 = 1514;

/// The request that what leaves by an interface is impaired, in the place of whatever was said of it before.
///
/// netem that is there already is changed, and keeps the frames that are under way. It also keeps what a request does not mention, so all of it is.
/// With the same seed the same frames are lost, duplicated and so on (since Linux 6.6).
pub(crate) fn qdisc(interface: u32, impairment: &Impairment, seed: u64) -> TcMessage {
    let mut qdisc = TcMessage::with_index(interface.cast_signed());
    qdisc.header.parent = TcHandle::ROOT;
    let options = DefaultNla::new(TCA_OPTIONS, options(impairment, seed));
    qdisc.attributes = vec![TcAttribute::Kind(KIND.to_owned()), TcAttribute::Other(options)];
    qdisc
}

fn options(impairment: &Impairment, seed: u64) -> Vec<u8> {
    // The struct is not an attribute; they begin after it.
    let mut options = qopt(impairment);
    let attributes = attributes(impairment, seed);
    let start = options.len();
    options.resize(start + attributes.as_slice().buffer_len(), 0);
    attributes.as_slice().emit(&mut options[start..]);
    options
}

/// `struct tc_netem_qopt`.
fn qopt(impairment: &Impairment) -> Vec<u8> {
    let loss = if let Loss::Independent(loss) = impairment.loss { loss } else { Percent::ZERO };
    words([
        ticks(impairment.delay),
        limit(impairment),
        probability(loss),
        // After how many frames one may overtake the others; 0 for never. All of them may, with the probability that is an attribute.
        u32::from(!impairment.reorder.is_zero()),
        probability(impairment.duplicate),
        ticks(impairment.jitter),
    ])
}

fn attributes(impairment: &Impairment, seed: u64) -> Vec<DefaultNla> {
    let nanoseconds =
        |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).to_ne_bytes().to_vec();
    let uncorrelated = |share| words([probability(share), 0]);
    let mut attributes = vec![
        DefaultNla::new(TCA_NETEM_LATENCY64, nanoseconds(impairment.delay)),
        DefaultNla::new(TCA_NETEM_JITTER64, nanoseconds(impairment.jitter)),
        DefaultNla::new(TCA_NETEM_REORDER, uncorrelated(impairment.reorder)),
        DefaultNla::new(TCA_NETEM_CORRUPT, uncorrelated(impairment.corrupt)),
        DefaultNla::new(TCA_NETEM_PRNG_SEED, seed.to_ne_bytes().to_vec()),
    ];
    attributes.extend(rate(impairment.rate));
    attributes.extend(gilbert_elliott(impairment.loss));
    // A table cannot be taken away again, so an even one takes its place. Without jitter none is used.
    if !impairment.jitter.is_zero() {
        let table = distribution::table(impairment.distribution).iter().flat_map(|entry| entry.to_ne_bytes());
        attributes.push(DefaultNla::new(TCA_NETEM_DELAY_DIST, table.collect()));
    }
    attributes
}

/// `struct tc_netem_rate`, of which we have no use for the overhead and the cells; and what does not fit into it. In bytes per second.
fn rate(rate: Option<Rate>) -> Vec<DefaultNla> {
    let bytes = rate.map_or(0, |rate| rate.bits_per_second() / 8);
    let (narrow, wide) = match u32::try_from(bytes) {
        Ok(bytes) => (bytes, None),
        Err(_) => (u32::MAX, Some(DefaultNla::new(TCA_NETEM_RATE64, bytes.to_ne_bytes().to_vec()))),
    };
    [DefaultNla::new(TCA_NETEM_RATE, words([narrow, 0, 0, 0]))].into_iter().chain(wide).collect()
}

/// `struct tc_netem_gemodel`: `p`, `r`, `h` and `1-k`. Only the third is about frames that are *not* lost.
fn gilbert_elliott(loss: Loss) -> Option<DefaultNla> {
    let Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good } = loss else { return None };
    let survives_bad = u32::MAX - probability(in_bad);
    let model = [probability(good_to_bad), probability(bad_to_good), survives_bad, probability(in_good)];
    let model = DefaultNla::new(NETEM_LOSS_GE, words(model));
    let mut nested = vec![0; model.buffer_len()];
    model.emit(&mut nested);
    Some(DefaultNla::new(TCA_NETEM_LOSS | NLA_F_NESTED, nested))
}

/// A share of frames as one of all the numbers that may be drawn: all of them are 2³²-1.
fn probability(share: Percent) -> u32 {
    let all = u64::from(Percent::ALL.per_billion());
    let share = (u64::from(share.per_billion()) * u64::from(u32::MAX) + all / 2) / all;
    u32::try_from(share).expect("a share is at most 1")
}

/// In ticks of 64 ns (`PSCHED_SHIFT`; the second number of `/proc/net/psched`), at most 274 s. Linux takes the attribute instead, since 4.16.
fn ticks(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() / 64).unwrap_or(u32::MAX)
}

/// How many frames netem holds. For it those that wait for the rate and those that are under way are the same, so there has to be room for both:
/// as many full frames are under way as the rate lets through in the time.
fn limit(impairment: &Impairment) -> u32 {
    let Some(rate) = impairment.rate else { return UNDER_WAY };
    let time = impairment.delay + impairment.jitter;
    let bits = u128::from(rate.bits_per_second()) * time.as_nanos() / 1_000_000_000;
    let under_way = u32::try_from(bits.div_ceil(8 * FULL_FRAME)).unwrap_or(UNDER_WAY).min(UNDER_WAY);
    impairment.limit.unwrap_or(DEFAULT_LIMIT).saturating_add(under_way)
}

fn words<const N: usize>(words: [u32; N]) -> Vec<u8> {
    words.map(u32::to_ne_bytes).concat()
}

#[cfg(test)]
mod tests {
    use netns_test_topology::Distribution;
    use rtnetlink::packet_core::{NLA_TYPE_MASK, NlasIterator};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// `latency`, `limit`, `loss`, `gap`, `duplicate`, `jitter`.
    fn sent_qopt(impairment: &Impairment) -> [u32; 6] {
        numbers(&options(impairment, 0)[..24]).try_into().unwrap()
    }

    fn sent(impairment: &Impairment, kind: u16) -> Option<Vec<u8>> {
        find(&options(impairment, 0x0123_4567_89ab_cdef)[24..], kind)
    }

    fn find(attributes: &[u8], kind: u16) -> Option<Vec<u8>> {
        let mut attributes = NlasIterator::new(attributes).map(Result::unwrap);
        attributes.find(|attribute| attribute.kind() == kind & NLA_TYPE_MASK).map(|found| found.value().to_vec())
    }

    fn numbers(bytes: &[u8]) -> Vec<u32> {
        bytes.chunks_exact(4).map(|number| u32::from_ne_bytes(number.try_into().unwrap())).collect()
    }

    fn long(bytes: Option<Vec<u8>>) -> u64 {
        u64::from_ne_bytes(bytes.unwrap().try_into().unwrap())
    }

    #[test]
    fn it_is_netem_at_the_root_of_the_interface() {
        let qdisc = qdisc(7, &Impairment::new(), 0);
        assert_eq!((qdisc.header.index, qdisc.header.parent), (7, TcHandle::ROOT));
        assert!(matches!(&qdisc.attributes[..], [TcAttribute::Kind(kind), TcAttribute::Other(_)] if kind == "netem"));
    }

    #[test]
    fn times_are_sent_in_ticks_and_in_nanoseconds() {
        let delayed = Impairment::new().delay(80 * MS).jitter(5 * MS);
        let [latency, .., jitter] = sent_qopt(&delayed);
        assert_eq!((latency, jitter), (1_250_000, 78_125));
        assert_eq!(long(sent(&delayed, TCA_NETEM_LATENCY64)), 80_000_000);
        assert_eq!(long(sent(&delayed, TCA_NETEM_JITTER64)), 5_000_000);
        // More than ticks have room for.
        let hour = Impairment::new().delay(Duration::from_secs(3600));
        assert_eq!(sent_qopt(&hour)[0], u32::MAX);
        assert_eq!(long(sent(&hour, TCA_NETEM_LATENCY64)), 3_600_000_000_000);
    }

    #[test]
    fn shares_are_of_all_numbers() {
        for (percent, number) in [(0.0, 0), (50.0, 0x8000_0000), (100.0, u32::MAX), (1e-7, 4)] {
            let share = Percent::new(percent);
            let all = Impairment::new().loss(share).duplicate(share).reorder(share).corrupt(share);
            let [_, _, loss, gap, duplicate, _] = sent_qopt(&all);
            assert_eq!((loss, duplicate), (number, number), "{percent} %");
            assert_eq!(gap, u32::from(percent > 0.0), "{percent} %");
            for kind in [TCA_NETEM_REORDER, TCA_NETEM_CORRUPT] {
                assert_eq!(numbers(&sent(&all, kind).unwrap()), [number, 0], "{percent} %");
            }
        }
    }

    #[test]
    fn of_bursts_the_kernel_is_told_what_survives_a_bad_time() {
        let (good_to_bad, bad_to_good) = (Percent::new(1.0), Percent::new(25.0));
        let (in_bad, in_good) = (Percent::new(90.0), Percent::new(0.1));
        let mut bursts = Impairment::new();
        bursts.loss = Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good };
        let model = |impairment| find(&sent(&impairment, TCA_NETEM_LOSS).unwrap(), NETEM_LOSS_GE).unwrap();
        assert_eq!(numbers(&model(bursts)), [42_949_673, 1_073_741_824, u32::MAX - 3_865_470_566, 4_294_967]);
        assert_eq!(sent_qopt(&bursts)[2], 0);
        let gilbert = Impairment::new().burst_loss(good_to_bad, bad_to_good);
        assert_eq!(numbers(&model(gilbert))[2..], [0, 0]);
        assert_eq!(sent(&Impairment::new(), TCA_NETEM_LOSS), None);
    }

    #[test]
    fn a_rate_is_in_bytes_and_may_be_wide() {
        let of = |rate| Impairment::new().rate(rate);
        let narrow = |impairment| numbers(&sent(&impairment, TCA_NETEM_RATE).unwrap());
        assert_eq!(narrow(of(Rate::mbit(5))), [625_000, 0, 0, 0]);
        assert_eq!(sent(&of(Rate::gbit(34)), TCA_NETEM_RATE64), None);
        assert_eq!(narrow(of(Rate::gbit(40))), [u32::MAX, 0, 0, 0]);
        assert_eq!(long(sent(&of(Rate::gbit(40)), TCA_NETEM_RATE64)), 5_000_000_000);
    }

    #[test]
    fn what_is_not_asked_for_is_taken_back() {
        let nothing = Impairment::new();
        for kind in [TCA_NETEM_RATE, TCA_NETEM_REORDER, TCA_NETEM_CORRUPT, TCA_NETEM_LATENCY64, TCA_NETEM_JITTER64] {
            assert!(sent(&nothing, kind).unwrap().iter().all(|byte| *byte == 0), "{kind}");
        }
        // An even table instead of a normal one.
        let jitter = nothing.delay(MS).jitter(MS);
        let even = sent(&jitter, TCA_NETEM_DELAY_DIST).unwrap();
        let normal = sent(&jitter.distribution(Distribution::Normal), TCA_NETEM_DELAY_DIST).unwrap();
        assert_eq!((even.len(), normal.len()), (8192, 8192));
        assert_ne!(even, normal);
        assert_eq!(sent(&nothing, TCA_NETEM_DELAY_DIST), None);
    }

    #[test]
    fn the_seed_is_sent() {
        assert_eq!(long(sent(&Impairment::new(), TCA_NETEM_PRNG_SEED)), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn there_is_room_for_the_queue_and_for_what_is_under_way() {
        let limit = |impairment| sent_qopt(&impairment)[1];
        let line = Impairment::new().rate(Rate::mbit(5));
        assert_eq!(limit(line), 1000);
        assert_eq!(limit(line.limit(10)), 10);
        // 62,500 bytes.
        assert_eq!(limit(line.limit(10).delay(90 * MS).jitter(10 * MS)), 10 + 42);
        assert_eq!(limit(Impairment::new().delay(MS)), 500_000);
        assert_eq!(limit(line.rate(Rate::MOST).delay(Duration::from_secs(3600))), 501_000);
        assert_eq!(limit(line.delay(MS).limit(u32::MAX)), u32::MAX);
    }
}
