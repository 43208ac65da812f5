//! Plain SVG for the report: lines, bands, points and words on linear axes.

use std::fmt::Write;

use super::document::escape;
use crate::palette::{INK, PAPER};

/// About what a text takes, in pixels; fonts differ.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    0.62 * size * text.chars().count() as f64
}

/// How a line is drawn.
#[derive(Debug, Clone)]
pub(super) struct Stroke {
    pub color: String,
    pub width: f64,
    pub dashed: bool,
    pub opacity: f64,
}

impl Stroke {
    pub(super) fn new(color: impl Into<String>, width: f64) -> Stroke {
        Stroke { color: color.into(), width, dashed: false, opacity: 1.0 }
    }

    pub(super) fn dashed(self) -> Stroke {
        Stroke { dashed: true, ..self }
    }
}

/// Names and their strokes, in as many rows as the width asks for.
pub(super) struct Legend {
    /// Left end, row, name, stroke.
    entries: Vec<(f64, usize, String, Stroke)>,
    rows: usize,
}

impl Legend {
    const ROW: f64 = 20.0;
    const SIZE: f64 = 13.0;

    pub(super) fn new(names: impl IntoIterator<Item = (String, Stroke)>, left: f64, right: f64) -> Legend {
        let (mut x, mut row) = (left, 0);
        let mut entries = Vec::new();
        for (name, stroke) in names {
            let width = 26.0 + text_width(&name, Self::SIZE);
            if x > left && x + width > right {
                (x, row) = (left, row + 1);
            }
            entries.push((x, row, name, stroke));
            x += width + 18.0;
        }
        Legend { entries, rows: row + 1 }
    }

    pub(super) fn height(&self) -> f64 {
        self.rows as f64 * Self::ROW
    }

    pub(super) fn draw(&self, svg: &mut Svg, top: f64) {
        for (x, row, name, stroke) in &self.entries {
            let y = top + (*row as f64 + 0.5) * Self::ROW;
            svg.path(&[Some((*x, y)), Some((x + 20.0, y))], &Stroke { width: 3.0, ..stroke.clone() });
            svg.text((x + 26.0, y + 4.0), name, "start", Self::SIZE, INK);
        }
    }
}

/// A picture being drawn, in pixels.
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Svg {
        Svg { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = write!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{color}\" stroke-width=\"{width}\"/>"
        );
    }

    pub(super) fn circle(&mut self, at: (f64, f64), radius: f64, color: &str) {
        let _ = write!(self.body, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{color}\"/>", at.0, at.1);
    }

    /// Runs of points; a `None` breaks the line.
    pub(super) fn path(&mut self, points: &[Option<(f64, f64)>], stroke: &Stroke) {
        let mut path = String::new();
        let mut pen = 'M';
        for point in points {
            match point {
                Some((x, y)) => {
                    let _ = write!(path, "{pen}{x:.1} {y:.1}");
                    pen = 'L';
                }
                None => pen = 'M',
            }
        }
        let Stroke { color, width, dashed, opacity } = stroke;
        let dash = if *dashed { " stroke-dasharray=\"4 3\"" } else { "" };
        if !path.is_empty() {
            let _ = write!(
                self.body,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" \
                 stroke-opacity=\"{opacity:.2}\" stroke-linejoin=\"round\"{dash}/>"
            );
        }
    }

    pub(super) fn polygon(&mut self, points: &[(f64, f64)], color: &str, opacity: f64) {
        let points: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        let _ = write!(self.body, "<polygon points=\"{points}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>");
    }

    /// `anchor`: start, middle or end.
    pub(super) fn text(&mut self, at: (f64, f64), words: &str, anchor: &str, size: f64, color: &str) {
        let _ = write!(
            self.body,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{color}\">{}</text>",
            at.0,
            at.1,
            escape(words)
        );
    }

    pub(super) fn finish(self) -> String {
        let (w, h) = (self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.0} {h:.0}\" width=\"{w:.0}\" height=\"{h:.0}\" \
             font-family=\"system-ui, sans-serif\"><rect width=\"{w:.0}\" height=\"{h:.0}\" fill=\"{PAPER}\"/>{}</svg>",
            self.body
        )
    }
}

/// From values to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
}

impl Axis {
    /// Over the finite values, with a margin; never empty.
    pub(super) fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let margin = ((high - low) * 0.06).max(high.abs().max(1e-9) * 1e-3);
        Axis { low: low - margin, high: high + margin, from, to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + share.clamp(-0.02, 1.02) * (self.to - self.from)
    }

    /// About `count` round values.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        let raw = (self.high - self.low) / count.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw).unwrap_or(raw);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

/// A number with the decimals that an axis needs.
pub(super) fn short(value: f64) -> String {
    let text = match value.abs() {
        v if v >= 1e6 || (v > 0.0 && v < 1e-4) => return format!("{value:.1e}"),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}
