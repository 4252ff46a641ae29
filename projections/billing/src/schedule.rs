//! When invoices are due: the rule is the domain's, the partner's row says its billing day.

use chrono::NaiveDate;
use subledger_domain::{charge::InvoiceFamily, partner::invoice_date};

use crate::tables::{partners::Partner, series::State};

impl Partner {
    /// The date of the invoice that carries what was charged on `day`, and not before the registration. None only at the end of the
    /// calendar.
    pub(crate) fn invoice_date(&self, family: InvoiceFamily, day: NaiveDate) -> Option<NaiveDate> {
        invoice_date(family, self.billing_day, day.max(self.registered_on))
    }

    /// The date of the next invoice of a series; none if it has no unbilled lines.
    pub(crate) fn next_due(&self, family: InvoiceFamily, state: State) -> Option<NaiveDate> {
        self.invoice_date(family, state.first_unbilled?)
    }
}

#[cfg(test)]
mod tests {
    use InvoiceFamily::{LicenseUsage, OneTimeRecurring};
    use subledger_domain::{money::Currency, partner::billing_period_start};

    use super::*;

    fn date(family: InvoiceFamily, billing_day: u32, registered_on: &str, day: &str) -> String {
        let partner = Partner {
            billing_day,
            currency: Currency::new("USD").unwrap(),
            registered_on: registered_on.parse().unwrap(),
        };
        partner.invoice_date(family, day.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn license_invoices_follow_the_billing_day() {
        for (billing_day, day, expected) in [
            (15, "2018-02-13", "2018-02-15"),
            (15, "2018-02-15", "2018-02-15"),
            (15, "2018-02-16", "2018-03-15"),
            (31, "2018-02-01", "2018-02-28"),
            (31, "2020-02-28", "2020-02-29"),
            (31, "2018-04-30", "2018-04-30"),
            (31, "2018-12-31", "2018-12-31"),
            (30, "2018-12-31", "2019-01-30"),
            (29, "2018-02-28", "2018-02-28"),
            (1, "2018-12-02", "2019-01-01"),
        ] {
            assert_eq!(date(LicenseUsage, billing_day, "2017-01-01", day), expected, "{billing_day} {day}");
        }
    }

    #[test]
    fn billing_periods_are_the_month_up_to_the_billing_date() {
        for (family, billing_day, billing_date, expected) in [
            (LicenseUsage, 15, "2018-03-15", "2018-02-16"),
            (LicenseUsage, 15, "2018-01-15", "2017-12-16"),
            (LicenseUsage, 31, "2018-03-31", "2018-03-01"),
            (LicenseUsage, 31, "2018-02-28", "2018-02-01"),
            (LicenseUsage, 30, "2020-03-30", "2020-03-01"),
            (LicenseUsage, 30, "2020-02-29", "2020-01-31"),
            (LicenseUsage, 1, "2018-03-01", "2018-02-02"),
            (OneTimeRecurring, 15, "2018-03-31", "2018-03-01"),
            (OneTimeRecurring, 15, "2018-02-28", "2018-02-01"),
        ] {
            let start = billing_period_start(family, billing_day, billing_date.parse().unwrap()).unwrap();
            assert_eq!(start.to_string(), expected, "{billing_day} {billing_date}");
            let before = start.pred_opt().unwrap();
            assert_eq!(
                date(family, billing_day, "2017-01-01", &before.to_string()),
                before.to_string(),
                "a billing date"
            );
        }
    }

    #[test]
    fn other_invoices_follow_the_calendar() {
        assert_eq!(date(OneTimeRecurring, 15, "2017-01-01", "2018-02-01"), "2018-02-28");
        assert_eq!(date(OneTimeRecurring, 15, "2017-01-01", "2018-12-31"), "2018-12-31");
    }

    #[test]
    fn no_invoice_before_the_registration() {
        assert_eq!(date(LicenseUsage, 15, "2018-02-16", "2018-02-01"), "2018-03-15");
        assert_eq!(date(LicenseUsage, 15, "2018-02-15", "2018-02-01"), "2018-02-15");
        assert_eq!(date(OneTimeRecurring, 15, "2018-02-16", "2018-01-01"), "2018-02-28");
    }
}
