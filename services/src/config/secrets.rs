//! Secrets that stand in files of their own.

use super::{ConfigError, KafkaConfig};

/// Ends the name of a property whose value stands in a file.
const IN_A_FILE: &str = "_file";

impl KafkaConfig {
    /// Puts values that stand in files in their places.
    pub(super) fn read_secrets(&mut self) -> Result<(), ConfigError> {
        let named: Vec<_> = self.client.keys().filter(|name| name.ends_with(IN_A_FILE)).cloned().collect();
        for name in named {
            let Some(path) = self.client.remove(&name) else { continue };
            let property = name.trim_end_matches(IN_A_FILE).to_owned();
            let value = std::fs::read_to_string(&path)
                .map_err(|error| ConfigError(format!("kafka.client.{name}: cannot read {path}: {error}")))?;
            let value = value.strip_suffix('\n').map_or(value.as_str(), |text| text.trim_end_matches('\r')).to_owned();
            if self.client.insert(property.clone(), value).is_some() {
                let both = format!("kafka.client.{property} and kafka.client.{name} are both set; set one of them");
                return Err(ConfigError(both));
            }
        }
        Ok(())
    }
}
