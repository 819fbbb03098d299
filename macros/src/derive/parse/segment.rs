//! What stands between the parentheses of `#[segment]`: subnets, and options.

use netns_test_topology::{DrawnPair, DrawnSegment, Medium, PairPart, SegmentPart};
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Error, LitStr, Result};

use super::places::Places;
use super::table::{Definition, Impaired, and_words, often, once, read_option, read_options, words};
use super::word::{Word, each, field, has_value, name_or_text, text};
use crate::errors::Errors;
use crate::parse::{Impairment, Written};

/// A segment that is being read.
#[derive(Default)]
pub(crate) struct Reading {
    drawn: DrawnSegment,
    places: Places<SegmentPart>,
    /// The word that said what it is made of.
    medium: Option<Ident>,
    protocol: Option<Written<String>>,
    impairment: Impairment,
}

impl Impaired for Reading {
    fn impairment(&mut self) -> &mut Impairment {
        &mut self.impairment
    }
}

/// All options of a segment but for the words of an impairment.
pub(crate) const OPTIONS: &[Definition<Reading>] = &[
    once("mtu", "mtu = 1400", |segment, word| {
        segment.drawn.mtu = Some(segment.places.noted(SegmentPart::Mtu, word.value()?.integer()?));
        Ok(())
    }),
    once("offload", "offload = false", |segment, word| {
        segment.drawn.offload = Some(word.value()?.boolean()?.value);
        Ok(())
    }),
    once("bridge", "bridge(stp = true)", |segment, word| {
        let key = word.key.clone();
        let knobs = word.alone_or_list()?;
        segment.made_of(&key, &key, Medium::Switch)?;
        segment.places.note(SegmentPart::Bridge, &key);
        let mut errors = Errors::default();
        read_options(knobs, BRIDGE, segment, &mut errors);
        errors.unless_empty(())
    }),
    once("veth", "veth", |segment, word| segment.made_of_word(word, Medium::Veth)),
    once("dummy", "dummy", |segment, word| segment.made_of_word(word, Medium::Dummy)),
    once("vlan", "vlan = 10", |segment, word| {
        let id = word.value()?.integer()?;
        segment.made_of(&id.key, &id.tokens, Medium::Vlan { id: id.value, protocol: None })
    }),
    once("protocol", "protocol = \"802.1ad\"", |segment, word| {
        segment.protocol = Some(text(word.value()?)?);
        Ok(())
    }),
    once("vni", "vni = 42", |segment, word| {
        let vni = word.value()?.integer()?;
        segment.made_of(&vni.key, &vni.tokens, Medium::Vxlan { vni: vni.value })
    }),
    once("wireguard", "wireguard", |segment, word| segment.made_of_word(word, Medium::WireGuard)),
    once("gre", "gre", |segment, word| segment.made_of_word(word, Medium::Gre)),
    once("ipip", "ipip", |segment, word| segment.made_of_word(word, Medium::Ipip)),
    once("over", "over = trunk", |segment, word| {
        let over = field(word.value()?, "the name of a segment")?;
        segment.drawn.over = Some(segment.places.noted(SegmentPart::Over, over));
        Ok(())
    }),
    often("pair", "pair(laptop, server, delay = \"5ms\")", |segment, word| segment.pair(word, true)),
    often("path", "path(laptop, server, delay = \"5ms\")", |segment, word| segment.pair(word, false)),
    once("engine", "engine = \"relay\"", |segment, word| {
        segment.drawn.engine = Some(segment.places.noted(SegmentPart::Engine, text(word.value()?)?));
        Ok(())
    }),
];

/// All options of a bridge.
pub(crate) const BRIDGE: &[Definition<Reading>] = &[
    once("vlan_filtering", "vlan_filtering = true", |segment, word| {
        segment.drawn.bridge.vlan_filtering = Some(word.value()?.boolean()?.value);
        Ok(())
    }),
    once("stp", "stp = true", |segment, word| {
        segment.drawn.bridge.stp = Some(word.value()?.boolean()?.value);
        Ok(())
    }),
    once("ageing", "ageing = \"300s\"", |segment, word| {
        // Of all that can be said of a bridge only this can be wrong.
        segment.drawn.bridge.ageing = Some(segment.places.noted(SegmentPart::Bridge, text(word.value()?)?));
        Ok(())
    }),
];

impl Reading {
    fn made_of_word(&mut self, word: Word, medium: Medium) -> Result<()> {
        let key = word.alone()?;
        self.made_of(&key, &key, medium)
    }

