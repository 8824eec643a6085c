//! The module registry protocol: service discovery, versions, and where a version's package is.
//!
//! Tokens come from `TF_TOKEN_<host>` and go to that host only. Nothing is stored.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use stackctl_aws::web::{Answer, Web, join};
use stackctl_lang::config::source::{Getter, RegistrySource, RemoteSource};
use stackctl_lang::config::versions::{Constraint, Version};
use stackctl_lang::diag::Problem;
use tokio::sync::Mutex;

/// Answers of registries are small.
const MOST: usize = 64 << 20;

/// Registries and what they said.
pub(super) struct Registries<'a> {
    web: &'a Web,
    env: &'a BTreeMap<String, String>,
    /// Where a host serves modules.
    services: Mutex<HashMap<String, String>>,
    /// Versions by package.
    versions: Mutex<HashMap<String, Vec<(Version, String)>>>,
}

impl<'a> Registries<'a> {
    pub(super) fn new(web: &'a Web, env: &'a BTreeMap<String, String>) -> Registries<'a> {
        Registries { web, env, services: Mutex::default(), versions: Mutex::default() }
    }
    /// The newest version that a constraint allows; pre-releases only where the constraint names them.
    ///
    /// # Errors
    /// If the registry cannot be asked, or has none.
    pub(super) async fn newest(&self, m: &RegistrySource, c: Option<&Constraint>) -> Result<String, Box<Problem>> {
        let all = self.versions(m).await?;
        let allowed = |v: &Version| c.map_or(!v.is_pre_release(), |c| c.allows(v));
        if let Some((_, text)) = all.iter().rfind(|(v, _)| allowed(v)) {
            return Ok(text.clone());
        }
        let some = all.iter().rev().take(5).map(|(_, t)| t.as_str()).collect::<Vec<_>>().join(", ");
        let detail = match (all.is_empty(), c) {
            (true, _) => format!("{} has no versions of {}.", m.host, m.package()),
            (false, Some(_)) => {
                format!("No version of {}/{} meets the constraint. The newest are: {some}.", m.host, m.package())
            }
            (false, None) => format!("{}/{} has only pre-releases: {some}.", m.host, m.package()),
        };
        Err(Box::new(Problem::error("No matching version", detail).hinted("Correct the argument \"version\".")))
    }
    /// Where the package of a version is.
    ///
    /// # Errors
    /// If the registry cannot be asked, or does not say.
    pub(super) async fn location(&self, m: &RegistrySource, version: &str) -> Result<RemoteSource, Box<Problem>> {
        let url = format!("{}{}/{version}/download", self.service(&m.host).await?, m.package());
        let answer = self.ask(&m.host, &url).await?;
        let header = answer.headers.get("x-terraform-get").cloned();
        let body = || serde_json::from_slice::<Value>(&answer.body).ok()?.get("location")?.as_str().map(str::to_owned);
        let location = match (answer.status, header.or_else(body).filter(|l| !l.is_empty())) {
            (200 | 204, Some(location)) => location,
            (200 | 204, None) => {
                return Err(malformed(m, "it names no address of the package (X-Terraform-Get)"));
            }
            _ => return Err(self.refused(m, &answer)),
        };
        let relative = ["/", "./", "../"].iter().any(|p| location.starts_with(p));
        let location = if relative { join(&answer.url, &location) } else { location };
        let source = RemoteSource::parse(&location).map_err(|e| malformed(m, &e.message))?;
        if source.getter == Getter::File {
            // A registry has no business with files of this machine.
            return Err(malformed(m, "it names a local directory as the package"));
        }
        Ok(source)
    }
    /// Versions in ascending order, with their text.
    async fn versions(&self, m: &RegistrySource) -> Result<Vec<(Version, String)>, Box<Problem>> {
        let mut known = self.versions.lock().await;
        let package = format!("{}/{}", m.host, m.package());
        if let Some(found) = known.get(&package) {
            return Ok(found.clone());
        }
        let url = format!("{}{}/versions", self.service(&m.host).await?, m.package());
        let answer = self.ask(&m.host, &url).await?;
        if answer.status != 200 {
            return Err(self.refused(m, &answer));
        }
        let json: Value = serde_json::from_slice(&answer.body).map_err(|e| malformed(m, &e.to_string()))?;
        let list = json.pointer("/modules/0/versions").and_then(Value::as_array);
        let list = list.ok_or_else(|| malformed(m, "it has no list of versions"))?;
        let texts = list.iter().filter_map(|v| v.get("version")?.as_str());
        let mut all: Vec<_> = texts.filter_map(|t| Some((Version::parse(t)?, t.to_owned()))).collect();
        all.sort();
        known.insert(package, all.clone());
        Ok(all)
    }
    /// Base URL of a host's modules, with a slash at its end.
    async fn service(&self, host: &str) -> Result<String, Box<Problem>> {
        let mut known = self.services.lock().await;
        if let Some(found) = known.get(host) {
            return Ok(found.clone());
        }
        let url = format!("https://{host}/.well-known/terraform.json");
        let answer = self.ask(host, &url).await?;
        let json = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let service = json.get("modules.v1").and_then(Value::as_str).filter(|_| answer.status == 200);
        let Some(service) = service else {
            let detail =
                format!("{host} serves no modules: {url} names no service \"modules.v1\" (HTTP {}).", answer.status);
            let hint = "Check the host in the source. For a repository write git::https://HOST/PATH.git.";
            return Err(Box::new(Problem::error("Host is no module registry", detail).hinted(hint)));
        };
        let mut base = join(&answer.url, service);
        if !base.ends_with('/') {
            base.push('/');
        }
        known.insert(host.to_owned(), base.clone());
        Ok(base)
    }
    async fn ask(&self, host: &str, url: &str) -> Result<Answer, Box<Problem>> {
        // The token belongs to the host, not to wherever its services are.
        let same = url.strip_prefix("https://").and_then(|u| u.strip_prefix(host)).is_some_and(|r| r.starts_with('/'));
        let token = token(host, self.env).filter(|_| same);
        let authorization = token.map(|t| format!("Bearer {t}"));
        let answer = self.web.get(url, authorization.as_deref(), MOST).await;
        answer.map_err(|e| {
            let p = Problem::error("Module registry cannot be reached", e.to_string());
            Box::new(p.hinted("Check the host in the source, the network, and HTTPS_PROXY."))
        })
    }
    fn refused(&self, m: &RegistrySource, answer: &Answer) -> Box<Problem> {
        let name = format!("{}/{}", m.host, m.package());
        let variable = variable(&m.host);
        Box::new(match answer.status {
            401 | 403 => {
                let hint = match token(&m.host, self.env) {
                    Some(_) => format!("The token in {variable} may not read this module."),
                    None => format!("Give a token in the environment variable {variable}."),
                };
                Problem::error("Module registry refused access", format!("{name}: HTTP {}.", answer.status))
                    .hinted(hint)
            }
            404 => Problem::error("Module not found", format!("{} has no module {}.", m.host, m.package()))
                .hinted("Check the source: NAMESPACE/NAME/SYSTEM. For a local directory write \"./PATH\"."),
            status => Problem::error("Module registry failed", format!("{name}: HTTP {status}."))
                .hinted("Try again later; modules that were fetched before are not affected."),
        })
    }
}

