//! Files that are written otherwise than those a model was trained on, as users meet them.

use std::path::Path;
use std::process::Output;

use crate::cli::{TINY, code, microglia, rejected, stderr, stdout};

fn done(output: Output) -> Output {
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    output
}

fn train(folder: &Path, text: &str, more: &[&str]) {
    std::fs::write(folder.join("train.csv"), text).unwrap();
    let run = ["train", "--data", "train.csv", "--epochs", "1", "--overwrite", "--out", "run"];
    done(microglia(folder, &[&run[..], &TINY, more].concat()));
}

fn forecast(folder: &Path, text: &str, more: &[&str]) -> Output {
    std::fs::write(folder.join("other.csv"), text).unwrap();
    let run = ["forecast", "--checkpoint", "run", "--data", "other.csv", "--levels", "none"];
    microglia(folder, &[&run[..], more].concat())
}

/// The forecasts of the one series.
fn values(output: Output) -> Vec<f64> {
    let text = stdout(&done(output));
    text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().parse().unwrap()).collect()
}

/// `Datum;y` and rows from the first of January on.
fn table(rows: usize, value: impl Fn(usize) -> String) -> String {
    let day = |i: usize| format!("2022-{:02}-{:02}", 1 + i / 28, 1 + i % 28);
    format!("Datum;y\n{}", (0..rows).map(|i| format!("{};{}\n", day(i), value(i))).collect::<String>())
}

#[test]
fn marks_that_training_settled_settle_those_of_another_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let number = |i: usize| 1000 + (i * i) % 97 * 10 + i;
    let grouped = |mark: char| move |i: usize| format!("{}{mark}{:03}", number(i) / 1000, number(i) % 1000);
    let plain = |i: usize| number(i).to_string();
    let expected = |options: &[&str]| values(forecast(folder, &table(40, plain), options));
    // By the option, or by a row that can be read in one way.
    let clear = |i: usize| if i == 3 { "2.405,80".into() } else { grouped('.')(i) };
    for (text, options) in
        [(table(112, grouped('.')), &["--thousands", "."][..]), (table(112, grouped('.')), &["--decimal", ","])]
            .into_iter()
            .chain([(table(112, clear), &[][..])])
    {
        train(folder, &text, options);
        let output = forecast(folder, &table(40, grouped('.')), &[]);
        assert!(stderr(&output).contains("decimal mark `,`, as in training"), "{}", stderr(&output));
        assert_eq!(values(output), expected(&[]), "{options:?}");
        // Another file may show other marks, or be given others.
        let english = |i: usize| if i == 3 { format!("{}.25", number(i)) } else { grouped(',')(i) };
        let other = values(forecast(folder, &table(40, english), &[]));
        assert_eq!(other, expected(&[]), "a row that is not read by the last look-back");
        let thousandths = values(forecast(folder, &table(40, grouped('.')), &["--decimal", "."]));
        assert!(thousandths[0] < expected(&[])[0] - 1.0, "{thousandths:?}");
    }
    // A mark that training did not hold may be the decimal mark or separate thousands, whichever its own is.
    let thousandths = |mark: char| move |i: usize| format!("{}{mark}{:03}", 10 + i % 7, 100 + i * 7 % 899);
    for (own, other, name) in [('.', ',', "comma"), (',', '.', "point")] {
        let clear = |i: usize| if i == 5 { format!("9{own}5") } else { thousandths(own)(i) };
        train(folder, &table(112, clear), &[]);
        let clear = values(forecast(folder, &table(40, thousandths(own)), &[]));
        let problem = format!("the {name} may be a decimal mark or separate thousands");
        let text = table(40, thousandths(other));
        rejected(folder, &forecast(folder, &text, &[]), &[&problem, &format!("--decimal {other}")]);
        let evaluate = ["evaluate", "--checkpoint", "run", "--data", "other.csv", "--levels", "none"];
        rejected(folder, &microglia(folder, &evaluate), &[&problem]);
        assert_eq!(values(forecast(folder, &text, &["--decimal", &other.to_string()])), clear);
    }
    // Whole numbers alone settle nothing.
    train(folder, &table(112, plain), &[]);
    rejected(folder, &forecast(folder, &table(40, grouped('.')), &[]), &["the point may be a decimal mark"]);
}

