//! Takes what the page at `/docs` loads out of the archive of Swagger UI, and tells the linker which functions to put side
//! by side.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "oauth2-redirect.js"];

/// Made by `scripts/order`.
const ORDER: &str = "scripts/order.txt";

/// Compressed by DEFLATE, no name, no time, by no known system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

fn main() {
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where to write"));
    pages(&folder);
    order(&folder);
    println!("cargo::rerun-if-changed=build.rs");
}

/// The archive holds each file by DEFLATE, with its checksum and size: all that a gzip file has besides its first ten
/// bytes ([RFC 1952 §2.3](https://www.rfc-editor.org/rfc/rfc1952#section-2.3)), so that nothing is compressed anew.
fn pages(folder: &Path) {
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
        fs::write(folder.join(format!("{name}.gz")), gzip).expect("cargo's folder can be written to");
    }
}

/// Puts the functions that a server calls before all others. The system maps a binary by 64 KiB around what is touched, so
/// that it keeps a third less of it resident.
///
/// The linkers that come with Rust and GCC on Linux understand how that is said. Not all others do, so that where one was
/// chosen all stays as it is.
fn order(folder: &Path) {
    println!("cargo::rerun-if-changed={ORDER}");
    let variable = |name| env::var(name).unwrap_or_default();
    let has_chosen_a_linker =
        env::var_os("RUSTC_LINKER").is_some() || variable("CARGO_ENCODED_RUSTFLAGS").contains("link");
    if variable("CARGO_CFG_TARGET_OS") != "linux" || variable("PROFILE") != "release" || has_chosen_a_linker {
        return;
    }
    let names = match fs::read_to_string(ORDER) {
        Ok(names) => names,
        Err(error) => {
            println!(
                "cargo::warning=functions are put in no order, as {ORDER} cannot be read: {error}; scripts/order makes it"
            );
            return;
        }
    };
    let mut script = "SECTIONS { .text.called : {\n".to_owned();
    for name in names.lines() {
        // What compilers hold to be hardly ever called stands apart.
        writeln!(script, "*(.text.{name} .text.unlikely.{name})").expect("a string can be written to");
    }
    script.push_str("} } INSERT BEFORE .text;\n");
    let file = folder.join("order.ld");
    fs::write(&file, script).expect("cargo's folder can be written to");
    println!("cargo::rustc-link-arg-bins=-T{}", file.display());
}
