//! The measures of official paper (GB/T 9704-2012), taken from the printed pages by poppler.

use std::path::Path;

use super::sheet::{long, result, roll_up};
use super::tools::{Folder, run};

/// A word on a page, in millimetres from its upper left corner.
#[derive(Debug)]
struct Word {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    text: String,
}

/// The pages of a PDF: width, height and words.
fn pages(pdf: &Path) -> Vec<(f64, f64, Vec<Word>)> {
    let told = String::from_utf8(run("pdftotext", &["-bbox", &pdf.to_string_lossy(), "-"]).stdout).unwrap();
    let number = |tag: &str, name: &str| -> f64 {
        let points = tag.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap();
        points.parse::<f64>().unwrap() * 25.4 / 72.0
    };
    let word = |tag: &str| Word {
        left: number(tag, "xMin"),
        top: number(tag, "yMin"),
        right: number(tag, "xMax"),
        bottom: number(tag, "yMax"),
        text: tag.split_once('>').unwrap().1.split("</word>").next().unwrap().to_owned(),
    };
    let page =
        |page: &str| (number(page, "width"), number(page, "height"), page.split("<word ").skip(1).map(word).collect());
    told.split("<page ").skip(1).map(page).collect()
}

/// Within a millimetre, as the standard has it.
fn about(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1.0
}

/// Holds every word of a file against a text block; running heads stand above it, page numbers 7 mm below it.
fn within(pdf: &Path, (paper_wide, paper_high): (f64, f64), [left, top, wide, high]: [f64; 4]) {
    let pages = pages(pdf);
    let (mut leftmost, mut lowest) = (f64::MAX, 0.0_f64);
    for (number, (page_wide, page_high, words)) in (1..).zip(&pages) {
        assert!(about(*page_wide, paper_wide) && about(*page_high, paper_high), "{page_wide} × {page_high}");
        let (foot, text): (Vec<&Word>, Vec<&Word>) = words.iter().partition(|word| word.top > top + high);
        let (head, text): (Vec<&Word>, Vec<&Word>) = text.into_iter().partition(|word| word.bottom < top);
        let said = |words: &[&Word]| words.iter().map(|word| word.text.as_str()).collect::<String>();
        assert!(said(&foot).contains(&format!("—{number}/{}—", pages.len())), "page {number}: {foot:?}");
        assert!(foot.iter().all(|word| word.top - (top + high) > 6.0), "page {number}: {foot:?}");
        assert_eq!(said(&head).contains("（续）"), number > 1, "page {number}: {head:?}");
        for word in text.iter().chain(&head).chain(&foot) {
            assert!(word.left > left - 1.0 && word.right < left + wide + 1.0, "page {number}: {word:?}");
        }
        for word in &text {
            assert!(word.top > top - 1.0 && word.bottom < top + high + 1.0, "page {number}: {word:?}");
            (leftmost, lowest) = (leftmost.min(word.left), lowest.max(word.bottom));
        }
        assert!(text.iter().any(|word| word.top < top + 6.0), "page {number} begins at its head");
    }
    assert!(leftmost < left + 3.0, "the block is used from its left side: {leftmost}");
    assert!(pages.len() == 1 || lowest > top + high * 0.8, "the block is used to its foot: {lowest}");
}

#[test]
fn text_stays_within_the_margins_of_official_paper() {
    let folder = Folder::new();
    let official = [28.0, 37.0, 156.0, 225.0];
    for (name, sheet) in [("one", result(1, 1, b"{}")), ("long", long())] {
        let path = folder.write(&format!("measures-{name}.pdf"), &sheet.pdf().unwrap());
        within(&path, (210.0, 297.0), official);
    }
    let path = folder.write("measures-rollup.pdf", &roll_up(60).pdf().unwrap());
    // The same block turned: what is above on the upright page is to the left on this one.
    within(&path, (297.0, 210.0), [36.0, 28.0, 225.0, 156.0]);
}
