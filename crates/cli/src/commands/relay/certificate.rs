use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use mailbearer::{Secret, proto::net::ServerTls};
use mailbearer_bridge::named;
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::{error::Error, exit::Exit};

/// The relay's own certificate and its key, kept in `folder` and made there at the first start. It is for `name` and this
/// machine, and is no authority. It protects those devices that were told to trust it.
pub(crate) fn own(folder: &Path, name: &str) -> Result<(String, Secret), Error> {
    let [chain, key] = ["relay-certificate.pem", "relay-key.pem"].map(|name| folder.join(name));
    let failed = |path: &Path, error: io::Error| Error::new(Exit::Io, format!("{}: {error}", named(path)));
    let unread = |path: &Path, error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => {
            Error::damaged(path, error).hint(MAKE_ANEW)
        }
        _ => failed(path, error),
    };
    match (fs::read_to_string(&chain), fs::read_to_string(&key)) {
        (Ok(pem), Ok(key)) => {
            let key = Secret::from(key.as_str());
            return match ServerTls::from_pem(pem.as_bytes(), &key) {
                Ok(_) => Ok((pem, key)),
                Err(error) => Err(Error::damaged(&chain, error).hint(MAKE_ANEW)),
            };
        }
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => return Err(unread(&chain, error)),
        (_, Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(unread(&key, error)),
        _ => {}
    }
    let made = make(name)
        .map_err(|error| Error::new(Exit::Internal, format!("no certificate can be made: {error}")))?;
    // The key first, so that there is never a certificate without its key.
    write(&key, made.1.expose()).map_err(|error| failed(&key, error))?;
    write(&chain, &made.0).map_err(|error| failed(&chain, error))?;
    Ok(made)
}

const MAKE_ANEW: &str = "remove it and its key: the relay makes another, which devices have to trust anew";

fn make(name: &str) -> Result<(String, Secret), rcgen::Error> {
    let names = [name, "localhost", "127.0.0.1", "::1"].into_iter().filter(|name| !name.is_empty());
    let mut params = CertificateParams::new(names.map(str::to_owned).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::ExplicitNoCa;
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Secret::from(key.serialize_pem().as_str())))
}

/// Writes a file that only this user may read. It gets its name when it is whole.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
