//! `microglia evaluate`.

use anyhow::Result;
use microglia::data::counted;
use microglia::forecast::{EvaluateOptions, Evaluation, Score, TrainedModel, evaluate};
use microglia::runs::json;
use serde_json::json;

use super::args::EvaluateArgs;
use super::evaluate_text::{runs_json, score_table, thinned};
use super::places::{check_unused, write};
use super::progress::{Lines, Reporter};
use super::stop::Stop;
use super::table::NONE;
use super::{Code, print, say, teller};

pub(super) fn run(args: &EvaluateArgs) -> Result<Code> {
    let files: Vec<_> = [("predictions", &args.predictions), ("table", &args.table)]
        .into_iter()
        .filter_map(|(option, file)| Some((option, file.as_deref()?)))
        .collect();
    check_unused(&files, args.model.overwrite)?;
    let mut asked = args.model.options()?;
    asked.scored = true;
    let model = TrainedModel::open(asked, &teller())?;
    let options = options(args)?;
    model.check_outputs(&files, &options.reading, None)?;
    if !args.refit {
        return match evaluate(&model, &options, &mut Lines)? {
            Some(evaluation) => tell(args, &model, evaluation),
            None => unreachable!("nothing is trained"),
        };
    }
    let stop = Stop::watch()?;
    let mut reporter = Reporter::new(stop);
    let evaluation = evaluate(&model, &options, &mut reporter);
    reporter.finish();
    match evaluation? {
        Some(evaluation) => tell(args, &model, evaluation),
        None => Ok(stop.code()),
    }
}

fn options(args: &EvaluateArgs) -> Result<EvaluateOptions> {
    let mut options = EvaluateOptions::default();
    options.reading = args.model.reading()?;
    options.part = args.part.as_deref().map(str::parse).transpose()?;
    (options.folds, options.step, options.refit) = (args.folds, args.step, args.refit);
    options.predictions = args.predictions.is_some();
    Ok(options)
}

/// The tables on stdout, and the files.
fn tell(args: &EvaluateArgs, model: &TrainedModel, evaluation: Evaluation) -> Result<Code> {
    let (windows, apart) = evaluation.windows();
    let mut written = Vec::new();
    if let (Some(file), Some(predictions)) = (&args.predictions, evaluation.predictions()) {
        write(file, &predictions.csv()?)?;
        written.push(file.display().to_string());
    }
    if let Some(file) = &args.table {
        write(file, &evaluation.table(&model.levels)?)?;
        written.push(file.display().to_string());
    }
    let (by_fold, by_origin) = match evaluation.is_ragged() {
        true => (evaluation.by_fold(), evaluation.by_origin()),
        false => (evaluation.by_fold(), Vec::new()),
    };
    let Evaluation { scores, ids, .. } = evaluation;
    let total = scores.total();
    let [by_series, by_step] = [scores.by(|place| (place.series, place.target)), scores.by(|place| (place.step, 0))];
    if args.model.json {
        let groups = |groups: &[((usize, usize), Vec<Score>)], name: &dyn Fn((usize, usize)) -> serde_json::Value| {
            let one = |(key, scores): &((usize, usize), Vec<Score>)| json!({ "of": name(*key), "scores": scores });
            groups.iter().map(one).collect::<Vec<_>>()
        };
        let named = |groups: &[(String, Vec<Score>)]| {
            groups.iter().map(|(name, scores)| json!({ "of": name, "scores": scores })).collect::<Vec<_>>()
        };
        let levels: Vec<f64> = model.levels.iter().map(|level| level.percent()).collect();
        let mut all = json!({
            "windows": windows,
            "non_overlapping_windows": apart,
            "levels": levels,
            "total": total,
            "by_fold": if args.folds.is_some() { named(&by_fold) } else { Vec::new() },
            "by_origin": named(&by_origin),
            "by_series": groups(&by_series, &|(series, target)| json!(ids[series][target])),
            "by_step": groups(&by_step, &|(step, _)| json!(step + 1)),
        });
        runs_json(model, &mut all);
        print(&json(&all)?)?;
        written.iter().for_each(|line| say(line));
        return Ok(Code::Done);
    }

    let levels = &model.levels;
    let rows: Vec<(String, &Score)> = total.iter().map(|score| (score.model.clone(), score)).collect();
    let mut text = match windows {
        1 => "1 window\n\n".to_string(),
        _ => format!("{}, {apart} of which do not overlap\n\n", counted(windows, "window")),
    };
    text += &score_table("all", &rows, levels);
    let weighted: Vec<(String, &Score)> =
        total.iter().filter_map(|score| Some((score.model.clone(), score.weighted.as_deref()?))).collect();
    if weighted.iter().any(|(_, score)| score.scaled_mse.is_finite()) {
        text += &format!("\n{}", score_table("all, weighted by row", &weighted, levels));
    } else if !weighted.is_empty() {
        text += "\nno scores weighted by row: all of these rows have weight 0\n";
    }
    if by_series.iter().any(|(_, scores)| scores.iter().any(|score| score.mase.is_none())) {
        text += &format!(
            "{NONE}: no MASE, because the training values do not change over a season, or there are none of the series\n"
        );
    }
    let zeros = total.first().map_or(0, |score| score.zeros);
    if zeros > 0 {
        text += &format!("MAPE leaves out {} that are 0\n", counted(zeros, "value"));
    }
    let rows_of = |groups: &[((usize, usize), Vec<Score>)], name: &dyn Fn((usize, usize)) -> String| {
        let shown = thinned(groups.len());
        let rows: Vec<(String, Score)> = shown.iter().map(|i| (name(groups[*i].0), groups[*i].1[0].clone())).collect();
        rows
    };
    let section = |title: &str, rows: Vec<(String, Score)>| {
        let rows: Vec<(String, &Score)> = rows.iter().map(|(name, score)| (name.clone(), score)).collect();
        format!("\n{}", score_table(title, &rows, levels))
    };
    let named = |groups: &[(String, Vec<Score>)]| -> Vec<(String, Score)> {
        thinned(groups.len()).into_iter().map(|i| (groups[i].0.clone(), groups[i].1[0].clone())).collect()
    };
    if args.folds.is_some() {
        let title = if by_origin.is_empty() { "after" } else { "rows before each end" };
        text += &section(&format!("{}, {title}", model.alias), named(&by_fold));
    }
    if !by_origin.is_empty() {
        text += "the series end at different times: above, a row is as many rows before each end; below, one origin for all its \
                 series\n";
        text += &section(&format!("{}, after", model.alias), named(&by_origin));
    }
    if by_series.len() > 1 {
        text += &section(&model.alias, rows_of(&by_series, &|(series, target)| ids[series][target].clone()));
    }
    text += &section(&format!("{}, by step", model.alias), rows_of(&by_step, &|(step, _)| (step + 1).to_string()));
    if [by_series.len(), by_step.len(), by_fold.len(), by_origin.len()].iter().any(|rows| *rows > thinned(*rows).len())
    {
        text += "(some rows left out; --table and --json have all)\n";
    }
    if !written.is_empty() {
        text += &format!("\n{}\n", written.join("\n"));
    }
    print(&text)?;
    Ok(Code::Done)
}
