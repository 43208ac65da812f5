//! Tables as they are exported: lines above the header, rows in any order, several columns of ids, series in rows, gzip.

use std::io::Write;

use microglia::data::{DataOptions, Dataset, Layout, Step, TimeKind};

use super::data::{load, noticed, rejection, small};

fn rows(row: impl Fn(usize) -> String) -> String {
    (0..20).map(row).collect()
}

fn day(i: usize) -> String {
    format!("2024-01-{:02}", i + 1)
}

fn plain() -> String {
    format!("date,y\n{}", rows(|i| format!("{},{}\n", day(i), i * i)))
}

/// All that models read, and when.
fn assert_same(a: &Dataset, b: &Dataset) {
    let bits = |data: &Dataset| data.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(a), bits(b));
    let times = |data: &Dataset| -> Vec<_> {
        data.series.iter().map(|one| (one.id.clone(), one.rows.clone(), one.timestamps.clone())).collect()
    };
    assert_eq!(times(a), times(b));
    assert_eq!((&a.train, &a.validation, &a.test), (&b.train, &b.validation, &b.test));
}

#[test]
fn lines_above_the_header_are_found_and_left_out() {
    let tables = [
        ("Monthly report\nmade on 2024-02-01\n", 2),
        ("sep=,\n", 1),
        ("# source: plant 7\n\n# unit: kW\n", 3),
        ("Monthly report,\n,\n", 2),
        ("\"Data Source\",\"Indicators\",\n", 1),
        ("Monthly report\nBranch: all\n\n", 3),
        ("Station,Berlin\nId,10\nUnit,C\n", 3),
        ("Station,\nBerlin,\nfrom 1990,\n", 3),
        ("Id,10\nfrom,2020-01-01\n\n", 3),
        ("2020,Berlin\nStation,Tegel\n", 2),
        ("latitude,longitude\n52.52,13.4\n\n", 3),
    ];
    for (above, lines) in tables {
        let text = format!("{above}{}", plain());
        let message = rejection(&text, &small());
        let place = format!("test.csv:{}: this looks like the header line", lines + 1);
        assert!(
            message.contains(&place) && message.contains(&format!("`skip-rows = {lines}`")),
            "{above:?}: {message}"
        );
        let options = DataOptions { skip_rows: Some(lines), ..small() };
        assert_same(&load(&text, &options).unwrap(), &load(&plain(), &small()).unwrap());
        // Lines are counted from the file's first.
        let wrong = text.replace("2024-01-03,4", "2024-01-03,x");
        assert!(rejection(&wrong, &options).contains(&format!("test.csv:{}, column `y`", lines + 4)));
        for ends in ["\r\n", "\r"] {
            let text = text.replace('\n', ends);
            assert_eq!(load(&text, &options).unwrap().rows(), 20, "{ends:?}");
        }
    }
    // Where spreadsheets filled the lines up, whatever separates columns.
    for above in ["Station;Berlin;\nId;10;\nUnit;C;\n", "Station;Berlin;DE\nId;10;K\nUnit;C;m\n"] {
        let text = format!("{above}date;x;y\n{}", rows(|i| format!("{};{i},5;{}\n", day(i), i * i)));
        let message = rejection(&text, &small());
        assert!(message.contains("test.csv:4: this looks like") && message.contains("`skip-rows = 3`"), "{message}");
        let data = load(&text, &DataOptions { skip_rows: Some(3), ..small() }).unwrap();
        assert_eq!((data.rows(), data.target_names()), (20, &["y".to_string()][..]));
    }
    // One line of texts may as well be the header, and the next one hold units.
    for above in ["Station,Berlin\n", "date,y\n"] {
        let text = format!("{above}{}", plain().replace("date,y", "UTC,kWh"));
        let message = rejection(&text, &small());
        assert!(message.contains("test.csv:2: this line and line 1 both look like the header line"), "{message}");
        assert!(message.contains("`skip-rows = 1`") && message.contains("units"), "{message}");
    }
    // Decimal commas separate no columns of a table whose columns another mark separates.
    let whole = |i: usize| format!("Z a;{:02}.01.2022;{},{:03}\n", i + 1, 10 + i, 7 * i + 101);
    for names in ["unique_id;Datum;Wert", "Filiale;Datum;Wert"] {
        let text = format!("{names}\n{}", rows(whole));
        let options = DataOptions { id_column: Some(names.split(';').next().unwrap().into()), ..small() };
        let message = rejection(&text, &options);
        assert!(message.contains("test.csv:2, column `Wert`, value \"10,101\""), "{message}");
        assert!(message.contains("the comma may be a decimal mark or separate thousands"), "{message}");
    }
    // A mistake in a row below has nothing to do with it.
    let wrong = plain().replace("2024-01-03,4", "2024-01-03,x");
    assert!(rejection(&wrong, &small()).contains("test.csv:4, column `y`"));
    let lacking = plain().replace("2024-01-01,0", "2024-01-01,NA").replace("2024-01-03,4", "2024-01-03,x");
    assert!(rejection(&lacking, &small()).contains("test.csv:4, column `y`"));
    // Where the lines above have no separator at all.
    let semicolons = format!("Report\nall\n{}", plain().replace(',', ";"));
    assert!(rejection(&semicolons, &small()).contains("test.csv:3: this looks like the header line"));
    let all = DataOptions { skip_rows: Some(22), ..small() };
    assert!(rejection(&plain(), &all).contains("the file has 21 lines"));
    // A column without a name, and a line of too many fields, say nothing of lines above.
    let unnamed = format!(",date,y\n{}", rows(|i| format!("a,{},{i}\n", day(i))));
    assert_eq!(load(&unnamed, &small()).unwrap().rows(), 20);
    assert!(rejection(&(plain() + "2024-01-21,1,2\n"), &small()).contains("test.csv:22: 3 fields"));
}

