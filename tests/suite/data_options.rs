//! One syntax for flags and TOML, and rejections that name the allowed values.

use microglia::data::options::{
    list, parse_decimal, parse_delimiter, parse_list, parse_on_off, parse_thousands, thousands_word,
};
use microglia::data::{
    Column, Covariates, DataOptions, Dataset, Gaps, Impute, Layout, Panel, Row, Scale, Source, Split, TimeKind,
    TimeSeries, Timestamp, counted,
};

#[test]
fn words_read_as_they_are_written() {
    for word in ["error", "ffill", "mean"] {
        assert_eq!(word.parse::<Impute>().unwrap().to_string(), word);
    }
    for word in ["notice", "error", "fill", "skip"] {
        assert_eq!(word.parse::<Gaps>().unwrap().to_string(), word);
    }
    for word in ["series", "global"] {
        assert_eq!(word.parse::<Scale>().unwrap().to_string(), word);
    }
    for word in ["none", "all", "a, b"] {
        assert_eq!(word.parse::<Covariates>().unwrap().to_string(), word);
    }
    for word in ["0.7,0.1,0.2", "8640,11520,14400", "2013-09-01,2013-11-01", "2013-09-01T12:00Z,2013-10-01,2013-11-01"]
    {
        assert_eq!(word.parse::<Split>().unwrap().to_string(), word);
    }
    assert_eq!("embedded".parse::<Source>().unwrap(), Source::Embedded);
    assert_eq!("a/b.csv".parse::<Source>().unwrap().to_string(), "a/b.csv");
    assert_eq!(parse_delimiter("tab").unwrap(), '\t');
    assert_eq!(parse_decimal(",").unwrap(), ',');
    for word in [".", ",", "'", "space"] {
        assert_eq!(thousands_word(parse_thousands(word).unwrap()), word);
    }
    assert!(parse_on_off("on").unwrap() && !parse_on_off("false").unwrap());
}

