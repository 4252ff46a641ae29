//! What the log proves, and what is made of it again: audits, looking back, erasure, backups, rebuilt read models.

mod audit;
mod audit_live;
mod diff;
mod erasure;
mod look_back;
mod projector;
mod rebuild;
mod restore;
