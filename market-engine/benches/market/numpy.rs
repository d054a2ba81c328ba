//! The figures of `numpy_baseline.py`, as `cargo xtask bench market` leaves them in a file: `version=2.4.6`,
//! then seconds by kind of sort and number of orders, `stable 1000=0.000023`.

/// What numpy takes.
pub(crate) struct Numpy {
    text: String,
}

impl Numpy {
    /// Reads the figures.
    pub(crate) fn from_file(file: &str) -> Self {
        let text = std::fs::read_to_string(file).expect("the file with numpy's figures");
        Self { text }
    }

    /// Which numpy.
    pub(crate) fn version(&self) -> &str {
        self.value("version").unwrap_or("of unknown version")
    }

    /// What it takes for a book of this size with this kind of sort.
    pub(crate) fn seconds(&self, kind: &str, size: usize) -> Option<f64> {
        self.value(&format!("{kind} {size}"))?.parse().ok()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.text.lines().filter_map(|line| line.split_once('='));
        pairs.find(|(of, _)| *of == name).map(|(_, value)| value)
    }
}
