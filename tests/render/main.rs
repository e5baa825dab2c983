//! Paper and pictures judged by other people's tools: zbarimg, qpdf, poppler. A missing tool fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure is a failed test")]

mod measures;
mod poster;
mod sheet;
mod slips;
#[path = "../tools/mod.rs"]
mod tools;
mod workbook;

use pingjia::domain::paper::{Item, ItemId, Scale, Section};

const UNION: &str = "青岛市市北区平安里街道滨海科技产业园区联合基层工会委员会（含临港分园区各单位）测试";

fn items(count: usize) -> Vec<Item> {
    let overall = ["职工之家建设（建家活动）", "工会工作", "工会主席履职"];
    let detailed =
        ["组织建设与民主管理", "思想引领与职工素质", "维护职工权益", "服务与帮扶", "文体活动与阵地", "经费使用与公开"];
    let titles = overall
        .iter()
        .map(|title| (Section::Overall, Scale::Satisfaction, *title))
        .chain(detailed.iter().map(|title| (Section::Detailed, Scale::Satisfaction, *title)))
        .chain([(Section::Awareness, Scale::Awareness, "您是否知道工会的服务政策")])
        .chain((0..40).map(|_| (Section::Pledges, Scale::Pledge, "为一线职工开展健康体检并建立健康档案")));
    titles
        .take(count)
        .enumerate()
        .map(|(place, (section, scale, title))| Item {
            id: ItemId(format!("item_{place}")),
            section,
            scale,
            title: title.to_owned(),
        })
        .collect()
}
