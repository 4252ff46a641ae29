//! The name in a client's certificate. Its signature and its days were checked by the handshake.

use tonic::Status;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Principal, refused};

/// The first URI among the alternative names (SPIFFE), else the first DNS name, else the common name.
pub(super) fn principal(certificate: &[u8]) -> Result<Principal, Status> {
    let invalid = |what: &str| refused("CERTIFICATE_INVALID", what);
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| invalid("the client's certificate cannot be read"))?;
    let alternatives = certificate
        .subject_alternative_name()
        .map_err(|_| invalid("the alternative names of the client's certificate cannot be read"))?;
    let names = alternatives.iter().flat_map(|extension| &extension.value.general_names);
    let uri = names.clone().find_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let dns = names.clone().find_map(|name| if let GeneralName::DNSName(dns) = name { Some(*dns) } else { None });
    let common = certificate.subject().iter_common_name().find_map(|name| name.as_str().ok());
    match uri.or(dns).or(common) {
        Some(name) => Principal::new("mtls", name),
        None => Err(invalid("the client's certificate names nobody: no URI, DNS name or common name")),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn named(common: Option<&str>, alternatives: &[SanType]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(common) = common {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        params.subject_alt_names = alternatives.to_vec();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_uri_goes_before_a_dns_name_and_that_before_the_common_name() {
        let uri = SanType::URI("spiffe://example.org/billing".try_into().unwrap());
        let dns = SanType::DnsName("billing.example.org".try_into().unwrap());
        let name =
            |common, alternatives: &[SanType]| principal(&named(common, alternatives)).unwrap().as_str().to_owned();
        assert_eq!(name(Some("billing"), &[]), "mtls:billing");
        assert_eq!(name(Some("billing"), std::slice::from_ref(&dns)), "mtls:billing.example.org");
        assert_eq!(name(None, &[dns, uri]), "mtls:spiffe://example.org/billing");
    }

    #[test]
    fn who_names_nobody_is_nobody() {
        assert!(principal(&named(None, &[])).unwrap_err().message().contains("names nobody"));
        assert!(principal(b"no certificate").unwrap_err().message().contains("cannot be read"));
        let long = "x".repeat(300);
        assert!(principal(&named(Some(&long), &[])).unwrap_err().message().contains("200 bytes"));
    }
}
