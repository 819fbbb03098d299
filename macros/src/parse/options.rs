//! What stands between the parentheses of the attribute.

use netns_test_topology::{SWITCH_PORTS, did_you_mean};
use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, LitStr, Path, Result, Token, Type, token};

use super::impairment::{Impairment, WORDS};
use super::list::split_at_commas;
use super::needs::Need;
use super::value::{Flavor, Value, Written};
use crate::errors::Errors;

/// The options that were written.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) namespaces: Option<Written<u32>>,
    pub(crate) veth: Option<Written<bool>>,
    pub(crate) subnet: Option<Written<LitStr>>,
    pub(crate) subnets: Option<Written<Vec<LitStr>>>,
    pub(crate) ipv6: Option<Written<bool>>,
    pub(crate) mtu: Option<Written<u32>>,
    pub(crate) impairment: Impairment,
    pub(crate) engine: Option<Written<LitStr>>,
    pub(crate) topology: Option<Written<Type>>,
    pub(crate) timeout: Option<Written<LitStr>>,
    pub(crate) requires: Option<Written<Vec<Need>>>,
    pub(crate) flavor: Option<Written<Flavor>>,
    pub(crate) worker_threads: Option<Written<u32>>,
    pub(crate) start_paused: Option<Written<bool>>,
    pub(crate) krate: Option<Written<Path>>,
}

/// An option that exists.
#[derive(Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    /// The option as it may be written: `name = value` or `name(…)`.
    pub(crate) example: &'static str,
    read: fn(&mut Options, Value) -> Result<()>,
}

impl Definition {
    /// Whether it takes a list in parentheses instead of a value.
    fn is_list(&self) -> bool {
        self.example.ends_with(')')
    }
}

/// All options but for the words of an impairment. The parser, its messages and the test of the documentation know of no other list.
pub(crate) const TABLE: &[Definition] = &[
    Definition {
        name: "namespaces",
        example: "namespaces = 2",
        read: |options, value| store(&mut options.namespaces, value.integer_in(0..=MOST_HOSTS)),
    },
    Definition {
        name: "veth",
        example: "veth = true",
        read: |options, value| store(&mut options.veth, value.boolean()),
    },
    Definition {
        name: "subnet",
        example: r#"subnet = "10.0.0.0/24""#,
        read: |options, value| store(&mut options.subnet, value.string()),
    },
    Definition {
        name: "subnets",
        example: r#"subnets = ["10.0.0.0/24", "fd00::/64"]"#,
        read: |options, value| store(&mut options.subnets, value.strings()),
    },
    Definition {
        name: "ipv6",
        example: "ipv6 = false",
        read: |options, value| store(&mut options.ipv6, value.boolean()),
    },
    Definition {
        name: "mtu",
        example: "mtu = 1400",
        read: |options, value| store(&mut options.mtu, value.positive_integer()),
    },
    Definition {
        name: "engine",
        example: r#"engine = "relay""#,
        read: |options, value| store(&mut options.engine, value.string()),
    },
    Definition {
        name: "topology",
        example: "topology = Home",
        read: |options, value| store(&mut options.topology, value.ty()),
    },
    Definition {
        name: "timeout",
        example: r#"timeout = "10s""#,
        read: |options, value| store(&mut options.timeout, value.timeout()),
    },
    Definition {
        name: "requires",
        example: r#"requires(vlan, program = "nft")"#,
        read: |options, value| store(&mut options.requires, value.needs()),
    },
    Definition {
        name: "flavor",
        example: r#"flavor = "multi_thread""#,
        read: |options, value| store(&mut options.flavor, value.flavor()),
    },
    Definition {
        name: "worker_threads",
        example: "worker_threads = 4",
        read: |options, value| store(&mut options.worker_threads, value.positive_integer()),
    },
    Definition {
        name: "start_paused",
        example: "start_paused = true",
        read: |options, value| store(&mut options.start_paused, value.boolean()),
    },
    Definition {
        name: "crate",
        example: "crate = ::netns_test",
        read: |options, value| store(&mut options.krate, value.absolute_path()),
    },
];

