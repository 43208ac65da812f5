//! Days of months.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::Closed;

/// A day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MonthDay {
    /// This day, from 1, or the last one of a shorter month.
    Day(u32),
    /// This day, or the business day after it in the same month.
    OrNext(u32),
    /// This day, or the business day before it in the same month.
    OrPrevious(u32),
    /// The last day.
    Last,
    /// The first of Monday to Friday that is not closed.
    FirstBusiness,
    /// The last of Monday to Friday that is not closed.
    LastBusiness,
    /// The n-th such weekday, n from 1.
    Nth(u8, Weekday),
    /// The last such weekday.
    LastWeekday(Weekday),
}

/// Two days of each month, the earlier one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HalfMonths(pub(crate) [MonthDay; 2]);

impl HalfMonths {
    /// How many such days there are from year 0 on up to this date, itself included.
    pub(super) fn index(self, date: NaiveDate, closed: &Closed) -> i64 {
        let month = i64::from(date.year()) * 12 + i64::from(date.month0());
        let reached = |day: &&MonthDay| day.date(month, closed).is_some_and(|day| day <= date);
        2 * month + self.0.iter().filter(reached).count() as i64 - 1
    }

    /// The date of an index.
    pub(super) fn date(self, index: i64, closed: &Closed) -> Option<NaiveDate> {
        self.0[index.rem_euclid(2) as usize].date(index.div_euclid(2), closed)
    }
}

impl MonthDay {
    /// Its date in a month, counted since year 0; `None` beyond chrono's range.
    pub(super) fn date(self, month: i64, closed: &Closed) -> Option<NaiveDate> {
        let year = i32::try_from(month.div_euclid(12)).ok()?;
        let first = NaiveDate::from_ymd_opt(year, month.rem_euclid(12) as u32 + 1, 1)?;
        let last = || first.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
        let open = |date: &NaiveDate| date.weekday().num_days_from_monday() < 5 && !closed.contains(date);
        match self {
            MonthDay::Day(day) => first.with_day(day).or_else(last),
            MonthDay::OrNext(number) => {
                let day = MonthDay::Day(number).date(month, closed)?;
                day.iter_days().take_while(|other| other.month() == day.month()).find(open).or(Some(day))
            }
            MonthDay::OrPrevious(number) => {
                let day = MonthDay::Day(number).date(month, closed)?;
                (0..u64::from(day.day()))
                    .filter_map(|back| day.checked_sub_days(Days::new(back)))
                    .find(open)
                    .or(Some(day))
            }
            MonthDay::Last => last(),
            // A month of closed days has a row all the same.
            MonthDay::FirstBusiness => first.iter_days().take(28).find(open).or(Some(first)),
            MonthDay::LastBusiness => {
                let last = last()?;
                (0..28).filter_map(|back| last.checked_sub_days(Days::new(back))).find(open).or(Some(last))
            }
            MonthDay::Nth(n, weekday) => NaiveDate::from_weekday_of_month_opt(year, first.month(), weekday, n),
            MonthDay::LastWeekday(weekday) => {
                [5, 4].into_iter().find_map(|n| NaiveDate::from_weekday_of_month_opt(year, first.month(), weekday, n))
            }
        }
    }
}
