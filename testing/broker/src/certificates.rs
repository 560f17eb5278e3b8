//! Makes the certificates of the secure server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Names of the server unless others are asked for.
const DEFAULT_SANS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const AUTHORITY: &str = "rivven test authority";

/// Files in PEM, all in one folder.
///
/// The authority and the client certificate stay the same for the life of the
/// folder, so that clients get along with a restarted broker. The server
/// certificate is made anew at each start, as its names and dates are options.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The authority that signed the other certificates.
    pub(crate) ca_cert: PathBuf,
    /// The server's certificate.
    pub(crate) server_cert: PathBuf,
    /// The server's private key.
    pub(crate) server_key: PathBuf,
    /// A client's certificate.
    pub(crate) client_cert: PathBuf,
    /// The private key of that client.
    pub(crate) client_key: PathBuf,
    /// An authority that signed none of these, for clients that must refuse.
    pub(crate) other_ca_cert: PathBuf,
    ca_key: PathBuf,
}

/// What the server certificate says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerCertificate<'a> {
    /// Names and addresses; localhost, 127.0.0.1 and ::1 if there are none.
    pub(crate) sans: &'a [String],
    /// Whether its time is over.
    pub(crate) expired: bool,
}

impl Certificates {
    /// Makes what is missing in `dir`, and a new server certificate.
    pub(crate) fn make(dir: &Path, server: ServerCertificate<'_>) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let files = Self::files(dir);
        let authority = match files.ca_key.exists() {
            true => {
                let key = KeyPair::from_pem(&fs::read_to_string(&files.ca_key)?)?;
                // The same name and key make an equal authority.
                Authority::new(AUTHORITY, key)?
            }
            false => files.make_authority()?,
        };
        files.make_server(&authority, server)?;
        Ok(files)
    }

    fn files(dir: &Path) -> Self {
        Self {
            ca_cert: dir.join("ca.pem"),
            server_cert: dir.join("server.pem"),
            server_key: dir.join("server-key.pem"),
            client_cert: dir.join("client.pem"),
            client_key: dir.join("client-key.pem"),
            other_ca_cert: dir.join("other-ca.pem"),
            ca_key: dir.join("ca-key.pem"),
        }
    }

    fn make_authority(&self) -> anyhow::Result<Authority> {
        let authority = Authority::new(AUTHORITY, KeyPair::generate()?)?;
        fs::write(&self.ca_cert, authority.cert.pem())?;
        let other = Authority::new("rivven other authority", KeyPair::generate()?)?;
        fs::write(&self.other_ca_cert, other.cert.pem())?;

        let mut client = params("rivven test client", &[])?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        authority.issue(client, &self.client_cert, &self.client_key)?;

        // Comes last: this file stands for the whole set.
        fs::write(&self.ca_key, authority.key.serialize_pem())?;
        Ok(authority)
    }

    fn make_server(&self, authority: &Authority, server: ServerCertificate<'_>) -> anyhow::Result<()> {
        let sans = match server.sans {
            [] => DEFAULT_SANS.map(str::to_owned).to_vec(),
            sans => sans.to_vec(),
        };
        let mut params = params("rivven test broker", &sans).context("names of the server certificate")?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = match server.expired {
            true => date_time_ymd(2021, 1, 1),
            false => date_time_ymd(2120, 1, 1),
        };
        authority.issue(params, &self.server_cert, &self.server_key)
    }
}

/// A key and the certificate that goes with it.
struct Authority {
    cert: Certificate,
    key: KeyPair,
}

impl Authority {
    fn new(common_name: &str, key: KeyPair) -> anyhow::Result<Self> {
        let mut params = params(common_name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key)?;
        Ok(Self { cert, key })
    }

    fn issue(&self, mut params: CertificateParams, cert_file: &Path, key_file: &Path) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let cert = params.signed_by(&key, &self.cert, &self.key)?;
        fs::write(cert_file, cert.pem())?;
        fs::write(key_file, key.serialize_pem())?;
        Ok(())
    }
}

/// A certificate to be, with its subject and its names.
fn params(common_name: &str, sans: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(sans)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}
