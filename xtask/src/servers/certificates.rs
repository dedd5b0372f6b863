//! Certificates of the servers, from an authority that clients trust and from one that they do not.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Result, process};

const EXTENSIONS: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// Writes `ca.pem` and `untrusted-ca.pem`, and the chains and keys of `localhost` and `other.test`, signed by the first.
pub(crate) fn write(dir: &Path) -> Result<()> {
    let folder = dir.join("certificates");
    fs::create_dir(&folder)?;
    fs::write(folder.join("openssl.cnf"), EXTENSIONS)?;
    let authority = &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
    make(&folder, "ca", None, authority)?;
    make(&folder, "untrusted-ca", None, authority)?;
    for (name, alternative) in [
        ("localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ("other.test", "subjectAltName=DNS:other.test"),
    ] {
        let server = &["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth", alternative];
        make(&folder, name, Some("ca"), server)?;
    }
    Ok(())
}

fn make(folder: &Path, name: &str, issuer: Option<&str>, extensions: &[&str]) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(["req", "-x509", "-config", "openssl.cnf", "-sha256", "-days", "30"]);
    openssl.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]);
    openssl.args(["-subj", &format!("/CN={name}"), "-keyout", &format!("{name}.key")]);
    openssl.args(["-out", &format!("{name}.pem")]);
    if let Some(issuer) = issuer {
        openssl.args(["-CA", &format!("{issuer}.pem"), "-CAkey", &format!("{issuer}.key")]);
    }
    for extension in extensions {
        openssl.args(["-addext", extension]);
    }
    process::output(&mut openssl)?;
    Ok(())
}
