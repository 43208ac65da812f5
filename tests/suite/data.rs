//! Files as people have them: delimiters, decimal marks, headers, wide and long, roles of columns.

use microglia::data::{Covariates, DataOptions, Dataset, Encoding, Scale, Series};
use microglia::error::Error;

/// Loads a text as `test.csv`.
pub(crate) fn load(text: &str, options: &DataOptions) -> Result<Dataset, Error> {
    options.load_bytes("test", "test.csv", text.as_bytes())
}

/// Loads a text that must be rejected; → the message.
pub(crate) fn rejection(text: &str, options: &DataOptions) -> String {
    match load(text, options) {
        Ok(dataset) => panic!("was not rejected: {:?}", dataset.notices),
        Err(error) => error.to_string(),
    }
}

/// Look-back 2, horizon 1, no calendar: short files do.
pub(crate) fn small() -> DataOptions {
    DataOptions { lookback: Some(2), horizon: Some(1), calendar: Some(false), ..DataOptions::default() }
}

/// `date,y` with one row a day from 2024-01-01, its values as written.
pub(crate) fn daily(values: &[&str]) -> String {
    let day = |i: usize| format!("2024-{:02}-{:02}", 1 + i / 28, 1 + i % 28);
    values.iter().enumerate().fold("date,y\n".into(), |text, (i, value)| text + &format!("{},{value}\n", day(i)))
}

/// The instant of the last row that scales a series: of its training rows, or of the inputs of its first window, if it has no
/// training window; under one scaler for all series, the last training row of all.
pub(crate) fn scaled_until(data: &Dataset, series: &Series) -> i64 {
    let instant = |one: &Series, end: usize| one.timestamps[end - 1 - one.rows.start].instant;
    if data.resolved.scale == Some(Scale::Global) {
        let trained = data.series.iter().filter(|one| !one.parts.train.is_empty());
        return trained.map(|one| instant(one, one.parts.train.end)).max().unwrap_or(i64::MIN);
    }
    let trains = data.train.iter().any(|window| series.rows.contains(&(*window as usize + data.lookback)));
    let inputs = if trains { 0 } else { series.rows.start + data.lookback };
    instant(series, series.parts.train.end.max(inputs).max(series.rows.start + 1))
}

pub(crate) fn noticed(dataset: &Dataset, part: &str) -> bool {
    dataset.notices.iter().any(|line| line.to_string().contains(part))
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

fn days(row: impl Fn(usize) -> String) -> String {
    (0..20).map(|i| format!("2024-01-{:02}{}\n", i + 1, row(i))).collect()
}

#[test]
fn wide_file_gives_windows_over_its_rows() {
    let text = format!("date,y\n{}", days(|i| format!(",{i}")));
    let data = load(&text, &small()).unwrap();
    assert_eq!((data.rows(), data.channels(), data.targets()), (20, 1, 1));
    assert_eq!(data.channel_names(), ["y"]);
    // 14 training, 2 validation, 4 test rows.
    assert_eq!(data.train, (0..12).collect::<Vec<u32>>());
    assert_eq!(data.validation, [12, 13]);
    assert_eq!(data.test, [14, 15, 16, 17]);
    // Mean and population deviation of 0 … 13.
    let scaler = data.series[0].scalers[0];
    assert_eq!((scaler.mean, scaler.std), (6.5, (195.0f64 / 12.0).sqrt()));
    assert_eq!(data.values[3], ((3.0 - 6.5) / scaler.std) as f32);
    assert_eq!(data.raw_targets[19], 19.0);
    assert_eq!(data.unscale(0, 0, scaler.scale(19.0)), 19.0);
    assert!(data.observed.iter().all(|observed| *observed == 1.0));
    assert_eq!(data.observed_targets(0), 1);
    assert_eq!(data.time_label(19), "2024-01-20");
}

#[test]
fn long_file_gives_a_panel_whatever_the_order_of_its_series() {
    let interleaved: String = days(|i| format!(",b,{i},1\n2024-01-{:02},a,{},1", i + 1, 10 * i));
    let data = load(&format!("ds,unique_id,y,x\n{interleaved}"), &small()).unwrap();
    let ids: Vec<&str> = data.series.iter().map(|series| series.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!((data.rows(), data.series[1].rows.clone()), (40, 20..40));
    assert_eq!(data.raw_targets[21], 10.0);
    assert_eq!((data.series_of(19), data.series_of(20)), (0, 1));
    assert_eq!(data.train.len(), 24);
    // A series' last training window ends before the next series' first row.
    assert!(data.train.iter().all(|w| data.series_of(*w as usize) == data.series_of(*w as usize + 2)));
    assert_eq!(data.channel_names(), ["y"], "covariates are not read unless asked for");
}

#[test]
fn delimiters_are_detected() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = format!("date{delimiter}y{delimiter}z\n{}", days(|i| format!("{delimiter}{i}.5{delimiter}1.5")));
        let data = load(&text, &small()).unwrap();
        assert_eq!(data.resolved.delimiter, delimiter.chars().next());
    }
}

