//! One month of an enrollment, line by line.

use std::collections::BTreeMap;

use chrono::{Months, NaiveDate};
use rust_decimal::Decimal;
use subledger_domain::{
    calendar,
    ids::PartnerId,
    incentive::{EarningType, IncentiveProgram, Lever, LeverTotal, ProgramEarner, Rates},
    money::Currency,
};
use subledger_fold::{Rows, StoreError};

use super::{Earning, EarningKind, EarningSource, digest::Summing};
use crate::{
    month::Month,
    tables::{
        adjustments::{self, Correction, Fact, Invoice},
        enrollments::{Closed, Enrollment, EnrollmentKey},
        lines::{self, Line},
        parties::{self, Partner},
        reference,
    },
};

/// What a month waits for before it can be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// An exchange rate.
    Rate {
        /// Of one unit.
        from: Currency,
        /// What it is in.
        to: Currency,
        /// On that day.
        on: NaiveDate,
    },
    /// A usage period of a co-op program, whose fund a part of the month feeds.
    UsagePeriod {
        /// Code of the co-op program.
        program: String,
        /// On that day.
        on: NaiveDate,
    },
    /// A partner, a program or a closed month that is not folded yet.
    Folding,
}

/// Earnings that cannot be computed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Storage.
    Store(StoreError),
    /// Something is missing.
    Waiting(Waiting),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What a line earns by.
#[derive(Clone, Debug)]
struct Match {
    card_from: NaiveDate,
    lever: Lever,
    /// Its place in the card, from 1.
    number: usize,
    /// First day of the month whose revenue decides the rate.
    rated_in: NaiveDate,
}

type LeverKey = (NaiveDate, String);

/// The state of a lever in the month.
#[derive(Clone, Debug)]
struct Running {
    lever: Lever,
    rate: Option<Decimal>,
    revenue_usd: Decimal,
    earned_usd: Decimal,
    capped_usd: Decimal,
}

/// One month of an enrollment. What it reads again and again is kept.
pub(crate) struct Scope<'a> {
    rows: &'a dyn Rows,
    key: EnrollmentKey,
    program: IncentiveProgram,
    enrollment: Enrollment,
    period: Month,
    earned_on: NaiveDate,
    /// Facts after the first, up to the second.
    revisions: (u64, u64),
    levers: BTreeMap<LeverKey, Running>,
    payers: BTreeMap<PartnerId, Partner>,
    rates: BTreeMap<(Currency, NaiveDate), Decimal>,
    closed: BTreeMap<NaiveDate, Option<Closed>>,
}

impl<'a> Scope<'a> {
    /// A month of an enrollment; its facts are those after the first revision, up to the second.
    pub(crate) fn new(
        rows: &'a dyn Rows,
        key: EnrollmentKey,
        period: NaiveDate,
        revisions: (u64, u64),
    ) -> Result<Self, Failed> {
        let folding = || Failed::Waiting(Waiting::Folding);
        let program = reference::program(rows, &key.program_id)?.ok_or_else(folding)?;
        let enrollment = key.get(rows)?.ok_or_else(folding)?;
        let (earned_on, period) = (calendar::last_of_month(period), Month::of(period));
        Ok(Self {
            rows,
            key,
            program,
            enrollment,
            period,
            earned_on,
            revisions,
            levers: BTreeMap::new(),
            payers: BTreeMap::new(),
            rates: BTreeMap::new(),
            closed: BTreeMap::new(),
        })
    }

    /// A month as it was closed.
    pub(crate) fn of_closed(rows: &'a dyn Rows, closed: &Closed) -> Result<Self, Failed> {
        let e = &closed.event;
        let mut scope = Self::new(rows, EnrollmentKey::from(e), e.period, (closed.after_revision, e.revision))?;
        for total in &e.levers {
            let card = scope.program.cards.iter().find(|card| card.valid_from == total.card_from);
            let Some(lever) = card.and_then(|card| card.lever(&total.lever)).cloned() else { continue };
            let (rate, revenue_usd, zero) = (total.rate, total.revenue_usd, Decimal::ZERO);
            let running = Running { lever, rate, revenue_usd, earned_usd: zero, capped_usd: zero };
            scope.levers.insert((total.card_from, total.lever.clone()), running);
        }
        Ok(scope)
    }

