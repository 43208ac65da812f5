//! Validation loss against each setting.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::results::{Results, Tried};
use super::space::{Dimension, Space, Values};
use crate::error::Result;
use crate::plot::{
    Area, BASELINES, Drawn, Header, INK, LABEL, MODEL, MUTED, NAME, Ticked, WIDTH, drawn, mesh, padded_range,
    round_ticks, short, short_between, style, text_width,
};

/// Panels in a row, their height, and that of their names.
const ACROSS: usize = 2;
const HEIGHT: u32 = 330;
const ABOVE: u32 = 34;
/// Losses above this share of all are drawn at the upper edge: one that is far off would leave no room for the others.
const SHOWN: f64 = 0.85;

/// Where the values of a setting lie on its axis.
struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
    log: bool,
    /// Of a list of values; empty for numbers.
    words: Vec<String>,
}

impl Axis {
    fn of(results: &Results, dimension: &Dimension, place: usize) -> Axis {
        let texts = || results.tried.iter().map(|one| one.values[place].clone());
        match &dimension.values {
            Values::Range { log, .. } => {
                let numbers: Vec<f64> = texts().filter_map(|text| text.parse().ok()).collect();
                let log = *log && numbers.iter().all(|number| *number > 0.0);
                let scaled = |number: f64| if log { number.log10() } else { number };
                let (from, to) = padded_range(numbers.iter().map(|number| scaled(*number)));
                let mut ticks: Vec<(f64, String)> = match log {
                    true => (from.floor() as i32..=to.ceil() as i32)
                        .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
                        .map(|value| (value.log10(), short(value)))
                        .collect(),
                    false => round_ticks(from, to, 6).into_iter().map(|value| (value, short(value))).collect(),
                };
                ticks.retain(|(at, _)| (from..=to).contains(at));
                Axis { from, to, ticks, log, words: Vec::new() }
            }
            Values::Choices(list) => {
                let mut words = list.clone();
                for text in texts() {
                    if !words.contains(&text) {
                        words.push(text);
                    }
                }
                let ticks = words.iter().enumerate().map(|(at, word)| (at as f64, word.clone())).collect();
                Axis { from: -0.6, to: words.len() as f64 - 0.4, ticks, log: false, words }
            }
        }
    }

    /// Where a configuration's value lies; those of one word lie beside each other by number.
    fn at(&self, one: &Tried, place: usize, all: usize) -> f64 {
        let text = &one.values[place];
        if self.words.is_empty() {
            let number: f64 = text.parse().unwrap_or(f64::NAN);
            return if self.log { number.log10() } else { number };
        }
        let word = self.words.iter().position(|word| word == text).unwrap_or(0) as f64;
        word + 0.5 * ((one.number as f64 + 0.5) / all as f64 - 0.5)
    }
}

/// A panel for each setting: the loss of every configuration where it stopped.
pub(super) fn svg(results: &Results) -> Result<String> {
    let names = [
        ("trained to the end", BASELINES[2].filled()),
        ("dropped before", MUTED.mix(0.45).filled()),
        ("without the search's values", INK.filled()),
        ("chosen", MODEL.filled()),
    ];
    let names = names.into_iter().map(|(name, style)| (name.to_string(), style.stroke_width(10)));
    let header = Header::new("Validation loss by setting (a triangle lies above the edge)", names, WIDTH);
    let space: Space = results.search.parse()?;
    let rows = results.names.len().div_ceil(ACROSS) as u32;
    let size = (WIDTH, header.height() + rows * (ABOVE + HEIGHT) + 12);
    let mut losses: Vec<f64> = results.tried.iter().filter_map(|one| one.loss).collect();
    losses.sort_by(f64::total_cmp);
    let most = ((losses.len() as f64 * SHOWN) as usize).min(losses.len().saturating_sub(1));
    let (low, high) = padded_range(losses.iter().take(most + 1).copied());
    drawn(size, |root| {
        let body = header.draw(root)?;
        let panels = body.margin(0, 12, 0, 0).split_evenly((rows as usize, ACROSS));
        for (place, panel) in panels.iter().enumerate().take(results.names.len()) {
            draw(results, (&space.0[place], place), (low, high), panel)?;
        }
        Ok(())
    })
}

fn draw(
    results: &Results,
    (dimension, place): (&Dimension, usize),
    (low, high): (f64, f64),
    panel: &Area<'_>,
) -> Drawn {
    let axis = Axis::of(results, dimension, place);
    let (head, body) = panel.split_vertically(ABOVE);
    let share = results.importance.get(place).map(|one| format!(": explains {:.0} % of the ranks", one.share * 100.0));
    let title = format!("{}{}", results.names[place], share.unwrap_or_default());
    head.draw(&Text::new(title, (74, ABOVE as i32 / 2), style(NAME, INK, HPos::Left)))?;
    let ticks = Ticked { from: axis.from, to: axis.to, ticks: axis.ticks.iter().map(|tick| tick.0).collect() };
    // Long words keep out of each other's way.
    let room = (WIDTH as usize / ACROSS - 90) / axis.ticks.len().max(1);
    let label = |at: &f64| {
        let word = axis.ticks.iter().find(|tick| tick.0 == *at).map_or("", |tick| tick.1.as_str());
        let letters = word.chars().count();
        let fits = (room * 2 / LABEL as usize).max(3);
        if text_width(word, LABEL) as usize <= room {
            word.to_string()
        } else {
            format!("{}…", word.chars().take(fits.min(letters)).collect::<String>())
        }
    };
    let mut chart = ChartBuilder::on(&body)
        .margin_right(20)
        .margin_top(6)
        .x_label_area_size(34)
        .y_label_area_size(74)
        .build_cartesian_2d(ticks, low..high)?;
    let by_loss = short_between(low, high);
    mesh(&mut chart).x_label_formatter(&label).y_label_formatter(&by_loss).y_labels(6).draw()?;
    let chosen = results.chosen();
    // What matters is drawn last.
    let depth = |one: &&Tried| (Some(one.number) == chosen, one.number == 0, one.whole);
    let mut order: Vec<&Tried> = results.tried.iter().collect();
    order.sort_by_key(depth);
    for one in order {
        let Some(loss) = one.loss else { continue };
        let at = (axis.at(one, place, results.tried.len()), loss.min(high));
        if !at.0.is_finite() {
            continue;
        }
        let (size, fill) = match depth(&one) {
            (true, ..) => (7, MODEL.filled()),
            (_, true, _) => (6, INK.filled()),
            (.., true) => (5, BASELINES[2].mix(0.9).filled()),
            _ => (4, MUTED.mix(0.45).filled()),
        };
        if loss > high {
            chart.draw_series([TriangleMarker::new(at, size, fill)])?;
        } else {
            chart.draw_series([Circle::new(at, size, fill)])?;
        }
    }
    Ok(())
}
