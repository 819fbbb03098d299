//! Complaints on their way out.

use crate::Complaint;

/// What is wrong with something that was written, and what to write instead. Where it is, the caller knows.
pub(super) type Refusal = (String, Option<String>);

/// Collects complaints in any order and hands them over in that of the drawing.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Complaint>);

impl Report {
    pub(super) fn add(&mut self, complaint: Complaint) {
        self.0.push(complaint);
    }

    /// All of them, in the order of the drawing; of several about one place the first rule's is first.
    pub(super) fn in_order(mut self) -> Vec<Complaint> {
        self.0.sort_by_key(|complaint| complaint.place);
        self.0
    }
}
