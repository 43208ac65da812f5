//! The last tables of a run, from its summary.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use microglia::data::options::list;
use microglia::data::{counted, few, grouped};
use microglia::error::quoted;
use microglia::models::{LinearPath, ModelKind};
use microglia::program::op::InstanceNorm;
use microglia::train::scores::intervals::IntervalScores;
use microglia::train::scores::metrics::{MOST_SHOWN, Metrics, SeriesScore, decimals};
use microglia::train::scores::summary::{MeanStd, ReplicaSummary, SplitSpread};
use microglia::train::{Status, Summary};

use super::table::{NONE, TextTable, cell, column, duration, percent};

/// Everything that `microglia train` prints on stdout, but the place of the run folder.
pub(super) fn text(summary: &Summary, folder: &Path) -> String {
    let mut text = heading(summary);
    text += "\n";
    text += &scores(summary);
    text += &parts(summary);
    text += &replicas(summary);
    text += &sparsity(summary);
    text += &speed(summary);
    let mut verdicts = verdicts(summary);
    verdicts.extend(too_short(summary));
    verdicts.extend(linear(summary, folder));
    if !verdicts.is_empty() {
        let _ = writeln!(text, "\n{}", verdicts.join("\n"));
    }
    text
}

/// Whether a model's word is that of a linear map.
pub(super) fn is_linear(kind: &str) -> bool {
    kind.parse().is_ok_and(ModelKind::is_linear)
}

fn heading(summary: &Summary) -> String {
    let (data, model) = (&summary.data, &summary.model);
    let series = if data.series > 1 { format!(" of {} series", data.series) } else { String::new() };
    let layers = if model.layers > 1 && !is_linear(&model.kind) {
        format!(" in each of {} layers", model.layers)
    } else {
        String::new()
    };
    let width = match &model.patchtst {
        Some(p) => format!(
            "({}, patches of {} every {}) of width {} with {}",
            p.variant,
            p.patch,
            counted(p.stride, "row"),
            model.hidden,
            counted(p.heads, "head")
        ),
        None if is_linear(&model.kind) => "without hidden units".into(),
        None => format!("with {}", counted(model.hidden, "hidden unit")),
    };
    let norm = match model.instance_norm.as_str() {
        "none" => String::new(),
        norm => format!(", instance norm {norm}"),
    };
    let path = match model.linear_path.as_str() {
        "none" => String::new(),
        path => format!(", linear path {path}"),
    };
    let loss = if model.loss == "mse" { String::new() } else { format!(", loss {}", model.loss) };
    let bounds = model.bounds.as_ref().map_or(String::new(), |bounds| format!(", bounds {bounds}"));
    let ended = ended(summary);
    format!(
        "{}: {}, {} in, {} out, season {}; {}{series}\n{} {width}{layers}, {} parameters, regularizer \
         {}{norm}{path}{loss}{bounds}, seed {}\n{ended}",
        data.name,
        few(data.targets.len(), data.targets.iter().map(|name| list(&[name]))),
        counted(data.lookback, "row"),
        counted(data.horizon, "row"),
        data.season,
        if data.windows.test == 0 { "no test windows".into() } else { counted(data.windows.test, "test window") },
        model.kind,
        grouped(model.parameters),
        model.regularizer,
        summary.best.seed,
    )
}

/// Why a run ended before its time, where it did.
fn ended(summary: &Summary) -> String {
    let why = match summary.status {
        Status::Done => return String::new(),
        Status::Interrupted => "interrupted",
        Status::MaxSteps => "stopped by --max-steps",
        Status::Diverged => "diverged",
    };
    let ReplicaSummary { epochs, steps, .. } = summary.best;
    format!("{why} after {}, in epoch {epochs}\n", counted(steps, "step"))
}

