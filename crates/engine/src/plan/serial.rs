//! How parts of other crates appear in a saved plan: a state as its file's text, a provider address as state writes it.

/// A state, as the text of its file.
pub(super) mod state {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stackctl_state::State;

    pub(crate) fn serialize<S: Serializer>(state: &Arc<State>, s: S) -> Result<S::Ok, S::Error> {
        String::from_utf8_lossy(&state.to_bytes()).serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<State>, D::Error> {
        let text = String::deserialize(d)?;
        State::parse(text.as_bytes(), "the plan").map(Arc::new).map_err(D::Error::custom)
    }
}

/// The address of a provider configuration, as state writes it.
pub(super) mod provider {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use stackctl_state::ProviderAddr;

    pub(crate) fn serialize<S: Serializer>(addr: &Arc<ProviderAddr>, s: S) -> Result<S::Ok, S::Error> {
        addr.to_string().serialize(s)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<ProviderAddr>, D::Error> {
        let text = String::deserialize(d)?;
        ProviderAddr::parse(&text).map(Arc::new).ok_or_else(|| D::Error::custom("not the address of a provider"))
    }
}

/// Null stays a value: only what is absent is `None`.
pub(super) fn some<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<stackctl_core::Partial>, D::Error> {
    serde::Deserialize::deserialize(d).map(Some)
}
