//! Lists of numbers in JSON, short lists, and values that may be anything.

use crate::error::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Most lists within lists.
const LEVELS: usize = 4;

/// Numbers in nested lists of equal lengths, row by row; in memory no more than twice their text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Numbers {
    /// The numbers, which have this shape and are finite.
    pub fn expect(&self, field: impl fmt::Display, shape: &[usize]) -> Result<&[f32]> {
        if self.shape != shape {
            return Err(Error::new(ErrorKind::Mismatch, field, format_args!("{shape:?} numbers"), format_args!("{:?}", self.shape)));
        }
        self.finite(field)
    }

    /// The numbers, which are finite.
    pub fn finite(&self, field: impl fmt::Display) -> Result<&[f32]> {
        match self.values.iter().position(|v| !v.is_finite()) {
            Some(at) => Err(Error::new(ErrorKind::NonFinite, format_args!("{field}[{at}]"), "a finite number", "NaN or infinity")),
            None => Ok(&self.values),
        }
    }

    /// Extents of a matrix.
    pub fn matrix(&self, field: impl fmt::Display) -> Result<[usize; 2]> {
        match self.shape[..] {
            [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
            _ => Err(Error::new(ErrorKind::Mismatch, field, "rows and columns of numbers", format_args!("{:?}", self.shape))),
        }
    }
}

/// What is known of the shape while the lists are read: inner lists end before outer ones.
#[derive(Default)]
struct Growing {
    extents: [Option<usize>; LEVELS],
    /// At which level the numbers are.
    leaf: Option<usize>,
    values: Vec<f32>,
}

struct Level<'a> {
    growing: &'a mut Growing,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> core::result::Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    fn number<E: serde::de::Error>(self, value: f64) -> core::result::Result<(), E> {
        if *self.growing.leaf.get_or_insert(self.depth) != self.depth {
            return Err(E::custom("a number where the others have a list"));
        }
        self.growing.values.push(value as f32);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers in lists")
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> core::result::Result<(), E> {
        self.number(value)
    }
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> core::result::Result<(), E> {
        self.number(value as f64)
    }
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> core::result::Result<(), E> {
        self.number(value as f64)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> core::result::Result<(), A::Error> {
        let (depth, growing) = (self.depth, self.growing);
        if depth == LEVELS || growing.leaf.is_some_and(|leaf| leaf <= depth) {
            return Err(A::Error::custom("a list where a number is expected"));
        }
        let mut count = 0;
        while list.next_element_seed(Level { growing, depth: depth + 1 })?.is_some() {
            count += 1;
        }
        match growing.extents[depth].replace(count) {
            Some(other) if other != count => Err(A::Error::custom(format_args!("lists of {other} and of {count} side by side"))),
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        let mut growing = Growing::default();
        Level { growing: &mut growing, depth: 0 }.deserialize(deserializer)?;
        let Growing { extents, mut values, .. } = growing;
        values.shrink_to_fit();
        Ok(Numbers { shape: extents.into_iter().map_while(|extent| extent).collect(), values })
    }
}

/// A list of at most `N` values: in memory a value may take many times its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Few<T, const N: usize>(pub Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Few<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct List<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for List<T, N> {
            type Value = Few<T, N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N} values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> core::result::Result<Few<T, N>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    if values.len() == N {
                        return Err(A::Error::invalid_length(N + 1, &self));
                    }
                    values.push(value);
                }
                Ok(Few(values))
            }
        }
        deserializer.deserialize_seq(List(PhantomData))
    }
}

/// A number or a text where other programs are not of one mind; anything else counts as missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Loose {
    #[default]
    Missing,
    Number(f64),
    Text(String),
}

impl Loose {
    /// As a text; empty where there is none.
    pub fn text(&self) -> String {
        match self {
            Loose::Missing => String::new(),
            Loose::Number(number) => number.to_string(),
            Loose::Text(text) => text.trim().into(),
        }
    }

