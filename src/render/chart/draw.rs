//! How each chart is laid out. Every function draws from `y` downwards and returns where it ended.

use plotters_backend::{DrawingBackend, DrawingErrorKind};

use super::pen::{Align, GREY, INK, NAVY, PALE, Pen, RED, WHITE};
use super::{Chart, ItemBars, Mark, Rate, strip};
use crate::domain::verdict::percent;
use crate::render::font::{self, Face};
use crate::render::number::{real, share};

const MARGIN: f64 = 16.0;
const BODY: f64 = 13.0;
const SMALL: f64 = 12.0;
/// Shortest bar that still shows a share beside its words.
const ROOM_FOR_BARS: f64 = 90.0;
/// Least width of a histogram whose columns have readable words below them.
const ROOM_FOR_COLUMNS: f64 = 600.0;

type Drawn<B> = Result<f64, DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Draws the whole chart and returns its height.
pub(super) fn chart<B: DrawingBackend>(chart: &Chart, pen: &mut Pen<'_, B>) -> Drawn<B> {
    let mut y = 14.0;
    if !chart.title().is_empty() {
        for line in font::wrap(Face::Sans, 17.0, pen.page_width() - 2.0 * MARGIN, chart.title()) {
            pen.text((MARGIN, y + 15.0), Align::Left, 17.0, INK, &line)?;
            y += 24.0;
        }
        y += 6.0;
    }
    match chart {
        Chart::Distribution { items, .. } => {
            for (place, item) in items.iter().enumerate() {
                y = item_bars(pen, y + if place == 0 { 0.0 } else { 16.0 }, item)?;
            }
        }
        Chart::Turnout { bars, base, mark, .. } => y = shares(pen, y, bars, *base, mark.as_ref(), "")?,
        Chart::RollUp { outcomes, rates, .. } => {
            let all = outcomes.iter().map(|(_, count)| count).sum();
            y = shares(pen, y, outcomes, all, None, " 家")?;
            y = histogram(pen, y + 22.0, rates)?;
        }
    }
    Ok(y + 12.0)
}

/// One item: its name, the bar of answers, the words for each part, the rate.
fn item_bars<B: DrawingBackend>(pen: &mut Pen<'_, B>, y: f64, item: &ItemBars) -> Drawn<B> {
    let length = pen.page_width() - 2.0 * MARGIN;
    let right = pen.page_width() - MARGIN;
    let total = item.total();
    let note = format!("有效票 {total}");
    pen.text((right, y + 13.0), Align::Right, SMALL, GREY, &note)?;
    let room = length - font::width(Face::Sans, SMALL, &note) - 16.0;
    let mut y = y;
    for line in font::wrap(Face::Sans, 14.0, room, &item.title) {
        pen.text((MARGIN, y + 13.0), Align::Left, 14.0, INK, &line)?;
        y += 20.0;
    }
    let (top, height) = (y, 24.0);
    if total == 0 {
        pen.frame((MARGIN, top), (length, height), GREY)?;
        let middle = (MARGIN + length / 2.0, top + 16.5);
        pen.text(middle, Align::Middle, SMALL, GREY, "没有有效票，无法计算")?;
    }
    let mut before = 0;
    for part in item.parts.iter().filter(|part| part.count > 0) {
        let (from, to) = (share(before, total) * length, share(before + part.count, total) * length);
        pen.fill(part.tone, (MARGIN + from, top), (to - from, height))?;
        before += part.count;
    }
    let y = legend(pen, top + height + 6.0, item)?;
    match &item.rate {
        Some(rate) => rate_bar(pen, y + 6.0, rate),
        None => Ok(y),
    }
}

