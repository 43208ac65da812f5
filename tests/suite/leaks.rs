//! Nothing reads the future under any way of reading a panel: values that change after a window's last input and after the rows
//! that scale it change neither its inputs, nor the scalers, nor which windows there are.

use chrono::{DateTime, TimeZone};
use microglia::data::{Calendar, DataOptions, Dataset, FillMissing, Impute, Layout, Scale, ShortSeries, SplitName};
use proptest::prelude::*;

use super::data::{scaled_until, small};

/// How a panel is written, and read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// A calendar of each series' own, found from its rows.
    Found,
    /// Absent rows are zeros.
    Zeros,
    /// Days without rows, named in a file.
    Holidays,
    /// Hours by the clock of a zone, across a change.
    Zone,
    /// Rows in any order.
    Unsorted,
    /// A series in each row.
    InRows,
    /// A second target, without a value in the first rows.
    Late,
    /// Last rows without a target.
    ToCome,
}

const WAYS: [Way; 8] =
    [Way::Found, Way::Zeros, Way::Holidays, Way::Zone, Way::Unsorted, Way::InRows, Way::Late, Way::ToCome];

const CLOSED: [&str; 4] = ["2024-03-29", "2024-04-01", "2024-04-17", "2024-05-01"];

/// A series: the first row, and which steps of its calendar have one.
#[derive(Debug, Clone)]
struct One {
    calendar: usize,
    first: usize,
    there: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Panel {
    way: Way,
    series: Vec<One>,
}

impl Panel {
    fn calendar(&self, one: &One) -> Calendar {
        let all = ["D", "B", "Mon-Sat", "Mon-Fri 09:00-16:00/h", "W-WED", "SME"];
        let alias = match self.way {
            Way::Found => all[one.calendar % all.len()],
            Way::Holidays => ["B", "Mon-Sat"][one.calendar % 2],
            Way::Zone => "h",
            _ => "D",
        };
        alias.parse().unwrap()
    }

    /// The instants of a series' rows.
    fn times(&self, one: &One) -> Vec<i64> {
        let start = DateTime::parse_from_rfc3339("2024-03-25T00:00:00Z").unwrap().timestamp();
        let from = microglia::data::Timestamp { instant: start * 1_000_000, offset: 0 };
        let closed = |instant: &i64| self.way == Way::Holidays && CLOSED.contains(&&day(*instant)[..]);
        let all = self.calendar(one).next(from, one.first + one.there.len()).unwrap();
        let all: Vec<i64> = all[one.first..].iter().map(|time| time.instant).filter(|time| !closed(time)).collect();
        let gaps = matches!(self.way, Way::Zeros | Way::Unsorted | Way::Found);
        let last = all.len() - 1;
        let kept = all.iter().enumerate().filter(|(row, _)| !gaps || one.there[*row] || *row == 0 || *row == last);
        kept.map(|(_, time)| *time).collect()
    }

    fn text(&self, instant: i64) -> String {
        let utc = DateTime::from_timestamp_micros(instant).unwrap();
        match self.way {
            Way::Zone => chrono_tz::Europe::Berlin.from_utc_datetime(&utc.naive_utc()).format("%FT%T%:z").to_string(),
            Way::InRows => day(instant),
            _ => utc.format("%F %T").to_string(),
        }
    }

    /// The file, with these values by series and row.
    fn write(&self, values: &[Vec<i32>]) -> String {
        let rows: Vec<Vec<i64>> = self.series.iter().map(|one| self.times(one)).collect();
        if self.way == Way::InRows {
            let mut times: Vec<i64> = rows.concat();
            times.sort_unstable();
            times.dedup();
            // Between the first and the last.
            let (first, last) = (times[0], times[times.len() - 1]);
            let times: Vec<i64> = (first..=last).step_by(86_400_000_000).collect();
            let head: String = times.iter().map(|time| format!(",{}", self.text(*time))).collect();
            let series = rows.iter().zip(values).enumerate().map(|(id, (own, values))| {
                let cell = |time: &i64| own.iter().position(|other| other == time).map(|row| values[row].to_string());
                let cells: String = times.iter().map(|time| format!(",{}", cell(time).unwrap_or_default())).collect();
                format!("s{id}{cells}\n")
            });
            return format!("id{head}\n{}", series.collect::<String>());
        }
        let mut lines = Vec::new();
        for (id, (own, values)) in rows.iter().zip(values).enumerate() {
            for (row, (time, value)) in own.iter().zip(values).enumerate() {
                let to_come = self.way == Way::ToCome && row + 2 + id > own.len();
                let late = self.way != Way::Late || row < 3 * id;
                let y = if to_come && row > 0 { String::new() } else { value.to_string() };
                let z = if late { String::new() } else { (value * 3 % 17).to_string() };
                lines.push(format!("s{id},{},{y},{z}\n", self.text(*time)));
            }
        }
        if self.way == Way::Unsorted {
            let (odd, even): (Vec<_>, Vec<_>) = lines.into_iter().enumerate().partition(|(row, _)| row % 2 == 1);
            lines = odd.into_iter().rev().chain(even).map(|(_, line)| line).collect();
        }
        format!("unique_id,ds,y,z\n{}", lines.concat())
    }

