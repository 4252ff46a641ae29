//! Membership offers: bought for a year, renewed in a window after it, lost without (accounts page section 2.5).
//!
//! The anniversary A decides: the window is A + 1 to A + 30, reminders go out on A - 15 and A + 23, the next anniversary is A + 365,
//! whenever it was paid (L3720-3722). An action pack renews by itself once it was renewed by hand, on the first day of the window
//! (L3663, ambiguity A3). All days are business days of the ledger, UTC.

mod decide;
mod review;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Event, calendar,
    event::{MembershipPurchased, MembershipRenewed},
    ids::MembershipId,
    money::Currency,
};

pub(super) use decide::{activate, cancel, purchase, renew, set_renewal};
pub(super) use review::review;

/// Days of a year of membership, in leap years too (L3722).
const YEAR_DAYS: u32 = 365;
/// Last day of the window after the anniversary.
const WINDOW_DAYS: u32 = 30;
/// The first reminder before the anniversary.
const FIRST_REMINDER_DAYS: u64 = 15;
/// The second reminder after it.
const SECOND_REMINDER_DAYS: u32 = 23;
/// Days after a purchase in which the money is given back (L3952).
const REFUND_DAYS: u32 = 30;
/// From a payment to its invoice (L4419).
const INVOICE_DAYS: u32 = 10;
/// The first and last anniversary of competencies that may be paid late, and the last day of that (L3726-3729).
const EXEMPT: [NaiveDate; 2] = [first_day(2020, 1, 1), first_day(2020, 6, 30)];

const fn first_day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// What can be bought (L3624).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MembershipOffer {
    /// Microsoft Action Pack.
    ActionPack,
    /// A silver competency.
    SilverCompetency,
    /// A gold competency.
    GoldCompetency,
}

/// How it is paid (L3653).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MembershipPayment {
    /// Charged at once.
    CreditCard,
    /// Needs a contact (L3660).
    BankTransfer,
}

/// Which reminder (L3720).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MembershipReminder {
    /// 15 days before the anniversary.
    BeforeAnniversary,
    /// 23 days after it.
    BeforeClose,
}

/// Groups of benefits (L3872-3926).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Benefit {
    /// Keys of software; once revealed, no money is given back (L3954).
    Software,
    /// Cloud services.
    CloudService,
    /// Visual Studio subscriptions.
    VisualStudio,
    /// Technical benefits.
    Technical,
    /// Go-To-Market benefits.
    GoToMarket,
}

impl Benefit {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::CloudService => "cloud_service",
            Self::VisualStudio => "visual_studio",
            Self::Technical => "technical",
            Self::GoToMarket => "go_to_market",
        }
    }
}

/// What becomes of a membership that both companies of a merge have (L7193-7194).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipResolution {
    /// Which offer counts.
    pub offer: MembershipOffer,
    /// Which membership counts.
    pub kept: MembershipId,
    /// Which one keeps its benefits up to its anniversary and is not renewed.
    pub dropped: MembershipId,
    /// The anniversary that counts.
    pub anniversary: NaiveDate,
}

/// Where a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MembershipStanding {
    /// Its year goes on.
    Active,
    /// Its anniversary is over, and it can be renewed; benefits go on (L3720).
    RenewalWindow,
    /// It was not renewed.
    Lapsed,
    /// It was cancelled.
    Cancelled,
}

impl MembershipStanding {
    /// The name, as lists have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::RenewalWindow => "renewal_window",
            Self::Lapsed => "lapsed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A membership that was bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// What.
    pub offer: MembershipOffer,
    /// Area of a competency.
    pub competency: String,
    /// The day of the purchase.
    pub purchased_on: NaiveDate,
    /// The day of the last payment.
    pub paid_on: NaiveDate,
    /// What was paid last.
    pub amount: Decimal,
    /// Of the amount.
    pub currency: Currency,
    /// The day after which it can be renewed.
    pub anniversary: NaiveDate,
    /// Whether it renews by itself.
    pub auto_renew: bool,
    /// Benefits that were activated.
    pub activated: BTreeSet<Benefit>,
    /// Whether another membership of the company counts since a merge.
    pub dropped: bool,
    /// Whether it was cancelled, and with the money back.
    pub cancelled: Option<bool>,
    lapsed: bool,
    /// The last reminder for this anniversary.
    reminded: Option<MembershipReminder>,
}

impl From<&MembershipPurchased> for Membership {
    fn from(e: &MembershipPurchased) -> Self {
        Self {
            offer: e.offer,
            competency: e.competency.clone(),
            purchased_on: e.purchased_on,
            paid_on: e.purchased_on,
            amount: e.amount,
            currency: e.currency,
            anniversary: e.anniversary,
            auto_renew: false,
            activated: BTreeSet::new(),
            dropped: false,
            cancelled: None,
            lapsed: false,
            reminded: None,
        }
    }
}

impl Membership {
    /// First day of the renewal window.
    pub fn window_opens(&self) -> NaiveDate {
        calendar::add_days(self.anniversary, 1)
    }

    /// Its last day.
    pub fn window_closes(&self) -> NaiveDate {
        calendar::add_days(self.anniversary, WINDOW_DAYS)
    }

    /// First day on which the invoice of the last payment can be had.
    pub fn invoice_from(&self) -> NaiveDate {
        calendar::add_days(self.paid_on, INVOICE_DAYS)
    }