/// Swatch and words for every part, in reading order, on as many lines as needed.
fn legend<B: DrawingBackend>(pen: &mut Pen<'_, B>, y: f64, item: &ItemBars) -> Drawn<B> {
    let right = pen.page_width() - MARGIN;
    let (mut x, mut y) = (MARGIN, y);
    for part in &item.parts {
        let shown = percent(part.count, item.total()).map_or(String::new(), |percent| format!("（{percent}）"));
        let words = format!("{} {}{shown}", part.label, part.count);
        let wide = 18.0 + font::width(Face::Sans, SMALL, &words);
        if x > MARGIN && x + wide > right + 8.0 {
            (x, y) = (MARGIN, y + 20.0);
        }
        pen.fill(part.tone, (x, y + 3.0), (13.0, 11.0))?;
        pen.text((x + 18.0, y + 13.0), Align::Left, SMALL, INK, &words)?;
        x += wide + 8.0;
    }
    Ok(y + 20.0)
}

/// A rate as a bar of its own from 0 to 100 %, with its thresholds as red lines, each with its words.
fn rate_bar<B: DrawingBackend>(pen: &mut Pen<'_, B>, y: f64, rate: &Rate) -> Drawn<B> {
    let length = pen.page_width() - 2.0 * MARGIN;
    let words = match percent(rate.numerator, rate.base) {
        Some(shown) => format!("{} {shown}（{} ÷ {}）", rate.label, rate.numerator, rate.base),
        None => format!("{} 无法计算（没有可作分母的票）", rate.label),
    };
    pen.text((MARGIN, y + 12.0), Align::Left, BODY, INK, &words)?;
    let (top, height) = (y + 19.0, 11.0);
    pen.rect((MARGIN, top), (length, height), PALE)?;
    let filled = share(rate.numerator, rate.base) * length;
    if filled > 0.0 {
        pen.rect((MARGIN, top), (filled, height), NAVY)?;
    }
    let bottom = top + height + 3.0;
    marks(pen, (top - 4.0, bottom), length, MARGIN, &rate.marks)
}

/// Threshold lines from `top` to below the bar's `bottom`, each down to its own line of words.
fn marks<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    (top, bottom): (f64, f64),
    length: f64,
    left: f64,
    marks: &[Mark],
) -> Drawn<B> {
    // Lowest first: a line then never runs through the words of another.
    let mut marks: Vec<&Mark> = marks.iter().collect();
    marks.sort_by_key(|mark| mark.at.num().saturating_mul(1_000_000) / mark.at.den());
    let mut y = bottom;
    for mark in marks {
        let x = left + share(mark.at.num(), mark.at.den()) * length;
        pen.line((x, top), (x, bottom), WHITE, 4.2)?;
        pen.line((x, top), (x, y + 13.0), RED, 1.8)?;
        let wide = font::width(Face::Sans, SMALL, &mark.label);
        let (at, align) = if x - 6.0 - wide >= MARGIN { (x - 6.0, Align::Right) } else { (x + 6.0, Align::Left) };
        pen.text((at, y + 12.0), align, SMALL, INK, &mark.label)?;
        y += 17.0;
    }
    Ok(y)
}

/// Horizontal bars, one a line: words, bar, count and share of `base`.
fn shares<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    y: f64,
    bars: &[(String, u64)],
    base: u64,
    mark: Option<&Mark>,
    unit: &str,
) -> Drawn<B> {
    let longest = |texts: &mut dyn Iterator<Item = String>| {
        texts.map(|text| font::width(Face::Sans, BODY, &text)).fold(0.0, f64::max)
    };
    let value = |count: u64| match percent(count, base) {
        Some(shown) => format!("{count}{unit}（{shown}）"),
        None => format!("{count}{unit}"),
    };
    let left = MARGIN + longest(&mut bars.iter().map(|(label, _)| label.clone())) + 12.0;
    let right = pen.page_width() - MARGIN - longest(&mut bars.iter().map(|(_, count)| value(*count))) - 10.0;
    if right - left < ROOM_FOR_BARS {
        return stacked(pen, y, bars, base, mark, &value);
    }
    let (length, top, mut y) = (right - left, y, y);
    for (label, count) in bars {
        pen.text((left - 12.0, y + 16.0), Align::Right, BODY, INK, label)?;
        pen.rect((left, y + 3.0), (length, 17.0), PALE)?;
        let filled = share(*count, base) * length;
        if filled > 0.0 {
            pen.rect((left, y + 3.0), (filled, 17.0), NAVY)?;
        }
        pen.text((right + 10.0, y + 16.0), Align::Left, BODY, INK, &value(*count))?;
        y += 26.0;
    }
    match mark {
        Some(mark) => marks(pen, (top - 2.0, y), length, left, std::slice::from_ref(mark)),
        None => Ok(y),
    }
}

