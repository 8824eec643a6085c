//! `data.terraform_remote_state`: the root outputs of another state.
//!
//! States are not this crate's to read: whoever builds the providers hands in [`RemoteStates`].

use std::collections::BTreeMap;
use std::sync::Arc;

use stackctl_core::{Attr, Block, BoxFuture, Error, Host, Known, Partial, Path, Result, Schema, Ty};

use crate::table::{Setup, Source};

/// Root outputs by name, with their types.
pub type Outputs = BTreeMap<String, (Ty, Known)>;

/// Reads states of other stacks.
pub trait RemoteStates: Send + Sync {
    /// The root outputs of the state of a workspace, with their types; `None` if there is no such state. `config` holds the
    /// arguments of a `backend` block as they were written.
    ///
    /// # Errors
    /// If the backend does not exist, cannot be used with these arguments or cannot be reached. `path` starts at `config`.
    fn outputs<'a>(
        &'a self,
        backend: &'a str,
        config: &'a Known,
        workspace: &'a str,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Option<Outputs>>>;
}

/// The data source.
pub(crate) fn source(states: Arc<dyn RemoteStates>) -> Source {
    let attrs = BTreeMap::from([
        ("backend", Attr::required(Ty::String).doc("Where the state is kept: `local` or `s3`.")),
        ("config", Attr::optional(Ty::Dynamic).doc("Arguments as in a `backend` block.")),
        ("defaults", Attr::optional(Ty::Dynamic).doc("Outputs to use where the state has none of the name.")),
        ("outputs", Attr::computed(Ty::Dynamic).doc("The root outputs.")),
        ("workspace", Attr::optional(Ty::String).doc("Workspace of the state; `default` where nothing is set.")),
    ]);
    let schema = Schema {
        doc: "The root outputs of another state.",
        ..Schema::new("terraform_remote_state", Block { attrs, blocks: BTreeMap::new() })
    };
    let source = Source::new(schema, read).with(states);
    Source { validate, ..source }
}

fn validate(config: &Partial) -> Vec<Error> {
    match config.get("backend") {
        Partial::String(b) if !matches!(b.as_str(), "local" | "s3") => {
            vec![
                Error::at(Path::attr("backend"), format!("There is no backend {b:?} here; there are local and s3."))
                    .hinted("Let the other stack publish what is needed in a parameter, or move its state."),
            ]
        }
        Partial::String(b) if b == "local" => {
            let Ok(given) = config.get("config").to_known().and_then(|v| entries(&v, "config").or(Ok(BTreeMap::new())))
            else {
                return Vec::new();
            };
            let unknown = |name: &&String| !matches!(name.as_str(), "path" | "workspace_dir");
            let message = |name: &String| {
                let message = format!("The local backend has no argument {name:?}; it has path and workspace_dir.");
                Error::at(Path::attr("config"), message)
            };
            given.keys().filter(unknown).map(message).collect()
        }
        _ => Vec::new(),
    }
}

/// Entries of an attribute of dynamic type: an object or a map, or nothing.
fn entries(v: &Known, attr: &str) -> Result<BTreeMap<String, (Ty, Known)>> {
    if v.is_null() {
        return Ok(BTreeMap::new());
    }
    let wrong = || Error::at(Path::attr(attr), "The value must be an object.");
    let (ty, value) = v.as_dynamic().ok_or_else(wrong)?;
    if value.is_null() {
        return Ok(BTreeMap::new());
    }
    let of = |name: &str| match &ty {
        Ty::Object(o) => o.attrs.get(name).cloned(),
        Ty::Map(t) => Some((**t).clone()),
        _ => None,
    };
    let map = value.as_map().ok_or_else(wrong)?;
    map.iter().map(|(k, v)| Ok((k.clone(), (of(k).ok_or_else(wrong)?, v.clone())))).collect()
}