/// The model beside the baselines, on the test windows.
fn scores(summary: &Summary) -> String {
    if summary.data.windows.test == 0 {
        return "no test rows: nothing is scored\n".into();
    }
    let baselines = &summary.baselines;
    let rows = [
        (format!("{} (this model)", summary.model.kind), &summary.best.test),
        ("repeat last".into(), &baselines.repeat_last),
        ("seasonal naive".into(), &baselines.seasonal_naive),
        (format!("ridge (λ {})", baselines.ridge_lambda), &baselines.ridge),
    ];
    let mut text = test_tables(&rows, &summary.levels);
    if let Some(mean) = summary.best.test.log_likelihood {
        let weighted = summary.best.test.weighted.as_ref().and_then(|own| own.log_likelihood);
        let weighted = weighted.map_or(String::new(), |mean| format!(", weighted by row {mean:.4}"));
        let _ = writeln!(text, "mean log-likelihood of a test value: {mean:.4}{weighted}");
    }
    let counts = summary.best.test.counts;
    if counts.masked > 0 {
        let _ = writeln!(text, "not scored: {}", counted(counts.masked, "missing test value"));
    }
    if counts.without_mase > 0 {
        let why = "because the training values do not change over a season, or no test value is scored";
        let mark =
            if rows.iter().any(|(_, metrics)| metrics.mase.is_some()) { format!("{NONE}: ") } else { String::new() };
        let _ = writeln!(text, "{mark}no MASE, {why}");
    }
    text
}

/// Scores on the test rows by name, and what intervals at these levels are worth; after them the same weighted by row, if rows have
/// weights.
pub(super) fn test_tables(rows: &[(String, &Metrics)], levels: &[f64]) -> String {
    let of = |title: &str, rows: &[(String, &Metrics)]| {
        let names = rows.iter().map(|row| row.0.clone());
        let mut text = score_table(title, names, rows.iter().map(|row| row_of(row.1)));
        if !levels.is_empty() {
            let rows: Vec<_> = rows.iter().map(|(name, metrics)| (name.clone(), metrics.intervals.as_ref())).collect();
            text += &format!("\n{}", interval_table(&format!("{title}, intervals"), levels, &rows));
        }
        text
    };
    let weighted = rows.iter().filter_map(|(name, metrics)| Some((name.clone(), metrics.weighted.as_deref()?)));
    let weighted: Vec<(String, &Metrics)> = weighted.collect();
    let mut text = of("test", rows);
    if weighted.iter().any(|(_, metrics)| metrics.scaled.mse.is_finite()) {
        text += &format!("\n{}", of("test, weighted by row", &weighted));
    } else if !weighted.is_empty() {
        text += "\nno scores weighted by row: all test rows have weight 0\n";
    }
    text
}

/// What intervals are worth; those of baselines are of the residuals of rows held out.
fn interval_table(title: &str, levels: &[f64], rows: &[(String, Option<&IntervalScores>)]) -> String {
    let mut head: Vec<String> = [title, "CRPS", "WQL", "scaled CRPS"].map(String::from).to_vec();
    for level in levels {
        head.extend([format!("in {level} %"), "width".into()]);
    }
    let mut table = TextTable::of(head);
    let number = |value: &dyn Fn(&IntervalScores) -> Option<f64>| {
        column(&rows.iter().map(|row| row.1.and_then(value).filter(|value| !value.is_nan())).collect::<Vec<_>>())
    };
    let mut columns = vec![
        number(&|own| own.crps),
        number(&|own| own.wql),
        number(&|own| Some(own.scaled_crps).filter(|_| own.crps.is_none())),
    ];
    for level in 0..levels.len() {
        let held = |own: &IntervalScores| Some(own.coverage[level]).filter(|share| !share.is_nan()).map(percent);
        columns.push(rows.iter().map(|row| row.1.and_then(held).unwrap_or_else(|| NONE.into())).collect());
        columns.push(number(&|own| Some(own.width[level])));
    }
    for (i, (name, _)) in rows.iter().enumerate() {
        table.row([name.clone()].into_iter().chain(columns.iter().map(|cells| cells[i].clone())).collect());
    }
    table.without_empty_columns().to_string()
}

