//! Which training a checkpoint is of.

use afx_core::Layout;
use serde_json::{Value, json};

/// A 64-bit hash of audio: FNV-1a (Fowler, Noll, Vo), each sample's 32 bits at a time instead of bytes. Not against malice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fnv(pub u64);

impl Fnv {
    pub fn of(signals: &[&[f32]]) -> Self {
        signals.iter().fold(Fnv(0xcbf2_9ce4_8422_2325), |hash, signal| {
            // The length first: where one signal ends and the next begins is part of what they are.
            let words = core::iter::once(signal.len() as u64).chain(signal.iter().map(|v| u64::from(v.to_bits())));
            words.fold(hash, |Fnv(h), word| Fnv((h ^ word).wrapping_mul(0x100_0000_01b3)))
        })
    }
}

/// A number with no more digits than it takes to tell it from its neighbours in `f32`.
pub(crate) fn plain(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().ok())
}

/// Names and shapes of the tensors.
pub(crate) fn tensors(layout: &Layout) -> Value {
    layout.tensors().iter().map(|t| json!([t.name, t.shape])).collect()
}

/// The first place where `found` is not `expected`, with what is there on either side.
pub(crate) fn difference(path: &str, expected: &Value, found: &Value) -> Option<[String; 3]> {
    let none = Value::Null;
    match (expected, found) {
        (Value::Object(e), Value::Object(f)) => {
            let mut keys: Vec<&String> = e.keys().chain(f.keys()).collect();
            // What another thing is called, or specified to be, says more than how it differs.
            keys.sort_by_key(|k| (!matches!(k.as_str(), "name" | "type" | "spec"), *k));
            let part = |k: &String| difference(&format!("{path}.{k}"), e.get(k).unwrap_or(&none), f.get(k).unwrap_or(&none));
            keys.into_iter().find_map(part)
        }
        (Value::Array(e), Value::Array(f)) if e.len() == f.len() => e.iter().zip(f).enumerate().find_map(|(i, (e, f))| {
            let name = if e["name"] == f["name"] { e["name"].as_str() } else { None };
            difference(&name.map_or_else(|| format!("{path}[{i}]"), |name| format!("{path} {name:?}")), e, f)
        }),
        (Value::Array(e), Value::Array(f)) => Some([path.into(), format!("{} of them", e.len()), f.len().to_string()]),
        _ if expected == found => None,
        _ => {
            let text = |v: &Value| if v.is_null() { "none".into() } else { v.to_string() };
            Some([path.into(), text(expected), text(found)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_every_bit_and_every_border_counts() {
        let (a, b) = ([0.5f32, -0.25, 0.0], [1.0f32; 4]);
        let hash = Fnv::of(&[&a, &b]);
        assert_eq!(hash, Fnv::of(&[&a, &b]));
        for i in 0..3 {
            for bit in 0..32 {
                let mut other = a;
                other[i] = f32::from_bits(a[i].to_bits() ^ (1 << bit));
                assert_ne!(hash, Fnv::of(&[&other, &b]), "bit {bit} of sample {i}");
            }
        }
        assert_ne!(hash, Fnv::of(&[&b, &a]));
        assert_ne!(Fnv::of(&[&b[..1], &b[..3]]), Fnv::of(&[&b[..2], &b[..2]]));
        // Computed by hand: the basis, the length 1, and the bits of 1.0.
        let expected = ((0xcbf2_9ce4_8422_2325u64 ^ 1).wrapping_mul(0x100_0000_01b3) ^ 0x3f80_0000).wrapping_mul(0x100_0000_01b3);
        assert_eq!(Fnv::of(&[&[1.0]]), Fnv(expected));
    }

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let ours = json!({"b": 1, "list": [{"name": "one", "x": 0.1}, {"name": "two", "x": 2}], "type": "t"});
        let differ = |change: &dyn Fn(&mut Value)| {
            let mut other = ours.clone();
            change(&mut other);
            difference("p", &ours, &other).map(|d| d.join("|"))
        };
        assert_eq!(differ(&|_| ()), None);
        assert_eq!(differ(&|v| v["b"] = json!(2)).as_deref(), Some("p.b|1|2"));
        assert_eq!(differ(&|v| (v["b"], v["type"]) = (json!(2), json!("u"))).as_deref(), Some("p.type|\"t\"|\"u\""));
        assert_eq!(differ(&|v| v["list"][0]["x"] = json!(0.2)).as_deref(), Some("p.list \"one\".x|0.1|0.2"));
        assert_eq!(differ(&|v| v["list"][1]["name"] = json!("")).as_deref(), Some("p.list[1].name|\"two\"|\"\""));
        assert_eq!(differ(&|v| v["list"] = json!([])).as_deref(), Some("p.list|2 of them|0"));
        assert_eq!(differ(&|v| v["new"] = json!(1)).as_deref(), Some("p.new|none|1"));
        assert_eq!(differ(&|v| *v = json!(3)).map(|d| d.contains('3')), Some(true));
    }
}
