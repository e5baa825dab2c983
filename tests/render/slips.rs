//! Slips: every code read, every choice of the chair's, files for other printers.

use pingjia::domain::paper::Paper;
use pingjia::domain::slip::{PollTag, SlipCode};
use pingjia::render::qr::Qr;
use pingjia::render::slips::{CodeFile, CsvEncoding, SlipOptions, SlipSheet};

use super::tools::{Folder, decoded, run, sound};
use super::{UNION, items};

fn slips(count: u128) -> Vec<SlipCode> {
    let tag = PollTag::from_random(0x0123_4567);
    (1..=count)
        .map(|place| SlipCode::from_random(tag, place.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)))
        .collect()
}

fn sheet(paper: &Paper, options: SlipOptions) -> SlipSheet<'_> {
    SlipSheet {
        title: "2026年度会员评议职工之家",
        union_name: UNION,
        closes: "2026年11月30日18时",
        public_url: "https://pj.laiyang.example.cn",
        paper,
        options,
    }
}

#[test]
fn qr_codes_are_read_at_25_millimetres_and_150_dpi() {
    let folder = Folder::new();
    let link = "HTTPS://PJ.LAIYANG.EXAMPLE.CN/V/ABCDE-0123456789ABCDEFGHJKM";
    // 29 + 8 modules at 5 pixels: 25 mm of code at 150 dpi is 148 pixels, 5.1 to a module.
    let file = folder.write("qr.png", &Qr::of(link).unwrap().png(5));
    assert_eq!(decoded(&file), [link]);
}

/// Every choice of slips to a page, short and long papers, one page each: sound, complete, readable, all fonts in it.
#[test]
fn every_slip_on_a_page_is_read() {
    for (name, items_count, per_page) in [
        ("one-8", 1, 8),
        ("three-8", 3, 8),
        ("one-10", 1, 10),
        ("ten-8", 10, 8),
        ("ten-6", 10, 6),
        ("six-4", 6, 4),
        ("ten-2", 10, 2),
        ("thirty-8", 30, 8),
        ("two-1", 2, 1),
        ("three-5", 3, 5),
        ("three-6", 3, 6),
        ("one-3", 1, 3),
    ] {
        let folder = Folder::new();
        let paper = Paper { items: items(items_count), comment: false };
        let sheet = sheet(&paper, SlipOptions { per_page, ..SlipOptions::default() });
        assert_eq!(sheet.missing(), Vec::<char>::new());
        let on_page = sheet.per_page().unwrap();
        let slips = slips(u128::from(on_page) + 1);
        let (mut file, mut again) = (Vec::new(), Vec::new());
        let mut progress = Vec::new();
        let length = sheet.write_pdf(&slips, |drawn| progress.push(drawn), &mut file).unwrap();
        assert_eq!(length, u64::try_from(file.len()).unwrap(), "{name}");
        assert_eq!(length, sheet.pdf_length(&slips[0], slips.len()).unwrap(), "{name}: known before it is drawn");
        sheet.write_pdf(&slips, |_| (), &mut again).unwrap();
        assert_eq!(file, again, "{name}: same input, same bytes");
        assert_eq!(progress, [slips.len() - 1, slips.len()], "{name}");
        let file = folder.write(&format!("slips-{name}.pdf"), &file);
        let text = sound(&file);
        let mut read: Vec<String> = folder.pages(&file, 150).iter().flat_map(|page| decoded(page)).collect();
        let mut given: Vec<String> = slips.iter().map(|slip| sheet.link(slip)).collect();
        read.sort();
        given.sort();
        assert_eq!(read, given, "{name}: every code, and no other");
        let text = text.replace(char::is_whitespace, "");
        for slip in &slips {
            let typed = slip.typing_form().replace(' ', "");
            assert!(text.contains(&typed), "{name}: the code for typing");
        }
        for item in &paper.items {
            assert!(text.contains(&item.title), "{name}: {}", item.title);
        }
    }
}

#[test]
fn rare_characters_and_other_sizes_of_code() {
    let folder = Folder::new();
    let mut paper = Paper { items: items(4), comment: true };
    paper.items[3].title = "王㛃、李䶮、张𬱖、鿏工兑现承诺".to_owned();
    for (name, qr_side, questions) in [("plain", 25.0, false), ("large", 40.0, true)] {
        let sheet = SlipSheet {
            union_name: "䶮㛃𬱖工会",
            ..sheet(&paper, SlipOptions { qr_side, questions, ..SlipOptions::default() })
        };
        let slips = slips(7);
        let mut file = Vec::new();
        sheet.write_pdf(&slips, |_| (), &mut file).unwrap();
        let file = folder.write(&format!("slips-{name}.pdf"), &file);
        let text = sound(&file).replace(char::is_whitespace, "");
        assert!(text.contains("䶮㛃𬱖工会"), "{name}");
        assert_eq!(text.contains("王㛃、李䶮、张𬱖、鿏工"), questions, "{name}");
        let read: usize = folder.pages(&file, 150).iter().map(|page| decoded(page).len()).sum();
        assert_eq!(read, slips.len(), "{name}");
    }
}