pub(super) fn score_table(
    title: &str,
    names: impl Iterator<Item = String>,
    scores: impl Iterator<Item = [Option<f64>; 6]>,
) -> String {
    let mut table = TextTable::new([title, "MAE", "RMSE", "MSE", "MASE", "scaled MSE", "scaled MAE"]);
    let scores: Vec<[Option<f64>; 6]> = scores.collect();
    let columns: Vec<Vec<String>> =
        (0..6).map(|c| column(&scores.iter().map(|row| row[c]).collect::<Vec<_>>())).collect();
    for (i, name) in names.enumerate() {
        table.row([name].into_iter().chain(columns.iter().map(|cells| cells[i].clone())).collect());
    }
    table.without_empty_columns().to_string()
}

/// By target, and by series and target, where there are several.
fn parts(summary: &Summary) -> String {
    let of = |scores: &[SeriesScore]| -> Vec<[Option<f64>; 6]> {
        let row =
            |s: &SeriesScore| [Some(s.mae), Some(s.rmse), Some(s.mse), s.mase, Some(s.scaled.mse), Some(s.scaled.mae)];
        scores.iter().map(row).collect()
    };
    let mut text = String::new();
    let test = &summary.best.test;
    if test.counts.windows == 0 {
        return text;
    }
    let several = summary.data.targets.len() > 1;
    let mut table = |title: &str, scores: &[SeriesScore], name: &dyn Fn(&SeriesScore) -> String| {
        let shown = &scores[..scores.len().min(MOST_SHOWN)];
        text += &format!("\n{}", score_table(title, shown.iter().map(name), of(shown).into_iter()));
        let left = scores.len() - shown.len();
        if left > 0 {
            let _ = writeln!(text, "… and {} more in scores.csv", grouped(left));
        }
    };
    if several {
        table("model, by target", &test.per_target, &|score| score.target.clone());
    }
    if summary.data.series > 1 {
        table("model, by series", &test.per_series, &|score| {
            let series = score.series.clone().unwrap_or_default();
            if several { format!("{series} {}", score.target) } else { series }
        });
    }
    text
}

/// Mean and deviation over replicas, and each.
fn replicas(summary: &Summary) -> String {
    if summary.replicas.len() < 2 {
        return String::new();
    }
    let SplitSpread { mae, rmse, mse, mase, scaled } = summary.spread.test;
    let spread = [mae, rmse, mse, mase, scaled.mse, scaled.mae];
    let rows: Vec<[Option<f64>; 6]> = summary.replicas.iter().map(|replica| row_of(&replica.test)).collect();
    let places: Vec<usize> = (0..6).map(|c| decimals(rows.iter().filter_map(|row| row[c]))).collect();
    let mut table = TextTable::new([
        if summary.data.windows.test == 0 { "by replica" } else { "test, by replica" },
        "MAE",
        "RMSE",
        "MSE",
        "MASE",
        "scaled MSE",
        "scaled MAE",
        "sparsity",
    ]);
    for (replica, row) in summary.replicas.iter().zip(&rows) {
        let chosen = if replica.replica == summary.best.replica { ", best on validation" } else { "" };
        let chosen = if replica.diverged.is_some() { ", diverged" } else { chosen };
        let mut cells = vec![format!("{} (seed {}{chosen})", replica.replica, replica.seed)];
        cells.extend((0..6).map(|c| cell(row[c], places[c])));
        cells.push(percent(replica.sparsity.overall));
        table.row(cells);
    }
    let show = |spread: Option<MeanStd>, places: usize| match spread {
        Some(MeanStd { mean, std: Some(std) }) => format!("{mean:.places$} ± {std:.places$}"),
        Some(MeanStd { mean, std: None }) => format!("{mean:.places$}"),
        None => NONE.into(),
    };
    let mut cells = vec!["mean ± standard deviation".to_string()];
    cells.extend((0..6).map(|c| show(spread[c], places[c])));
    cells.push(NONE.into());
    table.row(cells);
    format!("\n{}", table.without_empty_columns())
}

