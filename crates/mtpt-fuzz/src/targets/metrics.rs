use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use mtpt::io::fs;
use mtpt::tasks::metric::{bleu, classification, correlation, deviation, per_class, rouge, squad};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// Gold values and predictions of all metrics.
pub(super) const TARGET: Target = Target { name: "metrics", fixtures: &[], read, repair: None };

#[derive(Arbitrary)]
struct Rows {
    classes: Vec<(u8, u8)>,
    positive: u8,
    scores: Vec<(f64, f64)>,
    texts: Vec<(String, Vec<String>)>,
}

fn read(folder: &Path) -> Outcome {
    let bytes = first_file(folder).and_then(|path| fs::read(&path).ok()).unwrap_or_default();
    let rows = match Rows::arbitrary(&mut Unstructured::new(&bytes)) {
        Ok(rows) => rows,
        Err(error) => return Outcome::rejected(&error),
    };
    let pairs = rows.classes.iter();
    let pairs: Vec<_> =
        pairs.map(|&(gold, found)| (usize::from(gold), usize::from(found))).collect();
    let groups: Vec<usize> = pairs.iter().map(|(gold, _)| gold / 4).collect();
    let positive = usize::from(rows.positive);
    let counts = per_class::per_class(&pairs, 256);
    per_class::confusion_matrix(&pairs, 256);
    let (predictions, references): (Vec<_>, Vec<_>) = rows.texts.into_iter().unzip();
    let texts = predictions.iter().zip(&references);
    let per_text = |(text, references): (&String, &Vec<String>)| {
        let reference = references.first().map_or("", String::as_str);
        squad::f1(text, references)
            + squad::f1_v2(text, references)
            + f64::from(u8::from(squad::exact_match(text, references)))
            + rouge::rouge_n(text, reference, 1)
            + rouge::rouge_n(text, reference, 2)
            + rouge::rouge_l(text, reference)
            + rouge::rouge_lsum(text, reference)
    };
    let sum = classification::accuracy(&pairs)
        + classification::f1(&pairs, positive)
        + classification::macro_f1(&pairs)
        + classification::micro_f1(&pairs, &[positive])
        + classification::matthews(&pairs)
        + classification::group_exact_match(&pairs, &groups)
        + counts.iter().map(|counts| counts.f1()).sum::<f64>()
        + correlation::pearson(&rows.scores)
        + correlation::spearman(&rows.scores)
        + deviation::root_mean_squared_error(&rows.scores)
        + deviation::mean_absolute_error(&rows.scores)
        + texts.map(per_text).sum::<f64>()
        + bleu::bleu(&predictions, &references);
    Outcome::accepted(format!(
        "2^{} classes, 2^{} scores, 2^{} texts, {}",
        (pairs.len() + 1).ilog2(),
        (rows.scores.len() + 1).ilog2(),
        (predictions.len() + 1).ilog2(),
        sum.is_finite()
    ))
}
