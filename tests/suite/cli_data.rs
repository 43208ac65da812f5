//! Data other than a model's own: grown, copied, piped, with rows to come, as users meet it.

use crate::cli::{TINY, microglia, rejected, stderr, stdout};
use crate::cli_forecast::{done, rows};
use crate::golden::path;

#[test]
fn a_file_that_grew_is_forecast_with_the_intervals_that_the_run_kept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = std::fs::read_to_string(path("tiny.csv")).unwrap();
    std::fs::write(folder.join("data.csv"), &text).unwrap();
    for name in ["a", "b"] {
        let all = [&["train", "--data", "data.csv", "--epochs", "1", "--out", name][..], &TINY].concat();
        done(&microglia(folder, &[&all[..], if name == "b" { &["--seed", "7"] } else { &[] }].concat()));
    }
    // Of the data as it was, what the run kept is what its residuals give.
    let tiny = path("tiny.csv");
    let asked = |levels: &str, named: bool| {
        let train_data = ["--train-data", tiny.to_str().unwrap()];
        let more = if named { &train_data[..] } else { &[] };
        let output = microglia(folder, &[&["forecast", "--checkpoint", "a", "--levels", levels][..], more].concat());
        done(&output);
        (stdout(&output), stderr(&output).split_once("intervals: ").unwrap().1.to_string())
    };
    for levels in ["50", "50,80"] {
        let (kept, read) = (asked(levels, false), asked(levels, true));
        assert_eq!(kept, read);
        assert!(kept.1.contains("test windows, "), "{}", kept.1);
    }
    std::fs::write(folder.join("data.csv"), text + "2024-03-01,20,1\n").unwrap();
    let forecast = |more: &[&str]| microglia(folder, &[&["forecast", "--checkpoint", "a", "--levels"], more].concat());
    let grown = forecast(&["50"]);
    done(&grown);
    assert!(stderr(&grown).contains("intervals: calibrated on"), "{}", stderr(&grown));
    assert!(stdout(&grown).contains("y,2024-03-02,"), "{}", stdout(&grown));
    // They are those of the training data.
    let named = forecast(&["50", "--data", "data.csv", "--train-data", tiny.to_str().unwrap()]);
    done(&named);
    assert_eq!(stdout(&grown), stdout(&named));
    rejected(folder, &forecast(&["55"]), &["--levels: 55 is none", "50, 80, 90, 95, 99", "--train-data"]);
    rejected(folder, &forecast(&["99"]), &["--levels: 99 takes 99 residuals", "the run had 5", "--levels none"]);
    // Levels that nobody asked for are left empty.
    let usual = microglia(folder, &["forecast", "--checkpoint", "a"]);
    done(&usual);
    assert!(stderr(&usual).contains("no interval of 95 %"), "{}", stderr(&usual));
    let other = ["evaluate", "--checkpoint", "a", "--data", "data.csv"];
    let output = microglia(folder, &other);
    done(&output);
    assert!(stderr(&output).contains("--data continues the training data"), "{}", stderr(&output));
    assert!(stdout(&output).contains("in 80 %"), "{}", stdout(&output));
    let plain = forecast(&["none"]);
    done(&plain);
    assert_eq!(rows(&stdout(&plain))[1][2], rows(&stdout(&grown))[1][2]);
    rejected(folder, &microglia(folder, &["evaluate", "--checkpoint", "a"]), &["has changed", "--train-data"]);
    done(&microglia(folder, &["evaluate", "--checkpoint", "a", "--data", "data.csv", "--levels", "none"]));
    // Other weights' are not used, and a torn file is rejected.
    let file = |name: &str| folder.join(name).join("intervals.safetensors");
    let own = std::fs::read(file("a")).unwrap();
    std::fs::copy(file("b"), file("a")).unwrap();
    rejected(folder, &forecast(&["50"]), &["data.csv: has changed", "--train-data", "--levels none"]);
    let usual = microglia(folder, &["forecast", "--checkpoint", "a"]);
    done(&usual);
    assert!(stderr(&usual).contains("no intervals: ") && stderr(&usual).contains("data.csv: has changed since"));
    assert_eq!(rows(&stdout(&usual))[0].len(), 3);
    for end in [0, 7, 100, own.len() / 2, own.len() - 1] {
        std::fs::write(file("a"), &own[..end]).unwrap();
        rejected(folder, &forecast(&["50"]), &["intervals.safetensors", "damaged"]);
    }
}