pub(super) fn row_of(m: &Metrics) -> [Option<f64>; 6] {
    [m.mae, m.rmse, m.mse, m.mase, Some(m.scaled.mse), Some(m.scaled.mae)]
}

fn sparsity(summary: &Summary) -> String {
    let report = &summary.best.sparsity;
    if report.prunable_weights == 0 {
        return "\nno weights to prune\n".into();
    }
    let of_weights = report.wanted.filter(|_| report.units.is_empty() && report.scope.is_none());
    let wanted = of_weights.map_or_else(String::new, |wanted| format!(" of {} wanted", percent(wanted)));
    let mut text = units(report);
    let _ = write!(
        text,
        "\nsparsity {}{wanted}: {} of {} weights living (biases are never pruned)\n",
        percent(report.overall),
        grouped(report.living_weights),
        grouped(report.prunable_weights)
    );
    if let Some(scope) = report.scope {
        let share = 1.0 - scope.living as f64 / scope.total as f64;
        let wanted = report.wanted.map_or_else(String::new, |wanted| format!(" of {} wanted", percent(wanted)));
        let counts = [scope.living, scope.total].map(grouped);
        let _ = writeln!(
            text,
            "of the weights that may be pruned {}{wanted}: {} of {} living",
            percent(share),
            counts[0],
            counts[1]
        );
    }
    if report.living_weights == report.prunable_weights {
        return text;
    }
    let gates = report.gates();
    let columns = ["tensor", "living", "of", "sparsity"].map(String::from).into_iter();
    let mut table = TextTable::of(columns.chain(gates.iter().map(|gate| format!("gate {gate}"))).collect());
    for tensor in &report.tensors {
        let mut cells =
            vec![tensor.name.clone(), grouped(tensor.living), grouped(tensor.total), percent(tensor.sparsity)];
        match &tensor.gates {
            Some(shares) => cells.extend(shares.iter().copied().map(percent)),
            None => cells.extend(gates.iter().map(|_| NONE.into())),
        }
        table.row(cells);
    }
    text += &table.without_empty_columns().to_string();
    for tensor in report.tensors.iter().filter(|tensor| tensor.living == 0) {
        let _ = writeln!(
            text,
            "{} has no living weight left, and passes nothing on: a lower --sparsity keeps more",
            tensor.name
        );
    }
    text
}

/// What is left of units that fall as wholes.
fn units(report: &microglia::train::weights::SparsityReport) -> String {
    if report.units.is_empty() {
        return String::new();
    }
    let wanted = report.wanted.map_or_else(String::new, |wanted| format!(", {} to fall", percent(wanted)));
    let each = report.units.iter().map(|set| format!("{} {} of {}", set.name, grouped(set.living), grouped(set.total)));
    format!("\nunits living{wanted}: {}\n", each.collect::<Vec<_>>().join(", "))
}

fn speed(summary: &Summary) -> String {
    let kept = match summary.best.best_epoch {
        Some(epoch) => format!("weights of epoch {epoch} kept"),
        None => "last weights kept".into(),
    };
    format!(
        "\n{} windows/s, {} for {}, {}; {kept}\n{} engine on {}\nweights sha256 {}\n",
        grouped(summary.windows_per_second.round() as usize),
        duration(summary.seconds),
        counted(summary.best.epochs, "epoch"),
        counted(summary.best.steps, "step"),
        summary.engine,
        summary.device,
        summary.best.weights_sha256
    )
}

