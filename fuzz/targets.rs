//! What each fuzz target does with its bytes: they go through the library's own functions, which must say no or give what makes
//! sense, and never panic. The suite runs the same over the kept corpus, and over random bytes.

use std::path::Path;

use microglia::config::{Config, Settings};
use microglia::data::{
    Calendar, DataOptions, Dataset, FillMissing, Gaps, Impute, Layout, Scale, ShortSeries, Split, Start,
};
use microglia::experiment::Study;
use microglia::forecast::table::unique_id;
use microglia::kernels::tuning::Tuning;
use microglia::train::Loaded;
use microglia::train::options::{Regularizers, Sparsity};
use safetensors::SafeTensors;
use safetensors::tensor::{TensorView, serialize};

/// The first byte says how the rest, a CSV file, is read.
pub(crate) fn csv_reader(bytes: &[u8]) {
    let Some((&how, text)) = bytes.split_first() else { return };
    let bit = |i: u8| how >> i & 1 == 1;
    let options = DataOptions {
        targets: bit(0).then(|| vec!["all".into()]),
        covariates: bit(1).then(|| "all".parse().unwrap()),
        impute: Some(if bit(2) { Impute::Ffill } else { Impute::Mean }),
        gaps: Some(if bit(3) { Gaps::Fill } else { Gaps::Skip }),
        short_series: Some(if bit(3) { ShortSeries::Pad } else { ShortSeries::Skip }),
        scale: Some(if bit(4) { Scale::Global } else { Scale::Series }),
        decimal: bit(5).then_some(','),
        missing_values: bit(6).then(|| vec!["-200".into(), "x".into()]),
        calibration: bit(7).then_some(0.5),
        lookback: Some(3),
        horizon: Some(2),
        ..DataOptions::default()
    };
    if let Ok(dataset) = options.load_bytes("fuzz", "fuzz.csv", text) {
        sound(&dataset);
    }
}

/// The first two bytes say how the rest is read: a table as it is exported, or one that is packed.
pub(crate) fn tables(bytes: &[u8]) {
    let [how, skip, text @ ..] = bytes else { return };
    let bit = |i: u8| how >> i & 1 == 1;
    let also = |i: u8| skip >> i & 1 == 1;
    let options = DataOptions {
        layout: bit(0).then_some(Layout::Rows),
        sort: bit(1).then_some(bit(0)),
        id_column: bit(2).then(|| "a,b".into()),
        thousands: bit(3).then_some(if bit(6) { '.' } else { '\'' }),
        skip_rows: bit(4).then_some(usize::from(*skip % 4)),
        covariates: (bit(7) && !bit(0)).then(|| "all".parse().unwrap()),
        fill_missing: also(2).then_some(FillMissing::Zero),
        timezone: also(3).then(|| if also(4) { "Asia/Kathmandu".into() } else { "Europe/Berlin".into() }),
        impute: Some(Impute::Ffill),
        lookback: Some(3),
        horizon: Some(2),
        ..DataOptions::default()
    };
    let read = |text: &[u8]| options.load_bytes("fuzz", "fuzz.csv", text);
    let data = read(text);
    if bit(5) {
        let packed = read(&gzip(text));
        assert_eq!(packed.is_ok(), data.is_ok() && !text.starts_with(&[0x1f, 0x8b]));
    }
    let Ok(dataset) = data else { return };
    sound(&dataset);
    // What was settled reads the same again.
    let again = dataset.resolved.load_bytes("fuzz", "fuzz.csv", text).unwrap();
    assert_eq!((again.values, again.resolved), (dataset.values, dataset.resolved));
}

/// Bytes as a gzip file that packs nothing: blocks as they are.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(0xffff).collect() };
    for (i, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        packed.push(u8::from(i + 1 == blocks.len()));
        packed.extend(length.to_le_bytes().into_iter().chain((!length).to_le_bytes()));
        packed.extend_from_slice(block);
    }
    let crc = bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    });
    packed.extend((!crc).to_le_bytes().into_iter().chain((bytes.len() as u32).to_le_bytes()));
    packed
}

