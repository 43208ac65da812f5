//! The stages from typed rows to a [`Dataset`].

use std::collections::{BTreeMap, HashSet};

use super::arrays::Arrays;
use super::bounds;
use super::calendar::Closed;
use super::calendars::{self, Calendars};
use super::columns::Columns;
use super::count::{counted, few, grouped};
use super::dataset::{Dataset, Series};
use super::features;
use super::fitted::{self, Fitted};
use super::frame::Frame;
use super::future::{self, Cut};
use super::gaps;
use super::held_out;
use super::levels;
use super::options::{DataOptions, Gaps, Impute};
use super::parts;
use super::series::{RawSeries, group};
use super::settings::Settings;
use super::short::{self, Kept, LeftOut};
use super::statics;
use super::window::{Prefix, Rows, Span, Windows};
use super::zone;
use crate::error::{Result, Text};

/// What the stages begin with.
pub(crate) struct Input<'a> {
    pub name: String,
    /// SHA-256, in hex.
    pub fingerprint: String,
    pub frame: Frame<'a>,
    /// The value columns over all rows; NaN where missing.
    pub values: Vec<Vec<f64>>,
    /// Days without rows, where no file of them is named; `None` if none are known.
    pub closed: Option<Closed>,
    /// What there is to report so far.
    pub notices: Vec<Text>,
}

/// Runs all stages. `options` are those of the data set's source.
pub(crate) fn dataset(input: Input, options: &DataOptions, fitted: Option<&Fitted>) -> Result<Dataset> {
    let Input { name, fingerprint, mut frame, values, closed, mut notices } = input;
    if let Some(name) = &options.timezone {
        zone::settle(&mut frame, zone::named(name)?, &mut notices)?;
    }
    notices.extend(zone::offsets_vary(&frame));

    // Rows → series on a grid of times.
    let mut series = group(&frame, values)?;
    statics::check(&frame, &series)?;
    statics::fill(&frame, &mut series);
    let Cut { mut series, empty } = future::cut(&frame, series, &mut notices);
    notices.push(rows_read(&series, frame.ids.column.as_deref()).into());
    let Calendars { main, rivals } = calendars::settle(&frame, &mut series, options, (fitted, closed), &mut notices)?;
    let series = gaps::zeros(&frame, series, options.fill_missing.unwrap_or_default(), &mut notices)?;
    let mut series = gaps::settle(&frame, series, options.gaps.unwrap_or_default(), &mut notices)?;
    // Of rows that were inserted; and they count among those of a season.
    statics::fill(&frame, &mut series);
    let longest = series.iter().map(RawSeries::rows).max().unwrap_or(0);
    let settings = Settings::of(options, &main, longest, fitted.is_some());
    for one in &mut series {
        let own = one.calendar != main && options.season.is_none();
        one.season = if own { one.calendar.season().within(one.rows()).rows } else { settings.season.rows };
    }
    let seasons = seasons(&series, settings.season.rows);
    let one_season = seasons.is_none();
    let season_notices: Vec<Text> = [settings.notice(&main).into()].into_iter().chain(seasons).collect();
    notices.extend_from_slice(&season_notices);

    let without_values = short::without_values(&frame, &settings, &empty)?;
    bounds::check(&frame, &series, options)?;

    // Series → parts and scalers.
    let mut held = HashSet::new();
    let (kept, scaling) = match fitted {
        None => {
            let mut kept = parts::trained(&mut frame, series, &settings, options, &mut notices)?;
            held = held_out::hold(&frame, &mut kept, &settings, options, &mut notices)?;
            let scaling = fitted::fit(&frame, &mut kept, &settings, options)?;
            (kept, scaling)
        }
        Some(fitted) => {
            let mut kept = parts::untrained(&frame, series, &settings, options, &mut notices)?;
            let scaling = fitted.of_all(&frame, &settings, &mut kept)?;
            (kept, scaling)
        }
    };
    let Kept { mut series, parts, left_out, targets_left_out } = kept;
    let mut left_out: Vec<LeftOut> = without_values.into_iter().chain(left_out).collect();
    let levels = match fitted {
        None => levels::of_rows(&frame, &series, &parts)?,
        Some(fitted) => fitted.levels.clone(),
    };
    notices.extend(levels::encode(&frame, &mut series, (&parts, &levels), fitted.is_some())?);
    notices.extend(short::notice(&left_out, series.len(), "series"));
    left_out.extend(targets_left_out);

    // All of it → arrays and windows.
    let calendar = match settings.calendar {
        true => {
            let trained = fitted.map(|fitted| &fitted.calendar[..]);
            features::of_series(frame.times.kind, main.step(), (&series, &parts), trained, &mut notices)
        }
        false => Vec::new(),
    };
    let filling = (settings.impute, settings.padding());
    let arrays = Arrays::fill(&frame, (&series, &parts), scaling, &calendar, filling)?;
    let (width, targets) = (frame.columns.values(), frame.columns.targets());
    let skip = settings.gaps == Gaps::Skip;
    let rows = Rows {
        observed: Prefix::observed(&arrays.observed, targets),
        weightless: Prefix::new(arrays.weights.iter().map(|weight| u32::from(*weight == 0.0))),
        unreadable: Prefix::holes(&arrays.holes, width, 0..width),
        unplanned: Prefix::holes(&arrays.holes, width, frame.columns.future()),
        breaks: Prefix::new(arrays.breaks.into_iter().map(|breaks| u32::from(skip && breaks))),
    };
    let (lookback, horizon, season) = (settings.lookback, settings.horizon, settings.season.rows);
    let span = |series| -> Span { span(series, fitted.is_none(), &settings, &held) };
    let spans: Vec<Span> = arrays.series.iter().map(span).collect();
    let windows = match fitted {
        None => Windows::trained(&rows, &spans, &settings, options.calibration)?,
        Some(_) => Windows::untrained(&rows, &spans, (lookback, horizon)),
    };
    notices.extend(windows.notices(fitted.is_some(), settings.sizes.is_none()));
    notices.extend(missing(&arrays.series, &frame.columns, settings.impute));
    let padding = settings.padding();
    if padding > 0 {
        notices.push(format!(
            "windows begin up to {} before a series (‹short-series pad›): its first row stands there, calendar columns are 0",
            counted(padding, "row")
        ).into());
    }
    let resolved = settings.resolved(options, &frame, one_season);
    let Rows { observed: observed_count, unreadable, unplanned, .. } = rows;
    let (encoding, lines, content) = (frame.encoding(), frame.lines(), frame.content());

    Ok(Dataset {
        name,
        time_column: frame.times.name,
        id_column: frame.ids.column,
        time_kind: frame.times.kind,
        time_form: frame.times.form,
        encoding,
        day_first: frame.times.day_first,
        thousands: frame.thousands,
        flags: frame.flags,
        levels,
        calendar: main,
        rivals,
        series: arrays.series,
        left_out,
        padding,
        columns: frame.columns.and_calendar(calendar.into_iter().map(|(name, _)| name)),
        values: arrays.values,
        observed: arrays.observed,
        raw_targets: arrays.raw_targets,
        weights: arrays.weights,
        lookback,
        horizon,
        season,
        train: windows.train,
        validation: windows.validation,
        calibration: windows.calibration,
        test: windows.test,
        held_out: windows.held_out,
        dropped: windows.dropped,
        notices,
        season_notices,
        fingerprint,
        content,
        lines,
        observed_count,
        unreadable,
        unplanned,
        known: arrays.known,
        fraction: arrays.fraction,
        resolved,
    })
}