fn read<'a>(config: Known, setup: &'a Setup) -> BoxFuture<'a, Result<Known>> {
    Box::pin(async move {
        let states = setup.states.as_ref().ok_or_else(|| Error::invalid("Other states cannot be read here."))?;
        let text = |k: &str| config.get(k).as_str().filter(|t| !t.is_empty());
        let workspace = text("workspace").unwrap_or("default");
        let arguments = entries(config.get("config"), "config")?;
        let arguments = Known::Map(arguments.into_iter().map(|(k, (_, v))| (k, v)).collect());
        let found = states.outputs(text("backend").unwrap_or_default(), &arguments, workspace, &setup.host).await?;
        let found = found.ok_or_else(|| {
            let message = format!("There is no state of the workspace {workspace:?} in this backend.");
            Error::at(Path::attr("config"), message).hinted("Apply the other stack first.")
        })?;
        let mut outputs = entries(config.get("defaults"), "defaults")?;
        outputs.extend(found);
        let ty = Ty::object(outputs.iter().map(|(k, (ty, _))| (k.as_str(), ty.clone())));
        let value = Known::Map(outputs.into_iter().map(|(k, (_, v))| (k, v)).collect());
        let mut v = config;
        v.set("outputs", Known::dynamic(&ty, value));
        Ok(v)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{run, setup};

    /// One state, in the workspace `prod` of a local backend at `p`.
    struct One;
    impl RemoteStates for One {
        fn outputs<'a>(
            &'a self,
            backend: &'a str,
            config: &'a Known,
            workspace: &'a str,
            _: &'a Host,
        ) -> BoxFuture<'a, Result<Option<Outputs>>> {
            let there = backend == "local" && config.get("path").as_str() == Some("p") && workspace == "prod";
            let outputs = || BTreeMap::from([("a".to_owned(), (Ty::String, Known::from("from the state")))]);
            Box::pin(async move { Ok(there.then(outputs)) })
        }
    }

    fn dynamic(pairs: &[(&str, &str)]) -> Known {
        let ty = Ty::object(pairs.iter().map(|(k, _)| (*k, Ty::String)));
        Known::dynamic(&ty, Known::Map(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect()))
    }

    #[test]
    fn outputs_and_defaults() {
        let (_dir, setup) = setup(Known::object());
        let source = source(Arc::new(One));
        let setup = Setup { states: source.states.clone(), ..setup };
        let mut config = Known::from([("backend", "local"), ("workspace", "prod")]);
        config.set("config", dynamic(&[("path", "p")]));
        config.set("defaults", dynamic(&[("a", "default"), ("b", "default")]));
        let v = run((source.read)(config.clone(), &setup)).unwrap();
        let (ty, value) = v.get("outputs").as_dynamic().unwrap();
        assert_eq!(ty, Ty::object([("a", Ty::String), ("b", Ty::String)]));
        assert_eq!((value.get("a").as_str(), value.get("b").as_str()), (Some("from the state"), Some("default")));
        config.set("workspace", Known::Null);
        let e = run((source.read)(config, &setup)).unwrap_err();
        assert!(e.message.contains("no state of the workspace \"default\""), "{}", e.message);
    }

    #[test]
    fn backends_that_we_do_not_have() {
        assert_eq!(validate(&Partial::from(Known::from([("backend", "gcs")]))).len(), 1);
        assert_eq!(validate(&Partial::from(Known::from([("backend", "s3")]))).len(), 0);
        assert_eq!(validate(&Partial::Map([("backend".to_owned(), Partial::Unknown)].into())).len(), 0);
    }

    #[test]
    fn arguments_of_the_local_backend() {
        for (name, wrong) in [("path", 0), ("workspace_dir", 0), ("pth", 1)] {
            let mut config = Known::from([("backend", "local")]);
            config.set("config", dynamic(&[(name, "p")]));
            assert_eq!(validate(&Partial::from(config)).len(), wrong, "{name}");
        }
    }
}
