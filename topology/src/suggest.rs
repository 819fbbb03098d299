//! Did you mean …?

/// The candidate that `word` was most probably meant to be, if any is near enough.
///
/// ```
/// use netns_test_topology::did_you_mean;
/// assert_eq!(did_you_mean("namespace", ["namespaces", "veth"]), Some("namespaces"));
/// assert_eq!(did_you_mean("colour", ["namespaces", "veth"]), None);
/// assert_eq!(did_you_mean("lna", ["wan", "lan"]), Some("lan"));
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (nearness(word, candidate), candidate))
        .filter(|(nearness, _)| *nearness > NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// From which nearness on, between 0 and 1, a word is probably meant.
const NEAR: f64 = 0.8;

/// Two letters in each other's place are the commonest slip, and in a short word all that there is: the measure does not see it.
fn nearness(word: &str, candidate: &str) -> f64 {
    let measured = strsim::jaro_winkler(word, candidate);
    let is_transposed = word.len() == candidate.len() && word.len() > 2 && strsim::osa_distance(word, candidate) == 1;
    let is_transposed = is_transposed && strsim::hamming(word, candidate) == Ok(2);
    if is_transposed { measured.max(f64::midpoint(NEAR, 1.0)) } else { measured }
}