/// Lines: a format or nothing, a split or nothing, an interval or nothing, then times, each of a row.
pub(crate) fn dates(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut said = || lines.next().filter(|line| !line.is_empty());
    let (format, split, freq) = (said(), said(), said());
    let mut csv = String::from("ds,y\n");
    for (i, line) in lines.take(64).enumerate() {
        csv += &format!("\"{}\",{}\n", line.replace('"', "\"\""), i * 7 % 5);
    }
    let options = DataOptions {
        time_column: Some("ds".into()),
        time_format: format.map(String::from),
        split: split.and_then(|split| split.parse::<Split>().ok()),
        lookback: Some(1),
        horizon: Some(1),
        ..DataOptions::default()
    };
    if let Ok(dataset) = options.load_bytes("fuzz", "fuzz.csv", csv.as_bytes()) {
        sound(&dataset);
        let _ = freq.map(|text| dataset.cutoffs(&Start::Written(text.into())));
        if let Some(Ok(freq)) = freq.map(str::parse::<Calendar>) {
            assert_eq!(freq.to_string().parse::<Calendar>().unwrap(), freq);
            let options = DataOptions { freq: Some(freq), ..options.clone() };
            if let Ok(dataset) = options.load_bytes("fuzz", "fuzz.csv", csv.as_bytes()) {
                sound(&dataset);
            }
        }
    }
    if let (Some(text), Ok(dataset)) = (freq, options.load_bytes("hours", "hours.csv", HOURS.as_bytes())) {
        let _ = dataset.cutoffs(&Start::Written(text.into()));
    }
}

/// The first byte says how the data's times are written and which calendar they have; the rest is a file of days without rows.
pub(crate) fn holidays(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rest).unwrap();
    let format = ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%y", "%Y%m%d"][usize::from(how % 4)];
    let freqs = [None, Some("D"), Some("B"), Some("W-FRI"), Some("ME"), Some("BME"), Some("Mon-Sat"), Some("2B")];
    let options = DataOptions {
        holidays: Some(file.path().into()),
        time_format: (how >> 5 & 1 == 1).then(|| format.into()),
        freq: freqs[usize::from(how >> 2 & 7)].map(|freq| freq.parse().unwrap()),
        fill_missing: (how >> 6 & 1 == 1).then_some(FillMissing::Zero),
        lookback: Some(3),
        horizon: Some(2),
        ..DataOptions::default()
    };
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let rows = first.iter_days().take(40).map(|day| format!("{},1\n", day.format(format)));
    let csv = format!("ds,y\n{}", rows.collect::<String>());
    if let Ok(dataset) = options.load_bytes("fuzz", "fuzz.csv", csv.as_bytes()) {
        sound(&dataset);
    }
}

const HOURS: &str = "ds,y\n2024-01-01T00:00Z,1\n2024-01-01T01:00Z,2\n2024-01-01T02:00Z,3\n2024-01-01T03:00Z,4\n";

/// Files that a header is put on, as the first byte says; else the rest is a whole file.
const SEEDS: [&[u8]; 3] = [
    include_bytes!("../tests/golden/trained_lstm.model.safetensors"),
    include_bytes!("../tests/golden/trained_patchtst.model.safetensors"),
    include_bytes!("corpus/checkpoint/run"),
];

/// A weights file, or what one says of itself.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let Some((&which, rest)) = bytes.split_first() else { return };
    match SEEDS.get(usize::from(which)) {
        None => opened(rest.to_vec()),
        Some(seed) => {
            // The last of them is kept as input of this target, with a byte before it.
            let seed = if which == 2 { &seed[1..] } else { seed };
            opened(with_header(seed, &String::from_utf8_lossy(rest)));
        }
    }
}

/// The same tensors under another header.
pub(crate) fn with_header(seed: &[u8], header: &str) -> Vec<u8> {
    let tensors = SafeTensors::deserialize(seed).unwrap();
    let metadata = [("format".to_string(), "pt".to_string()), ("microglia".to_string(), header.to_string())];
    let views = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, TensorView::new(view.dtype(), view.shape().to_vec(), view.data()).unwrap()));
    serialize(views, Some(metadata.into_iter().collect())).unwrap()
}

