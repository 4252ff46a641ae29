//! Bad input, bad clients, and what concurrent callers may be told; a short run of the simulation of faults.

mod bad_input;
mod linearizable;
mod simulated;
mod slow_clients;