#[test]
fn the_order_of_day_and_month_is_that_of_training_where_a_file_does_not_show_it() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first = chrono::NaiveDate::from_ymd_opt(2024, 3, 1).unwrap();
    let days = |rows: u64, form: &str| -> String {
        let day = |i: u64| first + chrono::Days::new(i);
        format!("ds,y\n{}", (0..rows).map(|i| format!("{},{}\n", day(i).format(form), i * i % 13)).collect::<String>())
    };
    let dates = |output: Output| -> Vec<String> {
        stdout(&done(output)).lines().skip(1).map(|line| line.split(',').nth(1).unwrap().into()).collect()
    };
    for (form, options, order, next) in [
        ("%d/%m/%Y", &[][..], "day before month", ["13/03/2024", "14/03/2024"]),
        ("%d/%m/%y", &["--time-format", "%d/%m/%y"], "day before month", ["13/03/24", "14/03/24"]),
        ("%m/%d/%Y", &[], "month before day", ["03/13/2024", "03/14/2024"]),
    ] {
        train(folder, &days(112, form), options);
        let output = forecast(folder, &days(12, form), &[]);
        let line = if options.is_empty() { format!("{order}, as in training") } else { format!("as `{form}`") };
        assert!(stderr(&output).contains(&line), "{}", stderr(&output));
        assert_eq!(dates(output), next);
        // In another form of the same order.
        let long = form.replace("%y", "%Y").replace('/', ".");
        let output = forecast(folder, &days(12, &long), &[]);
        assert!(stderr(&output).contains("as in training: no row has a number above 12"), "{}", stderr(&output));
        assert_eq!(dates(output)[0], next[0].replace("/24", "/2024").replace('/', "."));
        // What the file itself shows counts.
        let (shown, after) =
            if form.starts_with("%d") { ("%m/%d/%Y", "03/21/2024") } else { ("%d/%m/%Y", "21/03/2024") };
        assert_eq!(dates(forecast(folder, &days(20, shown), &[]))[0], after);
        assert_eq!(dates(forecast(folder, &days(20, "%Y-%m-%d"), &[]))[0], "2024-03-21");
    }
    // Training on dates with the year first knows no order.
    train(folder, &days(112, "%Y-%m-%d"), &[]);
    rejected(folder, &forecast(folder, &days(12, "%d/%m/%Y"), &[]), &["the day or the month may come first"]);
}

#[test]
fn a_series_without_an_id_that_ended_is_named_by_its_last_time_as_the_data_writes_it() {
    let place = tempfile::tempdir().unwrap();
    let quarter = |i: usize| format!("{}Q{},{}\n", 1990 + i / 4, 1 + i % 4, 10 + i * i % 7);
    let text = format!("ds,y\n{}", (0..120).map(quarter).collect::<String>());
    train(place.path(), &text, &[]);
    let output = done(forecast(place.path(), &text, &["--origin", "2025Q1"]));
    let said = stderr(&output);
    let line = said.lines().find(|line| line.contains("1 of 1 series ended before --origin")).unwrap();
    assert!(line.ends_with(": 2019Q4"), "{line}");
}

/// The first two cells of a table's lines.
fn cells(table: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let lines = table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| line.split(|byte| *byte == b',').take(2).map(<[u8]>::to_vec).collect()).collect()
}

