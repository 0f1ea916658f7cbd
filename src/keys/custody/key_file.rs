//! Sealing keys in files: `sealing-<generation>.key`, 32 bytes in base64url and a newline.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::CustodyError;
use super::error::failed;
use crate::protocol::Secret;
use crate::random::Random;

/// The longest key file that is read, in bytes. A good one has 44.
const FILE_BYTES: u64 = 256;

/// The key files of a directory; none if it does not exist. Other files may lie beside them.
pub(super) fn key_files(directory: &Path) -> Result<BTreeMap<u32, PathBuf>, CustodyError> {
    let entries = match fs::read_dir(directory) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries.map_err(failed("read", directory))?,
    };
    let mode = fs::metadata(directory).map_err(failed("read", directory))?.permissions().mode() & 0o7777;
    if mode & 0o002 != 0 {
        return Err(CustodyError::OpenDirectory { path: directory.to_owned(), mode });
    }

    let mut files = BTreeMap::new();
    for entry in entries {
        let name = entry.map_err(failed("read", directory))?.file_name();
        let path = directory.join(&name);
        let name = name.to_string_lossy();
        let Some(number) = name.strip_prefix("sealing-").and_then(|name| name.strip_suffix(".key")) else {
            continue;
        };
        let generation = parse_generation(number).ok_or_else(|| CustodyError::Name(path.clone()))?;
        files.insert(generation, path);
    }
    Ok(files)
}

/// The file of a generation.
pub(super) fn key_path(directory: &Path, generation: u32) -> PathBuf {
    directory.join(format!("sealing-{generation}.key"))
}

/// A generation is 1 or more, and has one spelling.
pub(super) fn parse_generation(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == text)
}

