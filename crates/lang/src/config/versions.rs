//! Version constraints: `required_version` against the language version, `required_providers` against what is built in.

use std::cmp::Ordering;
use std::fmt;

use stackctl_core::Severity;

use super::Config;
use crate::diag::Problem;

/// The version of the language that configurations are compared with.
pub const LANGUAGE: &str = "1.11.4";

/// A version: numbers, and perhaps a pre-release part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Major, minor, patch and whatever follows; missing ones are zero.
    numbers: [u64; 3],
    /// How many numbers were written.
    written: usize,
    pre: Option<String>,
}

impl Version {
    /// Reads `1`, `1.2`, `v1.2.3`, `1.2.3-beta1`; build metadata is ignored.
    pub fn parse(text: &str) -> Option<Version> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split('+').next().unwrap_or(text);
        let (numbers, pre) = match text.split_once('-') {
            Some((n, p)) => (n, Some(p.to_owned()).filter(|p| !p.is_empty())),
            None => (text, None),
        };
        let mut v = Version { numbers: [0; 3], written: 0, pre };
        for part in numbers.split('.') {
            let n = part.parse().ok().filter(|_| part.chars().all(|c| c.is_ascii_digit()))?;
            *v.numbers.get_mut(v.written)? = n;
            v.written += 1;
        }
        Some(v)
    }
    /// True for `1.2.0-beta1`.
    pub fn is_pre_release(&self) -> bool {
        self.pre.is_some()
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Version) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Version {
    fn cmp(&self, other: &Version) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.pre.as_deref().map(identifiers), other.pre.as_deref().map(identifiers)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) => a.cmp(&b),
            }
        })
    }
}

/// Parts of a pre-release: numbers come before texts.
fn identifiers(pre: &str) -> Vec<(bool, u64, &str)> {
    pre.split('.').map(|p| p.parse().map_or((true, 0, p), |n| (false, n, ""))).collect()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.numbers;
        write!(f, "{a}.{b}.{c}")?;
        match &self.pre {
            Some(p) => write!(f, "-{p}"),
            None => Ok(()),
        }
    }
}

/// Several conditions, all of which must hold: `>= 1.2, < 2.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint(Vec<(Op, Version)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    /// `~>`: the last written number may grow.
    Pessimistic,
}

impl Constraint {
    /// Reads a constraint; `None` if it is none.
    pub fn parse(text: &str) -> Option<Constraint> {
        let ops = [
            (">=", Op::GreaterEqual),
            ("<=", Op::LessEqual),
            ("!=", Op::NotEqual),
            ("~>", Op::Pessimistic),
            (">", Op::Greater),
            ("<", Op::Less),
            ("=", Op::Equal),
        ];
        let one = |part: &str| {
            let part = part.trim();
            let (op, rest) =
                ops.iter().find_map(|(s, op)| Some((*op, part.strip_prefix(s)?))).unwrap_or((Op::Equal, part));
            Some((op, Version::parse(rest)?))
        };
        text.split(',').map(one).collect::<Option<_>>().map(Constraint)
    }
    /// True if the version satisfies all conditions. A pre-release satisfies only what names exactly it.
    pub fn allows(&self, v: &Version) -> bool {
        self.0.iter().all(|(op, want)| {
            if v.pre.is_some() && !matches!(op, Op::NotEqual) && (v.numbers != want.numbers || want.pre.is_none()) {
                return false;
            }
            match op {
                Op::Equal => v == want || (v.numbers, &v.pre) == (want.numbers, &want.pre),
                Op::NotEqual => (v.numbers, &v.pre) != (want.numbers, &want.pre),
                Op::Greater => v > want,
                Op::GreaterEqual => v >= want,
                Op::Less => v < want,
                Op::LessEqual => v <= want,
                Op::Pessimistic => {
                    let fixed = want.written.saturating_sub(1);
                    v >= want && v.numbers[..fixed] == want.numbers[..fixed]
                }
            }
        })
    }
}

impl Config {
    /// Version constraints of all modules: those of the language that [`LANGUAGE`] does not meet are errors; a provider
    /// constraint that the built-in version does not meet is one warning per provider. `provider` gives the version for
    /// a source address.
    pub fn version_problems(&self, provider: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut warned = Vec::new();
        let language = Version::parse(LANGUAGE);
        for m in self.modules() {
            for (text, span) in &m.terraform.required_version {
                match (Constraint::parse(text), &language) {
                    (None, _) => problems.push(invalid(text).at(*span)),
                    (Some(c), Some(v)) if !c.allows(v) => {
                        let place = if m.path.is_root() { "This configuration".to_owned() } else { m.path.to_string() };
                        let detail = format!(
                            "{place} requires a language version of {text}, and this program implements version {v}."
                        );
                        problems.push(Problem::error("Unsupported language version", detail).at(*span));
                    }
                    _ => {}
                }
            }
            for r in m.required_providers.values() {
                let Some((text, span)) = &r.version else { continue };
                let Some(c) = Constraint::parse(text) else {
                    problems.push(invalid(text).at(*span));
                    continue;
                };
                let Some(have) = provider(&r.source) else { continue };
                let unmet = Version::parse(&have).is_some_and(|v| !c.allows(&v));
                if unmet && !warned.contains(&r.source) {
                    warned.push(r.source.clone());
                    let detail = format!(
                        "The configuration asks for {} {text}; the built-in one has the arguments and attributes of \
                         version {have}.",
                        r.source
                    );
                    problems.push(Problem::warning("Provider version constraint not met", detail).at(*span));
                }
            }
        }
        let mut told: Vec<(Option<stackctl_hcl::Span>, Severity)> = Vec::new();
        problems.retain(|p| {
            let new = !told.contains(&(p.span, p.severity));
            told.push((p.span, p.severity));
            new
        });
        problems
    }
}

/// The report about a text that is no version constraint.
pub(super) fn invalid(text: &str) -> Problem {
    let detail = format!("\"{text}\" is not a version constraint: write one such as \">= 1.2, < 2.0\" or \"~> 5.0\".");
    Problem::error("Invalid version constraint", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints() {
        for (constraint, version, want) in [
            (">= 1.0", "1.11.4", true),
            (">= 1.0, < 1.11", "1.11.4", false),
            ("~> 1.9", "1.11.4", true),
            ("~> 1.9.0", "1.11.4", false),
            ("~> 1.11.2", "1.11.4", true),
            ("~> 2", "2.5.0", true),
            ("1.11.4", "1.11.4", true),
            ("= 1.11", "1.11.4", false),
            ("!= 1.11.4", "1.11.4", false),
            (">= 6.0", "5.100.0", false),
            (">= 5.0", "5.100.0", true),
            ("> 1.2.0-beta1", "1.2.0", true),
            (">= 1.2.0", "1.3.0-rc1", false),
        ] {
            let c = Constraint::parse(constraint).unwrap();
            assert_eq!(c.allows(&Version::parse(version).unwrap()), want, "{constraint} {version}");
        }
        for bad in ["", "x", ">= ", "1.2.3.4", ">> 1", "1,,2"] {
            assert_eq!(Constraint::parse(bad), None, "{bad}");
        }
        assert!(Version::parse("1.0.0-alpha.2") < Version::parse("1.0.0-alpha.10"));
    }
}
