//! Workbooks of the result sheet and of the roll-up, read by other people's programs.

use pingjia::render::sheet_pdf::SheetRectification;
use pingjia::render::workbook;

use super::sheet::{result, roll_up};
use super::tools::{Folder, run};

#[test]
fn workbooks_hold_numbers_as_numbers_and_text_as_text() {
    use calamine::{Data, Reader};
    let folder = Folder::new();
    let json = b"{}";
    let sheet = result(10, 1, json);
    let book = workbook::result(&sheet).unwrap();
    assert_eq!(book, workbook::result(&result(10, 1, json)).unwrap(), "same input, same bytes");
    folder.write("result.xlsx", &book);
    let mut read: calamine::Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(book)).unwrap();
    assert_eq!(read.sheet_names(), ["结果", "票数", "指标", "说明"]);
    let counts = read.worksheet_range("票数").unwrap();
    assert_eq!(counts.get((1, 2)), Some(&Data::Float(127.0)));
    assert_eq!(counts.get((1, 3)), Some(&Data::Float(0.8881)), "cut, not rounded: 127 of 143 is 88.811… %");
    let all = roll_up(4);
    let book = workbook::roll_up(&all).unwrap();
    assert_eq!(book, workbook::roll_up(&roll_up(4)).unwrap(), "same input, same bytes");
    folder.write("rollup.xlsx", &book);
    let mut read: calamine::Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(book)).unwrap();
    let range = read.worksheet_range("汇总").unwrap();
    assert_eq!(range.get((2, 0)), Some(&Data::String("=HYPERLINK(\"http://example.cn\")工会".to_owned())));
    assert!(read.worksheet_formula("汇总").unwrap().is_empty(), "nothing became a formula");
    let cell = |row, column| range.get((row, column)).map(ToString::to_string).unwrap_or_default();
    assert_eq!(
        [cell(5, 0), cell(5, 2), cell(5, 3)],
        ["合计（已报送报告单的3家）", "456", "420"],
        "without the open round"
    );
    assert_eq!([cell(2, 7), cell(2, 11)], ["满意率", "整顿线 90%"]);
    assert_eq!([cell(4, 7), cell(4, 11)], ["知晓率", "≥ 90%"], "a rate goes by its name");
}

/// Every part is XML without control characters, formulas or links; sheet names are short and heads frozen. Another
/// reader, openpyxl, finds a head in every sheet, no formula anywhere, and the words and numbers that are asked for.
const STRICT: &str = r#"
import re, sys, zipfile, xml.dom.minidom, openpyxl
for name in sys.argv[1:]:
    with zipfile.ZipFile(name) as book:
        assert book.testzip() is None
        for part in book.namelist():
            text = book.read(part).decode()
            xml.dom.minidom.parseString(text)
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", text), part
            assert "<f>" not in text and "<hyperlink" not in text, part
            assert all(len(n) <= 31 for n in re.findall('<sheet name="([^"]*)"', text)), part
            assert not part.startswith("xl/worksheets/") or 'state="frozen"' in text, part
    found = set()
    for sheet in openpyxl.load_workbook(name):
        assert sheet.freeze_panes == "A2" and all(isinstance(cell.value, str) for cell in sheet[1]), sheet.title
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.data_type != "f" and cell.hyperlink is None, (sheet.title, cell.coordinate)
            found.add((sheet.title, cell.value))
    wanted = {"result": [("票数", 127), ("票数", 0.8881), ("指标", 143), ("结果", "=cmd|' /C calc'!A0")],
              "rollup": [("汇总", "@名称"), ("汇总", 137), ("结论", "达标")], "empty": [("汇总", "工会名称")]}
    for cell in wanted[re.search("strict-(.*).xlsx", name)[1]]:
        assert cell in found, (name, cell)
"#;

/// Workbooks full of what programs may take for something else: their paths.
fn hostile(folder: &Folder) -> [String; 3] {
    let mut sheet = result(2, 1, b"{}");
    let hostile = ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "a\u{1}b\u{b}c", "<&>\"'", "_x000D_", "𬱖㛃"];
    sheet.rectifications = hostile
        .iter()
        .map(|text| SheetRectification { problem: (*text).to_owned(), ..SheetRectification::default() })
        .collect();
    sheet.union_name = String::from("=cmd|' /C calc'!A0");
    sheet.place = "很长的地点".repeat(80);
    let mut all = roll_up(0);
    for (name, book) in [("result", workbook::result(&sheet)), ("empty", workbook::roll_up(&all))] {
        folder.write(&format!("strict-{name}.xlsx"), &book.unwrap());
    }
    all = roll_up(3);
    all.rows[0].union_name = String::from("@名称");
    folder.write("strict-rollup.xlsx", &workbook::roll_up(&all).unwrap());
    let path = |name: &str| folder.path().join(format!("strict-{name}.xlsx")).to_string_lossy().into_owned();
    ["result", "empty", "rollup"].map(path)
}

#[test]
fn workbooks_hold_nothing_that_excel_refuses() {
    let folder = Folder::new();
    let [result, empty, rollup] = hostile(&folder);
    run("python3", &["-c", STRICT, &result, &empty, &rollup]);
}

#[test]
#[ignore = "needs LibreOffice: apt-get install libreoffice-calc-nogui"]
fn workbooks_are_opened_by_libreoffice() {
    let folder = Folder::new();
    for (book, words) in hostile(&folder).iter().zip(["calc'!A0", "工会名称", "@名称"]) {
        let place = folder.path().to_string_lossy();
        // A profile of its own: one that is open elsewhere would be asked instead.
        let profile = format!("-env:UserInstallation=file://{place}/profile");
        run("soffice", &[&profile, "--headless", "--convert-to", "pdf", "--outdir", &place, book]);
        let pdf = book.replace(".xlsx", ".pdf");
        let text = String::from_utf8(run("pdftotext", &["-layout", &pdf, "-"]).stdout).unwrap();
        assert!(text.contains(words), "{book}: {text}");
    }
}
