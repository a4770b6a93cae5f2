//! The derivative of a [`WaveNet`].

use super::course::{Course, apart};
use super::planes::Seen;
use super::reverse::{Correlate, Deactivate, Spread};
use super::ring::Ring;
use super::{Sizes, Unit, WaveNet, single};
use afx_core::{ALIGN, Differentiable, Layer, Moving, Scalar};

/// Lengths of the parts of a tape.
struct Parts {
    record: usize,
    /// The cotangents of a layer's first sum, of what goes from layer to layer (two), its activations, the cotangents of the input and of the
    /// heads' sums (two).
    scratch: [usize; 7],
    /// Strides of the first and of the last two.
    strides: [usize; 2],
}

/// Planes with a stride.
struct Planes<'a, T> {
    data: &'a mut [T],
    stride: usize,
}

impl<T: Scalar> Planes<'_, T> {
    /// Zeros from frame `from` on.
    fn silence(&mut self, from: usize) {
        self.data.chunks_exact_mut(self.stride).for_each(|plane| plane[from..].fill(T::ZERO));
    }
}

impl Unit {
    /// Length of the record of its line and of its activations.
    fn record(&self, room: usize) -> [usize; 2] {
        [self.channels * (self.ring().span + room), self.rows() * room]
    }
}

impl Sizes<'_> {
    /// Length of the record of its head's line.
    fn head_record(&self, room: usize) -> usize {
        self.array.bottleneck * (self.head_ring().span + room)
    }
}

impl WaveNet {
    fn parts(&self, frames: usize) -> Parts {
        let room = apart(frames);
        let units = |array: Sizes<'_>| array.units().map(|unit| unit.record(room).iter().sum::<usize>()).sum::<usize>();
        let record: usize = self.sizes().map(|array| units(array) + array.head_record(room)).sum();
        let carried: usize = self.sizes().skip(1).map(|array| array.before * room).sum();
        let reach = self.sizes().flat_map(Sizes::units).map(|unit| unit.ring().span).max().unwrap_or(0);
        let head_reach = self.sizes().map(|array| array.head_ring().span).max().unwrap_or(0);
        let heads = self.sizes().map(|array| array.array.bottleneck.max(array.outputs)).max().unwrap_or(0);
        let strides = [apart(room + reach), apart(room + head_reach)];
        let (rows, channels, heads) = (self.widest(), self.channels() * room, heads * strides[1]);
        let scratch = [rows * strides[0], channels, channels, rows * room, self.inputs * room, heads, heads];
        Parts { record: record + carried + self.inputs * room, scratch, strides }
    }

    /// The order of the record: what the calls of `WaveNet::block` keep.
    fn remember<T: Scalar>(&self, mut rings: &mut [T], tape: &mut [T], room: usize) {
        let mut at = self.inputs * room;
        for (i, array) in self.sizes().enumerate() {
            let head = array.head_ring().open(&mut rings);
            for unit in array.units() {
                let line = unit.ring().open(&mut rings);
                unit.ring().history(line.memory, &mut tape[at..], unit.ring().span + room);
                at += unit.record(room).iter().sum::<usize>();
            }
            if i + 1 < self.arrays.len() {
                at += array.array.channels * room;
            }
            head.ring.history(head.memory, &mut tape[at..], head.ring.span + room);
            at += array.head_record(room);
        }
    }