    /// As a finite number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Loose::Missing => None,
            Loose::Number(number) => Some(*number),
            Loose::Text(text) => text.trim().parse().ok(),
        }
        .filter(|number| number.is_finite())
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> core::result::Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Loose;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E>(self, value: bool) -> core::result::Result<Loose, E> {
                Ok(Loose::Number(f64::from(u8::from(value))))
            }
            fn visit_f64<E>(self, value: f64) -> core::result::Result<Loose, E> {
                Ok(Loose::Number(value))
            }
            fn visit_u64<E>(self, value: u64) -> core::result::Result<Loose, E> {
                Ok(Loose::Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> core::result::Result<Loose, E> {
                Ok(Loose::Number(value as f64))
            }
            fn visit_str<E>(self, value: &str) -> core::result::Result<Loose, E> {
                Ok(Loose::Text(value.into()))
            }
            fn visit_unit<E>(self) -> core::result::Result<Loose, E> {
                Ok(Loose::Missing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> core::result::Result<Loose, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Loose::Missing)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> core::result::Result<Loose, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Loose::Missing)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> core::result::Result<Numbers, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn nested_lists_have_a_shape_and_are_read_row_by_row() {
        for (text, shape, values) in [
            ("[[1, 2.5, -3], [4, 5, 6]]", &[2, 3][..], &[1.0, 2.5, -3.0, 4.0, 5.0, 6.0][..]),
            ("[[[1]], [[2]]]", &[2, 1, 1], &[1.0, 2.0]),
            ("[7]", &[1], &[7.0]),
            ("7", &[], &[7.0]),
            ("[]", &[0], &[]),
            ("[[], []]", &[2, 0], &[]),
        ] {
            assert_eq!(numbers(text).unwrap(), Numbers { shape: shape.to_vec(), values: values.to_vec() }, "{text}");
        }
    }

    #[test]
    fn lists_of_unequal_lengths_and_depths_are_refused() {
        for (text, part) in [
            ("[[1, 2], [3]]", "lists of 2 and of 1"),
            ("[[], [3]]", "lists of 0 and of 1"),
            ("[1, [2]]", "a list where a number"),
            ("[[1], 2]", "a number where the others have a list"),
            ("[[[[[1]]]]]", "a list where a number"),
            ("[\"1\"]", "expected numbers in lists"),
            ("[NaN]", "expected"),
            ("[1e999]", "out of range"),
        ] {
            let error = numbers(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_number_beyond_single_precision_is_named() {
        let large = numbers("[0, 1e39]").unwrap();
        assert_eq!(large.finite("weights").unwrap_err().to_string(), "weights[1]: expected a finite number, found NaN or infinity");
        assert_eq!(large.expect("weights", &[3]).unwrap_err().to_string(), "weights: expected [3] numbers, found [2]");
    }

    #[test]
    fn a_list_that_is_longer_than_it_may_be_is_refused() {
        let few = |text: &str| serde_json::from_str::<Few<u8, 2>>(text).map(|few| few.0).map_err(|e| e.to_string());
        assert_eq!((few("[]"), few("[1, 2]")), (Ok(Vec::new()), Ok(vec![1, 2])));
        assert!(few("[1, 2, 3]").unwrap_err().contains("invalid length 3, expected a list of at most 2 values"));
    }

    #[test]
    fn loose_values_are_what_they_look_like() {
        let loose = |text: &str| serde_json::from_str::<Loose>(text).unwrap();
        assert_eq!([loose("48000"), loose("\" 48000.0 \""), loose("true")].map(|v| v.number()), [Some(48e3), Some(48e3), Some(1.0)]);
        assert_eq!([loose("null"), loose("[1, {}]"), loose("{\"a\": [1]}"), loose("\"x\"")].map(|v| v.number()), [None; 4]);
        assert_eq!((loose("\" a name \"").text(), loose("3").text(), loose("[]").text()), ("a name".into(), "3".into(), String::new()));
    }
}
