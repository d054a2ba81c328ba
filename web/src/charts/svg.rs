//! A text of SVG that grows.

use std::fmt::{Arguments, Write as _};

/// An SVG picture under construction.
#[derive(Debug, Default)]
pub(super) struct Svg(String);

impl Svg {
    /// A picture of a size in user units, with a title and a description for those who do not see it.
    pub(super) fn new(
        class: &str,
        width: f64,
        height: f64,
        title: &str,
        description: &str,
    ) -> Self {
        let mut svg = Self(String::with_capacity(8_192));
        svg.put(format_args!(
            r#"<svg class="{class}" viewBox="0 0 {width} {height}" role="img" preserveAspectRatio="xMidYMid meet"><title>{}</title><desc>{}</desc>"#,
            escaped(title),
            escaped(description),
        ));
        svg
    }

    /// Adds elements.
    pub(super) fn put(&mut self, elements: Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = self.0.write_fmt(elements);
    }

    /// Adds a text. `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escaped(text);
        self.put(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    /// Adds a line.
    pub(super) fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.put(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// Adds a rectangle with a title, unless it is invisibly small.
    pub(super) fn bar(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        if height > 0.05 && width > 0.05 {
            self.put(format_args!(
                r#"<rect class="{class}" x="{x:.2}" y="{y:.2}" width="{width:.2}" height="{height:.2}"/>"#
            ));
        }
    }

    /// The finished picture.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str("</svg>");
        self.0
    }
}

/// A text that is safe inside an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
