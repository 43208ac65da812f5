//! Compaction: units that are cut off on purpose go, and forecasts stay.

use microglia::data::{DataOptions, Dataset};
use microglia::engine::Engine;
use microglia::models::{ModelKind, ModelOptions, NormKind, NormPosition, Variant};
use microglia::program::op::Activation;
use microglia::program::{ParamLayout, rng};
use microglia::reference::CpuEngine;
use microglia::train::scores::predict::predict;
use microglia::train::weights::checkpoint;
use microglia::train::weights::compact::{Compacted, Cut, compact};
use microglia::train::weights::header::{DeviceHeader, Header};
use microglia::train::weights::inspect::{Dead, Inspection};
use microglia::train::{Loaded, Plan, TrainOptions, run};

use crate::gpu_support::on_each_engine;
use crate::training::{dataset, options};

/// A trained model whose weights `change` has changed, in a file.
fn model(dataset: &Dataset, model: ModelOptions, change: impl Fn(&mut Editor)) -> Loaded {
    let options = TrainOptions { model, epochs: Some(1), regularizers: "none".parse().unwrap(), lr: 3e-2, ..options() };
    let plan = Plan::new(dataset, &options).unwrap();
    let mut engine = CpuEngine::<f32>::new(plan.program.clone(), Some(2)).unwrap();
    let end = run(dataset, &plan, &mut engine, &mut ()).unwrap().end;
    let (layout, state) = (&plan.program.params, &plan.program.state);
    let mut editor = Editor { layout, row: end.rows[0].params.clone() };
    change(&mut editor);
    let row = editor.row;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("model.safetensors");
    let header = Header::new(dataset, &plan, &end.replicas[0], &DeviceHeader::of(&engine), "regularizer = \"none\"");
    checkpoint::save_model(&file, (layout, state), &row, &end.rows[0].state, &header).unwrap();
    Loaded::open(&file).unwrap()
}

struct Editor<'a> {
    layout: &'a ParamLayout,
    row: Vec<f32>,
}

impl Editor<'_> {
    /// Sets elements of a tensor, in the order of a state dict, to zero.
    fn zero(&mut self, name: &str, which: impl Fn(usize, usize) -> bool) {
        let param = self.layout.get(name).unwrap_or_else(|| panic!("no {name}"));
        let columns = param.len() / param.shape[0];
        let mut values = param.named(&self.row);
        for (_, value) in values.iter_mut().enumerate().filter(|(i, _)| which(i / columns, i % columns)) {
            *value = 0.0;
        }
        param.set(&mut self.row, values);
    }
}

/// Forecasts of the test windows, by an engine.
fn forecasts(
    loaded: &Loaded,
    dataset: &Dataset,
    open: &dyn Fn(microglia::program::Program) -> Box<dyn Engine>,
) -> Vec<f32> {
    let plan = loaded.plan(dataset, 8).unwrap();
    let mut engine = open(plan.program.clone());
    loaded.fill(dataset, engine.as_mut()).unwrap();
    predict(engine.as_mut(), &plan, &dataset.test, None, &|| false).unwrap().0.remove(0).into_point()
}

/// Compacts, writes, reads, and compares forecasts on each engine.
fn forecasts_stay(loaded: &Loaded, dataset: &Dataset) -> Compacted {
    let small = compact(loaded).unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("small.safetensors");
    small.loaded.save(&file, false).unwrap();
    let read = Loaded::open(&file).unwrap();
    assert_eq!(read.weights_sha256(), small.loaded.weights_sha256());
    assert!(small.loaded.layout.total() < loaded.layout.total());
    on_each_engine(|open| {
        let (whole, cut) = (forecasts(loaded, dataset, open), forecasts(&read, dataset, open));
        let spread = whole.iter().fold(0.0f32, |most, value| most.max((value - whole[0]).abs()));
        assert!(spread > 1e-2, "a model that forecasts one number shows nothing");
        let off = whole.iter().zip(&cut).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let size = whole.iter().fold(1.0f32, |most, value| most.max(value.abs()));
        assert!(off <= 1e-6 * size, "off by {off}");
    });
    small
}