fn malformed(m: &RegistrySource, reason: &str) -> Box<Problem> {
    let detail = format!("The answer of {} about {} cannot be used: {reason}.", m.host, m.package());
    Box::new(Problem::error("Unusable answer of a module registry", detail))
}

/// The token for a host.
fn token<'e>(host: &str, env: &'e BTreeMap<String, String>) -> Option<&'e str> {
    let of_host = |name: &str| {
        let written = name.strip_prefix("TF_TOKEN_")?;
        let decoded = written.replace("__", "-").replace('_', ".");
        (decoded.eq_ignore_ascii_case(host) || written.eq_ignore_ascii_case(host)).then_some(())
    };
    env.iter().find(|(k, v)| !v.is_empty() && of_host(k).is_some()).map(|(_, v)| v.as_str())
}

/// The variable that a host's token stands in.
fn variable(host: &str) -> String {
    format!("TF_TOKEN_{}", host.replace('-', "__").replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_host() {
        let env =
            |name: &str| BTreeMap::from([(name.to_owned(), "t".to_owned()), ("TF_TOKEN_".to_owned(), "x".to_owned())]);
        for (name, host, want) in [
            ("TF_TOKEN_app_example_com", "app.example.com", true),
            ("TF_TOKEN_my__host_example_com", "my-host.example.com", true),
            ("TF_TOKEN_app.example.com", "app.example.com", true),
            ("TF_TOKEN_app_example_com", "example.com", false),
            ("TF_TOKEN_example_com", "app.example.com", false),
        ] {
            assert_eq!(token(host, &env(name)).is_some(), want, "{name} {host}");
            if want && !name.contains('.') {
                assert_eq!(variable(host), name);
            }
        }
    }
}
