//! Signatures with the cryptography provider of TLS, through the interface with which TLS signs.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use mailbearer_wire::{DateTime, Secret};
use rustls::{
    Error as RustlsError, InconsistentKeys, SignatureScheme,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::{TlsError, tls};

/// The padding of an RSA signature with SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RsaPadding {
    /// PKCS#1 v1.5.
    Pkcs1,
    /// PSS, with a salt as long as the digest.
    Pss,
}

/// A private RSA key, and its certificate if there is one.
///
/// Only programs that make one link the code that signs.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<dyn rustls::sign::SigningKey>,
    padding: RsaPadding,
}

impl SigningKey {
    /// Takes the first key of a PEM text, in PKCS#8 or PKCS#1 form, unencrypted.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Key`] if there is no key, or if it is not an RSA key that can be used, and
    /// [`TlsError::Provider`] without a cryptography provider.
    pub fn from_pem(pem: &Secret, padding: RsaPadding) -> Result<Self, TlsError> {
        Self::load(
            PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).map_err(|_| TlsError::Key)?,
            padding,
        )
    }

    /// Does the same as [`from_pem`](Self::from_pem), from the DER form of the key alone.
    ///
    /// # Errors
    ///
    /// Fails as [`from_pem`](Self::from_pem) does.
    pub fn from_der(der: &Secret<Vec<u8>>, padding: RsaPadding) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::try_from(der.expose().as_slice()).map_err(|_| TlsError::Key)?;
        Self::load(key.clone_key(), padding)
    }

    fn load(key: PrivateKeyDer<'static>, padding: RsaPadding) -> Result<Self, TlsError> {
        let key = tls::provider()?.key_provider.load_private_key(key).map_err(|_| TlsError::Key)?;
        let key = Self { key, padding };
        // A key of another kind does not support this scheme.
        key.signer().map(|_| key.clone())
    }

    /// Signs octets.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Key`] if the key can't sign.
    pub fn sign(&self, octets: &[u8]) -> Result<Vec<u8>, TlsError> {
        self.signer()?.sign(octets).map_err(|_| TlsError::Key)
    }

    /// Returns its padding.
    #[must_use]
    pub const fn padding(&self) -> RsaPadding {
        self.padding
    }

    fn signer(&self) -> Result<Box<dyn rustls::sign::Signer>, TlsError> {
        let scheme = match self.padding {
            RsaPadding::Pkcs1 => SignatureScheme::RSA_PKCS1_SHA256,
            RsaPadding::Pss => SignatureScheme::RSA_PSS_SHA256,
        };
        self.key.choose_scheme(&[scheme]).ok_or(TlsError::Key)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("padding", &self.padding).finish_non_exhaustive()
    }
}

/// The certificate of a [`SigningKey`], and those of its issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCertificate {
    chain: Vec<CertificateDer<'static>>,
}

impl SigningCertificate {
    /// Takes the certificates of a PEM text, that of the key first. Ignores everything else in the text.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Pem`] if the text has no certificate, or is not PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::new(chain.map_err(|_| TlsError::Pem)?)
    }

    /// Does the same as [`from_pem`](Self::from_pem), from DER: one vector for each certificate.
    ///
    /// # Errors
    ///
    /// Fails as [`from_pem`](Self::from_pem) does.
    pub fn from_der(chain: Vec<Vec<u8>>) -> Result<Self, TlsError> {
        Self::new(chain.into_iter().map(CertificateDer::from).collect())
    }

    fn new(chain: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        if chain.is_empty() { Err(TlsError::Pem) } else { Ok(Self { chain }) }
    }

    /// Checks that it belongs to `key`.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::KeyMismatch`] if it does not, and [`TlsError::Pem`] if it is not a certificate.
    pub fn check(&self, key: &SigningKey) -> Result<(), TlsError> {
        match CertifiedKey::new(self.chain.clone(), Arc::clone(&key.key)).keys_match() {
            Ok(()) => Ok(()),
            Err(RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(TlsError::KeyMismatch),
            Err(_) => Err(TlsError::Pem),
        }
    }

    /// Returns the SHA-256 digest of its DER form.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Provider`] without a cryptography provider.
    pub fn sha256(&self) -> Result<[u8; 32], TlsError> {
        tls::sha256(&tls::provider()?, self.der())
    }

    /// Returns the SHA-1 digest of its DER form. Some servers know certificates by it; it proves nothing.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::Provider`] without a cryptography provider.
    pub fn sha1(&self) -> Result<[u8; 20], TlsError> {
        sha1(self.der())
    }

    /// Iterates over its DER form, and those of its issuers.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        self.chain.iter().map(AsRef::as_ref)
    }

    /// Returns when it expires. `None` if that can't be read.
    #[must_use]
    pub fn not_after(&self) -> Option<SystemTime> {
        not_after(self.der())
    }

    fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[], AsRef::as_ref)
    }
}

