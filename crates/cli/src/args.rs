//! The command line as Terraform's users type it, brought into the form that clap reads.
//!
//! `-var-file=x` and `--var-file=x` are the same; `TF_CLI_ARGS` and `TF_CLI_ARGS_<command>` are inserted behind the command;
//! options before the command (`-chdir`, `--sandbox`) may stand behind it too.

use std::collections::BTreeMap;

/// The arguments that clap gets, program name first.
///
/// # Errors
/// If a `TF_CLI_ARGS` variable has an open quote.
pub(crate) fn normalise(
    args: impl IntoIterator<Item = String>,
    env: &BTreeMap<String, String>,
) -> Result<Vec<String>, String> {
    let mut args = args.into_iter();
    let mut out = vec![args.next().unwrap_or_else(|| "stackctl".to_owned())];
    let mut rest: Vec<String> = args.map(double_dash).collect();
    let mut before = 0;
    while rest.get(before).is_some_and(|a| a.starts_with('-')) {
        // `-chdir DIR` is no form of Terraform's: the value stands behind an equals sign.
        before += 1;
    }
    if before < rest.len() {
        let mut command = rest[before].clone();
        let mut at = before + 1;
        if matches!(command.as_str(), "state" | "workspace" | "providers" | "metadata" | "sandbox")
            && let Some(sub) = rest.get(at).filter(|a| !a.starts_with('-'))
        {
            command = format!("{command}_{sub}");
            at += 1;
        }
        let mut more = Vec::new();
        for name in ["TF_CLI_ARGS".to_owned(), format!("TF_CLI_ARGS_{}", command.replace('-', "_"))] {
            if let Some(text) = env.get(&name) {
                more.extend(words(text).map_err(|e| format!("{name}: {e}"))?.into_iter().map(double_dash));
            }
        }
        rest.splice(at..at, more);
    }
    out.extend(rest);
    Ok(out)
}

/// `-name…` becomes `--name…`; a single dash, one-letter options and what follows them stay.
fn double_dash(arg: String) -> String {
    let Some(name) = arg.strip_prefix('-') else { return arg };
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(a), Some(b)) if a.is_ascii_alphabetic() && (b.is_ascii_alphabetic() || b == '-') => format!("-{arg}"),
        _ => arg,
    }
}

/// Splits a text into words as a shell does: quotes and backslashes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let w = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        None => return Err(format!("the quote {c} is not closed")),
                        Some(d) if d == c => break,
                        Some('\\') if c == '"' => w.extend(chars.next()),
                        Some(d) => w.push(d),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_whitespace() => out.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &str, env: &[(&str, &str)], want: &str) {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let got = normalise(args.split(' ').map(str::to_owned), &env).unwrap();
        assert_eq!(got.join(" "), want);
    }

    #[test]
    fn forms() {
        check("s -chdir=x plan -out=p", &[], "s --chdir=x plan --out=p");
        check("s plan --out p -", &[], "s plan --out p -");
        check("s plan -detailed-exitcode", &[("TF_CLI_ARGS", "-no-color")], "s plan --no-color --detailed-exitcode");
        check("s state mv a b", &[("TF_CLI_ARGS_state_mv", "-lock=false")], "s state mv --lock=false a b");
        check(
            "s apply x",
            &[("TF_CLI_ARGS_apply", "-var 'a=b c' -input=false")],
            "s apply --var a=b c --input=false x",
        );
        check("s plan x -5", &[], "s plan x -5");
        assert!(words("'a").is_err());
    }
}
