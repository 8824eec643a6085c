//! Bodies decoded by a schema.

use std::collections::BTreeMap;

use stackctl_core::ty::ObjectTy;
use stackctl_core::{Attr, Block, BlockType, Mode, Nesting, Path, Presence, Step, Ty};
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::{Scope, Spec, World, locate};
use stackctl_lang::files::Memory;
use stackctl_lang::refs::{Reference, Subject};
use stackctl_lang::value::Value;

use crate::world::{lines, load, show, world};

fn schema() -> Block {
    let leaf = Block {
        attrs: [("n", Attr::required(Ty::Number)), ("t", Attr::optional(Ty::String))].into(),
        ..Block::default()
    };
    let deep = Block {
        attrs: [("k", Attr::optional(Ty::String))].into(),
        blocks: [("leaf", BlockType::new(Nesting::List, leaf.clone()))].into(),
    };
    let rule = Ty::Object(ObjectTy {
        attrs: [("port".to_owned(), Ty::Number), ("desc".to_owned(), Ty::String)].into(),
        optional: Default::default(),
    });
    Block {
        attrs: [
            ("name", Attr::optional(Ty::String)),
            ("size", Attr::optional(Ty::Number)),
            ("tags", Attr::optional(Ty::map(Ty::String))),
            ("id", Attr::computed(Ty::String)),
            ("old", Attr { deprecated: Some("use name"), ..Attr::optional(Ty::String) }),
            ("rule", Attr { as_block: true, ..Attr::new(Ty::set(rule), Presence::OptComputed) }),
        ]
        .into(),
        blocks: [
            ("leaf", BlockType { max: 2, ..BlockType::new(Nesting::List, leaf.clone()) }),
            ("bag", BlockType::new(Nesting::Set, leaf.clone())),
            ("one", BlockType::new(Nesting::Single, leaf)),
            ("deep", BlockType::new(Nesting::List, deep)),
        ]
        .into(),
    }
}

struct Names<'a>(BTreeMap<&'a str, Value>, &'a Memory, &'a stackctl_hcl::SourceMap);

impl Scope for Names<'_> {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        match r.subject {
            Subject::Local(n) => self.0.get(n).cloned().ok_or_else(|| Problem::error("missing", n)),
            s => Err(Problem::error("missing", s.to_string())),
        }
    }
    fn world(&self) -> Option<World<'_>> {
        Some(world(self.1))
    }
    fn sources(&self) -> Option<&stackctl_hcl::SourceMap> {
        Some(self.2)
    }
}

/// Decodes the body of a resource.
fn decoded(file: &str, text: &str) -> Value {
    with(file, text, |value, _, _| value.clone())
}

/// Decodes the body of a resource; what is set, and problems.
fn decode(file: &str, text: &str) -> Vec<String> {
    with(file, text, |value, problems, sources| {
        let set = value.entries().unwrap().iter().filter(|(_, v)| !v.is_null() && !v.is_empty());
        let mut out: Vec<_> = set.map(|(k, v)| format!("{k} = {}", show(v))).collect();
        let hint = |p: &Problem| p.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
        out.extend(lines(problems, sources).iter().zip(problems).map(|(l, p)| format!("{l}{}", hint(p))));
        out
    })
}

fn with<T>(file: &str, text: &str, then: impl FnOnce(&Value, &[Problem], &stackctl_hcl::SourceMap) -> T) -> T {
    let files = Memory::of([(file, text)]);
    let (config, sources, problems) = load(&files);
    assert_eq!(lines(&problems, &sources), [""; 0]);
    let config = config.unwrap();
    let r = config.root.resource(Mode::Managed, "x", "y").unwrap();
    let block = schema();
    let spec = Spec::new(&block, &[("bad", "nobody needs it")]);
    let secret = Value::tuple(vec![Value::from("p")]).sensitive();
    let known = [("u", Value::unknown(&Ty::list(Ty::String))), ("s", Value::from("x").sensitive()), ("secret", secret)];
    let scope = Names(known.into(), &files, &sources);
    let d = spec.decode(&r.body, r.span, &scope);
    assert!(d.value.has_ty(&block.ty()), "{:?}", d.value.ty());
    then(&d.value, &d.problems, &sources)
}