/// The same on a narrow page: words and count on one line, the bar below them.
fn stacked<B: DrawingBackend>(
    pen: &mut Pen<'_, B>,
    y: f64,
    bars: &[(String, u64)],
    base: u64,
    mark: Option<&Mark>,
    value: &dyn Fn(u64) -> String,
) -> Drawn<B> {
    let (length, right) = (pen.page_width() - 2.0 * MARGIN, pen.page_width() - MARGIN);
    let (top, mut y) = (y, y);
    for (label, count) in bars {
        pen.text((MARGIN, y + 13.0), Align::Left, BODY, INK, label)?;
        pen.text((right, y + 13.0), Align::Right, BODY, INK, &value(*count))?;
        pen.rect((MARGIN, y + 19.0), (length, 9.0), PALE)?;
        let filled = share(*count, base) * length;
        if filled > 0.0 {
            pen.rect((MARGIN, y + 19.0), (filled, 9.0), NAVY)?;
        }
        y += 37.0;
    }
    match mark {
        Some(mark) => marks(pen, (top - 2.0, y), length, MARGIN, std::slice::from_ref(mark)),
        None => Ok(y),
    }
}

/// Classes of rates for the histogram: below 50 %, then every five points; 100 % stands alone. Rates without a base
/// are left out.
pub(super) fn bins(rates: &[(u64, u64)]) -> Vec<(String, u64)> {
    let mut bins: Vec<(String, u64)> = vec![("不足50%".to_owned(), 0)];
    bins.extend((10..20u64).map(|step| (format!("{}–{}%", step * 5, step * 5 + 5), 0)));
    bins.push(("100%".to_owned(), 0));
    for (numerator, base) in rates {
        let twentieths = (u128::from(*numerator) * 20).checked_div(u128::from(*base));
        let place = twentieths.map(|step| usize::try_from(step.clamp(9, 20) - 9).unwrap_or_default());
        if let Some((_, count)) = place.and_then(|place| bins.get_mut(place)) {
            *count += 1;
        }
    }
    bins
}

fn histogram<B: DrawingBackend>(pen: &mut Pen<'_, B>, y: f64, rates: &[(u64, u64)]) -> Drawn<B> {
    let (mut y, room) = (y, pen.page_width() - 2.0 * MARGIN);
    for line in font::wrap(Face::Sans, 14.0, room, "各单位满意率分布（工会数，每段含下限、不含上限）")
    {
        pen.text((MARGIN, y + 13.0), Align::Left, 14.0, INK, &line)?;
        y += 20.0;
    }
    let bins = bins(rates);
    if room < ROOM_FOR_COLUMNS {
        let all = bins.iter().map(|(_, count)| count).sum();
        return shares(pen, y + 6.0, &bins, all, None, " 家");
    }
    let most = bins.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let (top, height) = (y + 20.0, 130.0);
    let length = room;
    let bottom = top + height;
    for (place, (label, count)) in bins.iter().enumerate() {
        let (from, to) = (strip(length, place, bins.len()), strip(length, place + 1, bins.len()));
        let middle = MARGIN + f64::midpoint(from, to);
        let tall = share(*count, most) * height;
        if tall > 0.0 {
            pen.rect((MARGIN + from + 5.0, bottom - tall), (to - from - 10.0, tall), NAVY)?;
        }
        pen.text((middle, bottom - tall - 5.0), Align::Middle, SMALL, INK, &count.to_string())?;
        let size = font::size_to_fit(Face::Sans, 11.0, 7.0, length / real(bins.len()) - 2.0, label);
        pen.text((middle, bottom + 15.0), Align::Middle, size, INK, label)?;
    }
    pen.line((MARGIN, bottom), (MARGIN + length, bottom), GREY, 1.0)?;
    Ok(bottom + 22.0)
}
