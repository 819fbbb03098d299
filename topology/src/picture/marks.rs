//! What is marked in a picture.

/// What is marked in a picture: the way of a packet, and where it died.
///
/// ```
/// use netns_test_topology::{Lan, Marks, Picture};
///
/// let plan = Lan { hosts: &["alice", "bob"], veth: true, subnets: &["10.0.0.0/24"], ..Lan::default() }.plan().unwrap();
/// let marks = Marks::new().over("alice", "eth0").over("bob", "eth0").died_in("bob", "dropped by chain input");
/// let text = Picture::of(&plan).mark(&marks).to_string();
/// assert_eq!(
///     text.lines().collect::<Vec<_>>(),
///     [
///         "    lan  wire, 10.0.0.0/24",
///         "  1 ├─ alice  eth0  10.0.0.1/24",
///         "  2 └─ bob    eth0  10.0.0.2/24",
///         "  ✗      ✗ dropped by chain input",
///         "",
///         "way  alice eth0 → bob eth0 → ✗ bob",
///     ]
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub(super) way: Vec<(String, String)>,
    pub(super) death: Option<(Spot, String)>,
}

/// A place in a picture, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    Host(String),
    Interface(String, String),
    Segment(String),
}

impl Marks {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next interface on the way, which leaves a host by one and enters the next by another.
    #[must_use]
    pub fn over(mut self, host: impl Into<String>, interface: impl Into<String>) -> Self {
        self.way.push((host.into(), interface.into()));
        self
    }

    /// The packet died in this host; `words`, which may be anything, say how. There is one such place: the last that is said.
    #[must_use]
    pub fn died_in(self, host: impl Into<String>, words: impl Into<String>) -> Self {
        self.died(Spot::Host(host.into()), words.into())
    }

    /// The packet died at this interface.
    #[must_use]
    pub fn died_at(self, host: impl Into<String>, interface: impl Into<String>, words: impl Into<String>) -> Self {
        self.died(Spot::Interface(host.into(), interface.into()), words.into())
    }

    /// The packet died on this segment.
    #[must_use]
    pub fn died_on(self, segment: impl Into<String>, words: impl Into<String>) -> Self {
        self.died(Spot::Segment(segment.into()), words.into())
    }

    fn died(mut self, spot: Spot, words: String) -> Self {
        self.death = Some((spot, words));
        self
    }
}
