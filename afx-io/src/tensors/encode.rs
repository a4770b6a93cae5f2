//! Writing: check, plan the offsets, then header and data.

use super::{Data, MAX_HEADER_BYTES, Tensor, Tensors, count};
use crate::error::{Error, ErrorKind, Result, reserve};
use std::collections::BTreeSet;

impl Tensors {
    /// Lays the file out in memory. Equal content gives equal bytes; the data starts at a multiple of 8 bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] (numbers and shape), [`ErrorKind::Duplicate`] (names), [`ErrorKind::NonFinite`] with name and index,
    /// [`ErrorKind::Malformed`] (a tensor called `__metadata__`), [`ErrorKind::TooLarge`] (header).
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut names = BTreeSet::new();
        for tensor in &self.tensors {
            check(tensor)?;
            if !names.insert(&tensor.name) {
                return Err(Error::new(ErrorKind::Duplicate, &tensor.name, "one tensor of this name", "two"));
            }
        }
        let (header, data_bytes) = self.header()?;
        let mut bytes = reserve("file", 8 + header.len() + data_bytes)?;
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header.as_bytes());
        for tensor in &self.tensors {
            match &tensor.data {
                Data::F32(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
                Data::F64(v) => bytes.extend(v.iter().flat_map(|x| x.to_le_bytes())),
            }
        }
        Ok(bytes)
    }

    /// The header text, padded with spaces, and the size of the data.
    fn header(&self) -> Result<(String, usize)> {
        let mut fields = Vec::new();
        if !self.metadata.is_empty() {
            fields.push(format!("\"__metadata__\":{}", json(&self.metadata)?));
        }
        let mut end = 0;
        for tensor in &self.tensors {
            let (dtype, bytes) = match &tensor.data {
                Data::F32(v) => ("F32", 4 * v.len()),
                Data::F64(v) => ("F64", 8 * v.len()),
            };
            let (name, shape, stop) = (json(&tensor.name)?, json(&tensor.shape)?, end + bytes);
            fields.push(format!("{name}:{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{end},{stop}]}}"));
            end = stop;
        }
        let mut header = format!("{{{}}}", fields.join(","));
        while header.len() % 8 != 0 {
            header.push(' ');
        }
        if header.len() > MAX_HEADER_BYTES {
            let expected = format!("at most {MAX_HEADER_BYTES} bytes");
            return Err(Error::new(ErrorKind::TooLarge, "header", expected, format_args!("{} bytes", header.len())));
        }
        Ok((header, end))
    }
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::new(ErrorKind::Malformed, "header", "something JSON can hold", e))
}

fn check(tensor: &Tensor) -> Result<()> {
    if tensor.name == "__metadata__" {
        return Err(Error::new(ErrorKind::Malformed, "tensor name", "a name other than __metadata__", &tensor.name));
    }
    if count(&tensor.shape) != Some(tensor.data.len()) {
        let found = format!("{} numbers", tensor.data.len());
        return Err(Error::new(ErrorKind::Mismatch, &tensor.name, format_args!("as many numbers as {:?} holds", tensor.shape), found));
    }
    tensor.check_finite()
}
