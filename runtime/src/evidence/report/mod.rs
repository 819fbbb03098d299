//! A page that a person opens to walk through a failure: what was said, the network with the way of the packet, its frames from host to host, what
//! happened when, and the state of each host.
//!
//! It is one file that needs nothing else. All that comes from packets, programs and the test is text: the templates escape it, and the page
//! allows no script but its own.

mod host;
mod index;
mod ladder;
mod question;
mod timeline;

use std::time::SystemTime;

use humantime::format_rfc3339_seconds;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use netns_test_topology::Picture;

pub(super) use index::{Entry, index};
use question::Question;

use super::files::{Artifact, INDEX};
use super::{Failure, concerned};
use crate::capture::since_1970;
use crate::trail::Conversation;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing is loaded, and no script is run but this page's, which is known by its hash (CSP Level 3, section 2.3.1). Pictures bring their styles along.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    script-src 'sha256-RifirPgbhyUQfOLDhyZXuITK3YSDqNyRsRqWUi1SFBE='; base-uri 'none'; form-action 'none'";

/// How long pictures may be together, and how long what is said of the hosts, in bytes: the page is to be opened at once.
const PICTURES: usize = 400_000;
const HOSTS: usize = 400_000;

/// How much of what a test said is shown, in bytes.
const SAID: usize = 20_000;

/// How many of the questions that failed are shown: the last.
const QUESTIONS: usize = 4;

/// The page of a failed test.
pub(super) fn page(failure: &Failure) -> String {
    let mut room = PICTURES;
    let (questions, earlier) = Question::last(failure, QUESTIONS);
    let zero = timeline::zero(failure);
    let since_1970 = since_1970().saturating_sub(zero.elapsed());
    let said = cut(&failure.said, SAID);
    let asked: Vec<Markup> = questions.iter().map(|question| question.markup(said, since_1970, &mut room)).collect();
    let content = html! {
        section #failure {
            h2 { "What failed" }
            pre.said { (said) }
            @if said.len() < failure.said.len() {
                p.note { "All of it is in " a href=(Artifact::Failure.file_name()) { (Artifact::Failure.file_name()) } "." }
            }
        }
        section #network {
            h2 { "The network" }
            @if asked.is_empty() {
                @for (nth, lab) in failure.labs.iter().enumerate() {
                    article.question {
                        (picture(&lab.draw(), &mut room))
                        @if let Some(frames) = failure.recorded.as_ref().ok().and_then(|recorded| recorded.get(nth)) {
                            h3 { "The last frames" }
                            (ladder::markup(lab, frames, &Conversation::last(lab.surroundings(), frames), None, since_1970))
                        }
                    }
                }
            }
            @for asked in &asked { (asked) }
            @if earlier > 0 { p.note { (earlier) " more questions failed before." } }
        }
        section #timeline {
            h2 { "What happened when" }
            (timeline::markup(failure, zero))
        }
        section #state {
            h2 { "The state of the hosts" }
            (host::all(&failure.state, &concerned(&failure.labs), HOSTS))
        }
    };
    let sections = [("failure", "Failure"), ("network", "Network"), ("timeline", "Timeline"), ("state", "State")];
    let frames = failure.recorded.is_ok().then_some(Artifact::Capture);
    let files: Vec<_> = [Artifact::State].into_iter().chain(frames).collect();
    document(&failure.evidence.test, &about(), &sections, &files, &content)
}

/// The beginning of a text, of so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// A picture, or its text where that is too long; what is too long even so is left out.
fn picture(picture: &Picture, room: &mut usize) -> Markup {
    let svg = picture.svg();
    if let Some(left) = room.checked_sub(svg.len()) {
        *room = left;
        return html! { figure.picture tabindex="0" aria-label="the network" { (PreEscaped(svg)) } };
    }
    let text = picture.to_string();
    if let Some(left) = room.checked_sub(text.len()) {
        *room = left;
        return html! { pre.picture { (text) } };
    }
    html! { p.note { "The network is too big to be drawn here." } }
}

/// When and where it was.
fn about() -> Markup {
    let kernel = nix::sys::utsname::uname().map(|names| names.release().to_string_lossy().into_owned());
    html! {
        time { (format_rfc3339_seconds(SystemTime::now())) }
        @if let Ok(kernel) = kernel { " · Linux " (kernel) }
    }
}

/// A whole page; without sections it is the one over all failures.
fn document(title: &str, about: &Markup, sections: &[(&str, &str)], files: &[Artifact], content: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – netns-test" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.about { (about) }
                }
                nav {
                    @for ((id, name), number) in sections.iter().zip(1..) {
                        a href={ "#" (id) } { kbd { (number) } " " (name) }
                    }
                    @if !sections.is_empty() {
                        a href={ "../" (INDEX) } { "All failures" }
                        @for artifact in files {
                            a href=(artifact.file_name()) { (artifact.file_name()) }
                        }
                    }
                    button #theme type="button" { "Light or dark" }
                }
                main { (content) }
                footer {
                    @if !sections.is_empty() {
                        kbd { "j" } " " kbd { "k" } " next and previous frame, " kbd { "Enter" } " opens it, "
                        kbd { "1" } "–" kbd { (sections.len()) } " sections, "
                    }
                    kbd { "t" } " light or dark"
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    markup.into_string()
}

#[cfg(test)]
mod tests {
    use netns_test_topology::Lan;

    use super::*;

    #[test]
    fn a_picture_that_there_is_no_room_for_is_told_in_words() {
        let lan = Lan { hosts: &["alice", "bob"], veth: true, ..Lan::default() };
        let drawn = Picture::of(&lan.plan().unwrap());
        let (svg, text) = (drawn.svg().len(), drawn.to_string().len());
        let begin = |room: usize| {
            let mut left = room;
            let markup = picture(&drawn, &mut left).0;
            assert!(room - left <= markup.len());
            markup.split_whitespace().next().unwrap().to_owned()
        };
        assert_eq!((begin(svg), begin(svg - 1), begin(text - 1)), ("<figure".into(), "<pre".into(), "<p".into()));
    }

    /// However the script is written: a script of another hash is not run.
    #[test]
    fn the_script_and_the_styles_do_not_end_early() {
        for own in [STYLE, SCRIPT] {
            assert!(!own.contains("</") && !own.contains("<!--"));
        }
    }
}
