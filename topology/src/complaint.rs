//! What is wrong with a drawing, and where.

use std::fmt;

/// Where in a drawing a complaint points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The number of hosts.
    HostCount,
    /// The host with this index.
    Host(usize),
    /// The wish for a wire between the hosts.
    Veth,
    /// The wish for IPv6 or for its absence.
    Ipv6,
    /// The segment with this index, as a whole.
    Segment(usize),
    /// One subnet of a segment.
    Subnet {
        /// Index of the segment.
        segment: usize,
        /// Index of the subnet within the segment.
        subnet: usize,
    },
    /// The MTU of the segment with this index.
    Mtu(usize),
}

/// One thing that is wrong with a drawing: a lowercase sentence without a full stop, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Complaint {
    pub(crate) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a drawing; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaints(Vec<Complaint>);

impl Complaints {
    /// `Ok(value())` when there is nothing to complain about.
    pub(crate) fn unless_empty<T>(list: Vec<Complaint>, value: impl FnOnce() -> T) -> Result<T, Self> {
        if list.is_empty() { Ok(value()) } else { Err(Self(list)) }
    }

    /// The complaints, in the order of the drawing.
    pub fn iter(&self) -> std::slice::Iter<'_, Complaint> {
        self.0.iter()
    }

    pub(crate) fn into_vec(self) -> Vec<Complaint> {
        self.0
    }
}

impl<'a> IntoIterator for &'a Complaints {
    type Item = &'a Complaint;
    type IntoIter = std::slice::Iter<'a, Complaint>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, complaint) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            complaint.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}