/// How many rows there are, of which series.
fn rows_read(series: &[RawSeries], id: Option<&str>) -> String {
    let rows = counted(series.iter().map(RawSeries::rows).sum(), "row");
    let Some(id) = id else { return rows };
    let shown: Vec<String> = series.iter().take(6).map(|one| format!("{} {}", one.id, grouped(one.rows()))).collect();
    let more = if series.len() > 6 { format!(", and {} more", grouped(series.len() - 6)) } else { String::new() };
    format!("{rows} in {} series by `{id}`: {}{more}", grouped(series.len()), shown.join(", "))
}

/// Series whose season is another one than that of most, because their calendars have it.
fn seasons(series: &[RawSeries], most: usize) -> Option<Text> {
    let mut groups: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for one in series.iter().filter(|one| one.season != most) {
        groups.entry(one.season).or_default().push(&one.id);
    }
    let group = |(rows, ids): (&usize, &Vec<&str>)| {
        let named = ids.iter().take(3).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let more = if ids.len() > 3 { ", …" } else { "" };
        format!("{} in {} series ({named}{more})", counted(*rows, "row"), grouped(ids.len()))
    };
    (!groups.is_empty()).then(|| {
        let groups = few(groups.len(), groups.iter().map(group));
        format!(
            "seasonal-naive and MASE take the season of each series' own calendar: {groups}; ‹season› sets one for all"
        )
        .into()
    })
}

/// A series as windows are looked for in it.
fn span<'a>(series: &'a Series, trained: bool, settings: &Settings, held: &HashSet<String>) -> Span<'a> {
    let reach = if trained { settings.reach_of(&series.parts) } else { settings.reach() };
    Span { id: &series.id, held_out: held.contains(&series.id), parts: &series.parts, reach }
}

/// How many cells are missing, by column, and what inputs take instead.
fn missing(series: &[Series], columns: &Columns, policy: Impute) -> Option<Text> {
    let of = |column: usize| series.iter().map(|series| series.missing[column]).sum::<usize>();
    let missing = (0..columns.values()).filter(|column| of(*column) > 0);
    let counts: Vec<String> =
        missing.map(|column| format!("`{}` {}", columns.names()[column], grouped(of(column)))).collect();
    if counts.is_empty() {
        return None;
    }
    let inputs = match policy {
        Impute::Mean => "inputs take the training rows' mean",
        Impute::Ffill => "inputs take the last seen value",
        Impute::Error => "windows with a missing input are skipped",
    };
    let masked = match (0..columns.targets()).map(of).sum() {
        0 => String::new(),
        targets => format!("; {} masked out of loss, scaler and metrics", counted(targets, "missing target")),
    };
    let counts = few(counts.len(), counts.into_iter());
    Some(format!("missing: {counts}; {inputs} (‹impute {policy}›){masked}").into())
}
