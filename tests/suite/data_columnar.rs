//! Parquet and Arrow files, against the CSV files of the same content.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
use arrow_array::types::{ArrowPrimitiveType, Float16Type, Int8Type, TimestampSecondType};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, NullArray, PrimitiveArray, RecordBatch,
    StringArray, StringViewArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use microglia::data::{Covariates, DataOptions, Dataset, Frame, Impute, Layout, Source};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::data::{load, noticed, small};

pub(crate) type Columns<'a> = &'a [(&'a str, ArrayRef)];

fn batch(columns: Columns) -> RecordBatch {
    let columns = columns.iter().map(|(name, array)| (*name, array.clone(), true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A Parquet file of row groups of so many rows.
pub(crate) fn parquet_of(columns: Columns, codec: Compression, group: usize) -> Vec<u8> {
    parquet_batch(&batch(columns), codec, group)
}

pub(crate) fn parquet_batch(batch: &RecordBatch, codec: Compression, group: usize) -> Vec<u8> {
    let properties =
        WriterProperties::builder().set_compression(codec).set_max_row_group_row_count(Some(group)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

pub(crate) fn parquet(columns: Columns) -> Vec<u8> {
    parquet_of(columns, Compression::SNAPPY, 1 << 20)
}

/// An Arrow file of batches of so many rows.
pub(crate) fn arrow_of(columns: Columns, codec: Option<CompressionType>, rows: usize) -> Vec<u8> {
    arrow_batch(&batch(columns), codec, rows)
}

pub(crate) fn arrow_batch(batch: &RecordBatch, codec: Option<CompressionType>, rows: usize) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(codec).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    for start in (0..batch.num_rows()).step_by(rows) {
        writer.write(&batch.slice(start, rows.min(batch.num_rows() - start))).unwrap();
    }
    writer.into_inner().unwrap()
}

pub(crate) fn arrow(columns: Columns) -> Vec<u8> {
    arrow_of(columns, None, 1 << 20)
}

pub(crate) fn read(file: &str, bytes: &[u8], options: &DataOptions) -> Dataset {
    options.load_bytes("test", file, bytes).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The options of a data frame, in batches of seven rows.
pub(crate) fn of_frame(columns: Columns, options: &DataOptions) -> DataOptions {
    let batch = batch(columns);
    let part = |start| batch.slice(start, 7.min(batch.num_rows() - start));
    let batches = (0..batch.num_rows()).step_by(7).map(part).collect();
    let source = Source::Frame(Frame::new("FILE", batch.schema(), batches));
    DataOptions { source, ..options.clone() }
}

/// What a file of either format, and a data frame, are rejected with.
pub(crate) fn rejections(columns: Columns, options: &DataOptions) -> Vec<String> {
    let files = [("test.parquet", parquet(columns)), ("test.arrow", arrow(columns))];
    let message = |(file, bytes): (&str, Vec<u8>)| match options.load_bytes("test", file, &bytes) {
        Ok(dataset) => panic!("{file} was not rejected: {:?}", dataset.notices),
        Err(error) => error.to_string().replace(file, "FILE"),
    };
    let mut messages: Vec<String> = files.into_iter().map(message).collect();
    messages.push(of_frame(columns, options).load().unwrap_err().to_string());
    messages
}

pub(crate) fn assert_rejected(columns: Columns, options: &DataOptions, parts: &[&str]) {
    for message in rejections(columns, options) {
        for part in parts {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
    }
}

/// All that a model sees, and how it is told.
pub(crate) fn assert_same(found: &Dataset, csv: &Dataset) {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let exact = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(found.columns, csv.columns);
    assert_eq!(bits(&found.values), bits(&csv.values));
    assert_eq!(exact(&found.raw_targets), exact(&csv.raw_targets));
    assert_eq!((&found.train, &found.validation, &found.test), (&csv.train, &csv.validation, &csv.test));
    assert_eq!((found.calendar.clone(), found.season), (csv.calendar.clone(), csv.season));
    let series = |data: &Dataset| {
        let one = |series: &microglia::data::Series| {
            let times = series.timestamps.iter().map(|time| (time.instant, time.offset, data.time_form.text(*time)));
            (series.id.clone(), times.collect::<Vec<_>>(), series.missing.clone())
        };
        data.series.iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(series(found), series(csv));
    let notices = |data: &Dataset| {
        let lines = data.notices.iter().map(ToString::to_string);
        lines.filter(|line| !line.starts_with("delimiter")).collect::<Vec<_>>()
    };
    assert_eq!(notices(found), notices(csv));
    let resolved = DataOptions { delimiter: None, decimal: None, ..csv.resolved.clone() };
    assert_eq!(found.resolved, resolved);
}

/// Both files, and a data frame, read as the text does.
pub(crate) fn assert_as_csv(columns: Columns, text: &str, options: &DataOptions) {
    let csv = load(text, options).unwrap();
    assert_same(&read("test.parquet", &parquet(columns), options), &csv);
    assert_same(&read("test.arrow", &arrow(columns), options), &csv);
    let mut frame = of_frame(columns, options).load().unwrap();
    frame.resolved.source.clone_from(&csv.resolved.source);
    assert_same(&frame, &csv);
}

/// 20 days from 2024-01-01.
pub(crate) fn days() -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(19_723..19_743))
}

pub(crate) fn numbers() -> ArrayRef {
    Arc::new(Float64Array::from_iter_values((0..20).map(|i| f64::from(i * i) / 8.0)))
}

/// The lines of a CSV file with a header and 20 rows.
fn lines(header: &str, row: impl Fn(usize) -> String) -> String {
    (0..20).fold(format!("{header}\n"), |text, i| text + &format!("2024-01-{:02}{}\n", i + 1, row(i)))
}

pub(crate) fn stamps<T: ArrowPrimitiveType<Native = i64>>(times: impl Iterator<Item = i64>) -> PrimitiveArray<T> {
    PrimitiveArray::from_iter_values(times)
}

#[test]
fn numbers_of_every_type_are_those_of_the_text() {
    let half = |value: f64| <Float16Type as ArrowPrimitiveType>::Native::from_f64(value);
    let odd = |i: usize| i % 2 == 1;
    let holes = Float64Array::from_iter((0..20).map(|i| match i {
        3 => None,
        4 => Some(f64::NAN),
        i => Some(0.1 + i as f64 * 1e-17f64.sqrt()),
    }));
    let columns: [(&str, ArrayRef); 16] = [
        ("ds", days()),
        ("y", Arc::new(holes.clone())),
        ("i8", Arc::new(Int8Array::from_iter_values((0..20).map(|i| i - 10)))),
        ("i16", Arc::new(Int16Array::from_iter_values((0..20).map(|i| i * 1000 - 10_000)))),
        ("i32", Arc::new(Int32Array::from_iter((0..20).map(|i| (i != 7).then_some(i * 100_000_000 - 1))))),
        ("i64", Arc::new(Int64Array::from_iter_values((0..20).map(|i| i * 900_719_925_474_099)))),
        ("u8", Arc::new(UInt8Array::from_iter_values(236..=255))),
        ("u16", Arc::new(UInt16Array::from_iter_values(65_516..=65_535))),
        ("u32", Arc::new(UInt32Array::from_iter_values((0..20).map(|i| u32::MAX - i)))),
        ("u64", Arc::new(UInt64Array::from_iter_values((0..20).map(|i| u64::MAX - i)))),
        ("f16", Arc::new(PrimitiveArray::<Float16Type>::from_iter_values((0..20).map(|i| half(f64::from(i) / 10.0))))),
        ("f32", Arc::new(Float32Array::from_iter_values((0..20).map(|i| i as f32 / 10.0)))),
        ("large", Arc::new(Float64Array::from_iter_values((0..20).map(|i| f64::from(i) * 1e30 + 1e-30)))),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from_iter_values((0..20).map(|i| i * 7 - 3)).with_precision_and_scale(9, 2).unwrap(),
            ),
        ),
        (
            "wide",
            Arc::new(
                Decimal256Array::from_iter_values((0..20).map(|i| i128::from(i * 7 - 3).into()))
                    .with_precision_and_scale(50, 3)
                    .unwrap(),
            ),
        ),
        ("flag", Arc::new(BooleanArray::from_iter((0..20).map(|i| (i != 9).then_some(odd(i)))))),
    ];
    let text = lines("ds,y,i8,i16,i32,i64,u8,u16,u32,u64,f16,f32,large,decimal,wide,flag", |i| {
        let n = i as i64;
        let or_empty = |text: String, empty: bool| if empty { String::new() } else { text };
        let y = or_empty(format!("{}", holes.value(i)), i == 3 || i == 4);
        let i32 = or_empty(format!("{}", n * 100_000_000 - 1), i == 7);
        let flag = or_empty(if odd(i) { "True".into() } else { "False".into() }, i == 9);
        let decimal = |scale: i32| format!("{:.*}", scale as usize, (n * 7 - 3) as f64 / 10f64.powi(scale));
        let tenths = format!("{}.{}", n / 10, n % 10);
        format!(
            ",{y},{},{},{i32},{},{},{},{},{},{tenths},{tenths},{:e},{},{},{flag}",
            n - 10,
            n * 1000 - 10_000,
            n * 900_719_925_474_099,
            236 + n,
            65_516 + n,
            i64::from(u32::MAX) - n,
            u64::MAX - n as u64,
            n as f64 * 1e30 + 1e-30,
            decimal(2),
            decimal(3),
        )
    });
    let options = DataOptions { covariates: Some(Covariates::All), impute: Some(Impute::Ffill), ..small() };
    assert_as_csv(&columns, &text, &options);
    let data = read("test.parquet", &parquet(&columns), &options);
    assert_eq!(data.channels(), 15, "{:?}", data.notices);
    assert!(noticed(&data, "words are read as 1 and 0: `flag`"));
    assert!(!noticed(&data, "delimiter"));
}

#[test]
fn texts_of_every_type_are_ids() {
    let ids = || (0..20).map(|i| if i < 10 { " north, 1" } else { "süd" });
    let mut dictionary = StringDictionaryBuilder::<Int8Type>::new();
    ids().for_each(|id| dictionary.append_value(id));
    let id_columns: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(ids())),
        Arc::new(LargeStringArray::from_iter_values(ids())),
        Arc::new(StringViewArray::from_iter_values(ids())),
        Arc::new(dictionary.finish()),
    ];
    let day = |i: i32| 19_723 + i % 10;
    let text = (0..20).fold("unique_id,ds,y\n".to_string(), |text, i| {
        let id = if i < 10 { "\" north, 1\"" } else { "süd" };
        text + &format!("{id},2024-01-{:02},{}\n", i % 10 + 1, f64::from(i * i) / 8.0)
    });
    for ids in id_columns {
        let columns: [(&str, ArrayRef); 3] =
            [("unique_id", ids), ("ds", Arc::new(Date32Array::from_iter_values((0..20).map(day)))), ("y", numbers())];
        assert_as_csv(&columns, &text, &small());
    }
}

#[test]
fn row_groups_batches_and_codecs_change_nothing() {
    let columns: [(&str, ArrayRef); 3] = [
        ("ds", days()),
        ("y", numbers()),
        ("name", Arc::new(StringArray::from_iter_values((0..20).map(|i| i.to_string() + "x")))),
    ];
    let whole = read("test.parquet", &parquet(&columns), &small());
    let codecs = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    for codec in codecs {
        assert_same(&read("test.parquet", &parquet_of(&columns, codec, 3), &small()), &whole);
    }
    for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        assert_same(&read("test.arrow", &arrow_of(&columns, codec, 3), &small()), &whole);
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&parquet(&columns)).unwrap();
    assert_same(&read("test.parquet.gz", &packed.finish().unwrap(), &small()), &whole);
    assert_ne!(whole.fingerprint, read("test.arrow", &arrow(&columns), &small()).fingerprint);
}

#[test]
fn many_rows_are_read_in_batches() {
    let rows = 5000i32;
    let columns: [(&str, ArrayRef); 2] = [
        ("ds", Arc::new(Int32Array::from_iter_values(0..rows))),
        ("y", Arc::new(Float64Array::from_iter_values((0..rows).map(|i| f64::from(i).sin())))),
    ];
    let text = (0..rows).fold("ds,y\n".to_string(), |text, i| text + &format!("{i},{}\n", f64::from(i).sin()));
    assert_as_csv(&columns, &text, &small());
}

#[test]
fn messages_name_column_and_row() {
    let texts = |at: usize| {
        let cell = move |i: usize| if i == at { "x".to_string() } else { i.to_string() };
        Arc::new(StringArray::from_iter_values((0..20).map(cell))) as ArrayRef
    };
    let columns: [(&str, ArrayRef); 2] = [("ds", days()), ("y", texts(4))];
    for message in rejections(&columns, &small()) {
        assert!(message.starts_with("FILE, row 5, column `y`, value \"x\": not a number"), "{message}");
        assert!(!message.contains("decimal"), "{message}");
    }
    let repeated = |i: i32| 19_723 + if i == 7 { 2 } else { i };
    let columns: [(&str, ArrayRef); 2] =
        [("ds", Arc::new(Date32Array::from_iter_values((0..20).map(repeated)))), ("y", numbers())];
    assert_rejected(&columns, &small(), &["FILE, row 8, column `ds`, value \"2024-01-03\"", "the time in row 7"]);
    let missing = Date32Array::from_iter((0..20).map(|i| (i != 2).then_some(19_723 + i)));
    let columns: [(&str, ArrayRef); 2] = [("ds", Arc::new(missing)), ("y", numbers())];
    assert_rejected(&columns, &small(), &["FILE, row 3, column `ds`, value \"\": no time"]);
    // A row without any value counts as one.
    let nulls = |at: usize| (0..20).map(move |i| i != at && i != 1);
    let days = Date32Array::from_iter(nulls(99).enumerate().map(|(i, there)| there.then_some(19_723 + i as i32)));
    let values = StringArray::from_iter(
        nulls(99).enumerate().map(|(i, there)| there.then(|| if i == 9 { "x".into() } else { i.to_string() })),
    );
    let columns: [(&str, ArrayRef); 2] = [("ds", Arc::new(days)), ("y", Arc::new(values))];
    assert_rejected(&columns, &small(), &["FILE, row 10, column `y`, value \"x\""]);
    let far = stamps::<TimestampSecondType>((0..20).map(|i| if i == 3 { i64::MAX } else { i * 3600 }));
    let columns: [(&str, ArrayRef); 2] = [("ds", Arc::new(far)), ("y", numbers())];
    assert_rejected(&columns, &small(), &["FILE, row 4, column `ds`, value \"9223372036854775807\""]);
    let infinite = Float64Array::from_iter_values((0..20).map(|i| if i == 2 { f64::INFINITY } else { f64::from(i) }));
    let columns: [(&str, ArrayRef); 2] = [("ds", self::days()), ("y", Arc::new(infinite))];
    assert_rejected(&columns, &small(), &["FILE, row 3, column `y`, value \"inf\": not a finite 32-bit number"]);
}

#[test]
fn what_is_no_number_text_or_time_is_left_out_unless_asked_for() {
    let mut lists = ListBuilder::new(arrow_array::builder::Int32Builder::new());
    (0..20).for_each(|i| lists.append_value([Some(i)]));
    let columns: [(&str, ArrayRef); 5] = [
        ("tags", Arc::new(lists.finish())),
        ("ds", days()),
        ("nothing", Arc::new(NullArray::new(20))),
        ("value", numbers()),
        ("raw", Arc::new(BinaryArray::from_iter_values((0..20u8).map(|i| [i])))),
    ];
    for (file, bytes) in [("test.parquet", parquet(&columns)), ("test.arrow", arrow(&columns))] {
        let data = read(file, &bytes, &DataOptions { covariates: Some(Covariates::All), ..small() });
        assert_eq!(data.channel_names(), ["value"]);
        assert!(noticed(&data, "`tags` (\"lists\")") && noticed(&data, "`raw` (\"bytes\")"), "{:?}", data.notices);
        let by_place = DataOptions { targets: Some(vec!["#4".into()]), ..small() };
        assert_eq!(read(file, &bytes, &by_place).channel_names(), ["value"]);
    }
    let target = |name: &str| DataOptions { targets: Some(vec![name.into()]), ..small() };
    assert_rejected(&columns, &target("tags"), &["FILE, column `tags`: the column holds lists", "`target`"]);
    assert_rejected(&columns, &target("#5"), &["FILE, column `raw`: the column holds bytes"]);
    let id = DataOptions { id_column: Some("tags".into()), ..small() };
    assert_rejected(&columns, &id, &["column `tags`: the column holds lists", "`id-column`"]);
    assert_rejected(&columns, &target("no"), &["FILE: no column `no`", "tags, ds, nothing, value, raw"]);
}

#[test]
fn numbers_in_texts_are_read_as_in_a_text_file() {
    let texts = |text: &dyn Fn(usize) -> String| Arc::new(StringArray::from_iter_values((0..20).map(text))) as ArrayRef;
    let german = |i: usize| format!("{}.{:03},5", 1 + i / 7, i * 37 % 1000);
    let share = |i: usize| format!("{} %", 10 + i);
    let columns: [(&str, ArrayRef); 4] =
        [("ds", days()), ("y", texts(&german)), ("share", texts(&share)), ("typed", numbers())];
    let options = DataOptions { covariates: Some(Covariates::All), ..small() };
    for (file, bytes) in [("test.parquet", parquet(&columns)), ("test.arrow", arrow(&columns))] {
        let data = read(file, &bytes, &options);
        assert_eq!(data.channel_names(), ["y", "share", "typed"]);
        let expected = |i: usize| (1 + i / 7) as f64 * 1000.0 + (i * 37 % 1000) as f64 + 0.5;
        assert_eq!(data.raw_targets, (0..20).map(expected).collect::<Vec<_>>());
        let plain = lines("ds,y,share,typed", |i| format!(",{},{},{}", expected(i), 10 + i, (i * i) as f64 / 8.0));
        assert!(plain.contains(",1037.5,"), "{plain}");
        assert_eq!(data.values, load(&plain, &options).unwrap().values);
        for line in
            ["decimal mark `,` in columns of text", "`.` separates thousands: `y`", "percent signs are left out"]
        {
            assert!(noticed(&data, line), "{:?}", data.notices);
        }
        assert_eq!(read(file, &bytes, &data.resolved).values, data.values);
    }
    // As counts with thousands apart are written, and as thousandths are: an option decides, for texts alone.
    let counts = |i: usize| if i.is_multiple_of(3) { (100 + i).to_string() } else { format!("{i}.094") };
    let columns: [(&str, ArrayRef); 3] = [("ds", days()), ("y", texts(&counts)), ("typed", numbers())];
    let y = DataOptions { targets: Some(vec!["y".into(), "typed".into()]), ..small() };
    assert_rejected(&columns, &y, &["column `y`", "row 2", "may be a decimal mark", "`decimal = ", "`thousands = "]);
    for (decimal, thousands, second) in [(Some('.'), None, 1.094), (None, Some('.'), 1094.0)] {
        let options = DataOptions { decimal, thousands, ..y.clone() };
        for (file, bytes) in [("test.parquet", parquet(&columns)), ("test.arrow", arrow(&columns))] {
            let data = read(file, &bytes, &options);
            assert_eq!(data.raw_targets[2..4], [second, 0.125], "{file}");
        }
    }
}

#[test]
fn options_about_text_are_rejected() {
    let columns: [(&str, ArrayRef); 2] = [("ds", days()), ("y", numbers())];
    let plain = small;
    for (key, options) in [
        ("delimiter", DataOptions { delimiter: Some(','), ..plain() }),
        ("decimal", DataOptions { decimal: Some('.'), ..plain() }),
        ("thousands", DataOptions { thousands: Some(','), ..plain() }),
        ("skip-rows", DataOptions { skip_rows: Some(1), ..plain() }),
    ] {
        let [of_parquet, of_arrow, of_frame] = rejections(&columns, &options).try_into().unwrap();
        assert!(of_frame.contains("FILE is a data frame"), "{of_frame}");
        assert!(
            of_parquet.starts_with(&format!("`{key}`: is for text files, but FILE is a Parquet file")),
            "{of_parquet}"
        );
        assert!(of_arrow.contains("is an Arrow file"), "{of_arrow}");
    }
}

#[test]
fn series_in_rows_several_ids_and_unsorted_rows_are_read() {
    let names = |names: [&str; 2]| Arc::new(StringArray::from_iter_values(names)) as ArrayRef;
    let mut columns = vec![("id".to_string(), names(["a", "b"]))];
    let mut text = "id".to_string();
    for year in 2001..2021 {
        columns.push((year.to_string(), Arc::new(Int64Array::from_iter_values([year, year * 2]))));
        text += &format!(",{year}");
    }
    for (id, factor) in [("a", 1), ("b", 2)] {
        text += &format!("\n{id}");
        (2001..2021).for_each(|year| text += &format!(",{}", year * factor));
    }
    let columns: Vec<(&str, ArrayRef)> = columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect();
    let rows = DataOptions { layout: Some(Layout::Rows), ..small() };
    assert_as_csv(&columns, &(text + "\n"), &rows);
    let columns: [(&str, ArrayRef); 3] =
        [("id", names(["a", "b"])), ("2001-01", names(["1", "x"])), ("2001/13", names(["1", "2"]))];
    assert_rejected(&columns, &rows, &["FILE", "column `ds`"]);
    for message in rejections(&columns, &rows) {
        assert!(!message.contains("row ") || !message.contains("FILE, row"), "{message}");
    }

    // Two ids, from new to old.
    let parts = |of: fn(usize) -> &'static str| Arc::new(StringArray::from_iter_values((0..20).map(of))) as ArrayRef;
    let day = |i: i32| 19_723 + (19 - i) % 10;
    let columns: [(&str, ArrayRef); 4] = [
        ("shop", parts(|i| if i < 10 { "x" } else { "y" })),
        ("item", parts(|_| "1")),
        ("ds", Arc::new(Date32Array::from_iter_values((0..20).map(day)))),
        ("y", numbers()),
    ];
    let text = (0..20).fold("shop,item,ds,y\n".to_string(), |text, i| {
        let shop = if i < 10 { "x" } else { "y" };
        text + &format!("{shop},1,2024-01-{:02},{}\n", day(i) - 19_722, f64::from(i * i) / 8.0)
    });
    let options = DataOptions { id_column: Some("shop,item".into()), sort: Some(true), ..small() };
    assert_as_csv(&columns, &text, &options);
}

#[test]
fn files_without_rows_or_columns_are_rejected() {
    let none: [(&str, ArrayRef); 2] =
        [("ds", Arc::new(Date32Array::from_iter_values([]))), ("y", Arc::new(Float64Array::from_iter_values([])))];
    assert_rejected(&none, &small(), &["FILE: no rows"]);
    let empty: [(&str, ArrayRef); 2] = [("ds", Arc::new(NullArray::new(3))), ("y", Arc::new(NullArray::new(3)))];
    assert_rejected(&empty, &small(), &["FILE: no rows"]);
    for magic in [
        &b"PAR1"[..],
        b"ARROW1",
        b"PAR1PAR1",
        b"PAR1\0\0\0\0PAR1",
        b"PAR1\xff\xff\xff\x7fPAR1",
        b"ARROW1\0\0\xff\xff\xff\x7fARROW1",
    ] {
        let message = small().load_bytes("test", "test.parquet", magic).unwrap_err().to_string();
        assert!(message.starts_with("test.parquet: a") && message.contains("that cannot be read"), "{message}");
    }
    let said = small().load_bytes("test", "test.parquet", b"PARE1234").unwrap_err().to_string();
    assert!(said.contains("an encrypted Parquet file"), "{said}");
}
