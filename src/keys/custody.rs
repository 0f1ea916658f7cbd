//! Custody of the sealing keys: where they lie, who may read them, how the next one is made.
//!
//! A sealing key is 32 random bytes and has a generation: the highest seals, all of them open. They come
//! from one place: `CLAVIGER_SEALING_KEYS`, or a credentials directory that holds some, or else the `keys`
//! directory. Only in the last does the server make keys itself; elsewhere somebody else has custody.

mod error;
mod key_file;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::protocol::Secret;
use crate::random::Random;

pub use error::CustodyError;
use key_file::{key_files, key_path, make_key, parse_generation, parse_key, read_key};

/// The environment variable that may hold the sealing keys: `2:<base64url> 1:<base64url>`.
pub const VARIABLE: &str = "CLAVIGER_SEALING_KEYS";

/// Where the sealing keys come from.
#[derive(Clone, Debug)]
pub enum Custody {
    /// The value of [`VARIABLE`].
    Environment(Secret<String>),
    /// A directory that a service manager fills (systemd's `LoadCredential=`).
    Credentials(PathBuf),
    /// The configured directory, in which the server makes keys itself.
    Directory(PathBuf),
}

impl Custody {
    /// The custody of this process: the environment, a credentials directory with sealing keys in it, or
    /// else `directory`.
    pub fn of_process(directory: &Path) -> Result<Self, CustodyError> {
        Self::choose(directory, std::env::var_os(VARIABLE), std::env::var_os("CREDENTIALS_DIRECTORY"))
    }

    fn choose(
        directory: &Path,
        variable: Option<OsString>,
        credentials: Option<OsString>,
    ) -> Result<Self, CustodyError> {
        if let Some(value) = variable {
            let value = value.into_string().map_err(|_| CustodyError::Variable("it is not text"))?;
            return Ok(Self::Environment(Secret::new(value)));
        }
        if let Some(credentials) = credentials.map(PathBuf::from)
            && !key_files(&credentials)?.is_empty()
        {
            return Ok(Self::Credentials(credentials));
        }
        Ok(Self::Directory(directory.to_owned()))
    }

    /// The permission bits that a key file here must not have. A credentials directory is guarded by its
    /// service manager, which may let the service in by an ACL that reads as group permissions.
    fn forbidden_mode(&self) -> u32 {
        if matches!(self, Self::Credentials(_)) { 0o007 } else { 0o077 }
    }
}

/// The sealing keys, at least one, by generation.
#[derive(Clone, Debug)]
pub struct SealingKeys {
    custody: Custody,
    keys: BTreeMap<u32, Secret<[u8; 32]>>,
}

impl SealingKeys {
    /// Reads the keys, for a database that holds sealed values: that there are none is an error.
    pub fn load(custody: &Custody) -> Result<Self, CustodyError> {
        let keys = match custody {
            Custody::Environment(value) => read_variable(value.expose())?,
            Custody::Credentials(directory) | Custody::Directory(directory) => key_files(directory)?
                .into_iter()
                .map(|(generation, path)| Ok((generation, read_key(&path, custody.forbidden_mode())?)))
                .collect::<Result<_, CustodyError>>()?,
        };
        match custody {
            Custody::Credentials(directory) | Custody::Directory(directory) if keys.is_empty() => {
                Err(CustodyError::Missing(directory.clone()))
            }
            _ => Ok(Self { custody: custody.clone(), keys }),
        }
    }

    /// Reads the keys, for a database that is new: in an empty directory the first one is made. Processes
    /// that do so at the same time end with the same key.
    pub fn load_or_make(custody: &Custody, random: &Random) -> Result<Self, CustodyError> {
        if let Custody::Directory(directory) = custody
            && key_files(directory)?.is_empty()
        {
            make_key(directory, 1, random)?;
        }
        Self::load(custody)
    }

    /// Reads the keys again from where they came.
    pub fn reload(&self) -> Result<Self, CustodyError> {
        Self::load(&self.custody)
    }

    /// Makes the next generation, which seals from then on, and reads all keys again. If another process
    /// made that generation in the meantime, its key is taken.
    pub fn add_generation(&self, random: &Random) -> Result<Self, CustodyError> {
        match &self.custody {
            Custody::Environment(_) => Err(CustodyError::Elsewhere("the environment")),
            Custody::Credentials(_) => Err(CustodyError::Elsewhere("a credentials directory")),
            Custody::Directory(directory) => {
                make_key(directory, self.newest() + 1, random)?;
                self.reload()
            }
        }
    }

    /// Where the key of `generation` lies, for people.
    pub fn whereabouts(&self, generation: u32) -> String {
        match &self.custody {
            Custody::Environment(_) => format!("{VARIABLE}: {generation}"),
            Custody::Credentials(directory) | Custody::Directory(directory) => {
                key_path(directory, generation).display().to_string()
            }
        }
    }

    /// The generations, in ascending order.
    pub fn generations(&self) -> impl Iterator<Item = u32> {
        self.keys.keys().copied()
    }

    /// The generation that seals.
    pub fn newest(&self) -> u32 {
        *self.keys.last_key_value().expect("there is at least one sealing key").0
    }

