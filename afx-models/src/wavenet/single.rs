//! In single precision: functions that are not generic, which are compiled with this crate and not again with every crate that calls them.

use super::WaveNet;
use super::course::Course;
use afx_core::Moving;

#[inline(never)]
pub(super) fn play(net: &WaveNet, params: Moving<'_, f32>, state: &mut [f32], x: &[f32], y: &mut [f32], course: Course<'_, f32>) {
    net.blocks(params, state, x, y, course);
}

#[inline(never)]
pub(super) fn gradient(net: &WaveNet, params: &[f32], frames: usize, tape: &mut [f32], dy: &[f32], dx: &mut [f32], dparams: &mut [f32]) {
    net.gradient(params, frames, tape, dy, dx, dparams);
}
