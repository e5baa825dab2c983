//! From the text of a TOML file to a rule set, or to all its faults at once.

use toml::de::DeTable;

use super::check;
use super::model::{
    Calendar, CategoryEntry, Condition, Consequence, Coverage, Document, Duty, Grant, GrantStep, Indicator, ItemRule,
    MetricRule, Rule, RuleSet, SizeClass, SizeClasses, Source, SpotCheckRule, Standard, Tier, Turnout, Version, Veto,
};
use super::reader::{Finding, Findings, Place, Reader};
use super::words::{Basis, ConsequenceKind, Denominator, Joint, Positive, Unit};
use crate::domain::digest::Digest;
use crate::domain::paper::{Item, ItemId, Scale, Section};
use crate::domain::union::Category;
use crate::domain::verdict::{Comparator, Fraction};

impl RuleSet {
    /// Reads a rule set from the text of its file, as far as it can be worked with: what only newer checks refuse is left
    /// in `doubts`, because rounds may rest on this very file.
    ///
    /// # Errors
    /// Every fault found, in the order of the file. Whether the parent exists is for the registry to say.
    pub fn parse(text: &str) -> Result<RuleSet, Vec<Finding>> {
        let (set, faults, doubts) = read(text);
        set.filter(|_| faults.is_empty()).map(|set| RuleSet { doubts, ..set }).ok_or(faults)
    }