#[test]
fn rows_without_a_target_are_those_that_are_forecast() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let day = |i: usize| format!("2024-{:02}-{:02}", 1 + i / 28, 1 + i % 28);
    let wave = |i: usize| (i % 7) as f64 + i as f64 / 50.0;
    let rows_of = |id: &str| -> String {
        (0..112)
            .map(|i| {
                format!("{id},{},{},{}\n", day(i), if i < 100 { wave(i).to_string() } else { String::new() }, i % 3)
            })
            .collect()
    };
    let text = format!("unique_id,ds,y,promo\n{}{}", rows_of("a"), rows_of("b"));
    std::fs::write(folder.join("plan.csv"), text).unwrap();
    let train = ["train", "--data", "plan.csv", "--covariates", "promo", "--epochs", "1", "--out", "run"];
    let output = microglia(folder, &[&train[..], &TINY].concat());
    done(&output);
    let line =
        "24 rows to come at the end of 2 series, without a value of y: training ends and forecasts begin before them";
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    let output = microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50"]);
    done(&output);
    assert!(stderr(&output).contains(line), "{}", stderr(&output));
    let forecasts = rows(&stdout(&output));
    let dates: Vec<(&str, &str)> = forecasts[1..].iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(dates, [("a", "2024-04-17"), ("a", "2024-04-18"), ("b", "2024-04-17"), ("b", "2024-04-18")]);
    assert_eq!(day(100), "2024-04-17");
}

#[test]
fn data_is_read_from_the_standard_input() {
    use std::io::Write;
    use std::process::Stdio;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = std::fs::read(path("tiny.csv")).unwrap();
    let piped = |args: &[&str]| {
        let mut command = crate::cli::command(folder, args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = piped(&[&["train", "--data", "-", "--epochs", "1", "--out", "run"][..], &TINY].concat());
    done(&output);
    assert!(stdout(&output).starts_with("stdin: y"), "{}", stdout(&output));
    let config = std::fs::read_to_string(folder.join("run/config.toml")).unwrap();
    assert!(config.contains("data = \"-\""), "{config}");
    // The run's own data is gone; other data takes its intervals all the same.
    rejected(
        folder,
        &microglia(folder, &["forecast", "--checkpoint", "run"]),
        &["--data", "standard input", "--train-data"],
    );
    let tiny = path("tiny.csv");
    let read =
        microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "50", "--data", tiny.to_str().unwrap()]);
    done(&read);
    let output = piped(&["forecast", "--checkpoint", "run", "--levels", "50", "--data", "-"]);
    done(&output);
    assert_eq!(stdout(&output), stdout(&read));
    for part in ["test", "validation"] {
        let evaluate = ["evaluate", "--checkpoint", "run", "--part", part, "--data"];
        let read = microglia(folder, &[&evaluate[..], &[tiny.to_str().unwrap()]].concat());
        done(&read);
        assert!(stdout(&read).contains("ridge"), "{}", stdout(&read));
        assert_eq!(stdout(&piped(&[&evaluate[..], &["-"]].concat())), stdout(&read));
    }
    rejected(folder, &microglia(folder, &["experiment", "--data", "x=-", "--dry-run"]), &["again and again"]);
}

/// What a run needs of its data is in any file of the same content, or of this content and more lines.
#[test]
fn a_copy_of_the_data_serves_as_the_data() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = std::fs::read_to_string(path("tiny.csv")).unwrap();
    for (name, end) in [("a", ""), ("b", "\n"), ("c", "\r\n")] {
        let text = text.trim_end().to_string() + end;
        std::fs::write(folder.join("gone.csv"), &text).unwrap();
        done(&microglia(
            folder,
            &[&["train", "--data", "gone.csv", "--epochs", "1", "--out", name][..], &TINY].concat(),
        ));
        let evaluate = |more: &[&str]| microglia(folder, &[&["evaluate", "--checkpoint", name], more].concat());
        let own = evaluate(&[]);
        done(&own);
        std::fs::rename(folder.join("gone.csv"), folder.join("copy.csv")).unwrap();
        rejected(folder, &evaluate(&[]), &["gone.csv", "--train-data"]);
        let copy = evaluate(&["--data", "copy.csv"]);
        done(&copy);
        assert_eq!(stdout(&copy), stdout(&own));
        assert!(stderr(&copy).contains("--data is the training data: its test part is scored"), "{}", stderr(&copy));
        done(&evaluate(&["--data", "copy.csv", "--part", "validation"]));
        // A line more, in place of the original: nothing that the run kept is needed.
        let line = if end == "\r\n" { "2024-03-01,20,1\r\n" } else { "2024-03-01,20,1\n" };
        let more = text.trim_end().to_string() + if end.is_empty() { "\n" } else { end } + line;
        std::fs::write(folder.join("more.csv"), more).unwrap();
        let more = evaluate(&["--data", "more.csv"]);
        done(&more);
        let said = stderr(&more);
        assert!(said.contains("--data continues the training data: "), "{said}");
        assert!(said.contains("intervals: calibrated on") && !said.contains("as it was"), "{said}");
        assert!(stdout(&more).contains("ridge"), "{}", stdout(&more));
        let ahead = microglia(folder, &["forecast", "--checkpoint", name, "--levels", "55", "--data", "more.csv"]);
        done(&ahead);
        assert!(stdout(&ahead).contains("y,2024-03-02,"), "{}", stdout(&ahead));
        std::fs::remove_file(folder.join("copy.csv")).unwrap();
    }
}

