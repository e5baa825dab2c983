//! The two vendored fonts: measuring, fallback from one to the other, and which characters neither can print.

use std::sync::OnceLock;

use super::number::{real, single};

/// Noto Sans SC, variable weights removed (SIL Open Font License, `assets/fonts/OFL.txt`).
static SANS: &[u8] = include_bytes!("../../assets/fonts/NotoSansSC-Regular.ttf");
/// Noto Serif SC, likewise.
static SERIF: &[u8] = include_bytes!("../../assets/fonts/NotoSerifSC-Regular.ttf");

/// Printed in the place of a character that neither font has: the setter's mark for a missing type (〓).
/// Callers ask [`missing`] before printing, so that it should never be seen.
const SUBSTITUTE: char = '〓';

/// One of the two fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Face {
    /// 黑体: charts, slips, posters.
    Sans,
    /// 宋体: sheets.
    Serif,
}

/// One glyph to set: which font has it, how far it moves the pen, which character it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    pub face: Face,
    pub id: u16,
    /// Advance in em.
    pub advance: f64,
    pub character: char,
}

struct Loaded {
    metrics: ttf_parser::Face<'static>,
    raster: ab_glyph::FontRef<'static>,
    krilla: krilla::text::Font,
}

impl Face {
    /// The file of the font.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Face::Sans => SANS,
            Face::Serif => SERIF,
        }
    }

    /// CSS font families for SVG text: what readers' systems are likely to have, then the generic one.
    #[must_use]
    pub fn css_families(self) -> &'static str {
        match self {
            Face::Sans => "Noto Sans SC, Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif",
            Face::Serif => "Noto Serif SC, Noto Serif CJK SC, Songti SC, SimSun, serif",
        }
    }

    fn other(self) -> Face {
        match self {
            Face::Sans => Face::Serif,
            Face::Serif => Face::Sans,
        }
    }

    /// The font for krilla, parsed once.
    #[must_use]
    pub fn krilla(self) -> krilla::text::Font {
        self.loaded().krilla.clone()
    }

    /// The font for drawing into bitmaps, parsed once.
    #[must_use]
    pub fn raster(self) -> &'static ab_glyph::FontRef<'static> {
        &self.loaded().raster
    }

    /// The font for measuring, parsed once.
    #[must_use]
    pub fn metrics(self) -> &'static ttf_parser::Face<'static> {
        &self.loaded().metrics
    }

    #[expect(clippy::expect_used, reason = "the fonts are compiled into the program; a test loads both")]
    fn loaded(self) -> &'static Loaded {
        static LOADED: [OnceLock<Loaded>; 2] = [OnceLock::new(), OnceLock::new()];
        let [sans, serif] = &LOADED;
        let slot = if self == Face::Sans { sans } else { serif };
        slot.get_or_init(|| Loaded {
            metrics: ttf_parser::Face::parse(self.bytes(), 0).expect("the vendored font parses"),
            raster: ab_glyph::FontRef::try_from_slice(self.bytes()).expect("the vendored font parses"),
            krilla: krilla::text::Font::new(self.bytes().into(), 0).expect("the vendored font parses"),
        })
    }

    fn glyph(self, character: char) -> Option<Glyph> {
        let metrics = &self.loaded().metrics;
        let id = metrics.glyph_index(character).filter(|id| id.0 != 0)?;
        let advance = f64::from(metrics.glyph_hor_advance(id)?) / f64::from(metrics.units_per_em());
        Some(Glyph { face: self, id: id.0, advance, character })
    }
}

/// The glyphs of one line: each from `face` if it has the character, else from the other font. Control
/// characters are left out.
pub fn glyphs(face: Face, text: &str) -> impl Iterator<Item = Glyph> + '_ {
    text.chars().filter(|character| !character.is_control()).filter_map(move |character| {
        face.glyph(character)
            .or_else(|| face.other().glyph(character))
            .or_else(|| face.glyph(SUBSTITUTE).map(|glyph| Glyph { character, ..glyph }))
    })
}

/// The characters of `text` that neither font can print, each once, in order of appearance. Pages show them to
/// the person who is about to print.
#[must_use]
pub fn missing(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    for character in text.chars().filter(|character| !character.is_control() && *character != '\u{feff}') {
        let printable = Face::Sans.glyph(character).is_some() || Face::Serif.glyph(character).is_some();
        if !printable && !found.contains(&character) {
            found.push(character);
        }
    }
    found
}

/// Width of one line at this size, in the unit of the size.
#[must_use]
pub fn width(face: Face, size: f64, text: &str) -> f64 {
    glyphs(face, text).map(|glyph| glyph.advance * size).sum()
}

