//! Whose certificates are believed: the public authorities', and those of the operator's file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::protocol::BoxError;

/// Why the file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "`fetch.ca_file` cannot be used: `{}`: {fault}\nhint: write the certificates of the authorities to trust, as PEM",
    path.display()
)]
pub struct TrustError {
    path: PathBuf,
    fault: BoxError,
}

/// What speaks TLS. The public authorities are those of Mozilla, compiled in, so that nothing depends on the system's.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, TrustError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        add(&mut roots, path).map_err(|fault| TrustError { path: path.to_owned(), fault })?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider's cipher suites fit the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), BoxError> {
    let pem = std::fs::read(path)?;
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate?)?;
    }
    if roots.len() == before { Err("it holds no certificate".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_authorities_that_is_none_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let refusal = || connector(Some(&file)).err().unwrap().to_string();
        assert!(refusal().contains("No such file"), "{}", refusal());
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, text).unwrap();
            let refusal = refusal();
            assert!(refusal.contains("ca.pem") && refusal.contains("\nhint: "), "{refusal}");
        }
    }
}
