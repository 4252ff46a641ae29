//! The protobuf packages of Subledger, compiled. Nothing else lives here.
//!
//! [`common`] holds values that the API and the stored log share, [`log`] what is stored, [`api`] commands, queries and services.
#![allow(
    missing_docs,
    unused_qualifications,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

mod generated {
    pub mod common {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/subledger.common.v1.rs"));
        }
    }
    pub mod log {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/subledger.log.v1.rs"));
        }
    }
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/subledger.v1.rs"));
    }
}

pub use generated::{common::v1 as common, log::v1 as log, v1 as api};

/// The serialized file descriptor set, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors, decoded: what maps messages to and from JSON.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).unwrap_or_else(|error| unreachable!("compiled-in descriptors: {error}"))
});
