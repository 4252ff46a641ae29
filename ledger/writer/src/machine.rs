//! Placeholder.
use subledger_domain::{Command, command::Target};
use subledger_log::{Family, Layout, PartitionId};
/// The stream a command concerns and its partition; none for a command about every customer of a partition.
pub fn stream_of(layout: Layout, command: &Command) -> Option<(String, PartitionId)> {
    match command.target() {
        Target::Catalog => Some(("catalog".to_owned(), PartitionId::CATALOG)),
        Target::Partner(id) => Some((id.to_string(), layout.partition_of(Family::Partners, id.as_str()))),
        Target::Customer(id) => Some((id.to_string(), layout.partition_of(Family::Customers, id.as_str()))),
        Target::CustomersPartition => None,
    }
}
