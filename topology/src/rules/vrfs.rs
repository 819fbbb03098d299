//! Words that stand for one of several interfaces. In one VRF any of them will do; in different ones it matters which is meant.

use super::network::Host;
use super::report::Refusal;

/// Finds two interfaces among these that are not in one VRF, and says so of `what`, which may be on either.
pub(super) fn one_of(
    host: &Host<'_>,
    what: &str,
    mut interfaces: impl Iterator<Item = usize>,
    help: impl FnOnce(usize, usize) -> String,
) -> Result<(), Refusal> {
    let Some(first) = interfaces.next() else { return Ok(()) };
    let Some(second) = interfaces.find(|&other| host.interfaces[other].vrf != host.interfaces[first].vrf) else {
        return Ok(());
    };
    let [a, b] = [first, second].map(|interface| &host.interfaces[interface].drawn.segment);
    let message = format!("{what} may be on `{a}` or on `{b}`, which are not in one VRF");
    Err((message, Some(help(first, second))))
}

/// What helps where the subnets of both are the same.
pub(super) const OTHER_SUBNET: &str = "give one of the two another subnet";
