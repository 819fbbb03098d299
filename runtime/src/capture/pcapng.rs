//! What was recorded, as a file that Wireshark and `tshark` read (pcapng, draft-ietf-opsawg-pcapng).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness, PcapError};

use super::filter::{ONE_OF, ONE_OF_A_RUSH};
use super::frame::{Direction, LinkLayer};
use super::recorder::Recorded;
use super::rush::{MANY, ROUND, TOGETHER};
use super::socket::SNAP;

/// What is said of an interface in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// With the name of its host.
    pub(crate) name: String,
    pub(crate) mac: Option<[u8; 6]>,
}

/// Nanoseconds (`if_tsresol`).
const NANOSECONDS: u8 = 9;

/// A file that is being written, of one lab after the other.
pub(crate) struct Writer {
    writer: PcapNgWriter<Vec<u8>>,
    interfaces: u32,
}

impl Writer {
    /// Of what was recorded of some labs.
    pub(crate) fn new<'a>(recorded: impl IntoIterator<Item = &'a Recorded>) -> io::Result<Self> {
        let section = SectionHeaderBlock {
            endianness: Endianness::Little,
            options: vec![
                SectionHeaderOption::UserApplication(Cow::Borrowed("netns-test")),
                SectionHeaderOption::Comment(about(recorded).into()),
            ],
            ..SectionHeaderBlock::default()
        };
        let writer = PcapNgWriter::with_section_header(Vec::new(), section).map_err(other)?;
        Ok(Self { writer, interfaces: 0 })
    }

    /// Adds what was recorded of a lab. `drawn` are interfaces that are told of even if nothing was recorded there; `interface` says of a host's interface, by its index, what it is called; `comment` what is to be said of a frame,
    /// by its number.
    pub(crate) fn add(
        &mut self,
        recorded: &Recorded,
        drawn: impl IntoIterator<Item = (usize, u32)>,
        interface: impl Fn(usize, u32) -> Interface,
        comment: impl Fn(usize) -> Option<String>,
    ) -> io::Result<()> {
        let mut known = BTreeMap::new();
        for (host, index) in drawn {
            let place = (host, index, LinkLayer::Ethernet);
            known.insert(place, self.describe(interface(host, index), LinkLayer::Ethernet)?);
        }
        for (nth, frame) in recorded.frames.iter().enumerate() {
            let place = (frame.host, frame.interface, frame.link);
            let number = match known.entry(place) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(self.describe(interface(frame.host, frame.interface), frame.link)?),
            };
            // The direction, in the two lowest bits.
            let flags = match frame.direction {
                Direction::In | Direction::Past => 1,
                Direction::Out => 2,
            };
            let comment = comment(nth).map(|comment| EnhancedPacketOption::Comment(comment.into()));
            let block = EnhancedPacketBlock {
                interface_id: number,
                timestamp: frame.time,
                original_len: u32::try_from(frame.length).unwrap_or(u32::MAX),
                data: Cow::Borrowed(&frame.bytes),
                options: comment.into_iter().chain([EnhancedPacketOption::Flags(flags)]).collect(),
            };
            self.writer.write_pcapng_block(block).map_err(other)?;
        }
        Ok(())
    }

    fn describe(&mut self, interface: Interface, link: LinkLayer) -> io::Result<u32> {
        self.writer.write_pcapng_block(describe(interface, link)).map_err(other)?;
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// The file.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.writer.into_inner()
    }
}

fn describe(interface: Interface, link: LinkLayer) -> InterfaceDescriptionBlock<'static> {
    let linktype = match link {
        LinkLayer::Ethernet => DataLink::ETHERNET,
        LinkLayer::Bare => DataLink::RAW,
    };
    let mac = interface.mac.map(|mac| InterfaceDescriptionOption::IfMacAddr(mac.to_vec().into()));
    let options = [InterfaceDescriptionOption::IfName(interface.name.into())];
    let resolution = InterfaceDescriptionOption::IfTsResol(NANOSECONDS);
    InterfaceDescriptionBlock {
        linktype,
        snaplen: u32::try_from(SNAP + 4).expect("it is small"),
        options: options.into_iter().chain(mac).chain([resolution]).collect(),
    }
}

/// What whoever reads the file should know of what is not in it.
fn about<'a>(recorded: impl IntoIterator<Item = &'a Recorded>) -> String {
    let of_bulk =
        format!("of the frames of TCP and UDP longer than 2 kB, as between two hosts, one of {ONE_OF} is recorded");
    let mut text = vec![format!("the first {SNAP} bytes of each frame"), of_bulk];
    let (mut forgotten, mut lost, mut was_rush) = (0, 0, false);
    for recorded in recorded {
        forgotten += recorded.forgotten;
        lost += recorded.lost_in_all();
        was_rush |= recorded.was_in_a_rush();
    }
    if was_rush {
        let quiet = ROUND * TOGETHER;
        text.push(format!(
            "once a host has more than {MANY} segments of TCP without SYN, FIN and RST in {ROUND:?}, one of {ONE_OF_A_RUSH} of \
             them, until no more come in {quiet:?}"
        ));
    }
    if forgotten > 0 {
        text.push(format!("{forgotten} older frames have been forgotten"));
    }
    if lost > 0 {
        text.push(format!("{lost} frames came faster than they were recorded"));
    }
    text.join("; ")
}

fn other(error: PcapError) -> io::Error {
    io::Error::other(error)
}
