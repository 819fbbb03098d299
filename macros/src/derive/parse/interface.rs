//! How a host joins a segment: `lan`, `lan = "10.0.1.5"` or `lan(address = "10.0.1.5", …)`.

use netns_test_topology::{DrawnDevice, DrawnInterface, InterfacePart};
use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, LitStr, Result, Token, token};

use super::places::Places;
use super::table::{Definition, Impaired, and_words, once, read_option, read_options, words};
use super::word::{Rest, Word, each, field_or_text, name, text};
use crate::errors::Errors;
use crate::parse::{Impairment, Written};

/// An interface that is being read.
#[derive(Default)]
pub(crate) struct Reading {
    drawn: DrawnInterface,
    places: Places<InterfacePart>,
    /// The word that said which kind of device it is.
    device: Option<Ident>,
    mode: Option<Written<String>>,
    impairment: Impairment,
}

impl Impaired for Reading {
    fn impairment(&mut self) -> &mut Impairment {
        &mut self.impairment
    }
}

/// All options of an interface but for the words of an impairment.
pub(crate) const OPTIONS: &[Definition<Reading>] = &[
    once("address", "address = \"10.0.1.5\"", |interface, word| {
        let address = word.value()?.string()?;
        interface.has_addresses(&address.key, vec![address.value])
    }),
    once("addresses", "addresses = [\"10.0.1.5\", \"fd00:1::5\"]", |interface, word| {
        let addresses = word.value()?.strings()?;
        interface.has_addresses(&addresses.key, addresses.value)
    }),
    once("name", "name = \"uplink0\"", |interface, word| {
        interface.drawn.name = Some(interface.places.noted(InterfacePart::Name, text(word.value()?)?));
        Ok(())
    }),
    once("mac", "mac = \"02:00:00:00:00:01\"", |interface, word| {
        interface.drawn.mac = Some(interface.places.noted(InterfacePart::Mac, text(word.value()?)?));
        Ok(())
    }),
    once("mtu", "mtu = 1400", |interface, word| {
        interface.drawn.mtu = Some(interface.places.noted(InterfacePart::Mtu, word.value()?.integer()?));
        Ok(())
    }),
    once("offload", "offload = false", |interface, word| {
        interface.drawn.offload = Some(word.value()?.boolean()?.value);
        Ok(())
    }),
    once("gateway", "gateway = router", |interface, word| {
        let gateway = field_or_text(word.value()?, "the name of a host or an address in a string")?;
        interface.drawn.gateway = Some(interface.places.noted(InterfacePart::Gateway, gateway));
        Ok(())
    }),
    once("vrf", "vrf = \"blue\"", |interface, word| {
        interface.drawn.vrf = Some(interface.places.noted(InterfacePart::Vrf, text(word.value()?)?));
        Ok(())
    }),
    once("bond", "bond = 2", |interface, word| {
        let legs = word.value()?.integer()?;
        interface.is_a(&legs.key, &legs.tokens, DrawnDevice::Bond { legs: legs.value, mode: None })
    }),
    once("mode", "mode = \"active-backup\"", |interface, word| {
        interface.mode = Some(text(word.value()?)?);
        Ok(())
    }),
    once("macvlan", "macvlan", |interface, word| interface.is_word(word, DrawnDevice::Macvlan)),
    once("ipvlan", "ipvlan", |interface, word| interface.is_word(word, DrawnDevice::Ipvlan)),
    once("macvtap", "macvtap", |interface, word| interface.is_word(word, DrawnDevice::Macvtap)),
    once("tap", "tap", |interface, word| interface.is_word(word, DrawnDevice::Tap)),
    once("egress", "egress(rate = \"1mbit\")", |interface, word| {
        let (egress, outcome) = one_way(word);
        interface.drawn.egress = egress.drawn;
        interface.places.impaired(egress.places, InterfacePart::Egress);
        outcome
    }),
    once("ingress", "ingress(rate = \"16mbit\")", |interface, word| {
        let (ingress, outcome) = one_way(word);
        interface.drawn.ingress = ingress.drawn;
        interface.places.impaired(ingress.places, InterfacePart::Ingress);
        outcome
    }),
];

/// All options of an interface.
pub(super) fn options() -> Vec<Definition<Reading>> {
    and_words(OPTIONS)
}

/// Reads what happens in one direction.
fn one_way(word: Word) -> (Impairment, Result<()>) {
    let mut impairment = Impairment::default();
    let mut errors = Errors::default();
    match word.list() {
        Ok(list) => read_options(list, &words().collect::<Vec<_>>(), &mut impairment, &mut errors),
        Err(error) => errors.push(error),
    }
    (impairment, errors.unless_empty(()))
}

