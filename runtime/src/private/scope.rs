//! Where the names of a topology are looked up.

use crate::{Host, Lab, Segment};

/// A lab, seen from within a topology: names are those that the topology gave, wherever in another one it is.
#[derive(Debug)]
pub struct Scope<'a> {
    lab: &'a Lab,
    /// What stands in front of a name in the lab: `left-` for the topology that is called `left`.
    prefix: String,
    /// Segments that are those of an outer topology: the name here, the name in the lab.
    shared: Vec<(&'static str, String)>,
}

impl<'a> Scope<'a> {
    /// The lab as the topology sees it that drew all of it.
    pub fn of(lab: &'a Lab) -> Self {
        Self { lab, prefix: String::new(), shared: Vec::new() }
    }

    /// The lab as a topology sees it that is a field of this one. It shares segments: the name within, the name here.
    pub fn nested(&self, field: &str, shares: &[(&'static str, &str)]) -> Self {
        Self {
            lab: self.lab,
            prefix: format!("{}{field}-", self.prefix),
            shared: shares.iter().map(|&(inner, outer)| (inner, self.name_of_segment(outer))).collect(),
        }
    }

    /// The host of a field.
    #[track_caller]
    pub fn host(&self, field: &str) -> Host {
        self.lab.host(&format!("{}{field}", self.prefix)).clone()
    }

    /// The segment of a field.
    #[track_caller]
    pub fn segment(&self, field: &str) -> Segment {
        self.lab.segment(&self.name_of_segment(field)).clone()
    }

    fn name_of_segment(&self, field: &str) -> String {
        match self.shared.iter().find(|(inner, _)| *inner == field) {
            Some((_, outer)) => outer.clone(),
            None => format!("{}{field}", self.prefix),
        }
    }
}
