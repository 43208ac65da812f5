//! Days without rows: holidays, and rows of zeros.

use std::path::Path;

use chrono::{Datelike, Days, NaiveDate};
use microglia::data::{DataOptions, FillMissing};

use super::calendars::{ahead, calendar, days, file, stamp};
use super::data::{load, noticed, rejection, small};

#[test]
fn holidays_are_no_gaps_and_no_forecast_is_dated_on_them() {
    let place = tempfile::tempdir().unwrap();
    let holidays = place.path().join("holidays.csv");
    std::fs::write(&holidays, "date,name\n2024-03-29,Good Friday\n2024-04-01,Easter Monday\n\n# more\n2024-05-01,\n")
        .unwrap();
    let with = |file: &Path| DataOptions { holidays: Some(file.into()), ..small() };
    let closed = ["2024-03-29", "2024-04-01", "2024-05-01"];
    let open = |day: NaiveDate| day.weekday().number_from_monday() < 6 && !closed.contains(&day.to_string().as_str());
    let all = days("2024-01-15", 90, open);
    let data = load(&file(all[..70].to_vec()), &with(&holidays)).unwrap();
    assert!(!noticed(&data, "missing time") && noticed(&data, "3 days without rows"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 20), all[70..]);
    // The last business day of March 2024 is the day before Good Friday.
    let months = DataOptions { freq: Some(calendar("CBME")), ..with(&holidays) };
    let data = load(
        &file(days("2023-01-01", 13, |day| calendar("BME").holds(stamp("2023-01-31"), stamp(&day.to_string())))),
        &months,
    )
    .unwrap();
    assert_eq!(ahead(&data, 3), ["2024-02-29", "2024-03-28", "2024-04-30"]);
    // Rows on such days are told.
    std::fs::write(&holidays, "2024-03-27\n2024-03-28\n2024-06-01\n").unwrap();
    let line = "2 rows on days that `holidays` says have none, as 2024-03-27T00:00";
    for freq in [None, Some(calendar("B"))] {
        let data = load(&file(all[..70].to_vec()), &DataOptions { freq, ..with(&holidays) }).unwrap();
        assert!(noticed(&data, line), "{:?}", data.notices);
    }
    std::fs::write(&holidays, "2024-03-29\nEaster\n").unwrap();
    let message = rejection(&file(all), &with(&holidays));
    assert!(message.contains("holidays.csv:2") && message.contains("Easter"), "{message}");
}

#[test]
fn lists_of_holidays_are_read_as_data_files_are() {
    let place = tempfile::tempdir().unwrap();
    let list = place.path().join("closed.csv");
    let closed = ["2024-03-29", "2024-04-01", "2024-05-01"];
    let open = |day: NaiveDate| day.weekday().number_from_monday() < 6 && !closed.contains(&day.to_string().as_str());
    let all = days("2024-01-15", 80, open);
    let read = |bytes: &[u8], data: &str| {
        std::fs::write(&list, bytes).unwrap();
        load(data, &DataOptions { holidays: Some(list.clone()), ..small() })
    };
    for text in [
        "29.03.2024;Karfreitag\n01.04.2024;Ostermontag\n01.05.2024;Tag der Arbeit\n",
        "Datum;Name\r\n29.03.2024;Karfreitag\r\n01.04.2024;Ostermontag\r\n01.05.2024;\r\n",
        "name,date\n\"Friday, Good\",2024-03-29\nEaster,2024-04-01\nMay,2024-05-01\n",
        "\u{feff}March 29, 2024\nApril 1, 2024\nMay 1, 2024\n",
        "20240329\t1\n20240401\t2\n20240501\t3\n",
        "03/29/2024|x\n04/01/2024|y\n05/01/2024|z",
        "date\n2024-03-29 00:00:00\n2024-04-01 00:00:00\n2024-05-01 00:00:00\n",
    ] {
        let data = read(text.as_bytes(), &file(all[..60].to_vec())).unwrap();
        assert!(noticed(&data, "3 days without rows, from"), "{text}: {:?}", data.notices);
        assert_eq!(ahead(&data, 20), all[60..], "{text}");
    }
    assert!(read(b"29.03.2024;F\xeate\n", &file(all[..60].to_vec())).is_ok(), "Windows-1252");
    // The order of the day and the month is that of the data, or is asked for.
    let orders = "01.04.2024;Ostermontag\n01.05.2024;\n";
    let german: Vec<String> =
        all[..60].iter().map(|day| day.parse::<NaiveDate>().unwrap().format("%d.%m.%Y").to_string()).collect();
    assert!(noticed(&read(orders.as_bytes(), &file(german)).unwrap(), "2 days without rows"));
    // Lines whose comma is part of the date, and what names no day.
    let twice = "Mar 29, 2024\nApr 1, 2024\nMay 1, 2024\n";
    assert_eq!(ahead(&read(twice.as_bytes(), &file(all[..60].to_vec())).unwrap(), 20), all[60..]);
    for (text, line, value) in [
        ("Dec 25\nDec 26\n", 1, "Dec 25"),
        ("2024-03-29\n2024-04\n", 2, "2024-04"),
        ("2024-04\n2024-05-01\n", 1, "2024-04"),
        ("date,name\n2024Q2,x\n", 2, "2024Q2"),
        ("202404\n202405\n", 1, "202404"),
        ("2024-03-29\n2024-W14\n", 2, "2024-W14"),
        ("April 2024\n", 1, "April 2024"),
        ("24 Nov\n", 1, "24 Nov"),
        ("day\n24 Nov\n25 Nov\n", 2, "24 Nov"),
        ("1\n2\n", 1, "1"),
    ] {
        let message = read(text.as_bytes(), &file(all[..60].to_vec())).unwrap_err().to_string();
        let place = format!("closed.csv:{line}, value \"{value}\": names no day");
        assert!(message.contains(&place) && message.contains("YYYY-MM-DD"), "{message}");
    }
    for (text, part) in [(orders, "the day or the month may come first"), ("", "no dates")] {
        let message = read(text.as_bytes(), &file(all[..60].to_vec())).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("YYYY-MM-DD"), "{message}");
    }
}

