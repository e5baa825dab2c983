//! The registry: the rule sets that are built in and any that an operator adds, each with what it inherits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::{Indicator, MetricRule, RuleSet, Standard};
use super::reader::Finding;
use crate::domain::poll::RuleSetRef;
use crate::domain::union::Category;

/// The files that are built into the program.
const EMBEDDED: [(&str, &str); 2] = [
    ("qingdao-2020.toml", include_str!("../../rules/qingdao-2020.toml")),
    ("shandong-2018.toml", include_str!("../../rules/shandong-2018.toml")),
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
    /// When the rule set is unknown or has no rules for the category itself.
    pub fn lineage_for(&self, id: &str, category: Category) -> Result<Vec<(&RuleSet, Category)>, UnknownRule> {
        self.lineage_of(self.require(id)?, category)
    }

    /// As [`RuleRegistry::lineage_for`], for a rule set at hand.
    ///
    /// # Errors
    /// When it has no rules for the category.
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

    /// What applies to unions of a category, inherited rules included.
    ///
    /// # Errors
    /// When the rule set is unknown or has no rules for the category.
    pub fn requirements(&self, id: &str, category: Category) -> Result<Requirements, UnknownRule> {
        let mut requirements = Requirements { metrics: Vec::new(), standards: Vec::new() };
        for (set, own) in self.lineage_for(id, category)? {
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
