//! Waiting for the carrier of a host's interface.

use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::WaitFor;
use crate::change::LinkError;
use crate::lab::{Awaited, operational};
use crate::{Host, Segment};

/// `RTNLGRP_LINK` (`linux/rtnetlink.h`).
const EVENTS: &[u32] = &[1];

impl Host {
    /// Waits until the host's interface on a segment has its carrier: it is operational (RFC 2863, `up`). The first, if it has several there.
    ///
    /// ```no_run
    /// # async fn example(host: netns_test::Host, lan: netns_test::Segment) -> netns_test::TestResult {
    /// host.wait_for_carrier(&lan).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_carrier(&self, segment: &Segment) -> WaitFor {
        wait(self, segment, true)
    }

    /// Waits until the host's interface on a segment has no carrier: its cable is pulled, or it is down.
    pub fn wait_for_no_carrier(&self, segment: &Segment) -> WaitFor {
        wait(self, segment, false)
    }
}

fn wait(host: &Host, segment: &Segment, wanted: bool) -> WaitFor {
    let what = format!("{} on segment `{}`", if wanted { "carrier" } else { "no carrier" }, segment.name());
    let number = host.machine().number();
    let Some(&nth) = segment.interfaces_of(host).first() else {
        let error = LinkError::NotThere { host: host.name().to_owned(), segment: segment.name().to_owned() };
        let mut wait = WaitFor::new(host, &what, EVENTS, |_| Ok(None));
        wait.look = Err(error.into());
        return wait;
    };
    let index = host.surroundings().hub.index((number, nth));
    let awaited = Awaited::interface(host.lab_plan(), (number, nth));
    WaitFor::new(host, &what, EVENTS, move |netlink| {
        let mut last = None;
        netlink.links(&[index], |link| last = Some(link).filter(|link| link.header.index == index).or(last.take()))?;
        Ok(match last {
            Some(link) if operational(&awaited, &link) == wanted => None,
            Some(link) => Some(describe(&awaited, &link)),
            None => Some(format!("nothing that is said of {}", awaited.name)),
        })
    })
}

fn describe(awaited: &Awaited, link: &LinkMessage) -> String {
    let state = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::OperState(state) => Some(format!("{state:?}").to_lowercase()),
        _ => None,
    });
    let state = match state {
        _ if !link.header.flags.contains(LinkFlags::Up) => "taken down".to_owned(),
        Some(state) => state,
        None => "in no state".to_owned(),
    };
    format!("{}, which is {state}", awaited.name)
}
