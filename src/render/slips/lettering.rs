//! The fonts inside a file of slips: cut down to the characters that occur, and text set in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use subsetter::GlyphRemapper;

use super::objects::{Objects, utf16};
use crate::render::RenderError;
use crate::render::font::{self, Face, Glyph};

/// One font, as far as it is used.
struct Part {
    face: Face,
    /// Name in the pages' resources.
    name: &'static str,
    kept: GlyphRemapper,
    /// Of each glyph kept, by its number in the file: what it stands for and how far it moves the pen, in em.
    glyphs: BTreeMap<u16, (char, f64)>,
}

/// The fonts of one file.
pub(super) struct Lettering {
    parts: [Part; 2],
}

impl Lettering {
    pub(super) fn new() -> Self {
        let part = |face, name| Part { face, name, kept: GlyphRemapper::new(), glyphs: BTreeMap::new() };
        Lettering { parts: [part(Face::Sans, "F0"), part(Face::Serif, "F1")] }
    }

    /// Keeps the characters of a text.
    pub(super) fn keep(&mut self, text: &str) {
        for glyph in font::glyphs(Face::Sans, text) {
            for part in self.parts.iter_mut().filter(|part| part.face == glyph.face) {
                let id = part.kept.remap(glyph.id);
                part.glyphs.entry(id).or_insert((glyph.character, glyph.advance));
            }
        }
    }

    /// The operators that set one line of kept characters, (x, y) its left and baseline in points from below; they
    /// take the same number of bytes wherever the line stands.
    /// `heavy` strokes the letters too.
    pub(super) fn line(&self, (x, y): (f64, f64), size: f64, heavy: bool, text: &str) -> String {
        let glyphs: Vec<Glyph> = font::glyphs(Face::Sans, text).collect();
        let mut set = format!("BT {x:06.2} {y:06.2} Td ");
        let _ = if heavy { write!(set, "2 Tr {:.2} w ", size * 0.03) } else { write!(set, "0 Tr ") };
        for run in glyphs.chunk_by(|one, next| one.face == next.face) {
            let Some(part) = self.parts.iter().find(|part| run.iter().any(|glyph| glyph.face == part.face)) else {
                continue;
            };
            let _ = write!(set, "/{} {size:.2} Tf <", part.name);
            for glyph in run {
                let _ = write!(set, "{:04X}", part.kept.get(glyph.id).unwrap_or(0));
            }
            set.push_str("> Tj ");
        }
        set.push_str("ET\n");
        set
    }

    /// Writes the fonts; gives the entries of a resource dictionary.
    pub(super) fn write<W: Write>(&self, objects: &mut Objects<W>) -> Result<String, RenderError> {
        let mut entries = String::new();
        for part in self.parts.iter().filter(|part| !part.glyphs.is_empty()) {
            let number = part.write(objects)?;
            let _ = write!(entries, "/{} {number} 0 R", part.name);
        }
        Ok(entries)
    }
}

impl Part {
    fn write<W: Write>(&self, objects: &mut Objects<W>) -> Result<usize, RenderError> {
        let face = self.face.metrics();
        let units = f64::from(face.units_per_em());
        let em = |length: i16| f64::from(length) * 1000.0 / units;
        let bytes = subsetter::subset(self.face.bytes(), 0, &self.kept)
            .map_err(|error| RenderError::Pdf(format!("font: {error}")))?;
        let file = objects.packed(&format!("/Length1 {}", bytes.len()), &bytes)?;
        // A subset's name begins with six letters of its own.
        let name = if self.face == Face::Sans { "PJSANS+NotoSansSC-Regular" } else { "PJSERI+NotoSerifSC-Regular" };
        let bounds = face.global_bounding_box();
        let descriptor = objects.add(&format!(
            "<</Type/FontDescriptor/FontName/{name}/Flags 4/FontBBox[{:.0} {:.0} {:.0} {:.0}]/ItalicAngle 0\
             /Ascent {:.0}/Descent {:.0}/CapHeight {:.0}/StemV 80/FontFile2 {file} 0 R>>",
            em(bounds.x_min),
            em(bounds.y_min),
            em(bounds.x_max),
            em(bounds.y_max),
            em(face.ascender()),
            em(face.descender()),
            em(face.capital_height().unwrap_or(face.ascender())),
        ))?;
        let mut widths = String::new();
        for (id, (_, advance)) in &self.glyphs {
            let _ = write!(widths, "{id}[{:.1}]", advance * 1000.0);
        }
        let letters = objects.add(&format!(
            "<</Type/Font/Subtype/CIDFontType2/BaseFont/{name}/FontDescriptor {descriptor} 0 R/DW 1000/W[{widths}]\
             /CIDToGIDMap/Identity/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>>>"
        ))?;
        let unicode = objects.packed("", self.to_unicode().as_bytes())?;
        Ok(objects.add(&format!(
            "<</Type/Font/Subtype/Type0/BaseFont/{name}/Encoding/Identity-H/DescendantFonts[{letters} 0 R]\
             /ToUnicode {unicode} 0 R>>"
        ))?)
    }

    /// What the glyphs stand for, for searching and copying.
    fn to_unicode(&self) -> String {
        /// The most entries of one block.
        const BLOCK: usize = 100;
        let mut map = "/CIDInit/ProcSet findresource begin 12 dict begin begincmap\n\
            /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n\
            /CMapName/Adobe-Identity-UCS def/CMapType 2 def\n\
            1 begincodespacerange<0000><FFFF>endcodespacerange\n"
            .to_owned();
        let glyphs: Vec<_> = self.glyphs.iter().collect();
        for block in glyphs.chunks(BLOCK) {
            let _ = writeln!(map, "{} beginbfchar", block.len());
            for (id, (character, _)) in block {
                let _ = writeln!(map, "<{id:04X}><{}>", utf16(&character.to_string()));
            }
            map.push_str("endbfchar\n");
        }
        map.push_str("endcmap CMapName currentdict/CMap defineresource pop end end\n");
        map
    }
}
