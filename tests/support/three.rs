//! Three hosts on a switch whose weather is measured, and what it is measured with.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use netns_test::Ping;
use netns_test::prelude::*;

/// Three hosts on a switch, and a router to another one.
#[derive(Topology)]
pub struct Three {
    /// Where the weather is.
    #[segment("10.0.0.0/24", "fd00::/64")]
    pub lan: Segment,
    /// Where a host may be plugged in instead.
    #[segment("10.0.1.0/24")]
    pub spare: Segment,
    /// The first host.
    #[host(lan)]
    pub a: Host,
    /// The second.
    #[host(lan)]
    pub b: Host,
    /// The third, for which there is other weather or none.
    #[host(lan)]
    pub c: Host,
    /// Joins the two switches.
    #[router(lan, spare)]
    pub router: Host,
}

/// A millisecond.
pub const MS: Duration = Duration::from_millis(1);

/// Short for a share.
pub fn percent(percent: f64) -> Percent {
    Percent::new(percent)
}

/// How many of the pings are not answered.
pub async fn lost(ping: Ping) -> u32 {
    match ping.await {
        Ok(report) => report.sent() - report.received(),
        Err(PingError::Timeout { sent, .. }) => sent,
        Err(error) => panic!("{error}"),
    }
}

/// Sends so many bytes by TCP, piece by piece; answers with how long it took.
pub fn transfer(from: &Host, to: &Host, bytes: usize) -> TestResult<Duration> {
    let listener = to.tcp_listener()?;
    let mut stream = from.tcp_connect(listener.local_addr()?)?;
    let (mut accepted, _) = listener.accept()?;
    let began = Instant::now();
    std::thread::scope(|scope| -> TestResult<Duration> {
        scope.spawn(move || {
            let piece = vec![0x5a; 64 * 1024];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(piece.len());
                stream.write_all(&piece[..now]).expect("the other end reads");
                left -= now;
            }
        });
        let mut room = vec![0; 256 * 1024];
        let mut received = 0;
        loop {
            match accepted.read(&mut room)? {
                0 => break,
                read => {
                    assert!(room[..read].iter().all(|byte| *byte == 0x5a), "it arrives as it was sent");
                    received += read;
                }
            }
        }
        assert_eq!(received, bytes);
        Ok(began.elapsed())
    })
}

/// Whether a bulk transfer goes at 5 Mbit/s, 10 % more or less.
pub fn assert_five_mbit(a: &Host, b: &Host) -> TestResult {
    // 1448 of a frame's 1514 bytes are data: at 5 Mbit/s, 10 % more or less, they take this long.
    let exactly = Duration::from_millis(2_500_000 * 8 * 1514 / 1448 / 5_000);
    // It is never faster; the two ends may not have the time for it on a machine that is busy, so there are several rounds.
    let mut slower = Vec::new();
    for _ in 0..5 {
        let took = transfer(a, b, 2_500_000)?;
        assert!(took >= exactly * 10 / 11, "{took:?}, expected {exactly:?}");
        if took <= exactly * 10 / 9 {
            return Ok(());
        }
        slower.push(took);
    }
    panic!("{slower:?}, expected {exactly:?}");
}
