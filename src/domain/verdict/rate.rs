//! How rates, fractions and thresholds are called and written: once, for every page, file and terminal.

use super::{Comparator, Fraction, Metric, percent};
use crate::domain::paper::Scale;

/// What a rate says of the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateKind {
    /// 满意率
    Satisfaction,
    /// 知晓率
    Awareness,
    /// 兑现率
    Fulfilment,
}

impl RateKind {
    /// All kinds.
    pub const ALL: [RateKind; 3] = [RateKind::Satisfaction, RateKind::Awareness, RateKind::Fulfilment];

    /// The kind of a rate over items of this scale.
    #[must_use]
    pub fn of(scale: Scale) -> Self {
        match scale {
            Scale::Satisfaction => RateKind::Satisfaction,
            Scale::Awareness => RateKind::Awareness,
            Scale::Pledge => RateKind::Fulfilment,
        }
    }

    /// The Chinese name.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            RateKind::Satisfaction => "满意率",
            RateKind::Awareness => "知晓率",
            RateKind::Fulfilment => "兑现率",
        }
    }
}

impl Metric {
    /// What the rate says: its formula begins with its name. Where one does not, the id tells, which begins with
    /// `satisfaction.` for all but awareness.
    #[must_use]
    pub fn kind(&self) -> RateKind {
        let name = self.formula.split_once('＝').map_or("", |(name, _)| name);
        let by_id = if self.id.starts_with("satisfaction.") { RateKind::Satisfaction } else { RateKind::Awareness };
        RateKind::ALL.into_iter().find(|kind| kind.label() == name).unwrap_or(by_id)
    }

    /// What the rate is held against: `≥ 90%`, `＜ 70%`.
    #[must_use]
    pub fn threshold_text(&self) -> String {
        self.comparator.against(self.threshold)
    }
}

impl Comparator {
    /// The sign before a threshold.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Comparator::AtLeast => '≥',
            Comparator::Below => '＜',
        }
    }

    /// A threshold with its sign: `≥ 90%`.
    #[must_use]
    pub fn against(self, threshold: Fraction) -> String {
        format!("{} {}", self.sign(), threshold.percentage())
    }

    /// What a deciding rate is held against, in a column of thresholds (门槛): `≥ 90%`, and of a floor `整顿线 70%`, since
    /// who stays clear of it has not reached a threshold of that kind.
    #[must_use]
    pub fn bar(self, threshold: Fraction) -> String {
        match self {
            Comparator::AtLeast => self.against(threshold),
            Comparator::Below => format!("整顿线 {}", threshold.percentage()),
        }
    }
}

impl Fraction {
    /// The fraction as documents write it: `90%`, else cut to two decimals as every rate: `85.50%`, `66.66%`.
    #[must_use]
    pub fn percentage(self) -> String {
        let text = percent(self.num, self.den).unwrap_or_default();
        text.strip_suffix(".00%").map_or(text.clone(), |whole| format!("{whole}%"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sheet::sample::assessment;

    #[test]
    fn thresholds_have_no_needless_decimals() {
        let shown = |num, den| Fraction::new(num, den).unwrap().percentage();
        assert_eq!([shown(90, 100), shown(2, 3), shown(855, 1000)], ["90%", "66.66%", "85.50%"]);
        assert_eq!([shown(1, 1), shown(0, 1)], ["100%", "0%"]);
        let threshold = Fraction::new(7, 10).unwrap();
        let words = [Comparator::AtLeast, Comparator::Below].map(|comparator| comparator.against(threshold));
        assert_eq!(words, ["≥ 70%", "＜ 70%"]);
        let bars = [Comparator::AtLeast, Comparator::Below].map(|comparator| comparator.bar(threshold));
        assert_eq!(bars, ["≥ 70%", "整顿线 70%"]);
    }

    #[test]
    fn a_rate_has_one_name() {
        let mut metric = assessment().metrics.remove(0);
        assert_eq!(metric.kind(), RateKind::Satisfaction, "a formula without a name");
        metric.id = "policies".to_owned();
        assert_eq!(metric.kind(), RateKind::Awareness, "whatever the item is called");
        for (formula, kind) in [
            ("满意率＝满意票÷有效票", RateKind::Satisfaction),
            ("知晓率＝知道票÷有效票", RateKind::Awareness),
            ("兑现率＝已兑现票÷有效票", RateKind::Fulfilment),
        ] {
            metric.formula = formula.to_owned();
            assert_eq!(metric.kind(), kind);
        }
    }
}
