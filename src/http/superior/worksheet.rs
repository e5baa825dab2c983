//! The first worksheet of an uploaded workbook as the table that an import reads: the columns of an import alone, every
//! cell as the text that stands in it, every row in the line of its number.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use crate::domain::import::{COLUMNS, Remark};

/// How archives begin, workbooks (`.xlsx`) among them.
const ARCHIVE: &[u8] = b"PK\x03\x04";
/// How older workbooks (`.xls`, `.et`) and locked ones begin.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0";

/// Most bytes of a workbook once it is unpacked.
const UNPACKED: u64 = 16 << 20;
/// Rows that are read.
const ROWS: u32 = 10_000;
/// Most bytes of the table: it comes back in a form.
const TEXT: usize = 1 << 20;
/// Most bytes of a cell.
const LONGEST: usize = 4096;
/// Most remarks on cells.
const REMARKS: usize = 1_000;
/// Below this, workbooks hold whole numbers exactly: fifteen digits.
const EXACT: f64 = 1e15;

/// Why there is no table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// The file: what it is, and what to do about it.
    File(&'static str, &'static str),
    /// Cells, by their rows.
    Cells(Vec<Remark>),
}

const OLD: Unreadable = Unreadable::File(
    "这是旧版的 Excel 或者 WPS 文件（.xls、.et），读不了",
    "请在 Excel 或 WPS 里另存为“Excel 工作簿（.xlsx）”，再上传。",
);
const LOCKED: Unreadable = Unreadable::File(
    "这个文件加了密码，打不开",
    "请在 Excel 或 WPS 里取消打开密码，存成“Excel 工作簿（.xlsx）”，再上传。",
);
const DAMAGED: Unreadable = Unreadable::File(
    "这不是 Excel 工作簿（.xlsx），或者文件已经损坏",
    "请在 Excel 或 WPS 里打开，另存为“Excel 工作簿（.xlsx）”，再上传。",
);
const TOO_LARGE: Unreadable = Unreadable::File(
    "这个工作簿太大，读不了",
    "请把要导入的几列复制到新建的工作簿里，不带图片和格式；还是太大的，分几次导入。",
);

/// Whether this file is some kind of workbook: read as text it would be rubbish.
pub(super) fn is_workbook(file: &[u8]) -> bool {
    file.starts_with(ARCHIVE) || file.starts_with(COMPOUND)
}

/// The table in the first worksheet that is to be seen, as CSV.
///
/// # Errors
/// What the file is instead, or which cells do not say what was written in them.
pub(super) fn read(file: &[u8]) -> Result<String, Unreadable> {
    if file.starts_with(COMPOUND) {
        return Err(if is_locked(file) { LOCKED } else { OLD });
    }
    measure(file)?;
    let damaged = |_| DAMAGED;
    let mut book = Xlsx::new(Cursor::new(file)).map_err(damaged)?;
    let is_shown = |typ, visible| typ == SheetType::WorkSheet && visible == SheetVisible::Visible;
    let mut sheets = book.sheets_metadata().iter();
    let name =
        sheets.find(|sheet| is_shown(sheet.typ, sheet.visible)).map(|sheet| sheet.name.clone()).ok_or(DAMAGED)?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(damaged)?;
    let mut table = Table::default();
    // One after the other: a range would have room for every cell between the first and the last.
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        table.take(cell.get_position(), cell.get_value())?;
    }
    table.into_text()
}

/// Whether a compound file is a workbook under a password: its stream has this name.
fn is_locked(file: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    file.windows(name.len()).any(|window| window == name)
}

/// Unpacks the archive into nothing: how much it holds is counted, whatever it says of itself.
fn measure(file: &[u8]) -> Result<(), Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(file)).map_err(|_| DAMAGED)?;
    let mut left = UNPACKED;
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(|_| DAMAGED)?;
        let unpacked = io::copy(&mut entry.take(left + 1), &mut io::sink()).map_err(|_| DAMAGED)?;
        left = left.checked_sub(unpacked).ok_or(TOO_LARGE)?;
    }
    Ok(())
}

/// What was read so far. Rows and columns from 0.
#[derive(Default)]
struct Table {
    /// The row that names the columns: the first that is not empty.
    head: Option<u32>,
    /// Column of the worksheet → which of an import it is.
    places: BTreeMap<u32, usize>,
    rows: BTreeMap<u32, [String; COLUMNS.len()]>,
    length: usize,
    wrong: Vec<Remark>,
}

