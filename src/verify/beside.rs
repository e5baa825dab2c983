//! What a sheet rests on and what stands beside it: the rule sets, the opening statement, the sheet that it
//! corrects, the opinion of the union above.

use std::cell::Cell;

use super::Unreadable;
use super::report::Lines;
use crate::domain::dates::in_words;
use crate::domain::jwk::KeySet;
use crate::domain::jws::Statement;
use crate::domain::rules::RuleRegistry;
use crate::domain::sheet::{Judgement, SheetPayload, judge, judge_as_at_first};
use crate::domain::statement::{OpeningStatement, OpinionStatement};
use crate::domain::verdict::Warning;

impl Lines {
    /// The whole assessment anew, by the rule sets that the sheet names. A program that does not know one of
    /// them in that very version says so; one that knows the version with another content does not agree.
    pub(super) fn reassess(&mut self, registry: &RuleRegistry, sheet: &SheetPayload) {
        let named: Vec<_> = std::iter::once(&sheet.round.rule_set).chain(&sheet.round.parents).collect();
        for named in named.iter().filter(|named| registry.contradicts(named)) {
            let text = format!("规则集 {} {} 的内容与本程序所知的一致", named.id, named.version);
            self.finding(false, text);
        }
        let unknown: Vec<String> = named
            .iter()
            .filter(|named| registry.at(named).is_none())
            .map(|named| format!("{} {}", named.id, named.version))
            .collect();
        if !unknown.is_empty() {
            let unknown = unknown.join("、");
            self.not_reassessed = true;
            return self.note(format!("没有重新评定：本程序没有这个内容的规则集 {unknown}；以上只核对了算术"));
        }
        let (set, parents, count) = (&sheet.round.rule_set, &sheet.round.parents, sheet.count());
        let unsaid = Cell::new(false);
        // Earlier sheets do not say to which tiers their rates belong.
        let names_tiers = sheet.assessment.metrics.iter().any(|metric| metric.tier.is_some());
        let stated = |mut judged: Judgement| {
            // Earlier sheets do not say that a general threshold was missed beside a tier.
            judged.assessment.warnings.retain(|own| {
                let earlier = own == Warning::GeneralThreshold.code() && !sheet.assessment.warnings.contains(own);
                unsaid.set(unsaid.get() || earlier);
                !earlier
            });
            for metric in judged.assessment.metrics.iter_mut().filter(|_| !names_tiers) {
                (metric.tier, metric.aside) = (None, false);
            }
            judged.assessment == sheet.assessment
                && judged.parents == sheet.round.parents
                && judged.rule_set_title == sheet.round.rule_set_title
                && judged.electorate == sheet.round.electorate
        };
        let same = judge(registry, set, parents, sheet.round.assembly, &count).is_ok_and(stated)
            || judge_as_at_first(registry, set, parents, &count).is_ok_and(stated);
        let (id, version) = (&sheet.round.rule_set.id, &sheet.round.rule_set.version);
        self.finding(same, format!("按规则集 {id} {version} 重新评定，结果与报告单一致"));
        if same && unsaid.get() {
            let note = "注意：有一项不论等级都适用的门槛没有达到，这份报告单的结论没有写明（较早的报告单都不写）";
            self.note(note);
        }
    }

    pub(super) fn opening_statement(&mut self, sheet: &SheetPayload, keys: Option<&KeySet>) {
        let Some((opening, statement)) = OpeningStatement::signed(&sheet.proof.opening_statement) else {
            return self.finding(false, "报告单附有开箱声明");
        };
        self.signatures("开箱声明", &statement, &opening.issuer.keys, keys);
        if opening.union != sheet.union.name {
            self.note(format!("开始投票时签名的工会名称是“{}”，和报告单上的不同，请核对是不是改过名", opening.union));
        }
        match opening.check(sheet) {
            Ok(findings) => self.findings(findings),
            Err(error) => self.finding(false, format!("开箱声明可以核对：{error}")),
        }
    }

    /// The opening statement as the union above received it before the first ballot: the sheet embeds this very one.
    pub(super) fn received_opening(
        &mut self,
        sheet: &SheetPayload,
        received: &[u8],
        keys: Option<&KeySet>,
    ) -> Result<(), Unreadable> {
        let signed = Statement::parse(received).map_err(Unreadable::Opening)?;
        let opening = OpeningStatement::read(signed.payload())?;
        let OpeningStatement { union, title, roll_root, .. } = &opening;
        self.note(format!(
            "收到的开箱声明：{union}：{title}（{}，选票名册指纹 {roll_root}）",
            in_words(opening.opened_on)
        ));
        self.signatures("收到的开箱声明", &signed, &opening.issuer.keys, keys);
        let same = sheet.proof.opening_statement.as_bytes() == received;
        self.finding(same, "报告单所附的开箱声明与收到的开箱声明逐字节一致");
        Ok(())
    }

    pub(super) fn replaced(&mut self, sheet: &SheetPayload, replaced: Option<&[u8]>) -> Result<(), Unreadable> {
        if let Some(digest) = &sheet.replaces {
            self.note(format!("本报告单更正并取代摘要为 {digest} 的报告单"));
        }
        if let Some(replaced) = replaced {
            let replaced = Statement::parse(replaced).map_err(Unreadable::Replaced)?;
            self.finding(sheet.replaces == Some(replaced.digest()), "被更正的报告单与本报告单所述一致");
        }
        Ok(())
    }

    /// The signed opinion of the union above, and that it is about this sheet.
    pub(super) fn opinion(
        &mut self,
        statement: &Statement,
        sheet: &SheetPayload,
        opinion: &[u8],
        keys: Option<&KeySet>,
    ) -> Result<(), Unreadable> {
        let signed = Statement::parse(opinion).map_err(Unreadable::Opinion)?;
        let opinion = OpinionStatement::read(signed.payload())?;
        let OpinionStatement { superior, by, text, .. } = &opinion;
        self.note(format!(
            "上级意见：{}。{text}（{superior}　{by}　{}）",
            opinion.decision(),
            in_words(opinion.given_on)
        ));
        self.signatures("上级意见", &signed, &opinion.issuer.keys, keys);
        self.findings(opinion.check(sheet, &statement.digest()));
        if sheet.union.superior.as_ref() != Some(superior) {
            let named = sheet.union.superior.as_deref().unwrap_or("（无）");
            self.note(format!("提出意见的是“{superior}”，报告单写明的上级工会是“{named}”"));
        }
        Ok(())
    }
}
