//! What holds for every picture, in all of its forms: everything is in it, nothing is in the way of anything, and text is text.

use std::collections::HashMap;

use netns_test_topology::*;
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};

use crate::anything::any_drawing;
use crate::common::{draw, host, on, router, segment};
use crate::sketch::sketches;

type Point = (f64, f64);

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
struct Area([f64; 4]);

impl Area {
    fn of(rect: Node<'_, '_>) -> Self {
        let number = |name| rect.attribute(name).unwrap_or("0").parse::<f64>().unwrap();
        let (x, y) = (number("x"), number("y"));
        Self([x, y, x + number("width"), y + number("height")])
    }

    fn is_within(&self, outer: &Self) -> bool {
        let ([left, top, right, bottom], outer) = (self.0, outer.0);
        left >= outer[0] && top >= outer[1] && right <= outer[2] && bottom <= outer[3]
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.0[0] < other.0[2] && other.0[0] < self.0[2] && self.0[1] < other.0[3] && other.0[1] < self.0[3]
    }

    fn contains(&self, (x, y): Point) -> bool {
        self.0[0] < x && x < self.0[2] && self.0[1] < y && y < self.0[3]
    }

    fn is_at_edge(&self, (x, y): Point) -> bool {
        let [left, top, right, bottom] = self.0;
        let is_between = (left..=right).contains(&x) && (top..=bottom).contains(&y);
        is_between && !self.contains((x, y))
    }
}

/// All that there is in a picture.
const ELEMENTS: [&str; 8] = ["svg", "title", "style", "rect", "path", "g", "text", "circle"];

fn parse(svg: &str) -> Document<'_> {
    let document =
        Document::parse_with_options(svg, ParsingOptions::default()).unwrap_or_else(|e| panic!("{e}: {svg}"));
    for node in document.descendants().filter(Node::is_element) {
        assert!(ELEMENTS.contains(&node.tag_name().name()), "{node:?}");
        assert!(node.attributes().all(|attribute| !attribute.name().starts_with("on")), "{node:?}");
    }
    document
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|other| other == class))
}

