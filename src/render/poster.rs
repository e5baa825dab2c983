//! The poster of a round: how to vote in three steps, the secrecy promise in plain words, a QR code to the front
//! page; as PDF, and as words for an HTML page.

use krilla::SerializeSettings;
use time::Date;

use super::RenderError;
use super::chart::pen::{Align, RED};
use super::font::{self, Face};
use super::page::{A4, BLACK, Canvas, GREY, POINTS, Pdf, wrap};
use super::qr::Qr;

/// What differs from round to round.
#[derive(Debug, Clone)]
pub struct Poster {
    /// Name of the round.
    pub title: String,
    pub union_name: String,
    /// Closing date (or date and time) in words.
    pub closes: String,
    /// Where slips are handed out and the ballot box stands.
    pub place: String,
    /// Whom to ask: name, room, telephone as the chair wrote it.
    pub contact: String,
    /// Front page of the service: `https://pj.example.cn`.
    pub public_url: String,
}

/// Size of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaperSize {
    A3,
    A4,
}

/// The words of the poster, in the order in which they stand on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterText {
    /// Three steps: heading and explanation.
    pub steps: [(String, String); 3],
    pub secrecy_heading: String,
    pub secrecy: Vec<String>,
    pub contact: String,
    /// Words beside the QR code.
    pub typing: String,
}

impl Poster {
    /// The words, for a page that is printed from the browser.
    #[must_use]
    pub fn text(&self) -> PosterText {
        let owned = |text: &str| text.to_owned();
        PosterText {
            steps: [
                (
                    owned("领一张选票"),
                    format!("到{}领取，自己随手抽一张。选票不记名、没有编号，每人一张。", self.place),
                ),
                (
                    owned("微信扫码，勾选，投票"),
                    owned("扫选票上的二维码，逐项选好后按“投票”。不用手机的，直接在选票上打“✓”，投入票箱。"),
                ),
                (
                    owned("看到“投票成功”就完成了"),
                    owned("可以记下页面上的回执；结果公布后，凭它能查到自己这一票已计入。回执看不出您选了什么。"),
                ),
            ],
            secrecy_heading: owned("您的选择怎样保密"),
            secrecy: vec![
                owned("答案先加密、后保存；开票后密钥随即销毁。谁也不能凭保存下来的数据查出哪张选票选了什么。"),
                owned("系统里看得到一张选票用过没有，看不到它选了什么，也没有您的姓名、手机号和微信号。"),
                owned("请自己填，不代填、不拍照。任何人都无权要求您出示或说明您的选择。"),
            ],
            contact: format!("有疑问，请找：{}", self.contact),
            typing: format!("扫不了选票上的码？扫这里或打开 {}，手工输入选票码。", self.address()),
        }
    }

    /// The QR code to the front page as SVG.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn qr_svg(&self) -> Result<String, RenderError> {
        Ok(Qr::of(&self.public_url)?.svg("打开投票首页"))
    }

    /// Characters on the poster that no font can print; to be reported before printing.
    #[must_use]
    pub fn missing(&self) -> Vec<char> {
        let own = [&self.title, &self.union_name, &self.closes, &self.place, &self.contact, &self.public_url];
        font::missing(&own.map(String::as_str).concat())
    }

    /// The poster as PDF of one page. The same poster gives the same bytes.
    ///
    /// # Errors
    /// `TooLong` for an address that fits no QR code, `NoRoom` for words that overflow the page, `Pdf`.
    pub fn pdf(&self, size: PaperSize) -> Result<Vec<u8>, RenderError> {
        let scale = if size == PaperSize::A3 { 2f64.sqrt() } else { 1.0 };
        let code = Qr::of(&self.public_url)?;
        let mut pdf = Pdf::new(SerializeSettings::default(), &self.title, None::<Date>);
        pdf.page((A4.0 * scale, A4.1 * scale), |canvas| {
            let mut drawing = Drawing { canvas, scale, y: 20.0 };
            drawing.heading(self);
            drawing.steps(&self.text());
            drawing.secrecy(&self.text());
            if drawing.y > 246.0 {
                return Err(RenderError::NoRoom);
            }
            drawing.foot(&self.text(), &code);
            Ok(())
        })?;
        pdf.finish()
    }

    fn address(&self) -> &str {
        self.public_url.trim_end_matches('/').trim_start_matches("https://")
    }
}

