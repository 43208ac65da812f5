//! Data frames in memory: what they mean to a configuration, a run that resumes, and a trained model.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampSecondArray};
use microglia::config::{Config, Settings};
use microglia::data::{Frame, Source};
use microglia::forecast::{ForecastOptions, ModelOptions, TrainedModel, forecast};
use microglia::runs::{Run, silent};
use microglia::train::{EpochRow, Observer};

const HOUR: i64 = 3600;

/// Two series of hours in batches of some rows, those of each together.
fn frame(hours: i64, rows: usize) -> Frame {
    let times = (0..2).flat_map(|_| (0..hours).map(|hour| hour * HOUR));
    let wave = |hour: i64| (hour as f64 * std::f64::consts::TAU / 24.0).sin();
    let values = (0..2).flat_map(|series| (0..hours).map(move |hour| f64::from(series) + wave(hour)));
    let ids = (0..2).flat_map(|series| (0..hours).map(move |_| format!("s{series}")));
    let columns: [(&str, ArrayRef); 3] = [
        ("unique_id", Arc::new(StringArray::from_iter_values(ids))),
        ("ds", Arc::new(TimestampSecondArray::from_iter_values(times))),
        ("y", Arc::new(Float64Array::from_iter_values(values))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let part = |start| batch.slice(start, rows.min(batch.num_rows() - start));
    Frame::new("df", batch.schema(), (0..batch.num_rows()).step_by(rows).map(part).collect())
}

/// Settings of a small run, and what `toml` adds.
fn settings(frame: Frame, toml: &str) -> Settings {
    let text = "lookback = 24\nhorizon = 6\nhidden = 4\ndevice = 'cpu'\nlinear-path = 'none'\ninstance-norm = 'last'\n";
    let mut settings = Settings::from_table(&format!("{text}{toml}").parse().unwrap()).unwrap();
    settings.set_frame(frame);
    settings
}

#[test]
fn a_frame_is_known_by_its_cells() {
    let load = |frame: Frame| Config::new(&settings(frame, "")).unwrap().data.load().unwrap();
    let [one, other] = [1000, 7].map(|rows| load(frame(200, rows)));
    assert_eq!((&one.fingerprint, &one.values), (&other.fingerprint, &other.values));
    assert_ne!(one.fingerprint, load(frame(201, 7)).fingerprint);
    assert_eq!(one.name, "df");
    // An Arrow file keeps it.
    let again = Frame::of_arrow("df", frame(200, 50).to_arrow().unwrap()).unwrap();
    assert_eq!(load(again).fingerprint, one.fingerprint);
    assert!(
        Frame::of_arrow("df", b"ARROW1 but no more".to_vec()).unwrap_err().to_string().contains("df: an Arrow file")
    );
}

#[test]
fn a_configuration_names_a_frame_and_does_not_hold_it() {
    let config = Config::new(&settings(frame(200, 50), "")).unwrap();
    assert!(matches!(&config.data.source, Source::Frame(frame) if frame.is_held()));
    let text = config.to_toml();
    assert!(text.contains("data = \"frame\""), "{text}");
    let named = Config::new(&Settings::from_table(&"data = 'frame'".parse().unwrap()).unwrap()).unwrap();
    assert_eq!(named.data.source, Source::Frame(Frame::default()));
    let said = named.data.load().unwrap_err().to_string();
    assert!(said.contains("which is not here") && said.contains("help: "), "{said}");
    assert!(Frame::default().to_arrow().is_err());
}

struct StopAfter(usize, bool);

impl Observer for StopAfter {
    fn epoch(&mut self, row: &EpochRow) {
        self.1 = row.epoch == self.0;
    }

    fn interrupted(&self) -> bool {
        self.1
    }
}

#[test]
fn a_run_on_a_frame_resumes_and_forecasts_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let run = |name: &str, observer: &mut dyn Observer| {
        let toml = format!("epochs = 4\npatience = 0\nout = '{}'", out(name).display());
        let config = Config::new(&settings(frame(200, 50), &toml)).unwrap();
        Run::new(&config, &silent()).unwrap().train(observer).unwrap()
    };
    let whole = run("whole", &mut ()).outcome.summary.best.weights_sha256.clone();
    run("cut", &mut StopAfter(2, false));
    let without = Run::resume(&out("cut"), &Settings::default(), &silent()).err().unwrap().to_string();
    assert!(without.contains("which is not here"), "{without}");
    let mut given = Settings::default();
    given.set_frame(frame(201, 50));
    let changed = Run::resume(&out("cut"), &given, &silent()).err().unwrap().to_string();
    assert!(changed.contains("has changed since the run began"), "{changed}");
    given.set_frame(frame(200, 9));
    let resumed = Run::resume(&out("cut"), &given, &silent()).unwrap().unwrap().train(&mut ()).unwrap();
    assert_eq!(resumed.outcome.summary.best.weights_sha256, whole);

    let ahead = |train: Option<Frame>, data: Option<Frame>| {
        let mut options = ModelOptions::new(out("whole"));
        options.train_data = train.map(Source::Frame);
        let mut model = TrainedModel::open(options, &silent())?;
        let mut asked = ForecastOptions::default();
        asked.reading.source = data.map(Source::Frame);
        forecast(&mut model, &asked).map(|ahead| ahead.outlook.csv().unwrap())
    };
    let own = ahead(Some(frame(200, 50)), None).unwrap();
    assert_eq!(String::from_utf8_lossy(&own).lines().count(), 1 + 12);
    // Given as data, it is known as the training data.
    assert_eq!(ahead(None, Some(frame(200, 13))).unwrap(), own);
    // Rows after it are forecast from there, with intervals of the training rows among them.
    let later = String::from_utf8(ahead(None, Some(frame(210, 13))).unwrap()).unwrap();
    assert!(
        later.lines().next().unwrap().contains("LSTM-lo-95") && later != String::from_utf8(own).unwrap(),
        "{later}"
    );
    assert!(ahead(None, None).err().unwrap().to_string().contains("which is not here"));
}
