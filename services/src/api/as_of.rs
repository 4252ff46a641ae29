//! Questions that look back: the API's form, checked.

use subledger_fold::as_of::{AsOf, RecordedBy};
use subledger_log::{
    Layout,
    codec::{FieldError, Wire},
};
use subledger_proto::common as pbc;
use tonic::Status;

use super::{errors, position};

/// Checks a field of a request that looks back; absent looks at everything.
pub(crate) fn as_of(name: &'static str, wire: Option<pbc::AsOf>, layout: Layout) -> Result<AsOf, Status> {
    let Some(wire) = wire else { return Ok(AsOf::default()) };
    let within =
        |field: &'static str| move |error: FieldError| errors::invalid_field(&error.within(field).within(name));
    let recorded = match (wire.recorded_at, wire.recorded_positions.as_slice()) {
        (None, []) => None,
        (Some(at), []) => Some(RecordedBy::Instant(Wire::from_wire(at).map_err(within("recorded_at"))?)),
        (None, positions) => {
            Some(RecordedBy::Positions(position::positions(&format!("{name}.recorded_positions"), positions, layout)?))
        }
        (Some(_), _) => {
            let what = "is given beside recorded_positions; only one of them is accepted";
            return Err(errors::field_status("INVALID_VALUE", &format!("{name}.recorded_at"), what));
        }
    };
    let effective = Wire::from_wire(wire.effective_on).map_err(within("effective_on"))?;
    Ok(AsOf { effective, recorded })
}