impl Table {
    fn take(&mut self, (row, column): (u32, u32), value: &DataRef<'_>) -> Result<(), Unreadable> {
        let text = text_of(value);
        if text.as_deref() == Ok("") {
            return Ok(());
        }
        if *self.head.get_or_insert(row) == row {
            let named = text.ok().and_then(|text| COLUMNS.iter().position(|name| *name == text));
            if let Some(place) = named.filter(|place| !self.places.values().any(|known| known == place)) {
                self.places.insert(column, place);
            }
            return Ok(());
        }
        let Some(place) = self.places.get(&column).copied() else { return Ok(()) };
        match text {
            _ if row >= ROWS => self.refuse(ROWS, format!("这一行以下还有内容；最多读到第{ROWS}行，请删去")),
            Ok(text) if text.contains(['\n', '\r']) => self.refuse(row, "格子里有换行"),
            Ok(text) => {
                self.length += text.len();
                if self.length > TEXT {
                    return Err(TOO_LARGE);
                }
                if let Some(cell) = self.rows.entry(row).or_default().get_mut(place) {
                    *cell = text.into_owned();
                }
            }
            Err(words) => {
                let name = COLUMNS.get(place).copied().unwrap_or_default();
                self.refuse(row, format!("“{name}”{words}"));
            }
        }
        Ok(())
    }

    fn refuse(&mut self, row: u32, words: impl Into<String>) {
        let remark = Remark { line: u64::from(row) + 1, words: words.into() };
        if self.wrong.len() < REMARKS && self.wrong.last() != Some(&remark) {
            self.wrong.push(remark);
        }
    }

    /// One line for every row from the first, so that lines bear the numbers that the spreadsheet shows.
    fn into_text(self) -> Result<String, Unreadable> {
        if !self.wrong.is_empty() {
            return Err(Unreadable::Cells(self.wrong));
        }
        let last = self.rows.keys().next_back().copied().max(self.head).unwrap_or(0);
        let mut text = String::with_capacity(self.length * 2);
        for row in 0..=last {
            if Some(row) == self.head {
                text.push_str(&self.line(|place| COLUMNS.get(place).copied().unwrap_or_default()));
            } else if let Some(cells) = self.rows.get(&row) {
                text.push_str(&self.line(|place| cells.get(place).map_or("", String::as_str)));
            }
            text.push('\n');
        }
        Ok(text)
    }

    fn line<'t>(&self, cell: impl Fn(usize) -> &'t str) -> String {
        self.places.values().map(|place| quoted(cell(*place))).collect::<Vec<_>>().join(",")
    }
}

/// A cell of CSV.
fn quoted(cell: &str) -> Cow<'_, str> {
    if cell.contains(['"', ',']) { format!("\"{}\"", cell.replace('"', "\"\"")).into() } else { cell.into() }
}

/// What was written into a cell, or why that is not known any more.
fn text_of<'c>(value: &'c DataRef<'_>) -> Result<Cow<'c, str>, &'static str> {
    const CUT: &str = "是数字，位数太多，后面几位已经变了；请把这一列设成“文本”格式，重新填写";
    match value {
        DataRef::Empty => Ok("".into()),
        DataRef::String(text) => in_reason(text),
        DataRef::SharedString(text) => in_reason(text),
        DataRef::Float(number) if number.abs() >= EXACT => Err(CUT),
        // Whole numbers have no decimals, and no exponent at this size.
        DataRef::Float(number) => Ok(number.to_string().into()),
        DataRef::Int(number) => Ok(number.to_string().into()),
        DataRef::Bool(value) => Ok(if *value { "TRUE" } else { "FALSE" }.into()),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => {
            Err("变成了日期或者时间；请把这一列设成“文本”格式，重新填写")
        }
        DataRef::Error(_) => Err("是出错的公式；请改成文字"),
    }
}

