//! A table of unions to be created, read from CSV: every fault with its line, nothing decided about the database.

use super::text::is_unseen;
use super::union::{Category, check_credit_code};

/// Most lines of one import.
pub const MAX_LINES: usize = 2_000;
/// Most chair accounts of one import: each password takes a while to hash.
pub const MAX_ACCOUNTS: usize = 200;
/// Longest name, in characters.
pub const MAX_NAME: usize = 100;

/// The columns, in the order of the sample file.
pub const COLUMNS: [&str; 7] =
    ["工会名称", "工会类别", "上级工会", "统一社会信用代码", "规则集", "主席姓名", "主席用户名"];

/// What stands most often between the names of the columns.
fn delimiter(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default();
    [b';', b'\t', b','].into_iter().max_by_key(|mark| head.matches(char::from(*mark)).count()).unwrap_or(b',')
}

/// A union as its line states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportLine {
    /// Line of the file, from 1.
    pub line: u64,
    pub name: String,
    pub category: Category,
    /// Name of the union above; none: the importing union.
    pub superior: Option<String>,
    pub credit_code: Option<String>,
    /// Id of the rule set; none: that of the union above.
    pub rule_set: Option<String>,
    /// Name and username of the chair, if an account is to be made.
    pub chair: Option<(String, String)>,
}

/// Something about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Line of the file, from 1.
    pub line: u64,
    pub words: String,
}

/// What a table says: its good lines, what is wrong with others, and what is merely odd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    pub lines: Vec<ImportLine>,
    pub errors: Vec<Remark>,
    pub warnings: Vec<Remark>,
}

impl Import {
    /// Adds an error.
    pub fn refuse(&mut self, line: u64, words: impl Into<String>) {
        self.errors.push(Remark { line, words: words.into() });
    }

    /// Reads CSV text, or cells as they are pasted from a spreadsheet: separated by commas, semicolons or tabs. The first line names the columns, in any order; 工会名称 and 工会类别 must be there.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut import = Import::default();
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(text))
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let places = match reader.headers() {
            Ok(head) => COLUMNS.map(|column| head.iter().position(|cell| cell == column)),
            Err(error) => {
                import.refuse(1, format!("无法读取：{error}"));
                return import;
            }
        };
        for (column, place) in COLUMNS.iter().zip(places).take(2) {
            if place.is_none() {
                import.refuse(1, format!("第一行要写列名，缺少“{column}”"));
            }
        }
        if !import.errors.is_empty() {
            return import;
        }
        let mut lines = Lines { text: text.as_bytes(), byte: 0, line: 1 };
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = lines.at(error.position());
                    import.refuse(line, "这一行不是正确的 CSV，请检查引号和编码");
                    continue;
                }
            };
            let line = lines.at(record.position());
            if import.lines.len() + import.errors.len() >= MAX_LINES {
                import.refuse(line, format!("一次最多导入{MAX_LINES}行，请分几次导入"));
                break;
            }
            let cells = places.map(|place| place.and_then(|place| record.get(place)).unwrap_or_default());
            import.line(line, cells);
        }
        import.check_accounts();
        if import.lines.is_empty() && import.errors.is_empty() {
            import.refuse(1, "除列名以外没有内容");
        }
        import
    }

    fn line(&mut self, line: u64, cells: [&str; 7]) {
        let [name, category, superior, code, rule_set, chair, username] = cells;
        if cells.iter().all(|cell| cell.is_empty()) {
            return;
        }
        if cells.iter().any(|cell| cell.contains('\n')) {
            self.refuse(line, "这一行的英文引号（\"）没有成对，或者格子里有换行");
            return;
        }
        let before = self.errors.len();
        if let Err(words) = check_name(name) {
            self.refuse(line, format!("工会名称{words}"));
        }
        let found = Category::ALL.into_iter().find(|known| known.label() == category || known.code() == category);
        if found.is_none() {
            let known = Category::ALL.map(Category::label).join("、");
            self.refuse(line, format!("工会类别“{category}”不认识，应为：{known}"));
        }
        if !superior.is_empty()
            && let Err(words) = check_name(superior)
        {
            self.refuse(line, format!("上级工会{words}"));
        }
        let code = code.to_ascii_uppercase();
        if let Some(oddity) = Some(&code).filter(|code| !code.is_empty()).and_then(|code| check_credit_code(code).err())
        {
            self.warnings.push(Remark { line, words: oddity.to_string() });
        }
        if !code.is_empty()
            && let Err(words) = check_name(&code)
        {
            self.refuse(line, format!("统一社会信用代码{words}"));
        }
        match (chair.is_empty(), username.is_empty()) {
            (true, false) => self.refuse(line, "写了主席用户名，缺少主席姓名"),
            (false, true) => self.refuse(line, "写了主席姓名，缺少主席用户名"),
            (false, false) => {
                if let Err(words) = check_name(chair) {
                    self.refuse(line, format!("主席姓名{words}"));
                }
                if let Err(words) = check_username(username) {
                    self.refuse(line, words);
                }
            }
            (true, true) => {}
        }
        let filled = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
        if let (Some(category), true) = (found, self.errors.len() == before) {
            self.lines.push(ImportLine {
                line,
                name: name.to_owned(),
                category,
                superior: filled(superior),
                credit_code: filled(&code),
                rule_set: filled(rule_set),
                chair: filled(chair).zip(filled(username)),
            });
        }
    }

    fn check_accounts(&mut self) {
        let mut seen = std::collections::BTreeMap::new();
        let mut again = Vec::new();
        for line in &self.lines {
            if let Some((_, username)) = &line.chair
                && let Some(first) = seen.insert(username.clone(), line.line)
            {
                again.push((line.line, format!("主席用户名“{username}”和第{first}行重复")));
            }
        }
        for (line, words) in again {
            self.refuse(line, words);
        }
        if seen.len() > MAX_ACCOUNTS {
            self.refuse(1, format!("一次最多建立{MAX_ACCOUNTS}个主席账号，请分几次导入"));
        }
    }
}

