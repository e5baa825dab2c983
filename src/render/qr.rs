//! QR codes: the matrix, its outline as one path, SVG and PNG.

use std::fmt::Write as _;

use super::number::real;

/// White modules around every code (ISO/IEC 18004 asks for four).
pub const QUIET_ZONE: u8 = 4;

/// The text does not fit any QR code at level M (more than 2,331 bytes or 3,391 characters of its
/// alphanumeric set).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("内容太长，放不进二维码")]
pub struct TooLong;

/// The modules of one code at error correction level M (15 % of them may be lost).
#[derive(Clone, PartialEq, Eq)]
pub struct Qr {
    size: u8,
    dark: Vec<bool>,
}

impl Qr {
    /// The code of `text`. Upper-case letters, digits and ` $%*+-./:` alone take QR's alphanumeric mode: a slip's
    /// link of 61 characters stays 29 × 29.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = fast_qr::QRBuilder::new(text).ecl(fast_qr::ECL::M).build().map_err(|_| TooLong)?;
        let size = u8::try_from(code.size).map_err(|_| TooLong)?;
        let dark = code.data.iter().take(code.size * code.size).map(|module| module.value()).collect();
        Ok(Qr { size, dark })
    }

    /// Modules along one side, without the quiet zone.
    #[must_use]
    pub fn size(&self) -> u8 {
        self.size
    }

    /// Whether the module in this column and row is dark; light outside the code.
    #[must_use]
    pub fn is_dark(&self, x: u8, y: u8) -> bool {
        let place = usize::from(y) * usize::from(self.size) + usize::from(x);
        x < self.size && y < self.size && self.dark.get(place).copied().unwrap_or(false)
    }

    /// The outlines of the dark areas as closed polygons with corners in modules, counted from the code's own
    /// corner; to be filled by either rule. One path per code, without seams between modules.
    #[must_use]
    pub fn outline(&self) -> Vec<Vec<(u8, u8)>> {
        let mut edges = Edges::of(self);
        let mut polygons = Vec::new();
        for y in 0..=self.size {
            for x in 0..=self.size {
                while let Some(polygon) = edges.take_polygon(x, y) {
                    polygons.push(polygon);
                }
            }
        }
        polygons
    }

    /// The code as SVG without script or style attribute, quiet zone included, for pages under a strict content
    /// security policy. It has no size of its own: give it one by width, height or style sheet.
    #[must_use]
    pub fn svg(&self, title: &str) -> String {
        let side = u16::from(self.size) + 2 * u16::from(QUIET_ZONE);
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" shape-rendering="crispEdges"><title>{}</title><rect width="{side}" height="{side}" fill="#fff"/><path d=""##,
            escape(title)
        );
        for polygon in self.outline() {
            let mut corners = polygon.into_iter();
            let Some(mut pen) = corners.next() else { continue };
            let _ = write!(svg, "M{} {}", pen.0 + QUIET_ZONE, pen.1 + QUIET_ZONE);
            for corner in corners {
                let (across, down) = (i16::from(corner.0) - i16::from(pen.0), i16::from(corner.1) - i16::from(pen.1));
                let _ = if down == 0 { write!(svg, "h{across}") } else { write!(svg, "v{down}") };
                pen = corner;
            }
            svg.push('z');
        }
        svg.push_str("\"/></svg>\n");
        svg
    }

    /// The code as a black-and-white PNG with quiet zone, `pixels` to a module (at least 1).
    #[must_use]
    pub fn png(&self, pixels: u8) -> Vec<u8> {
        let pixels = pixels.max(1);
        let side = (u32::from(self.size) + 2 * u32::from(QUIET_ZONE)) * u32::from(pixels);
        let module = |pixel: u32| u8::try_from(pixel / u32::from(pixels)).ok()?.checked_sub(QUIET_ZONE);
        let mut rows = Vec::new();
        for y in 0..side {
            let mut byte = 0u8;
            for x in 0..side.next_multiple_of(8) {
                let dark = module(x).zip(module(y)).is_some_and(|(x, y)| self.is_dark(x, y));
                byte = (byte << 1) | u8::from(!dark);
                if x % 8 == 7 {
                    rows.push(byte);
                }
            }
        }
        encode_png(side, side, png::ColorType::Grayscale, png::BitDepth::One, &rows)
    }

    /// The code as bits for an image mask of a PDF, row by row, 0 for dark: the bits along one side, and the rows.
    /// Every module is two by two bits, so that viewers that smooth small pictures leave the squares square, and so
    /// that no row holds the letters `EI`, which end such a mask for careless readers.
    #[must_use]
    pub fn mask(&self) -> (u16, Vec<u8>) {
        let side = 2 * u16::from(self.size);
        let mut rows = Vec::with_capacity(usize::from(side) * usize::from(side.div_ceil(8)));
        for y in 0..self.size {
            let begin = rows.len();
            let (mut byte, mut bits) = (0u8, 0);
            for x in 0..self.size.next_multiple_of(4) {
                byte = (byte << 2) | if self.is_dark(x, y) { 0 } else { 3 };
                bits += 2;
                if bits % 8 == 0 {
                    rows.push(byte);
                }
            }
            rows.extend_from_within(begin..);
        }
        (side, rows)
    }

    /// Side of the code in millimetres, quiet zone excluded, when it is printed `side` millimetres wide with it.
    #[must_use]
    pub fn inner(&self, side: f64) -> f64 {
        let modules = real(usize::from(self.size));
        side * modules / (modules + 2.0 * f64::from(QUIET_ZONE))
    }
}

