//! Plots as SVG, with text set as text: bars that lie, one below the other.

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;

use crate::process::root;

/// A bar: what it stands for, its length, and what is said of it.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) label: String,
    /// Whether it is ours.
    pub(super) own: bool,
}

const WIDTH: f64 = 760.0;
const NAMES: f64 = 250.0;
const LABELS: f64 = 130.0;
const ROW: f64 = 26.0;
const TOP: f64 = 64.0;

/// Writes a plot to docs/performance.
pub(super) fn write(name: &str, title: &str, subtitle: &str, bars: &[Bar]) -> Result<()> {
    let path = format!("docs/performance/{name}.svg");
    fs::write(root().join(&path), svg(title, subtitle, bars))?;
    println!("{path} is rewritten");
    Ok(())
}

fn svg(title: &str, subtitle: &str, bars: &[Bar]) -> String {
    let height = TOP + ROW * bars.len() as f64 + 12.0;
    let longest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"14\">\n\
         <title>{title}</title>\n\
         <style>.paper{{fill:#fff}}.ink{{fill:#1a1a1a}}.soft{{fill:#666}}.own{{fill:#0b7a75}}.bar{{fill:#b8bec4}}\n\
         @media (prefers-color-scheme: dark){{.paper{{fill:#14171a}}.ink{{fill:#eee}}.soft{{fill:#9aa3ab}}\
         .own{{fill:#2fb5ae}}.bar{{fill:#515a63}}}}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"ink\" x=\"12\" y=\"26\" font-size=\"17\" font-weight=\"600\">{title}</text>\n\
         <text class=\"soft\" x=\"12\" y=\"47\">{subtitle}</text>\n"
    );
    for (at, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * at as f64;
        let width = (bar.value / longest * (WIDTH - NAMES - LABELS)).max(1.0);
        let (class, weight) = if bar.own { ("own", " font-weight=\"600\"") } else { ("bar", "") };
        let _ = write!(
            svg,
            "<text class=\"ink\" x=\"{}\" y=\"{}\" text-anchor=\"end\"{weight}>{}</text>\n\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\"/>\n\
             <text class=\"ink\" x=\"{:.1}\" y=\"{}\">{}</text>\n",
            NAMES - 8.0,
            y + 15.0,
            escaped(&bar.name),
            ROW - 6.0,
            NAMES + width + 6.0,
            y + 15.0,
            escaped(&bar.label),
        );
    }
    svg + "</svg>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_has_all_the_room_and_names_are_escaped() {
        let bar = |name: &str, value| Bar { name: name.into(), value, label: String::new(), own: false };
        let svg = svg("t", "s", &[bar("a<b", 2.0), bar("c", 1.0)]);
        assert!(svg.contains("a&lt;b") && svg.contains("width=\"380.0\"") && svg.contains("width=\"190.0\""), "{svg}");
    }
}
