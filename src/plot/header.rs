//! The head of a picture: its title, and what its lines are.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, Drawn, INK, NAME, TITLE, style};

/// Heights of the title and of a row of names, and what lies below them.
const HEAD: u32 = 44;
const ROW: u32 = 24;
const BELOW: u32 = 14;
const LEFT: u32 = 26;
/// Of the stroke beside a name, and between entries.
const STROKE: i32 = 26;
const BETWEEN: u32 = 28;

/// About what words take, in pixels; fonts differ.
pub(crate) fn text_width(words: &str, size: i32) -> u32 {
    (words.chars().count() as u32 * size as u32).div_ceil(2)
}

/// A title, which may be empty, and below it names with their strokes, in as many rows as they need.
pub(crate) struct Header<'a> {
    title: &'a str,
    /// Left end, row, name, stroke.
    entries: Vec<(u32, u32, String, ShapeStyle)>,
    rows: u32,
}

impl<'a> Header<'a> {
    /// For a picture of this width.
    pub(crate) fn new(title: &'a str, names: impl IntoIterator<Item = (String, ShapeStyle)>, width: u32) -> Header<'a> {
        let (mut x, mut row) = (LEFT, 0);
        let mut entries = Vec::new();
        for (name, stroke) in names {
            let room = STROKE as u32 + 8 + text_width(&name, NAME);
            if x > LEFT && x + room > width {
                (x, row) = (LEFT, row + 1);
            }
            entries.push((x, row, name, stroke));
            x += room + BETWEEN;
        }
        Header { title, rows: if entries.is_empty() { 0 } else { row + 1 }, entries }
    }

    fn head(&self) -> u32 {
        if self.title.is_empty() { BELOW } else { HEAD }
    }

    /// In pixels.
    pub(crate) fn height(&self) -> u32 {
        self.head() + ROW * self.rows + BELOW
    }

    /// The area below it.
    pub(crate) fn draw<'b>(&self, root: &Area<'b>) -> Drawn<Area<'b>> {
        let (head, body) = root.split_vertically(self.height());
        if !self.title.is_empty() {
            let bold = TextStyle {
                font: style(TITLE, INK, HPos::Left).font.style(FontStyle::Bold),
                ..style(TITLE, INK, HPos::Left)
            };
            head.draw(&Text::new(self.title, (LEFT as i32 - 2, 26), bold))?;
        }
        for (x, row, name, stroke) in &self.entries {
            let (x, y) = (*x as i32, (self.head() + ROW * row + ROW / 2) as i32);
            head.draw(&PathElement::new(vec![(x, y), (x + STROKE, y)], *stroke))?;
            head.draw(&Text::new(name.as_str(), (x + STROKE + 8, y), style(NAME, INK, HPos::Left)))?;
        }
        Ok(body)
    }
}
