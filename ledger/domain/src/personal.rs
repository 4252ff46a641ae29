//! Personal values that cannot be read: what stands in their place, and that no decision rests on it.
//!
//! Names, addresses and contacts of a customer are stored encrypted (`ledger/log`), and can be erased. Every decision must come out again
//! without them, so the rules that look at such a value ([`crate::customer`]) let one pass that is withheld: it was checked when it came.

/// Stands for a value whose key was destroyed.
pub const ERASED: &str = "(erased)";
/// Stands for a value whose key is not at hand.
pub const SEALED: &str = "(sealed)";

/// Whether a text stands for a personal value.
pub fn is_withheld(text: &str) -> bool {
    text == ERASED || text == SEALED
}
