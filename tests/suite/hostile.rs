//! Files that no sound program wrote, each rejected in one line that says what, where and what to do; or read for what they are.

use microglia::data::DataOptions;

use crate::cli::{TINY, code, microglia, rejected, stderr, stdout};

/// `count` hourly rows of `value(i)` under a header.
fn hours(header: &str, count: usize, value: impl Fn(usize) -> String) -> String {
    let row = |i: usize| format!("2024-01-{:02} {:02}:00,{}\n", 1 + i / 24, i % 24, value(i));
    (0..count).fold(format!("{header}\n"), |text, i| text + &row(i))
}

fn wave(i: usize) -> String {
    (i * 7 % 13).to_string()
}

fn options() -> DataOptions {
    DataOptions { lookback: Some(7), horizon: Some(2), ..DataOptions::default() }
}

/// What a file of these bytes is rejected with.
fn rejection(bytes: &[u8]) -> String {
    options().load_bytes("h", "h.csv", bytes).unwrap_err().to_string()
}

#[test]
fn hostile_files_are_rejected_in_a_line_and_what_helps() {
    let good = hours("ds,y", 100, wave);
    let with = |row: usize, value: &str| hours("ds,y", 100, |i| if i == row { value.into() } else { wave(i) });
    let mut shuffled: Vec<&str> = good.lines().collect();
    shuffled.swap(40, 60);
    let fold = "2024-10-27 02:00,1\n";
    let million = format!(
        "ds{}\n2024-01-01{}\n2024-01-02{}\n",
        ",c".repeat(1_000_000),
        ",1".repeat(1_000_000),
        ",1".repeat(1_000_000)
    );
    let different: String = (0..1_000_000).map(|i| format!(",c{i}")).collect();
    let different = format!("ds{different}\n2024-01-01{0}\n2024-01-02{0}\n", ",1".repeat(1_000_000));
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("an empty file", b"".into(), &["h.csv: the file is empty"]),
        ("blank lines", b"\n\n\r\n".into(), &["the file is empty"]),
        ("a byte order mark", b"\xef\xbb\xbf".into(), &["the file is empty"]),
        ("a header alone", b"ds,y\n".into(), &["no rows below the header line"]),
        ("one column of values", b"y\n1\n2\n".into(), &["no column reads as a time"]),
        ("one column of times", b"ds\n2024-01-01\n2024-01-02\n".into(), &["no numeric column to forecast"]),
        ("a million columns of one name", million.into(), &["1000000 numeric columns", "#41, and 999,960 more"]),
        ("a million columns", different.into(), &["1000000 numeric columns", "c39, and 999,960 more"]),
        ("a million quotes", "\"".repeat(1_000_000).into(), &["h.csv:1: column #1 has a name of 499999 bytes"]),
        ("NUL bytes", vec![0; 5000], &["binary, not delimited text"]),
        (
            "a NUL in a late cell",
            hours("ds,y", 500, |i| if i == 499 { "1\u{0}2".into() } else { wave(i) }).into(),
            &["h.csv:501, column `y`, value \"1\\02\": not a number"],
        ),
        (
            "invalid UTF-8 in a cell",
            [good.as_bytes(), b"2024-01-31 00:00,\xff\xfe\n"].concat(),
            &["h.csv:102", "not a number"],
        ),
        ("UTF-16", [&[0xff, 0xfe], good.as_bytes()].concat(), &["UTF-16"]),
        ("an infinity", with(50, "inf").into(), &["h.csv:52, column `y`, value \"inf\": not a finite 32-bit number"]),
        ("1e308", with(50, "-1e308").into(), &["h.csv:52, column `y`, value \"-1e308\": not a finite 32-bit number"]),
        ("1e400", with(50, "1e400").into(), &["h.csv:52", "not a finite"]),
        ("NaN", with(50, "NaN").into(), &["h.csv:52, column `y`, value \"NaN\": missing value", "`impute ="]),
        (
            "denormals alone",
            hours("ds,y", 100, |i| format!("{}e-320", i % 5)).into(),
            &["leaves the range of 32-bit numbers"],
        ),
        (
            "a doubled time",
            (good.clone() + "2024-01-05 03:00,1\n").into(),
            &["h.csv:102", "the same time as in line 101"],
        ),
        ("shuffled times", shuffled.join("\n").into(), &["h.csv:42", "earlier than the time in line 41"]),
        (
            "a clock set back",
            format!("ds,y\n2024-10-27 01:00,1\n{fold}{fold}2024-10-27 03:00,1\n").into(),
            &["h.csv:4", "write times with their offset, or in UTC"],
        ),
        (
            "too few rows",
            hours("ds,y", 9, wave).into(),
            &["no training window: it has 6 training", "smaller `lookback`"],
        ),
        ("one row", hours("ds,y", 1, wave).into(), &["no series has two rows"]),
        (
            "a target of text",
            hours("ds,y", 100, |i| format!("word{i}")).into(),
            &["h.csv:2, column `y`, value \"word0\": not a number"],
        ),
        ("a text among numbers", with(70, "bad").into(), &["h.csv:72, column `y`, value \"bad\": not a number"]),
        (
            "two columns of one name",
            hours("ds,y,y", 100, |i| format!("{i},{i}")).into(),
            &["h.csv:1, column `y`: columns #2 and #3 have one name"],
        ),
        (
            "times that leave 64 bits",
            format!("ds,y\n{},1\n{},2\n", i64::MIN, i64::MAX).into(),
            &["h.csv:2", "neither a row number"],
        ),
        (
            "a cell of ten million digits",
            with(99, &"9".repeat(10_000_000)).into(),
            &["h.csv:101, column `y`, value \"9999", "… of 10000000 bytes"],
        ),
        (
            "a name of ten million letters",
            good.replacen('y', &"y".repeat(10_000_000), 1).into(),
            &["h.csv:1: column #2 has a name of 10000000 bytes"],
        ),
        (
            "an id of a megabyte",
            format!("unique_id,ds,y\n{},2024-01-01,1\n", "i".repeat(1 << 20)).into(),
            &["h.csv:2, column `unique_id`", "of more than 1000 bytes"],
        ),
        (
            "an id with a line break",
            b"unique_id,ds,y\n\"a\nb\",2024-01-01,1\n".into(),
            &["h.csv:2", "a control character in the series id"],
        ),
        (
            "an id that is no text",
            b"unique_id,ds,y\n\x81,2024-01-01,1\n".into(),
            &["h.csv:2", "a control character in the series id"],
        ),
    ];
    for (name, bytes, texts) in &cases {
        let said = rejection(bytes);
        for text in *texts {
            assert!(said.contains(text), "{name}: no {text:?} in {said}");
        }
        // The problem is one line, and the next says what to do.
        assert_eq!(said.lines().count(), 2, "{name}: {said}");
        assert!(said.lines().nth(1).unwrap().starts_with("  help: "), "{name}: {said}");
        assert!(said.len() < 2500, "{name}: a message of {} bytes", said.len());
    }
    println!("{} hostile files rejected", cases.len());
}

