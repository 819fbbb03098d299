//! A question that failed: the picture with its way, and its frames.

use std::time::Duration;

use maud::{Markup, html};

use super::{ladder, picture};
use crate::Lab;
use crate::capture::Recorded;
use crate::evidence::Failure;
use crate::trail::{Conversation, Followed};

/// A question that was not answered as it was to be.
pub(super) struct Question<'a> {
    lab: &'a Lab,
    asked: Followed,
    /// Its frames, with all that was recorded of its lab.
    said: Option<(Conversation, &'a Recorded)>,
}

impl<'a> Question<'a> {
    /// So many that failed last, the last first, and how many there were before.
    pub(super) fn last(failure: &'a Failure, most: usize) -> (Vec<Self>, usize) {
        let of_labs = failure.labs.iter().enumerate();
        let mut all: Vec<_> = of_labs
            .flat_map(|(nth, lab)| lab.surroundings().followed.all().into_iter().map(move |asked| (nth, asked)))
            .collect();
        all.sort_by_key(|(_, asked)| asked.failed);
        let forgotten: usize = failure.labs.iter().map(|lab| lab.surroundings().followed.forgotten()).sum();
        let more = all.len().saturating_sub(most);
        let earlier = more + forgotten;
        let last = all.into_iter().skip(more).rev().map(|(nth, asked)| {
            let lab = &failure.labs[nth];
            let recorded = failure.recorded.as_ref().ok().and_then(|recorded| recorded.get(nth));
            let said = recorded.map(|frames| (Conversation::of(lab.surroundings(), frames, &asked), frames));
            Self { lab, asked, said }
        });
        (last.collect(), earlier)
    }

    /// `said` is what is shown above it; times are since `zero`, which is since 1970.
    pub(super) fn markup(&self, said: &str, zero: Duration, room: &mut usize) -> Markup {
        let found = self.asked.found.clone().unwrap_or_default();
        let is_said = found.lines.iter().flat_map(|line| line.lines()).all(|line| said.contains(line));
        let from = self.lab.hosts()[self.asked.from].name();
        html! {
            article.question {
                h3 {
                    (from) " asked " (self.asked.asking.to) " " (self.asked.asking.asked)
                    ", and " (self.asked.told())
                }
                @if !is_said { pre.found { (found.lines.join("\n")) } }
                (picture(&self.lab.draw().mark(&found.marks), room))
                @match &self.said {
                    Some((said, recorded)) => (ladder::markup(self.lab, recorded, said, found.died_in.as_ref(), zero)),
                    None => p.note { "No frames were recorded." },
                }
            }
        }
    }
}
