//! Slips: issued, shown once, and turned into files without being stored.

use std::io::Write;

use askama::Template;

use super::{draft, packets};
use crate::domain::account::Act;
use crate::domain::poll::{Phase, Poll, SlipIssue};
use crate::domain::slip::SlipCode;
use crate::domain::union::Union;
use crate::http::download;
use crate::http::form::Filled;
use crate::http::gate::Desk;
use crate::http::page::Frame;
use crate::http::problem::Problem;
use crate::http::reply::{Answer, Reply};
use crate::render::RenderError;
use crate::render::slips::{CodeFile, CsvEncoding, SlipOptions, SlipSheet};
use crate::store::polls;

/// Most slips that are drawn on the page itself; more only come as a file.
const DRAWN: usize = 300;
/// Pixels to a module of a PNG: 25 mm at 300 dpi.
const PIXELS: u8 = 10;
/// Millimetres along one side of a QR code.
const QR_SIDES: (u32, u32) = (25, 60);
/// Choices of slips to a page.
const PER_PAGE: [u8; 8] = [10, 8, 6, 5, 4, 3, 2, 1];

/// Most slips of one round that pages make, spares included: so many can be printed, since all their codes travel in one
/// form. The ballot box itself takes more.
pub const MOST_SLIPS: u32 = 300_000;
/// Bytes that a slip takes in that form: 28, and its share of the packet's code where it lies in one.
const PER_SLIP: usize = 32;
/// Largest form that carries codes: those of [`MOST_SLIPS`], and some choices beside.
pub const CODES_LIMIT: usize = MOST_SLIPS as usize * PER_SLIP + 16 * 1024;

/// One slip on the page.
struct Slip {
    svg: String,
    typing: String,
}

#[derive(Template)]
#[template(path = "chair/slips.html")]
struct SlipsPage {
    frame: Frame,
    poll: Poll,
    union: String,
    address: String,
    slips: Vec<Slip>,
    /// All codes, to be posted back for files.
    codes: String,
    /// How many there are of them; spares in packets are printed by themselves.
    count: usize,
    /// How many packets the spares lie in.
    packed: usize,
    issued: SlipIssue,
    closes: String,
    form: Filled,
    per_page: [u8; 8],
    /// Pages and megabytes of the PDF with the usual choices.
    pages: usize,
    megabytes: String,
}

/// What the slips of a round are drawn from; it outlives the request.
#[derive(Clone)]
pub(super) struct Printing {
    poll: Poll,
    union: Union,
    public_url: String,
    closes: String,
    options: SlipOptions,
}

impl Printing {
    pub(super) fn of(desk: &Desk<'_>, poll: Poll, union: Union) -> Self {
        let closes = poll.facts.closes();
        let public_url = desk.app.config.public_url.clone();
        Printing { poll, union, public_url, closes, options: SlipOptions::default() }
    }

    pub(super) fn sheet(&self) -> SlipSheet<'_> {
        SlipSheet {
            title: &self.poll.facts.title,
            union_name: &self.union.name,
            closes: &self.closes,
            public_url: &self.public_url,
            paper: &self.poll.paper,
            options: self.options,
        }
    }
}

fn issued(poll: &Poll) -> Option<SlipIssue> {
    match &poll.phase {
        Phase::Draft { slips, .. } => *slips,
        phase => phase.opening().map(|opening| opening.slips),
    }
}

/// `POST /rounds/{id}/slips`: issues slips and shows their codes for the only time. Slips issued before are replaced
/// only when the form says which state of the round it knows, so that neither a page loaded again nor a second click
/// takes the force from slips that are printed already.
///
/// # Errors
/// `NOT_YOURS`, `not_approved`, `wrong_phase`, `slip_count`, and characters that cannot be printed.
pub fn issue(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let mut form = Filled::of(&desk.ask.form);
    let expected = poll.facts.expected;
    let spares = form.number("spares", 0, expected.max(100).min(MOST_SLIPS.saturating_sub(expected)));
    if expected > MOST_SLIPS {
        form.refuse("spares", format!("一轮最多印{MOST_SLIPS}张选票，应到人数更多的，请作废本轮，分成几轮"));
    }
    if issued(&poll).is_some() && form.value("again") != poll.version.to_string() {
        form.refuse("again", "选票已经制作过，那一批照常有效，这次没有重做。选票码只显示一次，不能再看；文件没有下载的，要全部重做：请先勾选下面的确认");
    }
    if form.is_wrong() {
        return draft::page(desk, poll, union, form);
    }
    let printing = Printing::of(desk, poll.clone(), union);
    let sheet = printing.sheet();
    let missing: String = sheet.missing().into_iter().collect();
    if !missing.is_empty() {
        let sentence = format!("选票上有打印不出的字：{missing}");
        return Err(draft::back(&poll)(Problem::conflict(
            "missing_glyphs",
            sentence,
            "请作废本轮，换用常用字后重新建立。",
        )));
    }
    sheet.per_page().map_err(draft::back(&poll))?;
    let issued = desk
        .app
        .ballot_box
        .issue_slips_in_packets(
            &poll,
            SlipIssue { roll: poll.facts.expected, spares },
            packets::asked(&desk.ask.form),
            desk.who.account.id,
            desk.ask.now,
        )
        .map_err(draft::back(&poll))?;
    let mut form = Filled::default();
    form.set("packets", packets::written(&issued.packets));
    let loose = if issued.packets.is_empty() { issued.spares } else { Vec::new() };
    let all: Vec<SlipCode> = issued.roll.into_iter().chain(loose).collect();
    for (field, value) in
        [("format", "pdf"), ("per_page", "auto"), ("qr_side", "25"), ("questions", "yes"), ("cut_marks", "yes")]
    {
        form.set(field, value);
    }
    page(desk, &printing, &all, SlipIssue { roll: poll.facts.expected, spares }, form)
}

