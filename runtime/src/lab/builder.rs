//! Labs whose shape is known at run time only.

use std::sync::Arc;

use netns_test_topology::{
    Complaints, Drawing, DrawnHost, DrawnInterface, DrawnSegment, Impairment, Plan, Role, Routes, did_you_mean,
};
use nix::sched::{CloneFlags, unshare};

use super::{Lab, LabError, Labs};
use crate::error::chain;
use crate::needs;
use crate::settings::Settings;

/// A lab that is being drawn: the same model as `#[derive(Topology)]`, for shapes that are known at run time only.
///
/// ```
/// # use netns_test::prelude::*;
/// #[netns_test(namespaces = 0)]
/// async fn everybody_reaches_the_last(_lab: Lab) -> TestResult {
///     let lab = Lab::builder().segment("lan", ["10.0.0.0/16"]).hosts(50, "lan").build()?;
///     lab.host("host1").assert_ping(lab.host("host50")).await;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a lab is not there until `build` is called"]
pub struct LabBuilder {
    drawing: Drawing,
    /// How many hosts were numbered.
    numbered: usize,
    /// What was to be impaired and is no segment.
    strays: Vec<String>,
}

impl LabBuilder {
    /// A segment with this name and these subnets: a switch.
    pub fn segment<S: Into<String>>(mut self, name: impl Into<String>, subnets: impl IntoIterator<Item = S>) -> Self {
        let subnets = subnets.into_iter().map(Into::into).collect();
        self.drawing.segments.push(DrawnSegment { name: name.into(), subnets, ..DrawnSegment::default() });
        self
    }

    /// A host with this name on these segments: `eth0` is on the first.
    pub fn host<S: Into<String>>(self, name: impl Into<String>, segments: impl IntoIterator<Item = S>) -> Self {
        self.machine(name.into(), Role::Host, segments)
    }

    /// A router with this name between these segments.
    pub fn router<S: Into<String>>(self, name: impl Into<String>, segments: impl IntoIterator<Item = S>) -> Self {
        self.machine(name.into(), Role::Router, segments)
    }

    /// So many hosts on a segment. They are called `host1`, `host2` and so on, and a second call goes on counting.
    pub fn hosts(mut self, count: usize, segment: &str) -> Self {
        for _ in 0..count {
            self.numbered += 1;
            let name = format!("host{}", self.numbered);
            self = self.machine(name, Role::Host, [segment]);
        }
        self
    }

    /// What happens to each frame that crosses a segment, which is drawn already. What happens on the cable of one host, or between two, is
    /// for [`LabBuilder::draw`].
    ///
    /// ```
    /// # use netns_test::prelude::*;
    /// use netns_test::{Impairment, Percent};
    ///
    /// let line = Impairment::new().delay(Duration::from_millis(20)).loss(Percent::new(1.0));
    /// let builder = Lab::builder().segment("wan", ["203.0.113.0/24"]).hosts(2, "wan").impair("wan", line);
    /// ```
    pub fn impair(mut self, segment: &str, impairment: Impairment) -> Self {
        match self.drawing.segments.iter_mut().find(|drawn| drawn.name == segment) {
            Some(drawn) => drawn.impairment = impairment.into(),
            None => self.strays.push(segment.to_owned()),
        }
        self
    }

    /// No routes but those that are drawn.
    pub fn without_routes(mut self) -> Self {
        self.drawing.routes = Routes::None;
        self
    }

    /// Everything else that can be drawn: changes what was drawn so far.
    pub fn draw(mut self, change: impl FnOnce(&mut Drawing)) -> Self {
        change(&mut self.drawing);
        self
    }

    fn stray(&self, name: &str) -> BuildError {
        let drawn = self.drawing.segments.iter().map(|segment| segment.name.as_str());
        let meant = did_you_mean(name, drawn).map(str::to_owned);
        BuildError::Impaired { name: name.to_owned(), meant }
    }

    fn machine<S: Into<String>>(mut self, name: String, role: Role, segments: impl IntoIterator<Item = S>) -> Self {
        let join = |segment: S| DrawnInterface { segment: segment.into(), ..DrawnInterface::default() };
        let interfaces = segments.into_iter().map(join).collect();
        self.drawing.hosts.push(DrawnHost { name, role, interfaces, ..DrawnHost::default() });
        self
    }

