//! Nothing reads the future: whatever changes after a window's last input row, its inputs and scalers stay.

use microglia::data::{DataOptions, Dataset, Gaps, Impute, Scale, ShortSeries, SplitName};
use proptest::prelude::*;

use super::data::{scaled_until, small};

/// Cells of y and x; `None` is missing. Hours that are absent from the file altogether.
#[derive(Debug, Clone)]
struct File {
    cells: Vec<[Option<i32>; 2]>,
    absent: Vec<usize>,
}

impl File {
    /// The last row has a target: how many rows without one end a file moves borders that are fractions.
    fn new(mut cells: Vec<[Option<i32>; 2]>, absent: Vec<usize>) -> File {
        let last = cells.len() - 1;
        cells[last][0] = cells[last][0].or(Some(0));
        File { cells, absent: absent.into_iter().filter(|row| *row != last).collect() }
    }

    fn load(&self, options: &DataOptions) -> Option<Dataset> {
        let mut text = String::from("ds,y,x\n");
        for (i, [y, x]) in self.cells.iter().enumerate() {
            if !self.absent.contains(&i) {
                let cell = |value: &Option<i32>| value.map_or(String::new(), |v| v.to_string());
                text += &format!("2024-01-{:02} {:02}:00,{},{}\n", 1 + i / 24, i % 24, cell(y), cell(x));
            }
        }
        options.load_bytes("test", "test.csv", text.as_bytes()).ok()
    }
}

fn cell() -> impl Strategy<Value = Option<i32>> {
    prop_oneof![6 => (-99..99i32).prop_map(Some), 1 => Just(None)]
}

fn options() -> impl Strategy<Value = DataOptions> {
    let impute = prop_oneof![Just(Impute::Ffill), Just(Impute::Mean)];
    let scale = prop_oneof![Just(Scale::Series), Just(Scale::Global)];
    let gaps = prop_oneof![Just(Gaps::Notice), Just(Gaps::Fill), Just(Gaps::Skip)];
    let split = prop_oneof![Just("0.6,0.2,0.2"), Just("40,60,76"), Just("2024-01-02 18:00,2024-01-03 12:00")];
    (impute, scale, gaps, split, any::<bool>()).prop_map(|(impute, scale, gaps, split, calendar)| DataOptions {
        impute: Some(impute),
        scale: Some(scale),
        gaps: Some(gaps),
        split: Some(split.parse().unwrap()),
        covariates: Some("x".parse().unwrap()),
        calendar: Some(calendar),
        lookback: Some(4),
        horizon: Some(2),
        ..small()
    })
}

/// A window's inputs: scaled as the model reads them, and in the data's units.
fn inputs(data: &Dataset, window: u32) -> (Vec<f32>, Vec<f64>) {
    let channels = data.channels();
    let rows = window as usize..window as usize + data.lookback;
    let scaled = data.values[rows.start * channels..rows.end * channels].to_vec();
    let scalers = &data.series[0].scalers;
    let raw = |row: usize| (0..scalers.len()).map(move |c| scalers[c].unscale(data.values[row * channels + c].into()));
    (scaled, rows.flat_map(raw).collect())
}

/// Changes every cell of file rows after `hour` that the kept rows still hold.
fn change_after(file: &File, hour: usize, cells: &[[Option<i32>; 2]]) -> File {
    File::new([&file.cells[..=hour], &cells[hour + 1..]].concat(), file.absent.clone())
}

fn hour_of(data: &Dataset, row: usize) -> usize {
    let stamps = &data.series[0].timestamps;
    // The file starts on 2024-01-01 00:00.
    (stamps[row].instant / 3_600_000_000 - 473_352) as usize
}

/// A panel: of each series its first day, and a value a day.
type Ragged = Vec<(usize, Vec<i32>)>;

fn ragged() -> impl Strategy<Value = Ragged> {
    prop::collection::vec((0..40usize, prop::collection::vec(-99..99i32, 1..50)), 1..5)
}

