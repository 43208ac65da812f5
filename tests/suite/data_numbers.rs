//! Numbers and flags as programs export them, and what can be read in two ways.

use microglia::data::{Covariates, DataOptions};

use super::data::{load, noticed, rejection, small};

/// `Datum;…` and 20 rows, from the first of January on.
fn german(columns: &str, row: impl Fn(usize) -> String) -> String {
    let rows: String = (0..20).map(|i| format!("{:02}.01.2022;{}\r\n", i + 1, row(i))).collect();
    format!("\u{feff}Datum;{columns}\r\n{rows}")
}

fn target(name: &str) -> DataOptions {
    DataOptions { targets: Some(vec![name.into()]), ..small() }
}

fn covariates(names: &str) -> DataOptions {
    DataOptions { covariates: Some(names.parse().unwrap()), ..target("y") }
}

/// 891, 1.094, 1.297, … as counts above 999 are written.
fn counts(i: usize, mark: char) -> String {
    let count = 891 + 203 * (i % 7);
    if count < 1000 { count.to_string() } else { format!("{}{mark}{:03}", count / 1000, count % 1000) }
}

#[test]
fn a_mark_before_three_digits_is_rejected_until_it_is_settled() {
    for (mark, other, name) in [('.', ',', "point"), (',', '.', "comma")] {
        let text = german("Stück", |i| counts(i, mark));
        let message = rejection(&text, &small());
        for part in [
            "test.csv:3, column `Stück`, value \"1".to_string(),
            format!("the {name} may be a decimal mark or separate thousands"),
            format!("`decimal = \"{mark}\"`"),
            format!("`thousands = \"{mark}\"`"),
        ] {
            assert!(message.contains(&part), "no {part:?} in {message}");
        }
        let settled = |options: DataOptions| load(&text, &options).unwrap().raw_targets[1];
        assert_eq!(settled(DataOptions { thousands: Some(mark), ..small() }), 1094.0);
        assert_eq!(settled(DataOptions { decimal: Some(other), ..small() }), 1094.0);
        assert_eq!(settled(DataOptions { decimal: Some(mark), ..small() }), 1.094);
        let data = load(&text, &DataOptions { thousands: Some(mark), ..small() }).unwrap();
        let line = format!("`{mark}` separates thousands: `Stück` (`1{mark}094` is 1094)");
        assert!(noticed(&data, &line), "{:?}", data.notices);
        assert_eq!(load(&text, &data.resolved).unwrap().raw_targets, data.raw_targets);
    }
}

#[test]
fn three_digits_throughout_are_ambiguous_where_commas_are_decimal_marks() {
    let all = |i: usize| format!("{}.{:03}", 23 + i, 100 + i);
    assert!(rejection(&german("y", all), &small()).contains("the point may be"));
    // Separated by commas, as where the point is the decimal mark, such a column is usual.
    let comma = german("y", all).replace(';', ",");
    assert_eq!(load(&comma, &small()).unwrap().raw_targets[1], 24.101);
    // But not beside whole numbers that end where the marks begin.
    let mixed = german("y", |i| counts(i, '.')).replace(';', ",");
    assert!(rejection(&mixed, &small()).contains("the point may be"));
    // Nor in one column where another shows the decimal mark.
    let beside = german("y;x", |i| format!("{};{i}.5", counts(i, '.')));
    assert!(rejection(&beside, &target("y")).contains("the point may be"));
    // A whole number beyond, or a cell that can be read in one way, settles it.
    let settled = german("y", |i| if i == 9 { "1300".into() } else { counts(i, '.') }).replace(';', ",");
    assert_eq!(load(&settled, &small()).unwrap().raw_targets[1], 1.094);
    let settled = german("y", |i| if i == 9 { "0.125".into() } else { all(i) });
    assert_eq!(load(&settled, &small()).unwrap().raw_targets[1], 24.101);
    // What is not read rejects nothing.
    let unread = german("y;x", |i| format!("{i};{}", all(i)));
    assert_eq!(load(&unread, &target("y")).unwrap().raw_targets[1], 1.0);
    assert!(rejection(&unread, &covariates("x")).contains("column `x`"));
}

#[test]
fn one_clear_number_tells_the_marks_of_a_file() {
    let text = german("y;x", |i| format!("2.{:03},80;{}", 400 + i, counts(i, '.')));
    let data = load(&text, &covariates("x")).unwrap();
    assert_eq!((data.raw_targets[5], data.resolved.decimal), (2405.8, Some(',')));
    assert_eq!(data.unscale(0, 1, f64::from(data.values[3])).round(), 1094.0);
    assert!(noticed(&data, "`.` separates thousands: `y` (`2.400,80` is 2400.8), `x` (`1.094` is 1094)"));
    // As many write them elsewhere.
    for (first, value) in
        [("2,405.80", 2405.8), ("1,234,567", 1_234_567.0), ("1 234 567.5", 1_234_567.5), ("1'234.5", 1234.5)]
    {
        let text = german("y", |i| if i == 0 { first.into() } else { format!("{i}.5") });
        assert_eq!(load(&text, &small()).unwrap().raw_targets[0], value, "{first}");
    }
    let both = german("y", |i| if i == 3 { "1.234.567".into() } else { format!("{i}.5") });
    assert!(rejection(&both, &small()).contains("test.csv:5, column `y`, value \"1.234.567\": not a number"));
    // Another text with marks says nothing about numbers.
    let addresses = german("ip;y", |i| format!("192.168.100.200;{i}.5"));
    assert_eq!(load(&addresses, &small()).unwrap().raw_targets[1], 1.5);
    let groups = german("y", |i| if i == 0 { "1.234.567".into() } else { (100 * i).to_string() });
    assert_eq!(load(&groups, &small()).unwrap().raw_targets[0], 1_234_567.0);
    let wrong = DataOptions { thousands: Some('\''), ..target("y") };
    assert!(rejection(&german("y", |i| format!("1,2{i:02}.5")), &wrong).contains("not a number"));
    let same = DataOptions { decimal: Some(','), thousands: Some(','), ..small() };
    assert!(rejection(&both, &same).contains("the decimal mark too"));
}