/// Breaks `text` into lines no wider than `limit`, by the habits of Chinese setting: between any two Chinese
/// characters, never inside a Latin word, a number with its unit or a date unless it is wider than a line, no
/// closing mark at the beginning of a line and no opening one at its end. `\n` always breaks.
#[must_use]
pub fn wrap(face: Face, size: f64, limit: f64, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0.0;
        for piece in pieces(paragraph) {
            let piece_width = width(face, size, &piece);
            let trimmed_width = width(face, size, piece.trim_end());
            if used > 0.0 && used + trimmed_width > limit {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0.0;
            }
            if trimmed_width > limit {
                for character in piece.chars() {
                    let step = width(face, size, &character.to_string());
                    if used > 0.0 && used + step > limit {
                        lines.push(std::mem::take(&mut line));
                        used = 0.0;
                    }
                    line.push(character);
                    used += step;
                }
            } else {
                line.push_str(&piece);
                used += piece_width;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The unbreakable pieces of a paragraph.
fn pieces(paragraph: &str) -> Vec<String> {
    const NOT_FIRST: &str = "，。、；：！？）》」』】〉”’…—％,.;:!?)]}%";
    const NOT_LAST: &str = "（《「『【〈“‘([{";
    // After a number: 2026年11月28日, 184张.
    const UNITS: &str = "年月日时分张人家条包";
    let mut pieces: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    for character in paragraph.chars().filter(|character| !character.is_control()) {
        let latin = |c: char| c.is_ascii() && !c.is_ascii_whitespace();
        let sticks = before.is_some_and(|before| {
            NOT_FIRST.contains(character)
                || NOT_LAST.contains(before)
                || character.is_ascii_whitespace()
                || (latin(before) && latin(character))
                || (before.is_ascii_digit() && UNITS.contains(character))
                || ("年月".contains(before) && character.is_ascii_digit())
        });
        match pieces.last_mut().filter(|_| sticks) {
            Some(piece) => piece.push(character),
            None => pieces.push(character.to_string()),
        }
        before = Some(character);
    }
    pieces
}

/// Cuts a line to `limit`, ending it with … if anything was cut.
#[must_use]
pub fn fit(face: Face, size: f64, limit: f64, text: &str) -> String {
    if width(face, size, text) <= limit {
        return text.to_owned();
    }
    let room = limit - width(face, size, "…");
    let mut used = 0.0;
    let mut cut: String = glyphs(face, text)
        .take_while(|glyph| {
            used += glyph.advance * size;
            used <= room
        })
        .map(|glyph| glyph.character)
        .collect();
    cut.push('…');
    cut
}

/// The largest size, `largest` or below, at which `text` stays on one line of `limit`; not below `smallest`.
#[must_use]
pub fn size_to_fit(face: Face, largest: f64, smallest: f64, limit: f64, text: &str) -> f64 {
    let em = width(face, 1.0, text);
    if em * largest <= limit { largest } else { (limit / em).max(smallest) }
}

/// Rasterises one line: `dot(x, y, coverage)` for every pixel touched, `x` and `y` counted from the beginning of
/// the baseline. Sizes in pixels per em.
pub fn rasterise(face: Face, size: f64, text: &str, mut dot: impl FnMut(i32, i32, f32)) {
    use ab_glyph::Font as _;
    let mut pen = 0.0;
    for glyph in glyphs(face, text) {
        let font = glyph.face.raster();
        let units = real(usize::from(glyph.face.loaded().metrics.units_per_em()));
        // ab_glyph counts sizes from ascender to descender.
        let scale = single(size * f64::from(font.height_unscaled()) / units);
        let placed = ab_glyph::GlyphId(glyph.id).with_scale_and_position(scale, ab_glyph::point(single(pen), 0.0));
        if let Some(outline) = font.outline_glyph(placed) {
            let bounds = outline.px_bounds();
            let (left, top) =
                (super::number::whole(f64::from(bounds.min.x)), super::number::whole(f64::from(bounds.min.y)));
            outline.draw(|x, y, coverage| {
                dot(left.saturating_add_unsigned(x), top.saturating_add_unsigned(y), coverage);
            });
        }
        pen += glyph.advance * size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_characters_of_names_are_printed() {
        assert_eq!(missing("王㛃 李䶮 张𬱖，2026年度〓■□✓▲【】…—·％\u{2002}"), Vec::<char>::new());
        assert!(glyphs(Face::Serif, "㛃䶮𬱖").all(|glyph| glyph.id != 0));
    }

    /// The characters of the 通用规范汉字表 (2013) outside U+4E00–9FFF: what names of people and places add to it.
    const RARE: &str = "\
        𠙶𬣙𨙸𬇕䜣𬣞𬘓𫭟𫭢㧑𫇭𫐄㕮𫵷㑇𣲘𣲗𬇙㳇𬣡𫸩䢺𨚕𫘜𬘘𫘝䢼𦭜㭎𬨂𬀩𬀪㟃𬬩㑊𫍣𬣳𬩽𬮿𬯀𫰛𬳵𬳶䌹𫠊㛃𬍛鿍𬜬𦰡\
        㭕䴓䶮𪾢𪨰𫓧𬬮𬬱𬬭䏡𦙶㶲㳚㳘𬘡𬳽𬘩𫄧𪟝𬍤𫭼𬜯䓖𬂩𫠆𨐈𬌗𫑡𪨶𬬸𬬻𬬹𬬿𬭁𫢸𫗧𬊈𬒈𨺙㛚𬳿𫄨𬘫䂮𫮃㙍䓫䓬䓨䓛\
        鿎䴕㫰𬱖𬟽䎃𫓯𫟹𫟼㿠䝙䏲𠅤䴔𬇹𬍡㥄𬤇𫍯𬤊𫍲𬯎𬘬𬘭𬴂𫘦𫟅𬘯𫘧㙘𪣻𡎚𬃊𬷕𫐐𬹼𧿹𫶇𫖮鿏𬭊𨱇𫓶𬭎𫖯䐃𬱟𫛭㺄𫷷\
        𬮱𬊤𣸣㴔㛹𬴃𫘨䴖𤧛𬪩𬒔䃅𬨎𫐓䣘𫫇㬊𫓹𬭚𬭛䅟𬕂䲟𬶋𬶍𦝼𫔶𫌀𫖳𫘪𫘬𫞩𡐓𪤗𣗋𬸘䃎𬒗𥔲𫚖䴗㬎𨱏𬭤㙦𫚕𬶐𬶏𩽾𬸚\
        㽏㮾𬤝𬙂㻬䗖㠇𬭩䴘𩾃㵐𬸣𫍽𬴊𬞟𥕢𫟦𬺈𫠜㬚䗛㠓𪩘𬭬𨱑𬭯𫗴𬸦𫄷𤩽㘎𬭳𬭶𫔍𬭸𨱔𬭼𫔎𬸪䲠𬶟𬶠䗪𬶨𦈡𫄸𬟁𥖨䗴䲢\
        𦒍䎖䴙𬙊㰀𬶭𩾌𨟠𬶮𨭉㸌𬙋𤫉𬺓𫚭㸆";

    #[test]
    fn all_characters_of_the_national_table_are_printed() {
        assert_eq!(RARE.chars().count(), 266);
        assert_eq!(missing(RARE), Vec::<char>::new());
        let unified: String = ('\u{4e00}'..='\u{9fff}').collect();
        assert_eq!(missing(&unified), Vec::<char>::new());
        for face in [Face::Sans, Face::Serif] {
            for glyph in glyphs(face, RARE) {
                let mut dots = 0;
                rasterise(face, 24.0, &glyph.character.to_string(), |_, _, coverage| dots += i32::from(coverage > 0.5));
                assert!(dots > 20 && glyph.id != 0, "{}", glyph.character);
            }
        }
    }

    #[test]
    fn what_cannot_be_printed_is_named_once() {
        assert_eq!(missing("平安😀里😀\n"), ['😀']);
        let printed: Vec<Glyph> = glyphs(Face::Sans, "😀").collect();
        assert_eq!(printed.len(), 1);
        assert_ne!(printed[0].id, 0, "never an empty box");
    }

    #[test]
    fn lines_stay_within_their_limit_and_lose_nothing() {
        let text = "青岛市市北区平安里街道（社区）工会联合会2026年度会员评议职工之家，HTTPS://PJ.EXAMPLE.CN/V/ABCDE。";
        for limit in [60.0, 100.0, 177.0, 400.0] {
            let lines = wrap(Face::Sans, 10.0, limit, text);
            assert_eq!(lines.concat(), text);
            for line in &lines {
                assert!(width(Face::Sans, 10.0, line) <= limit + 1e-9, "{line}");
                assert!(!line.starts_with(['，', '。', '）']) || limit < 70.0, "{line}");
            }
        }
    }

    #[test]
    fn breaks_at_line_feeds_and_keeps_numbers_whole() {
        assert_eq!(wrap(Face::Sans, 10.0, 40.0, "共有 1234 人\n完"), ["共有", "1234 人", "完"]);
        assert_eq!(
            wrap(Face::Sans, 10.0, 120.0, "2026年11月26日至2026年11月28日"),
            ["2026年11月26日至", "2026年11月28日"]
        );
        assert_eq!(wrap(Face::Sans, 10.0, 66.0, "纸质投票 120张；"), ["纸质投票", "120张；"]);
        assert_eq!(fit(Face::Sans, 10.0, 45.0, "职工之家建设"), "职工之…");
    }

    #[test]
    fn a_letter_is_drawn_above_the_baseline() {
        let (mut touched, mut lowest) = (0, i32::MIN);
        rasterise(Face::Sans, 40.0, "工", |_, y, coverage| {
            if coverage > 0.5 {
                touched += 1;
                lowest = lowest.max(y);
            }
        });
        assert!(touched > 100 && (-6..=4).contains(&lowest), "{touched} dots, lowest {lowest}");
    }
}
