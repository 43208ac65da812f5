//! Missing values: words, policies, borders, leading gaps, masks.

use microglia::data::{Covariates, DataOptions, Impute, Scale};

use super::data::{daily, load, noticed, rejection, small};

fn with(impute: Impute) -> DataOptions {
    DataOptions { impute: Some(impute), ..small() }
}

#[test]
fn usual_words_mean_missing_and_are_rejected_without_a_policy() {
    for word in ["", "NA", "n/a", "#N/A", "NaN", "nan", "null", "None", "?", "-", "<NA>"] {
        let mut values = ["1", "2", "4", "3"].repeat(5);
        values[6] = word;
        let message = rejection(&daily(&values), &small());
        let place = format!("test.csv:8, column `y`, value {word:?}: missing value");
        assert!(message.contains(&place) && message.contains("`impute ="), "{message}");
        assert!(load(&daily(&values), &with(Impute::Ffill)).unwrap().raw_targets[6].is_nan());
    }
}

#[test]
fn sentinels_are_missing_only_if_named() {
    let mut values = ["1,5", "2", "4,5", "3"].repeat(5);
    (values[5], values[6]) = ("-200", "-200,0");
    let rows = values.iter().enumerate().map(|(i, value)| format!("2024-01-{:02};{value}\n", i + 1));
    let text = format!("date;y\n{}", rows.collect::<String>());
    let plain = load(&text, &small()).unwrap();
    assert_eq!(plain.raw_targets[5], -200.0);
    assert!(
        noticed(&plain, "`y` holds -200 2 times") && noticed(&plain, "`missing-values = -200`"),
        "{:?}",
        plain.notices
    );
    let named = DataOptions { missing_values: Some(vec!["-200".into()]), ..with(Impute::Ffill) };
    let data = load(&text, &named).unwrap();
    assert!(data.raw_targets[5].is_nan() && data.raw_targets[6].is_nan());
    let words = DataOptions { missing_values: Some(vec!["broken".into()]), ..with(Impute::Ffill) };
    let mut values = ["1", "2", "4", "3"].repeat(5);
    values[2] = "broken";
    assert!(load(&daily(&values), &words).unwrap().raw_targets[2].is_nan());
}