/// The page with the codes, and the form of files as it was filled in.
fn page(desk: &Desk<'_>, printing: &Printing, all: &[SlipCode], issued: SlipIssue, form: Filled) -> Answer {
    let is_wrong = form.is_wrong();
    let sheet = printing.sheet();
    let slips = if all.len() <= DRAWN {
        all.iter()
            .map(|slip| Ok(Slip { svg: sheet.code_svg(slip)?, typing: slip.typing_form() }))
            .collect::<Result<_, Problem>>()?
    } else {
        Vec::new()
    };
    let length = all.first().map_or(Ok(0), |first| sheet.pdf_length(first, all.len()))?;
    let tenths = length.div_ceil(100_000);
    let page = SlipsPage {
        frame: desk.frame("打印选票").wide(),
        union: printing.union.name.clone(),
        address: printing.public_url.clone(),
        slips,
        codes: all.iter().map(SlipCode::link_form).collect::<Vec<_>>().join(" "),
        count: all.len(),
        packed: form.value("packets").lines().count(),
        issued,
        closes: printing.closes.clone(),
        form,
        per_page: PER_PAGE,
        pages: all.len().div_ceil(usize::from(sheet.per_page()?)),
        megabytes: format!("{}.{}", tenths / 10, tenths % 10),
        poll: printing.poll.clone(),
    };
    Ok(Reply::page(&page)?.wrong_if(is_wrong))
}

/// What kind of file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Pdf,
    Codes(CodeFile),
    Links(CsvEncoding),
}

impl Format {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "pdf" => Format::Pdf,
            "svg" => Format::Codes(CodeFile::Svg),
            "png" => Format::Codes(CodeFile::Png { pixels: PIXELS }),
            "csv" => Format::Links(CsvEncoding::Utf8),
            "csv_gb" => Format::Links(CsvEncoding::Gb18030),
            _ => return None,
        })
    }

    fn kind_and_ending(self) -> (&'static str, &'static str) {
        match self {
            Format::Pdf => ("application/pdf", ".pdf"),
            Format::Codes(CodeFile::Svg) => ("application/zip", "-svg.zip"),
            Format::Codes(CodeFile::Png { .. }) => ("application/zip", "-png.zip"),
            Format::Links(CsvEncoding::Utf8) => ("text/csv; charset=utf-8", ".csv"),
            Format::Links(CsvEncoding::Gb18030) => ("text/csv; charset=gb18030", "-gb18030.csv"),
        }
    }
}

/// The choices made, or what is wrong with them.
fn options(form: &mut Filled, printing: &Printing) -> SlipOptions {
    let asked = PER_PAGE.into_iter().find(|count| form.chosen("per_page", &count.to_string()));
    let usual = SlipOptions::default();
    let options = SlipOptions {
        per_page: asked.unwrap_or(usual.per_page),
        qr_side: match form.value("qr_side") {
            "" => usual.qr_side,
            _ => f64::from(form.number("qr_side", QR_SIDES.0, QR_SIDES.1)),
        },
        questions: form.ticked("questions"),
        cut_marks: form.ticked("cut_marks"),
    };
    let mut sheet = printing.sheet();
    sheet.options = options;
    match (asked, sheet.per_page()) {
        (_, Err(_)) => form.refuse("qr_side", "这样大的二维码和选票内容一页纸排不下，请改小一些"),
        (Some(asked), Ok(most)) if most < asked => {
            form.refuse("per_page", format!("选票内容较多或者二维码较大，每页排不下{asked}张，最多{most}张"));
        }
        _ => {}
    }
    options
}