fn recurrent(kind: ModelKind, layers: usize) -> ModelOptions {
    ModelOptions { kind, hidden: 7, layers, ..options().model }
}

fn cut(layer: usize, units: &'static str, before: usize, after: usize, folded: usize) -> Cut {
    Cut { layer, units, before, after, folded }
}

/// In two LSTM layers: a unit that nothing reads; two that only read one another; one that only a removed one above reads; one
/// that reads nothing.
#[test]
fn lstm_units_that_are_cut_off_go() {
    let dataset = dataset();
    let loaded = model(&dataset, recurrent(ModelKind::Lstm, 2), |w| {
        let hidden = 7;
        // Layer 1, the last: unit 2 unread; 4 and 5 read only by each other; 6 reads nothing and is read by the head alone.
        w.zero("head.weight", |_, c| [2, 4, 5].contains(&c));
        w.zero("lstm.weight_hh_l1", |r, c| {
            c == 2 || ([4, 5].contains(&c) && ![4, 5].contains(&(r % hidden))) || c == 6 || r % hidden == 6
        });
        w.zero("lstm.weight_ih_l1", |r, c| r % hidden == 6 || (c == 0 && r % hidden != 4));
        // Layer 0: unit 0 is read by unit 4 above alone.
        w.zero("lstm.weight_hh_l0", |_, c| c == 0);
    });
    let small = forecasts_stay(&loaded, &dataset);
    assert_eq!(small.cuts, [cut(0, "hidden units", 7, 6, 0), cut(1, "hidden units", 7, 3, 1)]);
    let widths: Vec<usize> = small.loaded.model.layer_widths.iter().map(|layer| layer.hidden).collect();
    assert_eq!(widths, [6, 3]);
    // Of one layer, PyTorch's nn.LSTM can hold it.
    let one = model(&dataset, recurrent(ModelKind::Lstm, 1), |w| {
        w.zero("head.weight", |_, c| c == 3);
        w.zero("lstm.weight_hh_l0", |_, c| c == 3);
    });
    let small = forecasts_stay(&one, &dataset).loaded;
    assert_eq!((small.model.hidden, small.model.layer_widths.len(), small.header.model.hidden), (6, 0, 6));
    let inspection = Inspection::of(&one);
    assert_eq!(inspection.compacted.unwrap().parameters, small.layout.total());
    let head = inspection.dead.iter().find(|dead| dead.tensor == "head.weight").unwrap();
    assert_eq!((head.rows.as_slice(), head.columns.as_slice()), (&[][..], &[3][..]));
}

/// A GRU's constant unit keeps the two biases of n apart, and nears n over the steps.
#[test]
fn gru_units_that_are_cut_off_go() {
    let dataset = dataset();
    let loaded = model(&dataset, recurrent(ModelKind::Gru, 2), |w| {
        let hidden = 7;
        // Layer 1, the last: unit 2 unread; 4 and 5 read only by each other; 6 reads nothing and is read by the head alone.
        w.zero("head.weight", |_, c| [2, 4, 5].contains(&c));
        w.zero("gru.weight_hh_l1", |r, c| {
            c == 2 || ([4, 5].contains(&c) && ![4, 5].contains(&(r % hidden))) || c == 6 || r % hidden == 6
        });
        w.zero("gru.weight_ih_l1", |r, c| r % hidden == 6 || (c == 0 && r % hidden != 4));
        // Layer 0: unit 0 is read by unit 4 above alone; unit 3 reads nothing, but its state changes from step to step.
        w.zero("gru.weight_hh_l0", |r, c| c == 0 || c == 3 || r % hidden == 3);
        w.zero("gru.weight_ih_l0", |r, _| r % hidden == 3);
    });
    let small = forecasts_stay(&loaded, &dataset);
    assert_eq!(small.cuts, [cut(0, "hidden units", 7, 6, 0), cut(1, "hidden units", 7, 3, 1)]);
}

