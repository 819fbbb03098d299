//! A network of its own for every Rust test.
//!
//! [`#[netns_test]`](macro@netns_test) makes a test of a function that has machines for parameters. It runs in a process and in
//! namespaces of its own, without root, and leaves nothing behind.
//!
//! ```
//! use netns_test::prelude::*;
//!
//! #[netns_test(namespaces = 2, veth = true)]
//! async fn machines_reach_each_other(alice: Host, bob: Host) {
//!     alice.assert_ping(&bob).await;
//!     alice.assert_no_ping("192.0.2.1").await;
//! }
//! ```
//!
//! Start with [`Host`]: code, futures, programs and sockets inside a machine. [`Ping`] has the outcomes of a question between
//! two of them, [`Service`] those of a question for a port, [`Arping`] those of who has an address; a [`Flow`] is a conversation that lasts.
//! [`Topology`] is a network drawn as a struct, [`Lab::builder`] one whose shape is known at run time only; a [`Segment`] is
//! where cables are pulled while a test runs, by a [`Change`]. A [`Capture`] has what crossed a wire. [`eventually`] and [`never_within`] wait for conditions of a test's own;
//! [`Command`] runs programs.

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
mod aside;
mod capture;
mod change;
mod connectivity;
mod error;
mod evidence;
mod fault;
mod filter;
mod firewall;
mod flow;
mod frames;
mod harness;
mod host;
mod impair;
mod isolation;
mod kernel;
mod lab;
mod needs;
mod netlink;
mod path;
mod ports;
mod probe;
mod program;
mod relay;
mod result;
mod segment;
mod settings;
mod sys;
mod timeline;
mod topology;
mod trail;
mod transport;
mod wait;

pub use change::{Change, Flapping, LinkError, Unplugged};
pub use connectivity::{
    Arp, AssertAllAlive, AssertAllCut, AssertConnection, AssertNoConnection, AssertUnreachable, Connectivity,
    ConnectivityError, Establish, Flows, Icmp, Ports, PortsError, ReopenAll, Traffic, WaitForConnection,
};
pub use fault::{ClockSkew, Paused, SkewedClock};
pub use firewall::NftError;
pub use flow::{AssertAlive, AssertCut, CutReason, Exchange, Flow, FlowError, Open, ProbeCut, Reopen};
pub use frames::{
    Capture, CaptureError, Frame, Frames, StartCapture, Stream, StreamError, StreamGap, StreamHalf, Streams,
};
pub use host::Host;
pub use impair::{Impair, Impaired, ImpairmentReport, InterceptReport, Intercepted, Partition};
pub use kernel::{
    Conntrack, ConntrackEntry, ConntrackState, ConntrackTuple, Protocol, QueryError, SocketInfo, SocketState, Sockets,
};
pub use lab::{BuildError, Lab, LabBuilder};
pub use netns_test_macros::{Topology, netns_test, netns_test as test};
pub use netns_test_topology::{
    Distribution, Engine, HostAddresses, Impairment, IpNet, Loss, MacAddr, MacAddrError, Marks, Percent, Picture,
    Prefix, PrefixError, Rate,
};
pub use ports::{PortError, ReservedPort};
pub use probe::{
    Announce, ArpError, ArpReport, Arping, AssertArping, AssertNoArping, AssertNoPing, AssertNoService, AssertPing,
    AssertReachability, AssertService, Ping, PingAll, PingError, PingLog, PingReport, Pinger, ProbeReachability,
    Reachability, Service, ServiceError, ServiceReport, StopPinger, Target, TargetError, UnreachableCode,
};
pub use program::{Command, HostProcess, Process, ProgramError};
pub use relay::{IcmpMessage, TcpSegment, UdpDatagram, Verdict, WireFrame, nth};
pub use result::{TestError, TestResult};
pub use segment::Segment;
pub use timeline::{Action, Happening, Moment, RunningTimeline, Timeline};
pub use topology::Topology;
pub use trail::Trail;
pub use transport::{Sctp, Tcp, Transport, Udp};
pub use wait::{
    Asynchronous, Condition, Eventually, Finding, NeverWithin, Plain, Sure, WaitError, WaitFor, WaitUntil, eventually,
    never_within, wait_until,
};

/// What a network can be drawn with, for [`LabBuilder::draw`].
pub mod drawing {
    pub use netns_test_topology::{
        Complaint, Complaints, Drawing, DrawnBridge, DrawnDevice, DrawnHost, DrawnImpairment, DrawnInterface,
        DrawnNeighbour, DrawnNested, DrawnPair, DrawnPortForward, DrawnRoute, DrawnSegment, DrawnSourceNat, Feature,
        HostPart, ImpairmentPart, InterfacePart, Medium, Need, NeighbourPart, NestedPart, PairPart, Place,
        PortForwardPart, Role, RoutePart, Routes, SegmentPart, SourceNatPart, Transport,
    };
}

/// What a test file needs: `use netns_test::prelude::*;`.
pub mod prelude {
    pub use std::time::Duration;

    pub use crate::{
        Arp, ArpError, ClockSkew, Flow, FlowError, Host, Icmp, Impairment, IpNet, Lab, Percent, PingError, Prefix,
        Rate, Sctp, Segment, ServiceError, Tcp, TestError, TestResult, Topology, Udp, UnreachableCode, Verdict,
        WaitError, WireFrame, eventually, netns_test, never_within, nth, wait_until,
    };
}

/// The examples of the README and the guide are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[doc = include_str!("../../docs/guide.md")]
struct Readme;