    fn made_of(&mut self, key: &Ident, at: impl ToTokens, medium: Medium) -> Result<()> {
        if let Some(first) = &self.medium {
            let message = format!("`{first}` and `{key}`: a segment is made of one thing\nhelp: leave one of them out");
            return Err(Error::new_spanned(key, message));
        }
        self.medium = Some(key.clone());
        self.places.note(SegmentPart::Medium, at);
        self.drawn.medium = medium;
        Ok(())
    }

    fn pair(&mut self, word: Word, both_ways: bool) -> Result<()> {
        let (key, example) = (word.key.clone(), word.example);
        let mut errors = Errors::default();
        let (mut hosts, mut impairment, mut seen) = (Vec::new(), Impairment::default(), Vec::new());
        each(word.list()?, "a host or an option", &mut errors, |input| {
            if hosts.len() < 2 && !has_value(input) {
                let at = input.fork().parse::<TokenStream>()?;
                let expected = format!("expected the name of a host, for example `{example}`");
                let host = name_or_text(input).map_err(|_| Error::new_spanned(&at, expected))?;
                hosts.push((host, at));
                return if input.is_empty() { Ok(()) } else { Err(input.error("expected `,` before this")) };
            }
            let word = Word::parse(input, "an option")?;
            let options: Vec<_> = words().collect();
            if word.is_alone() && options.iter().all(|option| !option.is(&word.key)) {
                let message = format!("`{key}` is about two hosts\nhelp: write another one for each two");
                return Err(Error::new_spanned(word.key, message));
            }
            read_option(word, &options, &mut impairment, &mut seen)
        });
        let ([(from, sends), (to, receives)], false) = (&hosts[..], impairment.places.is_empty()) else {
            if errors.is_empty() {
                let message =
                    format!("`{key}` needs two hosts, and what happens between them: write for example `{example}`");
                errors.add(key, message);
            }
            return errors.unless_empty(());
        };
        let number = self.drawn.pairs.len();
        self.places.note(SegmentPart::Pair(number, PairPart::Whole), key);
        self.places.note(SegmentPart::Pair(number, PairPart::From), sends);
        self.places.note(SegmentPart::Pair(number, PairPart::To), receives);
        self.places.impaired(impairment.places, |part| SegmentPart::Pair(number, PairPart::Impairment(part)));
        let (from, to, impairment) = (from.clone(), to.clone(), impairment.drawn);
        self.drawn.pairs.push(DrawnPair { from, to, both_ways, impairment });
        errors.unless_empty(())
    }

    /// Puts the protocol where it belongs.
    fn place_protocol(&mut self, errors: &mut Errors) {
        let Some(written) = self.protocol.take() else { return };
        if let Medium::Vlan { protocol, .. } = &mut self.drawn.medium {
            *protocol = Some(self.places.noted(SegmentPart::Protocol, written));
        } else if errors.is_empty() {
            errors.add(
                written.key,
                "`protocol` is that of a VLAN, and this segment is none\n\
                 help: write `vlan = 10, over = …, protocol = \"802.1ad\"`",
            );
        }
    }
}

/// Reads a segment with this name.
pub(super) fn read(name: String, list: TokenStream, errors: &mut Errors) -> (DrawnSegment, Places<SegmentPart>) {
    let mut segment = Reading::default();
    segment.drawn.name = name;
    let options = and_words(OPTIONS);
    let mut seen = Vec::new();
    each(list, "a subnet or an option", errors, |input| {
        if input.peek(LitStr) {
            let subnet: LitStr = input.parse()?;
            segment.places.note(SegmentPart::Subnet(segment.drawn.subnets.len()), &subnet);
            segment.drawn.subnets.push(subnet.value());
            return if input.is_empty() { Ok(()) } else { Err(input.error("expected `,` before this")) };
        }
        let word =
            Word::parse(input, "a subnet in a string or an option, for example `\"10.0.0.0/24\"` or `mtu = 1400`")?;
        if ["subnet", "subnets"].contains(&&*word.key.to_string()) {
            let message = "a subnet stands by itself\nhelp: write `#[segment(\"10.0.0.0/24\")]`";
            return Err(Error::new_spanned(word.key, message));
        }
        if let Some(knob) = BRIDGE.iter().find(|knob| knob.is(&word.key)) {
            let (name, example) = (knob.name, knob.example);
            let message = format!("`{name}` is a knob of a bridge\nhelp: write `bridge({example})`");
            return Err(Error::new_spanned(word.key, message));
        }
        read_option(word, &options, &mut segment, &mut seen)
    });
    segment.place_protocol(errors);
    segment.drawn.impairment = segment.impairment.drawn;
    segment.places.impaired(segment.impairment.places, SegmentPart::Impairment);
    (segment.drawn, segment.places)
}
