//! The model of a test network and every rule about it.
//!
//! A network is first a [`Drawing`]: what somebody wrote, unchecked. [`Drawing::plan`] checks all of it, allocates the
//! addresses and answers with a [`Plan`], or with *every* [`Complaint`] it has, each with its [`Place`] in the drawing.
//! The macros turn a place into a span in the source, the runtime turns it into a sentence; neither knows a rule of its own.
//!
//! ```
//! use netns_test_topology::Lan;
//!
//! let plan = Lan { hosts: &["alice", "bob"], veth: true, ..Lan::default() }.plan().unwrap();
//! assert_eq!(plan.hosts[1].interfaces[0].addresses[0].to_string(), "198.51.100.2/24");
//! ```
//!
//! The crate is pure: it opens no file, reads no variable and makes no system call.

mod allocate;
mod complaint;
mod drawing;
mod impairment;
mod lan;
mod name;
mod need;
mod picture;
mod plan;
mod prefix;
mod rules;
mod suggest;
pub mod units;

pub use complaint::{
    Complaint, Complaints, HostPart, InterfacePart, NeighbourPart, NestedPart, PairPart, Place, PortForwardPart,
    RoutePart, SegmentPart, SourceNatPart,
};
pub use drawing::{
    Drawing, DrawnBridge, DrawnDevice, DrawnHost, DrawnInterface, DrawnNeighbour, DrawnNested, DrawnPair,
    DrawnPortForward, DrawnRoute, DrawnSegment, DrawnSourceNat, Medium, Role, Routes, Transport,
};
pub use impairment::{
    Crossing, DEFAULT_LIMIT, Distribution, DrawnImpairment, Engine, Impairment, ImpairmentPart, ImpairmentPlan, Loss,
    MOST_DELAY, MOST_JITTER, PRESETS, Percent, Rate,
};
pub use ipnet::IpNet;
pub use lan::{DEFAULT_SUBNET_V4, DEFAULT_SUBNET_V6, Lan};
pub use name::{HostName, IfName, NameError, SegmentName};
pub use need::{Feature, Need, check_program, debian_package};
pub use picture::{Marks, Picture};
pub use plan::{
    BondMode, BridgePlan, Device, HostPlan, InterfacePlan, MacAddr, MacAddrError, NatPlan, NeighbourPlan, Plan,
    PortForwardPlan, RoutePlan, SegmentKind, SegmentPlan, SysctlPlan, VlanProtocol, VrfPlan, Way,
};
pub use prefix::{HostAddresses, Prefix, PrefixError};
pub use rules::{HOSTS, MTU, MTU_IPV6, SWITCH_PORTS, check_address};
pub use suggest::did_you_mean;
