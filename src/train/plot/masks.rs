//! The masks of a model's matrices, as one picture.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::error::Result;
use crate::plot::{
    Area, BASELINES, Drawn, GRID, Header, INK, LABEL, MODEL, MUTED, NAME, WIDTH, drawn, style, text_width,
};
use crate::program::cell::Form;
use crate::program::{Param, ParamLayout};
use crate::train::weights::inspect::{Dead, living};

/// Pixels: of a matrix's longer side at most, of a cell at most, between matrices.
const LONGEST: usize = 330;
const CELL: usize = 12;
const GAP: i32 = 26;
/// Above a matrix, for its name.
const ABOVE: i32 = 48;
/// Cells of a side that are drawn apart; beyond, blocks of equal size are drawn by their share of living weights.
const MOST_CELLS: usize = 165;
/// Steps of that share.
const SHADES: usize = 8;

/// A square per weight: dark is living, light is pruned. Marks beside a matrix show rows and columns without a living
/// weight; lines divide a cell's gates.
pub fn masks_svg(title: &str, layout: &ParamLayout, mask: &[u32]) -> Result<String> {
    let matrices: Vec<Matrix> =
        layout.params.iter().filter(|param| param.prunable).map(|param| Matrix::of(param, mask)).collect();
    let mut names = vec![
        ("living".to_string(), INK.stroke_width(12)),
        ("pruned".to_string(), GRID.stroke_width(12)),
        ("row or column without a living weight".to_string(), MODEL.stroke_width(3)),
    ];
    if matrices.iter().any(|matrix| matrix.gates > 1) {
        names.push(("between gates".to_string(), BASELINES[2].stroke_width(1)));
    }
    let header = Header::new(title, names, WIDTH);
    let (mut x, mut y, mut lowest) = (GAP, 0, 0);
    let mut places = Vec::new();
    for matrix in &matrices {
        if x > GAP && x + matrix.room() + GAP > WIDTH as i32 {
            (x, y) = (GAP, lowest);
        }
        places.push((x, y));
        x += matrix.room() + GAP;
        lowest = lowest.max(y + ABOVE + matrix.at(matrix.rows) + GAP);
    }
    drawn((WIDTH, header.height() + lowest as u32), |root| {
        let body = header.draw(root)?;
        matrices.iter().zip(places).try_for_each(|(matrix, place)| matrix.draw(&body, place))
    })
}

/// A matrix and how large it is drawn.
struct Matrix {
    /// Its name, its shape and what is pruned.
    label: [String; 2],
    bits: Vec<bool>,
    rows: usize,
    columns: usize,
    dead: Dead,
    /// Gates whose rows it holds, one after the other; 1 where it has none.
    gates: usize,
    /// Cells of a block's side, and the pixels of that side.
    block: usize,
    side: usize,
}

impl Matrix {
    fn of(param: &Param, mask: &[u32]) -> Matrix {
        let dead = Dead::of(param, mask);
        let (rows, columns) = (dead.of_rows, dead.of_columns);
        let bits = living(param, mask);
        let share = bits.iter().filter(|bit| !**bit).count() as f64 / bits.len() as f64;
        let longest = rows.max(columns);
        let block = longest.div_ceil(MOST_CELLS);
        Matrix {
            label: [param.name.clone(), format!("{rows} × {columns}, {:.1} % pruned", 100.0 * share)],
            bits,
            rows,
            columns,
            dead,
            gates: Form::gates_of(&param.name).map_or(1, <[_]>::len),
            block,
            side: (LONGEST / longest.div_ceil(block)).min(CELL),
        }
    }

    /// Where a row or column begins, in pixels.
    fn at(&self, place: usize) -> i32 {
        (place * self.side / self.block) as i32
    }

    /// What it and its name take of a row of matrices.
    fn room(&self) -> i32 {
        let [name, shape] = &self.label;
        self.at(self.columns).max(text_width(name, NAME).max(text_width(shape, LABEL)) as i32)
    }

    fn draw(&self, area: &Area<'_>, (x, y): (i32, i32)) -> Drawn {
        for (line, (words, (size, colour))) in self.label.iter().zip([(NAME, INK), (LABEL, MUTED)]).enumerate() {
            area.draw(&Text::new(words.as_str(), (x, y + 10 + 19 * line as i32), style(size, colour, HPos::Left)))?;
        }
        let (top, width, height) = (y + ABOVE, self.at(self.columns), self.at(self.rows));
        area.draw(&Rectangle::new([(x, top), (x + width, top + height)], GRID.filled()))?;
        for row in (0..self.rows).step_by(self.block) {
            self.shades(row).into_iter().enumerate().skip(1).filter(|(_, outline)| !outline.is_empty()).try_for_each(
                |(shade, outline)| {
                    let outline: Vec<_> = outline.into_iter().map(|(right, down)| (x + right, top + down)).collect();
                    area.draw(&Polygon::new(outline, INK.mix(shade as f64 / SHADES as f64).filled()))
                },
            )?;
        }
        let mark = MODEL.stroke_width((self.side / self.block).clamp(1, 3) as u32);
        let middle = |place: usize| (self.at(place) + self.at(place + 1)) / 2;
        for row in &self.dead.rows {
            let y = top + middle(*row);
            area.draw(&PathElement::new([(x - 5, y), (x - 1, y)], mark))?;
        }
        for column in &self.dead.columns {
            let x = x + middle(*column);
            area.draw(&PathElement::new([(x, top - 5), (x, top - 1)], mark))?;
        }
        for gate in 1..self.gates {
            let y = top + height * gate as i32 / self.gates as i32;
            area.draw(&PathElement::new([(x - 3, y), (x + width + 3, y)], BASELINES[2].stroke_width(1)))?;
        }
        Ok(())
    }

    /// For each shade the blocks of a row of blocks that have it, as one outline. Between them it runs along the row's
    /// lower edge, where it has no area.
    fn shades(&self, row: usize) -> Vec<Vec<(i32, i32)>> {
        let mut outlines = vec![Vec::new(); SHADES + 1];
        let (above, below) = (self.at(row), self.at((row + self.block).min(self.rows)));
        let mut column = 0;
        while column < self.columns {
            let (left, shade) = (self.at(column), self.shade(row, column));
            while column < self.columns && self.shade(row, column) == shade {
                column = (column + self.block).min(self.columns);
            }
            let right = self.at(column);
            outlines[shade].extend([(left, below), (left, above), (right, above), (right, below)]);
        }
        outlines
    }

    /// The living share of the block that begins here; one with any living weight shows.
    fn shade(&self, row: usize, column: usize) -> usize {
        let (bottom, right) = ((row + self.block).min(self.rows), (column + self.block).min(self.columns));
        let count = (bottom - row) * (right - column);
        let own = (row..bottom).flat_map(|row| &self.bits[row * self.columns..][column..right]);
        (own.filter(|bit| **bit).count() * SHADES).div_ceil(count)
    }
}