const LEFT: f64 = 20.0;
const WIDE: f64 = 170.0;

/// Draws in the measures of A4, whatever the paper.
struct Drawing<'c, 'k, 's> {
    canvas: &'c mut Canvas<'k, 's>,
    scale: f64,
    y: f64,
}

impl Drawing<'_, '_, '_> {
    fn line(&mut self, x: f64, align: Align, size: f64, heavy: bool, text: &str) {
        let at = (x * self.scale, self.y * self.scale);
        if heavy {
            self.canvas.bold_text(at, align, Face::Sans, size * self.scale, text);
        } else {
            self.canvas.text(at, align, Face::Sans, size * self.scale, BLACK, text);
        }
    }

    fn lines(&mut self, x: f64, wide: f64, size: f64, text: &str) {
        for line in wrap(Face::Sans, size, wide, text) {
            self.y += size * 1.45 / POINTS;
            self.line(x, Align::Left, size, false, &line);
        }
    }

    fn heading(&mut self, poster: &Poster) {
        let middle = LEFT + WIDE / 2.0;
        let size = font::size_to_fit(Face::Sans, 34.0, 20.0, WIDE * POINTS, &poster.title);
        for line in wrap(Face::Sans, size, WIDE, &poster.title) {
            self.y += size * 1.25 / POINTS;
            self.line(middle, Align::Middle, size, true, &line);
        }
        self.y += 2.5;
        for line in wrap(Face::Sans, 17.0, WIDE, &poster.union_name) {
            self.y += 8.2;
            self.line(middle, Align::Middle, 17.0, false, &line);
        }
        self.y += 5.0;
        let (at, size) = ((LEFT * self.scale, self.y * self.scale), (WIDE * self.scale, 1.0 * self.scale));
        self.canvas.rect(at, size, RED);
        self.y += 12.5;
        self.line(middle, Align::Middle, 22.0, true, &format!("投票截止：{}", poster.closes));
        self.y += 5.0;
    }

    fn steps(&mut self, text: &PosterText) {
        const INDENT: f64 = 20.0;
        for ((heading, words), number) in text.steps.iter().zip(["1", "2", "3"]) {
            self.y += 4.0;
            let box_at = (LEFT * self.scale, self.y * self.scale);
            self.canvas.rect(box_at, (14.0 * self.scale, 14.0 * self.scale), BLACK);
            let at = ((LEFT + 7.0) * self.scale, (self.y + 10.7) * self.scale);
            let white = super::chart::pen::WHITE;
            self.canvas.text(at, Align::Middle, Face::Sans, 30.0 * self.scale, white, number);
            self.y += 6.6;
            self.line(LEFT + INDENT, Align::Left, 21.0, true, heading);
            self.y += 0.8;
            self.lines(LEFT + INDENT, WIDE - INDENT, 14.5, words);
            self.y += 4.0;
        }
    }

    fn secrecy(&mut self, text: &PosterText) {
        self.y += 4.0;
        let (from, to) = ((LEFT, self.y), (LEFT + WIDE, self.y));
        let scaled = |(x, y): (f64, f64)| (x * self.scale, y * self.scale);
        self.canvas.line(scaled(from), scaled(to), 0.8, GREY);
        self.y += 9.5;
        self.line(LEFT, Align::Left, 18.0, true, &text.secrecy_heading);
        self.y += 0.6;
        for words in &text.secrecy {
            let top = self.y;
            self.lines(LEFT + 6.0, WIDE - 6.0, 13.5, words);
            let below = std::mem::replace(&mut self.y, top + 13.5 * 1.45 / POINTS);
            self.line(LEFT, Align::Left, 13.5, false, "●");
            self.y = below + 1.2;
        }
    }

    fn foot(&mut self, text: &PosterText, code: &Qr) {
        const SIDE: f64 = 28.0;
        let (x, y) = (LEFT + WIDE - SIDE, 277.0 - SIDE);
        self.canvas.qr((x * self.scale, y * self.scale), SIDE * self.scale, code);
        let beside = WIDE - SIDE - 12.0;
        self.y = y + 1.0;
        self.lines(LEFT, beside, 15.0, &text.contact);
        self.y += 2.0;
        self.lines(LEFT, beside, 12.0, &text.typing);
    }
}