/// The elements of a document by their class, and by the host, the interface and the segment that they are about.
struct Index<'a, 'i>(HashMap<[&'a str; 4], Vec<Node<'a, 'i>>>);

impl<'a, 'i> Index<'a, 'i> {
    fn of(document: &'a Document<'i>) -> Self {
        let mut index = HashMap::<_, Vec<_>>::new();
        for node in document.descendants() {
            let class = node.attribute("class").unwrap_or("").split(' ').next().unwrap();
            let data = |name| node.attribute(name).unwrap_or("");
            let key = [class, data("data-host"), data("data-interface"), data("data-segment")];
            index.entry(key).or_default().push(node);
        }
        Self(index)
    }

    /// The only one.
    fn find(&self, class: &str, host: &str, interface: &str, segment: &str) -> Node<'a, 'i> {
        let found = self.0.get(&[class, host, interface, segment]).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len(), 1, "{class} {host} {interface} {segment}");
        found[0]
    }

    fn count(&self, class: &str) -> usize {
        self.0.iter().filter(|(key, _)| key[0] == class).map(|(_, nodes)| nodes.len()).sum()
    }
}

fn texts(node: Node<'_, '_>) -> Vec<String> {
    let texts = node.descendants().filter(|node| node.tag_name().name() == "text");
    texts.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

fn area_of(group: Node<'_, '_>) -> Area {
    Area::of(group.children().find(|node| has_class(node, "box")).expect("a box"))
}

/// A path of lines and curves in pieces, each as the least area that it is in; and its ends.
fn pieces(path: &str) -> (Vec<Area>, [Point; 2]) {
    let mut corners: Vec<Point> = Vec::new();
    let commands: Vec<usize> = path.match_indices(|c: char| c.is_ascii_uppercase()).map(|(at, _)| at).collect();
    for (number, &at) in commands.iter().enumerate() {
        let end = commands.get(number + 1).copied().unwrap_or(path.len());
        let values: Vec<f64> = path[at + 1..end].split_whitespace().map(|value| value.parse().unwrap()).collect();
        let from = corners.last().copied().unwrap_or_default();
        match (path.as_bytes()[at], &values[..]) {
            (b'M', &[x, y]) if number == 0 => corners.push((x, y)),
            (b'H', &[x]) => corners.push((x, from.1)),
            (b'V', &[y]) => corners.push((from.0, y)),
            (b'C', &[ax, ay, bx, by, x, y]) => corners.extend((1..=20).map(|n| {
                let t = f64::from(n) / 20.0;
                let curve = |p: f64, a: f64, b: f64, q: f64| {
                    let u = 1.0 - t;
                    u * u * u * p + 3.0 * u * u * t * a + 3.0 * u * t * t * b + t * t * t * q
                };
                (curve(from.0, ax, bx, x), curve(from.1, ay, by, y))
            })),
            other => panic!("{other:?} in {path}"),
        }
    }
    let piece = |two: &[Point]| {
        let [(ax, ay), (bx, by)] = [two[0], two[1]];
        Area([ax.min(bx), ay.min(by), ax.max(bx), ay.max(by)])
    };
    (corners.windows(2).map(piece).collect(), [corners[0], corners[corners.len() - 1]])
}

/// How wide a text is at least in a monospaced font.
fn width_of(text: Node<'_, '_>) -> f64 {
    let size = ["name", "role", "remark", "words"].iter().zip([13.0, 10.0, 11.0, 11.0]);
    let size = size.filter(|(class, _)| has_class(&text, class)).map(|(_, size)| size).next().unwrap_or(12.0);
    f64::from(u32::try_from(text.text().unwrap_or_default().chars().count()).unwrap()) * size * 0.602
}

/// Nothing overlaps, leaves its box, or runs through one.
fn check_places(document: &Document<'_>, index: &Index<'_, '_>) {
    let root = document.root_element();
    let view: Vec<f64> = root.attribute("viewBox").unwrap().split(' ').map(|n| n.parse().unwrap()).collect();
    let view = Area([view[0], view[1], view[0] + view[2], view[1] + view[3]]);
    let groups: Vec<_> = root.children().filter(|node| has_class(node, "host") || has_class(node, "segment")).collect();
    let areas: Vec<_> = groups.iter().map(|group| area_of(*group)).collect();
    for (number, (group, area)) in groups.iter().zip(&areas).enumerate() {
        assert!(area.is_within(&view), "{group:?} is outside");
        let other = areas[..number].iter().position(|other| area.overlaps(other));
        assert!(other.is_none(), "{group:?} and {:?}: {area:?}", other.map(|other| groups[other]));
        let mut lines: Vec<Area> = Vec::new();
        let is_line = |node: &Node<'_, '_>| {
            node.tag_name().name() == "text" && !node.ancestors().any(|node| has_class(&node, "step"))
        };
        for text in group.descendants().filter(is_line) {
            let number = |name| text.attribute(name).unwrap().parse::<f64>().unwrap();
            let (x, y) = (number("x"), number("y"));
            let line = Area([x, y - 9.0, x + width_of(text), y + 3.0]);
            assert!(line.is_within(area), "{:?} in {group:?}: {line:?} {area:?}", text.text());
            assert!(lines.iter().all(|other| !line.overlaps(other)), "{:?} in {group:?}", text.text());
            lines.push(line);
        }
    }
    for path in root.children().filter(|node| has_class(node, "wire")) {
        let (pieces, [from, to]) = pieces(path.attribute("d").unwrap());
        let data = |name| path.attribute(name).unwrap();
        let (host, segment) = (data("data-host"), data("data-segment"));
        assert!(area_of(index.find("host", host, "", "")).is_at_edge(from), "{path:?}");
        assert!(area_of(index.find("segment", "", "", segment)).is_at_edge(to), "{path:?}");
        for piece in pieces {
            assert!(piece.is_within(&view), "{path:?}");
            let through = areas.iter().position(|area| area.overlaps(&piece));
            assert!(through.is_none(), "{path:?} is in {:?} at {piece:?}", through.map(|area| groups[area]));
        }
    }
}

fn addresses(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(ToString::to_string).collect()
}

fn check_svg(plan: &Plan, svg: &str) {
    let document = parse(svg);
    let index = Index::of(&document);
    for host in &plan.hosts {
        let name = host.name.as_str();
        let group = index.find("host", name, "", "");
        assert!(texts(group).contains(&name.to_owned()));
        assert_eq!(has_class(&group, "router"), host.forwarding);
        for interface in &host.interfaces {
            let (own, segment) = (interface.name.as_str(), plan.segments[interface.segment].name.as_str());
            let texts = texts(index.find("interface", name, own, ""));
            assert!(texts.contains(&own.to_owned()));
            assert!(addresses(&interface.addresses).iter().all(|address| texts.contains(address)), "{interface:?}");
            index.find("wire", name, own, segment);
        }
    }
    for segment in &plan.segments {
        let texts = texts(index.find("segment", "", "", segment.name.as_str()));
        assert!(texts.contains(&segment.name.to_string()));
        assert!(addresses(&segment.subnets).iter().all(|subnet| texts.contains(subnet)), "{segment:?}");
    }
    let interfaces: usize = plan.hosts.iter().map(|host| host.interfaces.len()).sum();
    let expected = [plan.hosts.len(), plan.segments.len(), interfaces, interfaces];
    assert_eq!(["host", "segment", "interface", "wire"].map(|class| index.count(class)), expected);
    check_places(&document, &index);
}

/// Each segment's heading, and below it each of its members.
fn check_text(plan: &Plan, text: &str) {
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let words = |text: &str| text.split(|c: char| c.is_whitespace() || c == ',').map(str::to_owned).collect::<Vec<_>>();
    for segment in &plan.segments {
        let heading = format!("{}  ", segment.name);
        let mut found = paragraphs.iter().filter(|paragraph| paragraph.trim_start().starts_with(&heading));
        let paragraph = found.next().unwrap_or_else(|| panic!("no {heading} in {text}"));
        assert!(found.next().is_none(), "{text}");
        let head = words(paragraph.split("─ ").next().unwrap());
        assert!(addresses(&segment.subnets).iter().all(|subnet| head.contains(subnet)), "{text}");
        let members: Vec<_> = paragraph.split("─ ").skip(1).map(words).collect();
        assert_eq!(members.len(), segment.members.len(), "{text}");
        for (words, &(host, interface)) in members.iter().zip(&segment.members) {
            let (host, interface) = (&plan.hosts[host], &plan.hosts[host].interfaces[interface]);
            assert_eq!(words[0], host.name.as_str(), "{text}");
            assert!(words.contains(&interface.name.to_string()), "{text}");
            assert!(addresses(&interface.addresses).iter().all(|address| words.contains(address)), "{text}");
        }
    }
    let alone = plan.hosts.iter().filter(|host| host.interfaces.is_empty());
    for host in alone {
        let line = format!("─ {}", host.name);
        assert!(
            text.lines().any(|other| other.ends_with(&line) || other.ends_with(&format!("{line}  router"))),
            "{text}"
        );
    }
}

/// The node with this identity, and its label as a reader sees it.
fn label<'a>(labels: &'a [(String, String)], id: &str) -> &'a str {
    &labels.iter().find(|(other, _)| other == id).unwrap_or_else(|| panic!("no {id}: {labels:?}")).1
}