    /// Reads a rule set that is to be used from now on.
    ///
    /// # Errors
    /// Every fault and every doubt, in the order of the file.
    pub fn check(text: &str) -> Result<RuleSet, Vec<Finding>> {
        let (set, mut faults, doubts) = read(text);
        faults.extend(doubts);
        faults.sort();
        set.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// The rule set as far as it can be read, the faults and the doubts.
fn read(text: &str) -> (Option<RuleSet>, Vec<Finding>, Vec<Finding>) {
    let findings = Findings::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        findings.note(&span, "", format!("TOML 写法有误：{}", error.message()));
    }
    let digest = Digest::sha256(text.as_bytes());
    let set = errors.is_empty().then(|| read_set(Reader::new(&findings, String::new(), table), digest));
    let (faults, doubts) = findings.into_sorted();
    (set, faults, doubts)
}

/// What the readers of single entries need to know of the whole file.
struct Context {
    document: Document,
    categories: Vec<CategoryEntry>,
    positive: Positive,
    denominator: Denominator,
}

fn read_set(mut file: Reader<'_, '_>, digest: Digest) -> RuleSet {
    let id = check::id(&mut file);
    let version = version(&mut file);
    let title = file.text("title");
    let jurisdiction = file.text("jurisdiction");
    let parent_span = file.span_of("parent");
    let parent = file.optional_text("parent");
    if parent.is_some() && parent == id {
        file.fault_at(&parent_span, "parent", "规则集不能以自己为上级");
    }
    let document = file.table("document").map(document);
    if document.is_none() {
        file.fault("缺少表 [document]");
    }
    let (positive, denominator) = file.table("formula").map_or((None, None), formula);
    let turnout = file.table("turnout").map_or_else(|| Some(Turnout::usual()), turnout);
    let categories: Vec<_> = file.tables("category").into_iter().filter_map(category).collect();
    if categories.is_empty() {
        file.fault("至少要有一个 [[category]]");
    }
    let context = Context {
        document: document.flatten().unwrap_or_else(Document::unnamed),
        categories,
        positive: positive.unwrap_or(Positive::SatisfiedAndBasically),
        denominator: denominator.unwrap_or(Denominator::Valid),
    };
    let mut set = RuleSet {
        id: id.unwrap_or_default(),
        version: version.unwrap_or(Version(0, 0, 0)),
        title: title.unwrap_or_default(),
        jurisdiction: jurisdiction.unwrap_or_default(),
        parent,
        document: context.document.clone(),
        digest,
        turnout: turnout.unwrap_or_else(Turnout::usual),
        categories: Vec::new(),
        items: each(&mut file, "item", &context, item),
        tiers: each(&mut file, "tier", &context, tier),
        indicators: each(&mut file, "indicator", &context, |reader, _| indicator(reader)),
        metrics: Vec::new(),
        standards: Vec::new(),
        duties: Vec::new(),
        conditions: Vec::new(),
        vetoes: Vec::new(),
        consequences: Vec::new(),
        coverage: Vec::new(),
        spot_checks: Vec::new(),
        grants: each(&mut file, "grant", &context, grant),
        size_classes: each(&mut file, "size_classes", &context, size_classes),
        calendars: Vec::new(),
        doubts: Vec::new(),
    };
    if !file.has("metric") && set.parent.is_none() {
        file.doubt("没有任何 [[metric]]，也没有上级规则集，得不出任何结论");
    }
    let metrics = each(&mut file, "metric", &context, |reader, context| metric(reader, context, &set));
    check::ascending(&file, &set, &metrics);
    set.metrics = metrics.into_iter().map(|(metric, _)| metric).collect();
    set.standards = each(&mut file, "standard", &context, |reader, context| standard(reader, context, &set));
    set.duties = each(&mut file, "duty", &context, |reader, context| duty(reader, context, &set));
    set.conditions = each(&mut file, "condition", &context, |reader, context| condition(reader, context, &set));
    set.vetoes = each(&mut file, "veto", &context, |reader, context| veto(reader, context, &set));
    set.consequences = each(&mut file, "consequence", &context, |reader, context| consequence(reader, context, &set));
    set.coverage = each(&mut file, "coverage", &context, |reader, context| coverage(reader, context, &set));
    set.spot_checks = each(&mut file, "spot_check", &context, |reader, context| spot_check(reader, context, &set));
    set.calendars = each(&mut file, "calendar", &context, |reader, context| calendar(reader, context, &set));
    set.categories = context.categories;
    file.finish();
    set
}

fn each<'f, 'i, T>(
    file: &mut Reader<'f, 'i>,
    field: &'static str,
    context: &Context,
    read: impl Fn(&mut Reader<'f, 'i>, &Context) -> Option<T>,
) -> Vec<T> {
    let mut list = Vec::new();
    for mut reader in file.tables(field) {
        list.extend(read(&mut reader, context));
        reader.finish();
    }
    list
}

impl Document {
    fn unnamed() -> Self {
        Document { title: String::new(), issuer: String::new(), number: None, date: None }
    }
}

impl Turnout {
    /// Two thirds of those entitled, advised: our decision where a document names no turnout.
    #[must_use]
    pub fn usual() -> Self {
        Turnout {
            mode: super::words::TurnoutMode::Advised,
            fraction: Fraction::TWO_THIRDS,
            basis: Basis::Decision,
            statement: "文件没有规定到会率；实到人数低于应到人数三分之二时，结果报告单加注提示。".to_owned(),
        }
    }
}

fn version(file: &mut Reader<'_, '_>) -> Option<Version> {
    let span = file.span_of("version");
    let text = file.text("version")?;
    let mut numbers = text.split('.').map(str::parse::<u32>);
    let parts = (numbers.next(), numbers.next(), numbers.next(), numbers.next());
    let read = match parts {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some(Version(major, minor, patch)),
        _ => None,
    };
    let form = "版本号应为三个数，不带正负号，不以0开头，例如 1.0.0";
    match &read {
        None => file.fault_at(&span, "version", form),
        // One spelling: no sign, no leading zero.
        Some(version) if version.to_string() != text => file.doubt_at(&span, "version", form),
        Some(_) => {}
    }
    read
}

fn document(mut reader: Reader<'_, '_>) -> Option<Document> {
    let (title, issuer) = (reader.text("title"), reader.text("issuer"));
    let number = reader.optional_text("number");
    let date = check::date(&mut reader);
    reader.finish();
    Some(Document { title: title?, issuer: issuer?, number, date })
}

fn formula(mut reader: Reader<'_, '_>) -> (Option<Positive>, Option<Denominator>) {
    let formula = (reader.optional_word("positive"), reader.optional_word("denominator"));
    reader.finish();
    formula
}

fn turnout(mut reader: Reader<'_, '_>) -> Option<Turnout> {
    let mode = reader.word("mode");
    let fraction = check::above_zero(&mut reader, "fraction");
    let basis = reader.optional_word("basis").unwrap_or(Basis::Stated);
    let statement = reader.text("statement");
    reader.finish();
    Some(Turnout { mode: mode?, fraction: fraction?, basis, statement: statement? })
}

fn category(mut reader: Reader<'_, '_>) -> Option<CategoryEntry> {
    let code: Option<Category> = reader.word("code");
    let includes: Vec<Category> = reader.words("includes");
    for category in code.iter().chain(&includes) {
        reader.once("category", category.code(), &reader.span(), "code");
    }
    reader.finish();
    Some(CategoryEntry { code: code?, includes })
}

/// The categories that an entry names; each must be one that the rule set distinguishes.
fn categories(reader: &mut Reader<'_, '_>, context: &Context) -> Vec<Category> {
    let span = reader.span_of("categories");
    let named: Vec<Category> = reader.words("categories");
    for category in &named {
        if !context.categories.iter().any(|entry| entry.code == *category) {
            let message = format!("本规则集没有用 [[category]] 列出“{}”", category.code());
            reader.fault_at(&span, "categories", message);
        }
    }
    named
}

fn rule(reader: &mut Reader<'_, '_>, context: &Context) -> Option<Rule> {
    let id = reader.text("rule");
    let clause = reader.text("clause");
    let basis = reader.optional_word("basis").unwrap_or(Basis::Stated);
    let statement = reader.text("statement");
    let categories = categories(reader, context);
    let source =
        Source { document: context.document.title.clone(), number: context.document.number.clone(), clause: clause? };
    Some(Rule { id: id?, source, basis, statement: statement?, categories })
}

fn item(reader: &mut Reader<'_, '_>, context: &Context) -> Option<ItemRule> {
    let id = check::item_id(reader);
    let title = reader.text("title");
    let scale = reader.word("scale");
    let section = reader.optional_word("section");
    let own_ballots = reader.flag("own_ballots");
    let categories = categories(reader, context);
    let scale = scale?;
    let section = section.unwrap_or(match scale {
        Scale::Satisfaction => Section::Overall,
        Scale::Awareness => Section::Awareness,
        Scale::Pledge => Section::Pledges,
    });
    Some(ItemRule { item: Item { id: ItemId(id?), section, scale, title: title? }, own_ballots, categories })
}

fn tier(reader: &mut Reader<'_, '_>, context: &Context) -> Option<Tier> {
    let rule = rule(reader, context);
    let id = check::own_id(reader, "tier");
    let (title, decided_by) = (reader.text("title"), reader.text("decided_by"));
    Some(Tier { rule: rule?, id: id?, title: title?, decided_by: decided_by? })
}

fn indicator(reader: &mut Reader<'_, '_>) -> Option<Indicator> {
    let (id, title) = (check::own_id(reader, "indicator"), reader.text("title"));
    let unit = reader.optional_word("unit").unwrap_or(Unit::Rate);
    let is_rate = unit == Unit::Rate;
    let mut part = |field| if is_rate { reader.text(field) } else { Some(String::new()) };
    let (numerator, denominator) = (part("numerator"), part("denominator"));
    Some(Indicator { id: id?, title: title?, unit, numerator: numerator?, denominator: denominator? })
}

fn metric(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<(MetricRule, Place)> {
    let rule = rule(reader, context);
    let named = rule.as_ref().map(|rule| rule.categories.clone()).filter(|named| !named.is_empty());
    let asked = named.unwrap_or_else(|| context.categories.iter().map(|entry| entry.code).collect());
    let items = check::items(reader, set, &asked);
    let joint = reader.optional_word("joint").unwrap_or(Joint::Each);
    let positive = reader.optional_word("positive").unwrap_or(context.positive);
    let denominator = reader.optional_word("denominator").unwrap_or(context.denominator);
    let places = ["comparator", "tier", "trigger"].map(|field| reader.place(field));
    let comparator = reader.optional_word("comparator").unwrap_or(Comparator::AtLeast);
    let place = reader.place("threshold");
    let threshold = check::above_zero(reader, "threshold");
    let electorate = reader.word("electorate");
    let tier = check::tier(reader, set);
    let trigger = reader.optional_word("trigger");
    check::floor(reader, comparator, tier.is_some(), trigger.is_some(), &places);
    let metric = MetricRule {
        rule: rule?,
        items: items?,
        joint,
        positive,
        denominator,
        comparator,
        threshold: threshold?,
        electorate: electorate?,
        tier,
        trigger,
    };
    Some((metric, place))
}

fn standard(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Standard> {
    let rule = rule(reader, context);
    let indicator = check::indicator(reader, set);
    let bound = reader.optional_word("bound").unwrap_or(super::words::Bound::AtLeast);
    let external = reader.flag("set_by_superior");
    let is_rate = indicator.is_none_or(|indicator| indicator.unit == Unit::Rate);
    let threshold = if external { None } else { Some(reader.fraction("threshold", is_rate)?) };
    let tier = check::tier(reader, set);
    Some(Standard { rule: rule?, indicator: indicator?.id.clone(), bound, threshold, tier })
}

fn duty(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Duty> {
    let rule = rule(reader, context);
    let (what, times, per) = (reader.text("what"), reader.number("times"), reader.word("per"));
    let tier = check::tier(reader, set);
    Some(Duty { rule: rule?, what: what?, times: times?, per: per?, tier })
}

fn condition(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Condition> {
    let rule = rule(reader, context);
    let tier = check::tier(reader, set);
    Some(Condition { rule: rule?, tier })
}

fn veto(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Veto> {
    let rule = rule(reader, context);
    let span = reader.span_of("events");
    let events: Vec<String> = reader.texts("events").into_iter().map(toml::Spanned::into_inner).collect();
    if events.is_empty() {
        reader.fault_at(&span, "events", "至少要列出一种情形");
    }
    let allowed = reader.optional_number("allowed").unwrap_or(0);
    let tier = check::tier(reader, set);
    Some(Veto { rule: rule?, events, allowed, tier })
}

fn consequence(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Consequence> {
    let rule = rule(reader, context);
    let kind = reader.word("kind");
    let mut small = |field| reader.number_within(field, 1..=120).and_then(|number| u32::try_from(number).ok());
    let (months, years) = (small("months"), small("years"));
    let as_a_rule = reader.flag("as_a_rule");
    let yuan = reader.optional_number("yuan");
    let (raise, cut) = (reader.optional_fraction("raise", true), reader.optional_fraction("cut", true));
    let tier = check::tier(reader, set);
    let place = reader.span_of("upon");
    let upon = reader.optional_word("upon");
    let kind = kind?;
    if upon.is_some() && kind != ConsequenceKind::Revocation {
        reader.fault_at(&place, "upon", format!("只能用于“{}”", ConsequenceKind::Revocation.label()));
    }
    let missing = match kind {
        ConsequenceKind::Rectification if months.is_none() => Some("months"),
        ConsequenceKind::YearlyAssessment | ConsequenceKind::Reverification | ConsequenceKind::Streak
            if years.is_none() =>
        {
            Some("years")
        }
        ConsequenceKind::Award if yuan.is_none() => Some("yuan"),
        ConsequenceKind::SubsidyChange if raise.is_none() && cut.is_none() => Some("raise 或 cut"),
        _ => None,
    };
    if let Some(field) = missing {
        reader.fault(format!("缺少字段 {field}（{}）", kind.label()));
    }
    Some(Consequence { rule: rule?, kind, months, years, as_a_rule, yuan, raise, cut, tier, upon })
}

fn coverage(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Coverage> {
    let rule = rule(reader, context);
    let indicators = check::indicators(reader, set);
    let threshold = reader.fraction("threshold", true);
    let by = reader.optional_date("by");
    let homes = reader.optional_number("homes");
    Some(Coverage { rule: rule?, indicators, threshold: threshold?, by, homes })
}

fn spot_check(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<SpotCheckRule> {
    let rule = rule(reader, context);
    let item = check::optional_item(reader, set);
    let sample = reader.optional_fraction("sample", true);
    Some(SpotCheckRule { rule: rule?, item, sample })
}

fn grant(reader: &mut Reader<'_, '_>, context: &Context) -> Option<Grant> {
    let rule = rule(reader, context);
    let mut steps = Vec::new();
    for mut step in reader.tables("steps") {
        let (from, yuan) = (step.number("from"), step.number("yuan"));
        step.finish();
        steps.push(GrantStep { from_square_metres: from?, yuan: yuan? });
    }
    check::descending(reader, "steps", steps.iter().map(|step| step.from_square_metres));
    Some(Grant { rule: rule?, steps })
}

fn size_classes(reader: &mut Reader<'_, '_>, context: &Context) -> Option<SizeClasses> {
    let rule = rule(reader, context);
    let mut classes = Vec::new();
    for mut class in reader.tables("classes") {
        let (from, title, requires) = (class.number("from"), class.text("title"), class.text("requires"));
        class.finish();
        classes.push(SizeClass { from_persons: from?, title: title?, requires: requires? });
    }
    check::descending(reader, "classes", classes.iter().map(|class| class.from_persons));
    Some(SizeClasses { rule: rule?, classes })
}

fn calendar(reader: &mut Reader<'_, '_>, context: &Context, set: &RuleSet) -> Option<Calendar> {
    let rule = rule(reader, context);
    let mut month = |field| {
        let there = reader.has(field);
        let month = reader.number_within(field, 1..=12).and_then(|month| u8::try_from(month).ok());
        if month.is_none() && !there {
            reader.fault(format!("缺少字段 {field}"));
        }
        month
    };
    let (apply_month, review_month) = (month("apply_month"), month("review_month"));
    let after = reader.number_within("honoured_after_years", 0..=10).and_then(|years| u8::try_from(years).ok());
    let tier = check::tier(reader, set);
    Some(Calendar {
        rule: rule?,
        apply_month: apply_month?,
        review_month: review_month?,
        honoured_after_years: after.unwrap_or(0),
        tier,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../rules/chaoyang-2013.toml");

    /// The findings after one change to a good file, each as line, column, field and message.
    fn after(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        RuleSet::check(&text).map_or_else(|found| found.iter().map(ToString::to_string).collect(), |_| Vec::new())
    }

    fn one(from: &str, to: &str, field: &str, message: &str) {
        let found = after(from, to);
        assert_eq!(found.len(), 1, "{found:?}");
        let line = GOOD.split(from).next().unwrap().matches('\n').count() + 1;
        assert!(found[0].contains(field), "{found:?}");
        assert!(found[0].contains(message), "{found:?}");
        let at: usize = found[0].trim_start_matches('第').split('行').next().unwrap().parse().unwrap();
        assert!(at.abs_diff(line) <= 6, "{found:?} is near line {line}");
    }

    #[test]
    fn each_fault_is_told_with_its_field() {
        one("threshold = [19, 20]", "threshold = [20, 19]", "metric[1].threshold", "不能大于1");
        one("threshold = [19, 20]", "threshold = [19, 0]", "metric[1].threshold", "分母不能为0");
        one("threshold = [19, 20]", "threshold = 0.95", "metric[1].threshold", "应为分数");
        one("threshold = [19, 20]", "threshold = [-1, 20]", "metric[1].threshold", "应为分数");
        one("threshold = [19, 20]", "threshold = [1, 2, 3]", "metric[1].threshold", "应为分数");
        one("threshold = [19, 20]\n", "", "metric[1]", "缺少字段 threshold");
        one(
            "electorate = \"members_or_delegates\"",
            "electorate = \"member\"",
            "metric[1].electorate",
            "是不是 members",
        );
        one("items = [\"home\"]", "items = [\"hme\"]", "metric[1].items", "是不是 home");
        one("items = [\"home\"]", "items = []", "metric[1].items", "至少");
        one("items = [\"home\"]", "items = [\"home\"]\ntier = \"gold\"", "metric[1].tier", "不认识“gold”");
        one("items = [\"home\"]", "items = [\"home\"]\nfoo = 1", "metric[1].foo", "没有这个字段");
        one("indicator = \"card_rate\"", "indicator = \"car_rate\"", "standard[3].indicator", "是不是 card_rate");
        for version in ["1.0", "+1.2.0", "01.2.0", "1.2.00", "1.2.0 ", "1.2.0.0", "1.x.0"] {
            one("version = \"1.2.0\"", &format!("version = \"{version}\""), "version", "三个数");
        }
        one("id = \"chaoyang-2013\"", "id = \"Chaoyang\"", "id", "小写");
        one("id = \"chaoyang-2013\"", "id = \"chaoyang-2013\"\nparent = \"chaoyang-2013\"", "parent", "自己");
        one("by = 2013-12-31", "by = \"2013-12-31\"", "coverage[1].by", "日期");
        one("upon = \"not_met\"", "upon = \"unhappy\"", "consequence[2].upon", "不认识");
        one("kind = \"report_up\"", "kind = \"report_up\"\nupon = \"not_met\"", "consequence[1].upon", "撤销称号");
        one("from = 100, yuan = 20000", "from = 10, yuan = 20000", "grant[1].steps", "从大到小");
        one("kind = \"report_up\"", "kind = \"rectification\"", "consequence[1]", "缺少字段 months");
        one("times = 1", "times = -1", "duty[1].times", "不小于0");
        one("per = \"year\"", "per = \"century\"", "duty[1].per", "不认识");
    }

    #[test]
    fn what_could_never_be_judged_is_refused() {
        one("threshold = [19, 20]", "threshold = [0, 20]", "metric[1].threshold", "大于0");
        one("items = [\"home\"]", "items = [\"home\", \"home\"]", "metric[1].items", "重复");
        one("electorate =", "trigger = \"overhaul\"\nelectorate =", "metric[1].trigger", "只能");
        one("electorate =", "comparator = \"<\"\nelectorate =", "metric[1].comparator", "须写明后果");
        let elsewhere = GOOD.replacen("[[item]]", "[[category]]\ncode = \"county_union\"\n\n[[item]]", 1).replacen(
            "scale = \"satisfaction\"",
            "scale = \"satisfaction\"\ncategories = [\"county_union\"]",
            1,
        );
        let not_asked: Vec<String> = RuleSet::check(&elsewhere).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(not_asked.len(), 1, "{not_asked:?}");
        assert!(not_asked[0].contains("metric[1].items：“home”没有问“grassroots_union”"), "{not_asked:?}");
        let all = after("scale = \"satisfaction\"", "scale = \"satisfaction\"\ncategories = [\"grassroots_union\"]");
        assert_eq!(all, [] as [&str; 0], "those who are judged by it are asked it");
        for date in ["明天", "2013-13", "2013-02-30", "13", "2013-1-1", "2013-01-01-01", "+2013"] {
            one("date = \"2013\"", &format!("date = \"{date}\""), "document.date", "2018-06-14");
        }
        for date in ["2013-11", "2013-11-30"] {
            assert_eq!(after("date = \"2013\"", &format!("date = \"{date}\"")), [] as [&str; 0]);
        }
        let turnout = "[turnout]\nmode = \"required\"\nfraction = [0, 1]\nstatement = \"无\"\n\n[document]";
        one("[document]", turnout, "turnout.fraction", "大于0");
        let (from, to) = (GOOD.find("[[metric]]").unwrap(), GOOD.find("# ── 申报指标").unwrap());
        let none = format!("{}{}", &GOOD[..from], &GOOD[to..]);
        assert!(RuleSet::check(&none).unwrap_err()[0].message.contains("没有任何 [[metric]]"));
        let inherited = none.replacen("version", "parent = \"shandong-2018\"\nversion", 1);
        assert!(RuleSet::check(&inherited).is_ok(), "judged by the rules above it");
    }

    #[test]
    fn what_earlier_versions_let_pass_is_still_read() {
        let text = [
            ("version = \"1.2.0\"", "version = \"01.2.0\""),
            ("date = \"2013\"", "date = \"2013年6月\""),
            ("threshold = [19, 20]", "threshold = [0, 20]"),
            ("items = [\"home\"]", "items = [\"home\", \"home\"]"),
            ("electorate =", "trigger = \"overhaul\"\nelectorate ="),
        ]
        .iter()
        .fold(GOOD.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
        let set = RuleSet::parse(&text).unwrap();
        assert_eq!((set.version, set.digest), (Version(1, 2, 0), Digest::sha256(text.as_bytes())));
        let fields: Vec<&str> = set.doubts.iter().map(|doubt| doubt.field.as_str()).collect();
        let metric = ["metric[1].items", "metric[1].threshold", "metric[1].trigger"];
        assert_eq!(fields, [&["version", "document.date"][..], &metric].concat());
        assert_eq!(RuleSet::check(&text).unwrap_err(), set.doubts);
        let faulty = text.replace("times = 1", "times = -1");
        assert_eq!(RuleSet::parse(&faulty).unwrap_err().len(), 1, "what cannot be worked with");
        assert_eq!(RuleSet::check(&faulty).unwrap_err().len(), 6, "told with the rest");
    }

    #[test]
    fn a_higher_tier_asks_no_less_and_no_tier_has_a_floor() {
        let good = include_str!("../../rules/changzhou-2016.toml");
        let found = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            RuleSet::check(&good.replacen(from, to, 1)).map_or_else(|found| found, |_| Vec::new())
        };
        let lower = found("threshold = [9, 10]\nelectorate", "threshold = [8, 10]\nelectorate");
        assert_eq!((lower.len(), lower[0].field.as_str()), (1, "metric[2].threshold"), "{lower:?}");
        assert!(lower[0].message.contains("85%") && good.lines().nth(lower[0].line - 1).unwrap().contains("threshold"));
        assert_eq!(found("threshold = [9, 10]\nelectorate", "threshold = [17, 20]\nelectorate"), []);
        let other =
            found("threshold = [9, 10]\nelectorate", "threshold = [8, 10]\npositive = \"satisfied\"\nelectorate");
        assert_eq!(other, [], "another formula is another rate");
        let floor = found("tier = \"model\"", "tier = \"model\"\ncomparator = \"<\"\ntrigger = \"overhaul\"");
        assert_eq!((floor.len(), floor[0].field.as_str()), (1, "metric[1].tier"), "{floor:?}");
    }

    #[test]
    fn an_item_may_not_take_the_name_of_a_common_one() {
        for name in ["services", "pledge_1", "comment"] {
            let found = RuleSet::parse(&GOOD.replace("\"home\"", &format!("\"{name}\""))).unwrap_err();
            assert_eq!((found.len(), found[0].field.as_str()), (1, "item[1].id"), "{found:?}");
        }
    }

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let text = GOOD.replacen("electorate = \"members_or_delegates\"", "electorate = \"会员\"", 1);
        let found = RuleSet::parse(&text).unwrap_err();
        let line = text.lines().position(|line| line.starts_with("electorate")).unwrap() + 1;
        assert_eq!((found[0].line, found[0].column), (line, 14));
    }

    #[test]
    fn several_faults_are_told_at_once() {
        let text = GOOD
            .replace("threshold = [19, 20]", "threshold = [19, 0]\ntreshold = 1")
            .replace("per = \"year\"", "per = \"decade\"");
        assert_eq!(RuleSet::parse(&text).unwrap_err().len(), 3);
        let broken = "id = \nversion = \"1.0.0\"\n[[metric\n";
        assert!(RuleSet::parse(broken).unwrap_err().len() >= 2, "faults of notation too");
        assert!(RuleSet::parse("").unwrap_err().len() >= 5);
    }

    #[test]
    fn a_new_jurisdiction_is_a_file() {
        let text = r#"
            id = "somewhere-2026"
            version = "1.0.0"
            title = "某市会员评家规则"
            jurisdiction = "某市"
            [document]
            title = "某市总工会的通知"
            issuer = "某市总工会"
            [turnout]
            mode = "required"
            fraction = [3, 5]
            statement = "到会须达到五分之三。"
            [[category]]
            code = "enterprise"
            [[item]]
            id = "canteen"
            title = "您对职工食堂是否满意？"
            scale = "satisfaction"
            [[metric]]
            rule = "SW-1"
            clause = "第一条"
            statement = "食堂满意率须达到三分之二。"
            items = ["canteen"]
            threshold = [2, 3]
            electorate = "employees"
            positive = "satisfied"
            denominator = "issued"
        "#;
        let set = RuleSet::parse(text).unwrap();
        assert_eq!(set.metrics[0].threshold, Fraction::TWO_THIRDS);
        assert_eq!(set.turnout.fraction, Fraction::new(3, 5).unwrap());
    }

    proptest::proptest! {
        /// Whatever the file says, reading it ends in a rule set or in findings.
        #[test]
        fn no_file_makes_it_panic(place in 0..10_000_usize, length in 0..40_usize, instead in ".{0,12}") {
            let text: Vec<char> = GOOD.chars().collect();
            let place = place % text.len();
            let after = (place + length).min(text.len());
            let changed: String =
                text[..place].iter().copied().chain(instead.chars()).chain(text[after..].iter().copied()).collect();
            if let Err(found) = RuleSet::parse(&changed) {
                proptest::prop_assert!(!found.is_empty());
            }
        }
    }
}