#[test]
fn decimal_commas_are_detected() {
    let text = format!("date;y\n{}", days(|i| format!(";{i},25")));
    let data = load(&text, &small()).unwrap();
    assert_eq!((data.raw_targets[3], data.resolved.decimal), (3.25, Some(',')));
    // Quoted, they may be in a file separated by commas.
    let text = format!("date,y\n{}", days(|i| format!(",\"{i},25\"")));
    let data = load(&text, &small()).unwrap();
    assert_eq!((data.raw_targets[3], load(&text, &data.resolved).unwrap().raw_targets[3]), (3.25, 3.25));
}

#[test]
fn undecidable_decimal_marks_are_rejected() {
    let thousands = format!("date;y\n{}", days(|i| format!(";{},250", i + 1)));
    assert_says(&rejection(&thousands, &small()), &["test.csv:2, column `y`, value \"1,250\"", "`decimal = \",\"`"]);
    let options = DataOptions { decimal: Some(','), ..small() };
    assert_eq!(load(&thousands, &options).unwrap().raw_targets[0], 1.25);
    let both = format!("date;y;z\n{}", days(|i| format!(";{i},25;{i}.5")));
    assert_says(&rejection(&both, &small()), &["decimal comma", "line 2", "`decimal ="]);
}

#[test]
fn marks_of_windows_and_spreadsheets_do_no_harm() {
    let text =
        format!("\u{feff}\"date\",\"y\",,\r\n{}", days(|i| format!(",\"  {i}.5 \",,\r"))) + ",,,\r\n\r\n , ,,\r\n";
    let data = load(&text, &small()).unwrap();
    assert_eq!((data.rows(), data.raw_targets[2]), (20, 2.5));
    assert!(noticed(&data, "2 empty rows skipped"), "{:?}", data.notices);
}

#[test]
fn what_is_no_utf_8_is_read_as_windows_1252() {
    let mut bytes = b"date,T (\xb0C),y\n".to_vec();
    bytes.extend(days(|i| format!(",{i},1")).bytes());
    for name in ["#2", "T (°C)"] {
        let options = DataOptions { targets: Some(vec![name.into()]), ..small() };
        let data = options.load_bytes("test", "test.csv", &bytes).unwrap();
        assert_eq!((data.channel_names(), data.encoding), (&["T (°C)".to_string()][..], Encoding::Windows1252));
        assert!(noticed(&data, "no UTF-8 (line 1): read as Windows-1252"), "{:?}", data.notices);
    }
    // The euro sign of amounts.
    let mut bytes = b"date;y\n".to_vec();
    (1..=20).for_each(|day| bytes.extend([format!("2024-01-{day:02};{day},5 ").as_bytes(), b"\x80\n"].concat()));
    let data = small().load_bytes("test", "test.csv", &bytes).unwrap();
    assert_eq!(data.raw_targets[19], 20.5);
    assert!(noticed(&data, "currency signs are left out"), "{:?}", data.notices);
    // A stray byte in a file of UTF-8.
    let mut bytes = "date,Größe,note\n".as_bytes().to_vec();
    (1..=20).for_each(|day| bytes.extend([format!("2024-01-{day:02},{day},").as_bytes(), b"\xfc\n"].concat()));
    let options = DataOptions { targets: Some(vec!["Größe".into()]), ..small() };
    let data = options.load_bytes("test", "test.csv", &bytes).unwrap();
    assert_eq!(data.encoding, Encoding::Utf8);
    assert!(noticed(&data, "20 bytes of no UTF-8, the first in line 2, read as Windows-1252"), "{:?}", data.notices);
}

#[test]
fn rejections_name_the_line_whatever_ends_it() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("date,y{end}2024-01-01,1{end}{end}2024-01-02,x1{end}2024-01-03,3{end}2024-01-04,4{end}");
        assert_says(
            &rejection(&text, &small()),
            &["test.csv:4, column `y`, value \"x1\": not a number", "`missing-values`"],
        );
    }
    let quoted = "date,y,text\n2024-01-01,1,\"two\nlines\"\n2024-01-02,oops,\n2024-01-03,3,\n2024-01-04,4,\n";
    assert_says(&rejection(quoted, &small()), &["test.csv:4"]);
}

