//! `microglia forecast`.

use anyhow::Result;
use microglia::data::Start;
use microglia::forecast::table::unique_id;
use microglia::forecast::{Ahead, Ended, ForecastOptions, TrainedModel, forecast};
use microglia::runs::json;
use microglia::train::plot::outlook_svg;
use serde_json::json;

use super::args::ForecastArgs;
use super::evaluate_text::{coverage_table, runs_json};
use super::places::{check_unused, outputs, write};
use super::{Code, print, print_bytes, say, teller};

pub(super) fn run(args: &ForecastArgs) -> Result<Code> {
    let files = args.out.as_deref().map(outputs);
    if let Some((csv, svg)) = &files {
        check_unused(&[("out", csv), ("out", svg)], args.model.overwrite)?;
    }
    let mut options = ForecastOptions::default();
    options.origin = args.origin.clone().map_or(Start::End, Start::Written);
    options.reading = args.model.reading()?;
    (options.rows, options.recursive) = (args.horizon, args.recursive);
    options.future = args.future.as_deref().map(str::parse).transpose()?;
    options.ended = args.ended.as_deref().map_or(Ok(Ended::default()), str::parse)?;
    let mut model = TrainedModel::open(args.model.options()?, &teller())?;
    if let Some((csv, svg)) = &files {
        model.check_outputs(&[("out", csv), ("out", svg)], &options.reading, options.future.as_ref())?;
    }
    let ahead = forecast(&mut model, &options)?;
    let csv = ahead.outlook.csv()?;

    let mut text = String::new();
    if let Some(held) = &ahead.coverage {
        let unit = if ahead.data.targets() == 1 { ahead.data.target_names()[0].as_str() } else { "scaled" };
        text = coverage_table(&model.levels, &held.steps, unit);
        text += &format!(
            "of {} test windows, {} of which do not overlap; as found there, and no guarantee for rows to come\n",
            held.test.windows, held.test.apart
        );
    }
    if let Some((table, picture)) = &files {
        write(table, &csv)?;
        write(picture, outlook_svg(&ahead.picture(&model.alias))?.as_bytes())?;
        text += &format!("\n{}\n{}\n", table.display(), picture.display());
    }
    if args.model.json {
        let held = ahead
            .coverage
            .as_ref()
            .map(|held| json!({ "steps": held.steps, "windows": held.test.windows, "non_overlapping_windows": held.test.apart }));
        let mut all = json!({
            "data": ahead.data.name,
            "freq": ahead.data.calendar.to_string(),
            "horizon": ahead.rows,
            "trained_horizon": model.horizon(),
            "replicas": model.members(),
            "left_out": ahead.left_out,
            "ended": ended(&ahead),
            "forecast": ahead.outlook,
            "test_coverage": held,
        });
        runs_json(&model, &mut all);
        print(&json(&all)?)?;
        text.lines().for_each(say);
    } else if files.is_some() {
        print(&text)?;
    } else {
        text.lines().for_each(say);
        match std::str::from_utf8(&csv) {
            Ok(text) => print(text)?,
            Err(_) => print_bytes(&csv)?,
        }
    }
    Ok(Code::Done)
}

/// Names of the series and targets that ended.
fn ended(ahead: &Ahead) -> Vec<String> {
    let series = ahead.ended.iter().map(|(series, _)| ahead.data.series[*series].id.clone());
    let targets = ahead.ended_targets.iter().map(|(series, target, _)| unique_id(&ahead.data, *series, *target));
    series.chain(targets).collect()
}