impl Reading {
    fn has_addresses(&mut self, key: &Ident, addresses: Vec<LitStr>) -> Result<()> {
        if !self.drawn.addresses.is_empty() {
            let message = "`address` and `addresses` are two ways to write the same\n\
                           help: write all in `addresses = […]`";
            return Err(Error::new_spanned(key, message));
        }
        for (number, address) in addresses.into_iter().enumerate() {
            self.drawn.addresses.push(address.value());
            self.places.note(InterfacePart::Address(number), address);
        }
        Ok(())
    }

    fn is_word(&mut self, word: Word, device: DrawnDevice) -> Result<()> {
        let key = word.alone()?;
        self.is_a(&key, &key, device)
    }

    fn is_a(&mut self, key: &Ident, at: impl ToTokens, device: DrawnDevice) -> Result<()> {
        if let Some(first) = &self.device {
            let message = format!("`{first}` and `{key}`: an interface is of one kind\nhelp: leave one of them out");
            return Err(Error::new_spanned(key, message));
        }
        self.device = Some(key.clone());
        self.places.note(InterfacePart::Device, at);
        self.drawn.device = device;
        Ok(())
    }

    /// Puts the mode where it belongs.
    fn place_mode(&mut self, errors: &mut Errors) {
        let Some(written) = self.mode.take() else { return };
        if let DrawnDevice::Bond { mode, .. } = &mut self.drawn.device {
            *mode = Some(self.places.noted(InterfacePart::Mode, written));
        } else if errors.is_empty() {
            errors.add(
                written.key,
                "`mode` is that of a bond, and this interface is none\n\
                 help: write `bond = 2, mode = \"active-backup\"`",
            );
        }
    }
}

/// Reads the interface on the segment whose name the word is.
pub(super) fn read(word: Word) -> (DrawnInterface, Places<InterfacePart>, Result<()>) {
    let mut interface = Reading::default();
    interface.drawn.segment = name(&word.key);
    interface.places.note(InterfacePart::Segment, &word.key);
    let mut errors = Errors::default();
    let key = word.key.clone();
    let read = match word.rest {
        Rest::Nothing => Ok(()),
        Rest::List(list) if list.is_empty() => Err(Error::new_spanned(
            &key,
            format!("expected options: write `{key}(address = \"10.0.1.5\")`, or `{key}`"),
        )),
        Rest::List(list) => {
            if let Ok(addresses) = strings.parse2(list.clone()) {
                Err(misplaced(list, &format!("{key} = {}", one_or_list(&addresses))))
            } else {
                read_list(list, &mut interface, &mut errors);
                Ok(())
            }
        }
        Rest::Value(value) => {
            let at = if value.is_empty() { key.to_token_stream() } else { value.clone() };
            let expected = format!("expected an address in a string, or a list of them: write `{key} = \"10.0.1.5\"`");
            let addresses = addresses.parse2(value).map_err(|_| Error::new_spanned(at, expected));
            addresses.and_then(|addresses| interface.has_addresses(&key, addresses))
        }
    };
    if let Err(error) = read {
        errors.push(error);
    }
    interface.drawn.impairment = interface.impairment.drawn;
    interface.places.impaired(interface.impairment.places, InterfacePart::Impairment);
    (interface.drawn, interface.places, errors.unless_empty(()))
}

fn read_list(list: TokenStream, interface: &mut Reading, errors: &mut Errors) {
    let options = options();
    let mut seen = Vec::new();
    each(list, "an option", errors, |input| {
        if input.peek(LitStr) {
            let address: LitStr = input.parse()?;
            return Err(misplaced(&address, &format!("address = {}", address.token())));
        }
        read_option(Word::parse(input, "an option")?, &options, interface, &mut seen)
    });
    interface.place_mode(errors);
}

/// What to say about an address among options.
fn misplaced(at: impl ToTokens, written: &str) -> Error {
    Error::new_spanned(at, format!("an address stands behind `=`\nhelp: write `{written}`"))
}

/// Strings as they may stand behind `=`.
fn one_or_list(strings: &[LitStr]) -> String {
    let written: Vec<_> = strings.iter().map(|string| string.token().to_string()).collect();
    match &written[..] {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// A string, or a list of at least one.
fn addresses(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    if !input.peek(token::Bracket) {
        return Ok(vec![input.parse()?]);
    }
    let list;
    syn::bracketed!(list in input);
    strings(&list)
}

/// At least one string.
fn strings(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    let strings = Punctuated::<LitStr, Token![,]>::parse_terminated(input)?;
    if strings.is_empty() { Err(input.error("empty")) } else { Ok(strings.into_iter().collect()) }
}
