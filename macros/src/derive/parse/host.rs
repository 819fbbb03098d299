//! What stands between the parentheses of `#[host]` and `#[router]`: segments that it joins, and options.

use netns_test_topology::{
    DrawnHost, DrawnNeighbour, DrawnPortForward, DrawnRoute, DrawnSourceNat, HostPart, NeighbourPart, PortForwardPart,
    Role, RoutePart, SourceNatPart, Transport, did_you_mean,
};
use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, LitInt, LitStr, Result, Token, token};

use super::interface;
use super::places::Places;
use super::table::{Definition, often, once, read_option, unknown};
use super::word::{Word, each, field_or_text, has_value, name, name_or_text};
use crate::errors::Errors;
use crate::parse::Written;

/// A host that is being read.
#[derive(Default)]
pub(crate) struct Reading {
    drawn: DrawnHost,
    places: Places<HostPart>,
}

/// All options of a host. Any other word is the name of a segment.
pub(crate) const OPTIONS: &[Definition<Reading>] = &[
    once("alone", "alone", |host, word| {
        host.places.note(HostPart::Isolated, word.alone()?);
        host.drawn.isolated = true;
        Ok(())
    }),
    often("route", "route(default, via = router)", Reading::route),
    often("neighbour", "neighbour(\"10.0.1.200\" = \"02:00:00:00:00:99\")", Reading::neighbours),
    often("sysctl", "sysctl(\"net.ipv4.ip_default_ttl\" = \"65\")", Reading::sysctls),
    once("masquerade", "masquerade = wan", Reading::masquerade),
    often("snat", "snat(wan = \"203.0.113.7\")", Reading::source_nat),
    often("forward", "forward(tcp = 8080, to = server, port = 80)", Reading::forward),
    once("hairpin", "hairpin", |host, word| {
        host.places.note(HostPart::Hairpin, word.alone()?);
        host.drawn.hairpin = true;
        Ok(())
    }),
];

/// All options of a route, behind its destination.
pub(crate) const ROUTE: &[Definition<Option<Written<String>>>] = &[once("via", "via = router", |via, word| {
    *via = Some(field_or_text(word.value()?, "the name of a host or an address in a string")?);
    Ok(())
})];

/// All options of a forwarded port.
pub(crate) const FORWARD: &[Definition<Forward>] = &[
    once("tcp", "tcp = 8080", |forward, word| forward.from(word, Transport::Tcp)),
    once("udp", "udp = 53", |forward, word| forward.from(word, Transport::Udp)),
    once("to", "to = server", |forward, word| {
        forward.to = Some(field_or_text(word.value()?, "the name of a host")?);
        Ok(())
    }),
    once("port", "port = 80", |forward, word| {
        forward.to_port = Some(word.value()?.integer()?);
        Ok(())
    }),
];

/// A forwarded port that is being read.
#[derive(Default)]
pub(crate) struct Forward {
    port: Option<(Transport, Written<u32>)>,
    to: Option<Written<String>>,
    to_port: Option<Written<u32>>,
}

impl Forward {
    fn from(&mut self, word: Word, protocol: Transport) -> Result<()> {
        let port = word.value()?.integer()?;
        if self.port.is_some() {
            let message = "`tcp` and `udp` are two ports\nhelp: write a `forward(…)` for each";
            return Err(Error::new_spanned(port.key, message));
        }
        self.port = Some((protocol, port));
        Ok(())
    }
}

impl Reading {
    fn route(&mut self, word: Word) -> Result<()> {
        let (key, example) = (word.key.clone(), word.example);
        let mut errors = Errors::default();
        let (mut to, mut via, mut seen) = (None, None, Vec::new());
        each(word.list()?, "a destination or an option", &mut errors, |input| {
            if !has_value(input) && to.is_none() {
                let written = input.fork().parse::<TokenStream>()?;
                to = Some((name_or_text(input).map_err(|_| no_destination(&written))?, written));
                return if input.is_empty() { Ok(()) } else { Err(input.error("expected `,` before this")) };
            }
            read_option(Word::parse(input, "`via`: a route has one destination")?, ROUTE, &mut via, &mut seen)
        });
        let Some((destination, at)) = to else {
            if errors.is_empty() {
                errors.add(key, format!("`route` needs a destination: write `{example}`"));
            }
            return errors.unless_empty(());
        };
        let number = self.drawn.routes.len();
        self.places.note(HostPart::Route(number, RoutePart::To), at);
        let via = via.map(|via| self.places.noted(HostPart::Route(number, RoutePart::Via), via));
        self.drawn.routes.push(DrawnRoute { to: destination, via });
        errors.unless_empty(())
    }