    pub(crate) fn program(&self) -> &IncentiveProgram {
        &self.program
    }

    pub(crate) fn enrollment(&self) -> &Enrollment {
        &self.enrollment
    }

    /// Adds up the revenue of each lever, and sets the rates of the month by it.
    pub(crate) fn rate_levers(&mut self) -> Result<(), Failed> {
        self.each_line(&mut |scope, line| {
            for found in scope.matches(line, scope.period)? {
                if found.rated_in != scope.period.first_day() {
                    continue;
                }
                let usd = scope.rates_of(line.currency, line.charged_on)?.transaction_usd(line.net);
                let usd = usd.ok_or_else(too_large)?;
                let key = (found.card_from, found.lever.name.clone());
                let running = scope.levers.entry(key).or_insert_with(|| Running::new(found.lever));
                running.revenue_usd = running.revenue_usd.checked_add(usd).ok_or_else(too_large)?;
            }
            Ok(true)
        })?;
        for running in self.levers.values_mut() {
            running.rate = running.lever.rate_of(running.revenue_usd);
        }
        Ok(())
    }

    /// Every earning, in order, until told to stop: lines in the order charged, then facts of the partner's stream, then caps.
    pub(crate) fn each(&mut self, visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>) -> Result<(), Failed> {
        let mut go_on = true;
        self.each_line(&mut |scope, line| {
            for found in scope.matches(line, scope.period)? {
                let kind = if found.rated_in == scope.period.first_day() {
                    EarningKind::Transaction
                } else {
                    EarningKind::Clawback
                };
                let rest = format!("{}/{}", line.line_id, found.number);
                let earning = scope.earning(kind, &rest, (line, line.net, line.charged_on), &found, "")?;
                let Some(earning) = earning else { continue };
                if kind == EarningKind::Transaction
                    && let Some(running) = scope.levers.get_mut(&(found.card_from, found.lever.name.clone()))
                {
                    running.earned_usd = running.earned_usd.checked_add(earning.amount_usd).ok_or_else(too_large)?;
                }
                go_on = visit(earning)?;
                if !go_on {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        // Of a month that closes late, what came meanwhile about lines of a later month is for that month.
        let (after, upto) = self.revisions;
        for (revision, fact) in adjustments::facts(self.rows, &self.key.partner_id, (0, upto))? {
            let of_lines = fact.month();
            let is_own = if revision > after {
                of_lines.is_none_or(|month| month <= self.period)
            } else {
                of_lines == Some(self.period)
            };
            // What was taken up by the month of its lines is not taken up again.
            if go_on && is_own {
                go_on = self.fact(revision, &fact, visit)?;
            }
        }
        if go_on { self.caps(visit) } else { Ok(()) }
    }

    /// What each lever came to, once every earning was seen.
    pub(crate) fn lever_totals(&self) -> Vec<LeverTotal> {
        let total = |((card_from, name), running): (&LeverKey, &Running)| LeverTotal {
            card_from: *card_from,
            lever: name.clone(),
            earning_type: running.lever.earning_type,
            rate: running.rate,
            revenue_usd: running.revenue_usd,
            earned_usd: running.earned_usd - running.capped_usd,
            capped_usd: running.capped_usd,
        };
        self.levers.iter().map(total).collect()
    }

    /// Sums and digest of every earning, and what of them is for the funds of each co-op program, in US dollars.
    pub(crate) fn sum(&mut self) -> Result<(Summing, BTreeMap<String, Decimal>), Failed> {
        let (mut summing, mut coop): (_, BTreeMap<String, Decimal>) = (Summing::default(), BTreeMap::new());
        let program = self.program.clone();
        self.each(&mut |earning| {
            if let Some(code) = earning.coop_program(&program) {
                let sum = coop.entry(code.to_owned()).or_default();
                *sum = sum.checked_add(earning.amount_usd).ok_or_else(too_large)?;
            }
            summing.push(&earning).map(|()| true)
        })?;
        coop.retain(|_, sum| !sum.is_zero());
        Ok((summing, coop))
    }

    /// The lines on invoices of the month.
    fn each_line(&mut self, visit: &mut dyn FnMut(&mut Self, &Line) -> Result<bool, Failed>) -> Result<(), Failed> {
        let first = self.period.first_day();
        // A license line is on the invoice of the next billing day, at most a month later.
        let from = first.checked_sub_months(Months::new(1)).unwrap_or(first);
        let end = calendar::anniversary(first, 1);
        let (rows, partner, earner) = (self.rows, self.key.partner_id.clone(), self.program.earner);
        let mut failed = None;
        lines::each(rows, (&partner, earner), (from, end), &mut |line| {
            let seen = self
                .invoice_month(&line)
                .and_then(|month| if month == Some(self.period) { visit(self, &line) } else { Ok(true) });
            seen.or_else(|error| {
                failed = Some(error);
                Ok(false)
            })
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn invoice_month(&mut self, line: &Line) -> Result<Option<Month>, Failed> {
        if !self.payers.contains_key(&line.payer_id) {
            let payer = parties::partner(self.rows, &line.payer_id)?;
            let payer = payer.ok_or(Failed::Waiting(Waiting::Folding))?;
            self.payers.insert(line.payer_id.clone(), payer);
        }
        let payer = self.payers.get(&line.payer_id);
        Ok(payer.and_then(|payer| payer.invoice_month(line.family, line.charged_on)))
    }

    /// What a line on an invoice of `month` earns by: its own card, or that of the line it takes back.
    fn matches(&mut self, line: &Line, month: Month) -> Result<Vec<Match>, Failed> {
        let original = match &line.reverses {
            Some(id) => lines::get(self.rows, id)?,
            None => None,
        };
        let basis = original.as_ref().unwrap_or(line);
        if !self.program.includes(&basis.offer_id) || !self.enrollment.earns(basis.charged_on) {
            return Ok(Vec::new());
        }
        let basis_month = match &original {
            Some(original) => self.invoice_month(original)?.unwrap_or(month),
            None => month,
        };
        let Some(card) = self.program.card(basis.charged_on) else { return Ok(Vec::new()) };
        let rated_in = basis_month.first_day();
        if calendar::anniversary(rated_in, card.clawback_months) < month.first_day() && basis_month != month {
            return Ok(Vec::new());
        }
        let levers = card.levers.iter().enumerate();
        let applying = levers.filter(|(_, lever)| lever.applies(basis.product, &basis.offer_id));
        Ok(applying
            .map(|(index, lever)| Match {
                card_from: card.valid_from,
                lever: lever.clone(),
                number: index + 1,
                rated_in,
            })
            .collect())
    }

    /// The rate that a lever had in a month; none if it earned nothing.
    fn rate(&mut self, found: &Match) -> Result<Option<Decimal>, Failed> {
        let key = (found.card_from, found.lever.name.clone());
        if found.rated_in == self.period.first_day() {
            return Ok(self.levers.get(&key).and_then(|running| running.rate));
        }
        if !self.closed.contains_key(&found.rated_in) {
            let closed = self.key.closed(self.rows, found.rated_in)?;
            self.closed.insert(found.rated_in, closed);
        }
        let closed = self.closed.get(&found.rated_in).and_then(Option::as_ref);
        let total = closed.and_then(|closed| {
            closed.event.levers.iter().find(|total| (total.card_from, &total.lever) == (key.0, &key.1))
        });
        Ok(total.and_then(|total| total.rate))
    }

    /// Exchange rates to US dollars, of a transaction on a day and of the earning.
    fn rates_of(&mut self, currency: Currency, on: NaiveDate) -> Result<Rates, Failed> {
        Ok(Rates { transaction: self.usd(currency, on)?, earning: self.usd(currency, self.earned_on)? })
    }

    fn usd(&mut self, from: Currency, on: NaiveDate) -> Result<Decimal, Failed> {
        if let Some(rate) = self.rates.get(&(from, on)) {
            return Ok(*rate);
        }
        let to = Currency::DOLLAR;
        let rate = reference::rate(self.rows, from, to, on)?;
        let rate = rate.ok_or(Failed::Waiting(Waiting::Rate { from, to, on }))?;
        self.rates.insert((from, on), rate);
        Ok(rate)
    }

    /// An earning on a line; none if its lever earned nothing.
    fn earning(
        &mut self,
        kind: EarningKind,
        rest: &str,
        (line, net, on): (&Line, Decimal, NaiveDate),
        found: &Match,
        about: &str,
    ) -> Result<Option<Earning>, Failed> {
        let Some(rate) = self.rate(found)? else { return Ok(None) };
        let quantity =
            if net.is_sign_negative() == line.net.is_sign_negative() { line.quantity } else { -line.quantity };
        let mut earning = self.blank(kind, rest, (line.currency, net, on), (&found.lever.name, rate))?;
        earning.card_from = Some(found.card_from);
        earning.rated_in = found.rated_in;
        earning.earning_type = found.lever.earning_type;
        earning.quantity = quantity;
        about.clone_into(&mut earning.reference);
        earning.source = Some(EarningSource {
            line_id: line.line_id.clone(),
            position: line.position,
            payer_id: line.payer_id.clone(),
            reseller_id: line.reseller_id.clone(),
            customer_id: line.customer_id.clone(),
            subscription_id: line.subscription_id.clone(),
            offer_id: line.offer_id.clone(),
            offer_name: line.offer_name.clone(),
            sku: line.sku.clone(),
            family: line.family,
            charged_on: line.charged_on,
            currency: line.currency,
            net: line.net,
            reverses: line.reverses.clone(),
        });
        Ok(Some(earning))
    }

    /// An earning without a line.
    fn blank(
        &mut self,
        kind: EarningKind,
        rest: &str,
        (currency, amount, on): (Currency, Decimal, NaiveDate),
        (lever, rate): (&str, Decimal),
    ) -> Result<Earning, Failed> {
        // A fact may be younger than the month that takes it up, and only closed days have their exchange rates for good.
        let transaction_date = on.min(self.earned_on);
        let rates = self.rates_of(currency, transaction_date)?;
        let (earned, earned_usd) = rates.earned(amount, rate, currency).ok_or_else(too_large)?;
        let EnrollmentKey { partner_id, program_id, mpn_id } = self.key.clone();
        Ok(Earning {
            earning_id: format!("{partner_id}/{program_id}/{}/{rest}", self.period),
            kind,
            partner_id,
            program_id,
            mpn_id,
            period: self.period.first_day(),
            currency,
            transaction_date,
            transaction_rate: rates.transaction,
            transaction_amount: currency.round(amount),
            transaction_usd: rates.transaction_usd(amount).ok_or_else(too_large)?,
            lever: lever.to_owned(),
            card_from: None,
            rated_in: self.period.first_day(),
            rate,
            earning_type: EarningType::Rebate,
            quantity: Decimal::ZERO,
            // What rounds to nothing has no sign.
            amount: if earned.is_zero() { earned.abs() } else { earned },
            amount_usd: if earned_usd.is_zero() { earned_usd.abs() } else { earned_usd },
            earned_on: self.earned_on,
            earning_rate: rates.earning,
            source: None,
            reference: String::new(),
        })
    }

    /// The earnings of a fact; false when told to stop.
    fn fact(
        &mut self,
        revision: u64,
        fact: &Fact,
        visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>,
    ) -> Result<bool, Failed> {
        match fact {
            Fact::CreditNote(number, invoice) => {
                let about = (EarningKind::CreditNote, revision, number.as_str());
                self.mirror(about, invoice, -invoice.net, visit)
            }
            Fact::Rebill(number, invoice, net) => {
                self.mirror((EarningKind::Rebill, revision, number.as_str()), invoice, *net, visit)
            }
            Fact::Correction(correction) => self.correction(revision, correction, visit),
        }
    }

    fn correction(
        &mut self,
        revision: u64,
        correction: &Correction,
        visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>,
    ) -> Result<bool, Failed> {
        if (&correction.program_id, &correction.mpn_id) != (&self.key.program_id, &self.key.mpn_id) {
            return Ok(true);
        }
        let amount = (correction.currency, correction.amount, correction.decided_on);
        let lever = ("dispute", Decimal::ONE);
        let mut earning = self.blank(EarningKind::Correction, &format!("r{revision}"), amount, lever)?;
        let card = self.program.terms(self.earned_on).and_then(|card| card.levers.first());
        earning.earning_type = card.map_or(earning.earning_type, |lever| lever.earning_type);
        earning.reference = correction.dispute_id.to_string();
        Ok(visit(earning)?)
    }

    /// Every line of an invoice again, so that all of them together are worth `net`. A part of the invoice's net is shared out by a
    /// running sum, so that no cent is lost.
    fn mirror(
        &mut self,
        (kind, revision, number): (EarningKind, u64, &str),
        invoice: &Invoice,
        net: Decimal,
        visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>,
    ) -> Result<bool, Failed> {
        if self.program.earner != ProgramEarner::Payer {
            // The payer's documents are on another stream than the reseller's; a dispute corrects what they change.
            return Ok(true);
        }
        let mut of_invoice = Vec::new();
        let span = (invoice.period_start, invoice.period_end);
        lines::each(self.rows, (&self.key.partner_id, ProgramEarner::Payer), span, &mut |line| {
            if (line.family, line.currency) == (invoice.family, invoice.currency) {
                of_invoice.push(line);
            }
            Ok(true)
        })?;
        let total: Decimal = of_invoice.iter().map(|line| line.net).sum();
        let (mut seen, mut given) = (Decimal::ZERO, Decimal::ZERO);
        for line in of_invoice.into_iter().filter(|_| !total.is_zero()) {
            seen += line.net;
            let share = seen.checked_mul(net).map(|product| product / total).ok_or_else(too_large)?;
            let share = invoice.currency.round(share);
            let amount = share - given;
            given = share;
            let Some(month) = self.invoice_month(&line)? else { continue };
            for found in self.matches(&line, month)? {
                // Months that were never closed earned nothing that could be taken back.
                let in_reach = calendar::anniversary(found.rated_in, self.clawback_months(found.card_from));
                if in_reach < self.period.first_day() {
                    continue;
                }
                let rest = format!("r{revision}/{}/{}", line.line_id, found.number);
                let earning = self.earning(kind, &rest, (&line, amount, invoice.dated), &found, number)?;
                if let Some(earning) = earning
                    && !visit(earning)?
                {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn clawback_months(&self, card_from: NaiveDate) -> u32 {
        self.program.cards.iter().find(|card| card.valid_from == card_from).map_or(0, |card| card.clawback_months)
    }

    /// What is above the cap of each lever is cut off, by an adjustment in US dollars.
    fn caps(&mut self, visit: &mut dyn FnMut(Earning) -> Result<bool, StoreError>) -> Result<(), Failed> {
        let above = self.levers.iter().filter_map(|(key, running)| Some((key.clone(), running.excess()?)));
        let capped: Vec<_> = above.collect();
        for ((card_from, name), excess) in capped {
            let amount = (Currency::DOLLAR, -excess, self.earned_on);
            let rest = format!("cap/{card_from}/{name}");
            let mut earning = self.blank(EarningKind::Cap, &rest, amount, (&name, Decimal::ONE))?;
            earning.card_from = Some(card_from);
            if let Some(running) = self.levers.get_mut(&(card_from, name)) {
                running.capped_usd = excess;
                earning.earning_type = running.lever.earning_type;
            }
            if !visit(earning)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Running {
    fn new(lever: Lever) -> Self {
        let zero = Decimal::ZERO;
        Self { lever, rate: None, revenue_usd: zero, earned_usd: zero, capped_usd: zero }
    }

    /// What it earned above its cap.
    fn excess(&self) -> Option<Decimal> {
        let cap = self.lever.cap?;
        (self.earned_usd > cap).then(|| self.earned_usd - cap)
    }
}

fn too_large() -> StoreError {
    StoreError("an earning is too large for a decimal number".to_owned())
}
