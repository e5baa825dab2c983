//! The registry: the rule sets that are built in and any that an operator adds, each with what it inherits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Indicator, ItemRule, MetricRule, RuleSet, Standard};
use super::reader::Finding;
use crate::domain::poll::RuleSetRef;
use crate::domain::union::Category;

/// The files that are built into the program; the earlier versions because rounds and sheets rest on them.
const EMBEDDED: [(&str, &str); 12] = [
    ("qingdao-2020.toml", include_str!("../../rules/qingdao-2020.toml")),
    ("shandong-2018.toml", include_str!("../../rules/shandong-2018.toml")),
    ("hohhot-2020.toml", include_str!("../../rules/hohhot-2020.toml")),
    ("changzhou-2016.toml", include_str!("../../rules/changzhou-2016.toml")),
    ("chaoyang-2013.toml", include_str!("../../rules/chaoyang-2013.toml")),
    ("shandong-2018-1.0.0.toml", include_str!("../../rules/earlier/shandong-2018-1.0.0.toml")),
    ("hohhot-2020-1.0.0.toml", include_str!("../../rules/earlier/hohhot-2020-1.0.0.toml")),
    ("hohhot-2020-1.1.0.toml", include_str!("../../rules/earlier/hohhot-2020-1.1.0.toml")),
    ("changzhou-2016-1.0.0.toml", include_str!("../../rules/earlier/changzhou-2016-1.0.0.toml")),
    ("changzhou-2016-1.1.0.toml", include_str!("../../rules/earlier/changzhou-2016-1.1.0.toml")),
    ("chaoyang-2013-1.0.0.toml", include_str!("../../rules/earlier/chaoyang-2013-1.0.0.toml")),
    ("chaoyang-2013-1.1.0.toml", include_str!("../../rules/earlier/chaoyang-2013-1.1.0.toml")),
];

/// All rule sets of an installation. Several versions of one set live side by side: a round keeps the version
/// that it was set up with.
#[derive(Debug, Clone, Default)]
pub struct RuleRegistry {
    /// Per id, in ascending order of version.
    sets: BTreeMap<String, Vec<Arc<RuleSet>>>,
}

/// Why a file cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Faults in the file itself.
    #[error("{file} 有{}处错误：{}", findings.len(), findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("；"))]
    Faults { file: String, findings: Vec<Finding> },
    /// The same id and version with another content.
    #[error("{file}：规则集 {id} 的版本 {version} 已经存在，内容却不同；改动后请提高版本号")]
    SameVersion { file: String, id: String, version: String },
    /// A parent that is not there.
    #[error("规则集 {id} 的上级规则集 {parent} 不存在")]
    UnknownParent { id: String, parent: String },
    /// An item that the rule set above asks in other words than these answers allow.
    #[error("规则集 {id} 的项目 {item} 与上级规则集 {parent} 的同名项目档次不同")]
    OtherScale { id: String, parent: String, item: String },
    /// Parents that lead back to where they began.
    #[error("规则集 {id} 的上级关系成环")]
    Circle { id: String },
}

/// A question about a rule set or category that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownRule {
    #[error("没有规则集“{id}”；现有：{known}")]
    RuleSet { id: String, known: String },
    #[error("规则集 {rule_set} 没有关于“{category}”的规定；它的类别有：{known}")]
    Category { rule_set: String, category: &'static str, known: String },
}

impl UnknownRule {
    /// Stable code for interfaces.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            UnknownRule::RuleSet { .. } => "unknown_rule_set",
            UnknownRule::Category { .. } => "unknown_category",
        }
    }
}

/// What applies to a union of one category, for people to read before a round.
#[derive(Debug, Clone)]
pub struct Requirements {
    pub metrics: Vec<MetricRule>,
    /// Declared figures with their standards; none of them changes a verdict.
    pub standards: Vec<(Indicator, Standard)>,
}

impl RuleRegistry {
    /// The rule sets that are built in.
    ///
    /// # Errors
    /// Never for a program that passed its tests; the error says which file is at fault.
    pub fn embedded() -> Result<Self, RegistryError> {
        RuleRegistry::default().with(EMBEDDED)
    }

