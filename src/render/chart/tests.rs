use super::*;
use crate::domain::paper::{ItemId, Scale, Section};

fn item(title: &str, counts: [u64; 5], rate: bool) -> ItemBars {
    let item = Item {
        id: ItemId::from("home"),
        section: Section::Overall,
        scale: Scale::Satisfaction,
        title: title.to_owned(),
    };
    let answers = item.scale.answers().iter().copied().zip(counts).collect();
    let tally = ItemTally { item: item.id.clone(), answers, abstain: counts[4] };
    let mark = |label: &str, num| Mark { label: label.to_owned(), at: Fraction::new(num, 100).unwrap() };
    let rate = rate.then(|| Rate {
        label: "满意率".to_owned(),
        numerator: counts[0] + counts[1],
        base: tally.total(),
        marks: vec![mark("本市门槛 ≥ 90%", 90), mark("低于 70% 须整顿", 70)],
    });
    ItemBars::new(&item, &tally, rate)
}

fn charts() -> Vec<(&'static str, Chart)> {
    let distribution = |items| Chart::Distribution { title: "各项评价".to_owned(), items };
    let bars = |counts: [u64; 5]| {
        ["应到", "实到", "发出票", "收回票", "有效票"].map(str::to_owned).into_iter().zip(counts).collect()
    };
    let third = Mark { label: "建议到会率 ≥ 三分之二".to_owned(), at: Fraction::new(2, 3).unwrap() };
    vec![
        (
            "distribution",
            distribution(vec![
                item("职工之家建设（建家活动）", [127, 10, 0, 0, 0], true),
                item("组织建设与民主管理", [90, 20, 12, 10, 5], false),
                item("办实事", [1, 1, 1, 133, 1], true),
            ]),
        ),
        ("empty", distribution(vec![item("职工之家建设（建家活动）", [0; 5], true)])),
        (
            "turnout",
            Chart::Turnout {
                title: "到会与投票".to_owned(),
                bars: bars([150, 141, 141, 137, 137]),
                base: 150,
                mark: Some(third),
            },
        ),
        ("nobody", Chart::Turnout { title: "到会与投票".to_owned(), bars: bars([0; 5]), base: 0, mark: None }),
        (
            "rollup",
            Chart::RollUp {
                title: "所属工会评家结果".to_owned(),
                outcomes: [("达标", 812), ("未达标", 40), ("无法评定", 3), ("无效", 1), ("未开展", 144)]
                    .map(|(label, count)| (label.to_owned(), count))
                    .to_vec(),
                rates: (0..855).map(|place| (60 + (place * 7) % 41, 100)).collect(),
            },
        ),
    ]
}

#[test]
fn svgs_obey_a_strict_content_security_policy_and_say_what_they_show() {
    for (name, chart) in charts() {
        let svg = chart.svg(PAGE_WIDTH).unwrap();
        assert!(svg.starts_with("<svg xmlns=") && svg.trim_end().ends_with("</svg>"), "{name}");
        assert!(svg.contains(&format!("<title>{}</title><desc>", chart.title())), "{name}");
        for forbidden in ["style", "script", "href", " width=\"1440\" height"] {
            assert!(!svg.split('>').next().unwrap().contains(forbidden), "{name}: {forbidden}");
        }
        assert!(!svg.contains("style=") && !svg.contains("<script"), "{name}");
        assert_eq!(svg.matches("<svg").count(), 1, "{name}");
        assert!(svg.contains("fill=\"#FFFFFF\""), "{name}: a ground of its own for dark pages");
        assert_eq!(svg, chart.svg(PAGE_WIDTH).unwrap(), "{name}: same input, same bytes");
    }
}

#[test]
fn every_count_and_threshold_is_written_out() {
    let all = charts();
    let svg = all[0].1.svg(PAGE_WIDTH).unwrap();
    for words in ["满意 127（92.70%）", "基本满意 10（7.29%）", "满意率 100.00%（137 ÷ 137）", "本市门槛 ≥ 90%"]
    {
        assert!(svg.contains(words), "{words}");
    }
    assert!(all[1].1.svg(PAGE_WIDTH).unwrap().contains("没有有效票"));
    assert!(all[2].1.svg(PAGE_WIDTH).unwrap().contains("141（94.00%）"));
}

#[test]
fn the_table_has_the_same_figures() {
    let all = charts();
    let table = all[0].1.table();
    assert_eq!(table.rows[0], ["职工之家建设（建家活动）", "满意", "127", "92.70%"]);
    assert_eq!(table.rows[5][2..], ["137 ÷ 137", "100.00%"]);
    assert_eq!(all[1].1.table().rows[0][3], "—");
    let spread: u64 = draw::bins(&[(100, 100), (899, 1000), (0, 5), (0, 0)]).iter().map(|(_, count)| count).sum();
    assert_eq!(spread, 3, "a rate without a base is in no class");
}

/// Bars and words are drawn in a bitmap from the embedded font alone. Set `PINGJIA_PICTURES` to keep the files.
#[test]
fn pngs_show_something() {
    for (name, chart) in charts() {
        for page_width in [PAGE_WIDTH, 420.0] {
            let file = chart.png(page_width, 2).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
            let dark = pixels.chunks(3).filter(|pixel| pixel[0] < 100).count();
            assert!(dark > 2_000, "{name}: {dark} dark pixels");
            if let Ok(folder) = std::env::var("PINGJIA_PICTURES") {
                std::fs::write(format!("{folder}/{name}-{page_width}.png"), &file).unwrap();
                std::fs::write(format!("{folder}/{name}-{page_width}.svg"), chart.svg(page_width).unwrap()).unwrap();
            }
        }
    }
}
