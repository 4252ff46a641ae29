//! What callers meet: the command line, gRPC and gRPC-web, deployment, and the whole way of a command.

mod command_line;
mod compose;
mod grpc_web;
mod spine;
mod surface;
