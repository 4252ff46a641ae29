//! Partners as lists have them: the company behind each, its locations, bonds, memberships and agreements, on any day.

use std::borrow::Cow;

use chrono::NaiveDate;
use subledger_domain::{
    catalog::Catalog,
    ids::{MpnId, PartnerId},
    partner::{self, AccountStanding, CheckStanding, Partners, VerificationCheck},
};
use subledger_log::codec::Wire;
use subledger_proto::api::{
    GlobalAccount, ListLocationsResponse, ListMembershipsResponse, ListMergesResponse, ListPartnerAgreementsResponse,
    ListPartnershipsResponse, Location, Membership, Merge, Partner, PartnerAgreement, Partnership, Restriction,
    VerificationState,
};
use subledger_proto::common as pbc;
use subledger_writer::ReferenceView;
use tonic::Status;

use crate::api::paging;

/// What is listed: of which partner, as of which day, and which page.
pub(super) struct Asked {
    pub(super) partner_id: Option<PartnerId>,
    pub(super) as_of: Option<NaiveDate>,
    pub(super) size: usize,
    pub(super) token: String,
}

impl Asked {
    fn wants(&self, ids: &[&PartnerId]) -> bool {
        self.partner_id.as_ref().is_none_or(|wanted| ids.contains(&wanted))
    }

    /// Rows by key, a page of them.
    fn page<T>(&self, mut rows: Vec<(String, T)>) -> Result<(Vec<T>, String), Status> {
        rows.sort_by(|one, other| one.0.cmp(&other.0));
        paging::slice(rows.into_iter(), self.size, &self.token)
    }
}

/// All partners of now, or as they were by the end of a day.
pub(super) fn partners(view: &ReferenceView, as_of: Option<NaiveDate>) -> Cow<'_, Partners> {
    as_of.map_or(Cow::Borrowed(&view.reference.partners), |day| Cow::Owned(view.partners_on(day)))
}

/// The day that states are told for: the one asked for, or the last business day that is over.
fn today(view: &ReferenceView, as_of: Option<NaiveDate>) -> NaiveDate {
    as_of.or(view.reference.catalog.last_closed()).unwrap_or_default()
}

/// The account and the standing of a partner, without what other lists say.
pub(super) fn with_account(partner: &partner::Partner, view: &ReferenceView, as_of: Option<NaiveDate>) -> Partner {
    let (account, on) = (&partner.account, today(view, as_of));
    let suspended_by = partner.suspended_by();
    let standing = if suspended_by.is_empty() { partner.receivables.standing() } else { AccountStanding::Suspended };
    let ends_later = |known: &&partner::Restriction| known.until.is_none_or(|until| on < until);
    let absorbed = account.absorbed();
    Partner {
        standing: standing.name().to_owned(),
        suspended_by: suspended_by.iter().map(|trigger| trigger.name().to_owned()).collect(),
        restriction: partner.program.restrictions().iter().find(ends_later).map(|known| Restriction {
            from: known.from.to_wire(),
            until: known.until.to_wire(),
            reason: known.reason.clone(),
            notice: known.notice.clone(),
        }),
        global_account: account.global().map(|global| GlobalAccount {
            mpn_id: global.mpn_id.to_wire(),
            legal: Some(global.legal.to_wire()),
            opened_on: global.opened_on.to_wire(),
        }),
        headquarters_mpn_id: account.headquarters().map(Wire::to_wire).unwrap_or_default(),
        location_count: u32::try_from(account.locations().count()).unwrap_or(u32::MAX),
        verification: account.verification().name().to_owned(),
        checks: VerificationCheck::ALL
            .into_iter()
            .filter_map(|check| account.verification().of(check).map(|standing| check_state(check, standing)))
            .collect(),
        domain: account.domain().unwrap_or_default().to_owned(),
        global_admin: account.global_admin().unwrap_or_default().to_owned(),
        reseller_since: partner.program.enrolled_on().to_wire(),
        shared_services_customer_id: account.shared_services().map(Wire::to_wire).unwrap_or_default(),
        absorbed_by_partner_id: absorbed.map(|absorbed| absorbed.by.to_wire()).unwrap_or_default(),
        absorbed_by_mpn_id: absorbed.map(|absorbed| absorbed.pga_mpn_id.to_wire()).unwrap_or_default(),
        budget_notice: partner.budget_notice.on,
        budget_notice_email: partner.budget_notice.email.clone(),
        ..Partner::default()
    }
}

