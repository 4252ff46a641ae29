//! Random numbers that can be had again: the seed is printed, and `SUBLEDGER_TEST_SEED` sets it.

/// splitmix64.
#[derive(Clone, Debug)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// With that seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// With the seed of the environment, or a fresh one.
    pub fn from_environment() -> Self {
        let given = std::env::var("SUBLEDGER_TEST_SEED").ok().and_then(|text| text.parse().ok());
        #[allow(clippy::cast_possible_truncation, reason = "any 64 bits are a seed")]
        Self::new(
            given
                .unwrap_or_else(|| uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, &process_entropy()).as_u128() as u64),
        )
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A place in something of `length` places.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }
}

fn process_entropy() -> Vec<u8> {
    let now = std::time::Instant::now();
    format!("{}-{now:?}", std::process::id()).into_bytes()
}

/// A number that a variable of the environment sets.
pub fn number_from_environment(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