#[test]
fn rows_to_come_are_no_zeros() {
    let options = DataOptions { fill_missing: Some(FillMissing::Zero), ..small() };
    // One series sells until the 30th, another has a plan from the 26th on, and sold last on the 23rd.
    let known = |id: &str, from: usize, to: usize| {
        (from..=to).map(|day| format!("{id},2024-01-{day:02},{},{day}\n", day * day % 7 + 1)).collect::<String>()
    };
    let plan =
        |id: &str, from: usize| (from..=31).map(|day| format!("{id},2024-01-{day:02},,{day}\n")).collect::<String>();
    let text =
        format!("unique_id,ds,y,price\n{}{}{}{}", known("a", 1, 30), plan("a", 31), known("b", 1, 23), plan("b", 26));
    let data = load(&text, &options).unwrap();
    assert_eq!(data.series.iter().map(|one| one.rows.len()).collect::<Vec<_>>(), [30, 25]);
    assert!(noticed(&data, "2 times without a row: their targets are 0"), "{:?}", data.notices);
    assert!(noticed(&data, "7 rows to come at the end of 2 series"), "{:?}", data.notices);
    assert_eq!(ahead(&data, 1), ["2024-01-31", "2024-01-26"]);
    // Nor are they missing where they are read.
    let text = text.replace(&known("b", 1, 23), &known("b", 1, 25));
    for read in [true, false] {
        let columns = vec!["price".to_string()];
        let (future_covariates, covariates) = match read {
            true => (Some(columns), None),
            false => (None, Some(microglia::data::Covariates::Names(columns))),
        };
        let data = load(&text, &DataOptions { future_covariates, covariates, ..options.clone() }).unwrap();
        assert_eq!(data.series.iter().map(|one| one.rows.len()).collect::<Vec<_>>(), [30, 25]);
        assert_eq!(ahead(&data, 1), ["2024-01-31", "2024-01-26"]);
    }
}