#[test]
fn signs_around_numbers_are_read_and_told() {
    let text = german("Umsatz;Quote;Preis;Saldo", |i| format!("2.4{i:02},80;12,{i} %;5{},5 €;(1{i},5)", i % 10));
    let options = DataOptions { covariates: Some(Covariates::All), ..target("Umsatz") };
    let data = load(&text, &options).unwrap();
    let read = |column: usize| data.unscale(0, column, f64::from(data.values[3 * 4 + column]));
    assert_eq!([0, 1, 2, 3].map(|column| (read(column) * 100.0).round() / 100.0), [2403.8, 12.3, 53.5, -13.5]);
    for line in [
        "percent signs are left out: `Quote` (`12,0 %` is 12)",
        "currency signs are left out: `Preis` (`50,5 €` is 50.5)",
        "make it negative: `Saldo` (`(10,5)` is -10.5)",
    ] {
        assert!(noticed(&data, line), "no {line} in {:?}", data.notices);
    }
    // Without a target, every column of numbers is one that may be meant.
    assert!(rejection(&text, &small()).contains("4 numeric columns"));
    let one = german("a;y;b", |i| format!("x{i};{i},5;"));
    let data = load(&one.replace(";y;", ";z;"), &small()).unwrap();
    assert!(
        noticed(&data, "no targets, because they hold no numbers: `a` (\"x0\"), `b` (empty)"),
        "{:?}",
        data.notices
    );
    // One unit in a column.
    let mixed = german("y", |i| if i == 4 { "0,125".into() } else { format!("12,{i} %") });
    let message = rejection(&mixed, &small());
    assert!(message.contains("a percent sign here, none in line 6"), "{message}");
    let mixed = german("y", |i| if i == 4 { "$ 12,5".into() } else { format!("12,{i} €") });
    assert!(rejection(&mixed, &small()).contains("an amount in $, in line 2 one in €"));
}

#[test]
fn flags_are_covariates_of_ones_and_zeros() {
    let rows = |words: [&str; 2], column: &str| {
        let rows: String =
            (0..20).map(|i| format!("2024-01-{:02},{i},{}\n", i + 1, words[usize::from(i % 3 == 0)])).collect();
        format!("date,y,{column}\n{rows}")
    };
    for words in [["False", "True"], ["no", "yes"], ["NEIN", "JA"], ["f", "t"], ["N", "Y"]] {
        for chosen in ["open", "all"] {
            let data = load(&rows(words, "open"), &covariates(chosen)).unwrap();
            assert_eq!(data.channel_names(), ["y", "open"]);
            let read = [0, 1, 3].map(|row| data.unscale(0, 1, f64::from(data.values[2 * row + 1])).round());
            assert_eq!(read, [1.0, 0.0, 1.0], "{words:?}");
            assert!(noticed(&data, "words are read as 1 and 0: `open` ("), "{:?}", data.notices);
        }
    }
    // No flags: three words, a lone letter, numbers beside words.
    for words in [["False", "perhaps"], ["n", "n"], ["no", "1"]] {
        let message = rejection(&rows(words, "open"), &covariates("open"));
        assert!(message.contains("column `open`") && message.contains("not a number"), "{words:?}: {message}");
    }
    let gap = rows(["False", "True"], "open").replacen("False", "", 1);
    let ffill = DataOptions { impute: Some("ffill".parse().unwrap()), ..covariates("open") };
    assert!(noticed(&load(&gap, &ffill).unwrap(), "missing: `open` 1"));
    // The only column of numbers is the target, whatever flags there are.
    assert_eq!(load(&rows(["no", "yes"], "open"), &small()).unwrap().target_names(), ["y"]);
}

#[test]
fn flags_are_never_chosen_as_the_target() {
    for words in [["False", "True"], ["no", "yes"], ["N", "Y"]] {
        let row = |i: usize| format!("2024-01-{:02},{},{i}\n", i + 1, words[usize::from(i.is_multiple_of(3))]);
        let text = format!("date,y,sales\n{}", (0..20).map(row).collect::<String>());
        let message = rejection(&text, &small());
        assert!(message.contains("column `y`, value \"") && message.contains("`target = \"y\"`"), "{message}");
        let asked = |name: &str| DataOptions { targets: Some(vec![name.into()]), ..small() };
        assert_eq!(load(&text, &asked("sales")).unwrap().target_names(), ["sales"]);
        let flags = load(&text, &asked("y")).unwrap();
        assert_eq!(flags.raw_targets[..3], [1.0, 0.0, 0.0]);
        assert!(noticed(&flags, "words are read as 1 and 0: `y` ("), "{:?}", flags.notices);
    }
}