    /// The anniversary after this one.
    fn next_anniversary(&self) -> NaiveDate {
        calendar::add_days(self.anniversary, YEAR_DAYS)
    }

    /// Where it stands on a day, whether or not a review looked at that day yet.
    pub fn standing(&self, on: NaiveDate) -> MembershipStanding {
        match () {
            () if self.cancelled.is_some() => MembershipStanding::Cancelled,
            () if self.lapsed || on > self.window_closes() => MembershipStanding::Lapsed,
            () if on >= self.window_opens() => MembershipStanding::RenewalWindow,
            () => MembershipStanding::Active,
        }
    }

    fn is_open(&self, on: NaiveDate) -> bool {
        matches!(self.standing(on), MembershipStanding::Active | MembershipStanding::RenewalWindow)
    }

    /// Whether the rule of spring 2020 lets a lapsed competency be paid late (L3726-3741).
    fn is_exempt(&self, on: NaiveDate) -> bool {
        let [first, last] = EXEMPT;
        self.offer != MembershipOffer::ActionPack && (first..=last).contains(&self.anniversary) && on <= last
    }

    fn renewed(&mut self, e: &MembershipRenewed) {
        (self.anniversary, self.paid_on, self.amount, self.currency) = (e.anniversary, e.paid_on, e.amount, e.currency);
        (self.lapsed, self.reminded) = (false, None);
        // Only an action pack renews by itself (L3663), and a renewal turns it on again (L3672).
        self.auto_renew = self.offer == MembershipOffer::ActionPack;
    }

    /// The first day on which a review has something to say.
    fn next_due(&self) -> Option<NaiveDate> {
        if self.cancelled.is_some() || self.lapsed {
            return None;
        }
        let first = self.anniversary.checked_sub_days(Days::new(FIRST_REMINDER_DAYS))?;
        let second = calendar::add_days(self.anniversary, SECOND_REMINDER_DAYS);
        let lapse = calendar::add_days(self.anniversary, WINDOW_DAYS + 1);
        let renewal = (self.auto_renew && !self.dropped).then(|| self.window_opens());
        let reminder = match self.reminded {
            _ if self.dropped => None,
            None => Some(first),
            Some(MembershipReminder::BeforeAnniversary) => Some(second),
            Some(MembershipReminder::BeforeClose) => None,
        };
        reminder.into_iter().chain(renewal).chain([lapse]).min()
    }
}

/// The memberships of a partner; ended ones stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memberships(BTreeMap<MembershipId, Membership>);

impl Memberships {
    /// Every membership, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&MembershipId, &Membership)> {
        self.0.iter()
    }

    /// The first day on which [`ReviewMemberships`](crate::command::ReviewMemberships) has something to decide.
    pub fn next_due(&self) -> Option<NaiveDate> {
        self.0.values().filter_map(Membership::next_due).min()
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::MembershipPurchased(e) => {
                self.0.insert(e.membership_id.clone(), Membership::from(e));
            }
            Event::MembershipRenewed(e) => self.change(&e.membership_id, |known| known.renewed(e)),
            Event::MembershipRenewalStopped(e) => self.change(&e.membership_id, |known| known.auto_renew = false),
            Event::MembershipCancelled(e) => self.change(&e.membership_id, |known| known.cancelled = Some(e.refunded)),
            Event::BenefitActivated(e) => self.change(&e.membership_id, |known| {
                known.activated.insert(e.benefit);
            }),
            Event::MembershipReminded(e) => self.change(&e.membership_id, |known| known.reminded = Some(e.reminder)),
            Event::MembershipLapsed(e) => self.change(&e.membership_id, |known| known.lapsed = true),
            _ => {}
        }
    }

    /// After a merge: what is dropped is not renewed, and what is kept has the anniversary that counts.
    pub(super) fn resolve(&mut self, resolutions: &[MembershipResolution]) {
        for resolution in resolutions {
            self.change(&resolution.dropped, |known| known.dropped = true);
        }
    }

    fn change(&mut self, id: &MembershipId, change: impl FnOnce(&mut Membership)) {
        if let Some(known) = self.0.get_mut(id) {
            change(known);
        }
    }
}

/// What a merge makes of memberships that both companies have: of two action packs the one with the later anniversary counts, of a
/// competency the higher level, and of the same level the later anniversary again (L7193-7194).
pub(super) fn resolutions(one: &Memberships, other: &Memberships, on: NaiveDate) -> Vec<MembershipResolution> {
    let open = |of: &Memberships| -> Vec<(MembershipId, Membership)> {
        let open = of.iter().filter(|(_, known)| known.is_open(on) && !known.dropped);
        open.map(|(id, known)| (id.clone(), known.clone())).collect()
    };
    let same = |a: &Membership, b: &Membership| {
        let packs = [a.offer, b.offer].map(|offer| offer == MembershipOffer::ActionPack);
        packs == [true, true] || packs == [false, false] && a.competency == b.competency
    };
    let rank = |known: &Membership| (known.offer, known.anniversary);
    let (one, other) = (open(one), open(other));
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let resolved = pairs.filter(|(a, b)| same(&a.1, &b.1)).map(|(a, b)| {
        let (kept, dropped) = if rank(&a.1) >= rank(&b.1) { (a, b) } else { (b, a) };
        MembershipResolution {
            offer: kept.1.offer,
            kept: kept.0.clone(),
            dropped: dropped.0.clone(),
            anniversary: kept.1.anniversary,
        }
    });
    resolved.collect()
}
