//! A report as blocks, written as Markdown and as HTML that needs no network and no script.

use std::fmt::Write;

use crate::palette::{GRID, INK, MUTED, PAPER, SHADE};

#[derive(Debug, Clone)]
pub(super) enum Element {
    /// Its level, 1 to 3, and its words.
    Heading(usize, String),
    Text(String),
    List(Vec<String>),
    /// The first column is left-aligned, the others right-aligned.
    Table {
        header: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    /// A picture: its caption and its SVG, which Markdown leaves to the HTML.
    #[cfg(feature = "plots")]
    Picture {
        caption: String,
        svg: String,
    },
    /// The text of a file, unchanged.
    Verbatim(String),
}

/// Escapes what Markdown would pass on to HTML.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

pub(super) fn markdown(blocks: &[Element]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Element::Heading(level, words) => text += &format!("{} {}\n\n", "#".repeat(*level), plain(words)),
            Element::Text(words) => text += &format!("{}\n\n", plain(words)),
            Element::List(items) => {
                items.iter().for_each(|item| text += &format!("- {}\n", plain(item)));
                text += "\n";
            }
            Element::Table { header, rows } => {
                let line = |cells: &[String]| {
                    format!(
                        "| {} |\n",
                        cells.iter().map(|cell| plain(cell).replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
                    )
                };
                text += &line(header);
                text += &format!("|---|{}\n", "---:|".repeat(header.len().saturating_sub(1)));
                rows.iter().for_each(|row| text += &line(row));
                text += "\n";
            }
            #[cfg(feature = "plots")]
            Element::Picture { caption, .. } => {
                text += &format!("*{}: see report.html.*\n\n", plain(caption));
            }
            Element::Verbatim(words) => {
                words.lines().for_each(|line| text += &format!("> {}\n", plain(line)));
                text += "\n";
            }
        }
    }
    text.trim_end().to_string() + "\n"
}

fn style() -> String {
    format!(
        "body{{font:16px/1.5 system-ui,sans-serif;color:{INK};background:{PAPER};max-width:70rem;margin:2rem auto;padding:0 1rem}}\
table{{border-collapse:collapse;margin:1rem 0;font-size:14px;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}}\
th,td{{padding:.25rem .6rem;border-bottom:1px solid {GRID};text-align:right;white-space:nowrap}}\
th:first-child,td:first-child{{text-align:left}}th{{background:{SHADE}}}\
figure{{margin:1.5rem 0}}figcaption{{color:{MUTED};font-size:14px}}svg{{max-width:100%;height:auto}}\
blockquote{{background:{SHADE};border-left:4px solid {GRID};margin:1rem 0;padding:.5rem 1rem;white-space:pre-wrap}}\
h1,h2,h3{{line-height:1.25}}h2{{margin-top:2.5rem;border-bottom:1px solid {GRID}}}"
    )
}

pub(super) fn html(title: &str, blocks: &[Element]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{}</title><style>{}</style></head><body>\n",
        escape(title),
        style()
    );
    for block in blocks {
        let _ = match block {
            Element::Heading(level, words) => writeln!(text, "<h{level}>{}</h{level}>", inline(words)),
            Element::Text(words) => writeln!(text, "<p>{}</p>", inline(words)),
            Element::List(items) => {
                let items: String = items.iter().map(|item| format!("<li>{}</li>", inline(item))).collect();
                writeln!(text, "<ul>{items}</ul>")
            }
            Element::Table { header, rows } => {
                let row = |cells: &[String], tag: &str| {
                    let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", inline(cell))).collect();
                    format!("<tr>{cells}</tr>")
                };
                let body: String = rows.iter().map(|cells| row(cells, "td")).collect();
                writeln!(text, "<table><thead>{}</thead><tbody>{body}</tbody></table>", row(header, "th"))
            }
            #[cfg(feature = "plots")]
            Element::Picture { caption, svg } => {
                writeln!(text, "<figure>{svg}<figcaption>{}</figcaption></figure>", inline(caption))
            }
            Element::Verbatim(words) => writeln!(text, "<blockquote>{}</blockquote>", escape(words)),
        };
    }
    text + "</body></html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escaped, with `**bold**` and `` `code` ``.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (mark, open, close) in [("**", "<strong>", "</strong>"), ("`", "<code>", "</code>")] {
        let source = if out.is_empty() { escape(text) } else { std::mem::take(&mut out) };
        for (i, part) in source.split(mark).enumerate() {
            if i > 0 {
                out += if i % 2 == 1 { open } else { close };
            }
            out += part;
        }
    }
    out
}