    fn neighbours(&mut self, word: Word) -> Result<()> {
        let example = word.example;
        let mut errors = Errors::default();
        each(word.list()?, "a pair", &mut errors, |input| {
            let (address, mac) = pair(input, example, <LitStr as syn::parse::Parse>::parse)?;
            let number = self.drawn.neighbours.len();
            self.drawn.neighbours.push(DrawnNeighbour { address: address.value(), mac: mac.value() });
            self.places.note(HostPart::Neighbour(number, NeighbourPart::Address), address);
            self.places.note(HostPart::Neighbour(number, NeighbourPart::Mac), mac);
            Ok(())
        });
        errors.unless_empty(())
    }

    fn sysctls(&mut self, word: Word) -> Result<()> {
        let example = word.example;
        let mut errors = Errors::default();
        each(word.list()?, "a pair", &mut errors, |input| {
            let at = input.fork().parse::<TokenStream>()?;
            let (name, value) = pair(input, example, |input| match input.parse::<Option<LitInt>>()? {
                Some(number) => Ok(number.base10_digits().to_owned()),
                None => Ok(input.parse::<LitStr>()?.value()),
            })?;
            self.places.note(HostPart::Sysctl(self.drawn.sysctls.len()), at);
            self.drawn.sysctls.push((name.value(), value));
            Ok(())
        });
        errors.unless_empty(())
    }

    fn masquerade(&mut self, word: Word) -> Result<()> {
        let segments = word.value()?.read("the name of a segment, or a list of them", |input| {
            if !input.peek(token::Bracket) {
                return Ok(vec![input.call(Ident::parse_any)?]);
            }
            let list;
            syn::bracketed!(list in input);
            let names = list.parse_terminated(Ident::parse_any, Token![,])?;
            if names.is_empty() { Err(list.error("empty")) } else { Ok(names.into_iter().collect()) }
        })?;
        for segment in segments {
            self.drawn.masquerade.push(name(&segment));
            self.places.note(HostPart::Masquerade(self.drawn.masquerade.len() - 1), segment);
        }
        Ok(())
    }

    fn source_nat(&mut self, word: Word) -> Result<()> {
        let example = word.example;
        let mut errors = Errors::default();
        each(word.list()?, "a segment and an address", &mut errors, |input| {
            let segment = Word::parse(input, &format!("`{example}`"))?.like("wan = \"203.0.113.7\"");
            let address = segment.value()?.string()?;
            let number = self.drawn.source_nat.len();
            self.drawn.source_nat.push(DrawnSourceNat { segment: name(&address.key), address: address.value.value() });
            self.places.note(HostPart::SourceNat(number, SourceNatPart::Segment), address.key);
            self.places.note(HostPart::SourceNat(number, SourceNatPart::Address), address.value);
            Ok(())
        });
        errors.unless_empty(())
    }

    fn forward(&mut self, word: Word) -> Result<()> {
        let (key, example) = (word.key.clone(), word.example);
        let mut errors = Errors::default();
        let mut forward = Forward::default();
        let mut seen = Vec::new();
        each(word.list()?, "an option", &mut errors, |input| {
            if input.peek(LitInt) {
                let port: LitInt = input.parse()?;
                let message = format!("a port is one of TCP or of UDP\nhelp: write `tcp = {port}` or `udp = {port}`");
                return Err(Error::new_spanned(port, message));
            }
            read_option(Word::parse(input, "an option")?, FORWARD, &mut forward, &mut seen)
        });
        let (Some((protocol, port)), Some(to)) = (forward.port, forward.to) else {
            if errors.is_empty() {
                errors.add(key, format!("`forward` needs a port and a host: write `{example}`"));
            }
            return errors.unless_empty(());
        };
        let number = self.drawn.forwards.len();
        let mut noted = |part, tokens: TokenStream| self.places.note(HostPart::PortForward(number, part), tokens);
        noted(PortForwardPart::Port, port.tokens);
        noted(PortForwardPart::To, to.tokens);
        let to_port = forward.to_port.map(|port| {
            noted(PortForwardPart::ToPort, port.tokens);
            port.value
        });
        self.drawn.forwards.push(DrawnPortForward { protocol, port: port.value, to: to.value, to_port });
        errors.unless_empty(())
    }
}

