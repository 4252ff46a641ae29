//! Compiles the protobuf files without protoc.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: &[&str] = &[
    "subledger/common/v1/common.proto",
    "subledger/log/v1/log.proto",
    "subledger/v1/commands.proto",
    "subledger/v1/command_service.proto",
    "subledger/v1/catalog_service.proto",
    "subledger/v1/changes.proto",
    "subledger/v1/customer_service.proto",
    "subledger/v1/billing_service.proto",
    "subledger/v1/incentive_service.proto",
    "subledger/v1/claim_service.proto",
    "subledger/v1/audit_service.proto",
    "subledger/v1/admin_service.proto",
    "subledger/v1/access_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=subledger");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let services = env::var_os("CARGO_FEATURE_GRPC").is_some();
    tonic_prost_build::configure()
        .build_server(services)
        .build_client(services)
        .bytes(".subledger.log.v1.Commit.command")
        .bytes(".subledger.v1.Record.stored")
        .bytes(".subledger.v1.Record.personal")
        .compile_fds(descriptors)?;
    Ok(())
}
