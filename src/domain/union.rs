//! Trade unions: their categories, their place in the tree, their social credit code.

use serde::{Deserialize, Serialize};

use super::ids::UnionId;

/// Category of a union, as rule sets distinguish them (glossary of the field).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// 基层工会, where the rule set does not distinguish further.
    GrassrootsUnion,
    /// 企业工会
    Enterprise,
    /// 国有企业工会
    StateOwnedEnterprise,
    /// 社会组织工会
    SocialOrganization,
    /// 机关工会
    GovernmentOrgan,
    /// 事业单位工会
    PublicInstitution,
    /// 联合基层工会
    JointUnion,
    /// 行业（区域）工会联合会
    Federation,
    /// 村（社区）工会
    VillageUnion,
    /// 乡镇（街道）总工会
    TownshipUnion,
    /// 开发区（工业园区）工会
    ZoneUnion,
    /// 旗县区总工会
    CountyUnion,
    /// 市或省总工会: superior to all of the above, never judged itself.
    GeneralUnion,
}

impl Category {
    /// All categories, in the order in which forms list them.
    pub const ALL: [Category; 13] = [
        Category::GrassrootsUnion,
        Category::Enterprise,
        Category::StateOwnedEnterprise,
        Category::SocialOrganization,
        Category::GovernmentOrgan,
        Category::PublicInstitution,
        Category::JointUnion,
        Category::Federation,
        Category::VillageUnion,
        Category::TownshipUnion,
        Category::ZoneUnion,
        Category::CountyUnion,
        Category::GeneralUnion,
    ];

    /// The name of the category in rule sets, forms and interfaces.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Category::GrassrootsUnion => "grassroots_union",
            Category::Enterprise => "enterprise",
            Category::StateOwnedEnterprise => "state_owned_enterprise",
            Category::SocialOrganization => "social_organization",
            Category::GovernmentOrgan => "government_organ",
            Category::PublicInstitution => "public_institution",
            Category::JointUnion => "joint_union",
            Category::Federation => "federation",
            Category::VillageUnion => "village_union",
            Category::TownshipUnion => "township_union",
            Category::ZoneUnion => "zone_union",
            Category::CountyUnion => "county_union",
            Category::GeneralUnion => "general_union",
        }
    }

    /// Whether it is a 基层工会, of which coverage counts: not a union of an area or a federation.
    #[must_use]
    pub fn is_grassroots(self) -> bool {
        !matches!(
            self,
            Category::Federation
                | Category::TownshipUnion
                | Category::ZoneUnion
                | Category::CountyUnion
                | Category::GeneralUnion
        )
    }

    /// Whether it needs rules of its own to be of use here: all but the 总工会 of counties and above, which look
    /// after others.
    #[must_use]
    pub fn needs_rules(self) -> bool {
        !matches!(self, Category::CountyUnion | Category::GeneralUnion)
    }

    /// The category with this code, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Category::ALL.into_iter().find(|category| category.code() == code)
    }

    /// The Chinese term.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Category::GrassrootsUnion => "基层工会",
            Category::Enterprise => "企业工会",
            Category::StateOwnedEnterprise => "国有企业工会",
            Category::SocialOrganization => "社会组织工会",
            Category::GovernmentOrgan => "机关工会",
            Category::PublicInstitution => "事业单位工会",
            Category::JointUnion => "联合基层工会",
            Category::Federation => "行业（区域）工会联合会",
            Category::VillageUnion => "村（社区）工会",
            Category::TownshipUnion => "乡镇（街道）工会",
            Category::ZoneUnion => "开发区（工业园区）工会",
            Category::CountyUnion => "旗县区总工会",
            Category::GeneralUnion => "总工会",
        }
    }
}

/// A union in the tree. `path` lists the ids from the root to the union itself (`/1/7/42/`), so that a
/// subtree is all unions whose path begins with the path of its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Union {
    pub id: UnionId,
    /// The union above (上级工会); none at the root.
    pub superior: Option<UnionId>,
    pub path: String,
    pub name: String,
    /// 统一社会信用代码, if the union has one.
    pub credit_code: Option<String>,
    pub category: Category,
    /// Rule set of the union's jurisdiction, by id.
    pub rule_set: String,
}

impl Union {
    /// Whether `other` stands in the subtree that this union heads (itself included).
    #[must_use]
    pub fn heads(&self, other: &Union) -> bool {
        other.path.starts_with(&self.path)
    }
}

/// What is odd about a 统一社会信用代码. It warns and never rejects: many unions have none, and a typing
/// error must not stop a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreditCodeOddity {
    #[error("统一社会信用代码应为18位")]
    Length,
    #[error("统一社会信用代码含有不使用的字符（不含 I、O、S、V、Z）")]
    Alphabet,
    #[error("工会的统一社会信用代码应以 81 或 89 开头")]
    NotAUnion,
    #[error("统一社会信用代码的校验位不对，请核对")]
    CheckDigit,
}

/// Checks a unified social credit code by GB 32100-2015: 18 characters, first `8` (trade union), second
/// `1` or `9`, and the check character `(31 − Σ wᵢcᵢ mod 31) mod 31`.
///
/// # Errors
/// The first oddity found.
pub fn check_credit_code(code: &str) -> Result<(), CreditCodeOddity> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    if code.chars().count() != 18 {
        return Err(CreditCodeOddity::Length);
    }
    let values: Vec<usize> = code.chars().filter_map(|c| ALPHABET.find(c)).collect();
    let Some((check, body)) = values.split_last().filter(|_| values.len() == 18) else {
        return Err(CreditCodeOddity::Alphabet);
    };
    if !code.starts_with("81") && !code.starts_with("89") {
        return Err(CreditCodeOddity::NotAUnion);
    }
    let sum: usize = WEIGHTS.iter().zip(body).map(|(weight, value)| weight * value).sum();
    if (31 - sum % 31) % 31 == *check { Ok(()) } else { Err(CreditCodeOddity::CheckDigit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_has_its_own_code() {
        for category in Category::ALL {
            assert_eq!(Category::from_code(category.code()), Some(category));
        }
    }

    #[test]
    fn credit_codes() {
        assert_eq!(check_credit_code("8137"), Err(CreditCodeOddity::Length));
        assert_eq!(check_credit_code("81370200MC00000O00"), Err(CreditCodeOddity::Alphabet));
        assert_eq!(check_credit_code("91370200MC0000000X"), Err(CreditCodeOddity::NotAUnion));
        let valid: Vec<char> = "0123456789ABCDEFGHJKLMNPQRTUWXY"
            .chars()
            .filter(|check| check_credit_code(&format!("81370200MC0000123{check}")).is_ok())
            .collect();
        assert_eq!(valid.len(), 1, "exactly one check character fits");
    }
}