#[track_caller]
fn check(body: &str, want: &[&str]) {
    assert_eq!(decode("m.tf", &format!("resource \"x\" \"y\" {{\n{body}\n}}\n")), want);
}

#[test]
fn attributes_are_converted() {
    check("name = 5\nsize = \"7\"\ntags = { a = 1 }", &[r#"name = "5""#, "size = 7", r#"tags = map{a = "1"}"#]);
    check("name = local.s", &[r#"name = sensitive("x")"#]);
}

#[test]
fn what_does_not_belong_is_refused_with_a_suggestion() {
    check(
        "nam = 1\nid = \"x\"\nbad = 1\nleaf = []\nname {}\nleef { n = 1 }\nold = \"x\"\nsize = \"x\"",
        &[
            r#"old = "x""#,
            "size = unknown number",
            "Unsupported argument @ m.tf:2 (Did you mean \"name\"?)",
            "Value for unconfigurable attribute @ m.tf:3",
            "Unsupported argument @ m.tf:4",
            "Unsupported argument @ m.tf:5 (Did you mean to define a block of type \"leaf\"? Then leave out the equals sign: leaf { … }.)",
            "Unsupported block type @ m.tf:6 (Did you mean to define argument \"name\"? Then write an equals sign: name = { … }.)",
            "Unsupported block type @ m.tf:7 (Did you mean \"leaf\"?)",
            "Argument is deprecated @ m.tf:8",
            "Incorrect attribute value type @ m.tf:9",
        ],
    );
}

#[test]
fn nested_blocks() {
    check(
        "leaf { n = 1 }\nbag { n = 2 }\nbag { n = 2 }\none { n = 3 }",
        &["bag = set[{n = 2, t = null}]", "leaf = list[{n = 1, t = null}]", "one = {n = 3, t = null}"],
    );
    check(
        "leaf {}\nleaf { n = null }\nleaf { n = 3 }\none { n = 1 }\none { n = 2 }",
        &[
            "leaf = list[{n = null, t = null}, {n = null, t = null}, {n = 3, t = null}]",
            "one = {n = 1, t = null}",
            "Missing required argument @ m.tf:2",
            "Missing required argument @ m.tf:3",
            "Too many blocks @ m.tf:4",
            "Too many blocks @ m.tf:6",
        ],
    );
}

#[test]
fn dynamic_blocks() {
    check(
        "leaf { n = 0 }\ndynamic \"leaf\" {\n  for_each = [5]\n  content {\n    n = leaf.value\n    t = leaf.key\n  }\n}",
        &[r#"leaf = list[{n = 0, t = null}, {n = 5, t = "0"}]"#],
    );
    check(
        "dynamic \"deep\" {\n  for_each = { a = [1, 2] }\n  iterator = d\n  content {\n    k = d.key\n    dynamic \"leaf\" {\n      for_each = d.value\n      content {\n        n = leaf.value\n        t = d.key\n      }\n    }\n  }\n}",
        &[r#"deep = list[{k = "a", leaf = list[{n = 1, t = "a"}, {n = 2, t = "a"}]}]"#],
    );
    check(
        "dynamic \"leaf\" {\n  for_each = local.secret\n  content {\n    n = 1\n    t = leaf.value\n  }\n}",
        &[r#"leaf = list[{n = sensitive(1), t = sensitive("p")}]"#],
    );
    check(
        "dynamic \"rule\" {\n  for_each = [80]\n  content {\n    port = rule.value\n  }\n}",
        &["rule = set[{desc = null, port = 80}]"],
    );
}

#[test]
fn dynamic_blocks_over_something_unknown() {
    let d = "for_each = local.u\n  content {\n    n = 1\n    t = \"x\"\n  }\n}";
    check(
        &format!("leaf {{ n = 1 }}\ndynamic \"leaf\" {{\n  {d}"),
        &["leaf = unknown list(object({n=number, t=string}))"],
    );
    check(&format!("dynamic \"one\" {{\n  {d}"), &["one = {n = unknown number, t = unknown string}"]);
    check(
        "dynamic \"leaf\" {\n  for_each = local.u\n  content {\n    n = [][0]\n  }\n}",
        &["leaf = unknown list(object({n=number, t=string}))", "Invalid index @ m.tf:5 (There are no elements in it.)"],
    );
}

#[test]
fn dynamic_blocks_that_are_wrong() {
    check(
        "dynamic \"leaf\" {\n  for_each = null\n  content { n = 1 }\n}",
        &["Invalid dynamic for_each value @ m.tf:3"],
    );
    check("dynamic \"leaf\" {\n  for_each = 5\n  content { n = 1 }\n}", &["Invalid dynamic for_each value @ m.tf:3"]);
    check(
        "dynamic \"leef\" {\n  for_each = []\n  content {}\n}",
        &["Unsupported block type @ m.tf:2 (Did you mean \"leaf\"?)"],
    );
    check(
        "dynamic \"leaf\" {\n  foreach = []\n  labels = []\n  n = 1\n}",
        &[
            "Missing required argument @ m.tf:2",
            "Missing required block @ m.tf:2",
            "Extraneous dynamic block labels @ m.tf:4",
            "Unsupported argument @ m.tf:3 (Did you mean \"for_each\"?)",
            "Unsupported argument @ m.tf:5",
        ],
    );
}

#[test]
fn attributes_as_blocks() {
    check(
        "rule {\n  port = 80\n}\nrule { port = \"81\" }",
        &["rule = set[{desc = null, port = 80}, {desc = null, port = 81}]"],
    );
    check("rule = [{ port = 80, desc = null }]", &["rule = set[{desc = null, port = 80}]"]);
    check(
        "rule { prt = 80 }",
        &["rule = set[{desc = null, port = null}]", "Unsupported argument @ m.tf:2 (Did you mean \"port\"?)"],
    );
    let value = |body: &str| decoded("m.tf", &format!("resource \"x\" \"y\" {{\n{body}\n}}\n")).attr("rule").map(show);
    assert_eq!(value("rule = []").as_deref(), Some("set[]"));
    assert_eq!(value("name = 1").as_deref(), Some("null"));
    let none = value("dynamic \"rule\" {\n  for_each = []\n  content {}\n}");
    assert_eq!(none.as_deref(), Some("null"), "a dynamic block without blocks sets nothing");
}

#[test]
fn json_properties_become_blocks() {
    let got = decode(
        "m.tf.json",
        r#"{"resource": {"x": {"y": {
            "name": "${local.s}",
            "leaf": [{"n": 1}, {"n": 2}],
            "one": {"n": 3},
            "deep": {"dynamic": {"leaf": {"for_each": [4], "content": {"n": "${leaf.value}"}}}}
        }}}}"#,
    );
    assert_eq!(
        got,
        [
            "deep = list[{k = null, leaf = list[{n = 4, t = null}]}]",
            "leaf = list[{n = 1, t = null}, {n = 2, t = null}]",
            r#"name = sensitive("x")"#,
            "one = {n = 3, t = null}",
        ]
    );
}

#[test]
fn paths_lead_back_to_the_source() {
    let text = "resource \"x\" \"y\" {\n  tags = {\n    a = 1\n  }\n  leaf { n = 1 }\n  leaf {\n    n = 2\n  }\n  dynamic \"deep\" {\n    for_each = [1]\n    content {\n      k = 1\n    }\n  }\n}\n";
    let (config, sources, _) = load(&Memory::of([("m.tf", text)]));
    let config = config.unwrap();
    let body = &config.root.resource(Mode::Managed, "x", "y").unwrap().body;
    let line = |p: Path| locate(body, &p).map(|s| sources.range(s).unwrap().start.line);
    assert_eq!(line(Path::attr("tags")), Some(2));
    assert_eq!(line(Path::attr("tags").with(Step::Key("a".into()))), Some(3));
    assert_eq!(line(Path::attr("leaf").with_index(1).with_attr("n")), Some(7));
    assert_eq!(line(Path::attr("leaf").with_index(0).with_attr("t")), Some(5));
    assert_eq!(line(Path::attr("deep").with_index(4).with_attr("k")), Some(12));
    assert_eq!(line(Path::attr("zz")), None);
}