/// Whatever begins with a weights file, on one; no panic is all that is asked.
pub(crate) fn opened(bytes: Vec<u8>) {
    let Ok(loaded) = Loaded::from_bytes(Path::new("fuzz.safetensors"), bytes) else { return };
    if loaded.header.run.is_some() {
        loaded.run().unwrap();
    }
    assert_eq!(loaded.params.len(), loaded.layout.words);
    let _ = loaded.replicas();
    let _ = loaded.weights_sha256();
    let fitted = loaded.fitted(&DataOptions::default());
    let Ok(Config { data: options, .. }) = Config::of_run(&loaded) else { return };
    // Only the header's word for it: no file is read.
    for fitted in [None, Some(&fitted)] {
        let data = match fitted {
            None => options.load_bytes("fuzz", "fuzz.csv", HOURS.as_bytes()),
            Some(fitted) => options.load_bytes_fitted("fuzz", "fuzz.csv", HOURS.as_bytes(), fitted),
        };
        if let Ok(dataset) = data
            && dataset.lookback * dataset.channels() < 1 << 16
        {
            let _ = loaded.plan(&dataset, 2);
        }
    }
}

/// A TOML file: of a study, of data, of tuned products; and the words of its values.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(table) = text.parse::<toml::Table>() else { return };
    let _ = toml::from_str::<Tuning>(text);
    let _ = table.clone().try_into::<DataOptions>().map(|options| options.load_bytes("h", "h.csv", HOURS.as_bytes()));
    for value in table.values().filter_map(toml::Value::as_str) {
        let _ = value.parse::<Split>().map(|split| assert_eq!(split.to_string().parse::<Split>().ok(), Some(split)));
        let _ = value.parse::<Sparsity>().map(|it| assert_eq!(it.to_string().parse::<Sparsity>().ok(), Some(it)));
        let _ =
            value.parse::<Regularizers>().map(|it| assert_eq!(it.to_string().parse::<Regularizers>().ok(), Some(it)));
    }
    // Only the words: no weights file is opened.
    let run: toml::Table = table.clone().into_iter().filter(|(key, _)| key != "init").collect();
    if let Ok(config) = Settings::from_table(&run).and_then(|settings| Config::new(&settings)) {
        let written = config.to_toml();
        let again = Settings::from_table(&written.parse().unwrap()).and_then(|settings| Config::new(&settings));
        assert_eq!(again.unwrap().to_toml(), written);
    }
    if let Ok(study) = Study::from_table(&Study::default(), &table)
        && study.check().is_ok()
    {
        let again = study.to_toml().parse::<toml::Table>().unwrap();
        assert_eq!(Study::from_table(&Study::default(), &again).unwrap(), study);
        let _ = study.settings().unwrap();
    }
}

/// What every data set that was read must be.
pub(crate) fn sound(dataset: &Dataset) {
    assert_eq!(dataset.values.len(), dataset.rows() * dataset.channels());
    assert!(dataset.values.iter().all(|value| value.is_finite()));
    assert!(dataset.series.iter().flat_map(|series| &series.scalers).all(|scaler| scaler.is_sound()));
    for windows in [&dataset.train, &dataset.validation, &dataset.test] {
        assert!(!windows.is_empty());
        assert!(windows.iter().all(|w| *w as usize + dataset.lookback + dataset.horizon <= dataset.rows()));
    }
    for series in &dataset.series {
        assert!(series.timestamps.is_sorted_by(|a, b| a.instant < b.instant));
    }
    for one in 0..dataset.series.len() {
        let _ = unique_id(dataset, one, 0);
    }
    go_on(dataset);
}

/// The rows to come.
fn go_on(dataset: &Dataset) {
    if let Ok((cutoffs, _)) = dataset.cutoffs(&Start::End)
        && let Ok(ahead) = dataset.ahead(&cutoffs, 3)
    {
        for series in &ahead.series {
            assert!(series.timestamps.is_sorted_by(|a, b| a.instant < b.instant));
            series.timestamps.iter().for_each(|stamp| assert!(!dataset.time_form.text(*stamp).is_empty()));
        }
    }
}
