//! When invoices are due: the rule is the domain's, the partner's row says its billing day.

use chrono::NaiveDate;
use subledger_domain::{
    charge::InvoiceFamily,
    partner::{cycle_end, invoice_date},
};

use crate::tables::{partners::Partner, series::State};

impl Partner {
    /// The last day of the cycle whose invoice carries what was charged on `day`, and not before the registration. None only at the end of
    /// the calendar.
    pub(crate) fn cycle_end(&self, family: InvoiceFamily, day: NaiveDate) -> Option<NaiveDate> {
        cycle_end(family, self.billing_day, day.max(self.registered_on))
    }

    /// The date of that invoice.
    pub(crate) fn invoice_date(&self, family: InvoiceFamily, day: NaiveDate) -> Option<NaiveDate> {
        invoice_date(family, self.cycle_end(family, day)?)
    }

    /// The day whose close makes the next invoice of a series due; none if it has no unbilled lines.
    pub(crate) fn next_due(&self, family: InvoiceFamily, state: State) -> Option<NaiveDate> {
        self.cycle_end(family, state.first_unbilled?)
    }
}

#[cfg(test)]
mod tests {
    use InvoiceFamily::{LicenseUsage, OneTimeRecurring};
    use subledger_domain::{money::Currency, partner::billing_period_start};

    use super::*;

    fn partner(billing_day: u32, registered_on: &str) -> Partner {
        Partner { billing_day, currency: Currency::new("USD").unwrap(), registered_on: registered_on.parse().unwrap() }
    }

    fn date(family: InvoiceFamily, billing_day: u32, registered_on: &str, day: &str) -> String {
        partner(billing_day, registered_on).invoice_date(family, day.parse().unwrap()).unwrap().to_string()
    }

    fn end(family: InvoiceFamily, billing_day: u32, registered_on: &str, day: &str) -> String {
        partner(billing_day, registered_on).cycle_end(family, day.parse().unwrap()).unwrap().to_string()
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
        for (family, billing_day, last, expected) in [
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
            let start = billing_period_start(family, billing_day, last.parse().unwrap()).unwrap();
            assert_eq!(start.to_string(), expected, "{billing_day} {last}");
            let before = start.pred_opt().unwrap();
            assert_eq!(
                end(family, billing_day, "2017-01-01", &before.to_string()),
                before.to_string(),
                "the last day of a cycle"
            );
        }
    }

    #[test]
    fn other_invoices_follow_the_calendar() {
        for (day, last, dated) in [
            // The worked example: used from 10/15 on, invoices of 11/8 and 12/8 (L13710).
            ("2019-10-15", "2019-10-31", "2019-11-08"),
            ("2019-11-30", "2019-11-30", "2019-12-08"),
            ("2018-02-01", "2018-02-28", "2018-03-08"),
            ("2018-12-31", "2018-12-31", "2019-01-08"),
        ] {
            assert_eq!(end(OneTimeRecurring, 15, "2017-01-01", day), last, "{day}");
            assert_eq!(date(OneTimeRecurring, 15, "2017-01-01", day), dated, "{day}");
        }
    }

    #[test]
    fn no_invoice_before_the_registration() {
        assert_eq!(date(LicenseUsage, 15, "2018-02-16", "2018-02-01"), "2018-03-15");
        assert_eq!(date(LicenseUsage, 15, "2018-02-15", "2018-02-01"), "2018-02-15");
        assert_eq!(date(OneTimeRecurring, 15, "2018-02-16", "2018-01-01"), "2018-03-08");
    }
}