#[test]
fn rows_from_new_to_old_are_sorted_and_others_where_asked() {
    let sorted = load(&plain(), &small()).unwrap();
    let reversed = format!("date,y\n{}", rows(|i| format!("{},{}\n", day(19 - i), (19 - i) * (19 - i))));
    let data = load(&reversed, &small()).unwrap();
    assert_same(&data, &sorted);
    assert!(noticed(&data, "the rows run from new to old: sorted by time (`sort`)"), "{:?}", data.notices);
    let off = DataOptions { sort: Some(false), ..small() };
    assert!(rejection(&reversed, &off).contains("test.csv:3"));
    // A wide file in no order may be something else.
    let shuffled = format!("date,y\n{}", rows(|i| format!("{},{}\n", day(i * 7 % 20), (i * 7 % 20) * (i * 7 % 20))));
    let message = rejection(&shuffled, &small());
    assert!(message.contains("earlier than the time in line") && message.contains("`sort = \"on\"`"), "{message}");
    let on = DataOptions { sort: Some(true), ..small() };
    let data = load(&shuffled, &on).unwrap();
    assert_same(&data, &sorted);
    assert_same(&load(&shuffled, &data.resolved).unwrap(), &data);
    assert!(!noticed(&load(&plain(), &on).unwrap(), "sorted by time"));
    // Lines are those of the file as it was; what is there twice stays an error.
    let twice = shuffled.replace(&day(3), &day(4));
    let message = rejection(&twice, &on);
    let lines: Vec<usize> =
        twice.lines().enumerate().filter(|(_, l)| l.starts_with(&day(4))).map(|(i, _)| i + 1).collect();
    assert!(message.contains(&format!("test.csv:{}", lines[1])), "{message}");
    assert!(message.contains(&format!("the same time as in line {}", lines[0])), "{message}");
    let text = shuffled.replace(&format!("{},9\n", day(3)), &format!("{},x\n", day(3)));
    let line = text.lines().position(|line| line.ends_with(",x")).unwrap() + 1;
    assert!(rejection(&text, &on).contains(&format!("test.csv:{line}, column `y`, value \"x\"")));
    // In a panel the ids say what belongs together.
    let long = |i: usize| rows(|k| format!("{},{},{}\n", ["a", "b"][(k + i) % 2], day((k * i) % 20 / 2), k * i % 20));
    let header = "unique_id,ds,y\n";
    let data = load(&format!("{header}{}", long(7)), &small()).unwrap();
    assert!(noticed(&data, "sorted by time") && noticed(&data, "20 rows in 2 series"), "{:?}", data.notices);
    assert!(data.series.iter().all(|one| one.timestamps.is_sorted_by(|a, b| a.instant < b.instant)));
}

#[test]
fn what_stands_below_the_data_is_rejected_with_its_line() {
    for (total, part) in [("Total,1234", "not a time in a known form"), (",1234", "no time")] {
        let message = rejection(&format!("{}{total}\n", plain()), &small());
        assert!(message.contains("test.csv:22, column `date`") && message.contains(part), "{message}");
        assert!(message.contains("a total or a note below the data"), "{message}");
    }
    let years = format!("Year,y\n{}Total,3\n", rows(|i| format!("{},{i}\n", 1990 + i)));
    let message = rejection(&years, &small());
    assert!(
        message.contains("test.csv:22, column `Year`, value \"Total\"") && message.contains("a total"),
        "{message}"
    );
}

