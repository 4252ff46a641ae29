//! Evidence: the documents that prove a claim. The ledger keeps what a document is and its hash, never the document itself.

use serde::{Deserialize, Serialize};

use crate::{Rejection, check, ids::DocumentId};

/// What a document is (billing-details.md 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// A third party's invoice (L9230).
    Invoice,
    /// A Certification Statement and Report, for work done in house (L9231).
    CertificationStatement,
    /// Proof of execution (L9232).
    ProofOfExecution,
    /// The numbers that an activity's results are measured by.
    Metric,
    /// Anything else that helps.
    Other,
}

impl EvidenceKind {
    /// As messages and lists name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Invoice => "invoice",
            Self::CertificationStatement => "certification statement",
            Self::ProofOfExecution => "proof of execution",
            Self::Metric => "metric",
            Self::Other => "other",
        }
    }
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Unique within what it is evidence of.
    pub document_id: DocumentId,
    /// What it is.
    pub kind: EvidenceKind,
    /// Which of the proofs that an activity asks for it is, as the catalogue of activities names them.
    pub proof: Option<String>,
    /// Its file name.
    pub name: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// What it shows; may be empty.
    pub note: String,
}

/// A document has a name and a hash.
pub(crate) fn check(at: &str, document: &Evidence) -> Result<(), Rejection> {
    check::required(&format!("{at}.name"), &document.name)?;
    check::sha256(&format!("{at}.sha256"), &document.sha256)?;
    check::optional(&format!("{at}.note"), &document.note)
}
