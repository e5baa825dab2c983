//! How long paper takes: 10,000 slips, their codes, charts. `cargo bench --bench render`

use std::time::Instant;

use pingjia::domain::paper::{Item, ItemId, Paper, Scale, Section};
use pingjia::domain::slip::{PollTag, SlipCode};
use pingjia::domain::standing::DecidingRate;
use pingjia::domain::verdict::{Comparator, Fraction, RateKind};
use pingjia::render::chart::{Chart, ItemBars, PAGE_WIDTH, Part, Tone};
use pingjia::render::qr::Qr;
use pingjia::render::rollup_pdf::{RollUpRow, RollUpSheet};
use pingjia::render::slips::{SlipOptions, SlipSheet};
use pingjia::render::{RenderError, workbook};

const SLIPS: u128 = 10_000;
/// Slips by reportlab: fewer, as each takes milliseconds.
const THEIRS: u32 = 300;

fn main() -> Result<(), RenderError> {
    let tag = PollTag::from_random(0x0123_4567);
    let slips: Vec<SlipCode> = (1..=SLIPS)
        .map(|place| SlipCode::from_random(tag, place.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)))
        .collect();
    let item = |title: &str| Item {
        id: ItemId::from(title),
        section: Section::Overall,
        scale: Scale::Satisfaction,
        title: title.to_owned(),
    };
    let paper = Paper {
        items: ["职工之家建设（建家活动）", "工会工作", "工会主席履职"].map(item).to_vec(),
        comment: false,
    };
    let sheet = SlipSheet {
        title: "2026年度会员评议职工之家",
        union_name: "平安里街道滨海科技产业园区联合基层工会委员会",
        closes: "2026年11月30日18时",
        public_url: "https://pj.laiyang.example.cn",
        paper: &paper,
        options: SlipOptions::default(),
    };

    let begin = Instant::now();
    let dark: usize = slips
        .iter()
        .take(1_000)
        .filter_map(|slip| Qr::of(&sheet.link(slip)).ok())
        .map(|code| code.outline().len())
        .sum();
    println!("QR code with outline: {:.0} µs ({dark} polygons in 1,000)", begin.elapsed().as_secs_f64() * 1e3);

    against_reportlab(&sheet, &slips)?;
    sheets()?;
    charts()
}

/// Ours and reportlab's in turns: the ratio within one round is what counts.
fn against_reportlab(sheet: &SlipSheet<'_>, slips: &[SlipCode]) -> Result<(), RenderError> {
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let begin = Instant::now();
        let length = sheet.write_pdf(slips, |_| (), std::io::sink())?;
        let ours = begin.elapsed().as_secs_f64();
        let length = usize::try_from(length).unwrap_or(0);
        println!("10,000 slips as PDF: {ours:.2} s, {:.1} MB, peak memory {}", mega(length), peak_memory());
        match reportlab() {
            Ok((seconds, kilobytes)) => {
                let ratio = seconds * 10_000.0 / f64::from(THEIRS) / ours;
                println!(
                    "  round {round}: {THEIRS} slips by reportlab {seconds:.2} s, {kilobytes} kB; ratio {ratio:.0}"
                );
                ratios.push(ratio);
            }
            Err(why) => println!("  no ratio: {why}"),
        }
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(middle) = ratios.get(ratios.len() / 2) {
        println!("10,000 slips against reportlab, median: {middle:.0} times as fast (goal 50)");
    }
    Ok(())
}

/// Seconds and kilobytes that reportlab takes, by the Python that `PINGJIA_REPORTLAB` names.
fn reportlab() -> Result<(f64, u64), String> {
    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/slips_by_reportlab.py");
    const FONT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fonts/NotoSansSC-Regular.ttf");
    let python = std::env::var("PINGJIA_REPORTLAB").unwrap_or_else(|_| "python3".to_owned());
    let output = std::env::temp_dir().join("slips-by-reportlab.pdf");
    let done = std::process::Command::new(&python)
        .args([SCRIPT, &THEIRS.to_string(), "5", FONT, &output.to_string_lossy()])
        .output()
        .map_err(|error| format!("{python}: {error}"))?;
    if done.status.code() == Some(3) {
        return Err(format!(
            "{python} has no reportlab: python3 -m venv V && V/bin/pip install reportlab, then PINGJIA_REPORTLAB=V/bin/python"
        ));
    }
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let mut figures = said.split_whitespace();
    let seconds = figures.next().and_then(|figure| figure.parse().ok());
    let kilobytes = figures.next().and_then(|figure| figure.parse().ok());
    seconds.zip(kilobytes).ok_or_else(|| String::from_utf8_lossy(&done.stderr).into_owned())
}

/// A roll-up of 5,000 unions, and its workbook.
fn sheets() -> Result<(), RenderError> {
    let row = |place: u64| RollUpRow {
        union_name: format!("莱阳路街道第{place}社区工会"),
        category: "联合基层工会".to_owned(),
        expected: Some(150),
        present: Some(140),
        issued: Some(140),
        returned: Some(139),
        valid: Some(137),
        rate: Some(DecidingRate {
            kind: RateKind::Satisfaction,
            numerator: 100 + place % 38,
            base: 137,
            comparator: Comparator::AtLeast,
            threshold: Fraction::TWO_THIRDS,
        }),
        outcome: "达标".to_owned(),
        sheet: "abcdefghij234567".to_owned(),
        titles: String::new(),
        titled_on: String::new(),
    };
    let sheet = RollUpSheet {
        superior: "市北区总工会".to_owned(),
        title: "2026年度会员评议职工之家情况汇总表".to_owned(),
        as_of: "截至2026年12月5日".to_owned(),
        rows: (0..5_000).map(row).collect(),
        outcomes: vec![("达标".to_owned(), 5_000)],
        date: time::Date::MIN.replace_year(2026).unwrap_or(time::Date::MIN),
    };
    let begin = Instant::now();
    let file = sheet.pdf()?;
    println!("roll-up of 5,000 unions as PDF: {:.2} s, {:.1} MB", begin.elapsed().as_secs_f64(), mega(file.len()));
    let begin = Instant::now();
    let file = workbook::roll_up(&sheet)?;
    println!("roll-up of 5,000 unions as workbook: {:.2} s, {:.1} MB", begin.elapsed().as_secs_f64(), mega(file.len()));
    Ok(())
}

/// One chart of five items, as SVG and PNG.
fn charts() -> Result<(), RenderError> {
    let part = |label: &str, count, tone| Part { label: label.to_owned(), count, tone };
    let parts = vec![
        part("满意", 127, Tone::Full),
        part("基本满意", 10, Tone::Mostly),
        part("不满意", 3, Tone::Against),
        part("不了解", 2, Tone::Unknown),
        part("弃权", 1, Tone::Blank),
    ];
    let item = ItemBars { title: "职工之家建设（建家活动）".to_owned(), parts, rate: None };
    let chart = Chart::Distribution { title: "各项评价".to_owned(), items: vec![item; 5] };
    let begin = Instant::now();
    for _ in 0..100 {
        chart.svg(PAGE_WIDTH)?;
    }
    println!("chart of five items as SVG: {:.0} µs", begin.elapsed().as_secs_f64() * 1e4);
    let begin = Instant::now();
    let file = chart.png(PAGE_WIDTH, 2)?;
    println!("the same as PNG: {:.0} ms, {:.2} MB", begin.elapsed().as_secs_f64() * 1e3, mega(file.len()));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The process's high-water mark of memory, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned()
}
