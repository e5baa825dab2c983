//! What the fields of the staff's forms are called, for the summary of what is wrong: the same words as on the page.

/// The label of a field, by its name in the form.
#[must_use]
pub fn label(field: &str) -> Option<&'static str> {
    LABELS.iter().find(|(name, _)| *name == field).map(|(_, label)| *label)
}

const LABELS: &[(&str, &str)] = &[
    ("applying_for", "申报等级"),
    ("assembly", "评议形式"),
    ("begins", "开始日期"),
    ("category", "工会类别"),
    ("chair", "工会主席"),
    ("chief_scrutineer", "总监票人"),
    ("count", "抽取几家"),
    ("credit_code", "统一社会信用代码（选填）"),
    ("deadline", "期限"),
    ("decided_on", "办理日期"),
    ("done_on", "整改完成日期"),
    ("ends", "结束日期"),
    ("ends_at", "结束那天几时截止"),
    ("expected", "应到人数"),
    ("given_on", "命名日期"),
    ("handed_out", "发出票（张）"),
    ("label", "称号全称"),
    ("member_total", "会员总数"),
    ("name", "姓名"),
    ("named_by", "命名单位"),
    ("place", "地点"),
    ("per_page", "每页张数"),
    ("pledges", "办实事承诺"),
    ("present", "实到人数"),
    ("problems", "主要问题"),
    ("published_on", "公布日期"),
    ("qr_side", "二维码边长（毫米）"),
    ("reason", "作废的原因"),
    ("rectification", "整改措施"),
    ("report", "整改情况"),
    ("responsible", "责任人"),
    ("role", "岗位"),
    ("rule_set", "规则集"),
    ("scrutineers", "监票人"),
    ("slip", "选票码"),
    ("spares", "备用票张数"),
    ("spoiled", "写坏（换下来的，张）"),
    ("tellers", "计票人"),
    ("tier", "称号"),
    ("title", "名称"),
    ("until", "整改期限"),
    ("unused", "剩余（没有发出的，张）"),
    ("username", "用户名"),
    ("way", "公布方式"),
    ("why", "理由和说明"),
    ("year", "年度"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Name and label of every field that a template of the staff draws with the macros of `fields.html`.
    fn drawn() -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for folder in ["chair", "round", "superior"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/templates").join(folder);
            for file in std::fs::read_dir(folder).unwrap() {
                let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
                for call in text.split("::input(form, ").chain(text.split("::area(form, ")) {
                    let mut words = call.split('"');
                    if let (Some(""), Some(name), Some(", "), Some(label)) =
                        (words.next(), words.next(), words.next(), words.next())
                    {
                        found.insert((name.to_owned(), label.to_owned()));
                    }
                }
            }
        }
        found
    }

    #[test]
    fn fields_are_called_what_the_page_calls_them() {
        let drawn = drawn();
        assert!(drawn.len() > 25, "the templates are read: {drawn:?}");
        for (name, on_page) in drawn {
            // One label is a sentence, one name has a second meaning that its form gives.
            if name == "codes" || on_page == "工会名称" {
                continue;
            }
            assert_eq!(label(&name), Some(on_page.as_str()), "{name}");
        }
    }
}
