//! Ids that a spreadsheet took for numbers. Ids are strings (billing-details.md section 3): `566890604832738111` has more digits than the 15 that a
//! spreadsheet keeps, and comes back as `566890604832738000` or `5.66891E+17`; `007` comes back as `7`.

use std::collections::BTreeMap;

use super::Line;

/// Lines of each side that are kept to look for spoilt ids. What does not fit is told as missing on either side.
pub const MANGLED_LINES_MAX: usize = 20_000;
/// Ids of the ledger that are looked at for one of the file.
const CANDIDATES_MAX: usize = 64;
/// Digits that a spreadsheet shows of a large number: `5.66891E+17`.
const HEAD_DIGITS: usize = 6;
/// Digits that a spreadsheet keeps of a number.
const SPREADSHEET_DIGITS: usize = 15;

/// Whether `file` is what a spreadsheet makes of the id `ledger`.
pub(super) fn is_mangled(file: &str, ledger: &str) -> bool {
    if file == ledger || !is_number(ledger) {
        return false;
    }
    let Some((digits, exponent)) = number(file) else { return false };
    let Some((whole, size)) = number(ledger) else { return false };
    if size != exponent {
        return false;
    }
    // Rounded, or cut off, to the digits that are left.
    let kept = digits.len().min(SPREADSHEET_DIGITS);
    [kept, SPREADSHEET_DIGITS].iter().any(|kept| {
        let cut: String = whole.chars().take(*kept).collect();
        [Some(cut), rounded(&whole, *kept)].iter().flatten().any(|text| text.trim_end_matches('0') == digits)
    })
}

