//! `-target`: which objects a run is limited to.

use stackctl_core::{InstanceAddr, InstanceKey, Mode, ModuleAddr, ResourceAddr};

/// An address that a run is limited to. Without a key it means all instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Everything in a module.
    Module(ModuleAddr),
    /// A resource, or one instance of it.
    Resource(ResourceAddr, Option<InstanceKey>),
}

impl Target {
    /// Reads `module.a`, `module.a["k"].aws_vpc.b[0]`, `data.aws_ami.c`.
    pub fn parse(text: &str) -> Option<Target> {
        if let Some(m) = ModuleAddr::parse(text).filter(|m| !m.is_root()) {
            return Some(Target::Module(m));
        }
        InstanceAddr::parse(text).map(|a| Target::Resource(a.resource, a.key))
    }
    /// True if an instance is meant.
    pub fn covers(&self, addr: &InstanceAddr) -> bool {
        match self {
            Target::Module(m) => covers_module(m, &addr.resource.module),
            Target::Resource(r, key) => {
                (r.mode, &r.ty, &r.name) == (addr.resource.mode, &addr.resource.ty, &addr.resource.name)
                    && r.module.0.len() == addr.resource.module.0.len()
                    && covers_module(&r.module, &addr.resource.module)
                    && (key.is_none() || *key == addr.key)
            }
        }
    }
    /// True if an instance of a resource at an address without keys may be meant.
    pub fn may_cover(&self, config: &ResourceAddr) -> bool {
        match self {
            Target::Module(m) => m.config().contains(&config.module),
            Target::Resource(r, _) => r.config() == *config,
        }
    }
    /// The mode of the resource, managed for modules.
    pub fn mode(&self) -> Mode {
        match self {
            Target::Module(_) => Mode::Managed,
            Target::Resource(r, _) => r.mode,
        }
    }
}

/// A module step without a key means all instances.
fn covers_module(pattern: &ModuleAddr, m: &ModuleAddr) -> bool {
    pattern.0.len() <= m.0.len()
        && pattern.0.iter().zip(&m.0).all(|(p, m)| p.name == m.name && (p.key.is_none() || p.key == m.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant() {
        for (target, addr, expect) in [
            ("a.b", "a.b[0]", true),
            ("a.b[1]", "a.b[0]", false),
            ("module.m", "module.m[\"x\"].a.b", true),
            ("module.m[\"y\"]", "module.m[\"x\"].a.b", false),
            ("module.m.a.b", "module.m[0].a.b[1]", true),
            ("module.m.a.b", "module.m.module.n.a.b", false),
            ("data.a.b", "a.b", false),
        ] {
            let t = Target::parse(target).unwrap();
            assert_eq!(t.covers(&InstanceAddr::parse(addr).unwrap()), expect, "{target} {addr}");
        }
        assert_eq!(Target::parse("a"), None);
    }
}
