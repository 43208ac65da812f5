//! What the fuzz target of Parquet and Arrow files does: bytes as they are, tables that the bytes describe, written whole, and such files
//! with bytes changed. The suite runs the same.

use std::sync::Arc;

use arrow_array::types::{
    Int8Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Date64Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int32Array, Int64Array, LargeStringArray, PrimitiveArray, RecordBatch, StringArray, StringViewArray,
    Time32MillisecondArray, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use microglia::data::{DataOptions, Gaps, Impute, Layout};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::fuzz_targets::sound;

/// The first byte says how the file is read, the second what the rest is.
pub(crate) fn columnar(bytes: &[u8]) {
    let [how, what, rest @ ..] = bytes else { return };
    let bit = |i: u8| how >> i & 1 == 1;
    let options = DataOptions {
        targets: bit(0).then(|| vec!["y".into()]),
        covariates: bit(1).then(|| "all".parse().unwrap()),
        gaps: bit(2).then_some(Gaps::Fill),
        layout: bit(3).then_some(Layout::Rows),
        sort: bit(4).then_some(true),
        time_column: bit(5).then(|| "ds".into()),
        impute: Some(if bit(6) { Impute::Mean } else { Impute::Ffill }),
        lookback: Some(2),
        horizon: Some(1),
        ..DataOptions::default()
    };
    let read = |file: &[u8]| options.load_bytes("fuzz", "fuzz.bin", file);
    if what % 4 == 0 {
        if let Ok(dataset) = read(rest) {
            sound(&dataset);
        }
        return;
    }
    let mut pieces = Pieces(rest);
    let Some(batch) = table(&mut pieces) else { return };
    let group = 1 + usize::from(what >> 4);
    let parquet = parquet_file(&batch, what >> 2, group);
    let arrow = arrow_file(&batch, what >> 2, group);
    if what % 4 == 1 {
        let (Some(parquet), Some(arrow)) = (parquet, arrow) else { return };
        match (read(&parquet), read(&arrow)) {
            (Ok(one), Ok(other)) => {
                sound(&one);
                sound(&other);
                assert_eq!(
                    (one.values, one.resolved, one.left_out.len()),
                    (other.values, other.resolved, other.left_out.len())
                );
            }
            (Err(one), Err(other)) => {
                assert_eq!(one.to_string(), other.to_string());
                assert!(!one.to_string().contains("cannot be read"), "{one}");
            }
            (one, other) => panic!("{:?} {:?}", one.err(), other.err()),
        }
        return;
    }
    let Some(mut file) = (if what % 4 == 2 { parquet } else { arrow }) else { return };
    while let Some([high, low, change]) = pieces.next() {
        let at = usize::from(u16::from_le_bytes([high, low])) % file.len();
        file[at] ^= change;
    }
    if let Ok(dataset) = read(&file) {
        sound(&dataset);
    }
}

/// Bytes that are taken one after another.
struct Pieces<'a>(&'a [u8]);

impl Pieces<'_> {
    fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next bytes, 0 after the last.
    fn padded<const N: usize>(&mut self) -> [u8; N] {
        self.next().unwrap_or([0; N])
    }

    fn long(&mut self) -> i64 {
        i64::from_le_bytes(self.padded())
    }
}

const NAMES: [&str; 6] = ["ds", "y", "unique_id", "x", "x", "a name, with \"marks\"\n"];

/// A small table.
fn table(pieces: &mut Pieces) -> Option<RecordBatch> {
    let [columns, rows] = pieces.next()?;
    let rows = usize::from(rows % 32);
    let column = |i: u8, pieces: &mut Pieces| {
        let [name, kind, holes] = pieces.padded();
        let name =
            if name < 128 { NAMES[usize::from(i) % NAMES.len()] } else { NAMES[usize::from(name) % NAMES.len()] };
        (name, array(pieces, kind, rows, holes), true)
    };
    let columns: Vec<(&str, ArrayRef, bool)> = (0..columns % 7).map(|i| column(i, pieces)).collect();
    RecordBatch::try_from_iter_with_nullable(columns).ok()
}