/// That everything is in the labels of nodes `h0`, `s0` and so on, and that these are joined.
fn check_graph(plan: &Plan, labels: &[(String, String)], edges: &[[String; 2]]) {
    let has = |text: &str, word: &str| text.split(|c: char| c.is_whitespace() || c == '(').any(|other| other == word);
    for (number, host) in plan.hosts.iter().enumerate() {
        let label = label(labels, &format!("h{number}"));
        assert!(has(label, host.name.as_str()), "{label}");
        for interface in &host.interfaces {
            assert!(has(label, interface.name.as_str()), "{label}");
            assert!(addresses(&interface.addresses).iter().all(|address| has(label, address)), "{label}");
        }
    }
    let mut wires = 0;
    for (number, segment) in plan.segments.iter().enumerate() {
        let label = label(labels, &format!("s{number}"));
        assert!(has(label, segment.name.as_str()), "{label}");
        assert!(addresses(&segment.subnets).iter().all(|subnet| has(label, subnet)), "{label}");
        for (host, _) in &segment.members {
            let ends = [format!("h{host}"), format!("s{number}")];
            assert!(edges.iter().any(|[a, b]| [a, b] == [&ends[0], &ends[1]] || [b, a] == [&ends[0], &ends[1]]));
            wires += 1;
        }
    }
    assert_eq!(edges.len(), wires);
}