/// A code that is none of this round's slips as they are now.
pub(super) fn foreign(poll: &Poll) -> Problem {
    Problem::invalid(
        "foreign_slip",
        "提交的内容里有不是本轮现用选票的选票码",
        "选票重新制作以后，以前那一页不能再用；投票结束以后也不能再打印。",
    )
    .back_to(format!("/rounds/{}/setup", poll.id), "回到本轮评议")
}

/// `POST /rounds/{id}/slips/file`: the codes that the page posts back, as a file. Stores no code. A wrong choice
/// shows the page again with all its codes: they stand nowhere else.
///
/// # Errors
/// `NOT_YOURS`, `foreign_slip` when a code is none of this round's slips as they are now.
pub fn file(desk: &Desk<'_>) -> Answer {
    let (poll, union) = desk.poll(&[Act::Run])?;
    let foreign = || foreign(&poll);
    let codes = desk.ask.form.get("codes").split_ascii_whitespace();
    let slips = codes
        .map(|code| SlipCode::parse(code).ok().filter(|slip| slip.tag() == poll.tag))
        .collect::<Option<Vec<_>>>()
        .filter(|slips| !slips.is_empty())
        .ok_or_else(foreign)?;
    let issued = issued(&poll).ok_or_else(foreign)?;
    if !desk.app.ballot_box.are_issued(poll.id, &slips)? {
        return Err(foreign());
    }
    let mut form = Filled::of(&desk.ask.form);
    let mut printing = Printing::of(desk, poll.clone(), union);
    let options = options(&mut form, &printing);
    let format = Format::of(form.value("format"));
    if format.is_none() {
        form.refuse("format", "请选择一种文件");
    }
    let Some(format) = format.filter(|_| !form.is_wrong()) else {
        return page(desk, &printing, &slips, issued, form);
    };
    printing.options = options;
    desk.app.database.write(|c| {
        let detail = format!("{}+{}", form.value("format"), slips.len());
        polls::note(c, &poll, "poll.print_slips", &detail, desk.by())
    })?;
    send(format, printing, slips)
}

fn send(format: Format, printing: Printing, slips: Vec<SlipCode>) -> Answer {
    let (kind, ending) = format.kind_and_ending();
    let name = format!("slips-{}{ending}", printing.poll.tag);
    let length = match (format, slips.first()) {
        (Format::Pdf, Some(first)) => Some(printing.sheet().pdf_length(first, slips.len())?),
        (Format::Links(encoding), _) => Some(length_of(|out| printing.sheet().write_csv(&slips, encoding, out))?),
        _ => None,
    };
    Ok(download::file(None, kind, &name, length, move |out| {
        let sheet = printing.sheet();
        match format {
            Format::Pdf => sheet.write_pdf(&slips, |_| {}, out).map(|_| ()),
            Format::Codes(kind) => sheet.write_zip(&slips, kind, |_| {}, out),
            Format::Links(encoding) => sheet.write_csv(&slips, encoding, out),
        }
    }))
}

/// How many bytes this writes.
fn length_of(write: impl FnOnce(&mut dyn Write) -> Result<(), RenderError>) -> Result<u64, RenderError> {
    struct Counter(u64);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    write(&mut counter)?;
    Ok(counter.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ballot_box::Packet;
    use crate::domain::packet::PacketCode;
    use crate::domain::slip::PollTag;

    #[test]
    fn the_form_has_room_for_the_codes_of_all_slips() {
        let tag = PollTag::from_random(7);
        let slips: Vec<SlipCode> = (0..1000).map(|random| SlipCode::from_random(tag, random)).collect();
        // In the smallest packets the codes on the covers weigh most.
        let packets: Vec<Packet> = slips
            .chunks(10)
            .zip(0..)
            .map(|(slips, random)| Packet { code: PacketCode::from_random(tag, random), slips: slips.to_vec() })
            .collect();
        // A browser sends `%0D%0A` for the end of a line.
        let encoded = |text: &str| text.len() + 5 * text.matches('\n').count();
        assert!(encoded(&packets::written(&packets)) <= slips.len() * PER_SLIP);
        assert_eq!(slips[0].link_form().len() + 1, 28);
    }

    #[test]
    fn the_proxy_lets_the_largest_form_pass() {
        let text = include_str!("../../../docs/nginx.conf");
        let (_, size) = text.split_once("client_max_body_size ").unwrap();
        let (megabytes, _) = size.split_once("m;").unwrap();
        assert!(megabytes.parse::<usize>().unwrap() << 20 >= CODES_LIMIT);
    }
}
