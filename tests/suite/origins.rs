//! Where forecasts begin: times in every form that data has, or numbers of rows; and the dates of the rows after it.

use chrono::{Days, Months, NaiveDate};
use microglia::data::{DataOptions, Dataset, Start};

use super::calendars::file;
use super::cli::microglia;
use super::cli_forecast::{done, rows};
use super::data::{load, small};

/// How many rows a forecast from there sees, and the line that is said.
fn seen(data: &Dataset, text: &str) -> Result<(usize, String), String> {
    let (start, line) = data.start(&Start::Written(text.into())).map_err(|error| error.to_string())?;
    let by_text = data.cutoffs(&Start::Written(text.into())).map_err(|error| error.to_string())?;
    assert_eq!(by_text.0, data.cutoffs(&start).unwrap().0);
    Ok((by_text.0[0].row + 1, line.unwrap_or_default()))
}

/// 40 times, each a step after the one before.
fn times(first: &str, step: impl Fn(NaiveDate, u32) -> NaiveDate, form: &str) -> Vec<String> {
    let first: NaiveDate = first.parse().unwrap();
    (0..40).map(|i| step(first, i).format(form).to_string()).collect()
}

#[test]
fn an_origin_is_read_in_the_form_of_the_data() {
    let months = |first: NaiveDate, i: u32| first + Months::new(i);
    let days = |first: NaiveDate, i: u32| first + Days::new(i.into());
    let quarters = |first: NaiveDate, i: u32| first + Months::new(3 * i);
    let years = |first: NaiveDate, i: u32| first + Months::new(12 * i);
    let weeks = |first: NaiveDate, i: u32| first + Days::new(7 * u64::from(i));
    for form in ["%Y-%m", "%m/%Y", "%b %Y", "%B-%Y", "%b-%y", "%Y%m", "%YM%m", "%Y-%m-%d", "%Y-%b-%d"] {
        let all = times("2010-01-01", months, form);
        let data = load(&file(all.clone()), &small()).unwrap();
        // 2012-06 is row 30.
        for text in [all[29].as_str(), "2012-06-01", "2012-06", "06/2012", "Jun 2012", "june 2012", "Jun-12", "2012Q2"]
        {
            assert_eq!(seen(&data, text), Ok((30, String::new())), "{text} in {form}");
        }
        assert_eq!(seen(&data, "12").unwrap().0, 12, "{form}");
    }
    for form in ["%Y%m%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%b-%y", "%b %-d, %Y", "%Y/%m/%d", "%F 00:00"] {
        let all = times("2022-05-20", days, form);
        let data = load(&file(all.clone()), &small()).unwrap();
        for text in [all[13].as_str(), "2022-06-02", "2022-06-02T00:00", "2 Jun 2022", "Jun 2, 2022", "20220602"] {
            assert_eq!(seen(&data, text), Ok((14, String::new())), "{text} in {form}");
        }
    }
    for form in ["%YQ%q", "%Y-Q%q", "Q%q %Y"] {
        let all = times("2005-01-01", quarters, form);
        let data = load(&file(all.clone()), &small()).unwrap();
        for text in [all[30].as_str(), "2012Q3", "Q3 2012", "2012-07-01", "2012-09"] {
            assert_eq!(seen(&data, text), Ok((31, String::new())), "{text} in {form}");
        }
    }
    let all = times("1990-01-01", years, "%Y");
    let text = file(all).replace("time,", "year,");
    let data = load(&text, &small()).unwrap();
    assert_eq!(
        [seen(&data, "2012"), seen(&data, "2012-05-01"), seen(&data, "12")].map(|seen| seen.unwrap().0),
        [23, 23, 12]
    );
    let all = times("2021-01-04", weeks, "%G-W%V");
    let data = load(&file(all.clone()), &small()).unwrap();
    assert_eq!([seen(&data, &all[9]), seen(&data, "2021-03-08")].map(|seen| seen.unwrap().0), [10; 2]);
    // A month is all of it, whatever its day of rows.
    let ends = |first: NaiveDate, i: u32| (first + Months::new(i)).pred_opt().unwrap();
    let data = load(&file(times("2010-02-01", ends, "%F")), &small()).unwrap();
    for text in ["2012-06", "Jun 2012", "06/2012", "2012Q2", "2012-06-30", "2012-07-30", "201206"] {
        assert_eq!(seen(&data, text).unwrap().0, 30, "{text}");
    }
    assert_eq!(seen(&data, "2012-06-29").unwrap().0, 29);
    // As it was named.
    let options = DataOptions { time_format: Some("%Y-%d-%m".into()), ..small() };
    let data = load(&file(times("2022-05-20", days, "%Y-%d-%m")), &options).unwrap();
    assert_eq!(seen(&data, "2022-02-06").unwrap().0, 14);
}

