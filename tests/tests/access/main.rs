//! Who calls, and what they may do and see.

mod end_to_end;
mod identity;
mod matrix;
mod rotation;
mod scopes;
mod stories;
mod tenants;
