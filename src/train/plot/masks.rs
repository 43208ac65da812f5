//! The masks of a model's matrices, as one picture.

use std::fmt::Write;

use crate::palette::{BASELINES, GRID, INK, MODEL, MUTED, PAPER};
use crate::program::ParamLayout;
use crate::program::cell::Form;
use crate::train::weights::inspect::{Dead, living};

/// Pixels: of the picture, of a matrix's longer side at most, of a cell at most, between matrices.
const WIDTH: f64 = 1100.0;
const LONGEST: f64 = 330.0;
const CELL: f64 = 12.0;
const GAP: f64 = 26.0;
/// Above a matrix, for its name.
const TITLE: f64 = 34.0;
/// Cells of a side that are drawn apart; beyond, blocks of equal size are drawn by their share of living weights.
const MOST_CELLS: usize = 165;
/// Steps of that share.
const SHADES: usize = 8;

/// A square per weight: dark is living, light is pruned. Marks beside a matrix show rows and columns without a living
/// weight; lines divide a cell's gates.
pub fn masks_svg(title: &str, layout: &ParamLayout, mask: &[u32]) -> String {
    let (mut x, mut y, mut lowest) = (GAP, 60.0, 60.0f64);
    let mut body = String::new();
    for param in layout.params.iter().filter(|param| param.prunable) {
        let dead = Dead::of(param, mask);
        let (rows, columns) = (dead.of_rows, dead.of_columns);
        let bits = living(param, mask);
        let share = bits.iter().filter(|bit| !**bit).count() as f64 / bits.len() as f64;
        let label = [param.name.clone(), format!("{rows} × {columns}, {:.1} % pruned", 100.0 * share)];
        let scale = (LONGEST / rows.max(columns) as f64).min(CELL);
        let (width, height) = (scale * columns as f64, scale * rows as f64);
        let room = width.max(6.4 * label.iter().map(|line| line.chars().count()).max().unwrap_or(0) as f64);
        if x > GAP && x + room + GAP > WIDTH {
            (x, y) = (GAP, lowest);
        }
        for (line, text) in label.iter().enumerate() {
            let (size, colour) = [(12, INK), (11, MUTED)][line];
            let base = y + 12.0 + 15.0 * line as f64;
            let _ =
                writeln!(body, r#"<text x="{x:.1}" y="{base:.1}" font-size="{size}" fill="{colour}">{text}</text>"#);
        }
        let top = y + TITLE + 6.0;
        let _ = writeln!(
            body,
            r##"<g transform="translate({x:.1} {top:.1})"><rect width="{width:.1}" height="{height:.1}" fill="{GRID}"/>"##
        );
        body += &cells(&bits, columns, scale);
        for row in dead.rows {
            let _ = writeln!(
                body,
                r##"<path d="M-5 {:.2}h4" stroke="{MODEL}" stroke-width="{:.2}"/>"##,
                mid(row, scale),
                scale.min(3.0)
            );
        }
        for column in dead.columns {
            let _ = writeln!(
                body,
                r##"<path d="M{:.2} -5v4" stroke="{MODEL}" stroke-width="{:.2}"/>"##,
                mid(column, scale),
                scale.min(3.0)
            );
        }
        let gates = Form::gates_of(&param.name).map_or(1, <[_]>::len);
        for gate in 1..gates {
            let (at, colour) = (height * gate as f64 / gates as f64, BASELINES[2]);
            let _ =
                writeln!(body, r##"<path d="M-3 {at:.1}h{:.1}" stroke="{colour}" stroke-width="1"/>"##, width + 6.0);
        }
        body += "</g>\n";
        x += room + GAP;
        lowest = lowest.max(top + height + GAP);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{lowest:.0}\" viewBox=\"0 0 {WIDTH} {lowest:.0}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n\
         <text x=\"{GAP}\" y=\"30\" font-size=\"16\" fill=\"{INK}\">{}</text>\n\
         <text x=\"{GAP}\" y=\"48\" font-size=\"11\" fill=\"{MUTED}\">dark: living · light: pruned · marks: rows and columns \
         without a living weight</text>\n{body}</svg>\n",
        escaped(title)
    )
}

fn mid(place: usize, scale: f64) -> f64 {
    (place as f64 + 0.5) * scale
}

/// Runs of equal shade along each row of blocks, one path per shade.
fn cells(bits: &[bool], columns: usize, scale: f64) -> String {
    let rows = bits.len() / columns;
    let block = rows.max(columns).div_ceil(MOST_CELLS);
    let shade = |row: usize, column: usize| {
        let (bottom, right) = ((row + block).min(rows), (column + block).min(columns));
        let all = (row..bottom).flat_map(|r| (column..right).map(move |c| r * columns + c));
        let (mut count, mut living) = (0, 0);
        for i in all {
            count += 1;
            living += usize::from(bits[i]);
        }
        // A block with any living weight shows.
        (living * SHADES).div_ceil(count)
    };
    let mut paths = vec![String::new(); SHADES + 1];
    for row in (0..rows).step_by(block) {
        let height = block.min(rows - row) as f64 * scale;
        let mut column = 0;
        while column < columns {
            let (first, own) = (column, shade(row, column));
            while column < columns && shade(row, column) == own {
                column = (column + block).min(columns);
            }
            let (x, y, width) = (first as f64 * scale, row as f64 * scale, (column - first) as f64 * scale);
            let _ = write!(paths[own], "M{x:.2} {y:.2}h{width:.2}v{height:.2}h-{width:.2}z");
        }
    }
    let drawn = paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty());
    let line = |(shade, path): (usize, &String)| {
        format!("<path fill=\"{INK}\" fill-opacity=\"{:.3}\" d=\"{path}\"/>\n", shade as f64 / SHADES as f64)
    };
    drawn.map(line).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