    /// This registry with more files, each given as name and text.
    ///
    /// # Errors
    /// The first file that cannot be added, or a parent that none of them provides.
    pub fn with<'t>(mut self, files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Result<Self, RegistryError> {
        for (file, text) in files {
            let set =
                RuleSet::parse(text).map_err(|findings| RegistryError::Faults { file: file.to_owned(), findings })?;
            self.add(file, set)?;
        }
        for set in self.sets.values().flatten() {
            self.check_parents(set)?;
        }
        Ok(self)
    }

    fn add(&mut self, file: &str, set: RuleSet) -> Result<(), RegistryError> {
        let versions = self.sets.entry(set.id.clone()).or_default();
        match versions.binary_search_by_key(&set.version, |known| known.version) {
            Err(place) => versions.insert(place, Arc::new(set)),
            Ok(place) if versions.get(place).is_some_and(|known| known.digest == set.digest) => {}
            Ok(_) => {
                let (id, version) = (set.id, set.version.to_string());
                return Err(RegistryError::SameVersion { file: file.to_owned(), id, version });
            }
        }
        Ok(())
    }

    fn check_parents(&self, set: &RuleSet) -> Result<(), RegistryError> {
        let mut below = set;
        for _ in 0..=self.sets.len() {
            let Some(parent) = &below.parent else { return Ok(()) };
            below = self
                .get(parent)
                .ok_or_else(|| RegistryError::UnknownParent { id: below.id.clone(), parent: parent.clone() })?;
        }
        Err(RegistryError::Circle { id: set.id.clone() })
    }

    /// Whether the items of a rule set have the answers that the rule sets above give to items of the same name.
    ///
    /// # Errors
    /// `OtherScale` for the first that has not.
    pub fn check_scales(&self, set: &RuleSet) -> Result<(), RegistryError> {
        let mut parent = set.parent.as_deref();
        while let Some(above) = parent.and_then(|id| self.get(id)) {
            let differs = |rule: &&ItemRule| above.scale(rule.item.id.as_str()).is_some_and(|s| s != rule.item.scale);
            if let Some(rule) = set.items.iter().find(differs) {
                let (id, parent, item) = (set.id.clone(), above.id.clone(), rule.item.id.to_string());
                return Err(RegistryError::OtherScale { id, parent, item });
            }
            parent = above.parent.as_deref();
        }
        Ok(())
    }

    /// What newer checks refuse in a rule set or in those that it inherits from, in words for the operator.
    #[must_use]
    pub fn doubts_about(&self, set: &RuleSet) -> Vec<String> {
        let mut doubts: Vec<String> = self.check_scales(set).err().iter().map(ToString::to_string).collect();
        let mut next = Some(set);
        while let Some(set) = next {
            doubts.extend(set.doubts.iter().map(|doubt| format!("{} {}：{doubt}", set.id, set.version)));
            next = set.parent.as_deref().and_then(|id| self.get(id)).map(|set| &**set);
        }
        doubts
    }

    /// The same for all rule sets, every doubt once.
    #[must_use]
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts: Vec<String> = self.sets.values().flatten().flat_map(|set| self.doubts_about(set)).collect();
        doubts.sort();
        doubts.dedup();
        doubts
    }

    /// The newest version of every rule set, by id.
    pub fn list(&self) -> impl Iterator<Item = &Arc<RuleSet>> {
        self.sets.values().filter_map(|versions| versions.last())
    }

    /// The newest version of a rule set.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<RuleSet>> {
        self.sets.get(id)?.last()
    }

    /// The very version that a round was set up with.
    #[must_use]
    pub fn at(&self, reference: &RuleSetRef) -> Option<&Arc<RuleSet>> {
        self.sets.get(&reference.id)?.iter().find(|set| set.digest == reference.digest)
    }

    /// This registry as if the named versions were the only ones of their rule sets: what a round was judged by
    /// stays what it was when newer versions are installed.
    ///
    /// # Errors
    /// The first reference that is not known in that very version.
    pub fn pinned(&self, references: &[RuleSetRef]) -> Result<Self, RuleSetRef> {
        let mut pinned = self.clone();
        for reference in references {
            let set = self.at(reference).ok_or_else(|| reference.clone())?;
            pinned.sets.insert(reference.id.clone(), vec![Arc::clone(set)]);
        }
        Ok(pinned)
    }

    /// What a tier is called by this very version of a rule set.
    #[must_use]
    pub fn tier_title(&self, reference: &RuleSetRef, id: &str) -> Option<&str> {
        Some(&self.at(reference)?.tier(id)?.title)
    }

    /// Whether a reference names a version that is known with another content, or a known content by another
    /// version: what no registry of the same rule sets would write.
    #[must_use]
    pub fn contradicts(&self, reference: &RuleSetRef) -> bool {
        let mut versions = self.sets.get(&reference.id).into_iter().flatten();
        versions.any(|set| (set.version.to_string() == reference.version) != (set.digest == reference.digest))
    }

    /// The newest version of a rule set.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn require(&self, id: &str) -> Result<&Arc<RuleSet>, UnknownRule> {
        self.get(id).ok_or_else(|| UnknownRule::RuleSet {
            id: id.to_owned(),
            known: self.sets.keys().map(String::as_str).collect::<Vec<_>>().join("、"),
        })
    }

    /// The rule set and those that it inherits from, nearest first, each with its own name for the category.
    /// A parent that has no rules for the category is left out.
    ///
    /// # Errors
    /// When the rule set has no rules for the category itself.
    pub fn lineage_of<'r>(
        &'r self,
        set: &'r RuleSet,
        category: Category,
    ) -> Result<Vec<(&'r RuleSet, Category)>, UnknownRule> {
        let Some(own) = set.resolve(category) else {
            return Err(UnknownRule::Category {
                rule_set: set.id.clone(),
                category: category.code(),
                known: set.categories().map(Category::code).collect::<Vec<_>>().join("、"),
            });
        };
        let mut lineage = vec![(set, own)];
        let mut parent = set.parent.as_deref();
        while let Some(above) = parent.and_then(|id| self.get(id)) {
            lineage.extend(above.resolve(category).map(|own| (&**above, own)));
            parent = above.parent.as_deref();
        }
        Ok(lineage)
    }

    /// Whether a union of this category can be kept under the rule set.
    ///
    /// # Errors
    /// When the rule set is not there, or has no rules for a category that needs them: in words for people.
    pub fn check_union(&self, id: &str, category: Category) -> Result<(), String> {
        let set = self.get(id).ok_or_else(|| format!("没有规则集“{id}”"))?;
        if !category.needs_rules() || set.resolve(category).is_some() {
            return Ok(());
        }
        let known = set.categories().map(Category::label).collect::<Vec<_>>().join("、");
        Err(format!("{}没有关于“{}”的规定；它的类别有：{known}", set.title, category.label()))
    }

    /// What applies to unions of a category, inherited rules included.
    ///
    /// # Errors
    /// When the rule set is unknown or has no rules for the category.
    pub fn requirements(&self, id: &str, category: Category) -> Result<Requirements, UnknownRule> {
        self.requirements_of(self.require(id)?, category)
    }

    /// As [`RuleRegistry::requirements`], for a rule set at hand.
    ///
    /// # Errors
    /// When it has no rules for the category.
    pub fn requirements_of(&self, set: &RuleSet, category: Category) -> Result<Requirements, UnknownRule> {
        let mut requirements = Requirements { metrics: Vec::new(), standards: Vec::new() };
        for (set, own) in self.lineage_of(set, category)? {
            let metrics = set.metrics.iter().filter(|metric| metric.rule.applies_to(own)).cloned();
            requirements.metrics.extend(metrics);
            for standard in set.standards.iter().filter(|standard| standard.rule.applies_to(own)) {
                if let Some(indicator) = set.indicator(&standard.indicator) {
                    requirements.standards.push((indicator.clone(), standard.clone()));
                }
            }
        }
        Ok(requirements)
    }
}

