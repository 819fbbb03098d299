//! What was recorded, as a file that Wireshark and `tshark` read (pcapng, draft-ietf-opsawg-pcapng).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, Endianness, PcapError};

use super::filter::ONE_OF;
use super::frame::{Direction, Frame, LinkLayer};
use super::recorder::Recorded;
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

/// Writes a file with what was recorded. `interface` says of a host's interface, by its index, what it is called; `comment` what is to be said of a frame.
pub(crate) fn write(
    recorded: &Recorded,
    interface: impl Fn(usize, u32) -> Interface,
    comment: impl Fn(&Frame) -> Option<String>,
) -> io::Result<Vec<u8>> {
    let section = SectionHeaderBlock {
        endianness: Endianness::Little,
        options: vec![
            SectionHeaderOption::UserApplication(Cow::Borrowed("netns-test")),
            SectionHeaderOption::Comment(about(recorded).into()),
        ],
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).map_err(other)?;
    let mut known = BTreeMap::new();
    for frame in &recorded.frames {
        let place = (frame.host, frame.interface, frame.link);
        let number = match known.get(&place) {
            Some(&number) => number,
            None => {
                writer
                    .write_pcapng_block(describe(interface(frame.host, frame.interface), frame.link))
                    .map_err(other)?;
                let number = u32::try_from(known.len()).expect("a lab has few interfaces");
                known.insert(place, number);
                number
            }
        };
        // The direction, in the two lowest bits.
        let flags = match frame.direction {
            Direction::In | Direction::Past => 1,
            Direction::Out => 2,
        };
        let comment = comment(frame).map(|comment| EnhancedPacketOption::Comment(comment.into()));
        writer
            .write_pcapng_block(EnhancedPacketBlock {
                interface_id: number,
                timestamp: frame.time,
                original_len: u32::try_from(frame.length).unwrap_or(u32::MAX),
                data: Cow::Borrowed(&frame.bytes),
                options: comment.into_iter().chain([EnhancedPacketOption::Flags(flags)]).collect(),
            })
            .map_err(other)?;
    }
    Ok(writer.into_inner())
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
fn about(recorded: &Recorded) -> String {
    let lost: u64 = recorded.lost.iter().sum();
    let of_bulk =
        format!("of the frames of TCP and UDP longer than 2 kB, as between two hosts, one of {ONE_OF} is recorded");
    let forgotten = match recorded.forgotten {
        0 => String::new(),
        forgotten => format!("; {forgotten} older frames have been forgotten"),
    };
    let lost = match lost {
        0 => String::new(),
        lost => format!("; {lost} frames came faster than they were recorded"),
    };
    format!("the first {SNAP} bytes of each frame; {of_bulk}{forgotten}{lost}")
}

fn other(error: PcapError) -> io::Error {
    io::Error::other(error)
}
