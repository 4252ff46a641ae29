use std::collections::{BTreeMap, BTreeSet};

use subledger_log::codec::{command_from_json, decode_command};

use super::*;

fn args(seed: u64) -> Args {
    Args {
        customers: 60,
        seed,
        partners: Some(9),
        commands: Some(2_000),
        prefix: "g".into(),
        start: Some(times::instant("2018-01-01").unwrap()),
        days: 28,
    }
}

fn lines(args: &Args) -> Vec<String> {
    let mut out = Vec::new();
    write(args, &mut out).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    assert_eq!(lines(&args(1)), lines(&args(1)));
    assert_ne!(lines(&args(1)), lines(&args(2)));
}

#[test]
fn every_line_is_a_command_that_fits_its_fields() {
    let lines = lines(&args(1));
    assert_eq!(lines.len(), 2_000);
    let mut ids = BTreeSet::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut last = None;
    for line in &lines {
        let envelope =
            decode_command(command_from_json(line).unwrap()).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(ids.insert(envelope.command_id.clone()), "{line}");
        assert!(last <= envelope.effective_at, "time goes forward: {line}");
        last = envelope.effective_at;
        let kind = format!("{:?}", envelope.command).split('(').next().unwrap().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    assert!(last.unwrap() < times::instant("2018-01-29").unwrap());
    for kind in [
        "RegisterPartner",
        "CreateCustomer",
        "Purchase",
        "ChangeQuantity",
        "Suspend",
        "Reactivate",
        "SetAutoRenew",
        "RequestTransfer",
        "AcceptTransfer",
    ] {
        assert!(kinds.contains_key(kind), "no {kind} in {kinds:?}");
    }
    assert_eq!((kinds["RegisterPartner"], kinds["CreateCustomer"]), (9, 60));
}

#[test]
fn a_small_number_of_commands_still_founds_every_customer() {
    let few = Args { commands: Some(1), ..args(1) };
    assert_eq!(lines(&few).len(), 5 + 9 + 3 * 60);
}
