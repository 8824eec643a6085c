//! States of other stacks, for `data "terraform_remote_state"`: read like any state, without a lock.

use stackctl_builtin::{Outputs, RemoteStates};
use stackctl_core::{BoxFuture, Diagnostics, Error, ErrorKind, Host, Known, Path, Result, Ty};
use stackctl_state::{Access, Options};

use crate::settings;

/// The backends of this program.
pub(crate) struct Backends;

impl RemoteStates for Backends {
    fn outputs<'a>(
        &'a self,
        backend: &'a str,
        config: &'a Known,
        workspace: &'a str,
        host: &'a Host,
    ) -> BoxFuture<'a, Result<Option<Outputs>>> {
        Box::pin(async move {
            let arguments = arguments(backend, config)?;
            // Reading folds the journal of a run that is under way or was killed.
            let backend = stackctl_backend::configure(backend, &arguments, true, host).await.map_err(in_config)?;
            let mut options = Options::new(workspace, Access::Read, "OperationTypeInvalid");
            options.sealing = settings::sealing(&host.cwd, false).map_err(of_diagnostics)?;
            let session = backend.open(options, host).await.map_err(|e| of_diagnostics(vec![e.diagnostic()]))?;
            let state = session.state();
            if state.outputs.is_empty() && backend.raw(workspace).await.is_ok_and(|raw| raw.is_none()) {
                return Ok(None);
            }
            Ok(Some(state.outputs.iter().map(|(k, o)| (k.clone(), (o.ty.clone(), o.value.clone()))).collect()))
        })
    }
}

fn in_config(e: Error) -> Error {
    let inner = e.path.clone().unwrap_or_default();
    let path = inner.0.into_iter().fold(Path::attr("config"), |p, step| p.with(step));
    Error { path: Some(path), ..e }
}

/// The error that an operation on a backend reports first.
fn of_diagnostics(all: Diagnostics) -> Error {
    let Some(d) = all.into_iter().next() else { return Error::invalid("The state cannot be read.") };
    let e = Error::at(Path::attr("config"), format!("{}: {}", d.summary, d.detail));
    Error { kind: ErrorKind::Other, hint: d.hint, ..e }
}

/// Arguments as the schema of the backend has them: unknown ones are refused, simple values converted.
fn arguments(backend: &str, config: &Known) -> Result<Known> {
    let schema = stackctl_backend::block(backend)
        .ok_or_else(|| Error::at(Path::attr("backend"), format!("There is no backend {backend:?} here.")))?;
    let mut out = Known::object();
    for (name, value) in config.as_map().into_iter().flatten() {
        let at = || Path::attr("config").with_attr(name);
        if let Some((_, why)) = schema.refused.iter().find(|(n, _)| n == name) {
            return Err(Error::at(at(), format!("{name:?} is not supported: {why}.")));
        }
        let Some(attr) = schema.block.attrs.get(name.as_str()) else {
            return Err(Error::at(at(), format!("The backend {backend:?} has no argument {name:?}.")));
        };
        let value = match (&attr.ty, value) {
            (Ty::String, Known::Number(n)) => n.to_string().into(),
            (Ty::String, Known::Bool(b)) => b.to_string().into(),
            (Ty::Bool, Known::String(s)) if s == "true" || s == "false" => (s == "true").into(),
            (Ty::String, Known::List(_) | Known::Map(_))
            | (Ty::Bool, Known::List(_) | Known::Map(_) | Known::String(_)) => {
                return Err(Error::at(at(), format!("{name:?} has a value of the wrong type.")));
            }
            _ => value.clone(),
        };
        out.set(name.as_str(), value);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fit_the_schema() {
        let ok = |c: Known| arguments("s3", &c).map(|v| v.to_json().to_string());
        let mut c = Known::from([("bucket", "b"), ("encrypt", "true")]);
        assert_eq!(ok(c.clone()).unwrap(), r#"{"bucket":"b","encrypt":true}"#);
        c.set("nope", "x".into());
        assert_eq!(ok(c).unwrap_err().path.unwrap().to_string(), "config.nope");
        assert!(arguments("gcs", &Known::object()).is_err());
    }
}
