//! The safetensors container: named arrays of numbers and a table of strings.
//!
//! Layout (github.com/huggingface/safetensors, "Format"): header length as a little-endian `u64`, a JSON object
//! `{"__metadata__": {..}, "name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..}`, padding with spaces, data.
//!
//! The order of the header is kept, and equal content gives equal bytes.

mod decode;
mod encode;
mod half;
mod kind;

use crate::disk;
use crate::error::{Error, ErrorKind, Result, reserve};
use std::collections::BTreeMap;
use std::path::Path;

pub use half::{bf16_to_f32, f16_to_f32};

/// The longest header that is read or written, in bytes: a hundred thousand tensors. In memory it may take twelve times as much.
pub const MAX_HEADER_BYTES: usize = 16 << 20;

/// Numbers of a [`Tensor`]. `F16` and `BF16` widen to `F32`, integers to `F64`: always exactly.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// 32 bit floating point.
    F32(Vec<f32>),
    /// 64 bit floating point.
    F64(Vec<f64>),
}

impl Data {
    /// How many numbers.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A named array in row-major order: the last index moves fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name, as in `gru.w_hh`.
    pub name: String,
    /// Extents, outermost first; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers; as many as the product of `shape`.
    pub data: Data,
}

impl Tensor {
    /// A tensor of `f32`.
    pub fn f32(name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), data: Data::F32(values) }
    }

    /// A tensor of `f64`.
    pub fn f64(name: impl Into<String>, shape: &[usize], values: Vec<f64>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), data: Data::F64(values) }
    }

    /// The numbers as `f32`, doubles rounded to nearest.
    ///
    /// # Errors
    /// [`ErrorKind::NonFinite`] for a double beyond the range of `f32`.
    pub fn to_f32(&self) -> Result<Vec<f32>> {
        let mut values = reserve(&self.name, self.data.len())?;
        match &self.data {
            Data::F32(v) => values.extend_from_slice(v),
            Data::F64(v) => values.extend(v.iter().map(|x| *x as f32)),
        }
        self.refuse_non_finite(values.iter().map(|x| f64::from(*x)))?;
        Ok(values)
    }

    /// The numbers as `f64`.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the memory for them cannot be had.
    pub fn to_f64(&self) -> Result<Vec<f64>> {
        let mut values = reserve(&self.name, self.data.len())?;
        match &self.data {
            Data::F32(v) => values.extend(v.iter().map(|x| f64::from(*x))),
            Data::F64(v) => values.extend_from_slice(v),
        }
        Ok(values)
    }

    fn refuse_non_finite(&self, mut values: impl Iterator<Item = f64>) -> Result<()> {
        match values.position(|x| !x.is_finite()) {
            Some(at) => Err(Error::new(ErrorKind::NonFinite, format_args!("{}[{at}]", self.name), "a finite number", "NaN or infinity")),
            None => Ok(()),
        }
    }

    /// The checks that reading and writing share.
    fn check_finite(&self) -> Result<()> {
        match &self.data {
            Data::F32(v) => self.refuse_non_finite(v.iter().map(|x| f64::from(*x))),
            Data::F64(v) => self.refuse_non_finite(v.iter().copied()),
        }
    }
}

/// The content of a safetensors file.
///
/// ```
/// use afx_io::tensors::{Tensor, Tensors};
/// let mut file = Tensors::default();
/// file.metadata.insert("format".into(), "pt".into());
/// file.tensors.push(Tensor::f32("gain", &[2], vec![1.0, 0.5]));
/// let bytes = file.encode()?;
/// assert_eq!(Tensors::parse(&bytes)?, file);
/// # Ok::<(), afx_io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// The `__metadata__` table; written in the order of its keys.
    pub metadata: BTreeMap<String, String>,
    /// The tensors in the order of the header, which is also the order in which [`Tensors::encode`] lays the data out.
    pub tensors: Vec<Tensor>,
}

impl Tensors {
    /// The tensor called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// The tensor called `name`, with this shape.
    ///
    /// # Errors
    /// [`ErrorKind::Missing`], [`ErrorKind::Mismatch`].
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<&Tensor> {
        let Some(tensor) = self.get(name) else {
            return Err(Error::new(ErrorKind::Missing, name, format_args!("a tensor {shape:?}"), "none"));
        };
        if tensor.shape != shape {
            return Err(Error::new(ErrorKind::Mismatch, name, format_args!("{shape:?}"), format_args!("{:?}", tensor.shape)));
        }
        Ok(tensor)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`Tensors::parse`], and [`ErrorKind::Io`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(&disk::read_of_kind(path, u64::MAX, |start| decode::start(start).map(drop))?).map_err(|e| e.in_file(path))
    }

    /// Writes a file as a whole or not at all (see [`disk::write_atomic`]).
    ///
    /// # Errors
    /// As [`Tensors::encode`], and [`ErrorKind::Io`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        disk::write_atomic(path, &self.encode().map_err(|e| e.in_file(path))?)
    }
}

/// The product of the extents, or `None` where it does not fit.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent))
}