#[test]
fn rnn_units_that_are_cut_off_or_constant_go() {
    let dataset = dataset();
    for activation in [Activation::Tanh, Activation::Relu] {
        let wide = ModelOptions { activation, ..recurrent(ModelKind::Rnn, 2) };
        let loaded = model(&dataset, wide, |w| {
            // Layer 0: unit 1 reads nothing and is read by layer 1 alone; unit 6 is read by a unit that only it reads.
            w.zero("rnn.weight_ih_l0", |r, _| r == 1);
            w.zero("rnn.weight_hh_l0", |r, c| r == 1 || c == 1 || (c == 6 && r != 6));
            w.zero("rnn.weight_ih_l1", |r, c| c == 6 || (r == 3 && c != 1));
            // Layer 1: unit 3 reads unit 1 alone, so it is constant too.
            w.zero("rnn.weight_hh_l1", |r, c| r == 3 || c == 3);
        });
        let small = forecasts_stay(&loaded, &dataset);
        assert_eq!(small.cuts, [cut(0, "hidden units", 7, 5, 1), cut(1, "hidden units", 7, 6, 1)], "{activation}");
    }
}

/// A unit that is read at all, or whose value changes, stays.
#[test]
fn what_matters_stays() {
    let dataset = dataset();
    let loaded = model(&dataset, recurrent(ModelKind::Lstm, 2), |w| {
        // Unread by the head, read by unit 0 of its layer.
        w.zero("head.weight", |_, c| c == 2);
        w.zero("lstm.weight_hh_l1", |r, c| c == 2 && r != 0);
        // Reads nothing, in a layer below the last: its state changes from step to step.
        w.zero("lstm.weight_ih_l0", |r, _| r % 7 == 4);
        w.zero("lstm.weight_hh_l0", |r, c| r % 7 == 4 || c == 4);
    });
    let small = compact(&loaded).unwrap();
    assert!(small.cuts.iter().all(|cut| cut.before == cut.after), "{:?}", small.cuts);
    assert_eq!(small.loaded.weights_sha256(), loaded.weights_sha256());
}

/// All of a layer's units may go but one, of zeros.
#[test]
fn a_layer_keeps_one_unit() {
    let dataset = dataset();
    let change = |kind: ModelKind| {
        let loaded = model(&dataset, recurrent(kind, 1), |w| w.zero("head.weight", |_, _| true));
        let small = compact(&loaded).unwrap();
        assert_eq!(small.cuts, [cut(0, "hidden units", 7, 1, 0)]);
        let engine: &dyn Fn(microglia::program::Program) -> Box<dyn Engine> =
            &|program| Box::new(CpuEngine::<f32>::new(program, Some(2)).unwrap());
        assert_eq!(forecasts(&small.loaded, &dataset, engine), forecasts(&loaded, &dataset, engine));
    };
    change(ModelKind::Lstm);
    change(ModelKind::Rnn);
}

/// By channel, two targets; what `official` and `hf` read.
fn channels() -> Dataset {
    let rows = (0..90).map(|t| {
        let noise = |i| rng::unit(rng::draw(3, i, 0, t));
        format!("{t},{},{}\n", (t as f32 * 0.7).sin() * 3.0 + noise(1), (t as f32 * 0.4).cos() + noise(2))
    });
    let csv = format!("t,a,b\n{}", rows.collect::<String>());
    let options = DataOptions {
        time_column: Some("t".into()),
        targets: Some(vec!["a".into(), "b".into()]),
        lookback: Some(12),
        horizon: Some(2),
        season: Some(9),
        calendar: Some(false),
        ..DataOptions::default()
    };
    options.load_bytes("two", "two.csv", csv.as_bytes()).unwrap()
}