/// One text may be that of all cells: it is looked at so often only while it is short.
fn in_reason(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if text.len() > LONGEST { Err("太长，不会是要导入的内容") } else { Ok(text.trim().into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet, XlsxError};
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::domain::import::Import;

    fn book(fill: impl FnOnce(&mut Worksheet) -> Result<(), XlsxError>) -> Vec<u8> {
        let mut book = Workbook::new();
        fill(book.add_worksheet()).unwrap();
        book.save_to_buffer().unwrap()
    }

    /// Into the first cell of the third row.
    fn write_day(sheet: &mut Worksheet, day: ExcelDateTime, format: &str) -> Result<(), XlsxError> {
        sheet.write_datetime_with_format(2, 0, day, &Format::new().set_num_format(format)).map(drop)
    }

    fn remarks(file: &[u8]) -> Vec<(u64, String)> {
        match read(file) {
            Err(Unreadable::Cells(remarks)) => remarks.into_iter().map(|remark| (remark.line, remark.words)).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_worksheet_is_read_like_csv_and_in_the_same_lines() {
        let file = book(|sheet| {
            // The first row is empty, a column is none of ours, and the sheet has a row that is empty in between.
            for (column, name) in (0..).zip(["备注", "工会类别", " 工会名称 ", "统一社会信用代码", "工会名称"])
            {
                sheet.write_string(1, column, name)?;
            }
            sheet.write_string(2, 1, "企业工会")?;
            sheet.write_string(2, 2, "甲厂\"红旗\"工会, 一分会")?;
            sheet.write_string(2, 3, "81370212MC0000001X")?;
            write_day(sheet, ExcelDateTime::from_ymd(2026, 1, 2)?, "yyyy-mm-dd")?;
            sheet.write_string(2, 4, "不是这个")?;
            sheet.write_formula(4, 1, Formula::new("=\"企业\"&\"工会\"").set_result("企业工会"))?;
            sheet.write_number(4, 2, 81_370_212_345_678_f64)?;
            Ok(())
        });
        let text = read(&file).unwrap();
        assert_eq!(
            text,
            "\n工会类别,工会名称,统一社会信用代码\n企业工会,\"甲厂\"\"红旗\"\"工会, 一分会\",81370212MC0000001X\n\n企业工会,81370212345678,\n"
        );
        let import = Import::read(&text);
        assert_eq!(import.errors, []);
        let lines: Vec<(u64, &str)> = import.lines.iter().map(|line| (line.line, line.name.as_str())).collect();
        assert_eq!(lines, [(3, "甲厂\"红旗\"工会, 一分会"), (5, "81370212345678")]);
    }

    #[test]
    fn what_a_spreadsheet_has_changed_is_not_taken_for_what_was_written() {
        let file = book(|sheet| {
            for (column, name) in (0..).zip(COLUMNS) {
                sheet.write_string(0, column, name)?;
            }
            sheet.write_number(1, 3, 813_702_120_000_000_017_f64)?;
            write_day(sheet, ExcelDateTime::from_ymd(2026, 5, 1)?, "m\"月\"d\"日\"")?;
            sheet.write_string(3, 0, "甲厂\n工会")?;
            sheet.write_formula(4, 0, Formula::new("=NA()").set_result("#N/A"))?;
            sheet.write_string(5, 5, "长".repeat(2000))?;
            sheet.write_string(ROWS + 5, 0, "在下面")?;
            sheet.write_string(ROWS + 6, 0, "在下面")?;
            Ok(())
        });
        let told = remarks(&file);
        let lines: Vec<u64> = told.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, u64::from(ROWS) + 1], "{told:?}");
        for (place, words) in
            ["“统一社会信用代码”是数字", "“工会名称”变成了日期", "换行", "出错的公式", "“主席姓名”太长", "最多读到"]
                .iter()
                .enumerate()
        {
            assert!(told[place].1.contains(words), "{told:?}");
        }
    }

    #[test]
    fn the_first_sheet_that_is_shown_counts() {
        let mut book = Workbook::new();
        let sheet = |book: &mut Workbook, name: &str| {
            let sheet = book.add_worksheet();
            sheet.write_string(0, 0, "工会名称").unwrap();
            sheet.write_string(1, 0, name).unwrap();
        };
        sheet(&mut book, "藏起来的");
        sheet(&mut book, "第一张");
        sheet(&mut book, "第二张");
        book.worksheet_from_index(0).unwrap().set_hidden(true);
        book.worksheet_from_index(1).unwrap().set_active(true);
        assert_eq!(read(&book.save_to_buffer().unwrap()).unwrap(), "工会名称\n第一张\n");
        let empty = read(&self::book(|_| Ok(()))).unwrap();
        assert!(Import::read(&empty).errors[0].words.contains("第一行要写列名"));
    }

    #[test]
    fn a_cell_far_away_takes_no_room() {
        let file = book(|sheet| {
            sheet.write_string(0, 0, "工会名称")?;
            sheet.write_string(1, 0, "甲厂工会")?;
            sheet.write_string(1_048_575, 16_383, "远处")?;
            Ok(())
        });
        assert_eq!(read(&file).unwrap(), "工会名称\n甲厂工会\n");
    }

    #[test]
    fn other_files_are_called_what_they_are() {
        let mut old = COMPOUND.to_vec();
        old.extend([0; 600]);
        assert_eq!(read(&old), Err(OLD));
        old.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(read(&old), Err(LOCKED));
        let archive = |name: &str, content: &[u8], times: usize| {
            let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
            archive.start_file(name, SimpleFileOptions::default()).unwrap();
            for _ in 0..times {
                archive.write_all(content).unwrap();
            }
            archive.finish().unwrap().into_inner()
        };
        assert_eq!(read(&archive("word/document.xml", b"<w/>", 1)), Err(DAMAGED));
        let bomb = archive("xl/worksheets/sheet1.xml", &vec![b' '; 1 << 20], 17);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(read(&bomb), Err(TOO_LARGE));
        let whole = book(|sheet| sheet.write_string(0, 0, "工会名称").map(drop));
        assert!(is_workbook(&whole) && is_workbook(&old) && !is_workbook("工会名称".as_bytes()));
        for cut in (4..whole.len()).step_by(97) {
            assert_eq!(read(&whole[..cut]), Err(DAMAGED), "cut at {cut}");
        }
    }
}