/// Rows may have been added to each series, in files that run from old to new or from new to old, and series between the others.
#[test]
fn a_panel_that_grew_in_each_series_continues_the_data() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let file = |series: &[(&str, u64)], falls: bool, end: &str| {
        let rows = series.iter().flat_map(|(id, rows)| {
            let row = move |i: u64| format!("{id},{},{}{end}", first + chrono::Days::new(i), 20 + i * i % 13);
            (0..*rows).map(move |i| row(if falls { rows - 1 - i } else { i }))
        });
        format!("unique_id,ds,y{end}{}", rows.collect::<String>())
    };
    let evaluate =
        |more: &[&str]| microglia(folder, &[&["evaluate", "--checkpoint", "run", "--data", "more.csv"], more].concat());
    for (falls, end, ended) in [(false, "\n", true), (false, "\r\n", false), (true, "\n", false)] {
        let text = file(&[("b", 60), ("a", 60), ("short", 2)], falls, end);
        let text = if ended { text } else { text.trim_end().to_string() };
        std::fs::write(folder.join("gone.csv"), text).unwrap();
        let run = ["train", "--data", "gone.csv", "--epochs", "1", "--out", "run", "--overwrite"];
        done(&microglia(folder, &[&run[..], &TINY].concat()));
        let own = microglia(folder, &["evaluate", "--checkpoint", "run", "--part", "test"]);
        done(&own);
        std::fs::remove_file(folder.join("gone.csv")).unwrap();
        let grown = file(&[("b", 64), ("new", 5), ("a", 61), ("short", 2)], falls, end);
        std::fs::write(folder.join("more.csv"), &grown).unwrap();
        let more = evaluate(&[]);
        done(&more);
        let said = stderr(&more);
        assert!(said.contains("--data continues the training data: "), "{falls} {said}");
        assert!(said.contains("intervals: calibrated on") && !said.contains("as it was"), "{said}");
        assert!(stdout(&more).contains("ridge"), "{}", stdout(&more));
        let levels = ["forecast", "--checkpoint", "run", "--levels", "55", "--data", "more.csv"];
        let ahead = microglia(folder, &levels);
        done(&ahead);
        assert!(stdout(&ahead).contains("b,2024-03-05,") && stdout(&ahead).contains("a,2024-03-02,"));
        // What was changed, or is missing, is other data.
        let changed = grown.replacen("2024-01-01,20", "2024-01-01,21", 1);
        let shorter = file(&[("b", 64), ("a", 59), ("short", 9)], falls, end);
        for text in [changed, shorter] {
            std::fs::write(folder.join("more.csv"), text).unwrap();
            let other = evaluate(&["--levels", "none"]);
            done(&other);
            assert!(!stderr(&other).contains("continues the training data"), "{}", stderr(&other));
        }
    }
}

