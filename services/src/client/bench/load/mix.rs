//! What is sent, and to whom.

use std::str::FromStr;

use crate::client::generate::Random;

/// What one call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A new subscription.
    Purchase,
    /// Another number of seats.
    Seats,
    /// A subscription by its id.
    Get,
    /// The same as it was at the end of a day.
    AsOf,
    /// 50 subscriptions of a partner.
    List,
}

impl Kind {
    /// All of them, in the order of their names' table.
    pub(super) const ALL: [Self; 5] = [Self::Purchase, Self::Seats, Self::Get, Self::AsOf, Self::List];

    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Seats => "seats",
            Self::Get => "get",
            Self::AsOf => "as-of",
            Self::List => "list",
        }
    }

    /// Whether it changes anything.
    pub(super) fn is_command(self) -> bool {
        matches!(self, Self::Purchase | Self::Seats)
    }
}

/// How often each kind is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mix(Vec<(Kind, usize)>);

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |part: &str| {
            let names = Kind::ALL.map(Kind::name).join(", ");
            format!("{part:?} is no share; one looks like purchase=1, and the names are {names}")
        };
        let share = |part: &str| -> Option<(Kind, usize)> {
            let (name, share) = part.trim().split_once('=')?;
            Some((Kind::ALL.into_iter().find(|kind| kind.name() == name)?, share.parse::<u16>().ok()?.into()))
        };
        let shares = text.split(',').map(|part| share(part).ok_or_else(|| wrong(part)));
        let shares: Vec<_> = shares.filter(|share| !matches!(share, Ok((_, 0)))).collect::<Result<_, _>>()?;
        if shares.is_empty() { Err("something must be sent".to_owned()) } else { Ok(Self(shares)) }
    }
}

impl std::fmt::Display for Mix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shares: Vec<_> = self.0.iter().map(|(kind, share)| format!("{}={share}", kind.name())).collect();
        f.write_str(&shares.join(","))
    }
}

impl Mix {
    /// The kinds in it.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.0.iter().map(|&(kind, _)| kind)
    }

    pub(super) fn pick(&self, random: &mut Random) -> Kind {
        let mut roll = random.below(self.0.iter().map(|(_, share)| share).sum());
        for &(kind, share) in &self.0 {
            if roll < share {
                return kind;
            }
            roll -= share;
        }
        Kind::Purchase
    }
}

/// Whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skew {
    /// Every customer as often as any other.
    Uniform,
    /// The nth customer n times less often than the first.
    Zipf,
    /// So many of a hundred calls go to one customer, the others to all.
    HotCustomer(u32),
    /// So many of a hundred calls go to the customers of one partner, the others to all.
    HotPartner(u32),
}

impl FromStr for Skew {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no skew; uniform, zipf, hot-customer and hot-partner are, the last two also as hot-customer:50, percent of all calls"
            )
        };
        let (name, percent) = match text.split_once(':') {
            Some((name, percent)) => {
                let percent = percent.parse().ok().filter(|percent| (1..=100).contains(percent));
                (name, Some(percent.ok_or_else(wrong)?))
            }
            None => (text, None),
        };
        match (name, percent) {
            ("uniform", None) => Ok(Self::Uniform),
            ("zipf", None) => Ok(Self::Zipf),
            ("hot-customer", percent) => Ok(Self::HotCustomer(percent.unwrap_or(100))),
            ("hot-partner", percent) => Ok(Self::HotPartner(percent.unwrap_or(100))),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Skew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::Zipf => f.write_str("zipf"),
            Self::HotCustomer(percent) => write!(f, "hot-customer:{percent}"),
            Self::HotPartner(percent) => write!(f, "hot-partner:{percent}"),
        }
    }
}

/// Draws customers.
#[derive(Clone, Debug)]
pub(super) struct Customers {
    skew: Skew,
    count: u32,
    partners: u32,
    /// Of Zipf's: up to where the customers up to here reach, of [`ZIPF_SCALE`] for the first.
    reach: Vec<u64>,
}

/// What the first customer of Zipf's gets; the nth gets an nth of it.
const ZIPF_SCALE: u64 = 1 << 32;

impl Customers {
    /// Of so many, which go to so many partners in turn.
    pub(super) fn new(skew: Skew, count: u32, partners: u32) -> Self {
        let mut reach = Vec::new();
        if skew == Skew::Zipf {
            let shares = (1..=u64::from(count)).scan(0, |sum, n| {
                *sum += ZIPF_SCALE / n;
                Some(*sum)
            });
            reach.extend(shares);
        }
        Self { skew, count, partners, reach }
    }

    pub(super) fn pick(&self, random: &mut Random) -> u32 {
        match self.skew {
            Skew::HotCustomer(percent) if random.percent(percent) => 0,
            Skew::HotPartner(percent) if random.percent(percent) => {
                self.below(random, self.count.div_ceil(self.partners)) * self.partners
            }
            Skew::Zipf => {
                let roll = random.next() % self.reach.last().copied().unwrap_or(1);
                let place = self.reach.partition_point(|&reach| reach <= roll);
                u32::try_from(place).unwrap_or(0)
            }
            _ => self.below(random, self.count),
        }
    }

    #[allow(clippy::unused_self, reason = "it reads as what it draws from")]
    fn below(&self, random: &mut Random, count: u32) -> u32 {
        random.between(0, count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_drawn_as_it_is_written() {
        let mix: Mix = "purchase=1,seats=3,list=0".parse().unwrap();
        assert_eq!(mix.to_string(), "purchase=1,seats=3");
        let mut random = Random::new(7);
        let seats = (0..4_000).filter(|_| mix.pick(&mut random) == Kind::Seats).count();
        assert!((2_900..3_100).contains(&seats), "{seats}");
        for wrong in ["", "buy=1", "purchase", "purchase=-1", "purchase=0"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn skews_reach_whom_they_name() {
        let mut random = Random::new(7);
        let mut drawn = |skew: &str, count| {
            let customers = Customers::new(skew.parse().unwrap(), count, 10);
            let mut times = vec![0_u32; count as usize];
            (0..10_000).for_each(|_| times[customers.pick(&mut random) as usize] += 1);
            times
        };
        let uniform = drawn("uniform", 10);
        assert!(uniform.iter().all(|times| (850..1_150).contains(times)), "{uniform:?}");
        let zipf = drawn("zipf", 4);
        // 12, 6, 4 and 3 of 25.
        assert!((4_600..5_000).contains(&zipf[0]) && (2_200..2_600).contains(&zipf[1]), "{zipf:?}");
        assert!((1_400..1_800).contains(&zipf[2]) && (1_000..1_400).contains(&zipf[3]), "{zipf:?}");
        assert_eq!(drawn("hot-customer", 30)[0], 10_000);
        assert!((5_000..5_600).contains(&drawn("hot-customer:50", 30)[0]));
        let partner = drawn("hot-partner", 30);
        assert_eq!(partner[0] + partner[10] + partner[20], 10_000);
        for wrong in ["", "zipf:3", "hot-customer:0", "hot-customer:101", "hot"] {
            assert!(wrong.parse::<Skew>().is_err(), "{wrong}");
        }
    }
}
