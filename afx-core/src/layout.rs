//! Names, shapes and places of the numbers in one contiguous slice.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// Every tensor starts at a multiple of this many numbers, and at least this many readable numbers follow the last one, so
/// that vector loads are aligned in an aligned buffer and may run over the end of a row.
pub const ALIGN: usize = 16;

/// What an affine map `y = W x + b` does inside its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Role {
    /// From the layer's input.
    Input,
    /// From the layer's own memory.
    Recurrent,
    /// To the layer's own memory, where knobs come in: the smaller cell of a dynamic hypernetwork, the slow one of a temporal modulation.
    Control,
    /// From what other maps of the layer have made: a later block's convolution.
    Hidden,
    /// From the layer's input, past another map that reads it: the first block's residual.
    Bypass,
    /// Inside the layer, without memory: a later block's residual, or what mixes channels between two blocks.
    Mix,
    /// A scale `[1, rows]` of every number and a shift: what feature-wise modulation acts on where an activation lies between it and the map
    /// before.
    Scale,
    /// To an output, without memory.
    Output,
}

impl Role {
    /// The role in a chain, behind a layer that has maps: what reads its own layer's input does not read the chain's.
    fn inside(self) -> Self {
        match self {
            Role::Input => Role::Hidden,
            Role::Bypass => Role::Mix,
            role => role,
        }
    }
}

/// One tensor of a [`Layout`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Name, unique in its layout; parts are joined by dots.
    pub name: String,
    /// Sizes, the slowest index first.
    pub shape: Vec<usize>,
    /// Index of the first number.
    pub offset: usize,
}

impl Tensor {
    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Where its numbers lie in the slice.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// An affine map that adapters may condition: a weight `[columns, rows]` (input-major) and, if it has one, a bias `[rows]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affine {
    /// What the map does.
    pub role: Role,
    /// The weight, an index into [`Layout::tensors`].
    pub weight: usize,
    /// The bias, an index into [`Layout::tensors`].
    pub bias: Option<usize>,
}

/// The numbers of a layer or an adapter: tensors with names and shapes, at fixed offsets in one slice.
///
/// ```
/// use afx_core::{Layout, Role};
/// let layout = Layout::new().tensor("weight", &[4, 2]).tensor("bias", &[2]).affine(Role::Output, "weight", Some("bias"));
/// assert_eq!((layout.count(), layout.len()), (10, 48)); // two tensors at multiples of 16, and 16 more to run over
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    affine: Vec<Affine>,
    len: usize,
}

impl Layout {
    /// No tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a tensor.
    #[must_use]
    pub fn tensor(mut self, name: &str, shape: &[usize]) -> Self {
        let tensor = Tensor { name: name.to_string(), shape: shape.to_vec(), offset: self.end() };
        self.len = (tensor.offset + tensor.len()).next_multiple_of(ALIGN) + ALIGN;
        self.tensors.push(tensor);
        self
    }

    /// Declares that two tensors added before form an affine map; unknown names declare nothing.
    #[must_use]
    pub fn affine(mut self, role: Role, weight: &str, bias: Option<&str>) -> Self {
        if let Some(weight) = self.index(weight) {
            let bias = bias.and_then(|name| self.index(name));
            self.affine.push(Affine { role, weight, bias });
        }
        self
    }

    /// Appends the layout of what comes next; its names get the prefix `prefix` and a dot, its slice follows this one's. Behind other affine
    /// maps, its [`Role::Input`] becomes [`Role::Hidden`] and its [`Role::Bypass`] [`Role::Mix`].
    #[must_use]
    pub fn join(mut self, prefix: &str, other: &Layout) -> Self {
        let (base, first, behind) = (self.len, self.tensors.len(), !self.affine.is_empty());
        self.tensors.extend(other.tensors.iter().map(|t| Tensor {
            name: format!("{prefix}.{}", t.name),
            shape: t.shape.clone(),
            offset: base + t.offset,
        }));
        self.affine.extend(other.affine.iter().map(|a| Affine {
            role: if behind { a.role.inside() } else { a.role },
            weight: first + a.weight,
            bias: a.bias.map(|b| first + b),
        }));
        self.len = base + other.len;
        self
    }

    /// First free place.
    fn end(&self) -> usize {
        self.len.saturating_sub(if self.len == 0 { 0 } else { ALIGN })
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.tensors.iter().position(|t| t.name == name)
    }

    /// The tensors in the order of their offsets.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The affine maps in the order they were declared.
    pub fn affine_maps(&self) -> &[Affine] {
        &self.affine
    }