/// Shops and goods of 20 days, ids in two columns.
fn shops() -> String {
    let row = |i: usize, shop: usize, good: &str| format!("{},{shop},{good},{}\n", day(i), i * shop);
    let days: String =
        (0..20).map(|i| [1, 2].map(|shop| row(i, shop, "CARS") + &row(i, shop, "BREAD/ROLLS")).concat()).collect();
    format!("date,store,family,sales\n{days}")
}

#[test]
fn several_columns_identify_a_series() {
    for names in ["store,family", "store+family", "store, family"] {
        let options = DataOptions { id_column: Some(names.into()), targets: Some(vec!["sales".into()]), ..small() };
        let data = load(&shops(), &options).unwrap();
        let ids: Vec<&str> = data.series.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["1/CARS", "1/BREAD/ROLLS", "2/CARS", "2/BREAD/ROLLS"]);
        assert_eq!((data.rows(), data.id_column.as_deref()), (80, Some("store+family")));
        assert_same(&load(&shops(), &data.resolved).unwrap(), &data);
    }
    let with = |id: &str| DataOptions { id_column: Some(id.into()), targets: Some(vec!["sales".into()]), ..small() };
    assert!(rejection(&shops(), &with("store+shelf")).contains("no column `shelf`"));
    assert!(rejection(&shops(), &with("store,store")).contains("named twice"));
    // Without them, the error names the columns that tell the series apart.
    let options = DataOptions { id_column: None, ..with("") };
    let message = rejection(&shops(), &options);
    assert!(message.contains("test.csv:3, column `store`"), "{message}");
    assert!(message.contains("`id-column = \"store,family\"`"), "{message}");
    // Nor is one of two columns enough, nor one that is taken as ids by its name.
    let options = [with("store"), with("family"), DataOptions { id_column: None, ..with("") }];
    let texts = [shops(), shops(), shops().replace("store", "item_id")];
    let all = ["store,family", "family,store", "item_id,family"];
    for ((text, options), names) in texts.iter().zip(&options).zip(all) {
        let message = rejection(text, options);
        assert!(message.contains(&format!("`id-column = \"{names}\"`")), "{message}");
        assert!(message.contains("alone is no `id-column`: this column tells the rows apart"), "{message}");
    }
    // A name that holds what separates names stays one.
    let odd = shops().replacen("family", "\"family, or kind\"", 1);
    let message = rejection(&odd, &with("store"));
    assert!(message.contains("`id-column = \"store,\\\"family, or kind\\\"\"`"), "{message}");
    let named = DataOptions { id_column: Some("store,\"family, or kind\"".into()), ..with("") };
    assert_eq!(load(&odd, &named).unwrap().series.len(), 4);
    let options = DataOptions { id_column: None, ..with("") };
    let one = shops().replace(",CARS,", ",a,").replace("BREAD/ROLLS", "a");
    assert!(!rejection(&one, &options).contains("tell"), "no columns do");
    // Two series that would be called the same.
    let alike = "ds,a,b,y\n2024-01-01,p/q,r,1\n2024-01-01,p,q/r,2\n";
    let options = DataOptions { id_column: Some("a,b".into()), targets: Some(vec!["y".into()]), ..small() };
    assert!(rejection(alike, &options).contains("another series has this id"));
    assert!(rejection("ds,a,b,y\n2024-01-01,p,,1\n", &options).contains("no series id"));
}

fn in_rows() -> DataOptions {
    DataOptions { layout: Some(Layout::Rows), ..small() }
}

