//! Parquet and Arrow files that are damaged or forged.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringDictionaryBuilder};
use arrow_array::types::{Int32Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, Float64Array, StringViewArray};
use arrow_ipc::CompressionType;
use microglia::data::{Covariates, DataOptions, Impute};
use parquet::basic::{Compression, ZstdLevel};

use crate::data::small;
use crate::data_columnar::{arrow_of, days, numbers, parquet_of, read, stamps};

/// Small files of both formats, of columns and codecs of many kinds.
fn samples() -> Vec<Vec<u8>> {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    (0..20).for_each(|i| dictionary.append_value(if i % 3 == 0 { "a" } else { "bc" }));
    let mut lists = ListBuilder::new(arrow_array::builder::Int32Builder::new());
    (0..20).for_each(|i| lists.append_value([Some(i), None]));
    let columns: [(&str, ArrayRef); 7] = [
        (
            "ds",
            Arc::new(stamps::<TimestampNanosecondType>((0..20).map(|i| i * 3_600_000_000_000)).with_timezone("UTC")),
        ),
        ("y", Arc::new(Float64Array::from_iter((0..20).map(|i| (i % 5 != 0).then(|| f64::from(i).sqrt()))))),
        ("flag", Arc::new(BooleanArray::from_iter((0..20).map(|i| (i != 9).then_some(i % 2 == 0))))),
        ("name", Arc::new(StringViewArray::from_iter_values((0..20).map(|i| format!("a name of {i} and more"))))),
        ("kind", Arc::new(dictionary.finish())),
        ("list", Arc::new(lists.finish())),
        ("d", Arc::new(Decimal128Array::from_iter_values(0..20).with_precision_and_scale(9, 2).unwrap())),
    ];
    let codecs =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default()), Compression::LZ4_RAW];
    let packed = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
    let of_parquet = codecs.into_iter().map(|codec| parquet_of(&columns, codec, 7));
    of_parquet.chain(packed.into_iter().map(|codec| arrow_of(&columns, codec, 7))).collect()
}

#[test]
fn damaged_files_are_rejected_or_read() {
    let targets = Some(vec!["y".into()]);
    let options = DataOptions { targets, covariates: Some(Covariates::All), impute: Some(Impute::Ffill), ..small() };
    let check = |bytes: &[u8]| match options.load_bytes("test", "test.bin", bytes) {
        Ok(_) => 0,
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("test.bin") || message.starts_with('`'), "{message}");
            1
        }
    };
    let steps = 400;
    let (mut state, mut rejected) = (7u64, 0);
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for file in samples() {
        read("test.bin", &file, &options);
        for _ in 0..steps {
            let mut bytes = file.clone();
            match random(8) {
                0 => bytes.truncate(random(file.len())),
                1 => drop(bytes.drain(random(file.len() / 2)..file.len() / 2 + random(file.len() / 2))),
                _ => {
                    for _ in 0..=random(4) {
                        // Headers and footers are most of what is read.
                        let place = random(file.len());
                        bytes[place] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
                    }
                }
            }
            rejected += check(&bytes);
        }
    }
    assert!(rejected > steps, "{rejected} of {steps} damages a file were found");
}

/// The reader follows nested columns by recursion.
#[test]
fn columns_nested_too_deep_are_rejected() {
    // version: 1; schema: 100,000 groups of one child, and the last one's; no rows, no row groups.
    let mut footer = vec![0x15, 2, 0x19, 0xfc, 0xa1, 0x8d, 0x06];
    (0..100_000).for_each(|_| footer.extend([0x48, 1, b'a', 0x15, 2, 0]));
    footer.extend([0x15, 2, 0x25, 2, 0x18, 1, b'a', 0, 0x16, 0, 0x19, 0x0c, 0]);
    let bytes = [b"PAR1", &footer[..], &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat();
    let message = small().load_bytes("test", "test.parquet", &bytes).unwrap_err().to_string();
    assert!(message.contains("its columns are nested too deep"), "{message}");
}

#[test]
fn forged_sizes_are_rejected_before_they_cost_memory() {
    let columns: [(&str, ArrayRef); 2] = [("ds", days()), ("y", numbers())];
    // The unpacked length before a packed buffer: 2^50 bytes.
    let mut bytes = arrow_of(&columns, Some(CompressionType::ZSTD), 20);
    let place = bytes.windows(8).position(|part| part == 160u64.to_le_bytes()).unwrap();
    bytes[place..place + 8].copy_from_slice(&(1u64 << 50).to_le_bytes());
    let message = small().load_bytes("test", "test.arrow", &bytes).unwrap_err().to_string();
    assert!(message.starts_with("test.arrow: ") && message.contains("of memory or more"), "{message}");
}