#[test]
fn odd_files_are_read_for_what_they_are() {
    let huge = |i: usize| if i.is_multiple_of(2) { "3.4e38".into() } else { "-3.4e38".into() };
    for (name, text) in [
        ("constant", hours("ds,y", 100, |_| "5".into())),
        ("zero", hours("ds,y", 100, |_| "0".into())),
        ("a denormal among zeros", hours("ds,y", 100, |i| if i.is_multiple_of(2) { "5e-324".into() } else { wave(i) })),
        ("both ends of the range", hours("ds,y", 100, huge)),
        ("times with the offsets of both clocks", hours("ds,y", 100, wave).replace(":00,", ":00+02:00,")),
        ("an hour that a clock left out", hours("ds,y", 100, wave).replace("2024-01-02 02:00,1\n", "")),
        ("names with line breaks", hours("ds,\"y\nz\"", 100, wave)),
    ] {
        let dataset =
            options().load_bytes("h", "h.csv", text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(dataset.values.iter().all(|value| value.is_finite()), "{name}");
        assert!(dataset.channel_names().iter().all(|name| !name.contains(char::is_control)), "{name}");
    }
}

/// A name that would be a script, a formula, a path, an escape sequence or the end of a cell.
const EVIL: [&str; 6] = ["<script>alert(1)</script>", "a,\"b\"&amp;'", "=1+1", "../../x", "`$(id)`|", "</title>]]>"];

#[test]
fn hostile_names_are_escaped_in_every_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("a/b");
    std::fs::create_dir_all(folder).unwrap();
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut text = format!("unique_id,ds,{}\n", quoted(EVIL[0]));
    for id in EVIL {
        text += &hours("", 80, wave).lines().skip(1).map(|row| format!("{},{row}\n", quoted(id))).collect::<String>();
    }
    std::fs::write(folder.join("evil.csv"), text).unwrap();
    let base = ["train", "--data", "evil.csv", "--epochs", "1", "--out", "run"];
    let typed: Vec<&str> = base.into_iter().chain(TINY).filter(|word| !["--target", "y"].contains(word)).collect();
    let run = |args: &[&str]| {
        let output = microglia(folder, args);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    run(&typed);
    run(&["forecast", "--checkpoint", "run", "--levels", "50", "--out", "ahead"]);
    run(&["evaluate", "--checkpoint", "run", "--levels", "50", "--predictions", "windows.csv"]);
    run(&["inspect", "run", "--svg", "masks.svg"]);
    let study =
        ["experiment", "--data", "evil=evil.csv", "--lookbacks", "7", "--horizon", "2", "--models", "rnn", "--hidden"];
    let study = [
        &study[..],
        &["3", "--methods", "none,pruning", "--seeds", "1..2", "--epochs", "2", "--device", "cpu", "--out", "study"],
    ]
    .concat();
    run(&study);

    let mut seen = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for path in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_string();
            if path.is_dir() {
                folders.push(path);
            } else if ["svg", "html"].contains(&&*ending) {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("<script"), "{}", path.display());
                assert!(ending == "html" || !text.contains("]]>"), "{}", path.display());
                assert!(ending == "html" || text.matches("</title>").count() <= text.matches("<title>").count());
                seen += 1;
            } else if ending == "csv" {
                // Every row has as many cells as the header line.
                let mut reader = csv::Reader::from_path(&path).unwrap();
                assert!(reader.records().all(|record| record.is_ok()), "{}", path.display());
                seen += 1;
            } else if ending == "toml" {
                std::fs::read_to_string(&path).unwrap().parse::<toml::Table>().unwrap();
            } else if ending == "json" {
                serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    assert!(seen >= 8, "only {seen} files were looked at");
    for above in [place.path(), &place.path().join("a")] {
        assert_eq!(std::fs::read_dir(above).unwrap().count(), 1, "an id is no path");
    }
}

#[test]
fn a_terminal_is_sent_no_escape_sequence() {
    let place = tempfile::tempdir().unwrap();
    let text = hours("ds,a,\"\x1b[31mred\"", 60, |i| format!("{i},{i}"));
    std::fs::write(place.path().join("h.csv"), text).unwrap();
    let output = microglia(place.path(), &["train", "--data", "h.csv", "--target", "\x1b]0;title\x07"]);
    rejected(place.path(), &output, &["no column", "[31mred"]);
    assert!(!stderr(&output).contains(|c: char| c.is_control() && c != '\n'));
}

/// A line that never ends, from a pipe: given up long before the memory is full.
#[cfg(unix)]
#[test]
fn a_line_of_two_gigabytes_is_given_up_after_64_mib() {
    use std::io::Write;
    use std::process::Stdio;
    let place = tempfile::tempdir().unwrap();
    let mut run = crate::cli::command(place.path(), &["train", "--data", "/dev/stdin"]);
    let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let piece = vec![b'1'; 1 << 20];
    pipe.write_all(b"ds,y\n2024-01-01,").unwrap();
    let taken = (0..2048).take_while(|_| pipe.write_all(&piece).is_ok()).count();
    drop(pipe);
    rejected(place.path(), &child.wait_with_output().unwrap(), &["/dev/stdin:2: a line of more than 64 MiB", "help: "]);
    assert!((64..80).contains(&taken), "{taken} MiB were taken");
}

#[cfg(unix)]
#[test]
fn files_without_an_end_are_rejected() {
    let place = tempfile::tempdir().unwrap();
    let reject = |args: &[&str], text: &str| rejected(place.path(), &microglia(place.path(), args), &[text, "help: "]);
    reject(&["train", "--data", "/dev/zero"], "binary, not delimited text");
    for args in [
        &["train", "--init", "/dev/zero"][..],
        &["inspect", "/dev/zero"],
        &["export", "/dev/zero", "--out", "x"],
        &["forecast", "--checkpoint", "/dev/zero"],
        &["evaluate", "--checkpoint", "/dev/zero"],
    ] {
        reject(args, "a device or a pipe, not a file");
    }
    reject(&["train", "--config", "/dev/zero"], "/dev/zero: of more than 16 MiB");
    reject(&["experiment", "--config", "/dev/zero"], "/dev/zero: of more than 16 MiB");
    // A file of a terabyte that takes no place on the disk.
    let sparse = place.path().join("sparse.safetensors");
    std::fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
    reject(&["inspect", "sparse.safetensors"], "a file of 1.1 TB, and ");
    std::fs::write(&sparse, "ds,y\n").unwrap();
    std::fs::File::options().write(true).open(&sparse).unwrap().set_len(1 << 40).unwrap();
    reject(&["train", "--data", "sparse.safetensors"], "1.1 TB of data take");
}

#[test]
fn plans_that_no_machine_holds_are_rejected_before_they_are_made() {
    let place = tempfile::tempdir().unwrap();
    let tiny = crate::golden::path("tiny.csv");
    let (data, at) = (tiny.to_str().unwrap(), ["--target", "y", "--device", "cpu", "--lookback", "7"]);
    for (more, texts) in [
        (
            &["--hidden", "1024", "--layers", "64", "--replicas", "4096"][..],
            &["the CPU engine takes", "replica(s)", "free"][..],
        ),
        (&["--batch", "1048576", "--hidden", "1024", "--layers", "64"], &["has more words than a kernel can address"]),
        (&["--lookback", "999999999", "--horizon", "999999999"], &["no training window"]),
        (
            &[
                "--model",
                "patchtst",
                "--patch",
                "4",
                "--d-model",
                "65536",
                "--heads",
                "65536",
                "--ff",
                "1048576",
                "--layers",
                "64",
            ],
            &["more than the 4294967295"],
        ),
    ] {
        let output = microglia(
            place.path(),
            &[&["train", "--data", data], &at[..if more[0] == "--lookback" { 4 } else { 6 }], more].concat(),
        );
        rejected(place.path(), &output, texts);
    }
}
