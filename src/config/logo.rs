//! The logo of the pages: a file that is read with the configuration and served from memory.

use std::fmt;
use std::path::Path;

use bytes::Bytes;

use super::values::Refusal;

/// The largest file that is taken for a logo.
const MOST_BYTES: u64 = 64 * 1024;

/// An image.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// The file.
    pub bytes: Bytes,
    /// What it is: `svg` or `png`.
    pub extension: &'static str,
}

impl Logo {
    /// Reads the file, which its first bytes must show to be what its name says.
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let hint = "write the path of an SVG or PNG file of at most 64 KiB".to_owned();
        let cannot = |error: std::io::Error| ("cannot be read", format!("{hint}; the system says: {error}"));
        let file = std::fs::metadata(path).map_err(cannot)?;
        if !file.is_file() || file.len() > MOST_BYTES {
            return Err(("is not a file of at most 64 KiB", hint));
        }
        let bytes = std::fs::read(path).map_err(cannot)?;
        let extension = match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("png") if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => "png",
            Some("svg") if std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg")) => "svg",
            _ => return Err(("is neither an SVG nor a PNG file", hint)),
        };
        Ok(Self { bytes: bytes.into(), extension })
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.extension, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_what_its_name_says_and_small() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Logo::read(&path).map(|logo| logo.extension).map_err(|(fault, _)| fault)
        };
        let large = [b"<svg>".as_slice(), &[b' '; 65_536]].concat();
        assert_eq!(read("a.svg", b"<?xml version=\"1.0\"?>\n<svg/>"), Ok("svg"));
        assert_eq!(read("a.png", b"\x89PNG\r\n\x1a\n\0"), Ok("png"));
        assert_eq!(read("b.png", b"<svg/>"), Err("is neither an SVG nor a PNG file"));
        assert_eq!(read("b.svg", b"\xff<svg/>"), Err("is neither an SVG nor a PNG file"));
        assert_eq!(read("b.html", b"<svg/>"), Err("is neither an SVG nor a PNG file"));
        assert_eq!(read("large.svg", &large), Err("is not a file of at most 64 KiB"));
        assert_eq!(Logo::read(folder.path()).unwrap_err().0, "is not a file of at most 64 KiB");
        assert_eq!(Logo::read(&folder.path().join("none.svg")).unwrap_err().0, "cannot be read");
    }
}