fn sha1(octets: &[u8]) -> Result<[u8; 20], TlsError> {
    #[cfg(feature = "aws-lc-rs")]
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, octets);
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, octets);
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    return digest.as_ref().try_into().map_err(|_| TlsError::Provider);
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    {
        let _ = octets;
        Err(TlsError::Provider)
    }
}

/// `Certificate → tbsCertificate → validity → notAfter` (RFC 5280 section 4.1).
fn not_after(certificate: &[u8]) -> Option<SystemTime> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, behind)) = element(rest, VERSION) {
        rest = behind;
    }
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        (_, rest) = element(rest, tag)?;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, rest) = time(validity)?;
    time(rest).map(|(time, _)| time)
}

/// `Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }`, in the one form of each that DER allows.
fn time(der: &[u8]) -> Option<(SystemTime, &[u8])> {
    let (text, rest, digits_of_year) = match (element(der, UTC_TIME), element(der, GENERALIZED_TIME)) {
        (Some((text, rest)), _) => (text, rest, 2),
        (_, Some((text, rest))) => (text, rest, 4),
        _ => return None,
    };
    let text = str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let (year, text) = text.split_at_checked(digits_of_year)?;
    let year: u16 = year.parse().ok()?;
    let year = match year {
        _ if digits_of_year == 4 => year,
        0..50 => year.checked_add(2000)?,
        _ => year.checked_add(1900)?,
    };
    let part = |at: usize| text.get(at..at.checked_add(2)?)?.parse::<u8>().ok();
    let date = mailbearer_wire::Date::new(year, part(0)?, part(2)?).ok()?;
    let moment = DateTime::at(date, (part(4)?, part(6)?, part(8)?), 0).ok()?;
    let seconds = u64::try_from(moment.unix_seconds()).ok()?;
    (text.len() == 10).then_some(())?;
    Some((UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?, rest))
}

