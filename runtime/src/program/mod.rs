//! Programs inside a host: started there, watched until they are ready, held by their pidfds.

mod account;
mod command;
mod error;
mod inherited;
mod listening;
mod log;
mod notify;
mod process;
mod ready;
mod start;
mod states;
mod streams;
mod table;
mod wait;

pub use command::Command;
pub use error::ProgramError;
pub(crate) use log::{Said, Tail, pass_on as pass_on_logs, tails};
pub use process::Process;
pub(crate) use states::States;
pub use table::HostProcess;
pub(crate) use table::in_hosts;
pub(crate) use wait::until_readable;