fn load_ragged(panel: &Ragged, options: &DataOptions) -> Option<Dataset> {
    let mut text = String::from("unique_id,ds,y\n");
    for (id, (first, values)) in panel.iter().enumerate() {
        for (row, value) in values.iter().enumerate() {
            text += &format!("s{id},{},{value}\n", first + row);
        }
    }
    options.load_bytes("test", "test.csv", text.as_bytes()).ok()
}

fn ragged_options() -> impl Strategy<Value = DataOptions> {
    let short = prop_oneof![Just(ShortSeries::Skip), Just(ShortSeries::Pad)];
    let scale = prop_oneof![Just(Scale::Series), Just(Scale::Global)];
    (short, scale, 0..3u8).prop_map(|(short, scale, parts)| DataOptions {
        short_series: Some(short),
        split: (parts > 0).then(|| if parts == 1 { "0.6,0.2,0.2" } else { "0.5,0.2,0.2" }.parse().unwrap()),
        test_size: (parts == 0).then_some(4),
        val_size: (parts == 0).then_some(3),
        // Cut at its own end, a series trains on rows later than another's test rows: one scaler of all sees them.
        scale: Some(if parts == 0 { Scale::Series } else { scale }),
        time_column: Some("ds".into()),
        lookback: Some(4),
        horizon: Some(2),
        ..small()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_input_and_no_scaler_reads_past_the_window(
        cells in prop::collection::vec([cell(), cell()], 80),
        other in prop::collection::vec([cell(), cell()], 80),
        absent in prop::collection::vec(1..80usize, 0..4),
        options in options(),
        pick in any::<prop::sample::Index>(),
    ) {
        let file = File::new(cells, absent);
        let data = file.load(&options);
        prop_assume!(data.is_some());
        let data = data.unwrap();
        for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
            let windows = data.windows(split);
            let window = windows[pick.index(windows.len())];
            let last_input = hour_of(&data, window as usize + data.lookback - 1);
            let last_train = hour_of(&data, data.series[0].parts.train.end - 1);

            // Scalers are of the training rows; so is the mean that fills holes. What comes after both the window and
            // the training rows changes nothing at all.
            let changed = change_after(&file, last_input.max(last_train), &other);
            if let Some(after) = changed.load(&options) {
                prop_assert_eq!(&after.series[0].scalers, &data.series[0].scalers);
                prop_assert_eq!(inputs(&after, window), inputs(&data, window));
            }
            // Within the training rows, what comes after a window changes no input before scaling, where a hole is
            // filled by what was seen.
            if options.impute == Some(Impute::Ffill)
                && let Some(after) = change_after(&file, last_input, &other).load(&options)
            {
                for (a, b) in inputs(&after, window).1.iter().zip(inputs(&data, window).1) {
                    prop_assert!((a - b).abs() < 1e-3, "{} {}", a, b);
                }
            }
        }
    }

    #[test]
    fn windows_read_only_values_that_were_seen_or_filled(
        cells in prop::collection::vec([cell(), cell()], 80),
        absent in prop::collection::vec(1..80usize, 0..4),
        options in options(),
    ) {
        let file = File::new(cells, absent);
        let data = file.load(&options);
        prop_assume!(data.is_some());
        let data = data.unwrap();
        for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
            let part = data.series[0].parts.get(split);
            for window in data.windows(split) {
                let origin = *window as usize + data.lookback;
                prop_assert!(part.start <= origin && origin + data.horizon <= part.end);
                prop_assert!(split != SplitName::Train || part.start <= *window as usize);
                prop_assert!((*window as usize..origin).all(|row| data.is_known(row, 0)));
                prop_assert!(data.observed_targets(*window) > 0);
                let observed = (origin..origin + data.horizon).filter(|row| data.observed[*row] > 0.0).count();
                prop_assert_eq!(data.observed_targets(*window) as usize, observed);
            }
        }
        prop_assert!(data.values.iter().all(|value| value.is_finite()));
        // What was observed is what the file holds; what was not is no number.
        for row in 0..data.rows() {
            let written = file.cells[hour_of(&data, row)][0].filter(|_| !file.absent.contains(&hour_of(&data, row)));
            prop_assert_eq!(data.observed[row] > 0.0, written.is_some());
            prop_assert_eq!(data.raw_targets[row].is_nan(), written.is_none());
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[0-9a-zA-Z,;:./+ \"\n\r\t_-]{0,120}", cells in "([0-9T:Z,./+ eE-]{0,12}[,;\n]){0,40}") {
        for header in ["", "ds,y\n", "date;y;unique_id\n", "year,month,day,y\n", "Date,Time,y\n"] {
            for body in [&text, &cells] {
                let bytes = format!("{header}{body}");
                for options in [small(), DataOptions { impute: Some(Impute::Ffill), gaps: Some(Gaps::Fill), ..small() }] {
                    if let Err(error) = options.load_bytes("test", "test.csv", bytes.as_bytes()) {
                        prop_assert!(error.to_string().contains("help: "), "{}", error);
                    }
                }
            }
        }
    }

    #[test]
    fn no_time_makes_it_panic(times in prop::collection::vec(
        prop_oneof![
            "[0-9]{1,4}[-/. ]([0-9]{1,2}|[A-Z][a-z]{2,8})[-/. ][0-9]{1,4}([T ][0-9]{1,2}[:.h][0-9]{1,2}( [AP]M)?(Z|[+-][0-9]{2,4})?)?",
            "-?[0-9]{1,19}",
            "[0-9]{4}-[0-9]{2}(-[0-9]{2})?",
        ],
        1..12,
    )) {
        let rows: String = times.iter().map(|time| format!("{time},1\n")).collect();
        for format in [None, Some("%Y-%m-%d"), Some("%s"), Some("%H"), Some("%Y")] {
            let options = DataOptions { time_column: Some("ds".into()), time_format: format.map(String::from), ..small() };
            let _ = options.load_bytes("test", "test.csv", format!("ds,y\n{rows}").as_bytes());
        }
    }

    #[test]
    fn no_series_of_a_ragged_panel_reads_past_its_window(
        panel in ragged(),
        other in prop::collection::vec(prop::collection::vec(-99..99i32, 50), 5),
        options in ragged_options(),
        pick in any::<prop::sample::Index>(),
    ) {
        let data = load_ragged(&panel, &options);
        prop_assume!(data.is_some());
        let data = data.unwrap();
        prop_assert_eq!(data.series.len() + data.left_out.len(), panel.len());
        let day = |row: usize| {
            let series = &data.series[data.series_of(row)];
            series.timestamps[row - series.rows.start].instant as usize
        };
        for split in [SplitName::Train, SplitName::Validation, SplitName::Test] {
            let windows = data.windows(split);
            if windows.is_empty() {
                continue;
            }
            let window = windows[pick.index(windows.len())];
            let origin = window as usize + data.lookback;
            let series = &data.series[data.series_of(origin)];
            let part = series.parts.get(split);
            prop_assert!(series.rows.start < origin && part.start <= origin && origin + data.horizon <= part.end);
            let scaled = scaled_until(&data, series).max(0) as usize;
            let from = day(origin - 1).max(scaled) + 1;
            if split != SplitName::Train {
                prop_assert!(scaled < day(origin), "it is scaled by what it forecasts");
            }
            let mut changed = panel.clone();
            for ((first, values), other) in changed.iter_mut().zip(&other) {
                for (row, value) in values.iter_mut().enumerate().filter(|(row, _)| *first + row >= from) {
                    *value = other[row];
                }
            }
            let after = load_ragged(&changed, &options);
            prop_assert!(after.is_some());
            let after = after.unwrap();
            prop_assert_eq!(after.windows(split), windows);
            let index = data.series_of(origin);
            prop_assert_eq!(&after.series[index].scalers, &data.series[index].scalers);
            let rows = window as usize * data.channels()..origin * data.channels();
            prop_assert_eq!(&after.values[rows.clone()], &data.values[rows]);
        }
        // At common dates no training target is as late as a validation or test target of any series.
        if options.split.is_some() && data.series.len() > 1 {
            let first = data.test.iter().map(|window| day(*window as usize + 4)).min();
            let last = data.train.iter().map(|window| day(*window as usize + 5)).max();
            prop_assert!(last < first);
        }
    }
}