fn check_state(check: VerificationCheck, standing: CheckStanding) -> VerificationState {
    let state = match standing {
        CheckStanding::Started => "started",
        CheckStanding::Passed => "passed",
        CheckStanding::Failed => "failed",
    };
    VerificationState { check: check.to_wire(), state: state.to_owned() }
}

/// Every account and location, under the company that it belongs to on the day.
pub(super) fn locations(
    view: &ReferenceView,
    asked: &Asked,
    reflects: Vec<pbc::Position>,
) -> Result<ListLocationsResponse, Status> {
    let partners = &*partners(view, asked.as_of);
    let company = asked.partner_id.as_ref().map(|id| partners.company_of(id));
    let mut rows = Vec::new();
    for (id, partner) in partners.iter() {
        let owner = partners.company_of(id);
        if company.is_some_and(|company| company != owner) {
            continue;
        }
        let global = partners.get(owner).and_then(|owner| owner.account.global()).map(|global| &global.mpn_id);
        rows.extend(locations_of(partner, global, owner).map(|row| {
            let key = format!("{}\t{}\t{}\t{}", row.company_mpn_id, row.kind, row.partner_id, row.mpn_id);
            (key, row)
        }));
    }
    let (locations, next_page_token) = asked.page(rows)?;
    Ok(ListLocationsResponse { locations, next_page_token, reflects })
}

fn locations_of<'a>(
    partner: &'a partner::Partner,
    company: Option<&'a MpnId>,
    owner: &'a PartnerId,
) -> impl Iterator<Item = Location> + 'a {
    let row = move |mpn_id: &MpnId, kind: &str| Location {
        mpn_id: mpn_id.to_wire(),
        partner_id: partner.partner_id.to_wire(),
        company_mpn_id: company.map(Wire::to_wire).unwrap_or_default(),
        company_partner_id: owner.to_wire(),
        kind: kind.to_owned(),
        headquarters: partner.account.headquarters() == Some(mpn_id),
        ..Location::default()
    };
    let own = partner.account.global().map(move |global| Location {
        name: global.legal.name.clone(),
        address: Some(global.legal.address.to_wire()),
        contact: Some(global.legal.contact.to_wire()),
        since: global.opened_on.to_wire(),
        ..row(&global.mpn_id, if *owner == partner.partner_id { "global account" } else { "absorbed account" })
    });
    let places = partner.account.locations().map(move |(id, location)| Location {
        name: location.name.clone(),
        address: location.address.as_ref().map(Wire::to_wire),
        contact: location.contact.as_ref().map(Wire::to_wire),
        since: location.since.to_wire(),
        extended_until: location.extended_until.to_wire(),
        ..row(id, "location")
    });
    own.into_iter().chain(places)
}

pub(super) fn partnerships(
    view: &ReferenceView,
    asked: &Asked,
    reflects: Vec<pbc::Position>,
) -> Result<ListPartnershipsResponse, Status> {
    let partners = &*partners(view, asked.as_of);
    let all =
        partners.iter().flat_map(|(id, provider)| provider.partnerships().map(move |(with, known)| (id, with, known)));
    let wanted = all.filter(|(provider_id, reseller_id, _)| asked.wants(&[*provider_id, *reseller_id]));
    let rows = wanted.map(|(provider_id, reseller_id, known)| {
        let row = Partnership {
            provider_id: provider_id.to_wire(),
            reseller_id: reseller_id.to_wire(),
            state: known.standing.name().to_owned(),
            since: known.since.to_wire(),
            provider_admin: known.admin,
        };
        (format!("{provider_id}\t{reseller_id}"), row)
    });
    let (partnerships, next_page_token) = asked.page(rows.collect())?;
    Ok(ListPartnershipsResponse { partnerships, next_page_token, reflects })
}

