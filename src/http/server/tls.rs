//! HTTPS: a certificate and its key from PEM files, read again when they change.
//!
//! A renewed pair is rarely written in one step, so a pair that does not fit together is refused and the old one
//! stays, until the files have changed once more.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context, SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// Where the certificate and its key lie.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate and its chain, the server's own first, in PEM.
    pub certificate: PathBuf,
    /// The private key in PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted.
    pub key: PathBuf,
}

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {fault}\nhint: let the server's user read it, or correct its path", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        fault: std::io::Error,
    },
    /// A file holds no PEM of the kind it should.
    #[error("`{}` holds no {kind} in PEM: {fault}\nhint: write the {kind} as PEM, not encrypted", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        kind: &'static str,
        /// What is wrong with it.
        fault: pem::Error,
    },
    /// The certificate and the key do not belong together, or are of a kind that is not supported.
    #[error("`{}` and `{}` cannot be used: {fault}\nhint: write a certificate and the key that it was issued for", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        fault: rustls::Error,
    },
}

/// The configuration for new handshakes.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
    /// What the files held when they were last looked at, taken into use or not.
    seen: Mutex<Option<Fingerprint>>,
}

type Fingerprint = [u8; 32];

impl Tls {
    /// Reads the files for the first time.
    pub(super) fn load(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let pems = Pems::read(&files)?;
        let current = ArcSwap::from_pointee(pems.configure(&files)?);
        Ok(Arc::new(Self { files, current, seen: Mutex::new(Some(pems.fingerprint())) }))
    }

    /// The configuration for the next handshake.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again, changed or not; on failure everything stays as it is.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.refresh().map(|_| ())
    }

    /// Reads the files again and again, and takes them into use when they have changed.
    pub(super) async fn follow(self: Arc<Self>, every: Duration) {
        let mut unreadable = false;
        loop {
            tokio::time::sleep(every).await;
            let tls = self.clone();
            let Ok(refreshed) = tokio::task::spawn_blocking(move || tls.refresh()).await else { return };
            match &refreshed {
                Ok(true) => {
                    tracing::info!(certificate = %self.files.certificate.display(), "certificate renewed")
                }
                Ok(false) => (),
                // Said once, not every few seconds: the fingerprint does so for the other faults.
                Err(TlsError::Unreadable { .. }) if unreadable => (),
                Err(error) => tracing::error!(%error, "the certificate was not renewed, the old one stays"),
            }
            unreadable = matches!(refreshed, Err(TlsError::Unreadable { .. }));
        }
    }

    /// Takes the files into use if they have changed since they were last looked at, and tells whether they had.
    fn refresh(&self) -> Result<bool, TlsError> {
        let pems = Pems::read(&self.files)?;
        // Held to the end, so that of two at once the one that read later has its way.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = Some(pems.fingerprint());
        if *seen == fingerprint {
            return Ok(false);
        }
        *seen = fingerprint;
        self.current.store(Arc::new(pems.configure(&self.files)?));
        Ok(true)
    }
}

/// Says whether a certificate and its key can be used.
pub fn check(files: &TlsFiles) -> Result<(), TlsError> {
    Pems::read(files)?.configure(files).map(|_| ())
}

/// A key that others can read is served with all the same: who renews certificates often lets a group read them.
fn warn_if_open(key: &Path) {
    let mode = std::fs::metadata(key).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o007 != 0 {
        tracing::warn!(
            hint = "`chmod 600` it",
            "everybody on this machine can read the TLS key `{}`",
            key.display()
        );
    }
}

/// The contents of the two files.
struct Pems {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Pems {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|fault| TlsError::Unreadable { path: path.to_owned(), fault })
        };
        warn_if_open(&files.key);
        Ok(Self { certificate: read(&files.certificate)?, key: Zeroizing::new(read(&files.key)?) })
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut context = Context::new(&SHA256);
        context.update(&(self.certificate.len() as u64).to_be_bytes());
        context.update(&self.certificate);
        context.update(&self.key);
        context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }

    fn configure(&self, files: &TlsFiles) -> Result<ServerConfig, TlsError> {
        let malformed = |path: &Path, kind, fault| TlsError::Malformed { path: path.to_owned(), kind, fault };
        let unusable = |fault| {
            let TlsFiles { certificate, key } = files.clone();
            TlsError::Unusable { certificate, key, fault }
        };
        let mut chain = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&self.certificate) {
            chain.push(certificate.map_err(|fault| malformed(&files.certificate, "certificate", fault))?);
        }
        if chain.is_empty() {
            return Err(malformed(&files.certificate, "certificate", pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|fault| malformed(&files.key, "private key", fault))?;

        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider's cipher suites fit the default protocol versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    struct Files {
        files: TlsFiles,
        _directory: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let at = |name| directory.path().join(name);
            let files = TlsFiles { certificate: at("cert.pem"), key: at("key.pem") };
            let (certificate, key) = pair();
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            Self { files, _directory: directory }
        }
    }

    fn is_renewed(tls: &Tls, before: &Arc<ServerConfig>) -> bool {
        !Arc::ptr_eq(&tls.config(), before)
    }

    #[test]
    fn a_renewed_pair_is_taken_once_it_is_whole() {
        let Files { files, _directory } = Files::new();
        let tls = Tls::load(files.clone()).unwrap();
        let before = tls.config();
        assert!(!tls.refresh().unwrap());

        let (certificate, key) = pair();
        std::fs::write(&files.certificate, certificate).unwrap();
        assert!(matches!(tls.refresh(), Err(TlsError::Unusable { .. })));
        assert!(!tls.refresh().unwrap(), "the same fault is told once");
        assert!(!is_renewed(&tls, &before));

        std::fs::write(&files.key, key).unwrap();
        assert!(tls.refresh().unwrap());
        assert!(is_renewed(&tls, &before));
    }

    #[test]
    fn a_request_to_reload_tells_its_fault_every_time() {
        let Files { files, _directory } = Files::new();
        let tls = Tls::load(files.clone()).unwrap();
        let before = tls.config();
        std::fs::write(&files.key, "not a key").unwrap();
        for _ in 0..2 {
            assert!(matches!(tls.reload(), Err(TlsError::Malformed { kind: "private key", .. })));
        }
        std::fs::remove_file(&files.certificate).unwrap();
        let error = tls.reload().unwrap_err().to_string();
        assert!(error.contains("cert.pem") && error.contains("hint:"), "{error}");
        assert!(!is_renewed(&tls, &before));
    }

    #[tokio::test]
    async fn changed_files_are_followed() {
        let Files { files, _directory } = Files::new();
        let tls = Tls::load(files.clone()).unwrap();
        let before = tls.config();
        let following = tokio::spawn(tls.clone().follow(Duration::from_millis(10)));
        let (certificate, key) = pair();
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        let renewed = async {
            while !is_renewed(&tls, &before) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), renewed).await.unwrap();
        following.abort();
    }
}
