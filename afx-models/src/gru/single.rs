//! The kernels for `f32`, compiled with this crate. They are by far the most of it, and what is generic is compiled again in every crate
//! that calls it.

use super::gradient::{Backward, Forward};
use super::{Gru, Hurry, Play};
use crate::cell::Spread;
use afx_core::Scalar;

#[inline(never)]
pub(super) fn play(gru: &Gru, params: &[f32], state: &mut [f32], x: &[f32], y: &mut [f32]) {
    f32::dispatch_width(gru.hidden, Play { gru, params, streams: [(state, x, y)] });
}

#[inline(never)]
pub(super) fn play_pair(gru: &Gru, params: &[f32], [s0, s1]: [&mut [f32]; 2], [x0, x1]: [&[f32]; 2], [y0, y1]: [&mut [f32]; 2]) {
    let pair = Play { gru, params, streams: [(s0, x0, y0), (s1, x1, y1)] };
    if gru.inputs == 1 { f32::dispatch_pair(gru.hidden, pair) } else { f32::dispatch_width(gru.hidden, pair) }
}

#[inline(never)]
pub(super) fn hurry(gru: &Gru, params: &[f32], state: &mut [f32], x: &[f32], y: &mut [f32]) {
    f32::dispatch_width(gru.hidden, Hurry { gru, params, state, x, y });
}

#[inline(never)]
pub(super) fn forward(gru: &Gru, params: &[f32], state: &mut [f32], x: &[f32], y: &mut [f32], tape: &mut [f32]) {
    f32::dispatch_width(gru.hidden, Forward { gru, params, state, x, y, tape });
}

#[inline(never)]
pub(super) fn backward(gru: &Gru, params: &[f32], x: &[f32], y: &[f32], tape: &mut [f32], dy: &[f32], dx: &mut [f32], dparams: &mut [f32]) {
    let to = Spread { maps: gru.maps(), params, x, y, dx, dparams };
    f32::dispatch_width(gru.hidden, Backward { gru, tape, dy, to });
}