pub(super) fn memberships(
    view: &ReferenceView,
    asked: &Asked,
    reflects: Vec<pbc::Position>,
) -> Result<ListMembershipsResponse, Status> {
    let (partners, on) = (&*partners(view, asked.as_of), today(view, asked.as_of));
    let wanted = partners.iter().filter(|(id, _)| asked.wants(&[*id]));
    let all = wanted.flat_map(|(id, partner)| partner.memberships.iter().map(move |(name, known)| (id, name, known)));
    let rows = all.map(|(partner_id, membership_id, known)| {
        let row = Membership {
            membership_id: membership_id.to_wire(),
            partner_id: partner_id.to_wire(),
            offer: known.offer.to_wire(),
            competency: known.competency.clone(),
            state: known.standing(on).name().to_owned(),
            purchased_on: known.purchased_on.to_wire(),
            anniversary: known.anniversary.to_wire(),
            window_opens: known.window_opens().to_wire(),
            window_closes: known.window_closes().to_wire(),
            auto_renew: known.auto_renew,
            amount: known.amount.to_wire(),
            currency: known.currency.to_wire(),
            paid_on: known.paid_on.to_wire(),
            invoice_from: known.invoice_from().to_wire(),
            activated: known.activated.iter().map(Wire::to_wire).collect(),
            dropped: known.dropped,
            refunded: known.cancelled == Some(true),
        };
        (format!("{partner_id}\t{membership_id}"), row)
    });
    let (memberships, next_page_token) = asked.page(rows.collect())?;
    Ok(ListMembershipsResponse { memberships, next_page_token, reflects })
}

pub(super) fn merges(
    view: &ReferenceView,
    asked: &Asked,
    reflects: Vec<pbc::Position>,
) -> Result<ListMergesResponse, Status> {
    let partners = &*partners(view, asked.as_of);
    let all = partners.iter().flat_map(|(id, partner)| partner.merges().map(move |(name, merge)| (id, name, merge)));
    let wanted = all.filter(|(id, _, merge)| asked.wants(&[*id, &merge.target_partner_id]));
    let rows = wanted.map(|(partner_id, merge_id, merge)| {
        let row = Merge {
            merge_id: merge_id.to_wire(),
            partner_id: partner_id.to_wire(),
            target_partner_id: merge.target_partner_id.to_wire(),
            target_mpn_id: merge.target_mpn_id.to_wire(),
            state: merge.standing.name().to_owned(),
            since: merge.since.to_wire(),
            reason: merge.reason.clone(),
        };
        (format!("{partner_id}\t{merge_id}"), row)
    });
    let (merges, next_page_token) = asked.page(rows.collect())?;
    Ok(ListMergesResponse { merges, next_page_token, reflects })
}

/// Each version that is published, beside each partner.
pub(super) fn agreements(
    view: &ReferenceView,
    asked: &Asked,
    catalog: &Catalog,
    reflects: Vec<pbc::Position>,
) -> Result<ListPartnerAgreementsResponse, Status> {
    let partners = &*partners(view, asked.as_of);
    let wanted = partners.iter().filter(|(id, _)| asked.wants(&[*id]));
    let rows = wanted.flat_map(|(partner_id, partner)| {
        catalog.program().agreements().map(move |(version, terms)| {
            let signed = partner.program.signed().find(|(known, ..)| *known == version);
            let row = PartnerAgreement {
                version: version.to_owned(),
                partner_id: partner_id.to_wire(),
                signed_on: signed.map(|(_, on, _)| on.to_wire()).unwrap_or_default(),
                signatory: signed.map(|(_, _, signatory)| signatory.to_owned()).unwrap_or_default(),
                signing_from: terms.signing_from.to_wire(),
                required_from: terms.required_from.to_wire(),
            };
            (format!("{partner_id}\t{}\t{version}", terms.signing_from), row)
        })
    });
    let (agreements, next_page_token) = asked.page(rows.collect())?;
    Ok(ListPartnerAgreementsResponse { agreements, next_page_token, reflects })
}
