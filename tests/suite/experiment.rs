//! Studies as users meet them: grids, resuming, parts, rejections, reports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::golden::path;

/// A small study on the tiny file: two models, two look-backs, five methods, two seeds.
const TINY: [[&str; 2]; 11] = [
    ["--set", "tiny.target=y"],
    ["--models", "rnn,lstm"],
    ["--lookbacks", "3,7"],
    ["--horizon", "2"],
    ["--hidden", "5"],
    ["--batch", "8"],
    ["--epochs", "4"],
    ["--seeds", "1..2"],
    ["--mc-passes", "3"],
    ["--device", "cpu"],
    ["--patience", "1"],
];
const METHODS: &str = "none,dropout,mc-dropout,pruning,narrower";
const ROWS: usize = 4 * 5 * 2;

pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microglia"));
    command.current_dir(folder).arg("experiment").args(args);
    command
}

pub(crate) fn experiment(folder: &Path, args: &[&str]) -> Output {
    let output = command(folder, args).output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    output
}

pub(crate) fn tiny(folder: &Path, args: &[&str]) -> Output {
    experiment(folder, &tiny_args(args).iter().map(String::as_str).collect::<Vec<_>>())
}

pub(crate) fn tiny_args(args: &[&str]) -> Vec<String> {
    let file = path("tiny.csv");
    let mut all = vec!["--data".to_string(), format!("tiny={}", file.display())];
    // An option may be typed once.
    let own = |pair: &&[&str; 2]| pair[0] == "--set" || !args.contains(&pair[0]);
    let defaults = TINY.iter().chain([&["--methods", METHODS]]).filter(own).flatten();
    all.extend(defaults.chain(args).map(|arg| arg.to_string()));
    all
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Rows by what they are of, their linear path last; without the seconds, the path and sizes.
pub(crate) fn rows(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut reader = csv::Reader::from_path(folder.join("results.csv")).unwrap();
    let headers = reader.headers().unwrap().clone();
    let seconds = headers.iter().position(|name| name == "seconds").unwrap();
    let mut rows = BTreeMap::new();
    for record in reader.records().map(|record| record.unwrap()) {
        let mut fields: Vec<String> =
            record.iter().enumerate().filter(|(i, _)| *i != seconds).map(|(_, field)| field.to_string()).collect();
        fields.truncate(fields.len() - SIZES);
        let path = fields.pop().unwrap();
        let key = fields[2..13].join(" ") + " " + &path;
        assert!(rows.insert(key.clone(), fields).is_none(), "{key} occurs twice");
    }
    rows
}

/// Columns of sizes, the last ones.
const SIZES: usize = 3;

pub(crate) fn done(output: &Output) {
    assert_eq!(code(output), 0, "{}", text(&output.stderr));
}

#[test]
fn a_study_runs_reports_and_is_found_again() {
    let place = tempfile::tempdir().unwrap();
    let output = tiny(place.path(), &["--out", "a", "--save-predictions"]);
    done(&output);
    let folder = place.path().join("a");
    let first = rows(&folder);
    assert_eq!(first.len(), ROWS);
    let told = text(&output.stdout);
    let report = format!("report: {}", Path::new("a").join("report.html").display());
    for words in ["mean ranks", "pruning against none", "cannot decide", &report] {
        assert!(told.contains(words), "no {words:?} in {told}");
    }
    assert!(text(&output.stderr).contains("narrower at sparsity 0.7: width"), "{}", text(&output.stderr));
    let html = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("Analysis plan") && html.contains("<svg") && html.contains("repeat last"));
    for word in ["<script", "http://", "https://", "NaN", "inf %", "F inf,"] {
        assert!(!html.replace("http://www.w3.org/2000/svg", "").contains(word), "{word}");
    }
    let markdown = std::fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(markdown.find("Analysis plan").unwrap() < markdown.find("Verdicts per data set").unwrap());
    let saved = std::fs::read_dir(folder.join("predictions")).unwrap().count();
    assert_eq!(saved, 4);
    // Dropout and Monte Carlo dropout are one training.
    let sha = |method: &str| {
        let of = |row: &&Vec<String>| row[10] == method;
        first.values().filter(of).map(|row| row[row.len() - 2].clone()).collect::<Vec<_>>()
    };
    assert_eq!(sha("dropout"), sha("mc-dropout"));
    assert_ne!(sha("dropout"), sha("none"));
    // Again: nothing to do, nothing changed.
    let again = tiny(place.path(), &["--out", "a"]);
    done(&again);
    assert!(text(&again.stderr).contains("all cells are done already"));
    assert_eq!(rows(&folder), first);
    let config = folder.join("study.toml");
    let by_file = experiment(place.path(), &["--config", config.to_str().unwrap(), "--out", "a", "--device=cpu"]);
    done(&by_file);
    assert!(text(&by_file.stderr).contains("all cells are done already"));
    let json = experiment(place.path(), &["--report", "a", "--json"]);
    assert!(serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap()["analysis"]["arms"].is_array());
}

