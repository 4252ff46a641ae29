//! Strict reading of JSON objects: every error names the field from the outermost object on, and a field nobody asked for is one.

use serde_json::{Map, Value};

/// An object whose fields are read one by one.
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Begins to read; `path` is empty for the outermost object.
    pub(super) fn of(value: &'a Value, path: &str) -> Result<Self, String> {
        match value.as_object() {
            Some(object) => Ok(Self { path: path.to_owned(), object, known: Vec::new() }),
            None => Err(format!("{}: an object is wanted", if path.is_empty() { "the case" } else { path })),
        }
    }

    /// Where a field of this object stands.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A field that may be absent.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name)
    }

    /// A field that must be there.
    pub(super) fn required(&mut self, name: &'static str) -> Result<&'a Value, String> {
        self.optional(name).ok_or_else(|| format!("{}: is required", self.at(name)))
    }

    /// A text that may be absent, read by `parse`.
    pub(super) fn optional_text<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| format!("{}: a text is wanted, not {value}", self.at(name)))?;
        parse(text).map(Some).map_err(|what| format!("{}: {what}", self.at(name)))
    }

    /// A text that must be there, read by `parse`.
    pub(super) fn text<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&'a str) -> Result<T, String>,
    ) -> Result<T, String> {
        self.optional_text(name, parse)?.ok_or_else(|| format!("{}: is required", self.at(name)))
    }

    /// A whole number that may be absent.
    pub(super) fn optional_number(&mut self, name: &'static str) -> Result<Option<u32>, String> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| format!("{}: a whole number, 0 or more, is wanted, not {value}", self.at(name)))
    }

    /// A whole number that must be there.
    pub(super) fn number(&mut self, name: &'static str) -> Result<u32, String> {
        self.optional_number(name)?.ok_or_else(|| format!("{}: is required", self.at(name)))
    }

    /// A switch that may be absent.
    pub(super) fn optional_switch(&mut self, name: &'static str) -> Result<Option<bool>, String> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| format!("{}: true or false is wanted, not {value}", self.at(name)))
    }

    /// A list that must be there, with the place of each item.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Vec<(String, &'a Value)>, String> {
        let at = self.at(name);
        let items = self.required(name)?.as_array().ok_or_else(|| format!("{at}: a list is wanted"))?;
        Ok(items.iter().enumerate().map(|(index, item)| (format!("{at}[{index}]"), item)).collect())
    }

    /// All that is known was read: anything else is an error.
    pub(super) fn end(self) -> Result<(), String> {
        match self.object.keys().find(|name| !self.known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(format!("{}: is no field here; {} are", self.at(name), self.known.join(", "))),
        }
    }
}
