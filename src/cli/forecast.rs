//! `microglia forecast`.

use anyhow::{Result, bail};
use chrono::{DateTime, NaiveDateTime};
use microglia::data::{Cutoff, Dataset, Freq, SplitName, Start, TimeFormat, TimeKind, Timestamp};
use microglia::forecast::table::{Names, Outlook, unique_id};
use microglia::forecast::{StepCoverage, non_overlapping};
use microglia::train::plot::{OutlookPanel, OutlookPlot, outlook_svg};
use serde_json::json;

use super::evaluate_text::coverage_table;
use super::forecast_args::ForecastArgs;
use super::outputs::json;
use super::trained::{Trained, check_unused, outputs, write};
use super::{Code, print, say};

pub fn run(args: &ForecastArgs) -> Result<Code> {
    let files = args.out.as_deref().map(outputs);
    if let Some((csv, svg)) = &files {
        check_unused(&[("out", csv), ("out", svg)], args.model.overwrite)?;
    }
    let from = origin(args.origin.as_deref())?;
    let mut trained = Trained::open(&args.model)?;
    if let Some((csv, svg)) = &files {
        trained.refuse_read(&[("out", csv), ("out", svg)], args.model.data.as_deref())?;
    }
    let horizon = trained.forecaster.model().header.model.horizon;
    let rows = args.horizon.unwrap_or(horizon);
    if rows > horizon {
        if !args.recursive {
            bail!(
                "--horizon {rows}: the model was trained to forecast {horizon} rows\n  help: train one with --horizon {rows}, \
                 or let it read its own forecasts with --recursive"
            );
        }
        if args.model.levels.as_deref().is_some_and(|levels| levels.trim() != "none") {
            bail!(
                "--levels: residuals are known for {horizon} rows, and {rows} are asked for\n  help: --levels none, or --horizon {horizon}"
            );
        }
        say(&format!("rows beyond {horizon} are forecast from forecasts, without intervals"));
        trained.levels.clear();
    }

    let data = trained.data(&args.model)?;
    let freq = trained.freq.unwrap_or_else(|| Freq::infer(&data));
    say(&format!("the calendar goes on by {freq}"));
    let cutoffs = data.cutoffs(&from)?;
    let ended = data.ended_before(&from, freq)?;
    if ended > 0 {
        say(&format!(
            "{ended} of {} series ended before --origin: the rows after their last one are forecast",
            data.series.len()
        ));
    }
    if trained.is_own(&data) {
        trained.known_rows(&data, &cutoffs).iter().for_each(|line| say(line));
    }
    let names = Names::new(&data, &trained.alias, &trained.levels, &[])?;

    // Intervals, and what they held.
    let mut coverage: Option<(Vec<StepCoverage>, usize, usize)> = None;
    let mut calibration = None;
    if !trained.levels.is_empty() {
        let training = trained.training_data("--levels none forecasts without intervals")?;
        let calibrated = trained.calibrate(&training)?;
        say(&calibrated.note);
        let unknown = data.series.iter().filter(|series| !calibrated.calibration.knows(&series.id)).count();
        if unknown > 0 {
            say(&format!(
                "{unknown} series unknown to the model: intervals there take the residuals of all others together"
            ));
        }
        let windows = training.windows(SplitName::Test);
        let held = calibrated.calibration.coverage(&training, windows, &calibrated.test);
        coverage = Some((held, windows.len(), non_overlapping(&training, windows)));
        calibration = Some(calibrated.calibration);
    }

    let mut open = |program| trained.engine(program);
    let (predicted, ahead) = trained.forecaster.ahead(&data, &cutoffs, rows, freq, &mut open)?;
    if predicted.values.iter().any(|value| !value.is_finite()) {
        bail!(
            "the model forecasts values that are not finite\n  help: its training diverged, or the data lies far from what it was trained on"
        );
    }
    let format = TimeFormat::of(&data, freq);
    let outlook = Outlook::new(&ahead, &predicted, rows, names, (freq, format), calibration.as_ref())?;
    let csv = outlook.csv()?;

    let mut text = String::new();
    if let Some((held, windows, apart)) = &coverage {
        let unit = if data.targets() == 1 { data.target_names()[0].as_str() } else { "scaled" };
        text = coverage_table(&trained.levels, held, unit);
        text += &format!(
            "of {windows} test windows, {apart} of which do not overlap; as found there, and no guarantee for rows to come\n"
        );
    }
    if let Some((table, picture)) = &files {
        write(table, &csv)?;
        write(picture, outlook_svg(&panels(&data, &cutoffs, &outlook, freq, &trained))?.as_bytes())?;
        text += &format!("\n{}\n{}\n", table.display(), picture.display());
    }
    if args.model.json {
        let held = coverage.as_ref().map(
            |(held, windows, apart)| json!({ "steps": held, "windows": windows, "non_overlapping_windows": apart }),
        );
        print(&json(&json!({
            "checkpoint": trained.forecaster.model().file,
            "data": data.name,
            "freq": freq.to_string(),
            "horizon": rows,
            "trained_horizon": horizon,
            "replicas": trained.forecaster.members.len(),
            "forecast": outlook,
            "test_coverage": held,
        }))?)?;
        text.lines().for_each(say);
    } else if files.is_some() {
        print(&text)?;
    } else {
        text.lines().for_each(say);
        print(std::str::from_utf8(&csv)?)?;
    }
    Ok(Code::Done)
}

