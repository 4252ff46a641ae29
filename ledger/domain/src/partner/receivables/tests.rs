//! What a user sees of payments, standing, withholding and credit notes.

mod credit_notes;
mod kit;
mod payments;
mod properties;
mod standing;
mod withholding;
