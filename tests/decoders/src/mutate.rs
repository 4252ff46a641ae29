//! Bytes that were good once, changed by chance: fuzzing for who has no other compiler, and a short run of it in the suite. It does not
//! see which code is reached, so it finds less than `tests/fuzz`.

/// Changes of one input at most.
const CHANGES_MAX: usize = 6;
/// Longest piece that is repeated or taken out, in bytes.
const PIECE_MAX: usize = 48;
/// What breaks numbers, lengths, times and texts.
const ODD: [&[u8]; 16] = [
    b"\xff\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x00",
    b"\x80",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e308",
    b"0.00000000000000000000000000001",
    b"79228162514264337593543950335",
    b"9999-12-31",
    b"-262144-01-01",
    b"0000-02-30",
    "\u{feff}".as_bytes(),
    "\u{202e}e\u{301}".as_bytes(),
    b"\"\r\n,;\t\"",
    b"\n\n",
];

/// Inputs from seeds; the same for the same number.
pub struct Mutations {
    seeds: Vec<Vec<u8>>,
    state: u64,
}

impl Mutations {
    /// From these seeds.
    pub fn new(seeds: Vec<Vec<u8>>, number: u64) -> Self {
        Self { seeds, state: number }
    }

    /// splitmix64.
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    fn seed(&mut self) -> Vec<u8> {
        let place = self.below(self.seeds.len());
        self.seeds.get(place).cloned().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = bytes.len().min(at + 1 + self.below(PIECE_MAX));
        match self.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = u8::try_from(self.below(256)).unwrap_or(0),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let (piece, to) = (bytes[at..end].to_vec(), self.below(bytes.len()));
                drop(bytes.splice(to..to, piece));
            }
            5 => {
                // The end of another one.
                let other = self.seed();
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 => {
                let odd = ODD[self.below(ODD.len())];
                drop(bytes.splice(at..end, odd.iter().copied()));
            }
            _ => {
                let odd = ODD[self.below(ODD.len())];
                drop(bytes.splice(at..at, odd.iter().copied()));
            }
        }
    }
}

impl Iterator for Mutations {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut bytes);
        }
        Some(bytes)
    }
}
