//! Which provider configuration a resource uses: the one it names, passed through `providers` of the calls on the way,
//! or the default one that is nearest above.

use stackctl_core::ModuleAddr;

use super::Config;
use super::model::{Content, Module, ProviderRef, Resource};
use crate::diag::{Problem, closest};

/// A provider configuration of the whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderConfigAddr {
    /// The module that its `provider` block stands in, or the root for an implied one. Without instance keys.
    pub module: ModuleAddr,
    /// Source address: `registry.terraform.io/hashicorp/aws`.
    pub source: String,
    /// Local name in that module.
    pub name: String,
    /// Alias.
    pub alias: Option<String>,
}

const REGISTRY: &str = "registry.terraform.io";

/// The source of a provider that no `required_providers` mentions.
pub fn implied_source(name: &str) -> String {
    match name {
        "terraform" => "terraform.io/builtin/terraform".to_owned(),
        _ => format!("{REGISTRY}/hashicorp/{name}"),
    }
}

/// The complete form of a source address; `None` if it is none. OpenTofu's registry counts as Terraform's.
pub fn parse_source(text: &str) -> Option<String> {
    let parts: Vec<_> = text.split('/').collect();
    let good = |p: &&str| !p.is_empty() && p.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'));
    if !parts.iter().all(good) {
        return None;
    }
    let lower = text.to_lowercase();
    Some(match parts.len() {
        1 => format!("{REGISTRY}/hashicorp/{lower}"),
        2 => format!("{REGISTRY}/{lower}"),
        3 => lower.replacen("registry.opentofu.org/", "registry.terraform.io/", 1),
        _ => return None,
    })
}

/// The provider's local name that a resource type implies.
pub fn implied_name(ty: &str) -> &str {
    ty.split('_').next().unwrap_or(ty)
}

impl Config {
    /// The provider configuration of a resource of `module`.
    ///
    /// # Errors
    /// If it names a configuration that does not exist, or that the caller does not pass.
    pub fn resolve_provider(&self, module: &Module, resource: &Resource) -> Result<ProviderConfigAddr, Problem> {
        match &resource.provider {
            Some(p) => self.resolve_provider_ref(&module.path, p),
            None => {
                let name = implied_name(&resource.key.ty).to_owned();
                let span = resource.span;
                self.resolve_provider_ref(&module.path, &ProviderRef { name, alias: None, span })
            }
        }
    }

    /// The provider configuration that a module means by a name.
    ///
    /// # Errors
    /// As [`Config::resolve_provider`].
    pub fn resolve_provider_ref(&self, at: &ModuleAddr, r: &ProviderRef) -> Result<ProviderConfigAddr, Problem> {
        let mut span = r.span;
        let missing = |detail: String, span| Err(Problem::error("Provider configuration not present", detail).at(span));
        let mut path = at.clone();
        let (mut name, mut alias) = (r.name.clone(), r.alias.clone());
        loop {
            let Some(module) = self.module(&path) else { return missing(format!("{path} was not loaded."), span) };
            let source = module.provider_source(&name);
            let call = path.parent().and_then(|p| Some((self.module(&p)?, p))).and_then(|(parent, p)| {
                let call = parent.module_calls.get(&path.0.last()?.name)?;
                Some((parent, p, call))
            });
            let passed = call.as_ref().and_then(|(_, _, call)| {
                call.providers.iter().find(|(child, _)| child.name == name && child.alias == alias)
            });
            if let Some((_, parent_ref)) = passed {
                (name, alias) = (parent_ref.name.clone(), parent_ref.alias.clone());
                span = parent_ref.span;
                path.0.pop();
                let given = self.module(&path).map_or_else(|| source.clone(), |m| m.provider_source(&name));
                // The provider that is built into the language has no address by which it would be implied.
                if given != source && name != "terraform" {
                    let detail = format!("\"{name}\" is the provider {given} here, and the module expects {source}.");
                    return Err(Problem::error("Provider type mismatch", detail).at(parent_ref.span));
                }
                continue;
            }
            if module.provider_config(&name, alias.as_deref()).is_some() {
                return Ok(ProviderConfigAddr { module: path, source, name, alias });
            }
            match (call, alias.as_deref()) {
                (None, None) => return Ok(ProviderConfigAddr { module: path, source, name, alias: None }),
                (call, Some(a)) => {
                    let declared = module
                        .required_providers
                        .get(&name)
                        .is_some_and(|q| q.configuration_aliases.iter().any(|c| c.alias.as_deref() == Some(a)));
                    if declared {
                        let detail = format!(
                            "The module {path} expects a provider configuration \"{name}.{a}\", and its call does not \
                             pass one. Add it to the \"providers\" argument."
                        );
                        return missing(detail, call.map_or(span, |(_, _, call)| call.span));
                    }
                    let known: Vec<_> = module.provider_configs.iter().filter_map(|p| p.alias.as_deref()).collect();
                    let p = Problem::error(
                        "Provider configuration not present",
                        format!("No provider configuration \"{name}.{a}\" is declared here."),
                    )
                    .at(span);
                    return Err(match closest(a, known) {
                        Some(c) => p.hinted(format!("Did you mean \"{name}.{c}\"?")),
                        None => p,
                    });
                }
                (Some((parent, p, _)), None) => {
                    name = parent
                        .required_providers
                        .iter()
                        .find(|(_, q)| q.source == source)
                        .map_or_else(|| default_name(parent, &source, &name), |(n, _)| n.clone());
                    path = p;
                }
            }
        }
    }

    /// Every provider configuration that something in the configuration uses, resources of all modules, with what is
    /// wrong on the way.
    pub fn used_providers(&self) -> (Vec<ProviderConfigAddr>, Vec<Problem>) {
        let (mut out, mut problems) = (Vec::new(), Vec::new());
        for m in self.modules() {
            for r in m.resources.values() {
                match self.resolve_provider(m, r) {
                    Ok(a) => out.push(a),
                    Err(p) => problems.push(p),
                }
            }
        }
        out.sort();
        out.dedup();
        (out, problems)
    }
}

fn default_name(parent: &Content, source: &str, name: &str) -> String {
    if parent.provider_source(name) == source {
        return name.to_owned();
    }
    source.rsplit('/').next().unwrap_or(name).to_owned()
}
