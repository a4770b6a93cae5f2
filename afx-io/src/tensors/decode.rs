//! Reading: header length, JSON, a plan of all offsets, then the numbers.

use super::kind::other_kind;
use super::{Data, MAX_HEADER_BYTES, Tensor, Tensors, bf16_to_f32, count, f16_to_f32};
use crate::error::{Error, ErrorKind, Result, reserve};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet};

/// Integers beyond this are not all whole numbers in `f64`.
const EXACT: i64 = 1 << 53;

impl Tensors {
    /// Decodes a safetensors file held in memory: `F64`, `F32`, `F16`, `BF16`, `I64` and `I32`.
    ///
    /// # Errors
    /// [`ErrorKind::WrongFormat`], [`ErrorKind::Truncated`], [`ErrorKind::TooLarge`] (header), [`ErrorKind::Malformed`] (JSON,
    /// offsets that overlap, leave holes or disagree with the shape, bytes behind the last tensor), [`ErrorKind::Duplicate`] (names),
    /// [`ErrorKind::Unsupported`] (number type), [`ErrorKind::NonFinite`] with name and index,
    /// [`ErrorKind::OutOfRange`] (an integer that `f64` cannot hold).
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let (json, data) = split(bytes)?;
        let header: Header = serde_json::from_slice(json).map_err(refuse_json)?;
        check_offsets(&header.entries, data.len())?;
        let mut tensors = reserve("header", header.entries.len())?;
        for (name, entry) in header.entries {
            tensors.push(decode(name, entry, data)?);
        }
        Ok(Self { metadata: header.metadata, tensors })
    }
}

/// The length of the header and what follows it; of the file, the first [`crate::disk::START`] bytes will do.
pub(super) fn start(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let wrong = |kind, found: String| Err(Error::new(kind, "header", "a safetensors file", found));
    // First of all: the "header length" of another kind of file is noise and says nothing.
    if let Some(other) = other_kind(bytes) {
        return wrong(ErrorKind::WrongFormat, other.into());
    }
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return wrong(ErrorKind::Truncated, format!("{} bytes", bytes.len()));
    };
    let length = u64::from_le_bytes(*length);
    if let Some(first) = rest.first().filter(|b| **b != b'{') {
        return wrong(ErrorKind::WrongFormat, format!("byte {first:#04x} where its header begins"));
    }
    if length > MAX_HEADER_BYTES as u64 {
        let expected = format!("at most {MAX_HEADER_BYTES} bytes");
        return Err(Error::new(ErrorKind::TooLarge, "header length", expected, format_args!("{length} bytes")));
    }
    Ok((length, rest))
}

/// The JSON text and the data behind it.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let (length, rest) = start(bytes)?;
    // The cast holds: length <= MAX_HEADER_BYTES.
    rest.split_at_checked(length as usize)
        .ok_or_else(|| Error::new(ErrorKind::Truncated, "header", format_args!("{length} bytes"), format_args!("{} bytes", rest.len())))
}

fn refuse_json(error: serde_json::Error) -> Error {
    let text = error.to_string();
    // Our own visitors speak of "twice"; everything else is JSON or a field of the wrong type.
    let kind = if text.contains("occurs twice") { ErrorKind::Duplicate } else { ErrorKind::Malformed };
    Error::new(kind, "header", "a JSON object of dtype, shape and data_offsets by name", text)
}