#[test]
fn single_codes_and_links_for_other_printers() {
    let folder = Folder::new();
    let paper = Paper { items: items(3), comment: false };
    let sheet = sheet(&paper, SlipOptions::default());
    let slips = slips(3);
    for (name, kind) in [("svg", CodeFile::Svg), ("png", CodeFile::Png { pixels: 8 })] {
        let (mut archive, mut again) = (Vec::new(), Vec::new());
        let mut last = 0;
        sheet.write_zip(&slips, kind, |done| last = done, &mut archive).unwrap();
        sheet.write_zip(&slips, kind, |_| (), &mut again).unwrap();
        assert_eq!((last, archive == again), (3, true));
        let file = folder.write(&format!("codes-{name}.zip"), &archive);
        let python = "import sys, zipfile; archive = zipfile.ZipFile(sys.argv[1]); \
                      assert archive.testzip() is None; archive.extractall(sys.argv[2]); \
                      print('\\n'.join(archive.namelist()))";
        let listed = run("python3", &["-c", python, &file.to_string_lossy(), &folder.path().to_string_lossy()]);
        let names = String::from_utf8(listed.stdout).unwrap();
        for (slip, file_name) in slips.iter().zip(names.lines()) {
            assert_eq!(file_name, format!("{}.{name}", slip.link_form()));
            if name == "png" {
                assert_eq!(decoded(&folder.path().join(file_name)), [sheet.link(slip)]);
            }
        }
    }
    let mut utf8 = Vec::new();
    sheet.write_csv(&slips, CsvEncoding::Utf8, &mut utf8).unwrap();
    let text = String::from_utf8(utf8).unwrap();
    assert!(text.starts_with("\u{feff}选票码,链接\r\n") && text.lines().count() == 4);
    let mut gb = Vec::new();
    sheet.write_csv(&slips, CsvEncoding::Gb18030, &mut gb).unwrap();
    assert_eq!(encoding_rs::GB18030.decode(&gb).0, text.trim_start_matches('\u{feff}'));
}

/// Every slip says which round it is for, by when and what to do; the answers have boxes to tick where the questions
/// stand on it; lines for cutting are drawn where they are wanted.
#[test]
fn a_slip_says_what_to_do_and_has_boxes_to_tick() {
    let folder = Folder::new();
    let paper = Paper { items: items(3), comment: false };
    let answers: usize = paper.items.iter().map(|item| item.scale.answers().len()).sum();
    for (name, questions, cut_marks) in [("whole", true, true), ("uncut", true, false), ("phones", false, true)] {
        let sheet = sheet(&paper, SlipOptions { questions, cut_marks, ..SlipOptions::default() });
        let slips = slips(7);
        let mut file = Vec::new();
        sheet.write_pdf(&slips, |_| (), &mut file).unwrap();
        let file = folder.write(&format!("says-{name}.pdf"), &file);
        let text = sound(&file).replace(char::is_whitespace, "");
        let second = if questions {
            "2.不用手机的，在□内打“✓”，投入票箱。"
        } else {
            "2.请自己填写，不要请人代填。"
        };
        for words in [
            "2026年度会员评议职工之家选票",
            "截止：2026年11月30日18时",
            "1.微信扫码，选好投票；一票只计一次。",
            second,
            "3.不记名，不登记谁领了哪张；请勿转让、拍照。",
            "打开pj.laiyang.example.cn输入选票码：",
        ] {
            assert_eq!(text.matches(words).count(), slips.len(), "{name}: {words}: {text}");
        }
        assert_eq!(text.contains("基本满意"), questions, "{name}");
        // What all slips share is drawn once.
        let drawn = run("qpdf", &["--qdf", "--object-streams=disable", &file.to_string_lossy(), "-"]).stdout;
        let drawn = String::from_utf8_lossy(&drawn);
        assert_eq!(drawn.matches(" re S\n").count(), if questions { answers } else { 0 }, "{name}: a box to an answer");
        assert_eq!(drawn.contains("[4 3] 0 d"), cut_marks, "{name}: dashed lines");
    }
}
