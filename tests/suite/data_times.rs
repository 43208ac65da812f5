//! The time column: forms, order, sampling step, season, gaps, calendar.

use microglia::data::{DataOptions, Dataset, Gaps, Step, TimeKind};

use super::data::{load, noticed, rejection, small};

/// A file of these times, with y = 0, 1, 2 … and a few rows more if they are few.
fn file(times: &[&str]) -> String {
    times.iter().enumerate().fold("date,y\n".into(), |text, (i, time)| text + &format!("\"{time}\",{}\n", i * i))
}

/// Times by a rule, enough for windows.
fn many(time: impl Fn(i64) -> String) -> String {
    let times: Vec<String> = (0..60).map(time).collect();
    file(&times.iter().map(String::as_str).collect::<Vec<_>>())
}

fn labels(data: &Dataset, rows: usize) -> Vec<String> {
    (0..rows).map(|row| data.time_label(row)).collect()
}

fn hours(format: &str) -> String {
    let start = chrono::NaiveDate::from_ymd_opt(2024, 1, 30).unwrap().and_hms_opt(22, 0, 0).unwrap();
    many(|i| (start + chrono::Duration::hours(i)).format(format).to_string())
}

#[test]
fn usual_forms_are_read() {
    for format in [
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%d %-H:%M",
        "%Y.%m.%d %H:%M:%S%.3f",
        "%Y-%m-%d  %H.%M.%S",
        "%d/%m/%Y %H.%M.%S",
        "%m/%d/%Y %I:%M %p",
        "%d.%m.%Y %H:%M",
        "%-d-%-m-%Y %H:%M:%S",
        "%Y%m%d%H",
        "%Y%m%d%H%M",
        "%Y%m%d%H%M%S",
        "%Y%m%dT%H%M%S",
        "%d %b %Y %H:%M",
        "%B %-d, %Y %H:%M",
        "%Y-%b-%d %Hh%M",
        "%Y-%m-%d %H",
    ] {
        let data = load(&hours(format), &small()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(data.step(), Step::Time(3_600_000_000), "{format}");
        assert_eq!(labels(&data, 3), ["2024-01-30T22:00", "2024-01-30T23:00", "2024-01-31T00:00"], "{format}");
        assert_eq!(data.time_kind, TimeKind::Clock { zoned: false });
    }
}

#[test]
fn a_given_format_is_followed() {
    for format in ["%d/%m/%Y %H.%M.%S", "%H:%M %j %Y", "%y%m%d-%H", "%s"] {
        let options = DataOptions { time_format: Some(format.into()), ..small() };
        let data = load(&hours(format), &options).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(data.time_label(2), "2024-01-31T00:00", "{format}");
    }
    let monthly = DataOptions { time_format: Some("%m/%Y".into()), ..small() };
    let data = load(&many(|i| format!("{:02}/{}", i % 12 + 1, 2000 + i / 12)), &monthly).unwrap();
    assert_eq!((data.step(), data.season), (Step::Months(1), 12));
    let message = rejection(&hours("%Y-%m-%d"), &DataOptions { time_format: Some("%d/%m/%Y".into()), ..small() });
    assert!(message.contains("test.csv:2, column `date`") && message.contains("`time-format`"), "{message}");
    let message = rejection(&hours("%Y-%m-%d"), &DataOptions { time_format: Some("%Q".into()), ..small() });
    assert!(message.contains("`time-format`") && message.contains("strptime"), "{message}");
    let far = DataOptions { time_format: Some("%Y".into()), ..small() };
    assert!(rejection(&file(&["+262000", "+262001"]), &far).contains("9999"));
}

#[test]
fn day_and_month_are_told_apart_by_the_column_or_not_at_all() {
    let european = load(
        &file(&[
            "10/03/2004",
            "11/03/2004",
            "12/03/2004",
            "13/03/2004",
            "14/03/2004",
            "15/03/2004",
            "16/03/2004",
            "17/03/2004",
            "18/03/2004",
            "19/03/2004",
        ]),
        &small(),
    )
    .unwrap();
    assert_eq!(european.time_label(0), "2004-03-10");
    assert!(noticed(&european, "day before month, by line 5"));
    let american = load(
        &file(&[
            "3/10/2004",
            "3/11/2004",
            "3/12/2004",
            "3/13/2004",
            "3/14/2004",
            "3/15/2004",
            "3/16/2004",
            "3/17/2004",
            "3/18/2004",
            "3/19/2004",
        ]),
        &small(),
    )
    .unwrap();
    assert_eq!(american.time_label(0), "2004-03-10");
    let message = rejection(&file(&["01/02/2004", "02/02/2004"]), &small());
    assert!(
        message.contains("test.csv:2, column `date`, value \"01/02/2004\"") && message.contains("`time-format`"),
        "{message}"
    );
    let message = rejection(&file(&["13/02/2004", "02/14/2004"]), &small());
    assert!(message.contains("test.csv:3") && message.contains("line 2"), "{message}");
}

#[test]
fn times_that_are_none_are_rejected_with_their_line() {
    for (times, parts) in [
        (["2024-01-01", "2024-02-30"], ["test.csv:3, column `date`, value \"2024-02-30\"", "no such day"]),
        (["2024-01-01", "yesterday"], ["test.csv:3", "`time-format`"]),
        (["2024-01-01", ""], ["test.csv:3", "no time"]),
        (["2024-01-01", "02/01/2024"], ["test.csv:3", "another form than in line 2"]),
        (["2024-01-01T00:00Z", "2024-01-01T01:00"], ["test.csv:3", "offset"]),
        (["2024-01-01 12:60", "2024-01-01 13:00"], ["test.csv:2", "`time-format`"]),
        (["24-01-01", "24-01-02"], ["test.csv:2", "`time-format`"]),
    ] {
        let message = rejection(&file(&times), &DataOptions { time_column: Some("date".into()), ..small() });
        assert!(parts.iter().all(|part| message.contains(part)), "{times:?}: {message}");
    }
}

#[test]
fn offsets_order_instants_and_clocks_make_features() {
    // Clocks go back at 03:00 on 2024-10-27: 02:30 comes twice on the wall, once as an instant.
    let text = many(|i| {
        let instant = chrono::NaiveDate::from_ymd_opt(2024, 10, 27).unwrap().and_hms_opt(0, 0, 0).unwrap()
            + chrono::Duration::minutes(30 * (i - 4));
        let summer = i < 6;
        let wall = instant + chrono::Duration::hours(if summer { 2 } else { 1 });
        wall.format(if summer { "%Y-%m-%dT%H:%M:00+02:00" } else { "%Y-%m-%dT%H:%M:00+0100" }).to_string()
    });
    // Training shows one day whole.
    let split = Some("0.85,0.05,0.1".parse().unwrap());
    let data = load(&text, &DataOptions { calendar: Some(true), split, ..small() }).unwrap();
    assert_eq!(data.step(), Step::Time(1_800_000_000));
    assert_eq!(
        (data.time_label(5), data.time_label(7)),
        ("2024-10-27T02:30+02:00".into(), "2024-10-27T02:30+01:00".into())
    );
    assert!(!noticed(&data, "missing time"));
    let hour = data.channel_names().iter().position(|name| name == "hour_sin").unwrap();
    let at = |row: usize| data.values[row * data.channels() + hour];
    assert_eq!(at(5), at(7), "one written clock, one feature");
    // Without offsets the same wall clock is a duplicate.
    let naive = text.replace("+02:00", "").replace("+0100", "");
    let message = rejection(&naive, &small());
    assert!(message.contains("clock set back") && message.contains("`id-column`"), "{message}");
}

#[test]
fn daily_rows_stay_daily_when_clocks_change() {
    let day = |i: i64| chrono::NaiveDate::from_ymd_opt(2024, 3, 1).unwrap() + chrono::Duration::days(i);
    let data =
        load(&many(|i| format!("{}T00:00{}", day(i), if i < 31 { "+01:00" } else { "+02:00" })), &small()).unwrap();
    assert_eq!((data.step(), data.season), (Step::Time(86_400_000_000), 7));
    assert!(!noticed(&data, "interval") && !noticed(&data, "missing time"), "{:?}", data.notices);
}

#[test]
fn duplicate_and_unordered_times_are_rejected() {
    let message = rejection(&file(&["2024-01-01", "2024-01-02", "2024-01-02"]), &small());
    assert!(
        message.contains("test.csv:4, column `date`, value \"2024-01-02\": the same time as in line 3"),
        "{message}"
    );
    let message = rejection(&file(&["2024-01-02", "2024-01-03", "2024-01-01"]), &small());
    assert!(message.contains("test.csv:4") && message.contains("earlier than the time in line 3"), "{message}");
    let off = DataOptions { sort: Some(false), ..small() };
    let message = rejection(&file(&["2024-01-03", "2024-01-02", "2024-01-01"]), &off);
    assert!(message.contains("from new to old"), "{message}");
    let panel = "unique_id,ds,y\na,2024-01-01,1\nb,2024-01-01,1\na,2024-01-01,1\n";
    let message = rejection(panel, &small());
    assert!(message.contains("test.csv:4") && message.contains("of series `a` as in line 2"), "{message}");
}

#[test]
fn times_closer_than_a_microsecond_are_not_called_the_same() {
    let counts = many(|i| (1_640_995_200_000_000_000 + 100 * i).to_string());
    let fractions = many(|i| format!("2022-01-01 00:00:00.0000000{i:02}"));
    for text in [counts, fractions] {
        let message = rejection(&text, &small());
        assert!(message.contains("test.csv:3"), "{message}");
        assert!(message.contains("less than a microsecond after the time in line 2"), "{message}");
    }
}

#[test]
fn time_columns_are_found() {
    let rows = |row: &dyn Fn(i64) -> String| (0..40).map(row).collect::<String>();
    for (header, row, name) in [
        (
            "Date;Time;y",
            &(|i: i64| format!("{:02}/03/2004;{:02}.00.00;{i}\n", 13 + i / 24, i % 24)) as &dyn Fn(i64) -> String,
            "Date+Time",
        ),
        ("No,year,month,day,hour,y", &|i| format!("{i},2010,1,{},{},{i}\n", 1 + i / 24, i % 24), "year+month+day+hour"),
        ("y,when", &|i| format!("{i},2010-01-{:02}T{:02}:00:00.000Z\n", 1 + i / 24, i % 24), "when"),
        (",y", &|i| format!("2010-01-{:02} {:02}:00,{i}\n", 1 + i / 24, i % 24), "#1"),
        (
            "year,month,day,hour,y,time_hour",
            &|i| format!("2010,1,1,0,{i},2010-01-{:02} {:02}:00\n", 1 + i / 24, i % 24),
            "time_hour",
        ),
        ("timestamp,y", &|i| format!("{},{i}\n", 1_600_000_000 + 3600 * i), "timestamp"),
        ("timestamp,y", &|i| format!("{},{i}\n", 1_600_000_000_000i64 + 3_600_000 * i), "timestamp"),
    ] {
        let data =
            load(&format!("{header}\n{}", rows(row)), &DataOptions { targets: Some(vec!["y".into()]), ..small() })
                .unwrap_or_else(|e| panic!("{header}: {e}"));
        assert_eq!((data.time_column.as_str(), data.step().to_string().as_str()), (name, "1 hour"), "{header}");
    }
}

#[test]
fn composite_columns_can_be_named() {
    let text: String = (0..40).map(|i| format!("x,2010,{},{i}\n", 1 + i % 12)).collect();
    let text = format!(
        "a,jahr,monat,y\n{}",
        (0..40).map(|i| format!("x,{},{},{i}\n", 2010 + i / 12, 1 + i % 12)).collect::<String>() + &text[..0]
    );
    let options = DataOptions { time_column: Some("jahr+monat".into()), targets: Some(vec!["y".into()]), ..small() };
    let data = load(&text, &options).unwrap();
    assert_eq!((data.step(), data.time_label(13)), (Step::Months(1), "2011-02-01".into()));
    // A position stands for the name that is there, and stays what was asked for.
    let by_position = load(&text, &DataOptions { time_column: Some("#2+#3".into()), ..options.clone() }).unwrap();
    assert_eq!((&by_position.time_column[..], &data.time_column[..]), ("jahr+monat", "jahr+monat"));
    assert_eq!(by_position.resolved.time_column.as_deref(), Some("#2+#3"));
    let message = rejection(&text, &DataOptions { time_column: Some("jahr+mois".into()), ..options });
    assert!(message.contains("no column `mois`") && message.contains("jahr, monat"), "{message}");
}

#[test]
fn whole_numbers_may_order_the_rows() {
    let data = load(
        &file(&["1", "2", "3", "4", "5", "6", "7", "8", "10", "11"]).replace("date", "ds"),
        &DataOptions { calendar: Some(true), ..small() },
    )
    .unwrap();
    assert_eq!((data.time_kind, data.step(), data.season), (TimeKind::RowNumbers, Step::Rows(1), 1));
    assert!(noticed(&data, "1 missing time in 1 gap, at most 1 after 8"), "{:?}", data.notices);
    assert!(noticed(&data, "no calendar"));
    let months = load(&many(|i| format!("{}{:02}", 2000 + i / 12, i % 12 + 1)), &small()).unwrap();
    assert_eq!(months.step(), Step::Months(1));
    let message = rejection(&file(&["1", "2", "1600000000"]), &small());
    assert!(message.contains("test.csv:4"), "{message}");
}

fn grouped_rows(rows: usize) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

#[test]
fn the_step_gives_the_season() {
    let start = chrono::NaiveDate::from_ymd_opt(2023, 1, 31).unwrap();
    let minutes =
        |step: i64| many(|i| (start.and_hms_opt(0, 0, 0).unwrap() + chrono::Duration::minutes(step * i)).to_string());
    for (step, name, season) in [
        (1, "1 minute", 1440),
        (5, "5 minutes", 288),
        (10, "10 minutes", 144),
        (15, "15 minutes", 96),
        (30, "30 minutes", 48),
        (60, "1 hour", 24),
        (480, "8 hours", 3),
        (7 * 60, "7 hours", 24),
        (1440, "1 day", 7),
        (7 * 1440, "1 week", 52),
        (28 * 1440, "4 weeks", 13),
    ] {
        let data = load(&minutes(step), &small()).unwrap();
        // Sixty rows hold two seasons of thirty rows at most.
        let (own, why) =
            if season > 30 { (1, format!("no series has two times {season} rows")) } else { (season, "a ".into()) };
        assert_eq!((data.step().to_string().as_str(), data.season), (name, own));
        assert!(
            noticed(&data, name) && noticed(&data, &format!("season {} (", grouped_rows(own))) && noticed(&data, &why),
            "{:?}",
            data.notices
        );
    }
    let months = |each: u32| many(|i| (start + chrono::Months::new(each * i as u32)).to_string());
    for (each, name, season) in [(1, "1 month", 12), (3, "3 months", 4), (6, "6 months", 2), (12, "1 year", 1)] {
        let data = load(&months(each), &small()).unwrap();
        assert_eq!((data.step().to_string().as_str(), data.season), (name, season));
        assert!(!noticed(&data, "gap") && !noticed(&data, "interval"), "{:?}", data.notices);
    }
    // Default look-back: 2 seasons, at least 24 rows.
    let hourly = load(&minutes(60), &DataOptions { season: Some(5), ..DataOptions::default() });
    assert_eq!(hourly.unwrap().lookback, 24);
    assert!(rejection(&minutes(60), &DataOptions::default()).contains("48 rows in"));
}

/// Hourly rows without those that `absent` names.
fn hourly_without(absent: &[i64]) -> String {
    let start = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let rows = (0..60).filter(|i| !absent.contains(i));
    rows.fold("date,y\n".into(), |text, i| text + &format!("{},{i}\n", start + chrono::Duration::hours(i)))
}

#[test]
fn gaps_are_told_rejected_filled_or_skipped() {
    let text = hourly_without(&[10, 11, 12, 30]);
    let with = |gaps: Gaps| DataOptions { gaps: Some(gaps), impute: Some(microglia::data::Impute::Ffill), ..small() };

    let noticed_data = load(&text, &with(Gaps::Notice)).unwrap();
    assert!(
        noticed(&noticed_data, "4 missing times in 2 gaps, at most 3 after 2024-01-01T09:00"),
        "{:?}",
        noticed_data.notices
    );
    assert_eq!(noticed_data.rows(), 56);
    assert_eq!(noticed_data.train.len(), 39 - 2);

    let message = rejection(&text, &with(Gaps::Error));
    assert!(
        message.contains("test.csv:12, column `date`, value \"2024-01-01 13:00:00\"") && message.contains("`gaps ="),
        "{message}"
    );

    let filled = load(&text, &with(Gaps::Fill)).unwrap();
    assert_eq!((filled.rows(), filled.time_label(11)), (60, "2024-01-01T11:00".into()));
    assert_eq!(filled.observed[9..15], [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    assert!(filled.raw_targets[11].is_nan());
    assert_eq!(filled.values[12], filled.values[9]);
    let message = rejection(&text, &DataOptions { impute: None, ..with(Gaps::Fill) });
    assert!(message.contains("no row for 2024-01-01T10:00") && message.contains("`impute ="), "{message}");

    let skipped = load(&text, &with(Gaps::Skip)).unwrap();
    assert_eq!(skipped.rows(), 56);
    // Row 10 (13:00) and row 27 (31:00) do not follow their predecessors.
    let spans = |w: &u32| [10, 27].iter().any(|row| (*w + 1..*w + 3).contains(row));
    assert!(!skipped.train.iter().any(spans) && noticed_data.train.iter().any(spans));
    assert_eq!(skipped.dropped.gap, 4);
}

#[test]
fn filling_needs_a_grid() {
    let text = hourly_without(&[]).replace("2024-01-01 20:00:00", "2024-01-01 20:20:00");
    let message = rejection(&text, &DataOptions { gaps: Some(Gaps::Fill), ..small() });
    assert!(message.contains("test.csv:22") && message.contains("no whole number of steps"), "{message}");
    assert!(noticed(&load(&text, &small()).unwrap(), "2 intervals of no whole number of steps"));
    let far = file(&["0001-01-01 00:00:00", "0001-01-01 00:00:01", "0001-01-01 00:00:02", "9999-01-01 00:00:02"]);
    assert!(rejection(&far, &DataOptions { gaps: Some(Gaps::Fill), ..small() }).contains("would be inserted"));
}

#[test]
fn months_are_filled_at_their_ends() {
    let text = file(&[
        "2023-10-31",
        "2023-11-30",
        "2023-12-31",
        "2024-01-31",
        "2024-04-30",
        "2024-05-31",
        "2024-06-30",
        "2024-07-31",
        "2024-08-31",
        "2024-09-30",
        "2024-10-31",
        "2024-11-30",
        "2024-12-31",
    ]);
    let options = DataOptions { gaps: Some(Gaps::Fill), impute: Some(microglia::data::Impute::Ffill), ..small() };
    let data = load(&text, &options).unwrap();
    assert_eq!(
        (data.rows(), labels(&data, 7)[3..].join(" ")),
        (15, "2024-01-31 2024-02-29 2024-03-31 2024-04-30".into())
    );
}

#[test]
fn calendar_features_fit_the_step_and_the_training_span() {
    let options = DataOptions { calendar: Some(true), ..small() };
    let names = |text: String| load(&text, &options).unwrap().channel_names()[1..].join(" ");
    let start = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let rows = |count: i64, minutes: i64| {
        (0..count).fold(String::from("date,y\n"), |text, i| {
            text + &format!("{},{i}\n", start + chrono::Duration::minutes(minutes * i))
        })
    };
    // 70 % of the rows must show a cycle whole.
    assert_eq!(names(rows(34, 60)), "");
    assert_eq!(names(rows(35, 60)), "hour_sin hour_cos");
    assert_eq!(names(rows(240, 60)), "hour_sin hour_cos weekday_sin weekday_cos");
    assert_eq!(names(rows(600, 1440)), "weekday_sin weekday_cos yearday_sin yearday_cos");
    assert_eq!(names(rows(100, 7 * 1440)), "yearday_sin yearday_cos");
    // Noon and midnight: the sine is 0 at both.
    assert_eq!(names(rows(22, 720)), "hour_cos weekday_sin weekday_cos");
    assert_eq!(names(many(|i| format!("{}-{:02}", 2000 + i / 12, i % 12 + 1))), "month_sin month_cos");
    assert_eq!(names(many(|i| (1900 + i).to_string())), "");

    let data = load(&rows(240, 60), &options).unwrap();
    let row = &data.values[6 * data.channels()..7 * data.channels()];
    assert!((row[1] - 1.0).abs() < 1e-7 && row[2].abs() < 1e-7, "06:00 is a quarter of the day: {row:?}");
    // 2020-01-01 06:00 is a Wednesday: 2.25 of 7 days.
    let week = std::f64::consts::TAU * 2.25 / 7.0;
    assert!((f64::from(row[3]) - week.sin()).abs() < 1e-6 && (f64::from(row[4]) - week.cos()).abs() < 1e-6);
}

#[test]
fn months_by_name_and_years_of_two_digits_are_read() {
    let start = chrono::NaiveDate::from_ymd_opt(2021, 12, 20).unwrap();
    let days = |format: &str| many(|i| (start + chrono::Days::new(i as u64)).format(format).to_string());
    for format in
        ["%d-%b-%y", "%-d %B %y", "%b %d, %y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%y 00:00", "%G-W%V-%u"]
    {
        let data = load(&days(format), &small()).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert_eq!(labels(&data, 2), ["2021-12-20", "2021-12-21"], "{format}");
        let short = format.contains("%y");
        assert_eq!(noticed(&data, "two-digit years from 1969 to 2068"), short, "{format}: {:?}", data.notices);
    }
    // 69 to 99 are the last century.
    let century = many(|i| format!("01-Jan-{:02}", 40 + i));
    assert!(rejection(&century, &small()).contains("earlier than the time"), "68 is 2068, and 69 is 1969");
    let data = load(&many(|i| format!("01-{}-{:02}", ["Jan", "Jul"][i as usize % 2], 69 + i / 2)), &small()).unwrap();
    assert_eq!(labels(&data, 3), ["1969-01-01", "1969-07-01", "1970-01-01"]);
    // The year may come first where the last number changes most often.
    let message = rejection(&days("%y/%m/%d"), &small());
    assert!(message.contains("the year may come first or last") && message.contains("`time-format`"), "{message}");
    // A clock is none.
    assert!(rejection(&many(|i| format!("18.{:02}.00", i % 60)), &small()).contains("`time-format`"));
}

#[test]
fn weeks_months_and_years_without_days_are_read() {
    for (name, time, expected) in [
        (
            "2018-W01",
            (|i| format!("{}-W{:02}", 2018 + i / 52, 1 + i % 52)) as fn(i64) -> String,
            ["2018-01-01", "2018-01-08"],
        ),
        ("2018W01", |i| format!("{}W{:02}", 2018 + i / 52, 1 + i % 52), ["2018-01-01", "2018-01-08"]),
        ("2010M01", |i| format!("{}M{:02}", 2010 + i / 12, 1 + i % 12), ["2010-01-01", "2010-02-01"]),
        ("Jan-10", |i| format!("{}-{}", ["Jan", "Jul"][i as usize % 2], 10 + i / 2), ["2010-01-01", "2010-07-01"]),
        ("201001", |i| format!("{}{:02}", 2010 + i / 12, 1 + i % 12), ["2010-01-01", "2010-02-01"]),
    ] {
        // In a column that is not called like a time.
        let data = load(&many(time).replacen("date", "when", 1), &small()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(labels(&data, 2), expected, "{name}");
    }
    // Numbers that could be months, but do not rise, are no times.
    let text = many(|i| format!("2010{:02}", 1 + i % 12)).replacen("date", "code", 1);
    assert!(rejection(&text, &small()).contains("no column reads as a time"));
}

#[test]
fn a_column_of_years_is_a_time() {
    for name in ["Year", "year", "Jahr", "année"] {
        let text = many(|i| (1960 + i).to_string()).replacen("date", name, 1);
        let data = load(&text, &small()).unwrap();
        assert_eq!((data.step(), data.time_label(59)), (Step::Months(12), "2019-01-01".into()), "{name}");
        assert!(noticed(&data, &format!("time column `{name}`, years")), "{:?}", data.notices);
        assert_eq!(load(&text, &data.resolved).unwrap().series[0].timestamps, data.series[0].timestamps);
    }
    // Another column's name does not say so; its format does, and then finds it.
    let text = many(|i| (1960 + i).to_string()).replacen("date", "vintage", 1);
    assert!(rejection(&text, &small()).contains("no column reads as a time"));
    let format = DataOptions { time_format: Some("%Y".into()), ..small() };
    assert_eq!(load(&text, &format).unwrap().time_label(0), "1960-01-01");
    let numbers = many(|i| (1 + i).to_string()).replacen("date", "Year", 1);
    let named = DataOptions { time_column: Some("Year".into()), ..small() };
    assert_eq!(load(&numbers, &named).unwrap().time_kind, TimeKind::RowNumbers, "1 to 60 are no years");
}

#[test]
fn seconds_since_1970_may_have_a_fraction() {
    for (time, first) in [
        ((|i| format!("{}.0", 1_577_836_800 + 60 * i)) as fn(i64) -> String, "2020-01-01T00:00"),
        (|i| format!("{}.5", 1_577_836_800 + 60 * i), "2020-01-01T00:00:00.500"),
        (|i| format!("{}.250", 1_577_836_800_000 + 60_000 * i), "2020-01-01T00:00:00.000250"),
        (|i| format!("{}.0", 1_577_836_800_000 + 60_000 * i), "2020-01-01T00:00"),
    ] {
        let text = many(time).replacen("date", "timestamp", 1);
        for options in [small(), DataOptions { time_column: Some("timestamp".into()), ..small() }] {
            let data = load(&text, &options).unwrap();
            assert_eq!((data.step(), data.time_label(0)), (Step::Time(60_000_000), first.into()));
        }
    }
    let rows = many(|i| format!("{}.0", 1 + i));
    assert_eq!(load(&rows, &small()).unwrap().time_kind, TimeKind::RowNumbers);
    assert!(rejection(&many(|i| format!("{}.5", 1 + i)), &small()).contains("neither a row number nor"));
}