#[test]
fn series_in_rows_are_read_as_they_are_published() {
    // As the M4 competition has them: numbered columns, shorter series filled up with empty cells.
    let names: Vec<String> = (1..=25).map(|i| format!("\"V{i}\"")).collect();
    let series = |id: &str, length: usize| {
        let cells: Vec<String> =
            (0..24).map(|i| if i < length { format!("\"{}\"", 100 + i * i) } else { String::new() }).collect();
        format!("\"{id}\",{}\n", cells.join(","))
    };
    let text = format!("{}\n{}{}", names.join(","), series("Y1", 24), series("Y2", 20));
    let data = load(&text, &in_rows()).unwrap();
    assert_eq!(
        data.series.iter().map(|one| (one.id.as_str(), one.rows.len())).collect::<Vec<_>>(),
        [("Y1", 24), ("Y2", 20)]
    );
    assert_eq!(
        (data.time_kind, data.step(), data.target_names()[0].as_str()),
        (TimeKind::RowNumbers, Step::Rows(1), "y")
    );
    assert_eq!((data.raw_targets[3], data.time_label(0)), (109.0, "1".into()));
    assert_same(&load(&text, &data.resolved).unwrap(), &data);
    let wrong = text.replacen("\"104\"", "\"1O4\"", 1);
    assert!(rejection(&wrong, &in_rows()).contains("test.csv:2, column `V4`, value \"1O4\": not a number"));

    // As the M5 competition has them: columns of attributes before the days.
    let days: Vec<String> = (1..=20).map(|i| format!("d_{i}")).collect();
    let row = |id: &str, of: usize| {
        let cells: Vec<String> = (0..20).map(|i| (i * of).to_string()).collect();
        format!("{id}_validation,{id},FOODS,CA,{}\n", cells.join(","))
    };
    let text = format!("id,item_id,cat_id,state_id,{}\n{}{}", days.join(","), row("F1", 1), row("F2", 2));
    let options = DataOptions { id_column: Some("id".into()), ..in_rows() };
    let data = load(&text, &options).unwrap();
    assert_eq!(data.series[1].id, "F2_validation");
    assert!(noticed(&data, "columns that are not read: item_id, cat_id, state_id"), "{:?}", data.notices);
    assert_eq!(load(&text, &in_rows()).unwrap().series[1].id, "F2", "item_id is a usual name");

    // A column that is not there is a time without a row.
    let some: Vec<usize> = (0..20).filter(|i| *i != 6).collect();
    let cells = |cell: &dyn Fn(usize) -> String| some.iter().map(|i| cell(*i)).collect::<Vec<_>>().join(",");
    let text = format!("id,{}\nF1,{}\n", cells(&|i| days[i].clone()), cells(&|i| (i * i).to_string()));
    let data = load(&text, &in_rows()).unwrap();
    assert_eq!((data.series[0].rows.len(), data.raw_targets[6]), (19, 49.0));
    assert_eq!([0, 5, 6, 18].map(|row| data.time_label(row)), ["1", "6", "8", "20"]);
    // But not of dates, between which there are no numbers.
    let dates = "id,d_20240130,d_20240131,d_20240201,d_20240202\nF1,1,2,3,4\n";
    assert!(rejection(dates, &in_rows()).contains("between `d_20240131` and `d_20240201`"));
    let twice = "id,2024-01,2024-02,2024-02,2024-03\nF1,1,2,3,4\n";
    let message = rejection(twice, &in_rows());
    assert!(message.contains("value \"2024-02\""), "{message}");

    // Columns that are called by times; what is empty before and after a series is none of its rows.
    let months: Vec<String> = (0..24).map(|i| format!("{}-{:02}", 2020 + i / 12, 1 + i % 12)).collect();
    let cells = |from: usize| (0..24).map(|i| if i < from { "NA".into() } else { i.to_string() }).collect::<Vec<_>>();
    let text = format!(
        "Country,{}\na,{}\nb,{}\nc,{}\n",
        months.join(","),
        cells(0).join(","),
        cells(2).join(","),
        cells(24).join(",")
    );
    let data = load(&text, &DataOptions { split: Some("0.6,0.2,0.2".parse().unwrap()), ..in_rows() }).unwrap();
    assert_eq!(data.step(), Step::Months(1));
    assert_eq!((data.series.len(), data.time_label(data.series[1].rows.start)), (2, "2020-03-01".into()));
    assert!(noticed(&data, "1 series without a value left out"), "{:?}", data.notices);
    // By years, as statistics offices have them, newest first and with lines above.
    let years: Vec<String> = (0..20).map(|i| (2020 - i).to_string()).collect();
    let cells: Vec<String> = (0..20).map(|i| (20 - i).to_string()).collect();
    let text = format!("Last update,2024\n\nCountry,{},\nx,{},\n", years.join(","), cells.join(","));
    let data = load(&text, &DataOptions { skip_rows: Some(2), ..in_rows() }).unwrap();
    assert_eq!(
        (data.raw_targets[0], data.time_label(0), data.time_label(19)),
        (1.0, "2001-01-01".into(), "2020-01-01".into())
    );

    for (text, options, part) in [
        ("id,a,b\nx,1,2\n", in_rows(), "no columns of values"),
        ("id,d_1,d_2\nx,1,2\nx,3,4\n", in_rows(), "two rows have one id"),
        ("id,d_1,d_2\nx,1,2\n", DataOptions { targets: Some(vec!["sales".into()]), ..in_rows() }, "reads one target"),
        (
            "id,d_1,d_2\nx,1,2\n",
            DataOptions { covariates: Some("p".parse().unwrap()), ..in_rows() },
            "reads one target",
        ),
        ("id,d_1,d_2\nx,1,2\n", DataOptions { time_column: Some("id".into()), ..in_rows() }, "reads one target"),
    ] {
        assert!(rejection(text, &options).contains(part), "{}", rejection(text, &options));
    }
}