#[test]
fn parts_joined_equal_the_whole_and_overlaps_and_holes_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    done(&tiny(place.path(), &["--out", "whole"]));
    for part in ["1/3", "2/3", "3/3"] {
        done(&tiny(place.path(), &["--shard", part, "--out", &format!("part-{}", &part[..1])]));
    }
    let merged = experiment(place.path(), &["--merge", "part-1", "part-2", "part-3", "--out", "joined"]);
    done(&merged);
    assert_eq!(rows(&place.path().join("joined")), rows(&place.path().join("whole")));
    let order = |folder: &str| -> Vec<String> {
        let text = std::fs::read_to_string(place.path().join(folder).join("results.csv")).unwrap();
        text.lines().map(|line| line.split(',').skip(2).take(12).collect()).collect()
    };
    assert_eq!(order("joined"), order("whole"));
    for (parts, words) in [(["part-1", "part-2", "part-1"], "overlap"), (["part-1", "part-2", "part-2"], "overlap")] {
        let rejected = experiment(place.path(), &[&["--merge"], &parts[..], &["--out", "bad"]].concat());
        assert_eq!(code(&rejected), 2);
        assert!(text(&rejected.stderr).contains(words), "{}", text(&rejected.stderr));
    }
    // Joined again: the same; into another's folder: rejected.
    let before = std::fs::read(place.path().join("joined/results.csv")).unwrap();
    done(&experiment(place.path(), &["--merge", "part-1", "part-2", "part-3", "--out", "joined"]));
    assert_eq!(std::fs::read(place.path().join("joined/results.csv")).unwrap(), before);
    // Even where both took the same time.
    let file = place.path().join("whole/results.csv");
    let slower = std::fs::read_to_string(&file).unwrap();
    let column = slower.lines().next().unwrap().split(',').position(|name| name == "seconds").unwrap();
    let mut lines: Vec<Vec<&str>> = slower.lines().map(|line| line.split(',').collect()).collect();
    lines.last_mut().unwrap()[column] = "99.5";
    let slower: String = lines.iter().map(|cells| cells.join(",") + "\n").collect();
    std::fs::write(&file, slower).unwrap();
    let other = experiment(place.path(), &["--merge", "part-1", "part-2", "part-3", "--out", "whole"]);
    assert_eq!(code(&other), 2);
    assert!(text(&other.stderr).contains("with other rows than in"), "{}", text(&other.stderr));
    // A part that has no cells is a part.
    for part in ["1/5", "2/5", "3/5", "4/5", "5/5"] {
        done(&tiny(place.path(), &["--shard", part, "--out", &format!("fifth-{}", &part[..1])]));
    }
    let fifths = ["--merge", "fifth-1", "fifth-2", "fifth-3", "fifth-4", "fifth-5", "--out", "fifths"];
    done(&experiment(place.path(), &fifths));
    assert_eq!(rows(&place.path().join("fifths")), rows(&place.path().join("whole")));
    let hole = experiment(place.path(), &["--merge", "part-1", "part-3", "--out", "hole"]);
    assert_eq!(code(&hole), 2);
    assert!(text(&hole.stderr).contains("missing"), "{}", text(&hole.stderr));
}

