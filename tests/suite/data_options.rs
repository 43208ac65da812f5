//! One syntax for flags and TOML, and refusals that name the allowed values.

use microglia::data::options::{list, parse_decimal, parse_delimiter, parse_list, parse_on_off};
use microglia::data::{Covariates, DataOptions, Gaps, Impute, Scale, Source, Split, counted};

#[test]
fn words_read_as_they_are_written() {
    for word in ["error", "ffill", "mean"] {
        assert_eq!(word.parse::<Impute>().unwrap().to_string(), word);
    }
    for word in ["notice", "error", "fill", "skip"] {
        assert_eq!(word.parse::<Gaps>().unwrap().to_string(), word);
    }
    for word in ["series", "global"] {
        assert_eq!(word.parse::<Scale>().unwrap().to_string(), word);
    }
    for word in ["none", "all", "a, b"] {
        assert_eq!(word.parse::<Covariates>().unwrap().to_string(), word);
    }
    for word in ["0.7,0.1,0.2", "8640,11520,14400", "2013-09-01,2013-11-01", "2013-09-01T12:00Z,2013-10-01,2013-11-01"]
    {
        assert_eq!(word.parse::<Split>().unwrap().to_string(), word);
    }
    assert_eq!("embedded".parse::<Source>().unwrap(), Source::Embedded);
    assert_eq!("a/b.csv".parse::<Source>().unwrap().to_string(), "a/b.csv");
    assert_eq!(parse_delimiter("tab").unwrap(), '\t');
    assert_eq!(parse_decimal(",").unwrap(), ',');
    assert!(parse_on_off("on").unwrap() && !parse_on_off("false").unwrap());
}

#[test]
fn lists_take_names_with_commas_and_write_them_back() {
    assert_eq!(parse_list(" a, b,,c"), ["a", "b", "c"]);
    assert_eq!(parse_list(r#"a, "Temp, °C" ,"say ""b""",say "c""#), ["a", "Temp, °C", r#"say "b""#, r#"say "c""#]);
    let names = ["a", "Temp, °C", r#"say "b""#, "T out", "all", r#"5""#, r#"""#];
    assert_eq!(list(&names[..4]), r#"a, "Temp, °C", "say ""b""", "T out""#);
    assert_eq!(parse_list(&list(&names)), names);
    // A column that is called as a choice is.
    let column: Covariates = "\"all\"".parse().unwrap();
    assert_eq!(column, Covariates::Names(vec!["all".into()]));
    assert_eq!(column.to_string().parse::<Covariates>().unwrap(), column);
}

#[test]
fn counts_read_well() {
    let counts = [0, 1, 999, 1000, 1234567].map(|n| counted(n, "row"));
    assert_eq!(counts, ["0 rows", "1 row", "999 rows", "1,000 rows", "1,234,567 rows"]);
}

#[test]
fn refusals_name_what_is_allowed() {
    let message = |error: microglia::Error| error.to_string();
    for (found, parts) in [
        (message("linear".parse::<Impute>().unwrap_err()), ["--impute", "\"linear\"", "error ffill mean"]),
        (message("x".parse::<Gaps>().unwrap_err()), ["--gaps", "\"x\"", "notice error fill skip"]),
        (message("x".parse::<Scale>().unwrap_err()), ["--scale", "\"x\"", "series global"]),
        (message(parse_delimiter("x").unwrap_err()), ["--delimiter", "`x`", ", ; | tab"]),
        (message(parse_decimal("x").unwrap_err()), ["--decimal", "`x`", ". ,"]),
        (message(parse_on_off("yes").unwrap_err()), ["--calendar", "`yes`", "on off"]),
    ] {
        assert!(parts.iter().all(|part| found.contains(part)), "{found}");
    }
}

#[test]
fn splits_that_make_no_sense_are_refused() {
    for (text, part) in [
        ("0.7,0.2", "2 numbers"),
        ("0.7,100,200", "neither"),
        ("0.5,0.5,0.5", "sum"),
        ("0.8,0,0.2", "between 0 and 1"),
        ("300,200,400", "rise"),
        ("2.5,3.5,4.5", "neither"),
        ("0.7,2013-01-01", "mixed"),
        ("2013-01-01", "1 times"),
        ("nan,0.1,0.2", "neither"),
    ] {
        let message = text.parse::<Split>().unwrap_err().to_string();
        assert!(message.contains("--split") && message.contains(part), "{text}: {message}");
    }
}

#[test]
fn options_read_from_toml() {
    let options: DataOptions = toml::from_str(
        "data = 'x.csv'\ntime-column = 'Date+Time'\ntarget = ['a', 'b, c']\ncovariates = 'all'\nlookback = 48
         calendar = true\nsplit = '0.6,0.2,0.2'\nimpute = 'ffill'\nmissing-values = '-200,\"a, b\"'\ngaps = 'skip'
         delimiter = 'tab'\ndecimal = ','",
    )
    .unwrap();
    let expected = DataOptions {
        source: Source::File("x.csv".into()),
        time_column: Some("Date+Time".into()),
        targets: Some(vec!["a".into(), "b, c".into()]),
        covariates: Some(Covariates::All),
        lookback: Some(48),
        calendar: Some(true),
        split: Some("0.6,0.2,0.2".parse().unwrap()),
        impute: Some(Impute::Ffill),
        missing_values: Some(vec!["-200".into(), "a, b".into()]),
        gaps: Some(Gaps::Skip),
        delimiter: Some('\t'),
        decimal: Some(','),
        ..DataOptions::default()
    };
    assert_eq!(options, expected);
    let message = toml::from_str::<DataOptions>("impute = \"linear\"").unwrap_err().to_string();
    assert!(message.contains("error ffill mean"), "{message}");
}

#[test]
fn absurd_lengths_are_refused() {
    for rows in [0, usize::MAX] {
        let options = DataOptions { horizon: Some(rows), ..DataOptions::default() };
        assert!(options.load().unwrap_err().to_string().contains("--horizon"));
    }
    let options = DataOptions { lookback: Some(1_000_000_000), ..DataOptions::default() };
    assert!(options.load().unwrap_err().to_string().contains("1000000000 rows in"));
}
