//! Takes out of the archive of Swagger UI what the page at `/docs` loads.
//!
//! The archive holds each file by DEFLATE, with its checksum and size: all that a gzip file has besides its first ten
//! bytes ([RFC 1952 §2.3]), so that nothing is compressed anew.
//!
//! [RFC 1952 §2.3]: https://www.rfc-editor.org/rfc/rfc1952#section-2.3

use std::io::{Cursor, Read as _};
use std::path::PathBuf;

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "oauth2-redirect.js"];

/// Compressed by DEFLATE, no name, no time, by no known system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn main() {
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where to write"));
    let mut archive =
        ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).expect("Swagger UI comes as an archive");
    for name in FILES {
        let path = format!("/dist/{name}");
        let index = archive.file_names().position(|entry| entry.is_ok_and(|entry| entry.ends_with(&path)));
        let index = index.unwrap_or_else(|| panic!("Swagger UI has no `{path}`"));
        let mut entry = archive.by_index_raw(index).expect("it was found");
        assert_eq!(entry.compression(), CompressionMethod::DEFLATE, "{name}");
        let size = u32::try_from(entry.size()).expect("a file of a page is small");
        let mut gzip = HEADER.to_vec();
        let crc32 = entry.crc32();
        entry.read_to_end(&mut gzip).expect("the archive is in memory");
        gzip.extend([crc32, size].iter().flat_map(|number| number.to_le_bytes()));
        std::fs::write(folder.join(format!("{name}.gz")), gzip).expect("cargo's folder can be written to");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