/// Rows of one of two flags alone are read as in training.
#[test]
fn flags_are_read_as_in_training() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let text = |from: usize, flag: &dyn Fn(usize) -> &'static str| {
        let row = |i: usize| format!("2024-{:02}-{:02},{},{}\n", 1 + i / 28, 1 + i % 28, i % 7, flag(i));
        format!("date,y,open\n{}", (from..from + 100).map(row).collect::<String>())
    };
    std::fs::write(folder.join("a.csv"), text(0, &|i| if i % 3 == 0 { "Y" } else { "N" })).unwrap();
    let train = ["train", "--data", "a.csv", "--covariates", "open", "--epochs", "1", "--out", "run"];
    done(&microglia(folder, &[&train[..], &TINY].concat()));
    let forecast = |words: &'static str, numbers: &'static str| {
        std::fs::write(folder.join("words.csv"), text(100, &|_| words)).unwrap();
        std::fs::write(folder.join("numbers.csv"), text(100, &|_| numbers)).unwrap();
        let of = |file| microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "none", "--data", file]);
        (of("words.csv"), of("numbers.csv"))
    };
    for (word, number) in [("N", "0"), ("y", "1")] {
        let (words, numbers) = forecast(word, number);
        done(&words);
        done(&numbers);
        assert_eq!(stdout(&words), stdout(&numbers), "{word}");
        assert!(stderr(&words).contains("words are read as 1 and 0: `open` (y is 1, n is 0)"), "{}", stderr(&words));
    }
    rejected(folder, &forecast("perhaps", "0").0, &["column `open`", "training read `y` as 1 and `n` as 0"]);
}

/// The days from 2024-01-01 on that a rule takes, with one value in each column.
fn days_of(
    rule: impl Fn(chrono::NaiveDate) -> bool,
    columns: &[&str],
    value: impl Fn(usize, usize) -> String,
) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let line = |(i, day): (usize, chrono::NaiveDate)| {
        let values: Vec<String> = (0..columns.len()).map(|column| value(i, column)).collect();
        format!("{day},{}\n", values.join(","))
    };
    let lines: String = first.iter_days().filter(|day| rule(*day)).take(90).enumerate().map(line).collect();
    format!("ds,{}\n{lines}", columns.join(","))
}

#[test]
fn another_calendar_than_that_of_training_is_told() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let value = |i: usize, _: usize| (i % 7).to_string();
    let business = |day: chrono::NaiveDate| chrono::Datelike::weekday(&day).number_from_monday() < 6;
    std::fs::write(folder.join("days.csv"), days_of(|_| true, &["y"], value)).unwrap();
    std::fs::write(folder.join("business.csv"), days_of(business, &["y"], value)).unwrap();
    done(&microglia(folder, &[&["train", "--data", "days.csv", "--epochs", "1", "--out", "run"][..], &TINY].concat()));
    let forecast = |data: &str| {
        let words = ["forecast", "--checkpoint", "run", "--levels", "none", "--data", data];
        let output = microglia(folder, &words);
        done(&output);
        stderr(&output)
    };
    let told = forecast("business.csv");
    assert!(
        told.contains("the calendar differs from that of training: ") && told.contains(", and then 1 day"),
        "{told}"
    );
    assert!(told.contains("season 7 rows (as in training)") && !told.contains("--season"), "{told}");
    let same = forecast("days.csv");
    assert!(!same.contains("differs"), "{same}");
}

#[test]
fn a_column_that_ended_before_the_others_is_named_and_can_be_left_out() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let value = |i: usize, column: usize| if column == 1 && i >= 80 { String::new() } else { (i % 7).to_string() };
    std::fs::write(folder.join("wide.csv"), days_of(|_| true, &["a", "b", "c"], value)).unwrap();
    let tiny: Vec<&str> = TINY.iter().map(|word| if *word == "y" { "a,b,c" } else { word }).collect();
    let train = ["train", "--data", "wide.csv", "--impute", "ffill", "--epochs", "1", "--out", "run"];
    done(&microglia(folder, &[&train[..], &tiny].concat()));
    let forecast = |more: &[&str]| {
        let output = microglia(folder, &[&["forecast", "--checkpoint", "run", "--levels", "none"], more].concat());
        done(&output);
        let ids: Vec<String> = rows(&stdout(&output))[1..].iter().map(|row| row[0].clone()).collect();
        (ids, stderr(&output))
    };
    let (ids, told) = forecast(&[]);
    assert_eq!(ids, ["a", "a", "b", "b", "c", "c"]);
    assert!(told.contains("1 of 3 targets ended before the others") && told.contains("`b` 2024-03-20"), "{told}");
    let (ids, told) = forecast(&["--ended", "skip"]);
    assert_eq!(ids, ["a", "a", "c", "c"]);
    assert!(told.contains("they are left out (--ended skip): `b`"), "{told}");
    // One with a value among the last rows goes on.
    let (_, told) = forecast(&["--origin", "2024-03-21"]);
    assert!(!told.contains("ended"), "{told}");
}