/// Returns the contents of the element at the start of `der`, if it has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first().filter(|(first, _)| **first == tag)?;
    debug_assert_eq!(first, tag);
    let (&length, rest) = rest.split_first()?;
    if length < 0x80 {
        return rest.split_at_checked(length.into());
    }
    // No certificate is longer than four octets of length can say.
    let count = usize::from(length & 0x7f);
    let (octets, rest) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
    let length = octets.iter().fold(0_u64, |length, &octet| length << 8 | u64::from(octet));
    rest.split_at_checked(usize::try_from(length).ok()?)
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`, which certificates of version 1 lack.
const VERSION: u8 = 0xa0;

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS8: &str = include_str!("../../../tests/fixtures/keys/rsa-pkcs8.pem");
    const PKCS1: &str = include_str!("../../../tests/fixtures/keys/rsa-pkcs1.pem");
    const EC: &str = include_str!("../../../tests/fixtures/keys/ec-pkcs8.pem");
    const CERTIFICATE: &[u8] = include_bytes!("../../../tests/fixtures/keys/rsa.crt");
    const OTHER: &[u8] = include_bytes!("../../../tests/fixtures/keys/other.crt");

    /// The verifier of TLS checks our signatures.
    #[test]
    fn both_forms_of_a_key_sign_in_both_ways() {
        let certificate = SigningCertificate::from_pem(CERTIFICATE).unwrap();
        let verifier = tls::provider().unwrap().signature_verification_algorithms;
        let der = CertificateDer::from(certificate.der());
        let certified = webpki::EndEntityCert::try_from(&der).unwrap();
        for pem in [PKCS8, PKCS1] {
            for (padding, scheme) in [
                (RsaPadding::Pkcs1, SignatureScheme::RSA_PKCS1_SHA256),
                (RsaPadding::Pss, SignatureScheme::RSA_PSS_SHA256),
            ] {
                let key = SigningKey::from_pem(&pem.into(), padding).unwrap();
                certificate.check(&key).unwrap();
                let signature = key.sign(b"octets").unwrap();
                let of_scheme = verifier.mapping.iter().find(|(known, _)| *known == scheme).unwrap();
                let verified = |octets| {
                    of_scheme
                        .1
                        .iter()
                        .any(|algorithm| certified.verify_signature(*algorithm, octets, &signature).is_ok())
                };
                assert!(verified(b"octets") && !verified(b"others"), "{padding:?}");
                assert!(!format!("{key:?}").contains("PRIVATE"));
            }
        }
    }

    #[test]
    fn refuses_what_can_not_sign() {
        let rows = [
            ("EC", EC),
            ("certificate", str::from_utf8(CERTIFICATE).unwrap()),
            ("nothing", ""),
            ("garbage", "garbage"),
        ];
        for (name, pem) in rows {
            let found = SigningKey::from_pem(&pem.into(), RsaPadding::Pss);
            assert!(matches!(found, Err(TlsError::Key)), "{name}: {found:?}");
        }
        let key = SigningKey::from_pem(&PKCS8.into(), RsaPadding::Pss).unwrap();
        let other = SigningCertificate::from_pem(OTHER).unwrap();
        assert!(matches!(other.check(&key), Err(TlsError::KeyMismatch)));
        assert!(matches!(SigningCertificate::from_pem(PKCS8.as_bytes()), Err(TlsError::Pem)));
        let garbage = SigningCertificate::from_der(vec![b"garbage".to_vec()]).unwrap();
        assert!(matches!(garbage.check(&key), Err(TlsError::Pem)));
        assert_eq!(garbage.not_after(), None);
    }

    /// Expected values are from `openssl x509 -fingerprint` and `-enddate`.
    #[test]
    fn names_a_certificate() {
        // Certificates may be in the file of the key.
        let both = [PKCS8.as_bytes(), CERTIFICATE].concat();
        let certificate = SigningCertificate::from_pem(&both).unwrap();
        let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02X}")).collect::<String>();
        assert_eq!(hex(&certificate.sha1().unwrap()), "AC88F7C190874B9DBC22E3998F798732317FD50A");
        assert_eq!(
            hex(&certificate.sha256().unwrap()),
            "5E21A7E2CA739FA9BACE338FED749192971E0BDAEDBA13A5BF27793656CEA88E"
        );
        let end = certificate.not_after().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
        assert_eq!(end, 4_949_313_888);
    }

    #[test]
    fn reads_both_forms_of_times() {
        let rows: &[(&[u8], Option<u64>)] = &[
            (b"\x17\x0d700101000001Z", Some(1)),
            (b"\x17\x0d491231235959Z", Some(2_524_607_999)),
            (b"\x18\x0f20500101000000Z", Some(2_524_608_000)),
            (b"\x17\x0d500101000000Z", None),
            (b"\x17\x0d701301000000Z", None),
            (b"\x17\x0b7001010000Z", None),
            (b"\x18\x1320500101000000.00Z", None),
            (b"\x17\x0d70010100000+Z", None),
            (b"\x17\x0d7001010000", None),
            (b"\x17", None),
            (b"\x04\x00", None),
        ];
        for (der, want) in rows {
            let found = time(der).map(|(time, _)| time.duration_since(UNIX_EPOCH).unwrap().as_secs());
            assert_eq!(found, *want, "{der:?}");
        }
        assert_eq!(element(b"\x30\x84\xff\xff\xff\xff", SEQUENCE), None);
        assert_eq!(element(b"\x30\x85\0\0\0\0\0", SEQUENCE), None);
        assert_eq!(element(b"\x30\x80", SEQUENCE), None);
    }
}