/// Every byte of the data belongs to exactly one tensor, and every size agrees with its shape.
fn check_offsets(entries: &[(String, Entry)], data_bytes: usize) -> Result<()> {
    let mut order = reserve("header", entries.len())?;
    order.extend(entries.iter());
    order.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut end = 0;
    for (name, entry) in order {
        let [begin, stop] = entry.data_offsets;
        if begin != end {
            return Err(Error::new(ErrorKind::Malformed, format_args!("{name}: data_offsets"), format_args!("a begin of {end}"), begin));
        }
        let width = entry.bytes_per_number(name)?;
        let planned = count(&entry.shape).and_then(|n| n.checked_mul(width)).and_then(|n| begin.checked_add(n));
        if planned != Some(stop) {
            let expected = format!("the size of {} {:?}", entry.dtype, entry.shape);
            return Err(Error::new(
                ErrorKind::Malformed,
                format_args!("{name}: data_offsets"),
                expected,
                format_args!("{begin} to {stop}"),
            ));
        }
        end = stop;
    }
    match end.cmp(&data_bytes) {
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Less => {
            Err(Error::new(ErrorKind::Malformed, "data", format_args!("{end} bytes"), format_args!("{data_bytes} bytes")))
        }
        core::cmp::Ordering::Greater => {
            Err(Error::new(ErrorKind::Truncated, "data", format_args!("{end} bytes"), format_args!("{data_bytes} bytes")))
        }
    }
}

fn decode(name: String, entry: Entry, data: &[u8]) -> Result<Tensor> {
    // `check_offsets` has shown that the range lies inside; an empty slice would only ever meet an empty tensor.
    let bytes = data.get(entry.data_offsets[0]..entry.data_offsets[1]).unwrap_or(&[]);
    let data = match entry.dtype.as_str() {
        "F32" => Data::F32(collect(&name, bytes, f32::from_le_bytes)?),
        "F16" => Data::F32(collect(&name, bytes, |b| f16_to_f32(u16::from_le_bytes(b)))?),
        "BF16" => Data::F32(collect(&name, bytes, |b| bf16_to_f32(u16::from_le_bytes(b)))?),
        "F64" => Data::F64(collect(&name, bytes, f64::from_le_bytes)?),
        "I32" => Data::F64(collect(&name, bytes, |b| f64::from(i32::from_le_bytes(b)))?),
        _ => Data::F64(integers(&name, bytes)?),
    };
    let tensor = Tensor { name, shape: entry.shape, data };
    tensor.check_finite()?;
    Ok(tensor)
}

fn collect<const N: usize, T>(name: &str, bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
    let mut values = reserve(name, bytes.len() / N)?;
    // `chunks_exact(N)` yields chunks of N bytes, so nothing is filtered out.
    values.extend(bytes.chunks_exact(N).filter_map(|b| b.first_chunk::<N>()).map(|b| number(*b)));
    Ok(values)
}

fn integers(name: &str, bytes: &[u8]) -> Result<Vec<f64>> {
    let values = collect(name, bytes, i64::from_le_bytes)?;
    if let Some((at, value)) = values.iter().enumerate().find(|(_, v)| !(-EXACT..=EXACT).contains(*v)) {
        return Err(Error::new(ErrorKind::OutOfRange, format_args!("{name}[{at}]"), "an integer of at most 2^53", value));
    }
    let mut wide = reserve(name, values.len())?;
    wide.extend(values.iter().map(|v| *v as f64));
    Ok(wide)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

impl Entry {
    fn bytes_per_number(&self, name: &str) -> Result<usize> {
        match self.dtype.as_str() {
            "F64" | "I64" => Ok(8),
            "F32" | "I32" => Ok(4),
            "F16" | "BF16" => Ok(2),
            other => Err(Error::new(ErrorKind::Unsupported, format_args!("{name}: dtype"), "F64, F32, F16, BF16, I64 or I32", other)),
        }
    }
}

/// The JSON object with its order and without repeated keys, which a map type would hide.
struct Header {
    metadata: BTreeMap<String, String>,
    entries: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Header;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object of tensors by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Header, A::Error> {
                let mut header = Header { metadata: BTreeMap::new(), entries: Vec::new() };
                let mut seen = BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom(format_args!("{key:?} occurs twice")));
                    }
                    if key == "__metadata__" {
                        header.metadata = map.next_value::<Strings>()?.0;
                    } else {
                        header.entries.push((key, map.next_value()?));
                    }
                }
                Ok(header)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

struct Strings(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Strings;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Strings, A::Error> {
                let mut strings = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, String>()? {
                    if strings.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("metadata key {key:?} occurs twice")));
                    }
                    strings.insert(key, value);
                }
                Ok(Strings(strings))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
