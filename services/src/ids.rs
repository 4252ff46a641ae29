//! Random ids, made once at the edge.

use uuid::Uuid;

/// A new random id.
#[expect(clippy::disallowed_methods, reason = "this is the edge: the only place that makes random ids")]
pub(crate) fn random() -> Uuid {
    Uuid::new_v4()
}

/// A name for one start of a writer, unique in the world.
pub(crate) fn writer() -> String {
    format!("{}-{}", std::process::id(), random().simple())
}
