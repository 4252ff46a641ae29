//! The published procedures of the customer side, each as a story through gRPC (customers page section 1).

mod buying;
mod customers;
mod leaving;
mod people;
mod transfers;