/// y = 10 … 29 but for holes, with 14 training, 2 validation and 4 test rows.
fn holes(at: &[usize]) -> String {
    let names: Vec<String> =
        (0..20).map(|i| if at.contains(&i) { "NA".into() } else { (10 + i).to_string() }).collect();
    daily(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn missing_targets_are_masked_everywhere() {
    let data = load(&holes(&[3, 4, 17]), &with(Impute::Ffill)).unwrap();
    assert_eq!(data.observed[2..6], [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(data.values[3..5], [data.values[2]; 2]);
    // The scaler sees the twelve that are there.
    let there: Vec<f64> = (0..14).filter(|i| ![3, 4].contains(i)).map(|i| 10.0 + i as f64).collect();
    let mean = there.iter().sum::<f64>() / 12.0;
    assert!((data.series[0].scalers[0].mean - mean).abs() < 1e-12);
    // A window whose only target is missing scores nothing, and is left out.
    assert_eq!(data.train, [0, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(data.test, [14, 16, 17]);
    assert_eq!(data.dropped.unobserved, 3);
    assert_eq!(data.series[0].missing, [3]);
    assert!(noticed(&data, "missing: `y` 3") && noticed(&data, "3 missing targets masked"), "{:?}", data.notices);
    let two = DataOptions { horizon: Some(2), ..with(Impute::Ffill) };
    let data = load(&holes(&[3, 4]), &two).unwrap();
    assert_eq!((data.observed_targets(0), data.observed_targets(2)), (1, 1));
    assert_eq!((data.observed_targets(5), data.dropped.unobserved), (2, 1));
}

#[test]
fn ffill_goes_on_across_borders_and_never_back() {
    let options = DataOptions { split: Some("10,15,20".parse().unwrap()), ..with(Impute::Ffill) };
    let data = load(&holes(&[10, 13, 15, 16]), &options).unwrap();
    assert!((0..20).all(|row| data.is_known(row, 0)));
    // Each hole has the value of the row before it: row 10 that of the training row 9, row 15 that of the validation row 14.
    for (hole, seen) in [(10, 9), (13, 12), (15, 14), (16, 14)] {
        assert_eq!(data.values[hole], data.values[seen], "row {hole}");
    }
    // Left out: windows that forecast row 10, 13, 15 or 16 alone.
    assert_eq!((&data.validation[..], &data.test[..]), (&[9, 10, 12][..], &[15, 16, 17][..]));
    assert_eq!((data.dropped.unreadable, data.dropped.unobserved), (0, 4));
    // What comes after a hole changes nothing before it, whatever part it is in.
    let mut later = data.raw_targets.clone();
    later.iter_mut().skip(17).for_each(|value| *value += 1000.0);
    let texts: Vec<String> =
        later.iter().map(|value| if value.is_nan() { "NA".into() } else { value.to_string() }).collect();
    let other = load(&daily(&texts.iter().map(String::as_str).collect::<Vec<_>>()), &options).unwrap();
    assert_eq!(other.values[..17], data.values[..17]);
}

#[test]
fn a_part_that_begins_with_a_hole_has_its_windows() {
    let text = holes(&[14, 16]);
    let ffill = load(&text, &with(Impute::Ffill)).unwrap();
    assert_eq!((ffill.values[14], &ffill.validation[..]), (ffill.values[13], &[13][..]));
    let mean = load(&text, &with(Impute::Mean)).unwrap();
    assert_eq!(mean.values[14], 0.0, "the mean of the training rows");
    assert_eq!(mean.validation, [13]);
}

#[test]
fn leading_gaps_are_trimmed_and_counted() {
    for impute in [Impute::Ffill, Impute::Mean] {
        let data = load(&holes(&[0, 1]), &with(impute)).unwrap();
        assert_eq!((data.rows(), data.series[0].trimmed, data.time_label(0)), (18, 2, "2024-01-03".into()));
        assert!(noticed(&data, "2 leading rows trimmed: `y`"), "{:?}", data.notices);
    }
    // A value seen in a trimmed row may be carried on: it lies in the past.
    let text = "date,y,x\n2024-01-01,5,\n".to_string()
        + &(2..=20)
            .map(|i| format!("2024-01-{i:02},{},{i}\n", if i == 2 { "".into() } else { i.to_string() }))
            .collect::<String>();
    let options = DataOptions { covariates: Some(Covariates::All), ..with(Impute::Ffill) };
    let data = load(&text, &options).unwrap();
    assert_eq!(data.series[0].trimmed, 1);
    assert!((data.unscale(0, 0, data.values[0].into()) - 5.0).abs() < 1e-5 && data.observed[0] == 0.0);
    let never = daily(&["1"; 20]).replace("y\n", "y,x\n").replace(",1\n", ",1,\n");
    let options = DataOptions { covariates: Some(Covariates::Names(vec!["x".into()])), ..with(Impute::Ffill) };
    assert!(rejection(&never, &options).contains("column `x`: no value in any row"));
}

#[test]
fn row_borders_count_trimmed_rows() {
    let options = DataOptions { split: Some("14,16,20".parse().unwrap()), ..with(Impute::Ffill) };
    let data = load(&holes(&[0, 1]), &options).unwrap();
    assert_eq!((data.series[0].parts.train.clone(), data.series[0].parts.test.clone()), (0..12, 14..18));
}

#[test]
fn columns_without_training_values_are_rejected() {
    let text = daily(&["1"; 20])
        .replace("y\n", "y,x\n")
        .replace(",1\n", ",1,\n")
        .replacen(",1,\n", ",1,7\n", 1)
        .replacen("date,y,x\n", "date,y,x\n2023-12-31,,3\n", 1);
    let text = text.replacen("2024-01-01,1,7", "2024-01-01,1,", 1);
    let options = DataOptions { covariates: Some(Covariates::Names(vec!["x".into()])), ..with(Impute::Ffill) };
    let message = rejection(&text, &options);
    assert!(message.contains("column `x`") && message.contains("no value in the training rows"), "{message}");
}

#[test]
fn global_scalers_pool_the_series() {
    let rows =
        |id: &str, from: i32| (0..20).map(|i| format!("{id},2024-01-{:02},{}\n", i + 1, from + i)).collect::<String>();
    let text = format!("unique_id,ds,y\n{}{}", rows("a", 0), rows("b", 100));
    let global = load(&text, &DataOptions { scale: Some(Scale::Global), ..small() }).unwrap();
    assert_eq!(global.series[0].scalers, global.series[1].scalers);
    assert!((global.series[0].scalers[0].mean - 56.5).abs() < 1e-12);
    let own = load(&text, &small()).unwrap();
    assert_eq!((own.series[0].scalers[0].mean, own.series[1].scalers[0].mean), (6.5, 106.5));
}
