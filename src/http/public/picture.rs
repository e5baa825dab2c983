//! The charts of a result: on its page, and each by itself as a picture.

use crate::domain::paper::{Answer, Scale, Section};
use crate::domain::sheet::{SheetItem, SheetPayload};
use crate::domain::verdict::{Comparator, Metric, RateKind};
use crate::render::chart::{Chart, ItemBars, Mark, Rate};

/// A chart of the result, on its page and by itself as a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// What the verdict rests on.
    Result,
    Detailed,
    Pledges,
    Turnout,
}

impl Picture {
    pub const ALL: [Picture; 4] = [Picture::Result, Picture::Detailed, Picture::Pledges, Picture::Turnout];

    /// By its name in an address; none means the result.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "" | "result" => Picture::Result,
            "detailed" => Picture::Detailed,
            "pledges" => Picture::Pledges,
            "turnout" => Picture::Turnout,
            _ => return None,
        })
    }

    /// The chart; `None` on a paper without such an item.
    #[must_use]
    pub fn chart(self, s: &SheetPayload) -> Option<Chart> {
        match self {
            Picture::Result => distribution(s, "评议结果", &[Section::Overall, Section::Awareness]),
            Picture::Detailed => distribution(s, "分项评价", &[Section::Detailed]),
            Picture::Pledges => distribution(s, "办实事承诺兑现", &[Section::Pledges]),
            Picture::Turnout => Some(turnout(s)),
        }
    }

    /// The chart under a title that says whose it is, for where nothing else says so.
    #[must_use]
    pub fn alone(self, s: &SheetPayload) -> Option<Chart> {
        let mut chart = self.chart(s)?;
        let (Chart::Distribution { title, .. } | Chart::Turnout { title, .. } | Chart::RollUp { title, .. }) =
            &mut chart;
        *title = format!("{}　{}　{title}", s.union.name, s.round.title);
        Some(chart)
    }
}

fn distribution(s: &SheetPayload, title: &str, sections: &[Section]) -> Option<Chart> {
    let chosen = s.items.iter().filter(|item| sections.contains(&item.section));
    let items: Vec<ItemBars> = chosen.map(|item| ItemBars::new(&item.item(), &item.tally(), rate(s, item))).collect();
    (!items.is_empty()).then(|| Chart::Distribution { title: title.to_owned(), items })
}

fn turnout(s: &SheetPayload) -> Chart {
    let c = &s.counts;
    let bars = [("应到", c.expected), ("实到", c.present), ("发出", c.issued), ("收回", c.returned), ("有效", c.valid)];
    Chart::Turnout {
        title: "到会与收票".to_owned(),
        bars: bars.map(|(label, count)| (label.to_owned(), count)).into(),
        base: c.expected,
        mark: None,
    }
}

/// The rate of an item with every threshold that it is held against; that of a pledge (兑现率) is held against none.
fn rate(s: &SheetPayload, item: &SheetItem) -> Option<Rate> {
    let of_item = |metric: &&Metric| metric.id.strip_prefix("satisfaction.").unwrap_or(&metric.id) == item.id.as_str();
    let metrics: Vec<&Metric> = s.assessment.metrics.iter().filter(of_item).collect();
    let Some(first) = metrics.first() else {
        let label = RateKind::Fulfilment.label().to_owned();
        let of_pledge = |base| Rate { label, numerator: item.count(Answer::Kept), base, marks: Vec::new() };
        return item.total().filter(|_| item.scale == Scale::Pledge).map(of_pledge);
    };
    let mark = |metric: &&Metric| {
        let word = if metric.comparator == Comparator::Below { "整顿线" } else { "门槛" };
        Mark { label: format!("{word} {}", metric.threshold.percentage()), at: metric.threshold }
    };
    Some(Rate {
        label: first.kind().label().to_owned(),
        numerator: first.numerator,
        base: first.base,
        marks: metrics.iter().map(mark).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sheet::sample::Sample;

    #[test]
    fn a_pledge_has_a_rate_without_a_threshold() {
        let table = Picture::Pledges.chart(&Sample::new().sheet(&[])).unwrap().table();
        assert_eq!(table.rows.last().unwrap()[1..], ["兑现率", "19 ÷ 23", "82.60%"]);
    }
}