    /// The affine maps that read the input: the first one, and every other [`Role::Input`] and [`Role::Bypass`].
    pub fn input_maps(&self) -> impl Iterator<Item = &Affine> {
        let reads = |(i, map): &(usize, &Affine)| *i == 0 || matches!(map.role, Role::Input | Role::Bypass);
        self.affine.iter().enumerate().filter(reads).map(|(_, map)| map)
    }

    /// The biases to which knobs beside the input add: those of maps that read the input, and of every [`Role::Control`].
    pub fn knob_biases(&self) -> impl Iterator<Item = &Tensor> {
        let takes = |(i, map): &(usize, &Affine)| *i == 0 || matches!(map.role, Role::Input | Role::Bypass | Role::Control);
        self.affine.iter().enumerate().filter(takes).filter_map(|(_, map)| Some(&self.tensors[map.bias?]))
    }

    /// The tensor of that name.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|t| t.name == name)
    }

    /// Length of the slice that holds everything, with the gaps between tensors.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// How many numbers are learnt: what the literature calls the number of parameters.
    pub fn count(&self) -> usize {
        self.tensors.iter().map(Tensor::len).sum()
    }
}

/// Places of tensors of those sizes in a slice, as [`Layout::tensor`] would put them, and the length of the slice last.
///
/// ```
/// let [w, b, len] = afx_core::places([10, 2]);
/// assert_eq!((w, b, len), (0, 16, 48));
/// ```
pub const fn places<const N: usize, const M: usize>(sizes: [usize; N]) -> [usize; M] {
    assert!(M == N + 1, "one place a tensor and the length");
    let mut places = [0; M];
    let mut i = 0;
    while i < N {
        places[i + 1] = (places[i] + sizes[i]).next_multiple_of(ALIGN);
        i += 1;
    }
    places[N] += ALIGN;
    places
}

/// One line a tensor: `name [sizes]`.
impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tensors.iter().try_for_each(|t| writeln!(f, "{} {:?}", t.name, t.shape))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Layout {
        Layout::new().tensor("w", &[3, 5]).tensor("b", &[5]).affine(Role::Input, "w", Some("b"))
    }

    #[test]
    fn tensors_are_aligned_and_followed_by_slack() {
        let layout = small();
        assert_eq!(layout.find("w").unwrap().range(), 0..15);
        assert_eq!(layout.find("b").unwrap().range(), 16..21);
        assert_eq!((layout.len(), layout.count()), (48, 20));
    }

    #[test]
    fn join_moves_offsets_and_affine_maps() {
        let both = Layout::new().join("0", &small()).join("1", &small());
        assert_eq!(both.find("1.b").unwrap().offset, 48 + 16);
        let map = &both.affine_maps()[1];
        assert_eq!((both.tensors()[map.weight].name.as_str(), map.bias), ("1.w", Some(3)));
        assert_eq!(both.len(), 96);
    }

    #[test]
    fn the_first_layer_with_maps_reads_the_input() {
        let plain = Layout::new().tensor("taps", &[4]);
        let block = small().tensor("past", &[3, 5]).affine(Role::Bypass, "past", None).affine(Role::Recurrent, "w", None);
        let chain = Layout::new().join("0", &plain).join("1", &block).join("2", &block);
        let roles: Vec<Role> = chain.affine_maps().iter().map(|map| map.role).collect();
        assert_eq!(roles, [Role::Input, Role::Bypass, Role::Recurrent, Role::Hidden, Role::Mix, Role::Recurrent]);
        let names: Vec<&str> = chain.input_maps().map(|map| chain.tensors()[map.weight].name.as_str()).collect();
        assert_eq!(names, ["1.w", "1.past"]);
        let head = Layout::new().tensor("w", &[3, 5]).affine(Role::Output, "w", None);
        assert_eq!(Layout::new().join("0", &head).join("1", &block).input_maps().count(), 1);
    }

    #[test]
    fn knobs_come_in_with_the_input_and_wherever_a_layer_asks_for_them() {
        let asks = small().tensor("own", &[5, 4]).tensor("knob", &[4]).affine(Role::Control, "own", Some("knob"));
        let chain = Layout::new().join("0", &asks).join("1", &small()).join("2", &asks);
        let names: Vec<&str> = chain.knob_biases().map(|bias| bias.name.as_str()).collect();
        assert_eq!(names, ["0.b", "0.knob", "2.knob"]);
    }
}