/// That the model was still learning at its last epoch.
fn too_short(summary: &Summary) -> Option<String> {
    let (best_epoch, epochs) = (summary.best.best_epoch, summary.best.epochs);
    let is_last = summary.status == Status::Done && best_epoch == Some(epochs) && epochs > 0;
    is_last.then(|| {
        let more = 2 * epochs;
        format!(
            "The best epoch was the last: training was too short to tell what the model can do; try --epochs {more}."
        )
    })
}

/// What to take in the model's place if a ridge forecasts the validation rows as well; `folder` is the run's.
fn linear(summary: &Summary, folder: &Path) -> Option<String> {
    let (model, ridge) = (summary.best.validation.scaled.mse, summary.baselines.ridge_validation.scaled.mse);
    // A ridge forecasts points.
    let points = summary.levels.is_empty();
    let whole = points && summary.status == Status::Done && summary.model.kind != ModelKind::Ridge.to_string();
    let alone = summary.best.best_epoch == Some(0);
    if !whole || !(alone || ridge <= model) {
        return None;
    }
    let why = match alone {
        true => {
            "No epoch that counts was better on the validation rows than the linear map alone, which is what was kept."
                .to_string()
        }
        false => {
            let places = decimals([model, ridge].into_iter());
            let [model, ridge] = [model, ridge].map(|mse| cell(Some(mse), places));
            format!(
                "On the validation rows the ridge of the table is no worse than the model: scaled MSE {ridge} against {model}."
            )
        }
    };
    // The map alone is the ridge of the model's own norm; that of the table is of windows less their last value.
    let last = InstanceNorm::Last.to_string();
    let norm =
        if alone || summary.model.instance_norm == last { String::new() } else { format!(" --instance-norm {last}") };
    let path = if summary.model.linear_path == LinearPath::None.to_string() { "" } else { " --linear-path none" };
    // Without a slash at its end, and never an option's name.
    let folder: PathBuf = folder.components().collect();
    let folder = if folder.to_string_lossy().starts_with('-') { Path::new(".").join(folder) } else { folder };
    let [config, out] = [folder.join("config.toml").display().to_string(), format!("{}-ridge", folder.display())];
    let command =
        format!("microglia train --config {} --model ridge{path}{norm} --out {}", quoted(&config), quoted(&out));
    Some(format!("{why}\nA model of that kind is made in a moment: {command}"))
}

/// A sentence for every baseline that does better than the model.
fn verdicts(summary: &Summary) -> Vec<String> {
    let baselines = &summary.baselines;
    let rivals = [
        ("repeat-last", &baselines.repeat_last),
        ("seasonal-naive", &baselines.seasonal_naive),
        ("the ridge", &baselines.ridge),
    ];
    let model = &summary.best.test;
    if model.counts.windows == 0 {
        return Vec::new();
    }
    let lost: Vec<String> = rivals
        .into_iter()
        .filter_map(|(name, rival)| {
            let pairs = match (model.mae, rival.mae, model.mse, rival.mse) {
                (Some(a), Some(b), Some(c), Some(d)) => [("MAE", a, b), ("MSE", c, d)],
                _ => [
                    ("scaled MAE", model.scaled.mae, rival.scaled.mae),
                    ("scaled MSE", model.scaled.mse, rival.scaled.mse),
                ],
            };
            let worse: Vec<String> = pairs
                .into_iter()
                .filter(|(_, model, rival)| model > rival)
                .map(|(metric, model, rival)| {
                    let places = decimals([model, rival].into_iter());
                    (metric, cell(Some(model), places), cell(Some(rival), places))
                })
                // A model that is the ridge itself differs from it by rounding.
                .filter(|(_, model, rival)| model != rival)
                .map(|(metric, model, rival)| format!("{metric} {model} against {rival}"))
                .collect();
            (!worse.is_empty())
                .then(|| format!("The model does worse than {name} on the test rows: {}.", worse.join(", ")))
        })
        .collect();
    if model.scaled.mse.is_nan() { vec!["The model has no finite test score.".into()] } else { lost }
}
