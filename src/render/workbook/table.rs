//! Tables of a workbook: values, their formats, rows as high as their texts.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use crate::render::number::{count, real, times};

/// What a cell holds.
pub(super) enum Value {
    Text(String),
    Count(u64),
    /// Numerator and base.
    Rate(u64, u64),
    /// A percentage as shown, cut to two decimals: hundredths of a per cent.
    Cut(u64),
    Nothing,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        if text.is_empty() { Value::Nothing } else { Value::Text(text.to_owned()) }
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl Value {
    /// A percentage as shown (`88.81%`) as the number it is; other words stay words.
    pub(super) fn shown(text: &str) -> Self {
        let digits = text.strip_suffix('%').and_then(|number| number.split_once('.'));
        let cut =
            digits.filter(|(_, decimals)| decimals.len() == 2).map(|(whole, decimals)| format!("{whole}{decimals}"));
        cut.and_then(|digits| digits.parse().ok()).map_or_else(|| text.into(), Value::Cut)
    }
}

impl From<Option<u64>> for Value {
    fn from(count: Option<u64>) -> Self {
        count.map_or(Value::Nothing, Value::Count)
    }
}

/// Cell formats of a workbook.
pub(super) struct Formats {
    head: Format,
    text: Format,
    count: Format,
    rate: Format,
}

impl Formats {
    pub(super) fn new() -> Self {
        let cell = Format::new().set_border(FormatBorder::Thin).set_align(FormatAlign::VerticalCenter);
        Formats {
            head: cell
                .clone()
                .set_bold()
                .set_align(FormatAlign::Center)
                .set_text_wrap()
                .set_background_color("#F0F0F0"),
            text: cell.clone().set_text_wrap(),
            count: cell.clone().set_num_format("#,##0"),
            rate: cell.set_num_format("0.00%"),
        }
    }
}

/// A worksheet being filled from above to below.
pub(super) struct Table<'w> {
    pub(super) worksheet: &'w mut Worksheet,
    formats: &'w Formats,
    /// Widths of the columns in digits.
    widths: Vec<f64>,
    /// The next row.
    row: u32,
}

/// A new worksheet with a frozen head, printed on A4 as wide as the page, across it where there are many columns.
pub(super) fn table<'w>(
    workbook: &'w mut Workbook,
    formats: &'w Formats,
    name: &str,
    columns: &[(&str, f64)],
) -> Result<Table<'w>, XlsxError> {
    const A4: u8 = 9;
    /// Wider tables are printed across the page.
    const UPRIGHT: f64 = 110.0;
    let worksheet = workbook.add_worksheet().set_name(name)?;
    for ((head, wide), column) in columns.iter().zip(0u16..) {
        worksheet.set_column_width(column, *wide)?;
        worksheet.write_string_with_format(0, column, *head, &formats.head)?;
    }
    worksheet.set_row_height(0, 22.0)?;
    worksheet.set_freeze_panes(1, 0)?;
    worksheet.set_repeat_rows(0, 0)?;
    worksheet.set_paper_size(A4);
    worksheet.set_print_fit_to_pages(1, 0);
    worksheet.set_footer("&C第 &P 页，共 &N 页");
    let widths: Vec<f64> = columns.iter().map(|(_, wide)| *wide).collect();
    if widths.iter().sum::<f64>() > UPRIGHT {
        worksheet.set_landscape();
    }
    Ok(Table { worksheet, formats, widths, row: 1 })
}

impl Table<'_> {
    pub(super) fn rows(&mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Result<(), XlsxError> {
        for cells in rows {
            self.row(cells)?;
        }
        Ok(())
    }

    /// One row, high enough for its texts: not every program finds the height itself.
    fn row(&mut self, cells: Vec<Value>) -> Result<(), XlsxError> {
        const LINE: f64 = 15.0;
        /// The highest that Excel allows.
        const MOST: f64 = 409.0;
        let (worksheet, row, formats) = (&mut *self.worksheet, self.row, self.formats);
        let mut lines = 1;
        for ((value, column), wide) in cells.into_iter().zip(0u16..).zip(&self.widths) {
            match value {
                Value::Text(text) => {
                    lines = lines.max(lines_of(&text, *wide));
                    worksheet.write_string_with_format(row, column, text, &formats.text)?
                }
                Value::Count(number) => {
                    worksheet.write_number_with_format(row, column, count(number), &formats.count)?
                }
                Value::Cut(cut) => {
                    worksheet.write_number_with_format(row, column, count(cut) / 10_000.0, &formats.rate)?
                }
                Value::Rate(_, 0) => worksheet.write_string_with_format(row, column, "—", &formats.text)?,
                Value::Rate(part, base) => {
                    let cut = u64::try_from(u128::from(part) * 10_000 / u128::from(base)).unwrap_or(u64::MAX);
                    worksheet.write_number_with_format(row, column, count(cut) / 10_000.0, &formats.rate)?
                }
                Value::Nothing => worksheet.write_blank(row, column, &formats.text)?,
            };
        }
        if lines > 1 {
            worksheet.set_row_height(row, (real(lines) * LINE).min(MOST))?;
        }
        self.row += 1;
        Ok(())
    }
}

/// How many lines a text takes in a column this many digits wide, where a Chinese character is two digits wide.
fn lines_of(text: &str, wide: f64) -> usize {
    let digits = |line: &str| line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    let fitting = times((wide - 1.0).max(1.0), 1.0).max(1);
    text.split('\n').map(|line| digits(line).div_ceil(fitting).max(1)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_as_high_as_their_texts() {
        assert_eq!(lines_of("123456789", 10.0), 1);
        assert_eq!(lines_of("一二三四五", 10.0), 2);
        assert_eq!(lines_of("", 10.0), 1);
        assert_eq!(lines_of("a\n一二三四五六七八九", 10.0), 3);
    }

    #[test]
    fn shown_percentages_become_numbers_and_words_stay_words() {
        assert!(matches!(Value::shown("88.81%"), Value::Cut(8_881)));
        assert!(matches!(Value::shown("100.00%"), Value::Cut(10_000)));
        assert!(matches!(Value::shown("无法计算"), Value::Text(_)));
        assert!(matches!(Value::shown(""), Value::Nothing));
    }
}
