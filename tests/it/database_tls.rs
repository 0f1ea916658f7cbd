//! TLS between a server and PostgreSQL.

use std::path::Path;

use claviger::clock::Clock;
use claviger::config::Config;
use claviger::vault::Vault;
use insta::assert_snapshot;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::database::is_postgres;
use crate::postgres::Postgres;

/// A certification authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for `name`, and its key.
    fn certify(&self, name: &str) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        [params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem()]
    }
}

/// From now on `postgres` takes TLS, and shows this certificate.
async fn certify(postgres: &Postgres, [certificate, key]: [String; 2]) {
    let mut database = postgres.primary.connect().await;
    for (file, text) in [("server.crt", certificate), ("server.key", key)] {
        // The server's own user has to have them, and nobody else.
        let lines = format!("SELECT unnest(string_to_array('{text}', chr(10)))");
        database.run(format!("COPY ({lines}) TO PROGRAM 'umask 077; cat > {file}'")).await;
    }
    database.run("ALTER SYSTEM SET ssl = on").await;
    database.run("SELECT pg_reload_conf()").await;
}

/// How many connections servers have there, with TLS or without.
async fn count(postgres: &Postgres, is_encrypted: bool) -> i64 {
    let of_servers = format!(
        "pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE application_name = 'claviger' AND ssl = {is_encrypted}"
    );
    postgres.primary.connect().await.count(&of_servers).await
}

/// Opens the database as a server does, with these parameters in its URL.
async fn open(postgres: &Postgres, folder: &Path, parameters: &str) -> Result<Vault, String> {
    let config = format!(
        "issuer = \"http://localhost\"\n[keys]\ndirectory = \"{}/keys\"\n[database]\nurl = \"{}?{parameters}\"\n",
        folder.display(),
        postgres.primary.url
    );
    let opened = Vault::open(&config.parse::<Config>().unwrap(), Clock::system()).await;
    opened.map_err(|error| error.to_string())
}

#[tokio::test]
async fn whoever_verifies_postgresql_talks_to_it_and_to_nobody_else() {
    if !is_postgres() {
        return;
    }
    let postgres = Postgres::start("tls");
    let folder = TempDir::new().unwrap();
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    std::fs::write(folder.path().join("known.pem"), &known.certificate).unwrap();
    std::fs::write(folder.path().join("other.pem"), &other.certificate).unwrap();
    let verified_by = |authority: &str| {
        format!("sslmode=verify-full&sslrootcert={}/{authority}.pem", folder.path().display())
    };
    let told = async |parameters: &str| {
        let told = open(&postgres, folder.path(), parameters).await.err().unwrap();
        let address = postgres.primary.url.split(['@', '/']).nth(3).unwrap();
        told.replace(address, "db").replace(folder.path().to_str().unwrap(), "certificates")
    };

    assert_snapshot!(told("sslmode=require").await, @"
    `postgres://postgres@db/postgres?sslmode=require` cannot be used: PostgreSQL at `db` cannot be reached: error occurred while attempting to establish a TLS connection: server does not support TLS
    hint: see that `sslmode` and `sslrootcert` in `database.url` fit the server's certificate
    ");

    certify(&postgres, known.certify("127.0.0.1")).await;
    for parameters in [&*verified_by("known"), "sslmode=require"] {
        let vault = open(&postgres, folder.path(), parameters).await.unwrap();
        vault.store.probe(0).await.unwrap();
        assert_eq!(
            (count(&postgres, true).await > 1, count(&postgres, false).await),
            (true, 0),
            "{parameters}"
        );
        vault.store.close().await;
    }
    assert_snapshot!(told(&verified_by("other")).await, @"
    `postgres://postgres@db/postgres?sslmode=verify-full&sslrootcert=certificates/other.pem` cannot be used: PostgreSQL at `db` cannot be reached: invalid peer certificate: UnknownIssuer
    hint: see that `sslmode` and `sslrootcert` in `database.url` fit the server's certificate
    ");
    assert_snapshot!(told(&verified_by("missing")).await, @"
    `postgres://postgres@db/postgres?sslmode=verify-full&sslrootcert=certificates/missing.pem` cannot be used: PostgreSQL at `db` cannot be reached: No such file or directory (os error 2)
    hint: see that the files are there that `database.url` names: `sslrootcert`, `sslcert`, `sslkey`, the socket
    ");

    certify(&postgres, known.certify("db.example.com")).await;
    assert_snapshot!(told(&verified_by("known")).await, @r#"
    `postgres://postgres@db/postgres?sslmode=verify-full&sslrootcert=certificates/known.pem` cannot be used: PostgreSQL at `db` cannot be reached: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("db.example.com")
    hint: see that `sslmode` and `sslrootcert` in `database.url` fit the server's certificate
    "#);
}
