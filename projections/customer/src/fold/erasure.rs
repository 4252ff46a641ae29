//! Who a customer is was erased. What stands in earlier states and activities goes when the rows are folded again, which the runtime does.

use subledger_domain::personal::ERASED;
use subledger_fold::{StoreError, decode, put};

use super::Fold;
use crate::{
    rows::{Relationship, RelationshipState, UserRow},
    tables::{
        ids::{self, IdKind},
        names::searchable,
        users,
    },
};

impl Fold<'_> {
    pub(super) fn erased(&mut self) -> Result<(), StoreError> {
        let active = |known: &&Relationship| known.state == RelationshipState::Active;
        let partners: Vec<_> =
            self.customer()?.relationships.iter().filter(active).map(|known| known.partner_id.clone()).collect();
        self.list_everywhere(&partners, false)?;
        let customer = self.customer()?;
        let erase = |text: &mut String| {
            if !text.is_empty() {
                ERASED.clone_into(text);
            }
        };
        erase(&mut customer.company_name);
        erase(&mut customer.domain_name);
        customer.bill_to_name.iter_mut().for_each(erase);
        let (address, contact) = (&mut customer.address, &mut customer.contact);
        for text in [&mut address.line1, &mut address.city, &mut address.state, &mut address.postal_code] {
            erase(text);
        }
        for text in [&mut contact.first_name, &mut contact.last_name, &mut contact.email, &mut contact.phone] {
            erase(text);
        }
        customer.qualifications.iter_mut().for_each(|known| erase(&mut known.note));
        self.erase_tags()?;
        self.erase_users()?;
        self.list_everywhere(&partners, true)
    }

    fn erase_tags(&mut self) -> Result<(), StoreError> {
        let stream = self.commit.stream;
        let mut tags = std::mem::take(&mut self.customer()?.tags);
        for of_partner in &mut tags {
            let partner = of_partner.partner_id.as_str();
            for tag in &mut of_partner.tags {
                self.rows.delete(ids::key(&searchable(tag), IdKind::Tag, partner, stream));
                ERASED.clone_into(tag);
                put(self.rows, ids::key(&searchable(tag), IdKind::Tag, partner, stream), &())?;
            }
        }
        self.customer()?.tags = tags;
        Ok(())
    }

    fn erase_users(&mut self) -> Result<(), StoreError> {
        let mut erased: Vec<UserRow> = Vec::new();
        self.rows.scan(&users::prefix(self.commit.stream), &[], false, &mut |_, row| {
            let mut user: UserRow = decode(row)?;
            for text in [&mut user.display_name, &mut user.first_name, &mut user.last_name, &mut user.email] {
                if !text.is_empty() {
                    ERASED.clone_into(text);
                }
            }
            erased.push(user);
            Ok(true)
        })?;
        erased.iter().try_for_each(|user| put(self.rows, users::key(self.commit.stream, user.user_id.as_str()), user))
    }
}
