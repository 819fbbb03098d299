//! What the words of an impairment say.

use std::time::Duration;

use crate::rules::network::meant;
use crate::rules::report::Refusal;
use crate::{Distribution, DrawnImpairment, Impairment, ImpairmentPart, Loss, PRESETS, Percent, Rate, units};

/// What stands for what could not be read: a link that has all of which another word could be accused to need it.
const IN_DOUBT: Impairment =
    Impairment::new().delay(Duration::from_millis(1)).jitter(Duration::from_millis(1)).rate(Rate::gbit(1));

/// Reads the words, starting from what there is without them; a preset is instead of that. `refuse` is told what cannot be read.
pub(super) fn read(
    drawn: &DrawnImpairment,
    without: Impairment,
    refuse: &mut dyn FnMut(ImpairmentPart, Refusal),
) -> Impairment {
    let mut reader = Reader { start: without, refuse };
    reader.start = reader.word(ImpairmentPart::Preset, drawn.preset.as_deref(), |start| *start, preset);
    Impairment {
        delay: reader.word(ImpairmentPart::Delay, drawn.delay.as_deref(), |start| start.delay, time("delay")),
        jitter: reader.word(ImpairmentPart::Jitter, drawn.jitter.as_deref(), |start| start.jitter, time("jitter")),
        distribution: reader.word(
            ImpairmentPart::Distribution,
            drawn.distribution.as_deref(),
            |start| start.distribution,
            distribution,
        ),
        loss: reader.word(ImpairmentPart::Loss, drawn.loss.as_deref(), |start| start.loss, loss),
        duplicate: reader.word(ImpairmentPart::Duplicate, drawn.duplicate.as_deref(), |start| start.duplicate, share),
        reorder: reader.word(ImpairmentPart::Reorder, drawn.reorder.as_deref(), |start| start.reorder, share),
        corrupt: reader.word(ImpairmentPart::Corrupt, drawn.corrupt.as_deref(), |start| start.corrupt, share),
        rate: reader.word(ImpairmentPart::Rate, drawn.rate.as_deref(), |start| start.rate, rate),
        limit: drawn.limit.or(reader.start.limit),
        mtu_black_hole: drawn.mtu_black_hole.or(reader.start.mtu_black_hole),
    }
}

struct Reader<'a> {
    /// What there is where nothing is written.
    start: Impairment,
    refuse: &'a mut dyn FnMut(ImpairmentPart, Refusal),
}

impl Reader<'_> {
    /// What a word says, or what there is without it.
    fn word<T>(
        &mut self,
        part: ImpairmentPart,
        text: Option<&str>,
        of: fn(&Impairment) -> T,
        parse: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> T {
        let Some(text) = text else { return of(&self.start) };
        parse(text).unwrap_or_else(|refusal| {
            (self.refuse)(part, refusal);
            of(&IN_DOUBT)
        })
    }
}

fn preset(text: &str) -> Result<Impairment, Refusal> {
    let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
    Impairment::preset(text).ok_or_else(|| (format!("there is no preset `{text}`"), meant("presets", text, &names)))
}

fn time(word: &str) -> impl FnOnce(&str) -> Result<Duration, Refusal> {
    move |text| units::delay(word, text).map_err(without_help)
}

fn distribution(text: &str) -> Result<Distribution, Refusal> {
    match text {
        "uniform" => Ok(Distribution::Uniform),
        "normal" => Ok(Distribution::Normal),
        _ => Err((format!("there is no distribution `{text}`"), meant("distributions", text, &["uniform", "normal"]))),
    }
}

/// One share, or the model of Gilbert and Elliott with its probabilities in the order of tc-netem(8).
fn loss(text: &str) -> Result<Loss, Refusal> {
    let mut words = text.split(' ');
    if words.next() != Some("gemodel") {
        return share(text).map(Loss::Independent);
    }
    let shares = words.map(share).collect::<Result<Vec<_>, _>>()?;
    let (good_to_bad, bad_to_good, in_bad, in_good) = match shares[..] {
        [p, r] => (p, r, Percent::ALL, Percent::ZERO),
        [p, r, in_bad] => (p, r, in_bad, Percent::ZERO),
        [p, r, in_bad, in_good] => (p, r, in_bad, in_good),
        _ => {
            let message = format!("`{text}` is not a model of loss in bursts");
            let help = "write for example `gemodel 1% 30%`: how often the link becomes bad, and how often good again; then \
                        may stand the loss while it is bad (`100%`), and while it is good (`0%`)";
            return Err((message, Some(help.to_owned())));
        }
    };
    Ok(Loss::GilbertElliott { good_to_bad, bad_to_good, in_bad, in_good })
}

fn share(text: &str) -> Result<Percent, Refusal> {
    text.parse().map_err(without_help)
}

fn rate(text: &str) -> Result<Option<Rate>, Refusal> {
    text.parse().map(Some).map_err(without_help)
}

fn without_help(message: String) -> Refusal {
    (message, None)
}
