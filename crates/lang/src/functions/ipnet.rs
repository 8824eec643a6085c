//! `cidr*`: arithmetic on IPv4 and IPv6 networks.
//!
//! Network text is read as leniently as the language always did: leading zeros in octets and prefix lengths, host bits
//! set. Numbers that do not fit are refused, also negative network numbers.

use std::net::{Ipv4Addr, Ipv6Addr};

use stackctl_core::Ty;

use super::FnContext;
use super::args::{number, text, whole};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::Value;

const PREFIX: Param = Param::str("prefix");

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("cidrhost", &[PREFIX, Param::num("hostnum")], Returns::Is(P::Str), cidrhost),
    Function::new("cidrnetmask", &[PREFIX], Returns::Is(P::Str), |a, _, _| {
        let net = Net::parse(text(a, 0)).map_err(FnError::new)?;
        if net.width == 128 {
            return Err(FnError::new(format!("IPv6 addresses cannot have a netmask: {}", text(a, 0))));
        }
        Ok(Value::string(net.show(net.mask())))
    }),
    Function::new(
        "cidrsubnet",
        &[PREFIX, Param::num("newbits"), Param::num("netnum")],
        Returns::Is(P::Str),
        cidrsubnet,
    ),
    Function::new("cidrsubnets", &[PREFIX], Returns::Is(P::Strs), cidrsubnets).variadic(Param::num("newbits")),
];

/// A network; the address is kept in the low `width` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Net {
    addr: u128,
    len: u32,
    width: u32,
}

impl Net {
    /// Reads `address/length`, without its host bits.
    fn parse(text: &str) -> Result<Net, String> {
        let bad = || format!("invalid CIDR expression: invalid CIDR address: {text}");
        let (addr, len) = text.split_once('/').ok_or_else(bad)?;
        let (addr, width) = match ipv4(addr) {
            Some(a) => (u128::from(u32::from(a)), 32),
            None => (u128::from(addr.parse::<Ipv6Addr>().map_err(|_| bad())?), 128),
        };
        let digits = !len.is_empty() && len.bytes().all(|b| b.is_ascii_digit());
        let len = len.parse::<u32>().ok().filter(|l| digits && *l <= width).ok_or_else(bad)?;
        let net = Net { addr, len, width };
        Ok(Net { addr: addr & net.mask(), ..net }.unmapped())
    }
    /// An IPv4 network written as IPv6 (`::ffff:10.0.0.0/112`) is an IPv4 network.
    fn unmapped(self) -> Net {
        if self.width == 128 && self.len >= 96 && self.addr >> 32 == 0xffff {
            return Net { addr: self.addr & 0xffff_ffff, len: self.len - 96, width: 32 };
        }
        self
    }
    fn mask(self) -> u128 {
        if self.len == 0 { 0 } else { (u128::MAX << (128 - self.len)) >> (128 - self.width) }
    }
    fn show(self, addr: u128) -> String {
        if self.width == 32 {
            Ipv4Addr::from(u32::try_from(addr).unwrap_or(u32::MAX)).to_string()
        } else {
            Ipv6Addr::from(addr).to_string()
        }
    }
    /// The network number `n` among those that are `more` bits longer; `None` if there is none.
    fn subnet(self, more: u32, n: u128) -> Option<Net> {
        let len = self.len + more;
        let host = self.width - len;
        let fits = if more >= 128 { true } else { n >> more == 0 };
        let addr = if host >= 128 { self.addr } else { self.addr | n.checked_shl(host)? };
        fits.then_some(Net { addr, len, ..self })
    }
    fn cidr(self) -> Value {
        Value::string(format!("{}/{}", self.show(self.addr), self.len))
    }
}

/// Four decimal octets, leading zeros allowed.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0u8; 4];
    let mut parts = text.split('.');
    for o in &mut octets {
        let p = parts.next()?;
        if p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *o = p
            .trim_start_matches('0')
            .parse()
            .or_else(|e| if p.trim_start_matches('0').is_empty() { Ok(0) } else { Err(e) })
            .ok()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets))
}

fn cidrhost(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let net = Net::parse(text(a, 0)).map_err(FnError::new)?;
    let n = number(a, 1);
    if !n.is_integer() {
        return Err(FnError::new("value must be a whole number"));
    }
    let host_bits = net.width - net.len;
    let count_minus_one = if host_bits >= 128 { u128::MAX } else { (1u128 << host_bits) - 1 };
    let too_big = || FnError::new(format!("prefix of {} does not accommodate a host numbered {n}", net.len));
    let host = match n.to_i128() {
        Some(n) if n >= 0 => n.unsigned_abs(),
        // From the end: -1 is the last address.
        Some(n) => count_minus_one.checked_sub(n.unsigned_abs() - 1).ok_or_else(too_big)?,
        None => return Err(too_big()),
    };
    if host > count_minus_one {
        return Err(too_big());
    }
    Ok(Value::string(net.show(net.addr | host)))
}

fn cidrsubnet(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let net = Net::parse(text(a, 0)).map_err(FnError::new)?;
    let more = whole(a, 1)?;
    let n = number(a, 2);
    if more < 0 {
        return Err(FnError::arg(1, "must not be negative"));
    }
    let Some(bits) = u32::try_from(more).ok().filter(|m| *m <= net.width - net.len) else {
        return Err(FnError::new(format!("insufficient address space to extend prefix of {} by {more}", net.len)));
    };
    let fits = n.to_i128().and_then(|n| u128::try_from(n).ok()).and_then(|n| net.subnet(bits, n));
    fits.map(Net::cidr)
        .ok_or_else(|| FnError::new(format!("prefix extension of {more} does not accommodate a subnet numbered {n}")))
}

fn cidrsubnets(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let net = Net::parse(text(a, 0)).map_err(|e| FnError::arg(0, e))?;
    let mut out: Vec<Value> = Vec::new();
    // First address that is still free, relative to the network; `None` once the space is used up.
    let mut free = Some(0u128);
    let mut last: Option<Net> = None;
    let size_bits = net.width - net.len;
    for i in 1..a.len() {
        let more = whole(a, i)?;
        let more = u32::try_from(more).ok().filter(|m| *m >= 1);
        let more = more.ok_or_else(|| FnError::arg(i, "must extend prefix by at least one bit"))?;
        if more > 32 {
            return Err(FnError::arg(i, "may not extend prefix by more than 32 bits"));
        }
        let len = net.len + more;
        if len > net.width {
            let protocol = if net.width == 32 { "IPv4" } else { "IPv6" };
            return Err(FnError::arg(
                i,
                format!("would extend prefix to {len} bits, which is too long for an {protocol} address"),
            ));
        }
        let step = 1u128 << (net.width - len);
        let full = || {
            let after = last.map_or_else(|| "the start".to_owned(), |l| format!("{}/{}", l.show(l.addr), l.len));
            let what = "not enough remaining address space for a subnet with a prefix of";
            FnError::arg(i, format!("{what} {len} bits after {after}"))
        };
        let start = free.and_then(|f| f.checked_add(step - 1)).map(|f| f & !(step - 1)).ok_or_else(full)?;
        let end = start.checked_add(step - 1).filter(|e| size_bits >= 128 || e >> size_bits == 0).ok_or_else(full)?;
        let subnet = Net { addr: net.addr | start, len, ..net };
        free = end.checked_add(1);
        last = Some(subnet);
        out.push(subnet.cidr());
    }
    Ok(Value::list(&Ty::String, out))
}
