//! Descriptors that a program is given: `sd_listen_fds(3)`.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::process;

use crate::sys;

/// Descriptors with their names, in order.
#[derive(Debug, Default)]
pub(super) struct Inherited(Vec<(OwnedFd, Option<String>)>);

impl Inherited {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, fd: OwnedFd, name: Option<String>) {
        self.0.push((fd, name));
    }

    /// Has the program started with them. Answers with where it will be told if it cannot be.
    ///
    /// std cannot set a variable to the pid of a program that there is not yet: so what it would do last, becoming the program, is done
    /// in its place.
    pub(super) fn pass_on(self, command: &mut process::Command, without_environment: bool) -> io::Result<Passing> {
        let inherited = if without_environment { BTreeMap::new() } else { std::env::vars_os().collect() };
        let mut environment: BTreeMap<OsString, OsString> = inherited;
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => _ = environment.insert(name.to_owned(), value.to_owned()),
                None => _ = environment.remove(name),
            }
        }
        environment.remove(OsStr::new("LISTEN_PID"));
        environment.insert("LISTEN_FDS".into(), self.0.len().to_string().into());
        if self.0.iter().any(|(_, name)| name.is_some()) {
            let names = self.0.iter().map(|(_, name)| name.as_deref().unwrap_or("unknown"));
            environment.insert("LISTEN_FDNAMES".into(), names.collect::<Vec<_>>().join(":").into());
        } else {
            environment.remove(OsStr::new("LISTEN_FDNAMES"));
        }
        let variable =
            |(name, value): (OsString, OsString)| c_string(&[name.as_bytes(), b"=", value.as_bytes()].concat());
        let envp = environment.into_iter().map(variable).collect::<io::Result<_>>()?;
        let program = c_string(command.get_program().as_bytes())?;
        let arguments = command.get_args().map(|argument| c_string(argument.as_bytes()));
        let argv = std::iter::once(Ok(program)).chain(arguments).collect::<io::Result<_>>()?;
        let (report, told) = io::pipe()?;
        let fds = self.0.into_iter().map(|(fd, _)| fd).collect();
        sys::exec_with_descriptors(command, argv, envp, fds, told.as_raw_fd());
        Ok(Passing { report, told })
    }
}

fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a NUL byte in the environment"))
}

/// Where a program tells that it could not be started.
pub(super) struct Passing {
    report: io::PipeReader,
    told: io::PipeWriter,
}

impl Passing {
    /// Waits until it has been started, or why it has not.
    pub(super) fn outcome(self) -> io::Result<()> {
        use std::io::Read;
        let Self { mut report, told } = self;
        drop(told);
        let mut errno = [0; 4];
        match report.read(&mut errno)? {
            0 => Ok(()),
            _ => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(errno))),
        }
    }
}

/// What is wrong with the name of a descriptor (`sd_listen_fds_with_names(3)`).
pub(super) fn complaint(name: &str) -> Option<String> {
    let is_fine =
        !name.is_empty() && name.len() <= 255 && name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b':');
    (!is_fine)
        .then(|| format!("`{}` is no name of a descriptor: 1–255 ASCII characters, no colon", name.escape_debug()))
}
