//! Blocks of dilated convolutions.

use super::{BLOCK, Line};
use crate::Conv1d;
use afx_core::{ALIGN, Layout, Moving, Role, Scalar};
use alloc::format;

/// A dilated convolution, and the map of one frame past it, from the same line.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub conv: Conv1d,
    pub residual: Conv1d,
    /// Frames by which the residual lags.
    pub late: usize,
}

/// The sizes of a row of blocks whose dilation grows.
#[derive(Clone, Copy)]
pub(crate) struct Blocks {
    pub inputs: usize,
    pub channels: usize,
    /// Outputs of each convolution for each channel.
    pub gates: usize,
    pub count: usize,
    pub kernel: usize,
    pub growth: usize,
    pub bias: bool,
    pub late: bool,
}

impl Blocks {
    /// Whether no size is zero.
    pub fn fit(&self) -> bool {
        [self.inputs, self.channels, self.count, self.kernel, self.growth].iter().all(|size| *size > 0)
    }

    /// Block `n`. Its residual has a bias where it reads the layer's input: knobs beside that act there. Another one's would be added to the next
    /// convolution's.
    pub fn get(&self, n: usize) -> Block {
        let Blocks { channels, kernel, bias, .. } = *self;
        let inputs = if n == 0 { self.inputs } else { channels };
        let dilation = self.growth.saturating_pow(u32::try_from(n).unwrap_or(u32::MAX));
        Block {
            conv: Conv1d { inputs, outputs: self.gates.saturating_mul(channels), kernel, dilation, bias },
            residual: Conv1d { bias: bias && n == 0, ..Conv1d::new(inputs, channels, 1, 1) },
            late: usize::from(self.late),
        }
    }

    /// Every block.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Block> + ExactSizeIterator {
        (0..self.count).map(move |n| self.get(n))
    }

    /// Frames that the last block depends on.
    pub fn receptive_field(self) -> usize {
        self.iter().fold(1, |sum: usize, block| sum.saturating_add(block.line().span))
    }

    /// [`Line::flush`] of every line at the start of a memory.
    pub fn flush<T: Scalar>(self, memory: &mut [T]) -> bool {
        let (mut memory, mut finite) = (memory, true);
        for block in self.iter() {
            let (line, others) = memory.split_at_mut(block.line().len());
            finite &= block.line().flush(line);
            memory = others;
        }
        finite
    }

    /// Room for the cotangents behind any block's convolution.
    pub fn after_len(self, frames: usize) -> usize {
        let span = self.iter().map(|block| block.line().span).max().unwrap_or(0);
        (span + frames) * self.gates * self.channels + ALIGN
    }

    /// Room for the cotangents behind any block.
    pub fn out_len(self, frames: usize) -> usize {
        (frames + usize::from(self.late)) * self.channels + ALIGN
    }

    /// [`Conv1d::scratch_len`] of the largest map.
    pub fn scratch_len(self) -> usize {
        self.iter().map(|block| block.conv.scratch_len().max(block.residual.scratch_len())).max().unwrap_or(0)
    }

    /// Numbers of all lines.
    pub fn lines_len(self) -> usize {
        self.iter().map(|block| block.line().len()).sum()
    }
}

impl Block {
    /// What came before.
    pub fn line(&self) -> Line {
        Line { span: (self.conv.receptive_field() - 1).max(self.late), width: self.conv.inputs }
    }

    /// How far the numbers behind convolution and residual lie behind the block's first.
    pub fn stride(&self) -> usize {
        self.conv.stride() + self.residual.stride()
    }

    /// Appends the tensors of block `n`, `<n>.conv` and `<n>.residual`.
    pub fn declare(&self, layout: Layout, n: usize) -> Layout {
        let role = if n == 0 { Role::Bypass } else { Role::Mix };
        self.residual.declare(self.declare_conv(layout, n), &format!("{n}.residual."), role)
    }

    /// Appends `<n>.conv`.
    pub fn declare_conv(&self, layout: Layout, n: usize) -> Layout {
        let role = if n == 0 { Role::Input } else { Role::Hidden };
        self.conv.declare(layout, &format!("{n}.conv."), role)
    }

    /// Adds to `y` what goes past the convolution, of frames that begin at `first` in a ring of `ring` frames. Where the parameters move `room` is as
    /// long as `y`.
    pub fn pass<T: Scalar>(&self, params: Moving<'_, T>, x: &[T], first: usize, ring: usize, y: &mut [T], room: &mut [T]) {
        let before = if first >= self.late { first - self.late } else { first + ring - self.late };
        self.residual.glide(params.at(self.conv.stride()), x, before, ring, y, true, room);
    }

    /// Length of a tape's line for `frames` frames: what came before and those.
    pub fn tape_line(&self, frames: usize) -> usize {
        (self.line().span + frames) * self.conv.inputs + ALIGN
    }

    /// Where the frames go in a tape's line.
    pub fn entered<'t, T>(&self, line: &'t mut [T], frames: usize) -> &'t mut [T] {
        let inputs = self.conv.inputs;
        &mut line[self.line().span * inputs..][..frames * inputs]
    }

    /// The cotangents of both maps, from those of what comes out of the convolution, `through`, and out of the block, `out`; adds into `dx`
    /// unless it is empty. The first has zeros behind it for as long as the convolution remembers, the second for as long as the residual lags.
    pub fn gradient<T: Scalar>(
        &self,
        params: &[T],
        line: &[T],
        through: &[T],
        out: Option<&[T]>,
        frames: usize,
        scratch: &mut [T],
        dx: &mut [T],
        dparams: &mut [T],
    ) {
        let (span, inputs) = (self.line().span, self.conv.inputs);
        let seen = &line[(span + 1 - self.conv.receptive_field()) * inputs..];
        self.conv.gradient(params, seen, through, (frames, 0), scratch, dx, dparams);
        if let Some(out) = out {
            let (params, dparams) = (&params[self.conv.stride()..], &mut dparams[self.conv.stride()..]);
            self.residual.gradient(params, &line[(span - self.late) * inputs..], out, (frames, self.late), scratch, dx, dparams);
        }
    }
}

/// Frames that go through all blocks at a time, and where they come out.
pub(crate) fn pieces<'a, T>(x: &'a [T], inputs: usize, y: &'a mut [T], outputs: usize) -> impl Iterator<Item = (&'a [T], &'a mut [T])> {
    x.chunks(BLOCK * inputs).zip(y.chunks_mut(BLOCK * outputs))
}
