//! Sealed packets of spare slips for printing: of each packet its cover and its slips.

use std::io::{Cursor, Write};

use krilla::SerializeSettings;
use time::Date;
use zip::write::SimpleFileOptions;

use super::SlipSheet;
use crate::domain::packet::PacketCode;
use crate::domain::slip::SlipCode;
use crate::render::RenderError;
use crate::render::chart::pen::Align;
use crate::render::font::{self, Face};
use crate::render::page::{A4, BLACK, Canvas, GREY, POINTS, Pdf, wrap};
use crate::render::qr::Qr;

const LEFT: f64 = 28.0;
const WIDE: f64 = 154.0;
/// Side of the code on the cover, in millimetres.
const SIDE: f64 = 50.0;

/// What stands on every cover below the code.
const WORDS: [&str; 4] = [
    "一、打印以后清点张数，装进信封，封面贴在外面，由监票人签封、保管。",
    "二、发票时选票写坏了才拆开。拆开的一包，剩下的票逐张作废。",
    "三、一直没有拆开的，在“作废选票”里扫上面的二维码，或者输入包号，整包作废。",
    "四、包号只能作废这一包，不能用来投票。",
];

impl SlipSheet<'_> {
    /// Writes a ZIP of two PDF files for each packet: its cover, and its slips.
    ///
    /// # Errors
    /// As [`SlipSheet::write_pdf`].
    pub fn write_packets(&self, packets: &[(PacketCode, Vec<SlipCode>)], out: impl Write) -> Result<(), RenderError> {
        // PDF streams are compressed already.
        let options = SimpleFileOptions::DEFAULT.compression_method(zip::CompressionMethod::Stored);
        let failed = |error: zip::result::ZipError| RenderError::Io(error.into());
        let mut archive = zip::ZipWriter::new_stream(out);
        for ((code, slips), number) in packets.iter().zip(1usize..) {
            archive.start_file(format!("packet-{number}-cover.pdf"), options).map_err(failed)?;
            archive.write_all(&self.cover(code, slips.len(), (number, packets.len()))?)?;
            let mut drawn = Cursor::new(Vec::new());
            self.write_pdf(slips, |_| {}, &mut drawn)?;
            archive.start_file(format!("packet-{number}-slips.pdf"), options).map_err(failed)?;
            archive.write_all(drawn.get_ref())?;
        }
        archive.finish().map_err(failed)?;
        Ok(())
    }

    /// The cover of a packet, one page. `place` is its number among how many.
    ///
    /// # Errors
    /// `Pdf`.
    pub fn cover(&self, code: &PacketCode, slips: usize, place: (usize, usize)) -> Result<Vec<u8>, RenderError> {
        let qr = Qr::of(&code.scanned_form())?;
        let mut pdf = Pdf::new(SerializeSettings::default(), &format!("{} 备用票封面", self.title), None::<Date>);
        pdf.page(A4, |canvas| {
            let heading = format!("第 {} 包，共 {} 包；本包 {slips} 张", place.0, place.1);
            let y = self.heading(canvas, &heading);
            canvas.qr((LEFT, y), SIDE, &qr);
            let beside = LEFT + SIDE + 8.0;
            canvas.text((beside, y + 10.0), Align::Left, Face::Sans, 14.0, BLACK, "包号");
            let typed = code.typing_form();
            let (first, second) = typed.split_at(typed.match_indices(' ').nth(2).map_or(typed.len(), |(at, _)| at));
            for (line, below) in [first, second.trim_start()].iter().zip([20.0, 29.0]) {
                canvas.text((beside, y + below), Align::Left, Face::Sans, 18.0, BLACK, line);
            }
            let mut y = y + SIDE + 8.0;
            for words in WORDS {
                for line in wrap(Face::Sans, 14.0, WIDE, words) {
                    y += 14.0 * 1.5 / POINTS;
                    canvas.text((LEFT, y), Align::Left, Face::Sans, 14.0, BLACK, &line);
                }
                y += 2.0;
            }
            for label in ["签封人", "日期"] {
                y += 16.0;
                canvas.text((LEFT, y), Align::Left, Face::Sans, 14.0, BLACK, label);
                canvas.line((LEFT + 24.0, y + 1.0), (LEFT + 90.0, y + 1.0), 0.6, GREY);
            }
            Ok(())
        })?;
        pdf.finish()
    }

    /// Says what the packet is; gives the place below.
    fn heading(&self, canvas: &mut Canvas<'_, '_>, packet: &str) -> f64 {
        let mut y = 34.0;
        canvas.bold_text((LEFT, y), Align::Left, Face::Sans, 30.0, "备用选票");
        y += 4.0;
        for words in [packet, self.title, self.union_name] {
            let size = font::size_to_fit(Face::Sans, 17.0, 12.0, WIDE * POINTS, words);
            for line in wrap(Face::Sans, size, WIDE, words) {
                y += size * 1.5 / POINTS;
                canvas.text((LEFT, y), Align::Left, Face::Sans, size, BLACK, &line);
            }
        }
        y + 8.0
    }
}