#[test]
fn files_that_are_no_tables_are_rejected() {
    let check = |bytes: &[u8], part: &str| {
        let message = small().load_bytes("test", "test.csv", bytes).unwrap_err().to_string();
        assert_says(&message, &["test.csv", part]);
    };
    check(b"", "empty");
    check(b"date,y\n", "no rows");
    check(b"\x1f\x8b\x08\0\0", "cannot be unpacked");
    #[cfg(not(feature = "parquet"))]
    for (bytes, called) in [(&b"PAR1\x15\x04\0"[..], "a Parquet file"), (b"ARROW1\0\0", "an Arrow file")] {
        check(bytes, &format!("{called}, which this build does not read"));
        check(bytes, "cargo install --path . --features parquet");
    }
    check(b"PARE\x15\x04\0", "an encrypted Parquet file, not delimited text");
    check(b"FEA1\x15\x04\0", "a Feather file of version 1, not delimited text");
    check(b"PK\x03\x04rest", "CSV");
    check(b"\xff\xfed\0a\0", "UTF-8");
    check(b"da\0te,y\n", "binary");
    check(b"1.5,2\n3,4\n", "no header");
    check(b"2024-01-01,1\n2024-01-02,2\n", "no header");
    check(b"a,2024-01-01 06:00,1,\na,2024-01-01 07:00,2,\n", "no header");
    check(b"date,y\n2024-01-01,1\n2024-01-02\n", "1 fields");
    check(b"date,y\n2024-01-01,1\n2024-01-02,1,2\n", "3 fields");
    check(b"a,b\nx,1\ny,2\n", "`time-column`");
    let missing = DataOptions { source: "no/such.csv".parse().unwrap(), ..small() };
    assert_says(&missing.load().unwrap_err().to_string(), &["no/such.csv"]);
}

#[test]
fn numbers_beyond_f32_are_rejected() {
    for bad in ["inf", "-Infinity", "1e308", "3.5e38"] {
        let mut values = vec!["1"; 20];
        values[5] = bad;
        assert_says(
            &rejection(&daily(&values), &small()),
            &["test.csv:7, column `y`", bad, "not a finite 32-bit number"],
        );
    }
}

#[test]
fn scaling_beyond_f32_is_rejected() {
    let mut values = ["1e-9", "2e-9"].repeat(10);
    values[19] = "3e38";
    assert_says(&rejection(&daily(&values), &small()), &["test.csv:21, column `y`, value \"3e38\"", "32-bit"]);
}

#[test]
fn constant_columns_have_scale_one() {
    let data = load(&daily(&["0.1"; 20]), &small()).unwrap();
    assert_eq!(data.series[0].scalers[0].std, 1.0);
    assert!(data.values.iter().all(|value| *value == 0.0));
    assert_eq!(data.series[0].mase_denominators, [None]);
    assert!(!noticed(&data, "MASE"), "a table's dash says it");
}

#[test]
fn the_target_is_y_or_the_only_number_or_asked_for() {
    let only = format!("date,name,sales\n{}", days(|i| format!(",x,{i}")));
    let data = load(&only, &small()).unwrap();
    assert_eq!(data.channel_names(), ["sales"]);
    assert!(noticed(&data, "target sales"));
    let chosen: Vec<_> =
        data.notices.iter().filter(|line| !line.to_string().starts_with("no targets")).cloned().collect();
    assert_eq!(load(&only, &data.resolved).unwrap().notices, chosen, "what was chosen is told again");
    let two = format!("date,name,a,b\n{}", days(|i| format!(",x,{i},{i}")));
    assert_says(&rejection(&two, &small()), &["2 numeric columns", "`target`", "a, b"]);
    let none = format!("date,name\n{}", days(|_| ",x".into()));
    assert_says(&rejection(&none, &small()), &["no numeric column"]);

    let target = |name: &str| DataOptions { targets: Some(vec![name.into()]), ..small() };
    assert_says(&rejection(&two, &target("c")), &["no column `c`", "`target`", "date, name, a, b"]);
    assert_says(
        &rejection(&two, &target("name")),
        &["test.csv:2, column `name`, value \"x\"", "not a number", "`target`"],
    );
    let twice = DataOptions { targets: Some(vec!["a".into(), "#3".into()]), ..small() };
    assert_says(&rejection(&two, &twice), &["`target`", "twice"]);
}

