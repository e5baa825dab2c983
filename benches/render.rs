//! How long paper takes: 10,000 slips, their codes, charts. `cargo bench --bench render`

use std::time::Instant;

use pingjia::domain::paper::{Item, ItemId, Paper, Scale, Section};
use pingjia::domain::slip::{PollTag, SlipCode};
use pingjia::render::qr::Qr;
use pingjia::render::slips::{SlipOptions, SlipSheet};

const SLIPS: u128 = 10_000;

fn main() -> Result<(), pingjia::render::RenderError> {
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

    let begin = Instant::now();
    let mut file = Vec::new();
    sheet.write_pdf(&slips, |_| (), &mut file)?;
    let seconds = begin.elapsed().as_secs_f64();
    println!("10,000 slips as PDF: {seconds:.2} s, {:.1} MB, peak memory {}", mega(file.len()), peak_memory());
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
