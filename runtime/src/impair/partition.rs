//! Hosts that do not hear each other any more.

use netns_test_topology::Impairment;

use super::Impaired;
use crate::change::{Change, LinkError};
use crate::{Host, Lab};

impl Lab {
    /// Keeps two groups of hosts from hearing each other, on every segment that joins a host of one to a host of the other, until the guard that
    /// this ends with is dropped. Within each group, and with everybody else, nothing changes: what goes through a router that is in neither
    /// still arrives.
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// #[netns_test(namespaces = 3, veth = true)]
    /// async fn a_cluster_falls_apart(lab: Lab, a: Host, b: Host, c: Host) -> TestResult {
    ///     let partition = lab.partition([&a], [&b, &c]).await?;
    ///     a.assert_no_ping(&b).await;
    ///     b.assert_ping(&c).await;
    ///     drop(partition);
    ///     a.assert_ping(&b).await;
    ///     Ok(())
    /// }
    /// ```
    pub fn partition<'a>(
        &self,
        one: impl IntoIterator<Item = &'a Host>,
        other: impl IntoIterator<Item = &'a Host>,
    ) -> Change<Partition> {
        let owned = |hosts: Vec<&Host>| hosts.into_iter().cloned().collect::<Vec<_>>();
        let (one, other) = (owned(one.into_iter().collect()), owned(other.into_iter().collect()));
        let names = |hosts: &[Host]| hosts.iter().map(Host::name).collect::<Vec<_>>().join(", ");
        let what = format!("part {} from {}", names(&one), names(&other));
        let segments = self.segments().to_vec();
        Change::in_lab(what, self.surroundings().clone(), move |_| {
            let mut cut = Vec::new();
            for a in &one {
                for b in &other {
                    if a == b {
                        let why = format!("host `{}` is on both sides of the partition", a.name());
                        return Err(LinkError::Senseless { why });
                    }
                    // What is over another segment is cut with that.
                    let joined = segments.iter().filter(|segment| {
                        segment.plan().kind.over().is_none()
                            && !segment.interfaces_of(a).is_empty()
                            && !segment.interfaces_of(b).is_empty()
                    });
                    for segment in joined {
                        cut.push(segment.impair(Impairment::black_hole()).between(a, b).wait()?);
                    }
                }
            }
            if cut.is_empty() {
                let why = format!("no segment joins one of {} to one of {}", names(&one), names(&other));
                return Err(LinkError::Senseless { why });
            }
            Ok(Partition { _cut: cut })
        })
    }
}

/// Two groups of hosts do not hear each other as long as this lives.
#[derive(Debug)]
#[must_use = "the partition heals when this is dropped"]
pub struct Partition {
    _cut: Vec<Impaired>,
}