    fn load(&self, values: &[Vec<i32>], options: &DataOptions) -> Option<Dataset> {
        options.load_bytes("test", "test.csv", self.write(values).as_bytes()).ok()
    }

    fn options(&self, short: ShortSeries, parts: u8, scale: Scale, impute: Impute) -> DataOptions {
        let targets = if self.way == Way::Late { vec!["y".into(), "z".into()] } else { vec!["y".into()] };
        DataOptions {
            short_series: Some(short),
            test_size: (parts == 0).then_some(4),
            val_size: (parts == 0).then_some(3),
            scale: Some(if parts == 0 { Scale::Series } else { scale }),
            targets: Some(targets),
            impute: (self.way == Way::Late).then_some(impute),
            fill_missing: (self.way == Way::Zeros).then_some(FillMissing::Zero),
            layout: (self.way == Way::InRows).then_some(Layout::Rows),
            timezone: (self.way == Way::Zone).then(|| "Europe/Berlin".into()),
            sort: (self.way == Way::Unsorted).then_some(true),
            lookback: Some(4),
            horizon: Some(2),
            ..small()
        }
    }
}

fn day(instant: i64) -> String {
    DateTime::from_timestamp_micros(instant).unwrap().format("%F").to_string()
}

fn one() -> impl Strategy<Value = One> {
    let there = prop::collection::vec(prop::bool::weighted(0.9), 6..60);
    (0..6usize, 0..30usize, there).prop_map(|(calendar, first, there)| One { calendar, first, there })
}

fn panel() -> impl Strategy<Value = Panel> {
    (prop::sample::select(&WAYS[..]), prop::collection::vec(one(), 1..5))
        .prop_map(|(way, series)| Panel { way, series })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_way_of_reading_a_panel_reads_the_future(
        panel in panel(),
        values in prop::collection::vec(prop::collection::vec(-99..99i32, 60), 5),
        other in prop::collection::vec(prop::collection::vec(-99..99i32, 60), 5),
        pad in any::<bool>(),
        parts in 0..2u8,
        global in any::<bool>(),
        mean in any::<bool>(),
        pick in any::<prop::sample::Index>(),
    ) {
        let place = tempfile::tempdir().unwrap();
        let holidays = place.path().join("closed.csv");
        std::fs::write(&holidays, CLOSED.join("\n")).unwrap();
        let short = if pad { ShortSeries::Pad } else { ShortSeries::Skip };
        let scale = if global { Scale::Global } else { Scale::Series };
        let mut options = panel.options(short, parts, scale, if mean { Impute::Mean } else { Impute::Ffill });
        options.holidays = (panel.way == Way::Holidays).then_some(holidays);
        let data = panel.load(&values, &options);
        prop_assume!(data.is_some());
        let data = data.unwrap();
        let instant = |row: usize| {
            let series = &data.series[data.series_of(row)];
            series.timestamps[row - series.rows.start].instant
        };
        for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
            let windows = data.windows(split);
            if windows.is_empty() {
                continue;
            }
            let window = windows[pick.index(windows.len())];
            let origin = window as usize + data.lookback;
            let series = &data.series[data.series_of(origin)];
            let scaled = scaled_until(&data, series);
            let from = instant(origin - 1).max(scaled) + 1;
            let mut changed = values.clone();
            for ((one, values), other) in panel.series.iter().zip(&mut changed).zip(&other) {
                for (row, time) in panel.times(one).into_iter().enumerate() {
                    if time >= from {
                        values[row] = other[row];
                    }
                }
            }
            let after = panel.load(&changed, &options);
            prop_assert!(after.is_some());
            let after = after.unwrap();
            for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
                prop_assert_eq!(after.windows(split), data.windows(split));
            }
            let index = data.series_of(origin);
            prop_assert_eq!(&after.series[index].calendar, &data.series[index].calendar);
            prop_assert_eq!(&after.series[index].scalers, &data.series[index].scalers);
            let rows = window as usize * data.channels()..origin * data.channels();
            prop_assert_eq!(&after.values[rows.clone()], &data.values[rows]);
        }
        // No row to come is a target or an input.
        if panel.way == Way::ToCome {
            for (id, one) in panel.series.iter().enumerate() {
                let times = panel.times(one);
                let last = times.len().checked_sub(2 + id).map_or(times[0], |row| times[row]);
                let own = data.series.iter().find(|series| series.id == format!("s{id}"));
                let ends = own.and_then(|series| series.timestamps.last());
                prop_assert!(ends.is_none_or(|end| end.instant <= last.max(times[0])));
            }
        }
    }
}
