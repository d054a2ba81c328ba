//! The file that a profile comes from, so that each error names it.

use crate::json_path::JsonPath;
use crate::profile::ProfileError;

pub(super) struct Source<'f> {
    pub(super) file: &'f str,
}

impl Source<'_> {
    pub(super) fn wrong(
        &self,
        key: impl Into<String>,
        expected: impl Into<String>,
        got: impl std::fmt::Display,
    ) -> ProfileError {
        ProfileError::Value {
            file: self.file.to_owned(),
            key: key.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    pub(super) fn path(&self, key: &str, path: &str) -> Result<(), ProfileError> {
        JsonPath::parse(path)
            .map(|_| ())
            .ok_or_else(|| self.wrong(key, "a path such as `$.a.b[0]`", path))
    }
}
