//! What every picture is drawn with: paper, colours, fonts, header and axes. A picture is SVG text, and its words stay text.

mod axis;
mod chart;
mod header;

pub(crate) use axis::{Ticked, padded_range, round_ticks, short, short_between, span, time_ticks};
pub(crate) use chart::{losses_and_sparsity, mesh, pieces};
pub(crate) use header::{Header, text_width};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};
use crate::palette;

/// Pixels of every picture's width, unless long names ask for more.
pub(crate) const WIDTH: u32 = 1100;
/// Sizes of text: a picture's title, names (of lines, axes and rows), and labels (of ticks and marks).
pub(crate) const TITLE: i32 = 22;
pub(crate) const NAME: i32 = 16;
pub(crate) const LABEL: i32 = 15;
const FONT: &str = "sans-serif";

pub(crate) const PAPER: RGBColor = rgb(palette::PAPER);
pub(crate) const INK: RGBColor = rgb(palette::INK);
pub(crate) const MUTED: RGBColor = rgb(palette::MUTED);
pub(crate) const GRID: RGBColor = rgb(palette::GRID);
pub(crate) const MODEL: RGBColor = rgb(palette::MODEL);
pub(crate) const BESIDE: RGBColor = rgb(palette::BESIDE);
pub(crate) const BASELINES: [RGBColor; 3] =
    [rgb(palette::BASELINES[0]), rgb(palette::BASELINES[1]), rgb(palette::BASELINES[2])];

/// The whole picture, or a part of it, in pixels.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing gives, or why plotters failed.
pub(crate) type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// The SVG text of a picture of `size`, drawn on paper.
pub(crate) fn drawn(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String> {
    let mut text = String::new();
    let done = (|| {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        root.fill(&PAPER)?;
        draw(&root)?;
        root.present()
    })();
    // Plotters fails only where its target does; a text does not.
    done.map_err(|error| Error::io("svg", "please report this")(std::io::Error::other(error.to_string())))?;
    Ok(text)
}

/// How words are written; they are centred on their line.
pub(crate) fn style(size: i32, color: RGBColor, across: HPos) -> TextStyle<'static> {
    (FONT, size).into_font().color(&color).pos(Pos::new(across, VPos::Center))
}

/// Of the i-th of several lines of one kind; past the palette's, hues between them.
pub(crate) fn color(i: usize) -> RGBColor {
    palette::HUES.get(i).map_or_else(
        || {
            let hue = (i as f64 * 137.508).rem_euclid(360.0);
            let (red, green, blue) = HSLColor(hue / 360.0, 0.65, 0.35).rgb();
            RGBColor(red, green, blue)
        },
        |hex| rgb(hex),
    )
}

const fn rgb(hex: &str) -> RGBColor {
    const fn digit(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => panic!("a colour is # and six digits"),
        }
    }
    let hex = hex.as_bytes();
    RGBColor(16 * digit(hex[1]) + digit(hex[2]), 16 * digit(hex[3]) + digit(hex[4]), 16 * digit(hex[5]) + digit(hex[6]))
}