    /// The keys with their generations, in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Secret<[u8; 32]>)> {
        self.keys.iter().map(|(generation, key)| (*generation, key))
    }

    /// Fixed keys of these generations.
    #[cfg(test)]
    pub(super) fn of_tests(generations: &[u32]) -> Self {
        let key = |generation: u32| Secret::new([u8::try_from(generation).expect("small"); 32]);
        let keys = generations.iter().map(|&generation| (generation, key(generation))).collect();
        Self { custody: Custody::Environment(Secret::new(String::new())), keys }
    }
}

fn read_variable(text: &str) -> Result<BTreeMap<u32, Secret<[u8; 32]>>, CustodyError> {
    let mut keys = BTreeMap::new();
    for entry in text.split_ascii_whitespace() {
        let (generation, key) = entry.split_once(':').ok_or(CustodyError::Variable("an entry has no `:`"))?;
        let generation = parse_generation(generation)
            .ok_or(CustodyError::Variable("a generation is not a whole number from 1 on"))?;
        let key = parse_key(key).ok_or(CustodyError::Variable("a key is not 32 bytes in base64url"))?;
        if keys.insert(generation, key).is_some() {
            return Err(CustodyError::Variable("a generation stands in it twice"));
        }
    }
    if keys.is_empty() { Err(CustodyError::Variable("it is empty")) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Barrier;

    use super::key_file::tests::{KEY, directory, load, random, told};
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_first_key_is_made_once_and_only_its_owner_reads_it() {
        let parent = tempfile::tempdir().unwrap();
        let keys = parent.path().join("keys");
        let custody = Custody::Directory(keys.clone());

        let made = SealingKeys::load_or_make(&custody, &random()).unwrap();
        let again = SealingKeys::load_or_make(&custody, &random()).unwrap();
        assert_eq!(made.keys[&1].expose(), again.keys[&1].expose());
        assert_eq!((mode(&keys), mode(&keys.join("sealing-1.key"))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1, "nothing else stays behind");
    }

    #[test]
    fn processes_that_start_at_once_end_with_the_same_key() {
        for _ in 0..20 {
            let directory = directory(&[]);
            let custody = Custody::Directory(directory.path().to_owned());
            let barrier = Barrier::new(8);
            let start = || {
                barrier.wait();
                *SealingKeys::load_or_make(&custody, &random()).unwrap().keys[&1].expose()
            };
            let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
    }

    #[test]
    fn a_key_is_never_made_for_a_database_that_has_lost_its_own() {
        let directory = directory(&[("README.md", "about keys")]);
        insta::assert_snapshot!(told(&directory, &load(&directory).unwrap_err()), @r"
        there is no sealing key in `keys`, and the database holds values that were sealed with one
        hint: put its `sealing-<generation>.key` files back; without them the sealed values are lost
        ");
        assert!(!directory.path().join("sealing-1.key").exists());
    }

    #[test]
    fn a_new_generation_keeps_the_older_ones() {
        let directory = directory(&[("sealing-1.key", KEY), ("sealing-7.key", KEY)]);
        let keys = load(&directory).unwrap();
        let more = keys.add_generation(&random()).unwrap();
        assert_eq!(more.generations().collect::<Vec<_>>(), [1, 7, 8]);
        assert_eq!((keys.newest(), more.newest(), keys.reload().unwrap().newest()), (7, 8, 8));

        let late = keys.add_generation(&random()).unwrap();
        assert_eq!(late.keys[&8].expose(), more.keys[&8].expose(), "the first of two wins");
    }

    #[test]
    fn the_environment_goes_before_credentials_and_those_before_the_directory() {
        let keys = directory(&[("sealing-1.key", KEY)]);
        let credentials = directory(&[("sealing-2.key", KEY)]);
        let unrelated = directory(&[("tls.pem", "")]);
        let choose = |variable: Option<&str>, credentials: Option<&tempfile::TempDir>| {
            let credentials = credentials.map(|directory| directory.path().as_os_str().to_owned());
            let custody = Custody::choose(keys.path(), variable.map(OsString::from), credentials).unwrap();
            SealingKeys::load(&custody).unwrap()
        };
        assert_eq!(choose(None, None).newest(), 1);
        assert_eq!(choose(None, Some(&unrelated)).newest(), 1);
        assert_eq!(choose(None, Some(&credentials)).newest(), 2);
        let environment = format!("3:{KEY} 1:{KEY}");
        let of_environment = choose(Some(&environment), Some(&credentials));
        assert_eq!(of_environment.generations().collect::<Vec<_>>(), [1, 3]);

        assert!(matches!(of_environment.add_generation(&random()), Err(CustodyError::Elsewhere(_))));
        assert!(!format!("{of_environment:?}").contains(KEY));
    }

    #[test]
    fn a_service_manager_may_let_the_group_read_a_credential() {
        let credentials = directory(&[("sealing-1.key", KEY)]);
        let custody = Custody::Credentials(credentials.path().to_owned());
        for (mode, good) in [(0o400, true), (0o440, true), (0o444, false)] {
            let path = credentials.path().join("sealing-1.key");
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(SealingKeys::load(&custody).is_ok(), good, "{mode:o}");
        }
    }

    #[test]
    fn a_malformed_variable_is_refused_without_showing_it() {
        for text in ["", " ", KEY, &format!("0:{KEY}"), &format!("1:{KEY} 1:{KEY}"), "1:AQEB", "x:y"] {
            let error = read_variable(text).unwrap_err().to_string();
            assert!(error.starts_with("`CLAVIGER_SEALING_KEYS` holds no sealing keys: "), "{error}");
            assert!(!error.contains("AQEB"), "{error}");
        }
    }
}
