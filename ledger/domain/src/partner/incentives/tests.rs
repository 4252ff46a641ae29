//! Enrollments, closed months, payments and disputes of one partner.
