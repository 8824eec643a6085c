//! Conversions and unifications as data: value and wanted type, in a small notation of `Debug`.

use super::*;

fn tuple(items: Vec<Value>) -> Value {
    Value::tuple(items)
}
fn obj(attrs: Vec<(&str, Value)>) -> Value {
    Value::object(attrs)
}

/// Type and content of the result, or the message.
fn check(v: &Value, want: &Ty, expect: &str) {
    let got = match convert(v, want) {
        Ok(v) => {
            let json: Vec<String> = v.elements().map_or_else(Vec::new, |l| l.iter().map(show).collect());
            if v.elements().is_some() {
                format!("{} [{}]", v.ty(), json.join(", "))
            } else {
                format!("{} {}", v.ty(), show(&v))
            }
        }
        Err(e) => format!("error: {e}"),
    };
    assert_eq!(got, expect, "{v:?} as {want}");
}

fn show(v: &Value) -> String {
    v.as_str().map_or_else(|| format!("{v:?}"), |s| format!("'{s}'"))
}

#[test]
fn values() {
    let n = Ty::Number;
    let any = Ty::Dynamic;
    check(&"1".into(), &n, "number 1");
    check(&" 1".into(), &n, "error: a number is required");
    check(&"0x10".into(), &n, "error: a number is required");
    check(&"".into(), &n, "error: a number is required");
    check(&true.into(), &n, "error: number required");
    check(&1.into(), &Ty::Bool, "error: bool required");
    check(&"1".into(), &Ty::Bool, "bool true");
    check(&true.into(), &Ty::String, "string 'true'");
    check(&tuple(vec![1.into(), "a".into(), true.into()]), &Ty::list(any.clone()), "list(string) ['1', 'a', 'true']");
    check(&tuple(vec![1.into(), "1".into()]), &Ty::set(any.clone()), "set(string) ['1']");
    check(&tuple(vec![3.into(), 10.into(), 2.into()]), &Ty::set(any.clone()), "set(number) [2, 3, 10]");
    check(
        &tuple(vec!["a".into(), tuple(vec![])]),
        &Ty::list(any.clone()),
        "error: all list elements must have the same type",
    );
    check(&tuple(vec![]), &Ty::list(Ty::String), "list(string) []");
    check(&tuple(vec![]), &Ty::list(any.clone()), "list(any) []");
    check(&"a".into(), &Ty::list(Ty::String), "error: list of string required");
    check(
        &obj(vec![("a", 1.into()), ("b", "x".into())]),
        &Ty::map(any.clone()),
        "map(string) {\"a\": <1 bytes>, \"b\": <1 bytes>}",
    );
    check(
        &obj(vec![("a", obj(vec![("x", 1.into())])), ("b", obj(vec![("y", 2.into())]))]),
        &Ty::map(any.clone()),
        "map(map(number)) {\"a\": {\"x\": 1}, \"b\": {\"y\": 2}}",
    );
    check(
        &obj(vec![("a", "1".into()), ("z", 2.into())]),
        &Ty::object([("a", n.clone())]),
        "object({a=number}) {\"a\": 1}",
    );
    check(&obj(vec![]), &Ty::object([("a", n.clone())]), "error: attribute \"a\" is required");
    check(&Value::null(&any), &Ty::list(n.clone()), "list(number) null(list(number))");
    check(&tuple(vec!["1".into(), "x".into()]), &Ty::list(n.clone()), "error: element 1: a number is required");
    check(
        &tuple(vec![obj(vec![("a", 1.into())]), obj(vec![("b", "x".into())])]),
        &Ty::list(Ty::map(any.clone())),
        "list(map(string)) [{\"a\": <1 bytes>}, {\"b\": <1 bytes>}]",
    );
    let nothing = || Value::null(&any);
    check(
        &obj(vec![("a", nothing()), ("b", obj(vec![]))]),
        &Ty::map(any.clone()),
        "map(object({})) {\"a\": null(object({})), \"b\": {}}",
    );
    check(
        &tuple(vec![nothing(), obj(vec![])]),
        &Ty::list(any.clone()),
        "error: all list elements must have the same type",
    );
    check(&tuple(vec![nothing(), 1.into()]), &Ty::list(any.clone()), "list(number) [null(number), 1]");
    check(&Value::unknown(&Ty::String), &n, "number unknown(number)");
    check(
        &Value::unknown(&Ty::Tuple(vec![Ty::String])).not_null(),
        &Ty::list(any.clone()),
        "list(string) [unknown(string)]",
    );
}

#[test]
fn types_in_common() {
    let (s, n, b, d) = (Ty::String, Ty::Number, Ty::Bool, Ty::Dynamic);
    let o = |a: &[(&str, Ty)]| Ty::object(a.iter().cloned());
    let t = Ty::Tuple;
    let cases: &[(Vec<Ty>, &str)] = &[
        (vec![], "none"),
        (vec![n.clone(), s.clone()], "string"),
        (vec![n.clone(), b.clone()], "none"),
        (vec![n.clone(), b.clone(), s.clone()], "string"),
        (vec![d.clone(), s.clone()], "string"),
        (vec![d.clone(), t(vec![])], "any"),
        (vec![t(vec![n.clone()]), t(vec![s.clone()])], "tuple([string])"),
        (vec![t(vec![]), t(vec![s.clone()])], "list(string)"),
        (vec![t(vec![n.clone(), s.clone()]), t(vec![b.clone()])], "list(string)"),
        (vec![t(vec![n.clone(), b.clone()]), t(vec![])], "none"),
        (vec![o(&[]), o(&[("a", n.clone())])], "map(number)"),
        (vec![o(&[("a", n.clone())]), o(&[("a", s.clone())])], "object({a=string})"),
        (vec![o(&[("a", n.clone())]), o(&[("a", t(vec![]))])], "none"),
        (vec![o(&[("a", o(&[]))]), o(&[("a", o(&[("b", n.clone())]))])], "object({a=map(number)})"),
        (vec![s.clone(), o(&[])], "none"),
        (vec![t(vec![n.clone()]), Ty::list(s.clone())], "list(string)"),
        (vec![Ty::set(s.clone()), Ty::list(n.clone())], "list(number)"),
        (vec![Ty::set(n.clone()), t(vec![s.clone()])], "set(number)"),
        (vec![Ty::map(s.clone()), o(&[("a", n.clone())])], "map(string)"),
        (vec![Ty::list(o(&[("a", n.clone())])), Ty::list(o(&[("b", n.clone())]))], "list(map(number))"),
        (vec![Ty::list(d.clone()), t(vec![s.clone()])], "list(string)"),
    ];
    for (tys, expect) in cases {
        let got = unify(tys).map_or_else(|| "none".to_owned(), |t| t.to_string());
        assert_eq!(got, *expect, "{tys:?}");
    }
}

#[test]
fn marks_stay_where_they_are_except_in_sets() {
    let v = tuple(vec![Value::from("a").sensitive(), "b".into()]);
    let l = convert(&v, &Ty::list(Ty::Dynamic)).unwrap();
    assert!(l.marks().is_empty() && l.elements().unwrap()[0].marks().is_sensitive());
    let s = convert(&v, &Ty::set(Ty::Dynamic)).unwrap();
    assert!(s.marks().is_sensitive());
}
