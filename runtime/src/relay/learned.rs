//! By which port a host is reached, as a switch learns it from what the host sends (IEEE 802.1D section 7.8).

use std::collections::HashMap;

use super::pipe::Nanoseconds;

/// By which port a host is reached.
#[derive(Debug)]
pub(super) struct Learned {
    /// The port, and when the host has sent something last.
    ports: HashMap<[u8; 6], (u32, Nanoseconds)>,
    /// For how long a host is known that sends nothing.
    ageing: Nanoseconds,
}

impl Learned {
    pub(super) fn new(ageing: Nanoseconds) -> Self {
        Self { ports: HashMap::new(), ageing }
    }

    /// A host has sent something by a port. Groups of hosts send nothing.
    pub(super) fn learn(&mut self, mac: [u8; 6], port: u32, now: Nanoseconds) {
        if mac[0] & 1 == 0 {
            self.ports.insert(mac, (port, now));
        }
    }

    pub(super) fn port(&self, mac: [u8; 6], now: Nanoseconds) -> Option<u32> {
        let &(port, at) = self.ports.get(&mac)?;
        (now < at.saturating_add(self.ageing)).then_some(port)
    }

    /// Nobody is behind a port any more.
    pub(super) fn forget(&mut self, port: u32) {
        self.ports.retain(|_, (behind, _)| *behind != port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: [u8; 6] = [2, 0, 0, 0, 0, 1];

    #[test]
    fn a_host_that_is_silent_is_forgotten() {
        let mut learned = Learned::new(100);
        learned.learn(HOST, 1, 0);
        assert_eq!((learned.port(HOST, 99), learned.port(HOST, 100)), (Some(1), None));
        learned.learn(HOST, 2, 150);
        assert_eq!((learned.port(HOST, 200), learned.port(HOST, 250)), (Some(2), None));
    }

    #[test]
    fn who_does_not_age_is_never_known() {
        let mut learned = Learned::new(0);
        learned.learn(HOST, 1, 5);
        assert_eq!(learned.port(HOST, 5), None);
    }

    #[test]
    fn a_cable_that_is_pulled_takes_who_was_behind_it_along_and_nobody_else() {
        let mut learned = Learned::new(100);
        let other = [2, 0, 0, 0, 0, 2];
        learned.learn(HOST, 1, 0);
        learned.learn(other, 2, 0);
        learned.forget(1);
        assert_eq!((learned.port(HOST, 1), learned.port(other, 1)), (None, Some(2)));
        learned.learn([0xff; 6], 2, 0);
        assert_eq!(learned.port([0xff; 6], 1), None);
    }
}