#[test]
fn times_without_a_row_may_be_zeros() {
    let sold = [("a", 0), ("a", 3), ("a", 4), ("a", 11), ("b", 1), ("b", 2), ("b", 5), ("b", 29), ("a", 28)];
    let mut rows: Vec<(&str, String, usize)> = sold
        .iter()
        .map(|(id, day)| (*id, (NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(*day)).to_string(), 5))
        .collect();
    rows.sort();
    let text =
        rows.iter().fold("unique_id,ds,y\n".to_string(), |text, (id, day, y)| text + &format!("{id},{day},{y}\n"));
    let options = DataOptions { fill_missing: Some(FillMissing::Zero), ..small() };
    let data = load(&text, &options).unwrap();
    assert_eq!(data.series.iter().map(|series| series.rows.len()).collect::<Vec<_>>(), [30, 30]);
    assert_eq!(data.raw_targets.iter().sum::<f64>(), 45.0);
    assert!(data.observed.iter().all(|observed| *observed == 1.0));
    assert!(
        noticed(&data, "51 times without a row: their targets are 0") && !noticed(&data, "gap"),
        "{:?}",
        data.notices
    );
    assert_eq!(ahead(&data, 1), ["2024-01-31", "2024-01-31"]);
    // An item that is sold once a week has the days of the others.
    let daily: String = days("2024-01-01", 60, |_| true).iter().map(|day| format!("a,{day},1\nb,{day},2\n")).collect();
    let weekly: String = (0..8).map(|week| format!("c,2024-{:02}-{:02},1\n", 1 + week / 4, 6 + week % 4 * 7)).collect();
    let data = load(&format!("unique_id,ds,y\n{daily}{weekly}"), &options).unwrap();
    assert_eq!(data.series[2].rows.len(), 60);
    // So it has with three sales a week apart, which are so by chance in a panel of many.
    let few = "d,2024-01-05,1\nd,2024-01-12,1\nd,2024-01-19,1\n";
    let data = load(&format!("unique_id,ds,y\n{daily}{few}"), &options).unwrap();
    assert_eq!(data.series[2].rows.len(), 60);
    // And with two or three, months apart.
    for few in ["d,2024-01-05,1\nd,2024-02-05,1\n", "d,2024-01-01,1\nd,2024-02-01,1\nd,2024-03-01,1\n"] {
        let data = load(&format!("unique_id,ds,y\n{daily}e,2024-03-01,1\n{few}"), &options).unwrap();
        let last = data.series.iter().find(|one| one.id == "d").unwrap();
        assert_eq!((last.rows.len(), last.calendar.to_string().as_str()), (61, "D"), "{few}");
        assert!(!noticed(&data, "sampling steps differ"), "{:?}", data.notices);
    }
    // One that is known to be weekly gets weeks, and a shop that is closed on Sundays no Sundays; both are named.
    let weekly = days("2024-01-15", 28, |day| day.weekday() == chrono::Weekday::Mon);
    let weekly: String =
        weekly.iter().enumerate().filter(|(i, _)| i % 11 != 5).map(|(_, day)| format!("w,{day},1\n")).collect();
    let long =
        days("2024-01-01", 210, |_| true).iter().map(|day| format!("a,{day},1\nb,{day},2\n")).collect::<String>();
    let shop = days("2024-01-01", 180, |day| day.weekday() != chrono::Weekday::Sun);
    let shop: String =
        shop.iter().enumerate().filter(|(i, _)| i * 7919 % 10 < 7).map(|(_, day)| format!("s,{day},1\n")).collect();
    let months: String = (1..7).map(|month| format!("m,2024-{month:02}-01,1\n")).collect();
    let data = load(&format!("unique_id,ds,y\n{long}{weekly}{shop}{months}"), &options).unwrap();
    let of = |id: &str| data.series.iter().find(|one| one.id == id).unwrap();
    assert_eq!(["a", "b", "w", "s", "m"].map(|id| of(id).rows.len()), [210, 210, 30, 180, 7]);
    assert_eq!(["w", "s", "m"].map(|id| of(id).calendar.to_string()), ["W", "Mon-Sat", "MS"]);
    let mondays = |one: &microglia::data::Series| {
        let weekday = |time: &microglia::data::Timestamp| (time.instant.div_euclid(86_400_000_000) + 3).rem_euclid(7);
        one.timestamps.iter().all(|time| weekday(time) == 0)
    };
    assert!(mondays(of("w")) && !mondays(of("s")));
    let told =
        "sampling steps differ, and each series goes on by its own, and gets rows of 0 by its own: 1 day in 2 series";
    assert!(noticed(&data, told) && noticed(&data, "in 1 series (`w`)"), "{:?}", data.notices);
    // Days from the year 1000 on are more rows than anybody means, and irregular ones are none.
    let old: String = days("1000-01-01", 30, |_| true).iter().map(|day| format!("old,{day},1\n")).collect();
    let message = rejection(&format!("unique_id,ds,y\n{daily}{old}"), &options);
    assert!(message.contains("rows or more would be inserted into 150"), "{message}");
    assert!(message.contains("of series `") && message.contains("`fill-missing = \"none\"`"), "{message}");
    let special = |day: NaiveDate| day.weekday().number_from_monday() < 6 || day.to_string() == "2024-02-03";
    let message = rejection(&file(days("2024-01-01", 60, special)), &options);
    assert!(message.contains("regular steps: `fill-missing = \"none\"` leaves gaps open"), "{message}");
}
