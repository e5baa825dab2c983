//! The objects of a PDF, written one after another: of what has been written, only the places are kept.

use std::fmt::Write as _;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// The number of an object.
pub(super) type Number = usize;

/// A PDF on its way out.
pub(super) struct Objects<W> {
    out: W,
    /// Bytes written so far.
    at: u64,
    /// Where each object begins, in the order of their numbers; object 1 first.
    places: Vec<u64>,
}

impl<W: Write> Objects<W> {
    pub(super) fn begin(out: W) -> std::io::Result<Self> {
        let mut objects = Objects { out, at: 0, places: Vec::new() };
        // The four bytes above 127 tell transports that the file is binary.
        objects.write(b"%PDF-1.7\n%\xE8\xAF\x84\xE5\n")?;
        Ok(objects)
    }

    /// A number for an object to be written later.
    pub(super) fn reserve(&mut self) -> Number {
        self.places.push(0);
        self.places.len()
    }

    /// Writes the object of this number.
    pub(super) fn put(&mut self, number: Number, body: &str) -> std::io::Result<()> {
        self.head(number)?;
        self.write(format!("{body}\nendobj\n").as_bytes())
    }

    /// Writes a new object.
    pub(super) fn add(&mut self, body: &str) -> std::io::Result<Number> {
        let number = self.reserve();
        self.put(number, body)?;
        Ok(number)
    }

    /// Writes a new stream with these entries in its dictionary.
    pub(super) fn stream(&mut self, entries: &str, data: &[u8]) -> std::io::Result<Number> {
        let number = self.reserve();
        self.head(number)?;
        self.write(format!("<<{entries}/Length {}>>stream\n", data.len()).as_bytes())?;
        self.write(data)?;
        self.write(b"\nendstream\nendobj\n")?;
        Ok(number)
    }

    /// Writes a new stream, compressed.
    pub(super) fn packed(&mut self, entries: &str, data: &[u8]) -> std::io::Result<Number> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
        packer.write_all(data)?;
        self.stream(&format!("{entries}/Filter/FlateDecode"), &packer.finish()?)
    }

    /// Writes the table of places and the end; gives the length of the whole file.
    pub(super) fn end(mut self, catalog: Number, info: Number) -> std::io::Result<u64> {
        let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", self.places.len() + 1);
        for place in &self.places {
            let _ = writeln!(table, "{place:010} 00000 n ");
        }
        let _ = write!(
            table,
            "trailer\n<</Size {}/Root {catalog} 0 R/Info {info} 0 R>>\nstartxref\n{}\n%%EOF\n",
            self.places.len() + 1,
            self.at
        );
        self.write(table.as_bytes())?;
        self.out.flush()?;
        Ok(self.at)
    }

    fn head(&mut self, number: Number) -> std::io::Result<()> {
        let at = self.at;
        if let Some(place) = number.checked_sub(1).and_then(|place| self.places.get_mut(place)) {
            *place = at;
        }
        self.write(format!("{number} 0 obj\n").as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.at = self.at.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        self.out.write_all(bytes)
    }
}

/// Text of a document's own information.
pub(super) fn information(text: &str) -> String {
    format!("<FEFF{}>", utf16(text))
}

/// UTF-16 in hexadecimal digits, high byte first.
pub(super) fn utf16(text: &str) -> String {
    text.encode_utf16().fold(String::new(), |mut hex, unit| {
        let _ = write!(hex, "{unit:04X}");
        hex
    })
}