/// Counts lines as an editor does. The reader's own count is one too low after `\r\n` and before empty lines.
struct Lines<'t> {
    text: &'t [u8],
    byte: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of a record, whose position may stand before the line breaks that precede it.
    fn at(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.byte);
        while let Some(byte) = self.text.get(self.byte) {
            if self.byte >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*byte == b'\n');
            self.byte += 1;
        }
        self.line
    }
}

/// Whether a name of a union or person is one.
///
/// # Errors
/// What is wrong with it, to follow the word for the field.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("没有填写")
    } else if name.chars().count() > MAX_NAME {
        Err("不能超过100个字")
    } else if name.chars().any(|c| c == '\n' || is_unseen(c)) {
        Err("含有看不见的字符，请删去后重新输入")
    } else {
        Ok(())
    }
}

/// Whether a username is one: 3 to 32 of small letters, digits, `.`, `-` and `_`, beginning with a letter.
///
/// # Errors
/// What is wrong with it.
pub fn check_username(username: &str) -> Result<(), &'static str> {
    let fits = (3..=32).contains(&username.len())
        && username.starts_with(|c: char| c.is_ascii_lowercase())
        && username.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'));
    if fits {
        Ok(())
    } else {
        Err("用户名应为3到32位小写字母、数字、点、短横或下划线，以字母开头")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_lines_are_read_in_any_order_of_columns() {
        let import = Import::read(
            "工会类别,工会名称,主席用户名,主席姓名,备注\r\n企业工会,\"甲，厂工会\",jia,张三,x\r\n,,,\r\nvillage_union, 乙村工会 \r\n",
        );
        assert_eq!((import.errors, import.warnings), (vec![], vec![]));
        assert_eq!(import.lines.len(), 2);
        assert_eq!(import.lines[0].chair, Some(("张三".to_owned(), "jia".to_owned())));
        let second = &import.lines[1];
        assert_eq!((second.line, second.name.as_str(), second.category), (4, "乙村工会", Category::VillageUnion));
    }

    #[test]
    fn cells_may_be_separated_as_spreadsheets_do() {
        for mark in [",", ";", "\t"] {
            let import = Import::read(
                &["工会名称,工会类别,主席姓名,主席用户名", "甲厂工会,企业工会,张三,jia"].join("\n").replace(',', mark),
            );
            assert_eq!(import.errors, [], "{mark:?}");
            assert_eq!(import.lines[0].chair, Some(("张三".to_owned(), "jia".to_owned())));
        }
        let import = Import::read("工会名称,工会类别\n甲\"厂,企业工会\n乙厂,\"企业工会\n丙厂,企业工会\n");
        assert!(import.errors.iter().any(|error| error.words.contains("引号")), "{:?}", import.errors);
    }

    #[test]
    fn every_fault_is_named_with_its_line_and_codes_only_warn() {
        let import = Import::read(
            "工会名称,工会类别,统一社会信用代码,主席姓名,主席用户名\n甲,企业工会,8137,,\n,企业工会,,,\n乙,公司,,,\n丙,企业工会,,李四,\n丁,企业工会,,李四,Li Si\n戊,企业工会,,王五,wang\n己,企业工会,,赵六,wang\n",
        );
        let lines: Vec<u64> = import.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 8]);
        assert_eq!(import.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [2]);
        assert!(Import::read("名称\n甲\n").errors[0].words.contains("工会名称"));
        assert!(!Import::read("工会名称,工会类别\n").errors.is_empty());
        assert!(!Import::read("").errors.is_empty());
    }

    #[test]
    fn no_cell_that_is_kept_or_looked_up_has_characters_that_nobody_sees() {
        for cells in ["甲\0,企业工会,,,", "甲,企业工会,上\0级,,", "甲,企业工会,,8137\0,", "甲,企业工会,,,张\0三"]
        {
            let import = Import::read(&format!(
                "工会名称,工会类别,上级工会,统一社会信用代码,主席姓名,主席用户名\n{cells},zhang\n"
            ));
            assert!(import.lines.is_empty(), "{cells:?}");
            assert!(import.errors.iter().any(|error| error.words.contains("看不见的字符")), "{:?}", import.errors);
        }
    }

    #[test]
    fn lines_are_counted_as_editors_count_them() {
        for end in ["\n", "\r\n"] {
            let text = ["工会名称,工会类别", "\"甲", "厂\",企业工会", "", "乙,企业工会", "丙,?", "", ""].join(end);
            let import = Import::read(&text);
            assert_eq!(import.lines.iter().map(|line| line.line).collect::<Vec<_>>(), [5], "{end:?}");
            let wrong: Vec<u64> = import.errors.iter().map(|error| error.line).collect();
            assert_eq!(wrong, [2, 6], "a name of two lines, an unknown category");
        }
    }

    #[test]
    fn too_many_lines_are_refused() {
        let text = format!("工会名称,工会类别\n{}", "甲,企业工会\n".repeat(MAX_LINES + 1));
        assert_eq!(Import::read(&text).errors.len(), 1);
    }
}