/// Whether a spreadsheet would take an id for a number: digits, perhaps with an exponent (`12e4`).
fn is_number(id: &str) -> bool {
    let mut parts = id.splitn(2, ['e', 'E']);
    parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The digits of a number without zeros at either end, and the power of ten of the first one. `5.66891E+17` is 566891 and 17.
fn number(text: &str) -> Option<(String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let zeros = all.bytes().take_while(|byte| *byte == b'0').count();
    let digits = all.get(zeros..)?.trim_end_matches('0').to_owned();
    let power = i64::try_from(whole.len()).ok()? - 1 - i64::try_from(zeros).ok()? + i64::from(exponent);
    if digits.is_empty() { None } else { Some((digits, power)) }
}

/// The first digits, half up; none if that makes one digit more.
fn rounded(digits: &str, kept: usize) -> Option<String> {
    let up = digits.as_bytes().get(kept).is_some_and(|next| *next >= b'5');
    let mut bytes: Vec<u8> = digits.bytes().take(kept).collect();
    if up {
        let place = bytes.iter().rposition(|byte| *byte != b'9')?;
        bytes[place] += 1;
        bytes[place + 1..].fill(b'0');
    }
    String::from_utf8(bytes).ok()
}

/// Subscriptions that stand on one side only, and whose ids are numbers.
#[derive(Default)]
pub(super) struct Mangled {
    file: Side,
    ledger: Side,
}

#[derive(Default)]
struct Side {
    groups: Vec<Vec<Line>>,
    lines: usize,
}

impl Side {
    /// Whether there is room.
    fn takes(&mut self, group: &[Line]) -> bool {
        self.lines += group.len();
        self.lines <= MANGLED_LINES_MAX
    }
}

impl Mangled {
    /// Keeps the lines of a subscription, or gives them back.
    pub(super) fn keep(&mut self, file: Vec<Line>, ledger: Vec<Line>) -> Option<(Vec<Line>, Vec<Line>)> {
        let side = match (file.first(), ledger.first()) {
            (Some(line), None) if number(&line.subscription).is_some() => &mut self.file,
            (None, Some(line)) if is_number(&line.subscription) => &mut self.ledger,
            _ => return Some((file, ledger)),
        };
        let group = if file.is_empty() { ledger } else { file };
        if side.takes(&group) {
            side.groups.push(group);
            return None;
        }
        let is_file = group.first().is_some_and(|line| line.row > 0);
        Some(if is_file { (group, Vec::new()) } else { (Vec::new(), group) })
    }

    /// Subscriptions that belong together, and those that are alone after all. Where several ids of the ledger come to one in the file, the one
    /// whose lines are most alike is meant, out of the first [`CANDIDATES_MAX`].
    pub(super) fn pairs(self) -> Vec<(Vec<Line>, Vec<Line>)> {
        let mut ledger: Vec<Option<Vec<Line>>> = self.ledger.groups.into_iter().map(Some).collect();
        let mut places: BTreeMap<Head, Vec<usize>> = BTreeMap::new();
        for (place, ours) in ledger.iter().enumerate() {
            let head = ours.iter().flatten().next().and_then(|line| head(&line.subscription));
            if let Some((head, _)) = head {
                places.entry(head).or_default().push(place);
            }
        }
        let mut pairs = Vec::new();
        let mut file = self.file.groups;
        // Those with more digits left can be meant for fewer others.
        file.sort_by_cached_key(|theirs| {
            let digits = theirs.first().and_then(|line| number(&line.subscription)).map(|(digits, _)| digits.len());
            std::cmp::Reverse(digits)
        });
        for theirs in file {
            let id = theirs.first().map_or("", |line| &line.subscription);
            let fits = |place: &&usize| {
                let ours = ledger[**place].as_ref().and_then(|ours| ours.first());
                ours.is_some_and(|line| is_mangled(id, &line.subscription))
            };
            let near = head(id).into_iter().flat_map(|((exponent, first), few)| {
                // Rounding up may have gone through the first digits; few digits say little.
                let lowest = if few { 0 } else { first.saturating_sub(1) };
                let highest = if few { u32::MAX } else { first };
                places.range((exponent, lowest)..=(exponent, highest)).flat_map(|(_, places)| places)
            });
            let candidates = near.filter(fits).take(CANDIDATES_MAX).copied();
            let likeness = |place: &usize| ledger[*place].as_ref().map(|ours| alike(&theirs, ours));
            let found = candidates.max_by_key(|place| (likeness(place), std::cmp::Reverse(*place)));
            pairs.push((theirs, found.and_then(|place| ledger[place].take()).unwrap_or_default()));
        }
        pairs.extend(ledger.into_iter().flatten().map(|ours| (Vec::new(), ours)));
        pairs
    }
}

/// The power of ten of a number, and its first [`HEAD_DIGITS`] digits.
type Head = (i64, u32);

/// The head of a number, and whether it has fewer digits than that.
fn head(id: &str) -> Option<(Head, bool)> {
    let (digits, exponent) = number(id)?;
    let first: String = digits.chars().chain(std::iter::repeat('0')).take(HEAD_DIGITS).collect();
    Some(((exponent, first.parse().ok()?), digits.len() < HEAD_DIGITS))
}

/// How many lines have the same days and money.
fn alike(theirs: &[Line], ours: &[Line]) -> usize {
    let same = |a: &Line, b: &Line| (a.charge_start, a.charge_end, a.total) == (b.charge_start, b.charge_end, b.total);
    theirs.iter().filter(|a| ours.iter().any(|b| same(a, b))).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_makes_of_an_id_is_recognised() {
        for (file, ledger) in [
            ("5.66890604832738E+17", "566890604832738111"),
            ("5.66891E+17", "566890604832738111"),
            ("566890604832738000", "566890604832738111"),
            ("566890604832739000", "566890604832738911"),
            ("7", "007"),
            ("1.2E+5", "12e4"),
            ("1.20E+05", "12E4"),
            ("120000", "12e4"),
        ] {
            assert!(is_mangled(file, ledger), "{file} {ledger}");
        }
        for (file, ledger) in [
            ("566890604832738111", "566890604832738111"),
            ("5.66891E+16", "566890604832738111"),
            ("5.66892E+17", "566890604832738111"),
            ("7", "70"),
            ("8", "007"),
            ("sub-7", "sub-007"),
            ("", "007"),
            ("0", "000"),
            ("5.66891E+99999999999", "566890604832738111"),
            ("1e5", "one"),
        ] {
            assert!(!is_mangled(file, ledger), "{file} {ledger}");
        }
    }
}
