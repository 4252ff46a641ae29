//! A caller: its name, and what else the token or the certificate says of it.

use std::{net::SocketAddr, sync::Arc};

use serde_json::{Map, Value};

use super::Principal;
use crate::config::IdentityConfig;

/// What kind of caller it is. The security rules tell them apart (reports-partners-security.md 2.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A person.
    User,
    /// An application for itself: a token without scopes, or a certificate.
    Application,
    /// An application for a person who is signed in.
    ApplicationAndUser,
    /// An application of a control panel vendor; it acts for people of partners only (L19304).
    Vendor,
}

impl Kind {
    /// As records and answers name it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Application => "app",
            Self::ApplicationAndUser => "app_and_user",
            Self::Vendor => "vendor",
        }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// As commits name it.
    pub(crate) principal: Principal,
    /// What it is.
    pub(crate) kind: Kind,
    /// The application that calls, if a token names one.
    pub(crate) application: Option<Arc<str>>,
    /// A second factor was shown at the sign-in.
    pub(crate) second_factor: bool,
    /// When its token ends, in seconds since 1970, with what clocks may differ.
    pub(crate) expires_at: Option<u64>,
    /// Where the call came from.
    pub(crate) from: Option<SocketAddr>,
    /// A gateway of this ledger says who calls it, and has judged the call.
    pub(crate) is_forwarded: bool,
    /// It is a process of this ledger itself.
    pub(crate) is_own: bool,
}

/// Names of the claims; each is a setting.
#[derive(Clone, Debug)]
pub(super) struct ClaimNames {
    application: Vec<String>,
    scopes: Vec<String>,
    methods: String,
    second_factor: Vec<String>,
    vendors: Vec<String>,
}

impl ClaimNames {
    pub(super) fn of(config: &IdentityConfig) -> Self {
        Self {
            application: config.application_claims.clone(),
            scopes: config.scope_claims.clone(),
            methods: config.methods_claim.clone(),
            second_factor: config.second_factors.clone(),
            vendors: config.vendor_applications.clone(),
        }
    }

    /// Reads what a checked token says. An application acts for itself if the token has no scopes, or is about itself.
    pub(super) fn read(&self, principal: Principal, subject: &str, claims: &Map<String, Value>) -> Caller {
        let text = |name: &String| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let application = self.application.iter().find_map(text);
        let has_scopes = self.scopes.iter().any(|name| match claims.get(name) {
            Some(Value::String(scopes)) => !scopes.trim().is_empty(),
            Some(Value::Array(scopes)) => !scopes.is_empty(),
            _ => false,
        });
        let kind = match application {
            None => Kind::User,
            Some(_) if !has_scopes => Kind::Application,
            Some(application) if application == subject => Kind::Application,
            Some(application) if self.vendors.iter().any(|vendor| vendor == application) => Kind::Vendor,
            Some(_) => Kind::ApplicationAndUser,
        };
        let methods: Vec<_> = match claims.get(&self.methods) {
            Some(Value::Array(methods)) => methods.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(methods)) => methods.split_whitespace().collect(),
            _ => Vec::new(),
        };
        Caller {
            principal,
            kind,
            second_factor: self.second_factor.iter().any(|factor| methods.contains(&factor.as_str())),
            application: application.map(Into::into),
            expires_at: claims.get("exp").and_then(Value::as_u64),
            from: None,
            is_forwarded: false,
            is_own: false,
        }
    }

    /// Whether an application is one of a control panel vendor.
    pub(super) fn is_vendor(&self, application: &str) -> bool {
        self.vendors.iter().any(|vendor| vendor == application)
    }
}

impl Caller {
    /// A caller that shows a certificate is an application for itself.
    pub(super) fn with_certificate(principal: Principal) -> Self {
        Self {
            principal,
            kind: Kind::Application,
            application: None,
            second_factor: false,
            expires_at: None,
            from: None,
            is_forwarded: false,
            is_own: false,
        }
    }

    /// The caller that a gateway names.
    pub(super) fn forwarded(principal: Principal) -> Self {
        Self { is_forwarded: true, ..Self::with_certificate(principal) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Caller {
        let config = IdentityConfig { vendor_applications: vec!["panel".into()], ..IdentityConfig::default() };
        let principal = Principal::new("oidc", "ada").unwrap();
        ClaimNames::of(&config).read(principal, "ada", claims.as_object().unwrap())
    }

    #[test]
    fn claims_tell_people_applications_and_vendors_apart() {
        let cases = [
            (json!({}), Kind::User),
            (json!({ "scp": "read" }), Kind::User),
            (json!({ "azp": "erp" }), Kind::Application),
            (json!({ "appid": "erp", "roles": ["writer"] }), Kind::Application),
            (json!({ "azp": "erp", "scp": "" }), Kind::Application),
            (json!({ "azp": "ada", "scope": "read" }), Kind::Application),
            (json!({ "azp": "erp", "scp": "user_impersonation" }), Kind::ApplicationAndUser),
            (json!({ "appid": "panel", "scp": "user_impersonation" }), Kind::Vendor),
            (json!({ "appid": "panel" }), Kind::Application),
        ];
        for (claims, kind) in cases {
            assert_eq!(read(&claims).kind, kind, "{claims}");
        }
    }

    /// Worked example 14: `["pwd", "mfa"]` is enough, and no list without `mfa` is.
    #[test]
    fn a_second_factor_is_one_only_if_the_provider_says_so() {
        assert!(read(&json!({ "amr": ["pwd", "mfa"] })).second_factor);
        for claims in
            [json!({}), json!({ "amr": [] }), json!({ "amr": ["pwd"] }), json!({ "amr": "mfax" }), json!({ "amr": 1 })]
        {
            assert!(!read(&claims).second_factor, "{claims}");
        }
    }
}