    /// Builds it. It is there until the test ends, beside the lab that the test was started with.
    ///
    /// # Errors
    /// All complaints about the drawing at once; a name that another lab of the test has; what the kernel refused; a thread that does
    /// not run the body of a `#[netns_test]`.
    pub fn build(self) -> Result<Lab, BuildError> {
        let current = Lab::current().ok_or(BuildError::NoTest)?;
        let surroundings = &current.0.surroundings;
        if let Some(name) = self.strays.first() {
            let error = self.stray(name);
            let _ = surroundings.broken.set(format!("could not build a lab: {error}"));
            return Err(error);
        }
        let plan = self.drawing.plan().map_err(|complaints| {
            let _ = surroundings.broken.set(format!("could not build a lab: {}", explained(&complaints)));
            BuildError::Drawing { complaints }
        })?;
        if let Some(taken) = taken(&plan, &surroundings.labs) {
            return Err(BuildError::Taken { name: taken });
        }
        let failed = |reason: String| {
            // Nothing that a test could have expected, whatever becomes of the error.
            let _ = surroundings.broken.set(format!("could not build a lab: {reason}"));
            BuildError::Failed { reason }
        };
        let _tried = needs::check(&self.drawing.all_needs()).map_err(|unmet| failed(unmet.to_string()))?;
        let (settings, labs) = (surroundings.settings.clone(), Arc::clone(&surroundings.labs));
        build_aside(plan, &settings, labs).map_err(|error| failed(chain(&error)))
    }
}

/// Complaints, and whose words their help is in: most of those who draw use the derive, and can paste it.
fn explained(complaints: &Complaints) -> String {
    let note = "\nnote: help is in the words of `#[derive(Topology)]`; what `draw` changes has all of them";
    let note = if complaints.iter().any(|complaint| complaint.help.is_some()) { note } else { "" };
    format!("{complaints}{note}")
}

/// A name that a host of another lab has.
fn taken(plan: &Plan, labs: &Labs) -> Option<String> {
    let labs = labs.all();
    let taken = labs.iter().flat_map(Lab::hosts).find(|host| plan.host(host.name()).is_some());
    taken.map(|host| host.name().to_owned())
}

/// Builds a lab whose switches are in a namespace of their own, which a thread makes and leaves to them.
fn build_aside(plan: Plan, settings: &Settings, labs: Arc<Labs>) -> Result<Lab, LabError> {
    std::thread::scope(|scope| {
        let work = move || {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| LabError::Switches { source: error.into() })?;
            Lab::build(plan, settings, labs)
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, work);
        let thread = thread.map_err(|source| LabError::Thread { source })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Why a lab was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The drawing makes no sense.
    #[error("the network cannot be built as it is described:\n{}", explained(complaints))]
    Drawing {
        /// Everything that is wrong with it.
        complaints: Complaints,
    },
    /// What was to be impaired is no segment that was drawn before.
    #[error("there is no segment `{name}` to impair{}", meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
    Impaired {
        /// The name.
        name: String,
        /// The segment that was probably meant.
        meant: Option<String>,
    },
    /// Another lab of the same test has a host of that name.
    #[error("this test has a host `{name}` already, in another lab")]
    Taken {
        /// The name.
        name: String,
    },
    /// There is no test around this thread.
    #[error("a lab is built by the body of a `#[netns_test]`, on its own thread")]
    NoTest,
    /// The kernel refused.
    #[error("could not build the lab: {reason}")]
    Failed {
        /// What the kernel said, and what to do about it.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use netns_test_topology::{Crossing, ImpairmentPlan, Percent};

    use super::*;

    #[test]
    fn what_is_to_be_impaired_is_drawn_already() {
        let lossy = Impairment::new().loss(Percent::new(1.0));
        let builder = || Lab::builder().segment("lan", ["10.0.0.0/24"]).hosts(2, "lan");
        let plan = builder().impair("lan", lossy).drawing.plan().unwrap();
        assert_eq!(plan.segments[0].impairments, [ImpairmentPlan::new(Crossing::All, lossy)]);
        let stray = builder().impair("lna", lossy);
        let said = stray.stray(&stray.strays[0]).to_string();
        assert_eq!(said, "there is no segment `lna` to impair; did you mean `lan`?");
    }

    #[test]
    fn help_is_said_to_be_in_the_words_of_the_derive() {
        let refused = |builder: LabBuilder| {
            let complaints = builder.drawing.plan().unwrap_err();
            BuildError::Drawing { complaints }.to_string()
        };
        assert_eq!(
            refused(Lab::builder().segment("lan", ["10.0.0.0/24"]).host("a", ["lan"]).host("b", [""; 0])),
            "the network cannot be built as it is described:\n\
             host `b`: it is on no segment\n\
             help: if this is meant, say so: `#[host(alone)]`\n\
             note: help is in the words of `#[derive(Topology)]`; what `draw` changes has all of them"
        );
        let without_help = refused(Lab::builder().segment("lan", ["224.0.0.0/24"]).hosts(1, "lan"));
        assert!(without_help.ends_with("is not a range that hosts can have addresses from"), "{without_help}");
    }
}