#[test]
fn patchtst_units_and_channels_that_are_cut_off_go() {
    let (waves, channels) = (dataset(), channels());
    for variant in [Variant::Authors, Variant::Hf, Variant::Official] {
        let dataset = if variant == Variant::Authors { &waves } else { &channels };
        for (norm, position) in [(NormKind::Batch, NormPosition::Post), (NormKind::Layer, NormPosition::Pre)] {
            let mut wide = ModelOptions::of(ModelKind::Patchtst, variant);
            wide.layers = 2;
            let p = &mut wide.patchtst;
            (p.d_model, p.heads, p.ff, p.patch, p.norm, p.norm_position) = (12, 3, 10, Some(3), norm, position);
            let loaded = model(dataset, wide, |w| {
                for layer in 0..2 {
                    let name = |part: &str| format!("model.encoder.layers.{layer}.{part}");
                    // Head 1 reaches nothing. Heads of four channels.
                    w.zero(&name("self_attn.out_proj.weight"), |_, c| c / 4 == 1 || c == 0);
                    // Channel 8 of v, the first of head 2, is its bias.
                    w.zero(&name("self_attn.v_proj.weight"), |r, _| r == 8);
                    // Of q and k: keys that are all alike; and queries of zeros.
                    w.zero(&name("self_attn.k_proj.weight"), |r, _| r == 3);
                    w.zero(&name("self_attn.q_proj.weight"), |r, _| r == 10);
                    w.zero(&name("self_attn.q_proj.bias"), |r, _| r == 10);
                    // Two units that nothing reads, one that reads nothing.
                    w.zero(&name("ff.3.weight"), |_, c| c == 2 || c == 9);
                    w.zero(&name("ff.0.weight"), |r, _| r == 5 || (layer == 1 && r == 6));
                }
            });
            let small = forecasts_stay(&loaded, dataset);
            let of = |layer, ff, folded| {
                [
                    cut(layer, "heads", 3, 2, 0),
                    cut(layer, "words of a head", 4, 3, 1),
                    cut(layer, "feed-forward units", 10, ff, folded),
                ]
            };
            assert_eq!(small.cuts, [of(0, 7, 1), of(1, 6, 2)].concat(), "{variant}, {norm}");
        }
    }
}

/// Where scores are handed on, a head stays whose values reach nothing in one layer alone: a later one reads its scores.
#[test]
fn scores_that_are_handed_on_matter() {
    let dataset = channels();
    for (variant, heads) in [(Variant::Official, 3), (Variant::Hf, 2)] {
        let mut wide = ModelOptions::of(ModelKind::Patchtst, variant);
        wide.layers = 2;
        let p = &mut wide.patchtst;
        (p.d_model, p.heads, p.ff, p.patch) = (12, 3, 10, Some(3));
        let loaded = model(&dataset, wide, |w| {
            w.zero("model.encoder.layers.0.self_attn.out_proj.weight", |_, c| c / 4 == 1);
            w.zero("model.encoder.layers.0.ff.3.weight", |_, c| c == 2);
        });
        let small = forecasts_stay(&loaded, &dataset);
        assert_eq!(small.cuts[0], cut(0, "heads", 3, heads, 0), "{variant}");
    }
}

/// Equal widths in all layers need no widths by layer: `transformers` can hold it.
#[test]
fn equal_widths_are_a_plain_model() {
    let dataset = channels();
    let mut wide = ModelOptions::of(ModelKind::Patchtst, Variant::Hf);
    (wide.layers, wide.patchtst.d_model, wide.patchtst.heads, wide.patchtst.ff, wide.patchtst.patch) =
        (2, 12, 3, 10, Some(3));
    let loaded = model(&dataset, wide, |w| {
        for layer in 0..2 {
            w.zero(&format!("model.encoder.layers.{layer}.ff.3.weight"), |_, c| c == layer);
        }
    });
    let small = forecasts_stay(&loaded, &dataset).loaded;
    assert_eq!((small.model.layer_widths.len(), small.model.patchtst.ff), (0, 9));
    assert_eq!(small.header.model.patchtst.unwrap().ff, 9);
}

#[test]
fn dead_rows_and_columns_are_those_of_the_state_dict() {
    let dataset = channels();
    let mut wide = ModelOptions::of(ModelKind::Patchtst, Variant::Official);
    (wide.layers, wide.patchtst.d_model, wide.patchtst.heads, wide.patchtst.patch) = (1, 8, 2, Some(3));
    // The head's columns lie turned in the arena.
    let loaded = model(&dataset, wide, |w| w.zero("head.projection.weight", |r, c| c == 3 || r == 1));
    let dead = Dead::of(loaded.layout.get("head.projection.weight").unwrap(), &loaded.mask);
    assert_eq!((dead.rows, dead.columns, dead.of_rows), (vec![1], vec![3], 2));
}