    /// Adds the cotangents of a segment of `frames` frames.
    pub(super) fn gradient<T: Scalar>(&self, params: &[T], frames: usize, tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        if frames == 0 {
            return;
        }
        let (room, parts) = (apart(frames), self.parts(frames));
        let (record, mut scratch) = tape.split_at_mut(parts.record);
        let mut strides = [room; 7];
        (strides[0], strides[5], strides[6]) = (parts.strides[0], parts.strides[1], parts.strides[1]);
        let mut planes = parts.scratch.into_iter().zip(strides).map(|(len, stride)| {
            let (data, rest) = core::mem::take(&mut scratch).split_at_mut(len);
            scratch = rest;
            Planes { data, stride }
        });
        let mut take = || planes.next().expect("seven");
        let [mut d, mut dnext, mut dbefore, a, mut dinput, mut dout, mut dhead] = [(); 7].map(|()| take());
        dinput.silence(0);
        dnext.silence(0);
        dbefore.silence(0);
        dout.silence(0);
        let scale = T::from_f64(f64::from(self.head_scale));
        for (o, plane) in dout.data.chunks_exact_mut(dout.stride).take(self.outputs).enumerate() {
            plane.iter_mut().zip(dy.iter().skip(o).step_by(self.outputs)).for_each(|(to, from)| *to = scale * *from);
        }
        let record = &*record;
        let input = Seen::now(record, room, self.inputs, 0);
        let (mut at, mut place) = (record.len(), Layer::<T>::params_len(self) - ALIGN);
        for (i, array) in self.sizes().enumerate().rev() {
            let after = i + 1 < self.arrays.len();
            place -= array.head_places()[1];
            at -= array.head_record(room);
            let line = recorded(record, at, array.head_ring(), room, array.array.head_kernel, 1);
            let [bias, _] = array.head_places();
            let (dweight, dbias) = dparams[place..].split_at_mut(bias);
            correlate(line, &dout, array.outputs, dweight, array.array.head_bias.then_some(dbias), frames);
            Spread::of(line, &params[place..], array.outputs, (dout.data, dout.stride), frames).run((dhead.data, dhead.stride), false);
            dhead.silence(frames);
            at -= if after { array.array.channels * room } else { 0 };
            for (l, unit) in array.units().enumerate().rev() {
                let [conv, bias, mixin, residual, shift, end] = unit.places();
                let [line_len, kept_len] = unit.record(room);
                place -= end;
                at -= kept_len;
                let kept = &record[at..at + kept_len];
                at -= line_len;
                let line = recorded(record, at, unit.ring(), room, unit.layer.kernel, unit.layer.dilation);
                let (params, dparams) = (&params[place..], &mut dparams[place..]);
                let goes_on = after || l + 1 < array.array.layers.len();
                let past = Seen::now(&*dhead.data, dhead.stride, unit.bottleneck, 0);
                if goes_on {
                    let through = Seen::now(&*a.data, room, unit.bottleneck, 0);
                    let mut sum = Spread::of(through, &params[residual..], unit.channels, (dnext.data, room), frames);
                    sum.plus = Some(past);
                    sum.run((d.data, d.stride), false);
                } else {
                    for (to, from) in d.data.chunks_exact_mut(d.stride).zip(past.x.chunks_exact(past.stride)).take(unit.bottleneck) {
                        to[..room].copy_from_slice(&from[..room]);
                    }
                }
                let (stride, curves) = (d.stride, unit.curves());
                T::dispatch(Deactivate { curves, kept, kept_stride: room, d: d.data, stride, a: a.data, a_stride: room, frames });
                d.silence(frames);
                if goes_on {
                    let (dweight, dbias) = dparams[residual..].split_at_mut(shift - residual);
                    correlate(Seen::now(&*a.data, room, unit.bottleneck, 0), &dnext, unit.channels, dweight, Some(dbias), frames);
                }
                let (dweight, dbias) = dparams.split_at_mut(bias);
                correlate(line, &d, unit.rows(), &mut dweight[conv..], Some(dbias), frames);
                correlate(input, &d, unit.rows(), &mut dparams[mixin..], None, frames);
                let sums = (&*d.data, d.stride);
                Spread::of(input, &params[mixin..], unit.rows(), sums, frames).run((dinput.data, room), true);
                Spread::of(line, &params[conv..], unit.rows(), sums, frames).run((dnext.data, room), true);
            }
            place -= array.rechannel_len();
            let (rows, weight) = (array.array.channels, &params[place..]);
            if i == 0 {
                correlate(input, &dnext, rows, &mut dparams[place..], None, frames);
                Spread::of(input, weight, rows, (dnext.data, room), frames).run((dinput.data, room), true);
            } else {
                let len = array.before * room;
                let before = at - self.arrays[i - 1].bottleneck * (self.arrays[i - 1].head_kernel - 1 + room) - len;
                let carry = Seen::now(&record[before..before + len], room, array.before, 0);
                correlate(carry, &dnext, rows, &mut dparams[place..], None, frames);
                Spread::of(carry, weight, rows, (dnext.data, room), frames).run((dbefore.data, room), false);
                core::mem::swap(&mut dnext, &mut dbefore);
            }
            core::mem::swap(&mut dout, &mut dhead);
        }
        if !dx.is_empty() {
            for (i, plane) in dinput.data.chunks_exact(room).enumerate() {
                dx.iter_mut().skip(i).step_by(self.inputs).zip(plane).for_each(|(to, from)| *to += *from);
            }
        }
    }
}

impl<T: Scalar> Differentiable<T> for WaveNet {
    /// What enters each line with what came before, and the activations or the sums before them; room for the cotangents of one layer.
    fn tape_len(&self, frames: usize) -> usize {
        let parts = self.parts(frames);
        parts.record + parts.scratch.iter().sum::<usize>()
    }

    fn forward(&self, params: &[T], state: &mut [T], x: &[T], y: &mut [T], tape: &mut [T]) {
        let room = apart(x.len() / self.inputs);
        if x.is_empty() {
            return;
        }
        let tape = &mut tape[..self.parts(x.len() / self.inputs).record];
        self.remember(&mut state[self.buffers().iter().sum()..], tape, room);
        self.play(Moving::still(params), state, x, y, Course::Record { tape, used: 0, first: 0, room });
    }

    fn backward(&self, params: &[T], x: &[T], _: &[T], tape: &mut [T], dy: &[T], dx: &mut [T], dparams: &mut [T]) {
        if const { T::SINGLE } {
            let numbers = (T::singles(params), T::singles_mut(tape), T::singles(dy), T::singles_mut(dx), T::singles_mut(dparams));
            if let (Some(params), Some(tape), Some(dy), Some(dx), Some(dparams)) = numbers {
                single::gradient(self, params, x.len() / self.inputs, tape, dy, dx, dparams);
            }
        } else {
            self.gradient(params, x.len() / self.inputs, tape, dy, dx, dparams);
        }
    }
}

/// What taps saw of a recorded line.
fn recorded<T>(record: &[T], at: usize, ring: Ring, room: usize, taps: usize, dilation: usize) -> Seen<'_, T> {
    Seen { taps, dilation, first: ring.span, ..Seen::now(&record[at..], ring.span + room, ring.channels, 0) }
}

/// Adds the cotangents of a map's weight and bias.
fn correlate<T: Scalar>(seen: Seen<'_, T>, d: &Planes<'_, T>, rows: usize, dweight: &mut [T], dbias: Option<&mut [T]>, frames: usize) {
    T::dispatch(Correlate { seen, d: d.data, stride: d.stride, rows, dweight, dbias, frames });
}
