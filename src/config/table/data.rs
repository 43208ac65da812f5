//! Options of the data: see [`DataOptions`](crate::data::DataOptions).

use toml::Value;

use super::super::Config;
use super::super::field::at;
use super::super::kind::{Bounds, Kind};
use super::super::option::{Access, Opt};
use crate::data::Transform;
use crate::data::options::{
    FillMissing, Gaps, Impute, Layout, MOST_ROWS, Scale, ShortSeries, delimiter_word, parse_decimal, parse_delimiter,
    parse_thousands, thousands_word,
};

/// Linear models read the targets alone.
fn reads_covariates(config: &Config) -> bool {
    !config.train.model.kind.is_linear()
}

const NETWORK: &str = "a network: ‹model› rnn, lstm, gru or patchtst";

/// Under "Data".
pub static DATA: &[Opt<Config>] = &[
    Opt::new(
        "data",
        Kind::File,
        at!(data.source),
        "CSV file, wide (`date,a,b,…`) or long (`unique_id,ds,y,…`), also packed as .csv.gz, or a Parquet or Arrow file, if \
         built with the feature `parquet`; `-` reads stdin",
    )
    .default("the embedded weather set"),
    Opt::new(
        "time-column",
        Kind::Text,
        at!(data.time_column?),
        "Column of the timestamps; `+` joins several columns: `Date+Time`",
    )
    .value("NAME")
    .aliases(&[("time-col", "Nixtla")])
    .auto("detected"),
    Opt::new(
        "time-format",
        Kind::Text,
        at!(data.time_format?),
        "Format of the timestamps, in strptime syntax: `%d/%m/%Y %H:%M`",
    )
    .value("FORMAT")
    .auto("detected"),
    Opt::new(
        "id-column",
        Kind::Text,
        at!(data.id_column?),
        "Column that identifies the series of a panel; `,` joins several: `store,item`",
    )
    .value("A[,B]")
    .aliases(&[("id-col", "Nixtla")])
    .auto("`unique_id` or `item_id` if present"),
    Opt::new("target", Kind::List, at!(data.targets?), "Columns to forecast; `all` takes every numeric column")
        .value("A[,B]|all")
        .aliases(&[("target-col", "Nixtla")])
        .auto("`y` if present, else the only numeric column"),
    Opt::new(
        "covariates",
        Kind::List,
        at!(data.covariates?),
        "Past covariates: input columns that are not forecast; `all` takes every other numeric column",
    )
    .value("A,B|all|none")
    .aliases(&[("hist-exog-list", "Nixtla"), ("hist-exog", "Nixtla"), ("past-covariates", "Darts")])
    .default("none")
    .needs(reads_covariates, NETWORK),
    Opt::new(
        "future-covariates",
        Kind::List,
        at!(data.future_covariates?),
        "Covariates that are known for the rows to forecast too, as prices and promotions that are planned: a decoder reads \
         them there. Calendar columns join them",
    )
    .value("A,B|none")
    .aliases(&[("futr-exog-list", "Nixtla"), ("futr-exog", "Nixtla")])
    .or_none(""),
    Opt::new(
        "static-covariates",
        Kind::List,
        at!(data.static_covariates?),
        "Covariates that are constant per series, as a region's size: inputs of every step, scaled over all series together",
    )
    .value("A,B|none")
    .aliases(&[("stat-exog-list", "Nixtla"), ("stat-exog", "Nixtla")])
    .or_none("")
    .needs(reads_covariates, NETWORK),
    Opt::new(
        "categorical",
        Kind::List,
        at!(data.categorical?),
        "Columns of levels, texts or numbers, for each of which the model learns an embedding; constant per series if \
         ‹static-covariates› names them too",
    )
    .value("A,B|none")
    .or_none(""),
    Opt::new(
        "weight",
        Kind::Text,
        at!(data.weight?),
        "Column of the rows' weights, numbers of 0 or more: in the loss, and in a second table of scores. It is no covariate",
    )
    .value("NAME|none")
    .or_none(""),
    Opt::new("lookback", Kind::Whole(1, MOST_ROWS), at!(data.lookback?), "Input rows of a window")
        .value("ROWS")
        .aliases(&[
            ("input-size", "Nixtla"),
            ("input-chunk-length", "Darts"),
            ("context-length", "Hugging Face"),
            ("seq-len", "PatchTST's code"),
        ])
        .auto("2 seasons, at least 24, at most 288"),
    Opt::new(
        "horizon",
        Kind::Whole(1, MOST_ROWS),
        at!(data.horizon?),
        "Forecast rows of a window, all forecast at once",
    )
    .value("ROWS")
    .aliases(&[
        ("h", "Nixtla"),
        ("output-chunk-length", "Darts"),
        ("pred-len", "PatchTST's code"),
        ("prediction-length", "Hugging Face"),
    ])
    .auto("1"),
    Opt::new(
        "freq",
        Kind::Text,
        at!(data.freq?),
        "Interval between rows, in pandas' notation: h, D, B (business days), W-WED, ME, BME, QS, 15min; or open days and \
         hours: `Mon-Sat`, `Mon-Fri 09:30-16:30/h`",
    )
    .value("FREQ")
    .auto("as the rows have it"),
    Opt::new(
        "season",
        Kind::Whole(1, MOST_ROWS),
        at!(data.season?),
        "Rows in a season, for the seasonal baseline and MASE",
    )
    .value("ROWS")
    .auto("hourly 24, daily 7, business days 5, monthly 12, …"),
    Opt::new(
        "calendar",
        Kind::Switch,
        at!(data.calendar?),
        "Add time of day, day of the week and day of the year as input columns",
    )
    .default("on"),
    Opt::new(
        "future-calendar",
        Kind::Switch,
        at!(data.future_calendar?),
        "Read the calendar columns of the rows to forecast too, by a decoder",
    )
    .auto("where there are future covariates"),
    Opt::new(
        "split",
        Kind::List,
        at!(data.split?),
        "Training, validation and test part, in time order: three fractions (in a panel, of its dates), three row \
         borders TRAIN_END,VAL_END,TEST_END, or two or three timestamps",
    )
    .value("SPLIT")
    .default("0.7,0.1,0.2"),
    Opt::new(
        "test-size",
        Kind::Whole(0, MOST_ROWS),
        at!(data.test_size?),
        "In place of a split: rows at the end of each series that are its test part; 0 for none",
    )
    .value("ROWS")
    .auto("by the split"),
    Opt::new(
        "val-size",
        Kind::Whole(0, MOST_ROWS),
        at!(data.val_size?),
        "In place of a split: rows of each series before its test part that are its validation part; 0 for none, which \
         needs ‹epochs› or ‹max-steps›",
    )
    .value("ROWS")
    .auto("by the split"),
    Opt::new(
        "short-series",
        Kind::Words(ShortSeries::WORDS),
        at!(data.short_series?),
        "Series too short for a window: skip leaves them out and names them, pad begins windows before the first row, \
         error rejects them",
    )
    .default("skip"),
    Opt::new(
        "calibration",
        Kind::Number(Bounds::Share),
        at!(data.calibration?),
        "Hold out the last SHARE of the validation rows for calibrating intervals; these rows are not used for early \
         stopping",
    )
    .value("SHARE|none")
    .or_none(""),
    Opt::new(
        "scale",
        Kind::Words(Scale::WORDS),
        at!(data.scale?),
        "Standardise each series by its own training rows, or all series together (global); window does so and normalises each \
         window by its own look-back (‹instance-norm mean-std›), for series that training never saw",
    )
    .default("series"),
    Opt::new(
        "hold-out-series",
        Kind::List,
        at!(data.hold_out_series?),
        "Series that nothing is learned from, a SHARE of all or their ids: they are scored as new ones",
    )
    .value("SHARE|ID[,ID]|none")
    .or_none(""),
    Opt::new(
        "bounds",
        Kind::Text,
        at!(data.bounds?),
        "Bounds of the targets, such as `0..` or `0..100`: forecasts and the ends of their intervals lie within them",
    )
    .value("LOW..HIGH|none")
    .or_none("")
    .hyphens(),
    Opt::new(
        "transform",
        Kind::Words(Transform::WORDS),
        at!(data.transform?),
        "Forecast the targets on another scale: log1p is ln(1 + y)",
    )
    .default("none"),
    Opt::new(
        "impute",
        Kind::Words(Impute::WORDS),
        at!(data.impute?),
        "Missing values: error rejects the file, ffill uses the last seen value, also of an earlier part, mean uses the training mean. Missing \
         targets are left out of loss and scores",
    )
    .value("POLICY")
    .default("error"),
    Opt::new(
        "missing-values",
        Kind::List,
        at!(data.missing_values?),
        "More texts that mean \"missing\": `-200,999`. Empty cells, NA, N/A, NaN, null, none, nil, `?` and `-` always \
         do; an empty list adds none",
    )
    .default("")
    .hyphens(),
    Opt::new(
        "gaps",
        Kind::Words(Gaps::WORDS),
        at!(data.gaps?),
        "Times that the sampling step implies but the file lacks: notice reports them, error rejects the file, fill \
         inserts them as missing rows, skip lets no window span them",
    )
    .value("POLICY")
    .default("notice"),
    Opt::new(
        "fill-missing",
        Kind::Words(FillMissing::WORDS),
        at!(data.fill_missing?),
        "Times without a row: zero makes them rows with targets of 0, in every series from the panel's first time to its last",
    )
    .default("none"),
    Opt::new(
        "holidays",
        Kind::File,
        at!(data.holidays?),
        "File of days that have no rows, one date a line: they are no gaps, and no forecast is dated on them",
    )
    .auto("no days"),
    Opt::new(
        "timezone",
        Kind::Text,
        at!(data.timezone?),
        "Time zone whose clock the timestamps are written by: `Europe/Berlin`; repeated and missing hours are settled by it",
    )
    .value("NAME")
    .auto("the timestamps' own offsets, or none"),
    Opt::new(
        "delimiter",
        Kind::Text,
        Access {
            get: |config: &Config| config.data.delimiter.map(|mark| Value::from(delimiter_word(mark))),
            set: |config: &mut Config, text| {
                config.data.delimiter = text.map(parse_delimiter).transpose()?;
                Ok(())
            },
        },
        "Column separator: `,` `;` `|` or `tab`",
    )
    .value("CHAR")
    .auto("detected"),
    Opt::new(
        "decimal",
        Kind::Text,
        Access {
            get: |config: &Config| config.data.decimal.map(|mark| Value::from(mark.to_string())),
            set: |config: &mut Config, text| {
                config.data.decimal = text.map(parse_decimal).transpose()?;
                Ok(())
            },
        },
        "Decimal mark: `.` or `,`",
    )
    .value("CHAR")
    .auto("detected"),
    Opt::new(
        "thousands",
        Kind::Text,
        Access {
            get: |config: &Config| config.data.thousands.map(|mark| Value::from(thousands_word(mark))),
            set: |config: &mut Config, text| {
                config.data.thousands = text.map(parse_thousands).transpose()?;
                Ok(())
            },
        },
        "What separates thousands: `.` `,` `'` or `space`",
    )
    .value("CHAR")
    .auto("detected"),
    Opt::new("skip-rows", Kind::Whole(1, MOST_ROWS), at!(data.skip_rows?), "Lines above the header line, left out")
        .value("LINES|none")
        .or_none(""),
    Opt::new("sort", Kind::Switch, at!(data.sort?), "Sort the rows of each series by time; off rejects unsorted rows")
        .auto("where a file runs from new to old, and in a panel"),
    Opt::new(
        "layout",
        Kind::Words(Layout::WORDS),
        at!(data.layout?),
        "What a row is: the values of one time (columns), or a series with one column per time (rows)",
    )
    .default("columns"),
];
