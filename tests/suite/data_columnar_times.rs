//! Times in Parquet and Arrow files.

use std::sync::Arc;

use arrow_array::types::{
    Date64Type, Time32MillisecondType, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_array::{ArrayRef, Date32Array, Int64Array, PrimitiveArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use microglia::data::DataOptions;
use parquet::basic::Compression;

use crate::data::{load, small};
use crate::data_columnar::{
    arrow, arrow_batch, assert_as_csv, assert_rejected, assert_same, days, numbers, parquet, parquet_batch, read,
    stamps,
};

#[test]
fn times_of_every_type_are_those_of_the_text() {
    let (second, start) = (1_000_000_000i64, 1_711_846_800i64);
    let at = |i: i64| start + 900 * i;
    let hours = |unit: i64| (0..20).map(move |i| at(i) * unit);
    // 2024-03-31, when clocks in Berlin leap from 2:00 to 3:00: 02:00+01:00 is 03:00+02:00.
    let clock = |i: usize, zone: i64| {
        let of_day = at(i as i64) - 1_711_843_200 + zone * 3600;
        format!("2024-03-31 {:02}:{:02}:00", of_day / 3600, of_day % 3600 / 60)
    };
    let plain = |i: usize| clock(i, 0);
    let utc = |i: usize| clock(i, 0) + "+00:00";
    let fixed = |i: usize| clock(i, 2) + "+02:00";
    let berlin = |i: usize| clock(i, 2) + "+02:00";
    let whole = |unit: i64| (0..20).map(move |i| (1_704_067_200 + 86_400 * i) * unit);
    let date = |i: usize| format!("2024-01-{:02}", i + 1);
    let millis = |i: usize| format!("2024-03-31 01:00:{:02}.{:03}", i / 4, i % 4 * 250);
    type Case<'a> = (ArrayRef, &'a dyn Fn(usize) -> String);
    let cases: [Case; 13] = [
        (Arc::new(stamps::<TimestampSecondType>(hours(1))), &plain),
        (Arc::new(stamps::<TimestampMillisecondType>(hours(1000))), &plain),
        (Arc::new(stamps::<TimestampMicrosecondType>(hours(1_000_000))), &plain),
        (Arc::new(stamps::<TimestampNanosecondType>(hours(second))), &plain),
        (Arc::new(stamps::<TimestampMicrosecondType>(hours(1_000_000)).with_timezone("UTC")), &utc),
        (Arc::new(stamps::<TimestampMillisecondType>(hours(1000)).with_timezone("+02:00")), &fixed),
        (Arc::new(stamps::<TimestampNanosecondType>(hours(second)).with_timezone("Europe/Berlin")), &berlin),
        (Arc::new(stamps::<TimestampNanosecondType>(whole(second))), &date),
        (Arc::new(stamps::<TimestampSecondType>(whole(1))), &date),
        (Arc::new(stamps::<Date64Type>(whole(1000))), &date),
        (days(), &date),
        (Arc::new(stamps::<TimestampMillisecondType>((0..20).map(|i| start * 1000 + 250 * i))), &millis),
        (Arc::new(Int64Array::from_iter_values(hours(1))), &|i| at(i as i64).to_string()),
    ];
    for (index, (times, text)) in cases.into_iter().enumerate() {
        let csv = (0..20)
            .fold("ds,y\n".to_string(), |all, i| all + &format!("{},{}\n", text(i), f64::from((i * i) as u32) / 8.0));
        println!("case {index}, {}", times.data_type());
        assert_as_csv(&[("ds", times), ("y", numbers())], &csv, &small());
    }
}

#[test]
fn a_zone_keeps_instants_and_offsets_over_a_leap_of_its_clock() {
    // From 00:00 UTC on 2024-03-31, by the half hour.
    let times = stamps::<TimestampSecondType>((0..20).map(|i| 1_711_843_200 + 1800 * i)).with_timezone("Europe/Berlin");
    let columns: [(&str, ArrayRef); 2] = [("ds", Arc::new(times)), ("y", numbers())];
    for (file, bytes) in [("test.parquet", parquet(&columns)), ("test.arrow", arrow(&columns))] {
        let data = read(file, &bytes, &small());
        let times = &data.series[0].timestamps;
        let found: Vec<_> = times[..4].iter().map(|time| (time.instant / 1_000_000, time.offset)).collect();
        assert_eq!(found[..2], [(1_711_843_200, 3600), (1_711_845_000, 3600)]);
        assert_eq!(found[2..], [(1_711_846_800, 7200), (1_711_848_600, 7200)]);
        assert_eq!(data.time_form.text(times[1]), "2024-03-31 01:30:00+01:00");
        assert_eq!(data.time_form.text(times[2]), "2024-03-31 03:00:00+02:00");
    }
    let unknown = stamps::<TimestampSecondType>((0..20).map(|i| 3600 * i)).with_timezone("Mars/Olympus");
    let columns: [(&str, ArrayRef); 3] = [("date", days()), ("ds", Arc::new(unknown)), ("y", numbers())];
    assert_eq!(read("test.arrow", &arrow(&columns), &small()).time_column, "date");
    let asked = DataOptions { time_column: Some("ds".into()), ..small() };
    assert_rejected(&columns, &asked, &["column `ds`", "times of an unknown zone", "`time-column`"]);
}

#[test]
fn date_and_time_stand_in_two_columns() {
    let hours = PrimitiveArray::<Time32MillisecondType>::from_iter_values((0..20).map(|i| i * 3_600_000));
    let date: ArrayRef = Arc::new(Date32Array::from_iter_values([19_723; 20]));
    let columns: [(&str, ArrayRef); 3] = [("Date", date), ("Time", Arc::new(hours)), ("y", numbers())];
    let text = (0..20).fold("Date,Time,y\n".to_string(), |text, i| {
        text + &format!("2024-01-01,{i:02}:00:00,{}\n", f64::from(i * i) / 8.0)
    });
    assert_as_csv(&columns, &text, &small());
    let asked = DataOptions { time_column: Some("Date+Time".into()), ..small() };
    assert_as_csv(&columns, &text, &asked);
}

/// A file of either format with a column of pandas' periods.
fn periods(freq: &str, first: i64) -> [(&'static str, Vec<u8>); 2] {
    let metadata = [("name", "pandas.period".to_string()), ("metadata", format!("{{\"freq\": \"{freq}\"}}"))];
    let metadata: std::collections::HashMap<_, _> =
        metadata.map(|(key, value)| (format!("ARROW:extension:{key}"), value)).into_iter().collect();
    let fields =
        [Field::new("ds", DataType::Int64, true).with_metadata(metadata), Field::new("y", DataType::Float64, true)];
    let times = Arc::new(Int64Array::from_iter_values(first..first + 20));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![times, numbers()]).unwrap();
    [
        ("test.parquet", parquet_batch(&batch, Compression::SNAPPY, 1 << 20)),
        ("test.arrow", arrow_batch(&batch, None, 1 << 20)),
    ]
}

#[test]
fn periods_of_pandas_are_times() {
    let day = |i: i64| {
        chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().checked_add_signed(chrono::TimeDelta::days(i)).unwrap()
    };
    type Case<'a> = (&'a str, i64, &'a str, &'a dyn Fn(i64) -> String);
    let cases: [Case; 9] = [
        ("Y-DEC", 30, "YS", &|i| format!("{}-01-01", 2000 + i)),
        ("A-MAR", 30, "YS", &|i| format!("{}-04-01", 1999 + i)),
        ("Q-DEC", 201, "QS", &|i| format!("{}Q{}", 2020 + (i + 1) / 4, (i + 1) % 4 + 1)),
        ("M", 600, "MS", &|i| format!("{}-{:02}", 2020 + i / 12, i % 12 + 1)),
        ("W-SUN", 2819, "W", &|i| day(7 * i).to_string()),
        ("D", 19_723, "D", &|i| day(i).to_string()),
        ("H", 473_352, "h", &|i| format!("2024-01-01 {i:02}:00:00")),
        ("min", 28_401_120, "min", &|i| format!("2024-01-01 00:{i:02}:00")),
        ("s", 1_704_067_200, "s", &|i| format!("2024-01-01 00:00:{i:02}")),
    ];
    for (freq, first, calendar, text) in cases {
        let csv = (0..20).fold("ds,y\n".to_string(), |all, i| all + &format!("{},{}\n", text(i), (i * i) as f64 / 8.0));
        let csv = load(&csv, &small()).unwrap();
        assert_eq!(csv.calendar.to_string(), calendar, "{freq}");
        for (file, bytes) in periods(freq, first) {
            assert_same(&read(file, &bytes, &small()), &csv);
        }
    }
    for freq in ["B", "ms", "C"] {
        for (file, bytes) in periods(freq, 14_000) {
            let message = small().load_bytes("test", file, &bytes).unwrap_err().to_string();
            for part in
                ["column `ds`: the column holds periods other than Y, Q, M, W, D, h", "`time-column`", "or times"]
            {
                assert!(message.contains(part), "no `{part}` in: {message}");
            }
        }
    }
}