/// Takes a file of Graphviz apart: outside of strings there is nothing but what we write.
fn check_graphviz(plan: &Plan, text: &str) {
    let (mut labels, mut edges) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[lines.len() - 1]), ("graph network {", "}"));
    for line in &lines[1..lines.len() - 1] {
        let (mut code, mut strings, mut is_string) = (String::new(), Vec::new(), false);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    is_string = !is_string;
                    if is_string {
                        strings.push(String::new());
                    }
                }
                '\\' if is_string => match chars.next().unwrap() {
                    'n' | 'l' => strings.last_mut().unwrap().push('\n'),
                    c @ ('\\' | '"') => strings.last_mut().unwrap().push(c),
                    other => panic!("\\{other} in {line}"),
                },
                c if is_string => strings.last_mut().unwrap().push(c),
                c => code.push(c),
            }
        }
        assert!(!is_string, "{line}");
        assert!(code.chars().all(|c| c.is_ascii_alphanumeric() || " =,[]-_".contains(c)), "{code}");
        for string in &mut strings {
            assert!(string.replace("&amp;", "").chars().all(|c| c != '&'), "{line}");
            *string = string.replace("&amp;", "&");
        }
        let words: Vec<&str> = code.split_whitespace().collect();
        if words.get(1) == Some(&"--") {
            edges.push([words[0].to_owned(), words[2].to_owned()]);
        } else if words[0].starts_with(['h', 's']) {
            labels.push((words[0].to_owned(), strings.join("\n")));
        }
    }
    check_graph(plan, &labels, &edges);
}

/// Takes a flowchart of Mermaid apart: its labels have only what is nothing but text there.
fn check_mermaid(plan: &Plan, text: &str) {
    let (mut labels, mut edges) = (Vec::new(), Vec::new());
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("flowchart LR"));
    for line in lines {
        let parts: Vec<&str> = line.split('"').collect();
        let [before, label, after] = parts[..] else {
            assert!(line.starts_with("  linkStyle ") || line.starts_with("  style "), "{line}");
            continue;
        };
        let label = label.replace("<br/>", "\n");
        assert!(!label.contains(['<', '>', '&', '%', '{', '}', '`', '\\', '[', ']', '|']), "{line}");
        let mut shown = String::new();
        let mut rest = label.as_str();
        while let Some((text, code)) = rest.split_once('#') {
            let (code, more) = code.split_once(';').unwrap();
            shown.push_str(text);
            shown.push(char::from_u32(code.parse().unwrap()).unwrap());
            rest = more;
        }
        shown.push_str(rest);
        let start: Vec<&str> = before.split_whitespace().collect();
        if let Some(to) = after.strip_prefix('|') {
            edges.push([start[0].to_owned(), to.trim().to_owned()]);
        } else {
            let id = start[0].trim_end_matches(['(', '[']);
            labels.push((id.to_owned(), shown));
        }
    }
    check_graph(plan, &labels, &edges);
}

fn check(plan: &Plan, picture: &Picture) {
    check_svg(plan, &picture.svg());
    check_text(plan, &picture.to_string());
    check_graphviz(plan, &picture.graphviz());
    check_mermaid(plan, &picture.mermaid());
}

/// What is left of a text in a picture, spaces apart.
fn shown(words: &str) -> String {
    let turns =
        ('\u{200e}'..='\u{200f}').chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}').collect::<Vec<_>>();
    let shown = words.chars().filter(|c| !matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}'));
    let shown = shown.map(|c| match c {
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() || turns.contains(&c) => '\u{fffd}',
        c => c,
    });
    shown.filter(|c| !c.is_whitespace()).collect()
}

/// The words at the place of death, spaces apart, in the SVG and in the text.
fn check_words(picture: &Picture, words: &str) {
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let svg = picture.svg();
    let document = parse(&svg);
    let dead: Vec<_> = document.descendants().filter(|node| has_class(node, "death")).collect();
    assert_eq!(dead.len(), 1, "{svg}");
    assert!(dead[0].descendants().any(|node| has_class(&node, "cross")), "{svg}");
    let lines =
        dead[0].descendants().filter(|node| has_class(node, "words")).map(|node| node.text().unwrap_or_default());
    assert_eq!(squeezed(&lines.collect::<String>()), shown(words));
    let text = picture.to_string();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(text.contains('✗'));
    let without_branches = squeezed(&text).replace('│', "");
    assert!(without_branches.contains(&shown(words).replace('│', "")), "{text}");
}

