//! What each function does, in a sentence: for editors, which ask for it with `metadata functions -json`.
//!
//! Never needed for evaluation. Start at [`description`].

/// What a function does, in one sentence; `None` for a name that no function has.
pub fn description(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    ALL.binary_search_by_key(&name, |(n, _)| n).ok().map(|i| ALL[i].1)
}

/// In order of the names.
static ALL: &[(&str, &str)] = &[
    ("abs", "`abs` takes the sign off a number."),
    ("abspath", "`abspath` makes a path absolute, starting from the working directory."),
    ("alltrue", "`alltrue` tells whether every element of a list is true; of an empty list, yes."),
    ("anytrue", "`anytrue` tells whether at least one element of a list is true."),
    ("base64decode", "`base64decode` gives the text whose UTF-8 bytes a Base64 text stands for."),
    ("base64encode", "`base64encode` writes the UTF-8 bytes of a text as Base64."),
    ("base64gzip", "`base64gzip` compresses a text with gzip and writes the result as Base64."),
    ("base64sha256", "`base64sha256` writes the SHA-256 hash of a text as Base64."),
    ("base64sha512", "`base64sha512` writes the SHA-512 hash of a text as Base64."),
    ("basename", "`basename` gives the last part of a path."),
    ("bcrypt", "`bcrypt` hashes a password with bcrypt and a random salt, at the given cost."),
    ("can", "`can` tells whether an expression can be evaluated without an error."),
    ("ceil", "`ceil` gives the smallest whole number that is not below the given one."),
    ("chomp", "`chomp` takes the line breaks off the end of a text."),
    ("chunklist", "`chunklist` cuts a list into lists of the given length; the last one may be shorter."),
    (
        "cidrhost",
        "`cidrhost` gives the address of a host, by its number, in a network given as address and prefix length.",
    ),
    ("cidrnetmask", "`cidrnetmask` writes the prefix length of an IPv4 network as a netmask."),
    (
        "cidrsubnet",
        "`cidrsubnet` gives the subnet with a number, whose prefix is longer than the network's by some bits.",
    ),
    (
        "cidrsubnets",
        "`cidrsubnets` gives consecutive subnets of a network, each longer in its prefix by its own number of bits.",
    ),
    ("coalesce", "`coalesce` gives the first argument that is neither null nor an empty text."),
    ("coalescelist", "`coalescelist` gives the first list that is not empty."),
    ("compact", "`compact` leaves null and empty texts out of a list of texts."),
    ("concat", "`concat` joins lists into one."),
    ("contains", "`contains` tells whether a value is among the elements of a list or set."),
    ("csvdecode", "`csvdecode` reads comma-separated values, with names in the first line, as a list of objects."),
    ("dirname", "`dirname` gives a path without its last part."),
    ("distinct", "`distinct` keeps the first of equal elements of a list."),
    ("element", "`element` gives the element of a list at an index, and starts again at the beginning after the last."),
    ("endswith", "`endswith` tells whether a text ends with another."),
    ("ephemeralasnull", "`ephemeralasnull` puts null in the place of ephemeral values, and leaves others as they are."),
    ("file", "`file` reads a file that holds UTF-8 text."),
    ("filebase64", "`filebase64` reads a file and writes its bytes as Base64."),
    ("filebase64sha256", "`filebase64sha256` writes the SHA-256 hash of a file as Base64."),
    ("filebase64sha512", "`filebase64sha512` writes the SHA-512 hash of a file as Base64."),
    ("fileexists", "`fileexists` tells whether a file exists at a path."),
    ("filemd5", "`filemd5` writes the MD5 hash of a file as hexadecimal digits."),
    ("fileset", "`fileset` gives the paths of the files in a directory that match a pattern."),
    ("filesha1", "`filesha1` writes the SHA-1 hash of a file as hexadecimal digits."),
    ("filesha256", "`filesha256` writes the SHA-256 hash of a file as hexadecimal digits."),
    ("filesha512", "`filesha512` writes the SHA-512 hash of a file as hexadecimal digits."),
    ("flatten", "`flatten` puts the elements of lists within a list in their place, however deep."),
    ("floor", "`floor` gives the largest whole number that is not above the given one."),
    ("format", "`format` puts values into a text where its verbs, such as `%s` and `%d`, stand."),
    ("formatdate", "`formatdate` writes a timestamp in another form, given by a pattern."),
    ("formatlist", "`formatlist` makes a list of texts from a pattern and lists of values."),
    ("indent", "`indent` puts spaces before every line of a text but the first."),
    ("index", "`index` gives the place of a value in a list, counted from 0."),
    ("issensitive", "`issensitive` tells whether a value is marked as sensitive."),
    ("join", "`join` makes one text of a list of texts, with a separator between them."),
    ("jsondecode", "`jsondecode` gives the value that a JSON text stands for."),
    ("jsonencode", "`jsonencode` writes a value as JSON."),
    ("keys", "`keys` gives the keys of a map or the names of an object's attributes, sorted."),
    ("length", "`length` counts the elements of a collection or the characters of a text."),
    ("log", "`log` gives the logarithm of a number to a base."),
    ("lookup", "`lookup` gives the element of a map with a key, or a default where there is none."),
    ("lower", "`lower` writes all letters of a text small."),
    ("matchkeys", "`matchkeys` picks elements of one list whose counterparts in a second list are in a third."),
    ("max", "`max` gives the largest of some numbers."),
    ("md5", "`md5` writes the MD5 hash of a text as hexadecimal digits."),
    ("merge", "`merge` makes one map or object of several; where keys are the same, the last wins."),
    ("min", "`min` gives the smallest of some numbers."),
    ("nonsensitive", "`nonsensitive` takes the sensitive mark off a value, so that it will be shown."),
    ("one", "`one` gives the only element of a list or set, or null where there is none."),
    ("parseint", "`parseint` reads a text as a whole number in the given base."),
    ("pathexpand", "`pathexpand` puts the home directory in the place of `~` at the start of a path."),
    ("plantimestamp", "`plantimestamp` gives the time at which the plan was made."),
    ("pow", "`pow` raises a number to a power."),
    ("range", "`range` gives a list of numbers from a start up to, and without, a limit, in steps."),
    ("regex", "`regex` gives what a regular expression, or its groups, matched first in a text."),
    ("regexall", "`regexall` gives a list of everything that a regular expression matched in a text."),
    (
        "replace",
        "`replace` puts one text in the place of every occurrence of another, or of a regular expression in slashes.",
    ),
    ("reverse", "`reverse` gives the elements of a list from the last to the first."),
    ("rsadecrypt", "`rsadecrypt` decrypts a Base64 text with a private RSA key."),
    ("sensitive", "`sensitive` marks a value as sensitive, so that it is not shown."),
    ("setintersection", "`setintersection` gives the elements that all of some sets have."),
    ("setproduct", "`setproduct` gives every combination of one element from each of some collections."),
    ("setsubtract", "`setsubtract` gives the elements of one set that another does not have."),
    ("setunion", "`setunion` gives the elements that any of some sets has."),
    ("sha1", "`sha1` writes the SHA-1 hash of a text as hexadecimal digits."),
    ("sha256", "`sha256` writes the SHA-256 hash of a text as hexadecimal digits."),
    ("sha512", "`sha512` writes the SHA-512 hash of a text as hexadecimal digits."),
    ("signum", "`signum` gives -1, 0 or 1 for a number below, at or above zero."),
    ("slice", "`slice` gives the elements of a list from one index up to, and without, another."),
    ("sort", "`sort` puts the texts of a list in the order of their characters."),
    ("split", "`split` cuts a text at every occurrence of a separator."),
    ("startswith", "`startswith` tells whether a text begins with another."),
    ("strcontains", "`strcontains` tells whether a text occurs in another."),
    ("strrev", "`strrev` gives the characters of a text from the last to the first."),
    ("substr", "`substr` gives a part of a text, by the place of its first character and its length."),
    ("sum", "`sum` adds up the numbers of a list or set."),
    ("templatefile", "`templatefile` reads a file and renders it as a template with the given variables."),
    (
        "templatestring",
        "`templatestring` renders a text that another object holds as a template with the given variables.",
    ),
    ("textdecodebase64", "`textdecodebase64` reads a Base64 text as text in the named character encoding."),
    ("textencodebase64", "`textencodebase64` writes a text in the named character encoding, as Base64."),
    ("timeadd", "`timeadd` adds a duration such as `1h30m` to a timestamp."),
    ("timecmp", "`timecmp` compares two timestamps: -1, 0 or 1 where the first is earlier, the same or later."),
    ("timestamp", "`timestamp` gives the present time, which is known during apply only."),
    ("title", "`title` writes the first letter of every word large."),
    ("tobool", "`tobool` converts a value to a truth value."),
    ("tolist", "`tolist` converts a value to a list."),
    ("tomap", "`tomap` converts a value to a map."),
    ("tonumber", "`tonumber` converts a value to a number."),
    ("toset", "`toset` converts a value to a set: without order, and without a second of equal elements."),
    ("tostring", "`tostring` converts a value to a text."),
    ("transpose", "`transpose` exchanges the keys of a map of lists of texts with the texts."),
    ("trim", "`trim` takes the given characters off both ends of a text."),
    ("trimprefix", "`trimprefix` takes a text off the start of another, if it is there."),
    ("trimspace", "`trimspace` takes white space off both ends of a text."),
    ("trimsuffix", "`trimsuffix` takes a text off the end of another, if it is there."),
    ("try", "`try` gives the first of its arguments that can be evaluated without an error."),
    ("upper", "`upper` writes all letters of a text large."),
    ("urlencode", "`urlencode` escapes a text so that it can be part of a URL's query."),
    ("uuid", "`uuid` makes a random UUID, which is known during apply only."),
    ("uuidv5", "`uuidv5` makes the UUID that belongs to a name within a namespace."),
    ("values", "`values` gives the values of a map or object, in the order of its keys."),
    ("yamldecode", "`yamldecode` gives the value that a YAML text stands for."),
    ("yamlencode", "`yamlencode` writes a value as YAML."),
    ("zipmap", "`zipmap` makes a map of a list of keys and a list of values."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_described() {
        assert!(ALL.is_sorted_by_key(|(n, _)| n));
        for name in super::super::names() {
            let d = description(name).unwrap_or_else(|| panic!("{name} is not described"));
            assert!(d.starts_with(&format!("`{name}` ")) && d.ends_with('.'), "{d}");
        }
        assert_eq!(description("core::abs"), description("abs"));
        assert_eq!(description("nope"), None);
        assert!(ALL.iter().all(|(n, _)| super::super::signature(n).is_some()), "only functions are described");
    }
}