/// Reads a key from a file that has none of the bits of `forbidden_mode`.
pub(super) fn read_key(path: &Path, forbidden_mode: u32) -> Result<Secret<[u8; 32]>, CustodyError> {
    let malformed = |fault| CustodyError::Malformed { path: path.to_owned(), fault };

    let file = File::open(path).map_err(failed("read", path))?;
    let metadata = file.metadata().map_err(failed("read", path))?;
    if !metadata.is_file() {
        return Err(malformed("it is not a file"));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & forbidden_mode != 0 {
        return Err(CustodyError::Open { path: path.to_owned(), mode });
    }

    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_BYTES).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.is_empty() {
        return Err(malformed("it is empty"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| malformed("it is not text"))?;
    parse_key(text.strip_suffix('\n').unwrap_or(text))
        .ok_or_else(|| malformed("it is not 32 bytes in base64url"))
}

/// 32 bytes in base64url, without padding.
pub(super) fn parse_key(text: &str) -> Option<Secret<[u8; 32]>> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    Some(Secret::new(bytes.as_slice().try_into().ok()?))
}

/// Makes the key of a generation unless there is one: written beside its place, synced, and then linked,
/// which never replaces a file. So a key is there whole or not at all, and the first of several wins.
pub(super) fn make_key(directory: &Path, generation: u32, random: &Random) -> Result<(), CustodyError> {
    let sync = |path: &Path| {
        File::open(path).and_then(|directory| directory.sync_all()).map_err(failed("sync", path))
    };
    if !directory.exists() {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(directory);
        created.map_err(failed("create", directory))?;
        sync(&directory.join(".."))?;
    }

    let path = key_path(directory, generation);
    let beside = directory.join(format!(".sealing-{generation}.{}", random.text::<9>()));
    let text = Zeroizing::new(random.text::<32>() + "\n");

    let written = write_synced(&beside, text.as_bytes()).map_err(failed("write", &beside));
    let given = written.and_then(|()| give(&beside, directory).map_err(failed("hand over", &beside)));
    let linked = given.and_then(|()| match fs::hard_link(&beside, &path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked.map_err(failed("create", &path)),
    });
    // A copy that stays behind is a spare name of the key, or a key that was never used.
    let _ = fs::remove_file(&beside);
    linked?;
    sync(directory)
}

/// Gives a file that root made to the owner of its directory: the user that runs the server must read it.
fn give(path: &Path, directory: &Path) -> io::Result<()> {
    let owner = fs::metadata(directory)?;
    if geteuid().is_root() && owner.uid() != 0 {
        chown(path, Some(owner.uid()), Some(owner.gid()))
    } else {
        Ok(())
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::keys::custody::{Custody, SealingKeys};

    pub(in super::super) const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";

    pub(in super::super) fn random() -> Random {
        Random::system().unwrap()
    }

    /// A directory with these files, each of mode 0600.
    pub(in super::super) fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            write_synced(&directory.path().join(name), content.as_bytes()).unwrap();
        }
        directory
    }

    pub(in super::super) fn load(directory: &tempfile::TempDir) -> Result<SealingKeys, CustodyError> {
        SealingKeys::load(&Custody::Directory(directory.path().to_owned()))
    }

    /// What an operator is told, with the directory written as `keys`.
    pub(in super::super) fn told(directory: &tempfile::TempDir, error: &CustodyError) -> String {
        error.to_string().replace(directory.path().to_str().unwrap(), "keys")
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        for mode in [0o640, 0o604, 0o620, 0o601, 0o777] {
            let directory = directory(&[("sealing-1.key", KEY)]);
            let path = directory.path().join("sealing-1.key");
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(load(&directory), Err(CustodyError::Open { .. })), "{mode:o}");
        }
        let directory = directory(&[("sealing-1.key", KEY)]);
        fs::set_permissions(directory.path().join("sealing-1.key"), Permissions::from_mode(0o644)).unwrap();
        insta::assert_snapshot!(told(&directory, &load(&directory).unwrap_err()), @r"
        `keys/sealing-1.key` can be read or written by others: its mode is 0644
        hint: `chmod 600 keys/sealing-1.key`, and rotate it with `claviger seal rotate` if somebody may have read it
        ");
    }

    #[test]
    fn a_directory_that_everybody_writes_is_refused() {
        let directory = directory(&[("sealing-1.key", KEY)]);
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        insta::assert_snapshot!(told(&directory, &load(&directory).unwrap_err()), @r"
        `keys` can be written by everybody: its mode is 0777
        hint: `chmod 700 keys`
        ");
    }

    #[test]
    fn a_malformed_key_is_refused_by_name() {
        let long = KEY.repeat(10);
        let faults: Vec<String> = [
            ("sealing-1.key", ""),
            ("sealing-1.key", "\n"),
            ("sealing-1.key", &KEY[..40]),
            ("sealing-1.key", &format!("{KEY}=")),
            ("sealing-1.key", &format!("{KEY}\n\n")),
            ("sealing-1.key", &long),
            ("sealing-one.key", KEY),
            ("sealing-01.key", KEY),
            ("sealing-0.key", KEY),
        ]
        .iter()
        .map(|file| {
            let directory = directory(&[*file]);
            told(&directory, &load(&directory).unwrap_err()).lines().next().unwrap().to_owned()
        })
        .collect();
        insta::assert_snapshot!(faults.join("\n"), @r"
        `keys/sealing-1.key` is not a sealing key: it is empty
        `keys/sealing-1.key` is not a sealing key: it is not 32 bytes in base64url
        `keys/sealing-1.key` is not a sealing key: it is not 32 bytes in base64url
        `keys/sealing-1.key` is not a sealing key: it is not 32 bytes in base64url
        `keys/sealing-1.key` is not a sealing key: it is not 32 bytes in base64url
        `keys/sealing-1.key` is not a sealing key: it is not 32 bytes in base64url
        `keys/sealing-one.key` is named like a sealing key without a generation
        `keys/sealing-01.key` is named like a sealing key without a generation
        `keys/sealing-0.key` is named like a sealing key without a generation
        ");
    }

    #[test]
    fn a_key_that_is_no_file_is_refused() {
        let directory = directory(&[]);
        fs::create_dir(directory.path().join("sealing-1.key")).unwrap();
        insta::assert_snapshot!(told(&directory, &load(&directory).unwrap_err()), @r"
        `keys/sealing-1.key` is not a sealing key: it is not a file
        hint: put back the file as the server made it, from where you keep its copy
        ");
    }

    #[test]
    fn a_key_without_its_newline_is_the_same_key() {
        let with = directory(&[("sealing-1.key", &format!("{KEY}\n"))]);
        let without = directory(&[("sealing-1.key", KEY)]);
        assert_eq!(load(&with).unwrap().keys[&1].expose(), load(&without).unwrap().keys[&1].expose());
    }
}