fn words() -> impl Strategy<Value = String> {
    const HOSTILE: [&str; 7] = [
        "</text><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)> ' & &amp; &#0; ]]>",
        "\u{1b}[31m\0\u{7}\u{85}\u{fffe}\u{202e}",
        "\\\"]; evil [label=\"\\N\\",
        "%%{init: {}}%% `x` #quot; end | ]]",
        "two\nlines\r\n  h9 --- s9",
        "",
    ];
    prop_oneof![prop::sample::select(&HOSTILE[..]).prop_map(str::to_owned), any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_is_in_a_picture(sketch in sketches()) {
        if let Ok(plan) = sketch.draw().plan() {
            check(&plan, &Picture::of(&plan));
        }
    }

    #[test]
    fn anything_that_is_a_network_has_a_picture(drawing in any_drawing()) {
        if let Ok(plan) = drawing.plan() {
            check(&plan, &Picture::of(&plan));
        }
    }

    #[test]
    fn marks_are_text(sketch in sketches(), way in prop::collection::vec(any::<prop::sample::Index>(), 0..6), place: prop::sample::Index, kind in 0..3, words in words()) {
        let Ok(plan) = sketch.draw().plan() else { return Ok(()) };
        let interfaces: Vec<_> = plan.hosts.iter().flat_map(|host| host.interfaces.iter().map(move |interface| (host.name.as_str(), interface.name.as_str()))).collect();
        prop_assume!(!interfaces.is_empty());
        let marks = way.iter().map(|at| at.get(&interfaces)).fold(Marks::new(), |marks, (host, interface)| marks.over(*host, *interface));
        let (host, interface) = *place.get(&interfaces);
        let marks = match kind {
            0 => marks.died_in(host, &words),
            1 => marks.died_at(host, interface, &words),
            _ => marks.died_on(place.get(&plan.segments).name.to_string(), &words),
        };
        let picture = Picture::of(&plan).mark(&marks);
        check(&plan, &picture);
        check_words(&picture, &words);
        let svg = picture.svg();
        let document = parse(&svg);
        let steps: usize = document.descendants().filter(|node| has_class(node, "way")).map(|node| node.attribute("data-steps").unwrap().split(' ').count()).sum();
        prop_assert_eq!(steps, way.len());
    }
}

#[test]
fn a_picture_of_a_thousand_hosts_is_small_and_in_order() {
    let array = DrawnHost { count: Some(1000), ..host("node", &["lan"]) };
    let lan = segment("lan", &["10.0.0.0/16", "fd00::/64"]);
    for gateways in [0, 3] {
        let mut hosts = vec![array.clone()];
        let mut segments = vec![lan.clone()];
        for number in 0..gateways {
            segments.push(segment(&format!("s{number}"), &[&format!("10.{}.0.0/24", number + 1)]));
            hosts.push(router(&format!("r{number}"), &["lan", &format!("s{number}")]));
        }
        let plan = draw(segments, hosts).plan().unwrap();
        let picture = Picture::of(&plan);
        check(&plan, &picture);
        assert!(picture.svg().len() < 2_000_000, "{}", picture.svg().len());
        assert!(picture.to_string().lines().all(|line| line.chars().count() <= 100));
    }
}

#[test]
fn names_that_mean_something_elsewhere_are_names() {
    let mut plan_hosts = vec![host("a", &["lan"]), host("b", &["lan"])];
    for (host, name) in plan_hosts.iter_mut().zip(["<&>\"'\\#", "end]|`{x}&lt;"]) {
        host.interfaces = vec![DrawnInterface { name: Some(name.to_owned()), ..on("lan") }];
    }
    let plan = draw(vec![segment("lan", &["10.0.0.0/24"])], plan_hosts).plan().unwrap();
    check(&plan, &Picture::of(&plan));
}

#[test]
fn where_there_is_nothing_there_is_a_picture_of_that() {
    let plan = Drawing::default().plan().unwrap();
    let picture = Picture::of(&plan);
    check(&plan, &picture);
    assert_eq!(picture.to_string(), "no hosts and no segments\n");
}

#[test]
fn marks_of_what_is_not_there_are_told_in_every_form() {
    let plan = draw(vec![segment("lan", &["10.0.0.0/24"])], vec![host("a", &["lan"])]).plan().unwrap();
    let marks = Marks::new().over("nobody", "eth0").over("a", "eth7").died_on("wan", "far <away>");
    let picture = Picture::of(&plan).mark(&marks);
    let svg = picture.svg();
    let notes: Vec<_> = parse(&svg)
        .descendants()
        .filter(|node| has_class(node, "note"))
        .map(|node| node.text().unwrap().to_owned())
        .collect();
    let expected = ["nobody eth0, on the way", "a eth7, on the way", "segment wan, where it died: far <away>"];
    assert_eq!(notes, expected.map(|note| format!("not in this picture: {note}")));
    for form in [picture.to_string(), picture.graphviz(), picture.mermaid().replace("#60;", "<").replace("#62;", ">")] {
        assert!(notes.iter().all(|note| form.contains(note)), "{form}");
    }
}