#[test]
fn a_killed_study_goes_on_and_ends_as_if_never_killed() {
    let place = tempfile::tempdir().unwrap();
    done(&tiny(place.path(), &["--out", "whole"]));
    let expected = rows(&place.path().join("whole"));
    let folder = place.path().join("killed");
    let args = tiny_args(&["--out", "killed"]);
    let mut child = command(place.path(), &args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
    // Until a cell is whole, at most some seconds.
    for _ in 0..2000 {
        let lines = std::fs::read_to_string(folder.join("results.csv")).map_or(0, |text| text.lines().count());
        if lines > 1 || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    done(&tiny(place.path(), &["--out", "killed"]));
    assert_eq!(rows(&folder), expected);
    // A file torn anywhere comes to the same.
    let file = folder.join("results.csv");
    let bytes = std::fs::read(&file).unwrap();
    for cut in [3, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&file, &bytes[..cut]).unwrap();
        done(&tiny(place.path(), &["--out", "killed"]));
        assert_eq!(rows(&folder), expected, "cut at {cut}");
    }
}

#[cfg(unix)]
#[test]
fn a_study_that_is_told_to_stop_exits_by_the_signal_and_leaves_no_part_of_a_cell() {
    for (signal, exit) in [("-INT", 130), ("-TERM", 143)] {
        let place = tempfile::tempdir().unwrap();
        let long = ["--out", "a", "--epochs", "3000", "--models", "lstm", "--lookbacks", "3", "--methods", "none"];
        let args = tiny_args(&long);
        let mut child = command(place.path(), &args.iter().map(String::as_str).collect::<Vec<_>>()).spawn().unwrap();
        // The handler stands before the folder is made.
        for _ in 0..2000 {
            if place.path().join("a/results.csv").exists() || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(exit));
        let header = std::fs::read_to_string(place.path().join("a/results.csv")).unwrap();
        assert_eq!(header.lines().count(), 1);
        let report = experiment(place.path(), &["--report", "a"]);
        assert_eq!(code(&report), 2);
        assert!(text(&report.stderr).contains("no whole cell yet"), "{}", text(&report.stderr));
    }
}

#[test]
fn another_study_or_other_data_is_rejected_by_name() {
    let place = tempfile::tempdir().unwrap();
    let file: PathBuf = place.path().join("mine.csv");
    std::fs::copy(path("tiny.csv"), &file).unwrap();
    let args = |epochs: &str| -> Vec<String> {
        let text = format!(
            "--data mine=mine.csv --set mine.target=y --models rnn --lookbacks 3 --hidden 4 --batch 8 \
             --seeds 1,2 --methods none,pruning --device cpu --out a --epochs {epochs}"
        );
        text.split_whitespace().map(String::from).collect()
    };
    let run = |epochs: &str| {
        let args = args(epochs);
        experiment(place.path(), &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    done(&run("3"));
    let rejected = run("4");
    assert_eq!(code(&rejected), 2);
    assert!(text(&rejected.stderr).contains("epochs was 3, is 4"), "{}", text(&rejected.stderr));
    let changed = std::fs::read_to_string(&file).unwrap().replacen('.', ".1", 1);
    std::fs::write(&file, changed).unwrap();
    let rejected = run("3");
    assert_eq!(code(&rejected), 2);
    assert!(text(&rejected.stderr).contains("`mine` has changed"), "{}", text(&rejected.stderr));
}

#[test]
fn a_gru_is_studied_like_other_models() {
    let place = tempfile::tempdir().unwrap();
    let methods = "none,mc-dropout,pruning,narrower";
    let one = ["--out", "a", "--models", "gru", "--lookbacks", "3", "--methods", methods];
    done(&tiny(place.path(), &one));
    let rows = rows(&place.path().join("a"));
    assert_eq!(rows.len(), 4 * 2);
    assert!(std::fs::read_to_string(place.path().join("a/report.md")).unwrap().contains("gru"));
}

/// Every sparsity of every method is shown beside the dense model, with the size that is left of it.
#[test]
fn error_and_size_are_told_over_sparsity() {
    let place = tempfile::tempdir().unwrap();
    let methods = "none,dropout,pruning,pruning:unit=unit:as=units,narrower";
    let one = ["--out", "a", "--models", "lstm", "--lookbacks", "3", "--methods", methods];
    done(&tiny(place.path(), &[&one[..], &["--sparsities", "0..0.5,0..0.8", "--hidden", "20"]].concat()));
    let mut reader = csv::Reader::from_path(place.path().join("a/results.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
    assert_eq!(rows.len(), (2 + 3 * 2) * 2);
    // Parameters and operations of a compacted model, by method and setting. Each has a time.
    assert!(rows.iter().all(|row| row[row.len() - 1].parse::<f64>().unwrap() > 0.0));
    let sizes = |method: &str, setting: &str| -> Vec<[usize; 2]> {
        let own = rows.iter().filter(|row| &row[10] == method && row[11].contains(setting));
        own.map(|row| [0, 1].map(|place| row[row.len() - SIZES + place].parse().unwrap())).collect()
    };
    let (dense, single) = (sizes("none", ""), sizes("pruning", "0.5"));
    assert_eq!((dense.len(), dense[0][0] > 1600 && dense[0] == dense[1]), (2, true), "{dense:?}");
    assert_eq!(single, dense, "half of the single weights frees no unit");
    for (setting, share) in [("0.5", 0.35), ("0.8", 0.10)] {
        let units = sizes("units", setting);
        let small = units.iter().all(|one| (one[0] as f64) < share * dense[0][0] as f64 && one[1] < dense[0][1]);
        assert!(units.len() == 2 && small, "{setting}: {units:?} of {dense:?}");
        assert!(sizes("narrower", setting).iter().all(|one| one[0] < dense[0][0]));
    }
    let markdown = std::fs::read_to_string(place.path().join("a/report.md")).unwrap();
    let section = &markdown[markdown.find("## Error over sparsity").unwrap()..markdown.find("## Over all").unwrap()];
    assert!(section.contains("| dropout | – |") && section.contains("| units | 80 % |"), "{section}");
    assert!(section.contains("| pruning | 50 % |") && section.contains("100.0 %"), "{section}");
    let html = std::fs::read_to_string(place.path().join("a/report.html")).unwrap();
    assert!(html.contains("per cent of the dense model"), "{html}");
}

#[test]
fn linear_models_are_studied_like_others() {
    let place = tempfile::tempdir().unwrap();
    let one = ["--out", "a", "--models", "nlinear,dlinear", "--lookbacks", "3", "--methods", "none,pruning"];
    done(&tiny(place.path(), &one));
    assert_eq!(rows(&place.path().join("a")).len(), 2 * 2 * 2);
    assert!(std::fs::read_to_string(place.path().join("a/report.md")).unwrap().contains("dlinear"));
}

/// An arm of each, of which the second is reported apart; what a study was before there were paths it still is.
#[test]
fn linear_paths_are_arms() {
    let place = tempfile::tempdir().unwrap();
    let one = ["--models", "rnn", "--lookbacks", "3", "--methods", "none,pruning"];
    let with = |more: &[&'static str]| -> Vec<&str> { [&one[..], more].concat() };
    done(&tiny(place.path(), &with(&["--out", "a", "--linear-path", "none,ridge"])));
    done(&tiny(place.path(), &with(&["--out", "b"])));
    let [both, plain] = ["a", "b"].map(|name| rows(&place.path().join(name)));
    assert_eq!((both.len(), plain.len()), (8, 4));
    // Settings and scores; not the study's hash.
    let of = |rows: &BTreeMap<String, Vec<String>>, path: &str| -> Vec<Vec<String>> {
        rows.iter().filter(|(key, _)| key.ends_with(path)).map(|(_, row)| row[1..].to_vec()).collect()
    };
    assert_eq!((of(&both, "none"), of(&plain, "ridge")), (of(&plain, "none"), Vec::new()));
    // Other weights: their hash stands before the status.
    let hash = |row: &Vec<String>| row[row.len() - 2].clone();
    let hashes = |path| of(&both, path).iter().map(hash).collect::<Vec<_>>();
    assert!(hashes("ridge").iter().all(|hash| hash.len() == 64 && !hashes("none").contains(hash)));
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let report = read("a/report.md");
    for words in [
        "is instance norm last. These repeat it",
        "epoch 0",
        ": instance norm last, linear path ridge, a further arm",
        "rnn-last-ridge-l3",
    ] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    assert!(!read("b/report.md").contains("linear path"));
    // Rates that move nothing: the path alone, of which nothing is pruned.
    let still = ["--models", "rnn", "--lookbacks", "3", "--methods", "none,pruning:lr=1e-30", "--linear-path", "ridge"];
    done(&tiny(place.path(), &[&still[..], &["--out", "still"]].concat()));
    let still = rows(&place.path().join("still"));
    let pruned: Vec<&Vec<String>> = still.iter().filter(|(key, _)| key.contains("pruning")).map(|one| one.1).collect();
    // Epochs, then the sparsity that was wanted and that of the kept weights.
    assert!(pruned.len() == 2 && pruned.iter().all(|row| (&*row[13], &*row[17], &*row[18]) == ("0", "0.7", "0")));
    // As it was written before there were the columns of times, of sizes, and of paths: the rows count, and nothing is trained again.
    let study = read("b/study.toml");
    let older: String =
        study.lines().filter(|line| !line.starts_with("linear-path")).map(|line| format!("{line}\n")).collect();
    assert_ne!(older, study);
    for (lacking, study) in [(1, &study), (SIZES, &study), (SIZES + 1, &older)] {
        let short = |line: &str| line.rsplitn(lacking + 1, ',').last().unwrap().to_string() + "\n";
        let before: String = read("b/results.csv").lines().map(short).collect();
        std::fs::write(place.path().join("b/results.csv"), &before).unwrap();
        std::fs::write(place.path().join("b/study.toml"), study).unwrap();
        let again = tiny(place.path(), &with(&["--out", "b"]));
        done(&again);
        assert!(text(&again.stderr).contains("all cells are done already"), "{}", text(&again.stderr));
        assert_eq!(read("b/results.csv").lines().map(short).collect::<String>(), before);
    }
    assert_eq!(microglia::experiment::Study::default().hash(), "dc51607ef674e375");
    let rejected = tiny(place.path(), &["--out", "c", "--models", "rnn,nlinear", "--linear-path", "none,train"]);
    assert_eq!(code(&rejected), 2);
    for words in ["--linear-path: train is listed", "nlinear is a linear map itself", "--models"] {
        assert!(text(&rejected.stderr).contains(words), "{}", text(&rejected.stderr));
    }
}

#[test]
fn sizes_origins_settings_and_the_leaking_protocol() {
    let place = tempfile::tempdir().unwrap();
    let methods = "none,dropout:p=0.1,dropout:p=0.4,mc-dropout:p=0.1,mc-dropout:p=0.4,pruning,random-pruning,one-shot,l2,narrower";
    let output = tiny(
        place.path(),
        &[
            "--out",
            "a",
            "--train-rows",
            "all,20",
            "--origins",
            "2",
            "--methods",
            methods,
            "--sparsities",
            "0.3..0.7,0.2..0.5",
        ],
    );
    done(&output);
    // Three kinds of pruning and the narrower net with two sparsities, two dropouts with two chances, and two more.
    assert_eq!(rows(&place.path().join("a")).len(), 2 * 2 * 2 * 2 * (2 * 4 + 2 * 2 + 2) * 2);
    let told = text(&output.stderr);
    for place in
        ["rnn, look-back 3, width 5: narrower at sparsity 0.5", "lstm, look-back 7, width 5: narrower at sparsity 0.7"]
    {
        assert!(told.contains(place), "no {place:?} in {told}");
    }
    let markdown = std::fs::read_to_string(place.path().join("a/report.md")).unwrap();
    assert!(markdown.contains("Unequal tuning"));
    best_settings_stand_for_their_methods(&markdown);
    let output = tiny(place.path(), &["--out", "leak", "--authors-protocol", "--lookbacks", "3", "--save-predictions"]);
    done(&output);
    let told = text(&output.stdout);
    let numbers = told.lines().filter(|line| line.contains(" %") || line.contains("rank"));
    assert!(numbers.clone().count() > 4 && numbers.clone().all(|line| line.starts_with("LEAKING")), "{told}");
    let json = experiment(place.path(), &["--report", "leak", "--json"]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap()["analysis"]["protocol"], "LEAKING");
    let saved = std::fs::read_to_string(place.path().join("leak/predictions/tiny-rnn-last-l3-w5-all-o1.csv")).unwrap();
    assert!(saved.lines().skip(1).all(|line| line.starts_with("LEAKING,")) && saved.lines().count() > 2);
    let markdown = std::fs::read_to_string(place.path().join("leak/report.md")).unwrap();
    for (before, _) in markdown.match_indices("\n| ").map(|(at, _)| markdown.split_at(at)) {
        let table = before.rsplit("\n\n").next().unwrap().starts_with('|');
        assert!(table || before.ends_with("**LEAKING PROTOCOL**:\n"), "a table without its label");
    }
    for name in ["report.md", "report.html", "analysis-plan.md"] {
        assert!(std::fs::read_to_string(place.path().join("leak").join(name)).unwrap().contains("LEAK"), "{name}");
    }
}

/// In the table of all settings one of each method that has several stands for it: that of the lowest validation MAE.
fn best_settings_stand_for_their_methods(markdown: &str) {
    let table = markdown.split("### All settings").nth(1).unwrap();
    let mut found: BTreeMap<(String, String), Vec<(f64, bool)>> = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| tiny-")) {
        let fields: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let method = fields[1].split(' ').next().unwrap().to_string();
        if let Ok(mae) = fields[2].parse::<f64>() {
            found.entry((fields[0].to_string(), method)).or_default().push((mae, fields[4] == "stands for its method"));
        }
    }
    assert_eq!(found.len(), 16 * 8);
    for ((cell, method), settings) in found.into_iter().filter(|(_, settings)| settings.len() > 1) {
        let chosen: Vec<f64> = settings.iter().filter(|(_, chosen)| *chosen).map(|(mae, _)| *mae).collect();
        let best = settings.iter().map(|(mae, _)| *mae).fold(f64::INFINITY, f64::min);
        assert_eq!(chosen, [best], "{cell} {method}");
    }
}

/// A transformer is a model as any other, a replica's method too; and what the published code does with it.
#[test]
fn patchtst_is_studied_as_the_others_are() {
    let place = tempfile::tempdir().unwrap();
    let args = ["--models", "patchtst,rnn", "--hidden", "64", "--epochs", "2", "--lookbacks", "7"];
    let output = tiny(place.path(), &[&args[..], &["--out", "a"]].concat());
    done(&output);
    let all = rows(&place.path().join("a"));
    assert_eq!(all.len(), 2 * 5 * 2);
    assert!(all.values().all(|row| row.last().unwrap() == "done"));
    let methods = ["--methods", "dropout,pruning"];
    done(&tiny(place.path(), &[&args[..], &methods, &["--authors-protocol", "--out", "leak"]].concat()));
    let odd = tiny(place.path(), &["--models", "patchtst", "--hidden", "5", "--out", "odd"]);
    assert_eq!(code(&odd), 2);
    assert!(text(&odd.stderr).contains("heads"), "{}", text(&odd.stderr));
}