impl std::fmt::Debug for Qr {
    /// A code may hold a slip's secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Qr(…)")
    }
}

/// The edges between dark and light, running clockwise around the dark: per corner, bit `d` for an edge that
/// leaves in direction `d` (0 east, 1 south, 2 west, 3 north).
struct Edges {
    side: usize,
    leaving: Vec<u8>,
}

impl Edges {
    fn of(code: &Qr) -> Self {
        let side = usize::from(code.size) + 1;
        let mut edges = Edges { side, leaving: vec![0; side * side] };
        for y in 0..code.size {
            for x in (0..code.size).filter(|x| code.is_dark(*x, y)) {
                let light = |x: Option<u8>, y: Option<u8>| !x.zip(y).is_some_and(|(x, y)| code.is_dark(x, y));
                let around = [
                    (light(Some(x), y.checked_sub(1)), x, y, 0),
                    (light(Some(x + 1), Some(y)), x + 1, y, 1),
                    (light(Some(x), Some(y + 1)), x + 1, y + 1, 2),
                    (light(x.checked_sub(1), Some(y)), x, y + 1, 3),
                ];
                for (edge, x, y, direction) in around {
                    if edge && let Some(slot) = edges.slot(x, y) {
                        *slot |= 1 << direction;
                    }
                }
            }
        }
        edges
    }

    fn slot(&mut self, x: u8, y: u8) -> Option<&mut u8> {
        self.leaving.get_mut(usize::from(y) * self.side + usize::from(x))
    }

    /// Takes out the edge that leaves (x, y) in this direction, if there is one.
    fn take(&mut self, x: u8, y: u8, direction: u8) -> bool {
        let Some(slot) = self.slot(x, y) else { return false };
        let found = *slot & (1 << direction) != 0;
        *slot &= !(1 << direction);
        found
    }

    /// The polygon that leaves this corner to the east, its corners only.
    fn take_polygon(&mut self, x: u8, y: u8) -> Option<Vec<(u8, u8)>> {
        if !self.take(x, y, 0) {
            return None;
        }
        let mut corners = vec![(x, y)];
        let (mut pen, mut direction) = ((x, y), 0u8);
        loop {
            pen = match direction {
                0 => (pen.0 + 1, pen.1),
                1 => (pen.0, pen.1 + 1),
                2 => (pen.0 - 1, pen.1),
                _ => (pen.0, pen.1 - 1),
            };
            // Right first: two dark modules that touch at a corner only stay two polygons.
            let turn = [1, 0, 3].into_iter().find(|turn| self.take(pen.0, pen.1, (direction + turn) % 4));
            match turn {
                None => return Some(corners),
                Some(0) => {}
                Some(turn) => {
                    corners.push(pen);
                    direction = (direction + turn) % 4;
                }
            }
        }
    }
}

/// Text between tags or in an attribute.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A PNG of these rows; empty if the rows do not fit the size, which a caller in this house never gives.
pub(super) fn encode_png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth, rows: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(rows));
    if written.is_err() {
        file.clear();
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "HTTPS://PJ.TESTTEST.EXAMPLE.CN/V/ABCDE-0123456789ABCDEFGHJKM";

    #[test]
    fn a_link_of_61_characters_is_29_modules_wide() {
        let link = format!("{LINK}N").replace("PJ.TEST", "PJ.TES");
        assert_eq!(link.len(), 60);
        assert_eq!(Qr::of(&format!("{link}P")).unwrap().size(), 29);
        assert_eq!(Qr::of(&format!("{link}PQ")).unwrap().size(), 33);
    }

    /// Even-odd filling of the outline gives the matrix back.
    #[test]
    fn the_outline_encloses_exactly_the_dark_modules() {
        let code = Qr::of(LINK).unwrap();
        let polygons = code.outline();
        for y in 0..code.size() {
            for x in 0..code.size() {
                // Vertical edges to the left of the module's middle, at its height.
                let crossings = polygons
                    .iter()
                    .flat_map(|corners| corners.iter().zip(corners.iter().cycle().skip(1)))
                    .filter(|(from, to)| from.0 == to.0 && from.0 <= x)
                    .filter(|(from, to)| from.1.min(to.1) <= y && y < from.1.max(to.1))
                    .count();
                assert_eq!(crossings % 2 == 1, code.is_dark(x, y), "module {x}, {y}");
            }
        }
    }

    #[test]
    fn the_svg_obeys_a_strict_content_security_policy() {
        let svg = Qr::of(LINK).unwrap().svg("扫码<投票>");
        assert!(svg.contains(r#"viewBox="0 0 37 37" role="img""#) && svg.contains("<title>扫码&lt;投票&gt;</title>"));
        assert!(!svg.contains("style") && !svg.contains("script"));
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.len() < 4_500, "{} bytes", svg.len());
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Qr::of(LINK).unwrap()), "Qr(…)");
    }
}