/// A number counts rows.
fn origin(text: Option<&str>) -> Result<Start> {
    let Some(text) = text.map(str::trim) else { return Ok(Start::End) };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let row = text.parse().ok().filter(|row| *row > 0);
        return match row {
            Some(row) => Ok(Start::Row(row)),
            None => bail!("--origin {text}: no row\n  help: rows count from 1; a time is written YYYY-MM-DD"),
        };
    }
    Ok(Start::Time(text.into()))
}

/// Panels of the picture, at most.
const PANELS: usize = 4;

fn panels(data: &Dataset, cutoffs: &[Cutoff], outlook: &Outlook, freq: Freq, trained: &Trained) -> OutlookPlot {
    let mut panels = Vec::new();
    for (index, own) in outlook.series.iter().take(PANELS).enumerate() {
        let cutoff = cutoffs[index / data.targets()];
        let series = &data.series[cutoff.series];
        let rows = own.forecast.len();
        let history = (4 * rows).max(2 * data.season).clamp(data.lookback.min(96), 400);
        let first = (cutoff.row + 1).saturating_sub(history).max(series.rows.start);
        let end = (cutoff.row + 1 + rows).min(series.rows.end);
        let stamp = |row: usize| series.timestamps[row - series.rows.start];
        let seen = cutoff.row + 1 - first;
        let ahead = (1..=rows).filter_map(|count| freq.after(stamp(cutoff.row), count).ok());
        let times = (first..=cutoff.row).map(stamp).chain(ahead).filter_map(clock);
        let times = if data.time_kind == TimeKind::RowNumbers { Vec::new() } else { times.collect() };
        let target = own.target;
        panels.push(OutlookPanel {
            unit: unique_id(data, cutoff.series, target),
            times,
            truth: (first..end).map(|row| data.raw_targets[row * data.targets() + target]).collect(),
            seen,
            forecast: own.forecast.clone(),
            bands: own.low.iter().cloned().zip(own.high.iter().cloned()).collect(),
        });
    }
    let more = outlook.series.len().saturating_sub(PANELS);
    let left = if more > 0 { format!(", and {more} more in the table") } else { String::new() };
    let rows = outlook.series.first().map_or(0, |series| series.forecast.len());
    OutlookPlot {
        title: format!("{}: the next {}{left}", data.name, microglia::data::counted(rows, "row")),
        model: trained.alias.clone(),
        levels: outlook.levels.iter().map(ToString::to_string).collect(),
        panels,
    }
}

/// On the written clock.
fn clock(stamp: Timestamp) -> Option<NaiveDateTime> {
    let micros = stamp.instant.saturating_add(i64::from(stamp.offset) * 1_000_000);
    DateTime::from_timestamp_micros(micros).map(|time| time.naive_utc())
}
