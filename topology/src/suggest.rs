//! Did you mean …?

/// The candidate that `word` was most probably meant to be, if any is near enough.
///
/// ```
/// use netns_test_topology::did_you_mean;
/// assert_eq!(did_you_mean("namespace", ["namespaces", "veth"]), Some("namespaces"));
/// assert_eq!(did_you_mean("colour", ["namespaces", "veth"]), None);
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(nearness, _)| *nearness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
