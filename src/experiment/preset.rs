//! Studies that are asked for by name.

use std::collections::BTreeMap;

use super::study::Study;
use crate::data::{DataOptions, Impute};
use crate::error::{Error, Result};

/// A preset by its word: `quick`, the default, `paper` or `sparsity`.
pub fn preset(word: &str) -> Result<Study> {
    match word {
        "quick" => Ok(Study::default()),
        "paper" => Ok(paper()),
        "sparsity" => Ok(sparsity()),
        _ => Err(Error::config("preset", format!("unknown value {word:?}"), "choose one of: quick paper sparsity")),
    }
}

/// The study of arXiv 2508.09330, but with train, validation and test apart and scalers of training rows only.
fn paper() -> Study {
    let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
    let mut study = Study {
        models: words(&["rnn", "lstm", "patchtst"]),
        lookbacks: vec![1, 3, 7, 14, 30, 60],
        hidden: vec![64],
        instance_norm: words(&["none", "last"]),
        methods: words(&["none", "dropout", "mc-dropout", "pruning:until=20", "pruning:until=15:as=pruning-15"]),
        seeds: (42..=51).collect(),
        data: BTreeMap::new(),
        ..Study::default()
    };
    study.run.data.horizon = Some(1);
    (study.run.train.epochs, study.run.train.mc_passes) = (Some(20), 50);
    study
}

/// Error over sparsity, for each way to prune and its rivals, one step ahead. Sized for time, of a few thousand training rows: LSTMs of
/// one series take minutes on two cores, a panel's PatchTST hours.
fn sparsity() -> Study {
    let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect();
    let mut study = Study {
        models: words(&["lstm", "rnn", "patchtst"]),
        lookbacks: vec![24],
        methods: words(&[
            "none",
            "dropout",
            "pruning",
            "pruning:unit=unit:as=units",
            "pruning:score=lamp:as=lamp",
            "pruning:score=movement:as=movement",
            "pruning:regrow=gradient:as=rigl",
            "random-pruning",
            "one-shot",
            "narrower",
        ]),
        sparsities: words(&["0..0.3", "0..0.5", "0..0.7", "0..0.8", "0..0.9", "0..0.95"]),
        train_rows: vec![4000],
        ..Study::default()
    };
    study.run.data.horizon = Some(1);
    study.run.train.epochs = Some(20);
    study
}

/// What the paper preset wants, where nothing else is given.
pub const PAPER_DATA: &str = "\
--preset paper needs data, which is not part of this program. The sets nearest to the paper's, with the names under \
which their columns are known here (any other name works with keys of its own, --set NAME.KEY=VALUE):

  air      UCI 360, Air Quality (AirQualityUCI.csv): Date;Time;CO(GT);…, decimal commas, -200 for missing; target CO(GT)
           https://archive.ics.uci.edu/dataset/360/air+quality
  bitcoin  daily prices, as CoinMarketCap exports them: timeOpen,open,high,low,close,volume,marketCap; target close
           https://coinmarketcap.com/currencies/bitcoin/historical-data/
  energy   UCI 374, Appliances Energy Prediction (energydata_complete.csv): date,Appliances,…; target Appliances
           https://archive.ics.uci.edu/dataset/374/appliances+energy+prediction
  pm25     UCI 381, Beijing PM2.5 (PRSA_data_2010.1.1-2014.12.31.csv): No,year,month,day,hour,pm2.5,…; target pm2.5
           https://archive.ics.uci.edu/dataset/381/beijing+pm2+5+data

  microglia experiment --preset paper --data air=AirQualityUCI.csv --data bitcoin=bitcoin.csv \\
      --data energy=energydata_complete.csv --data pm25=PRSA_data_2010.1.1-2014.12.31.csv";

/// How the presets `paper` and `sparsity` read a set of a known name, where nothing else is said: its one target, no calendar.
pub fn known_keys(name: &str) -> DataOptions {
    let target = |name: &str| Some(vec![name.to_string()]);
    let plain = DataOptions { calendar: Some(false), ..DataOptions::default() };
    let filled = DataOptions { impute: Some(Impute::Ffill), ..plain.clone() };
    match name {
        "air" => DataOptions {
            time_column: Some("Date+Time".into()),
            targets: target("CO(GT)"),
            missing_values: Some(vec!["-200".into()]),
            ..filled
        },
        "bitcoin" => DataOptions { targets: target("close"), ..plain },
        "etth1" => DataOptions { targets: target("OT"), ..plain },
        "energy" => DataOptions { targets: target("Appliances"), ..plain },
        "pm25" => DataOptions { time_column: Some("year+month+day+hour".into()), targets: target("pm2.5"), ..filled },
        _ => plain,
    }
}
