//! Years of 52 or 53 weeks, in quarters of 13 weeks, of which each has two periods of 4 weeks and one of 5.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Weeks of a quarter, and days.
const QUARTER: i64 = 13;
const DAYS: i64 = 7 * QUARTER;

/// The periods of a year, each of which has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retail {
    pub weeks: Weeks,
    pub year: Year,
    /// Whether a row is the first day of its period; else the last.
    pub first: bool,
}

/// Weeks of the periods of a quarter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weeks(pub [i64; 3]);

impl Weeks {
    pub(crate) const ALL: [Weeks; 3] = [Weeks([4, 4, 5]), Weeks([4, 5, 4]), Weeks([5, 4, 4])];

    /// Weeks of a quarter before one of its periods.
    fn before(self, period: usize) -> i64 {
        self.0[..period].iter().sum()
    }

    /// The period of a week of the quarter; the 53rd week of a year is one of the last.
    fn period(self, week: i64) -> usize {
        (0..2).find(|period| week < self.before(period + 1)).unwrap_or(2)
    }
}

/// Where years end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Year {
    /// After 52 weeks, always: a quarter's last day, counted since 1970, leaves this remainder by the days of a quarter.
    Always52(i64),
    /// On a weekday of or near the end of a month, so that some years have a 53rd week, which is their last period's.
    Ends { on: YearEnd, month: u32, weekday: Weekday },
}

/// Which of the weekdays ends a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum YearEnd {
    /// The one that lies nearest to the last day of the month.
    Nearest,
    /// The last one of the month.
    Last,
}

impl Retail {
    /// Quarters of 13 weeks, of which one ends on this day, counted since 1970. Which of its periods has 5 weeks says only where
    /// it ends: all are 4, 4 and 5 weeks.
    pub(super) fn always_52(weeks: Weeks, end: i64, first: bool) -> Retail {
        let after_five = 7 * weeks.0.iter().rev().take_while(|weeks| **weeks == 4).sum::<i64>();
        Retail { weeks: Weeks::ALL[0], year: Year::Always52((end - after_five).rem_euclid(DAYS)), first }
    }

    /// The index of the period that a day, counted since 1970, lies in.
    pub(super) fn index(&self, day: i64) -> Option<i64> {
        match self.year {
            Year::Always52(end) => {
                let (quarter, day) = ((day - end - 1).div_euclid(DAYS), (day - end - 1).rem_euclid(DAYS));
                Some(3 * quarter + self.weeks.period(day / 7) as i64)
            }
            Year::Ends { .. } => {
                let near = i64::from(date(day)?.year());
                // The first year that ends on this day or later.
                let year = (near - 1..=near + 1).find(|year| self.end(*year).is_some_and(|end| end >= day))?;
                let week = (day - self.end(year - 1)? - 1) / 7;
                let quarter = (week / QUARTER).min(3);
                Some(12 * year + 3 * quarter + self.weeks.period(week - QUARTER * quarter) as i64)
            }
        }
    }

    /// The day of a period's row, counted since 1970; `None` beyond chrono's range.
    pub(super) fn day(&self, index: i64) -> Option<i64> {
        if self.first { self.first_day(index) } else { Some(self.first_day(index.checked_add(1)?)? - 1) }
    }

    fn first_day(&self, index: i64) -> Option<i64> {
        let before = |period: i64| self.weeks.before(period as usize);
        match self.year {
            Year::Always52(end) => {
                let weeks = index.div_euclid(3).checked_mul(QUARTER)?.checked_add(before(index.rem_euclid(3)))?;
                weeks.checked_mul(7)?.checked_add(end + 1)
            }
            Year::Ends { .. } => {
                let (year, period) = (index.div_euclid(12), index.rem_euclid(12));
                Some(self.end(year - 1)? + 1 + 7 * (QUARTER * (period / 3) + before(period % 3)))
            }
        }
    }

    /// Whether a year of 53 weeks ends after the one day and not after the other.
    pub(super) fn has_long_year(&self, after: i64, until: i64) -> bool {
        let year = |day: i64| date(day).map(|date| i64::from(date.year()));
        let (Some(first), Some(last)) = (year(after), year(until)) else { return false };
        let is_long = |year: i64| {
            let (Some(before), Some(end)) = (self.end(year - 1), self.end(year)) else { return false };
            end - before > 7 * 4 * QUARTER && after < end && end <= until
        };
        (first - 1..=last + 1).any(is_long)
    }

    /// The last day of the year that ends in the month of this calendar year, or near its end.
    fn end(&self, year: i64) -> Option<i64> {
        let Year::Ends { on, month, weekday } = self.year else { return None };
        let after = i32::try_from(year.checked_add(i64::from(month / 12))?).ok()?;
        let next = NaiveDate::from_ymd_opt(after, month % 12 + 1, 1)?;
        // Of seven days up to this one, one is the weekday.
        let latest = match on {
            YearEnd::Nearest => next.checked_add_days(Days::new(2))?,
            YearEnd::Last => next.pred_opt()?,
        };
        let back = latest.weekday().days_since(weekday);
        latest.checked_sub_days(Days::new(back.into())).map(number)
    }
}

/// A date, by days since 1970.
pub(super) fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(day)?)
}

/// Days since 1970.
pub(super) fn number(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The years of the National Retail Federation.
    #[test]
    fn years_end_on_the_saturday_nearest_to_the_end_of_january() {
        let year = Year::Ends { on: YearEnd::Nearest, month: 1, weekday: Weekday::Sat };
        let retail = Retail { weeks: Weeks([4, 5, 4]), year, first: false };
        let ends = [
            "2017-01-28",
            "2018-02-03",
            "2019-02-02",
            "2020-02-01",
            "2021-01-30",
            "2022-01-29",
            "2023-01-28",
            "2024-02-03",
        ];
        for (year, end) in (2017..).zip(ends) {
            let end: NaiveDate = end.parse().unwrap();
            assert_eq!(retail.end(year), Some(number(end)), "{year}");
            assert_eq!(retail.day(12 * year + 11), Some(number(end)));
            assert_eq!(retail.index(number(end)), Some(12 * year + 11));
            assert_eq!(retail.index(number(end) + 1), Some(12 * (year + 1)));
        }
        let weeks: Vec<i64> = (0..12)
            .map(|i| (retail.day(12 * 2024 + i).unwrap() - retail.day(12 * 2024 + i - 1).unwrap()) / 7)
            .collect();
        assert_eq!(weeks, [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 5]);
        let december = Year::Ends { on: YearEnd::Last, month: 12, weekday: Weekday::Fri };
        let retail = Retail { weeks: Weeks([4, 4, 5]), year: december, first: true };
        assert_eq!(retail.day(12 * 2022).and_then(date), "2022-01-01".parse().ok());
        assert_eq!(retail.day(12 * 2023).and_then(date), "2022-12-31".parse().ok());
    }

    #[test]
    fn every_day_lies_in_the_period_of_its_index() {
        let mut all: Vec<Year> = vec![Year::Always52(5)];
        all.extend((1..13).flat_map(|month| {
            let of = move |on| Year::Ends { on, month, weekday: Weekday::Wed };
            [of(YearEnd::Nearest), of(YearEnd::Last)]
        }));
        for year in all {
            for weeks in Weeks::ALL {
                let [first, last] = [true, false].map(|first| Retail { weeks, year, first });
                for day in 0..4000 {
                    let index = first.index(day).unwrap();
                    assert!(first.day(index).unwrap() <= day && day <= last.day(index).unwrap(), "{year:?} {day}");
                }
            }
        }
    }
}