/// So many values of a type; `holes` says which are missing.
fn array(pieces: &mut Pieces, kind: u8, rows: usize, holes: u8) -> ArrayRef {
    let there = |row: usize| holes == 0 || row % 8 > 7 || holes >> (row % 8) & 1 == 0;
    // Numbers of small steps are times; others may be anything.
    let (start, step) = (pieces.long(), pieces.long());
    let tame = kind & 0x80 == 0;
    let long = |row: usize, unit: i64| match tame {
        true => (1_600_000_000 + start % 100_000_000 + step % 1_000_000 * row as i64).saturating_mul(unit),
        false => start.wrapping_add(step.wrapping_mul(row as i64)),
    };
    let longs = |unit: i64| (0..rows).map(move |row| there(row).then(|| long(row, unit)));
    let small = |row: usize| there(row).then(|| (start % 20_000).wrapping_add((step % 50) * row as i64) as i32);
    let float = |row: usize| match tame {
        true => start as f64 / 1e9 + (step % 1000) as f64 * row as f64 / 8.0,
        false => f64::from_bits(start.wrapping_add(step.wrapping_mul(row as i64)) as u64),
    };
    let floats = (0..rows).map(|row| there(row).then(|| float(row)));
    let zone = (start & 1 == 1).then_some(if start & 2 == 2 { "UTC" } else { "Europe/Berlin" });
    let mut text = |row: usize| {
        there(row).then(|| match tame {
            true => format!("{}{}", ["a", "2024-01-0", "", "1,"][kind as usize >> 5 & 3], row % 9 + 1),
            false => String::from_utf8_lossy(&pieces.padded::<4>()).into_owned(),
        })
    };
    match kind % 18 {
        0 => Arc::new(Date32Array::from_iter((0..rows).map(small))),
        1 => Arc::new(Float64Array::from_iter(floats)),
        2 => Arc::new(StringArray::from_iter((0..rows).map(&mut text))),
        3 => Arc::new(Int64Array::from_iter(longs(1))),
        4 => {
            Arc::new(PrimitiveArray::<TimestampNanosecondType>::from_iter(longs(1_000_000_000)).with_timezone_opt(zone))
        }
        5 => Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from_iter(longs(1_000_000)).with_timezone_opt(zone)),
        6 => Arc::new(PrimitiveArray::<TimestampMillisecondType>::from_iter(longs(1000)).with_timezone_opt(zone)),
        7 => Arc::new(PrimitiveArray::<TimestampSecondType>::from_iter(longs(1)).with_timezone_opt(zone)),
        8 => Arc::new(Int32Array::from_iter((0..rows).map(small))),
        9 => Arc::new(Float32Array::from_iter(floats.map(|value| value.map(|value| value as f32)))),
        10 => Arc::new(BooleanArray::from_iter((0..rows).map(|row| there(row).then(|| step >> (row % 64) & 1 == 1)))),
        11 => Arc::new(StringViewArray::from_iter((0..rows).map(&mut text))),
        12 => Arc::new(LargeStringArray::from_iter((0..rows).map(&mut text))),
        13 => {
            let texts: Vec<Option<String>> = (0..rows).map(&mut text).collect();
            Arc::new(texts.iter().map(Option::as_deref).collect::<DictionaryArray<Int8Type>>())
        }
        14 => {
            let values = longs(1).map(|value| value.map(|value| i128::from(value % 1_000_000_000)));
            let scale = (start % 9) as i8;
            Arc::new(Decimal128Array::from_iter(values).with_precision_and_scale(18, scale.abs()).unwrap())
        }
        15 => Arc::new(UInt64Array::from_iter(longs(1).map(|value| value.map(|value| value as u64)))),
        16 => Arc::new(Int8Array::from_iter((0..rows).map(|row| there(row).then(|| long(row, 1) as i8)))),
        _ if start & 1 == 1 => Arc::new(Date64Array::from_iter(longs(1000))),
        _ => Arc::new(Time32MillisecondArray::from_iter((0..rows).map(small))),
    }
}

fn parquet_file(batch: &RecordBatch, codec: u8, group: usize) -> Option<Vec<u8>> {
    let codecs =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default()), Compression::LZ4_RAW];
    let properties = WriterProperties::builder()
        .set_compression(codecs[usize::from(codec % 4)])
        .set_max_row_group_row_count(Some(group))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).ok()?;
    writer.write(batch).ok()?;
    writer.into_inner().ok()
}

fn arrow_file(batch: &RecordBatch, codec: u8, group: usize) -> Option<Vec<u8>> {
    let codec = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD), None][usize::from(codec % 4)];
    let options = IpcWriteOptions::default().try_with_compression(codec).ok()?;
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options).ok()?;
    for start in (0..batch.num_rows()).step_by(group) {
        writer.write(&batch.slice(start, group.min(batch.num_rows() - start))).ok()?;
    }
    writer.into_inner().ok()
}