#[test]
fn ids_are_written_byte_by_byte_as_they_are_read() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    // Blanks before and after, which alone tell two ids apart, and bytes of Windows-1252 in ids and in the header.
    let ids: [&[u8]; 4] = [b"A  ", b"A", b" K\xf6ln ", b"5 \x80"];
    let mut file = b"Gr\xf6\xdfe,Datum,y\n".to_vec();
    for id in ids {
        for i in 0..112 {
            let rest = format!(",2022-{:02}-{:02},{}\n", 1 + i / 28, 1 + i % 28, (i * i) % 23);
            file.extend([id, rest.as_bytes()].concat());
        }
    }
    std::fs::write(folder.join("data.csv"), &file).unwrap();
    let run = ["train", "--data", "data.csv", "--id-column", "Größe", "--epochs", "1", "--overwrite", "--out", "run"];
    let output = done(microglia(folder, &[&run[..], &TINY].concat()));
    for line in ["no UTF-8 (line 1): read as Windows-1252", "the ids `A  ` and `A` differ in blanks alone"] {
        assert!(stderr(&output).contains(line), "no {line:?} in {}", stderr(&output));
    }
    let model = ["--checkpoint", "run", "--levels", "none"];
    let out = done(microglia(folder, &[&["forecast", "--out", "next.csv"], &model[..]].concat()));
    assert!(stdout(&out).contains("next.csv"));
    let piped = done(microglia(folder, &[&["forecast"], &model[..]].concat())).stdout;
    assert_eq!(piped, std::fs::read(folder.join("next.csv")).unwrap());
    done(microglia(folder, &[&["evaluate", "--predictions", "seen.csv"], &model[..]].concat()));
    for table in [piped, std::fs::read(folder.join("seen.csv")).unwrap()] {
        let cells = cells(&table);
        assert_eq!(cells[0], [&b"Gr\xf6\xdfe"[..], b"Datum"]);
        let mut written: Vec<&[u8]> = cells[1..].iter().map(|row| &row[0][..]).collect();
        written.dedup();
        assert_eq!(written, ids);
    }
    // A name that the encoding does not have.
    let output = microglia(folder, &[&["forecast", "--alias", "模型"], &model[..]].concat());
    rejected(folder, &output, &["`模` is no character of Windows-1252", "--alias"]);
    // Of the same text in UTF-8, tables are UTF-8.
    let text: String = file.iter().map(|byte| if *byte == 0x80 { '€' } else { char::from(*byte) }).collect();
    std::fs::write(folder.join("utf8.csv"), text).unwrap();
    let output = done(microglia(folder, &[&["forecast", "--data", "utf8.csv"], &model[..]].concat()));
    assert!(stdout(&output).contains("\n Köln ,2022-04-29,"), "{}", stdout(&output));
}

#[test]
fn days_without_rows_are_kept_with_the_model() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let open = |day: &chrono::NaiveDate| {
        chrono::Datelike::weekday(day).number_from_monday() < 6
            && !["2024-03-29", "2024-04-01", "2024-05-01"].contains(&day.to_string().as_str())
    };
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 15).unwrap();
    let days: Vec<String> = first.iter_days().filter(open).take(90).map(|day| day.to_string()).collect();
    let rows: String = days[..70].iter().enumerate().map(|(i, day)| format!("{day},{}\n", i * i % 13)).collect();
    std::fs::write(folder.join("closed.csv"), "29.03.2024;Karfreitag\n01.04.2024;Ostermontag\n01.05.2024;\n").unwrap();
    let text = format!("ds,y\n{rows}");
    train(folder, &text, &["--holidays", "closed.csv"]);
    std::fs::remove_file(folder.join("closed.csv")).unwrap();
    let dates = |output: &Output| -> Vec<String> {
        stdout(output).lines().skip(1).map(|line| line.split(',').nth(1).unwrap().into()).collect()
    };
    let output = done(forecast(folder, &text, &["--horizon", "10", "--recursive"]));
    assert!(stderr(&output).contains("3 days without rows, as in training"), "{}", stderr(&output));
    assert_eq!(dates(&output), days[70..80]);
    // Intervals read the training data, and folds train on it.
    done(microglia(folder, &["forecast", "--checkpoint", "run", "--levels", "80", "--train-data", "train.csv"]));
    let refitted = ["evaluate", "--checkpoint", "run", "--folds", "2", "--refit", "--levels", "none"];
    let output = done(microglia(folder, &refitted));
    assert!(!stderr(&output).contains("missing time"), "{}", stderr(&output));
    // A run goes on with them.
    let output = done(microglia(folder, &["train", "--resume", "run", "--epochs", "3"]));
    assert!(stderr(&output).contains("3 days without rows, as in training"), "{}", stderr(&output));
    assert!(std::fs::read_to_string(folder.join("run/config.toml")).unwrap().contains("closed.csv"));
    std::fs::write(folder.join("other.csv"), "2024-01-01\n").unwrap();
    let other = microglia(folder, &["train", "--resume", "run", "--holidays", "other.csv"]);
    rejected(folder, &other, &["--holidays was"]);
    // Another file takes their place.
    std::fs::write(folder.join("more.csv"), format!("{}\n", days[71])).unwrap();
    let output = done(forecast(folder, &text, &["--horizon", "3", "--recursive", "--holidays", "more.csv"]));
    assert!(stderr(&output).contains("1 day without rows, from more.csv"), "{}", stderr(&output));
    assert_eq!(dates(&output), [70, 72, 73].map(|day: usize| days[day].clone()));
}
