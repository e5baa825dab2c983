//! The poster.

use pingjia::render::poster::{PaperSize, Poster};

use super::UNION;
use super::tools::{Folder, decoded, sound};

#[test]
fn the_poster_fits_its_page_and_its_code_is_read() {
    let folder = Folder::new();
    let poster = Poster {
        title: "2026年度会员评议职工之家".to_owned(),
        union_name: UNION.chars().take(40).collect(),
        closes: "2026年11月30日18时".to_owned(),
        place: "三楼职工活动室".to_owned(),
        contact: "监票人李䶮（三楼302室，内线 6021）".to_owned(),
        public_url: "https://pj.laiyang.example.cn".to_owned(),
    };
    assert_eq!(poster.missing(), Vec::<char>::new());
    for (name, size) in [("a4", PaperSize::A4), ("a3", PaperSize::A3)] {
        let file = poster.pdf(size).unwrap();
        assert_eq!(file, poster.pdf(size).unwrap(), "same input, same bytes");
        let path = folder.write(&format!("poster-{name}.pdf"), &file);
        let text = sound(&path).replace(char::is_whitespace, "");
        let words = poster.text();
        for (heading, explained) in &words.steps {
            assert!(
                text.contains(&heading.replace(' ', "")) && text.contains(&explained.replace(' ', "")),
                "{heading}"
            );
        }
        for sentence in &words.secrecy {
            assert!(text.contains(sentence), "{sentence}");
        }
        let pages = folder.pages(&path, 150);
        assert_eq!((pages.len(), decoded(&pages[0])), (1, vec![poster.public_url.clone()]));
    }
}
