//! The frames of a test's labs, as a file.

use std::io;

use crate::capture::{Recorded, Writer};
use crate::{Lab, trail};

/// The frames of labs, lab by lab.
///
/// # Errors
/// Why none were recorded.
pub(super) fn recorded(labs: &[Lab]) -> io::Result<Vec<Recorded>> {
    let frames_of = |lab| match &Lab::surroundings(lab).recorder {
        Ok(recorder) => Ok(recorder.recorded()),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    labs.iter().map(frames_of).collect()
}

/// A file of them, those with a comment that an assertion has asked by that did not hold.
pub(super) fn file(labs: &[Lab], recorded: &[Recorded]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new(recorded)?;
    for (lab, recorded) in labs.iter().zip(recorded) {
        let comments = trail::comments(lab.surroundings(), recorded);
        let interface = |host, index| trail::interface(lab.surroundings(), host, index);
        writer.add(recorded, trail::ethernets(lab.surroundings()), interface, |nth| comments.get(&nth).cloned())?;
    }
    Ok(writer.finish())
}