#[test]
fn counts_of_time_and_of_rows_are_told_apart() {
    for (unit, form) in [(1i64, "s"), (1000, "ms"), (1_000_000, "us"), (1_000_000_000, "ns")] {
        let second = |i: i64| (1_700_006_400 + 3600 * i) * unit;
        let data = load(&file((0..40).map(|i| second(i).to_string())), &small()).unwrap();
        for text in [second(19).to_string(), (second(19) + 1).to_string(), "2023-11-15T19:00".into()] {
            assert_eq!(seen(&data, &text), Ok((20, String::new())), "{text} {form}");
        }
        assert_eq!(seen(&data, "20"), Ok((20, String::new())), "{form}");
        let zoned = DataOptions { timezone: Some("Europe/Berlin".into()), ..small() };
        let data = load(&file((0..40).map(|i| second(i).to_string())), &zoned).unwrap();
        for text in [second(19).to_string(), "2023-11-15T19:00Z".into(), "2023-11-15T20:00".into()] {
            assert_eq!(seen(&data, &text).unwrap().0, 20, "{text} {form}");
        }
    }
    let decimals =
        load(&file((0..40).map(|i| format!("{}.{}", 1_700_006_400 + i / 2, 5 * (i % 2)))), &small()).unwrap();
    assert_eq!(seen(&decimals, "1700006409.5").unwrap().0, 20);
    assert_eq!(seen(&decimals, "1700006409.4").unwrap().0, 19);
    // Row numbers are no times; where counting gives another row, a line says so.
    let numbers = load(&file((0..40).map(|i| i.to_string())), &small()).unwrap();
    let (found, line) = seen(&numbers, "20").unwrap();
    assert!(found == 20 && line.contains("counts rows") && line.contains("`time 20`"), "{line}");
    assert_eq!(seen(&numbers, "time 20"), Ok((21, String::new())));
    assert_eq!(seen(&numbers, "row 20"), Ok((20, String::new())));
    let counted = load(&file((1..41).map(|i| i.to_string())), &small()).unwrap();
    assert_eq!(seen(&counted, "20"), Ok((20, String::new())));
    // Seconds from 1970 on may be either.
    let options = DataOptions { time_format: Some("%s".into()), ..small() };
    let data = load(&file((0..40).map(|i| i.to_string())), &options).unwrap();
    let (found, line) = seen(&data, "20").unwrap();
    assert!(found == 21 && line.contains("is taken as a time") && line.contains("`row 20`"), "{line}");
    assert_eq!(seen(&data, "row 20"), Ok((20, String::new())));
    let data = load(&file((0..40).map(|i| (1_700_006_400 + i).to_string())), &options).unwrap();
    assert_eq!(["20", "1700006419"].map(|text| seen(&data, text)), [20, 20].map(|row| Ok((row, String::new()))));
    for (text, part) in [
        ("0", "no row"),
        ("row", "no row number"),
        ("row x", "no row"),
        ("9999999999999999999999", "no row"),
        ("time soon", "no row number"),
        ("41", "row 41, but there are 40"),
    ] {
        let error = seen(&numbers, text).unwrap_err();
        assert!(error.contains(part) && error.contains("`origin`") && error.contains("help:"), "{text}: {error}");
    }
    for text in
        ["9".repeat(60), "9".repeat(30), format!("1.{}", "9".repeat(60)), format!("{}.5", "9".repeat(36)), "é".into()]
    {
        for data in [&decimals, &data] {
            assert!(seen(data, &text).is_err(), "{text}");
        }
    }
}

/// Rows of the file date the forecasts of an earlier origin, holidays included.
#[test]
fn rows_after_an_origin_date_its_forecasts() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let first: NaiveDate = "2022-01-03".parse().unwrap();
    // The 16th and 17th of February have no rows.
    let days: Vec<String> = first.iter_days().map(|day| day.format("%Y%m%d").to_string()).take(60).collect();
    let kept: Vec<&String> = days.iter().filter(|day| !["20220216", "20220217"].contains(&day.as_str())).collect();
    let lines = |days: &[&String]| {
        days.iter().enumerate().fold("date,y\n".to_string(), |text, (i, day)| text + &format!("{day},{}\n", i * 7 % 5))
    };
    std::fs::write(folder.join("data.csv"), lines(&kept)).unwrap();
    let size = ["--horizon", "4", "--lookback", "3", "--epochs", "1", "--hidden", "2", "--device=cpu", "--out", "run"];
    done(&microglia(folder, &[&["train", "--data", "data.csv"], &size[..]].concat()));
    let forecast = |more: &[&str]| {
        let all = ["forecast", "--checkpoint", "run", "--device=cpu", "--levels", "none"];
        let output = microglia(folder, &[&all[..], more].concat());
        done(&output);
        (rows(&super::cli::stdout(&output)), super::cli::stderr(&output))
    };
    let (table, told) = forecast(&["--origin", "20220214"]);
    let dates: Vec<&str> = table[1..].iter().map(|row| row[1].as_str()).collect();
    assert_eq!(dates, ["20220215", "20220218", "20220219", "20220220"]);
    assert!(told.contains("dated otherwise than the calendar: 20220218 and not 20220216"), "{told}");
    // Where the file ends, the calendar goes on.
    let (table, told) = forecast(&["--origin", days[57].as_str()]);
    let dates: Vec<&str> = table[1..].iter().map(|row| row[1].as_str()).collect();
    assert_eq!(dates, ["20220302", "20220303", "20220304", "20220305"]);
    assert!(!told.contains("dated otherwise"), "{told}");
}
