//! Training-step times of burn: forward, MSE, backward and Adam in f32, on the shapes of `benches/common`.
//!
//! `cargo run --release -- flex lstm64 [SECONDS]`; on a GPU `--no-default-features --features gpu -- vulkan lstm64`.
//! Cases: rnn64, lstm64, lstm256, patch, off. `compare.py --burn` runs it.

use burn::module::{Module, Param};
use burn::nn::loss::{MseLoss, Reduction};
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{
    LayerNorm, LayerNormConfig, Linear, LinearConfig, Lstm, LstmConfig, Rnn, RnnConfig, activation::ActivationConfig,
};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Tensor};
use std::time::Instant;

#[derive(Module, Debug)]
struct LstmNet {
    r: Lstm,
    fc: Linear,
}
#[derive(Module, Debug)]
struct RnnNet {
    r: Rnn,
    fc: Linear,
}
#[derive(Module, Debug)]
struct PatchNet {
    emb: Linear,
    pos: Param<Tensor<3>>,
    enc: TransformerEncoder,
    n: LayerNorm,
    head: Linear,
    pool: bool,
}

trait Net: Module + Clone {
    fn fwd(&self, x: Tensor<3>) -> Tensor<2>;
}
impl Net for LstmNet {
    fn fwd(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, s) = self.r.forward(x, None);
        self.fc.forward(s.hidden)
    }
}
impl Net for RnnNet {
    fn fwd(&self, x: Tensor<3>) -> Tensor<2> {
        let (_, s) = self.r.forward(x, None);
        self.fc.forward(s.hidden)
    }
}
impl Net for PatchNet {
    // x arrives already cut into patches: [batch, patches, patch_len]
    fn fwd(&self, x: Tensor<3>) -> Tensor<2> {
        let h = self.enc.forward(TransformerEncoderInput::new(self.emb.forward(x) + self.pos.val()));
        if self.pool {
            let h = self.n.forward(h).mean_dim(1).squeeze_dim::<2>(1);
            self.head.forward(h)
        } else {
            self.head.forward(h.flatten::<2>(1, 2))
        }
    }
}
fn patch(dev: &Device, inp: usize, np: usize, heads: usize, out: usize, pool: bool, gelu: bool) -> PatchNet {
    let act = if gelu { ActivationConfig::Gelu } else { ActivationConfig::Relu };
    PatchNet {
        emb: LinearConfig::new(inp, 128).init(dev),
        pos: Param::from_tensor(Tensor::random([1, np, 128], Distribution::Normal(0., 0.02), dev)),
        enc: TransformerEncoderConfig::new(128, 256, heads, 3).with_dropout(0.0).with_activation(act).init(dev),
        n: LayerNormConfig::new(128).init(dev),
        head: LinearConfig::new(if pool { 128 } else { 128 * np }, out).init(dev),
        pool,
    }
}
fn bench<N: Net>(name: &str, mut m: N, dev: &Device, xs: [usize; 3], out: usize, windows: f64, secs: f64) {
    let params = m.num_params();
    let x: Tensor<3> = Tensor::random(xs, Distribution::Normal(0., 1.), dev);
    let y: Tensor<2> = Tensor::random([xs[0], out], Distribution::Normal(0., 1.), dev);
    let mut opt = AdamConfig::new().init();
    let mut step = |m: N| {
        let loss = MseLoss::new().forward(m.fwd(x.clone()), y.clone(), Reduction::Mean);
        let l = loss.clone();
        let g = GradientsParams::from_grads(loss.backward(), &m);
        (opt.step(1e-3, m, g), l)
    };
    let t = Instant::now();
    let (m1, l) = step(m);
    m = m1;
    let l0: f32 = l.into_scalar();
    dev.sync().unwrap();
    let first = t.elapsed().as_secs_f64();
    eprintln!("# first step {first:.2}s loss {l0}");
    let t = Instant::now();
    let mut w = 0;
    while w < 4 || (w < 15 && t.elapsed().as_secs_f64() < 25.0) {
        let (m1, l) = step(m);
        m = m1;
        let _: f32 = l.into_scalar();
        dev.sync().unwrap();
        w += 1;
    }
    eprintln!("# {w} warm-up steps {:.2}s", t.elapsed().as_secs_f64());
    let (mut ts, t) = (vec![], Instant::now());
    let mut last = 0.0;
    while ts.len() < 10 || t.elapsed().as_secs_f64() < secs {
        let t0 = Instant::now();
        let (m1, l) = step(m);
        m = m1;
        last = l.into_scalar::<f32>();
        dev.sync().unwrap();
        ts.push(t0.elapsed().as_secs_f64() * 1e3);
        if ts.len() >= 3 && t.elapsed().as_secs_f64() > 60.0 {
            break;
        }
    }
    ts.sort_by(f64::total_cmp);
    let med = ts[ts.len() / 2];
    println!(
        "{{\"name\":\"{name}\",\"params\":{params},\"median_ms\":{med:.3},\"min_ms\":{:.3},\"max_ms\":{:.3},\"windows_per_s\":{:.1},\"n\":{},\"first_step_s\":{first:.2},\"loss0\":{l0},\"loss\":{last}}}",
        ts[0],
        ts[ts.len() - 1],
        windows / med * 1e3,
        ts.len()
    );
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let dev = device(&a[1]).autodiff();
    let secs: f64 = a.get(3).map_or(5.0, |s| s.parse().unwrap());
    let n = format!("burn-{}-{}", a[1], a[2]);
    match a[2].as_str() {
        "lstm64" => bench(
            &n,
            LstmNet { r: LstmConfig::new(8, 64, true).init(&dev), fc: LinearConfig::new(64, 1).init(&dev) },
            &dev,
            [64, 30, 8],
            1,
            64.,
            secs,
        ),
        "rnn64" => bench(
            &n,
            RnnNet { r: RnnConfig::new(8, 64, true).init(&dev), fc: LinearConfig::new(64, 1).init(&dev) },
            &dev,
            [64, 30, 8],
            1,
            64.,
            secs,
        ),
        "lstm256" => bench(
            &n,
            LstmNet { r: LstmConfig::new(8, 256, true).init(&dev), fc: LinearConfig::new(256, 1).init(&dev) },
            &dev,
            [128, 96, 8],
            1,
            128.,
            secs,
        ),
        "patch" => bench(&n, patch(&dev, 32, 15, 8, 1, true, false), &dev, [64, 15, 32], 1, 64., secs),
        "off" => bench(&n, patch(&dev, 16, 42, 16, 96, false, true), &dev, [224, 42, 16], 96, 32., secs),
        o => panic!("{o}"),
    }
}
#[cfg(feature = "cpu")]
fn device(kind: &str) -> Device {
    match kind {
        "flex" => Device::flex(),
        o => panic!("{o}"),
    }
}
#[cfg(not(feature = "cpu"))]
fn device(kind: &str) -> Device {
    match kind {
        "vulkan" => Device::vulkan(Default::default()),
        "wgpu" => Device::wgpu(Default::default()),
        "webgpu" => Device::webgpu(Default::default()),
        o => panic!("{o}"),
    }
}