/// All options.
fn definitions() -> impl Iterator<Item = Definition> {
    let words = WORDS.into_iter().map(|word| Definition {
        name: word.part.word(),
        example: word.example,
        read: |options, value| options.impairment.read(value),
    });
    TABLE.iter().copied().chain(words)
}

/// As many as one switch has ports for.
#[expect(clippy::cast_possible_truncation, reason = "1023")]
const MOST_HOSTS: u32 = SWITCH_PORTS as u32;

fn store<T>(slot: &mut Option<T>, value: Result<T>) -> Result<()> {
    *slot = Some(value?);
    Ok(())
}

impl Options {
    /// Reads the options one by one. A mistake costs its own option and none of the others.
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let mut seen = Vec::new();
        for item in split_at_commas(tokens, "an option", errors) {
            if let Err(error) = options.read(item, &mut seen) {
                errors.push(error);
            }
        }
        options
    }

    /// The subnets, whichever way they were written.
    pub(crate) fn subnets(&self) -> impl Iterator<Item = &LitStr> {
        let one = self.subnet.iter().map(|subnet| &subnet.value);
        one.chain(self.subnets.iter().flat_map(|subnets| &subnets.value))
    }

    fn read(&mut self, item: TokenStream, seen: &mut Vec<&'static str>) -> Result<()> {
        let (definition, value) = one.parse2(item)?;
        if seen.contains(&definition.name) {
            return Err(Error::new_spanned(value.key, format!("`{}` is written twice", definition.name)));
        }
        seen.push(definition.name);
        (definition.read)(self, value)
    }
}

/// One option: a name, then `=` and a value, or a list.
fn one(input: ParseStream<'_>) -> Result<(Definition, Value)> {
    let Ok(key) = input.call(Ident::parse_any) else {
        return Err(input.error("expected an option, for example `namespaces = 2`"));
    };
    let Some(definition) = definitions().find(|definition| key == definition.name) else {
        let error = unknown(&key);
        input.parse::<TokenStream>()?;
        return Err(error);
    };
    let example = definition.example;
    if definition.is_list() {
        return Ok((definition, Value { tokens: list(&key, &definition, input)?, key, example }));
    }
    let equals = input.parse::<Option<Token![=]>>()?;
    let tokens = input.parse::<TokenStream>()?;
    if equals.is_none() || tokens.is_empty() {
        return Err(Error::new_spanned(&key, format!("`{key}` needs a value: write `{example}`")));
    }
    Ok((definition, Value { key, tokens, example }))
}

fn unknown(key: &Ident) -> Error {
    let name = key.to_string();
    let meant = did_you_mean(&name, definitions().map(|option| option.name));
    let meant = meant.map(|option| format!("; did you mean `{option}`?")).unwrap_or_default();
    let valid: Vec<_> = definitions().map(|option| format!("`{}`", option.name)).collect();
    Error::new_spanned(key, format!("unknown option `{name}`{meant}\nnote: valid options are {}", valid.join(", ")))
}

/// What stands between the parentheses behind the name of an option.
fn list(key: &Ident, definition: &Definition, input: ParseStream<'_>) -> Result<TokenStream> {
    if !input.peek(token::Paren) {
        return Err(not_a_list(key, definition, input.parse()?));
    }
    let list;
    syn::parenthesized!(list in input);
    let tokens = list.parse()?;
    if input.is_empty() { Ok(tokens) } else { Err(input.error("expected `,` after the list")) }
}

/// Something else is behind the name. If that would be a good list in parentheses, it is the one to write.
fn not_a_list(key: &Ident, definition: &Definition, written: TokenStream) -> Error {
    let mut rest = written.into_iter().peekable();
    rest.next_if(|token| matches!(token, TokenTree::Punct(equals) if equals.as_char() == '='));
    let tokens = match rest.collect::<Vec<_>>().as_slice() {
        [TokenTree::Group(list)] => list.stream(),
        tokens => tokens.iter().cloned().collect(),
    };
    let line = format!("{key}({tokens})");
    let value = Value { key: key.clone(), tokens, example: definition.example };
    let is_good = (definition.read)(&mut Options::default(), value).is_ok();
    let line = if is_good { &line } else { definition.example };
    Error::new_spanned(key, format!("`{key}` takes a list in parentheses: write `{line}`"))
}
