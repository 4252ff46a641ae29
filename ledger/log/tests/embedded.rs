//! The embedded log: the conformance suite, and what only a directory on a disk can go through.

#![allow(clippy::unwrap_used, reason = "tests")]

mod embedded {
    pub(crate) mod conforms;
    pub(crate) mod crash;
    pub(crate) mod damage;
    pub(crate) mod failing_sync;
    pub(crate) mod full_disk;
    pub(crate) mod journal;
    pub(crate) mod memory;
    pub(crate) mod together;
    pub(crate) mod tools;
    pub(crate) mod volumes;
}