#[test]
fn packed_files_give_the_data_of_plain_ones() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain().as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let sorted = load(&plain(), &small()).unwrap();
    let data = small().load_bytes("test", "test.csv.gz", &packed).unwrap();
    assert_same(&data, &sorted);
    assert_eq!(data.fingerprint, sorted.fingerprint);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("sales.csv.gz");
    std::fs::write(&file, &packed).unwrap();
    let data = DataOptions { source: file.display().to_string().parse().unwrap(), ..small() }.load().unwrap();
    assert_same(&data, &sorted);
    assert_eq!(data.name, "sales");
}

#[test]
fn series_without_a_value_are_left_out() {
    let known = |id: &str| rows(|i| format!("{id},{},{},{i}\n", day(i), i * i));
    let empty =
        |id: &str, from: usize, to: usize| (from..to).map(|i| format!("{id},{},,{i}\n", day(i))).collect::<String>();
    let header = "unique_id,ds,y,price\n";
    let others = format!("{header}{}{}{}", known("a"), known("b"), empty("b", 20, 25));
    for columns in [None, Some(vec!["price".to_string()])] {
        let zero = Some(microglia::data::FillMissing::Zero);
        for fill_missing in [None, zero] {
            let options = DataOptions { future_covariates: columns.clone(), fill_missing, ..small() };
            // Of rows to come alone, and without any value among the rows of others.
            for new in [empty("new", 18, 29), empty("new", 0, 25)] {
                let data = load(&(others.clone() + &new), &options).unwrap();
                assert_same(&data, &load(&others, &options).unwrap());
                assert!(noticed(&data, "left out: 1 of 3 series (`short-series`): `new` has no value of `y`"));
                assert!(noticed(&data, "5 rows to come at the end of 1 series"), "{:?}", data.notices);
                assert_eq!((data.left_out[0].id.as_str(), data.left_out[0].rows), ("new", new.lines().count()));
                let strict = DataOptions { short_series: Some("error".parse().unwrap()), ..options.clone() };
                let message = rejection(&(others.clone() + &new), &strict);
                assert!(message.contains("no value in any row of series `new`"), "{message}");
            }
        }
    }
    let message = rejection(&format!("{header}{}", empty("a", 0, 20)), &small());
    assert!(message.contains("missing value"), "{message}");
}

#[test]
fn rows_without_a_target_at_the_end_are_to_come() {
    let known = |id: &str| rows(|i| format!("{id},{},{},{i}\n", day(i), i * i));
    let to_come = |id: &str| (20..25).map(|i| format!("{id},{},,{i}\n", day(i))).collect::<String>();
    let header = "unique_id,ds,y,price\n";
    let options = DataOptions { covariates: Some("price".parse().unwrap()), ..small() };
    let data =
        load(&format!("{header}{}{}{}{}", known("a"), to_come("a"), known("b"), to_come("b")), &options).unwrap();
    assert_same(&data, &load(&format!("{header}{}{}", known("a"), known("b")), &options).unwrap());
    let line =
        "10 rows to come at the end of 2 series, without a value of y: training ends and forecasts begin before them";
    assert!(noticed(&data, line) && noticed(&data, "their covariates are not used"), "{:?}", data.notices);
    // A target that is missing on the way is missing, and one series may end before the other.
    let hole = known("a").replace(",16,4", ",,4");
    let data = load(
        &format!("{header}{hole}{}{}", to_come("a"), known("b")),
        &DataOptions { impute: Some("ffill".parse().unwrap()), ..options.clone() },
    );
    let data = data.unwrap();
    assert!(
        noticed(&data, "5 rows to come at the end of 1 series") && noticed(&data, "missing: `y` 1"),
        "{:?}",
        data.notices
    );
}
