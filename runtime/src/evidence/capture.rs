//! The frames of a test's labs, as a file.

use std::io;

use crate::capture::Writer;
use crate::{Lab, trail};

/// The frames of labs, those with a comment that an assertion has asked by that did not hold. Nothing if none were recorded.
///
/// # Errors
/// Why none could be.
pub(super) fn of(labs: &[Lab]) -> io::Result<Vec<u8>> {
    let frames_of = |lab| match &Lab::surroundings(lab).recorder {
        Ok(recorder) => Ok((lab, recorder.recorded())),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    let recorded: Vec<_> = labs.iter().map(frames_of).collect::<io::Result<_>>()?;
    let mut writer = Writer::new(recorded.iter().map(|(_, recorded)| recorded))?;
    for (lab, recorded) in &recorded {
        let comments = trail::comments(lab.surroundings(), recorded);
        let interface = |host, index| trail::interface(lab.surroundings(), host, index);
        writer.add(recorded, interface, |nth| comments.get(&nth).cloned())?;
    }
    Ok(writer.finish())
}