fn no_destination(written: &TokenStream) -> Error {
    let message = "expected a destination: `default`, a subnet or an address in a string, or the name of a segment";
    Error::new_spanned(written, message)
}

/// A string, `=` and a value, and nothing else.
fn pair<T>(
    input: ParseStream<'_>,
    example: &str,
    value: impl FnOnce(ParseStream<'_>) -> Result<T>,
) -> Result<(LitStr, T)> {
    let at = input.fork().parse::<TokenStream>()?;
    let expected = |_| Error::new_spanned(&at, format!("expected a pair: write `{example}`"));
    let key = input.parse::<LitStr>().map_err(expected)?;
    input.parse::<Token![=]>().map_err(expected)?;
    let value = value(input).map_err(expected)?;
    if input.is_empty() { Ok((key, value)) } else { Err(input.error("expected `,` before this")) }
}

/// Reads a host or router with this name. `segments` are the names of the fields that are segments.
pub(super) fn read(
    name: String,
    role: Role,
    list: TokenStream,
    segments: &[String],
    errors: &mut Errors,
) -> (DrawnHost, Places<HostPart>) {
    let mut host = Reading::default();
    host.drawn.name = name;
    host.drawn.role = role;
    let mut seen = Vec::new();
    each(list, "a segment or an option", errors, |input| {
        let word = Word::parse(input, "the name of a segment or an option, for example `lan` or `lan = \"10.0.1.5\"`")?;
        match OPTIONS.iter().find(|option| option.is(&word.key)) {
            Some(option) if is_meant_as_segment(&word, segments) => {
                let name = option.name;
                let message =
                    format!("`{name}` is an option here\nhelp: for the segment of that name write `r#{name}`");
                Err(Error::new_spanned(word.key, message))
            }
            Some(option) => option.read(&mut host, word, &mut seen),
            None if is_an_interfaces(&word, segments) => Err(an_interfaces(&word, segments)),
            None if is_meant_as_option(&word, segments) => {
                Err(unknown(&word.key, OPTIONS, "; other words are segments"))
            }
            None => {
                let (drawn, places, outcome) = interface::read(word);
                let number = host.drawn.interfaces.len();
                host.places.extend(places, |part| HostPart::Interface(number, part));
                host.drawn.interfaces.push(drawn);
                outcome
            }
        }
    });
    (host.drawn, host.places)
}

/// Whether a word is an option of an interface, and no segment.
fn is_an_interfaces(word: &Word, segments: &[String]) -> bool {
    let name = name(&word.key);
    !segments.contains(&name) && interface::options().iter().any(|option| option.name == name)
}

fn an_interfaces(word: &Word, segments: &[String]) -> Error {
    let options = interface::options();
    let option = options.iter().find(|option| option.is(&word.key));
    let example = option.map_or("", |option| option.example);
    let segment = segments.first().map_or("lan", String::as_str);
    let key = &word.key;
    Error::new_spanned(
        key,
        format!("`{key}` is an option of an interface\nhelp: write it behind its segment: `{segment}({example})`"),
    )
}

/// Whether a word that is neither an option nor a segment is more probably meant as an option.
fn is_meant_as_option(word: &Word, segments: &[String]) -> bool {
    let name = name(&word.key);
    let is_near = |names: &[String]| did_you_mean(&name, names.iter().map(String::as_str)).is_some();
    let options: Vec<_> = OPTIONS.iter().map(|option| option.name.to_owned()).collect();
    let is_like_a_segment = word.is_alone() || word.has_text() || word.has_list();
    !segments.contains(&name) && !is_near(segments) && (is_near(&options) || !is_like_a_segment)
}

/// Whether a word that is an option stands as only a segment does. `alone` and `hairpin` stand so themselves.
fn is_meant_as_segment(word: &Word, segments: &[String]) -> bool {
    let stands_alone = ["alone", "hairpin"].contains(&&*word.key.to_string());
    let stands_so = (word.is_alone() && !stands_alone) || word.has_text();
    stands_so && segments.contains(&name(&word.key))
}