impl RuleSet {
    /// How a round refers to this rule set.
    #[must_use]
    pub fn reference(&self) -> RuleSetRef {
        RuleSetRef { id: self.id.clone(), version: self.version.to_string(), digest: self.digest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rules::{Basis, Version};

    /// The ids of all rules that were read out of the five documents.
    const RULES: &str = "\
        QD-1.1 QD-1.2 QD-1.3 QD-1.4 QD-1.5 QD-1.6 QD-1.7 QD-1.8 QD-1.9 QD-2.1 QD-2.2 QD-3.1 QD-3.2 QD-3.3 QD-3.4 \
        QD-3.5 QD-0.1 SD-1.1 SD-1.2 SD-1.3 SD-2.1 SD-5.1 SD-5.2 SD-5.3 SD-5.4 SD-5.5 SD-5.6 SD-5.7 SD-5.8 SD-10.1 \
        SD-10.2 HH-0.1 HH-1.1 HH-1.2 HH-1.3 HH-1.4 HH-2.1 HH-2.2 HH-2.3 HH-2.4 HH-2.5 HH-3.1 HH-3.2 HH-3.3 HH-3.4 \
        HH-3.5 HH-4.1 HH-4.2 HH-4.3 HH-4.4 HH-5.1 HH-5.2 HH-5.3 HH-5.4 HH-6.1 HH-6.2 HH-6.3 HH-6.4 HH-7.1 HH-7.2 \
        HH-7.3 CZ-3.1 CZ-4.1 CZ-4.2 CZ-4.3 CZ-4.4 CZ-4.5 CZ-4.6 CZ-4.7 CZ-4.8 CZ-4.9 CZ-4.10 CZ-4.11 CZ-4.12 CZ-4.13 \
        CZ-5.1 CZ-6.1 CZ-7.1 CY-3.1 CY-3.2 CY-3.3 CY-3.4 CY-4.1 CY-A1.1 CY-A1.2 CY-A1.3 CY-A1.4 CY-A1.5 CY-A3 CY-A2";

    fn registry() -> RuleRegistry {
        RuleRegistry::embedded().unwrap()
    }

    #[test]
    fn every_rule_of_the_sources_is_in_a_rule_set_or_explained() {
        let registry = registry();
        let held: Vec<&str> = registry.list().flat_map(|set| set.rules()).map(|rule| rule.id.as_str()).collect();
        let readme = include_str!("../../rules/README.md");
        let all: Vec<&str> = RULES.split_whitespace().collect();
        assert_eq!(all.len(), 90);
        for id in &all {
            let explained = readme.contains(&format!("| {id} |"));
            assert_ne!(held.contains(id), explained, "{id} is in a rule set or explained, not both, not neither");
        }
        for id in held {
            assert!(all.contains(&id), "{id} is no rule of the sources");
        }
    }

    #[test]
    fn a_union_is_kept_only_under_rules_for_its_category() {
        let registry = registry();
        assert_eq!(registry.check_union("qingdao-2020", Category::Enterprise), Ok(()));
        let refused = registry.check_union("qingdao-2020", Category::JointUnion).unwrap_err();
        assert!(refused.contains("联合基层工会") && refused.contains("村（社区）工会"), "{refused}");
        for above in [Category::GeneralUnion, Category::CountyUnion] {
            assert_eq!(registry.check_union("qingdao-2020", above), Ok(()), "it looks after others");
            assert!(registry.check_union("nowhere", above).is_err());
        }
    }

    #[test]
    fn every_metric_of_the_domain_stands_with_its_exact_threshold() {
        let registry = registry();
        let mut metrics: Vec<String> = registry
            .list()
            .flat_map(|set| &set.metrics)
            .map(|m| {
                format!(
                    "{} {} {}/{} {}",
                    m.rule.id,
                    m.items.join("+"),
                    m.threshold.num(),
                    m.threshold.den(),
                    m.electorate.label()
                )
            })
            .collect();
        metrics.sort();
        insta::assert_snapshot!(metrics.join("\n"), @r"
        CY-A1.1 home 19/20 会员或者会员代表
        CZ-4.7 home_building 17/20 会员
        CZ-4.9 home_building 9/10 会员
        HH-2.1 union_work 4/5 职工和会员
        HH-2.2 awareness 4/5 职工
        HH-3.1 union_work 17/20 基层工会和会员
        HH-4.1 union_work+chair 9/10 会员
        HH-5.1 union_work+chair 17/20 会员
        HH-5.2 awareness 4/5 职工
        HH-6.1 union_work+chair 4/5 会员
        HH-7.1 union_work+chair 4/5 职工
        QD-1.2 home 9/10 会员
        QD-1.3 home 19/20 会员
        QD-2.1 home 19/20 会员
        QD-3.1 spot_check 17/20 随机抽取的会员
        QD-3.2 home 9/10 职工
        SD-5.7 home 7/10 会员
        ");
    }

    #[test]
    fn a_rule_set_is_found_by_id_and_by_digest() {
        let registry = registry();
        assert_eq!(registry.list().count(), 5);
        let qingdao = registry.get("qingdao-2020").unwrap();
        assert_eq!(qingdao.digest.to_string().len(), 64);
        assert_eq!(registry.at(&qingdao.reference()).unwrap().id, "qingdao-2020");
        assert_eq!(registry.require("xanadu").unwrap_err().code(), "unknown_rule_set");
    }

    #[test]
    fn newer_versions_stand_beside_older_ones() {
        let text = include_str!("../../rules/chaoyang-2013.toml");
        let newer = text.replace("1.2.0", "1.10.0");
        let registry = registry().with([("newer.toml", newer.as_str())]).unwrap();
        assert_eq!(registry.get("chaoyang-2013").unwrap().version, Version(1, 10, 0));
        let old = RuleSet::parse(text).unwrap().reference();
        assert_eq!(registry.at(&old).unwrap().version, Version(1, 2, 0));
        let first = include_str!("../../rules/earlier/chaoyang-2013-1.0.0.toml");
        let first = RuleSet::parse(first).unwrap().reference();
        assert_eq!(registry.at(&first).unwrap().version, Version(1, 0, 0), "rounds keep the version they began with");
        let changed = text.replace("[19, 20]", "[9, 10]");
        let refused = registry.with([("changed.toml", changed.as_str())]).unwrap_err();
        assert!(matches!(refused, RegistryError::SameVersion { .. }), "{refused}");
    }

    #[test]
    fn every_version_that_was_built_in_still_is() {
        let registry = registry();
        for (file, text) in EMBEDDED {
            let set = RuleSet::parse(text).unwrap();
            assert_eq!(registry.at(&set.reference()).map(|found| found.version), Some(set.version), "{file}");
        }
        let shown = |sets: &BTreeMap<String, Vec<Arc<RuleSet>>>| {
            let versions = |sets: &[Arc<RuleSet>]| sets.iter().map(|set| set.version.to_string()).collect::<Vec<_>>();
            sets.iter().map(|(id, sets)| format!("{id} {}", versions(sets).join(" "))).collect::<Vec<_>>().join("\n")
        };
        // A rule set that changes keeps its former text: rounds and sheets rest on it.
        insta::assert_snapshot!(shown(&registry.sets), @r"
        changzhou-2016 1.0.0 1.1.0 1.2.0
        chaoyang-2013 1.0.0 1.1.0 1.2.0
        hohhot-2020 1.0.0 1.1.0 1.2.0
        qingdao-2020 1.0.0
        shandong-2018 1.0.0 1.1.0
        ");
    }

    #[test]
    fn a_pinned_parent_stays_when_a_newer_version_comes() {
        let text = include_str!("../../rules/shandong-2018.toml");
        let newer = text.replace("1.1.0", "1.2.0");
        let both = registry().with([("newer.toml", newer.as_str())]).unwrap();
        let parent = |registry: &RuleRegistry| {
            let lineage = registry.lineage_of(registry.get("qingdao-2020").unwrap(), Category::Enterprise).unwrap();
            lineage[1].0.reference()
        };
        let old = RuleSet::parse(text).unwrap().reference();
        assert_eq!(parent(&both).version, "1.2.0");
        assert_eq!(parent(&both.pinned(std::slice::from_ref(&old)).unwrap()), old);
        let unknown = RuleSetRef { digest: crate::domain::digest::Digest::sha256(b"x"), ..old };
        assert_eq!(both.pinned(std::slice::from_ref(&unknown)).unwrap_err(), unknown);
    }

    #[test]
    fn parents_must_be_there_and_must_not_form_a_circle() {
        let qingdao = include_str!("../../rules/qingdao-2020.toml");
        let orphan = RuleRegistry::default().with([("a.toml", qingdao)]).unwrap_err();
        assert!(matches!(orphan, RegistryError::UnknownParent { .. }), "{orphan}");
        let shandong = include_str!("../../rules/shandong-2018.toml");
        let aware =
            qingdao.replacen("scale = \"satisfaction\"", "scale = \"awareness\"", 1).replace("\"1.0.0\"", "\"1.0.1\"");
        let both = RuleRegistry::default().with([("a.toml", aware.as_str()), ("b.toml", shandong)]).unwrap();
        let other = both.check_scales(both.get("qingdao-2020").unwrap()).unwrap_err();
        assert!(matches!(&other, RegistryError::OtherScale { item, .. } if item == "home"), "{other}");
        assert_eq!(both.doubts(), [other.to_string()], "loaded all the same: rounds may rest on it");
        let circle = shandong.replace("id = \"shandong-2018\"", "parent = \"qingdao-2020\"\nid = \"shandong-2018\"");
        let circle = RuleRegistry::default().with([("a.toml", qingdao), ("b.toml", circle.as_str())]).unwrap_err();
        assert!(matches!(circle, RegistryError::Circle { .. }), "{circle}");
    }

    #[test]
    fn the_doubts_about_a_rule_set_are_those_about_its_parents_too() {
        assert_eq!(registry().doubts(), [] as [&str; 0], "what is built in passes its own checks");
        let shandong = include_str!("../../rules/shandong-2018.toml");
        let old = shandong.replace("\"1.1.0\"", "\"01.2.0\"");
        let registry = registry().with([("old.toml", old.as_str())]).unwrap();
        let qingdao = registry.get("qingdao-2020").unwrap();
        let doubts = registry.doubts_about(qingdao);
        assert!(doubts.len() == 1 && doubts[0].starts_with("shandong-2018 1.2.0：第"), "{doubts:?}");
        assert_eq!(registry.doubts(), doubts, "once");
        assert!(registry.doubts_about(registry.get("hohhot-2020").unwrap()).is_empty());
    }

    #[test]
    fn what_we_decided_is_marked() {
        let registry = registry();
        let of = |basis| registry.list().flat_map(|set| set.rules()).filter(move |rule| rule.basis == basis);
        let decided: Vec<&str> = of(Basis::Decision).map(|rule| rule.id.as_str()).collect();
        assert_eq!(
            decided,
            ["CZ-4.7", "CZ-4.9", "CY-3.3", "CY-A1.5", "HH-2.1", "HH-3.1", "HH-4.1", "HH-5.1", "HH-3.2"]
        );
        assert!(of(Basis::Decision).all(|rule| rule.statement.contains("本系统")), "and said");
        assert!(of(Basis::Stated).all(|rule| !rule.statement.contains("本系统")));
        assert!(registry.list().all(|set| set.turnout.basis == Basis::Decision), "no document names a turnout");
    }

    #[test]
    fn what_firms_must_do_is_no_figure_of_their_union() {
        let registry = registry();
        let zone = registry.requirements("hohhot-2020", Category::ZoneUnion).unwrap();
        let declared: Vec<&str> = zone.standards.iter().map(|(indicator, _)| indicator.id.as_str()).collect();
        assert_eq!(declared, ["establishment_rate", "membership_rate", "joint_union_units"]);
        let hohhot = registry.get("hohhot-2020").unwrap();
        assert!(hohhot.conditions.iter().any(|condition| condition.rule.statement.starts_with("25人以上的企业")));
    }

    #[test]
    fn contracts_signed_are_another_figure_than_contracts_set_up() {
        let registry = registry();
        let declared = |category| {
            let requirements = registry.requirements("hohhot-2020", category).unwrap();
            let contracts =
                requirements.standards.into_iter().filter(|(indicator, _)| indicator.id.contains("contract"));
            contracts.map(|(indicator, standard)| (standard.rule.id, indicator.title)).collect::<Vec<_>>()
        };
        let titled = |rule: &str, titles: &[&str]| -> Vec<(String, String)> {
            titles.iter().map(|title| (rule.to_owned(), (*title).to_owned())).collect()
        };
        let signed = titled("HH-5.4", &["集体合同签订率", "工资专项集体合同签订率"]);
        assert_eq!([declared(Category::JointUnion), declared(Category::TownshipUnion)], [signed.clone(), signed]);
        let set_up = ["集体合同建制率", "工资集体合同建制率", "女职工专项集体合同签订率"];
        assert_eq!(declared(Category::CountyUnion), titled("HH-1.3", &set_up));
    }

    #[test]
    fn requirements_hold_what_is_inherited() {
        let registry = registry();
        let requirements = registry.requirements("qingdao-2020", Category::StateOwnedEnterprise).unwrap();
        let rules: Vec<&str> = requirements.metrics.iter().map(|metric| metric.rule.id.as_str()).collect();
        assert_eq!(rules, ["QD-1.3", "SD-5.7"]);
        assert!(requirements.standards.iter().any(|(indicator, _)| indicator.id == "membership_rate"));
        assert_eq!(registry.requirements("hohhot-2020", Category::CountyUnion).unwrap().metrics.len(), 0);
    }
}