#[test]
fn channels_are_targets_covariates_calendar() {
    let text = format!("date,a,text,b,c,empty,\n{}", days(|i| format!(",{i},x,{},{},,{i}", 2 * i, 3 * i)));
    let with = |covariates: Covariates| DataOptions {
        targets: Some(vec!["c".into(), "a".into()]),
        covariates: Some(covariates),
        ..small()
    };
    let all = load(&text, &with(Covariates::All)).unwrap();
    assert_eq!(all.channel_names(), ["c", "a", "b"]);
    assert_eq!(all.target_names(), ["c", "a"]);
    assert!(noticed(&all, "not covariates: text, empty"), "{:?}", all.notices);
    assert!(noticed(&all, "asked for by position: #7"), "{:?}", all.notices);
    let named = load(&text, &with(Covariates::Names(vec!["#7".into(), "b".into()]))).unwrap();
    assert_eq!(named.channel_names(), ["c", "a", "#7", "b"]);
    assert_says(&rejection(&text, &with(Covariates::Names(vec!["a".into()]))), &["`covariates`", "`a` is a target"]);
    let calendar = DataOptions { calendar: Some(true), ..with(Covariates::None) };
    assert_eq!(load(&text, &calendar).unwrap().channel_names(), ["c", "a", "weekday_sin", "weekday_cos"]);
}

#[test]
fn columns_of_one_name_are_told_apart_by_position() {
    let text = format!("date,y,x,x\n{}", days(|i| format!(",{i},{},{}", i + 1, i + 2)));
    assert_eq!(load(&text, &small()).unwrap().channel_names(), ["y"], "a name that is not used may be ambiguous");
    let with = |name: &str| DataOptions { covariates: Some(name.parse().unwrap()), ..small() };
    assert_says(&rejection(&text, &with("x")), &["test.csv:1, column `x`", "#3 and #4", "`covariates`"]);
    let data = load(&text, &with("#4")).unwrap();
    assert_eq!((&data.channel_names()[1][..], data.unscale(0, 1, data.values[1].into()) as f32), ("#4", 2.0));
    assert_eq!(load(&text, &data.resolved).unwrap().values, data.values);
    assert_eq!(load(&text, &with("all")).unwrap().channel_names(), ["y", "#3", "#4"]);
    for (header, flag) in
        [("date,y,y,x", "`target`"), ("date,date,y,x", "`time-column`"), ("item_id,item_id,y,x", "`id-column`")]
    {
        let text = text.replacen("date,y,x,x", header, 1);
        assert_says(&rejection(&text, &small()), &["have one name", flag]);
    }
}

#[test]
fn names_with_commas_are_listed_as_flags_take_them() {
    let text = format!("date,\"T, °C\",T out\n{}", days(|i| format!(",{i},{i}")));
    let listed = "\"T, °C\", \"T out\"";
    assert_says(&rejection(&text, &small()), &[&format!("`target` takes one or more of: {listed}")]);
    let options = DataOptions { targets: Some(microglia::data::options::parse_list(listed)), ..small() };
    let data = load(&text, &options).unwrap();
    assert_eq!(data.channel_names(), ["T, °C", "T out"]);
    assert_eq!(data.resolved.targets.as_deref(), Some(data.channel_names()));
}

#[test]
fn a_typo_does_not_turn_a_column_into_text() {
    let text = format!("date,y,x\n{}", days(|i| format!(",{i},{}", if i == 7 { "1o".into() } else { i.to_string() })));
    let options = DataOptions { covariates: Some(Covariates::All), ..small() };
    assert_says(&rejection(&text, &options), &["test.csv:9, column `x`, value \"1o\""]);
}

#[test]
fn series_ids_are_needed_in_every_row() {
    let text = "unique_id,ds,y\na,2024-01-01,1\n,2024-01-02,1\n";
    assert_says(&rejection(text, &small()), &["test.csv:3, column `unique_id`", "no series id"]);
}

#[test]
fn ten_megabytes_load_in_well_under_a_second() {
    let mut text = String::from("date,a,b,c,d,e,f,y\n");
    for i in 0..70_000u32 {
        let value = f64::from(i).sin();
        let (day, minute) = (i / 96, i % 96 * 15);
        let date = chrono::NaiveDate::from_yo_opt(2016, 1).unwrap() + chrono::Days::new(u64::from(day));
        text += &format!("{date} {:02}:{:02}:00", minute / 60, minute % 60);
        (0..7).for_each(|k| text += &format!(",{:.15}", value * f64::from(k)));
        text.push('\n');
    }
    assert!(text.len() > 9_000_000);
    let options = DataOptions { covariates: Some(Covariates::All), ..DataOptions::default() };
    let start = std::time::Instant::now();
    assert_eq!(load(&text, &options).unwrap().rows(), 70_000);
    // Without optimisation, on a busy machine, it only must not be out of all proportion.
    let bound = if cfg!(debug_assertions) { 20.0 } else { 1.0 };
    assert!(start.elapsed().as_secs_f64() < bound, "{:?}", start.elapsed());
}