#[test]
fn lists_take_names_with_commas_and_write_them_back() {
    assert_eq!(parse_list(" a, b,,c"), ["a", "b", "c"]);
    assert_eq!(parse_list(r#"a, "Temp, °C" ,"say ""b""",say "c""#), ["a", "Temp, °C", r#"say "b""#, r#"say "c""#]);
    let names = ["a", "Temp, °C", r#"say "b""#, "T out", "all", r#"5""#, r#"""#];
    assert_eq!(list(&names[..4]), r#"a, "Temp, °C", "say ""b""", "T out""#);
    assert_eq!(parse_list(&list(&names)), names);
    // A column that is called as a choice is.
    let column: Covariates = "\"all\"".parse().unwrap();
    assert_eq!(column, Covariates::Names(vec!["all".into()]));
    assert_eq!(column.to_string().parse::<Covariates>().unwrap(), column);
}

#[test]
fn counts_read_well() {
    let counts = [0, 1, 999, 1000, 1234567].map(|n| counted(n, "row"));
    assert_eq!(counts, ["0 rows", "1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
}

#[test]
fn rejections_name_what_is_allowed() {
    let message = |error: microglia::Error| error.to_string();
    for (found, parts) in [
        (message("linear".parse::<Impute>().unwrap_err()), ["`impute`", "\"linear\"", "error ffill mean"]),
        (message("x".parse::<Gaps>().unwrap_err()), ["`gaps`", "\"x\"", "notice error fill skip"]),
        (message("x".parse::<Scale>().unwrap_err()), ["`scale`", "\"x\"", "series global"]),
        (message(parse_delimiter("x").unwrap_err()), ["`delimiter`", "`x`", ", ; | tab"]),
        (message(parse_decimal("x").unwrap_err()), ["`decimal`", "`x`", ". ,"]),
        (message(parse_thousands("x").unwrap_err()), ["`thousands`", "`x`", ". , ' space"]),
        (message("x".parse::<Layout>().unwrap_err()), ["`layout`", "\"x\"", "columns rows"]),
        (message(parse_on_off("yes").unwrap_err()), ["`calendar`", "`yes`", "on off"]),
    ] {
        assert!(parts.iter().all(|part| found.contains(part)), "{found}");
    }
}

#[test]
fn splits_that_make_no_sense_are_rejected() {
    for (text, part) in [
        ("0.7,0.2", "2 numbers"),
        ("0.7,100,200", "neither"),
        ("0.5,0.5,0.5", "sum"),
        ("0.8,0,0.2", "between 0 and 1"),
        ("300,200,400", "rise"),
        ("2.5,3.5,4.5", "neither"),
        ("0.7,2013-01-01", "mixed"),
        ("2013-01-01", "1 times"),
        ("nan,0.1,0.2", "neither"),
    ] {
        let message = text.parse::<Split>().unwrap_err().to_string();
        assert!(message.contains("`split`") && message.contains(part), "{text}: {message}");
    }
}

#[test]
fn options_read_from_toml() {
    let options: DataOptions = toml::from_str(
        "data = 'x.csv'\ntime-column = 'Date+Time'\ntarget = ['a', 'b, c']\ncovariates = 'all'\nlookback = 48
         calendar = true\nsplit = '0.6,0.2,0.2'\nimpute = 'ffill'\nmissing-values = '-200,\"a, b\"'\ngaps = 'skip'
         delimiter = 'tab'\ndecimal = ','\nthousands = 'space'\nskip-rows = 3\nsort = true\nlayout = 'columns'",
    )
    .unwrap();
    let expected = DataOptions {
        source: Source::File("x.csv".into()),
        time_column: Some("Date+Time".into()),
        targets: Some(vec!["a".into(), "b, c".into()]),
        covariates: Some(Covariates::All),
        lookback: Some(48),
        calendar: Some(true),
        split: Some("0.6,0.2,0.2".parse().unwrap()),
        impute: Some(Impute::Ffill),
        missing_values: Some(vec!["-200".into(), "a, b".into()]),
        gaps: Some(Gaps::Skip),
        delimiter: Some('\t'),
        decimal: Some(','),
        thousands: Some(' '),
        skip_rows: Some(3),
        sort: Some(true),
        layout: Some(Layout::Columns),
        ..DataOptions::default()
    };
    assert_eq!(options, expected);
    let message = toml::from_str::<DataOptions>("impute = \"linear\"").unwrap_err().to_string();
    assert!(message.contains("error, ffill, mean"), "{message}");
}

#[test]
fn absurd_lengths_are_rejected() {
    for rows in [0, usize::MAX] {
        let options = DataOptions { horizon: Some(rows), ..DataOptions::default() };
        assert!(options.load().unwrap_err().to_string().contains("`horizon`"));
    }
    let options = DataOptions { lookback: Some(1_000_000_000), ..DataOptions::default() };
    assert!(options.load().unwrap_err().to_string().contains("1,000,000,000 rows in"));
}

#[test]
fn rows_at_hand_are_read_as_those_of_a_file() {
    let day = |row: u32| format!("2024-{:02}-{:02}", 1 + row / 28, 1 + row % 28);
    let value = |row: u32, of: f64| (f64::from(row) * 0.37 + of).sin() / 3.0;
    let rows = || {
        (0..84u32).flat_map(move |row| {
            [("a", 0.0), ("b", 1.0)].map(|(id, of)| {
                let x = if row % 9 == 3 { f64::NAN } else { value(row, of + 2.0) };
                Row::of(id, day(row), [value(row, of), x])
            })
        })
    };
    let options = DataOptions {
        covariates: Some(Covariates::All),
        impute: Some(Impute::Ffill),
        gaps: Some(Gaps::Notice),
        lookback: Some(5),
        ..DataOptions::default()
    };
    let mut csv = "unique_id,ds,y,x\n".to_string();
    for row in rows() {
        let x = if row.values[1].is_nan() { String::new() } else { row.values[1].to_string() };
        csv += &format!("{},{},{},{x}\n", row.series.unwrap(), row.time, row.values[0]);
    }
    let read = options.load_bytes("plant", "plant", csv.as_bytes()).unwrap();
    let given = options.load_rows("plant", &["y", "x"], rows()).unwrap();
    assert_eq!((&given.values, &given.observed), (&read.values, &read.observed));
    assert_eq!((&given.test, given.fingerprint.len()), (&read.test, 64));
    assert_eq!(given.channel_names(), read.channel_names());
    assert_eq!(given.fingerprint, read.fingerprint);
    assert_eq!(given.series.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    // One series whose rows are counted, and the bits of its values.
    let single = (0..60).map(|row| Row::new(row, [value(row, 0.0)]));
    let single =
        DataOptions { lookback: Some(5), ..DataOptions::default() }.load_rows("one", &["power"], single).unwrap();
    assert!((0..60).all(|row| single.raw_targets[row as usize] == value(row, 0.0)));

    let rejection =
        |rows: Vec<Row<String>>, columns: &[&str]| options.load_rows("plant", columns, rows).unwrap_err().to_string();
    let first = Row::of("a", day(0), [1.0, 2.0]);
    let cases = [
        (Row::of("a", day(1), [1.0]), "plant:3: 1 values, but 2 columns are named"),
        (Row::new(day(1), [1.0, 2.0]), "plant:3: some rows name their series, and some do not"),
        (Row::of("a", day(0), [1.0, 2.0]), "plant:3"),
        (Row::of("a", "soon".into(), [1.0, 2.0]), "plant:3, column `ds`, value \"soon\""),
        (Row::of("a", day(1), [f64::INFINITY, 2.0]), "plant:3, column `y`, value \"inf\""),
    ];
    for (row, text) in cases {
        let error = rejection(vec![first.clone(), row], &["y", "x"]);
        assert!(error.contains(text) && error.contains("help: "), "no {text:?} in {error}");
    }
    assert!(rejection(Vec::new(), &["y"]).contains("no rows"), "{}", rejection(Vec::new(), &["y"]));
    assert!(rejection(vec![first], &["y", "y"]).contains("have one name"));
}

/// Every field, and every bit of its numbers.
fn assert_equal(a: &Dataset, b: &Dataset) {
    let bits = |data: &Dataset| {
        let values: Vec<u32> = data.values.iter().chain(&data.observed).map(|value| value.to_bits()).collect();
        (values, data.raw_targets.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
    };
    assert_eq!(bits(a), bits(b));
    // What is left, `known` and the counts among it. A NaN prints as any other.
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

#[test]
fn a_panel_gives_the_data_set_of_its_csv_file() {
    let rows = 60i64;
    let value = |row: i64, of: f64| (row as f64 * 0.37 + of).sin() / 3.0;
    let one = |id: &str, of: f64, times: Vec<Timestamp>| TimeSeries {
        id: id.into(),
        values: vec![
            (0..rows).map(|row| if row % 9 == 3 { f64::NAN } else { value(row, of + 2.0) }).collect(),
            (0..rows).map(|row| if row == 40 { f64::NAN } else { value(row, of) }).collect(),
        ],
        times,
    };
    // An hour is absent after row 20.
    let clock = |row: i64| 1_704_067_200 + 3600 * (row + i64::from(row > 20));
    let hours = || (0..rows).map(|row| Timestamp { instant: 1_000_000 * clock(row), offset: 0 }).collect();
    let counted = || (0..rows).map(|row| Timestamp { instant: 5 + row, offset: 0 }).collect();
    let columns = vec![Column::past_covariate("x"), Column::target("y")];
    let panels = [
        Panel {
            name: "plant".into(),
            time_kind: TimeKind::Clock { zoned: true },
            columns: columns.clone(),
            series: vec![one("a", 0.0, hours()), one("b", 1.0, hours())],
        },
        Panel { name: "plant".into(), time_kind: TimeKind::RowNumbers, columns, series: vec![one("", 0.0, counted())] },
    ];
    for panel in panels {
        let with_ids = panel.series.len() > 1;
        let mut csv = format!("{}ds,x,y\n", if with_ids { "unique_id," } else { "" });
        for series in &panel.series {
            for (row, time) in series.times.iter().enumerate() {
                let time = match panel.time_kind {
                    TimeKind::RowNumbers => time.instant.to_string(),
                    _ => chrono(time.instant / 1_000_000),
                };
                let cell = |value: f64| if value.is_nan() { String::new() } else { value.to_string() };
                let id = if with_ids { format!("{},", series.id) } else { String::new() };
                csv += &format!("{id}{time},{},{}\n", cell(series.values[0][row]), cell(series.values[1][row]));
            }
        }
        for gaps in [Gaps::Notice, Gaps::Fill] {
            let options = DataOptions {
                source: Source::File("plant".into()),
                targets: Some(vec!["y".into()]),
                covariates: Some(Covariates::All),
                impute: Some(Impute::Ffill),
                gaps: Some(gaps),
                lookback: Some(5),
                horizon: Some(2),
                calibration: Some(0.5),
                ..DataOptions::default()
            };
            let mut read = options.load_bytes("plant", "plant", csv.as_bytes()).unwrap();
            assert!(read.notices.remove(0).to_string().contains("delimiter"));
            // Typed times have no form of their own.
            let typed = options.load_panel(&panel).unwrap();
            read.time_form = typed.time_form.clone();
            assert_equal(&typed, &read);
        }
    }
}

/// Seconds since 1970 as `2024-01-01T06:00Z`, of the first days of 2024.
fn chrono(seconds: i64) -> String {
    let hours = (seconds - 1_704_067_200) / 3600;
    format!("2024-01-{:02}T{:02}:00Z", 1 + hours / 24, hours % 24)
}

#[test]
fn panels_that_do_not_fit_are_rejected() {
    let times = |rows: i64| (0..rows).map(|row| Timestamp { instant: row, offset: 0 }).collect();
    let series = |id: &str, rows: i64| TimeSeries {
        id: id.into(),
        times: times(rows),
        values: vec![(0..rows).map(|row| row as f64).collect()],
    };
    let panel = |columns: &[Column], series: &[TimeSeries]| Panel {
        name: "plant".into(),
        time_kind: TimeKind::RowNumbers,
        columns: columns.to_vec(),
        series: series.to_vec(),
    };
    let options = DataOptions { lookback: Some(5), ..DataOptions::default() };
    let y = Column::target("y");
    options.load_panel(&panel(std::slice::from_ref(&y), &[series("", 60)])).unwrap();
    let infinite = TimeSeries { values: vec![vec![1.0, f64::INFINITY, 2.0]], ..series("", 3) };
    let shorter = TimeSeries { values: vec![vec![1.0]], ..series("a", 3) };
    let huge = TimeSeries { times: vec![Timestamp { instant: i64::MAX, offset: 0 }; 3], ..series("", 3) };
    let back = TimeSeries { times: vec![Timestamp { instant: 7, offset: 0 }; 3], ..series("", 3) };
    let calendar = Column { name: "hour_sin".into(), role: microglia::data::Role::Calendar };
    let cases: [(&[Column], &[TimeSeries], &str); 12] = [
        (&[], &[series("", 3)], "no column is a target"),
        (&[Column::past_covariate("x")], &[series("", 3)], "no column is a target"),
        (&[y.clone(), y.clone()], &[series("", 3)], "have one name"),
        (&[Column::target("")], &[series("", 3)], "no column ``"),
        (&[calendar], &[series("", 3)], "given as a calendar column"),
        (std::slice::from_ref(&y), &[], "no rows"),
        (std::slice::from_ref(&y), &[series("", 0)], "no rows"),
        (std::slice::from_ref(&y), &[series("a", 3), series("a", 3)], "two series have one id"),
        (std::slice::from_ref(&y), &[shorter], "3 times and 1 columns in series `a`"),
        (std::slice::from_ref(&y), &[huge], "is out of range"),
        (std::slice::from_ref(&y), &[back], "plant:3, column `ds`, value \"7\": the same time as in line 2"),
        (std::slice::from_ref(&y), &[infinite], "plant:3, column `y`, value \"inf\""),
    ];
    for (columns, series, text) in cases {
        let error = options.load_panel(&panel(columns, series)).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("help: "), "no {text:?} in {error}");
    }
}
