//! AVX2 with FMA and AVX-512, found at run time. The only `unsafe` of the workspace.
#![allow(unsafe_code)]

use super::{Kernel, Order, Simd, sealed};
use crate::activation::rational;
use core::arch::x86_64::*;

/// Eight lanes of AVX2 with FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

/// Sixteen lanes of AVX-512 (F, VL and DQ).
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

/// Two streams of eight lanes beside each other in a vector of AVX-512 (F, VL and DQ): what costs as much as one.
#[derive(Clone, Copy, Debug)]
pub struct Twin(());

/// What the processor has: 1 nothing of the below, 2 AVX2 with FMA, 3 AVX-512 F, VL and DQ as well. Asked once, then one load.
#[cfg(feature = "std")]
#[inline]
fn level() -> u8 {
    use core::sync::atomic::{AtomicU8, Ordering::Relaxed};
    static LEVEL: AtomicU8 = AtomicU8::new(0);
    #[cold]
    fn ask() -> u8 {
        let avx2 = std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma");
        let avx512 = std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512dq");
        let level = 1 + u8::from(avx2) + u8::from(avx2 && avx512);
        LEVEL.store(level, Relaxed);
        level
    }
    match LEVEL.load(Relaxed) {
        0 => ask(),
        level => level,
    }
}

/// What the build enables: without `std` nothing can be asked.
const BUILT: u8 = {
    let avx2 = cfg!(target_feature = "avx2") && cfg!(target_feature = "fma");
    let avx512 = cfg!(target_feature = "avx512f") && cfg!(target_feature = "avx512vl") && cfg!(target_feature = "avx512dq");
    1 + avx2 as u8 + (avx2 && avx512) as u8
};
#[cfg(not(feature = "std"))]
#[inline]
const fn level() -> u8 {
    BUILT
}

impl Avx2 {
    /// Whether a processor that this build runs on may have them: what none has need not be compiled.
    pub(super) const POSSIBLE: bool = cfg!(feature = "std") || BUILT >= 2;

    /// The token, where the processor has AVX2 and FMA.
    #[inline]
    pub fn new() -> Option<Self> {
        (level() >= 2).then_some(Self(()))
    }
}

impl Avx512 {
    /// Whether a processor that this build runs on may have them: what none has need not be compiled.
    pub(super) const POSSIBLE: bool = cfg!(feature = "std") || BUILT >= 3;

    /// The token, where the processor has AVX-512 F, VL and DQ.
    #[inline]
    pub fn new() -> Option<Self> {
        (level() >= 3).then_some(Self(()))
    }
}

impl Twin {
    /// As [`Avx512::POSSIBLE`].
    pub(super) const POSSIBLE: bool = Avx512::POSSIBLE;

    /// The token, where the processor has AVX-512 F, VL and DQ.
    #[inline]
    pub fn new() -> Option<Self> {
        Avx512::new().map(|_| Self(()))
    }
}

impl sealed::Sealed for Twin {}
impl sealed::Sealed for Avx2 {}
impl sealed::Sealed for Avx512 {}

/// Sum of eight lanes: halves, quarters, neighbours.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_256(v: __m256) -> f32 {
    let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
    let quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps::<1>(quarter, quarter)))
}

/// Four vectors' lanes added within each quarter: lane `i` of a quarter is `v[i]`'s.
#[inline]
#[target_feature(enable = "avx2")]
fn quarters_256(v: [__m256; 4]) -> __m256 {
    let (a, b) = (_mm256_unpacklo_ps(v[0], v[1]), _mm256_unpackhi_ps(v[0], v[1]));
    let (c, d) = (_mm256_unpacklo_ps(v[2], v[3]), _mm256_unpackhi_ps(v[2], v[3]));
    let (low, high) = (_mm256_castps_pd(_mm256_add_ps(a, b)), _mm256_castps_pd(_mm256_add_ps(c, d)));
    _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(low, high)), _mm256_castpd_ps(_mm256_unpackhi_pd(low, high)))
}

/// [`quarters_256`] of four quarters.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn quarters_512(v: [__m512; 4]) -> __m512 {
    let (a, b) = (_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
    let (c, d) = (_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
    let (low, high) = (_mm512_castps_pd(_mm512_add_ps(a, b)), _mm512_castps_pd(_mm512_add_ps(c, d)));
    _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(low, high)), _mm512_castpd_ps(_mm512_unpackhi_pd(low, high)))
}

/// Sums of four times eight lanes: the four vectors' quarters are brought side by side by shuffles that all four share.
#[inline]
#[target_feature(enable = "avx2")]
fn sum4_256(v: [__m256; 4]) -> __m128 {
    let sums = quarters_256(v);
    _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps::<1>(sums))
}

/// [`sum4_256`] of the sums of both halves.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn sum4_512(v: [__m512; 4]) -> __m128 {
    let sums = quarters_512(v);
    let sums = _mm256_add_ps(_mm512_castps512_ps256(sums), _mm512_extractf32x8_ps::<1>(sums));
    _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps::<1>(sums))
}

/// [`Simd::sum_each`] of the first eight vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_each_256(v: &[__m256; 16]) -> __m256 {
    let (a, b) = (quarters_256([v[0], v[1], v[2], v[3]]), quarters_256([v[4], v[5], v[6], v[7]]));
    _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
}

/// [`Simd::sum_each`] of sixteen lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn sum_each_512(v: &[__m512; 16]) -> __m512 {
    let (a, b) = (quarters_512([v[0], v[1], v[2], v[3]]), quarters_512([v[4], v[5], v[6], v[7]]));
    let (c, d) = (quarters_512([v[8], v[9], v[10], v[11]]), quarters_512([v[12], v[13], v[14], v[15]]));
    let low = _mm512_add_ps(_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b));
    let high = _mm512_add_ps(_mm512_shuffle_f32x4::<0b01_00_01_00>(c, d), _mm512_shuffle_f32x4::<0b11_10_11_10>(c, d));
    _mm512_add_ps(_mm512_shuffle_f32x4::<0b10_00_10_00>(low, high), _mm512_shuffle_f32x4::<0b11_01_11_01>(low, high))
}

/// [`Simd::select`].
#[inline]
#[target_feature(enable = "avx2")]
fn select_256(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 {
    _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b))
}

/// [`Simd::select`].
#[inline]
#[target_feature(enable = "avx512f")]
fn select_512(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 {
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes)
}

/// Lane `k` in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_256(v: __m256, k: i32) -> __m256 {
    _mm256_permutevar8x32_ps(v, _mm256_set1_epi32(k))
}

/// Lane `k` in all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn lane_512(v: __m512, k: i32) -> __m512 {
    _mm512_permutexvar_ps(_mm512_set1_epi32(k), v)
}

/// Lane `k` of each half in all lanes of that half.
#[inline]
#[target_feature(enable = "avx512f")]
fn lane_twin(v: __m512, k: i32) -> __m512 {
    let low = _mm512_set1_epi32(k);
    _mm512_permutexvar_ps(_mm512_mask_add_epi32(low, 0xff00, low, _mm512_set1_epi32(8)), v)
}

/// Eight numbers in both halves.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
unsafe fn load_twin(from: *const f32) -> __m512 {
    // SAFETY: the caller's pointer holds eight numbers.
    _mm512_broadcast_f32x8(unsafe { _mm256_loadu_ps(from) })
}

/// The eight lanes of the first stream.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store_twin(to: *mut f32, v: __m512) {
    // SAFETY: the caller's pointer holds eight numbers.
    unsafe { _mm256_storeu_ps(to, _mm512_castps512_ps256(v)) }
}

/// Sum of the first stream's lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_twin(v: __m512) -> f32 {
    sum_256(_mm512_castps512_ps256(v))
}

/// [`sum4_256`] of the first stream.
#[inline]
#[target_feature(enable = "avx512f")]
fn sum4_twin(v: [__m512; 4]) -> __m128 {
    let [a, b, c, d] = v;
    sum4_256([_mm512_castps512_ps256(a), _mm512_castps512_ps256(b), _mm512_castps512_ps256(c), _mm512_castps512_ps256(d)])
}

/// Four numbers in each half.
#[inline]
#[target_feature(enable = "avx2")]
fn quad_256(from: &[f32; 4]) -> __m256 {
    // SAFETY: the array holds the four numbers.
    let four = unsafe { _mm_loadu_ps(from.as_ptr()) };
    _mm256_set_m128(four, four)
}

/// Four numbers in each quarter.
#[inline]
#[target_feature(enable = "avx512f")]
fn quad_512(from: &[f32; 4]) -> __m512 {
    // SAFETY: the array holds the four numbers.
    _mm512_broadcast_f32x4(unsafe { _mm_loadu_ps(from.as_ptr()) })
}

/// Where the last row of a matrix ends: `last * stride + groups * group + width`, or the largest number, which no slice has, where that
/// would not fit.
#[inline(always)]
fn ends(last: usize, stride: usize, groups: usize, group: usize, width: usize) -> usize {
    last.saturating_mul(stride).saturating_add(groups.saturating_mul(group)).saturating_add(width)
}

/// A method whose body is one intrinsic.
macro_rules! op {
    ($name:ident, $v:ty, $f:ident, $($arg:ident),+) => {
        #[inline(always)]
        fn $name(self, $($arg: $v),+) -> $v {
            // SAFETY: the token exists only where the features were detected.
            unsafe { $f($($arg),+) }
        }
    };
}

macro_rules! token {
    ($t:ident, $v:ty, $n:literal, $sums:literal, $features:literal, $set:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $div:ident, $fma:ident, $select:ident, $max:ident, $min:ident, $sum:ident, $sum4:ident, $lane:ident, $quad:ident, $permute:ident, [$($k:literal)*], [$($j:literal)*], { $($streams:tt)* }) => {
        impl $t {
            /// Row `k` of `matvec`; private, because its caller bounds `k`.
            #[inline(always)]
            fn add_row<const M: usize, const G: usize, const C: usize>(
                self,
                acc: &mut [[[$v; C]; G]; M],
                x: &[&[f32]; M],
                w: &[f32],
                k: usize,
                stride: usize,
                group: usize,
            ) {
                // SAFETY: the token exists only where the features were detected; the caller keeps `k` below the length of every `x` after
                // it asserted that the row of the last `k` ends inside `w`.
                unsafe {
                    let mut xs = [$set(0.0); M];
                    for m in 0..M {
                        xs[m] = $set(*x[m].get_unchecked(k));
                    }
                    let row = w.as_ptr().add(k * stride);
                    for g in 0..G {
                        for c in 0..C {
                            let w = $load(row.add(g * group + c * $n));
                            for m in 0..M {
                                acc[m][g][c] = $fma(w, xs[m], acc[m][g][c]);
                            }
                        }
                    }
                }
            }

            /// Four rows of `matvec` of one vector, from `k` on in either direction: one load brings the four numbers. The first goes into `acc`,
            /// the others into partial sums where there are some. Private as `add_row`.
            #[inline(always)]
            fn add_four<const M: usize, const G: usize, const C: usize>(
                self,
                acc: &mut [[[$v; C]; G]; M],
                part: &mut [[[[$v; C]; G]; M]; 3],
                x: &[f32],
                w: &[f32],
                k: usize,
                order: Order,
                stride: usize,
                group: usize,
            ) {
                let low = if order == Order::Forwards { k } else { k - 3 };
                // SAFETY: as in `add_row`, of every one of the four.
                let mut four = unsafe { $quad(&*x.as_ptr().add(low).cast()) };
                if order == Order::Backwards {
                    // SAFETY: the token exists only where the features were detected.
                    four = unsafe { $permute::<0b00_01_10_11>(four) };
                }
                $(
                    // SAFETY: as in `add_row`.
                    unsafe {
                        let x = $permute::<{ 0b01_01_01_01 * $j }>(four);
                        let row = w.as_ptr().add((if order == Order::Forwards { k + $j } else { k - $j }) * stride);
                        let to = match ($j, C) {
                            (0, _) => &mut *acc,
                            (j, 1) => &mut part[j - 1],
                            (1 | 3, 2) => &mut part[0],
                            _ => &mut *acc,
                        };
                        for g in 0..G {
                            for c in 0..C {
                                to[0][g][c] = $fma($load(row.add(g * group + c * $n)), x, to[0][g][c]);
                            }
                        }
                    }
                )*
            }
        }

        impl Simd for $t {
            type T = f32;
            type V = $v;
            const N: usize = $n;
            const SUMS: usize = $sums;
            $($streams)*
            #[inline(always)]
            fn splat(self, value: f32) -> $v {
                // SAFETY: the token exists only where the features were detected.
                unsafe { $set(value) }
            }
            #[inline(always)]
            fn load(self, from: &[f32]) -> $v {
                let from = &from[..$n];
                // SAFETY: as above, and the slice holds the lanes.
                unsafe { $load(from.as_ptr()) }
            }
            #[inline(always)]
            fn store(self, v: $v, to: &mut [f32]) {
                let to = &mut to[..$n];
                // SAFETY: as above, and the slice holds the lanes.
                unsafe { $store(to.as_mut_ptr(), v) }
            }
            #[inline(always)]
            fn load_partial(self, from: &[f32]) -> $v {
                let mut lanes = [0.0; $n];
                let n = from.len().min($n);
                lanes[..n].copy_from_slice(&from[..n]);
                self.load(&lanes)
            }
            #[inline(always)]
            fn store_partial(self, v: $v, to: &mut [f32]) {
                let mut lanes = [0.0; $n];
                self.store(v, &mut lanes);
                let n = to.len().min($n);
                to[..n].copy_from_slice(&lanes[..n]);
            }
            op!(add, $v, $add, a, b);
            op!(sub, $v, $sub, a, b);
            op!(mul, $v, $mul, a, b);
            op!(div, $v, $div, a, b);
            op!(mul_add, $v, $fma, a, b, c);
            op!(select, $v, $select, a, b, yes, no);
            #[inline(always)]
            fn sum(self, v: $v) -> f32 {
                // SAFETY: the token exists only where the features were detected.
                unsafe { $sum(v) }
            }
            #[inline(always)]
            fn sum4(self, v: [$v; 4]) -> [f32; 4] {
                let mut sums = [0.0; 4];
                // SAFETY: the token exists only where the features were detected, and four lanes are stored to four numbers.
                unsafe { _mm_storeu_ps(sums.as_mut_ptr(), $sum4(v)) };
                sums
            }
            // The operand order keeps NaN: the instructions return their second operand when either is NaN.
            #[inline(always)]
            fn tanh(self, v: $v) -> $v {
                // SAFETY: the token exists only where the features were detected.
                let clamped = unsafe { $min($set(rational::LIMIT), $max($set(-rational::LIMIT), v)) };
                rational::tanh(self, clamped)
            }
            #[inline(always)]
            fn half_tanh(self, v: $v) -> $v {
                // SAFETY: the token exists only where the features were detected.
                let clamped = unsafe { $min($set(2.0 * rational::LIMIT), $max($set(-2.0 * rational::LIMIT), v)) };
                rational::half_tanh(self, clamped)
            }
            #[inline(always)]
            fn add_rows<const M: usize, const G: usize, const C: usize>(
                self,
                acc: &mut [[[$v; C]; G]; M],
                part: &mut [[[[$v; C]; G]; M]; 3],
                x: [&[f32]; M],
                w: &[f32],
                stride: usize,
                group: usize,
                order: Order,
            ) {
                let steps = x[0].len();
                let Some(last) = steps.checked_sub(1) else { return };
                assert!(x.iter().all(|x| x.len() == steps), "matvec: vectors of different lengths");
                assert!(ends(last, stride, G - 1, group, C * $n) <= w.len(), "matvec: the matrix ends early");
                // The `done`th row is `k`; `step` is 1 or -1.
                let (mut k, step) = match order {
                    Order::Forwards => (0, 1),
                    Order::Backwards => (last, usize::MAX),
                };
                let mut done = 0;
                // Few columns want the partial sums, many the fourfold load; several vectors want the registers.
                if M == 1 && G * C >= 4 {
                    while done + 4 <= steps {
                        self.add_four(acc, part, x[0], w, k, order, stride, group);
                        k = k.wrapping_add(step.wrapping_mul(4));
                        done += 4;
                    }
                } else if C == 1 {
                    while done + 4 <= steps {
                        self.add_row(acc, &x, w, k, stride, group);
                        self.add_row(&mut part[0], &x, w, k.wrapping_add(step), stride, group);
                        k = k.wrapping_add(step).wrapping_add(step);
                        self.add_row(&mut part[1], &x, w, k, stride, group);
                        self.add_row(&mut part[2], &x, w, k.wrapping_add(step), stride, group);
                        k = k.wrapping_add(step).wrapping_add(step);
                        done += 4;
                    }
                } else if C == 2 {
                    // By fours here, too: what is left over must be the same rows however many vectors there are.
                    while done + 4 <= steps {
                        for _ in 0..2 {
                            self.add_row(acc, &x, w, k, stride, group);
                            self.add_row(&mut part[0], &x, w, k.wrapping_add(step), stride, group);
                            k = k.wrapping_add(step).wrapping_add(step);
                        }
                        done += 4;
                    }
                }
                while done < steps {
                    self.add_row(acc, &x, w, k, stride, group);
                    k = k.wrapping_add(step);
                    done += 1;
                }
            }
            #[inline(always)]
            fn fold<const M: usize, const G: usize, const C: usize>(self, acc: &mut [[[$v; C]; G]; M], part: &[[[[$v; C]; G]; M]; 3]) {
                for m in 0..M {
                    for g in 0..G {
                        for c in 0..C {
                            if C == 1 {
                                let low = self.add(acc[m][g][c], part[0][m][g][c]);
                                acc[m][g][c] = self.add(low, self.add(part[1][m][g][c], part[2][m][g][c]));
                            } else if C == 2 {
                                acc[m][g][c] = self.add(acc[m][g][c], part[0][m][g][c]);
                            }
                        }
                    }
                }
            }
            #[inline(always)]
            fn matvec_held<const G: usize, const C: usize>(
                self,
                acc: &mut [[$v; C]; G],
                x: &[$v; C],
                w: &[f32],
                stride: usize,
                group: usize,
            ) {
                assert!(ends(C * $n - 1, stride, G - 1, group, C * $n) <= w.len(), "matvec: the matrix ends early");
                let mut part = [[[self.splat(0.0); C]; G]; 3];
                for (c, x) in x.iter().enumerate() {
                    $(
                        // SAFETY: the token exists only where the features were detected; the assertion bounds the load of the last row.
                        unsafe {
                            let x = $lane(*x, $k);
                            let row = w.as_ptr().add((c * $n + $k) * stride);
                            let to = match ($k % 4, C) {
                                (0, _) => &mut *acc,
                                (p, 1) => &mut part[p - 1],
                                (2, 2) => &mut *acc,
                                (_, 2) => &mut part[0],
                                _ => &mut *acc,
                            };
                            for g in 0..G {
                                for c in 0..C {
                                    to[g][c] = $fma($load(row.add(g * group + c * $n)), x, to[g][c]);
                                }
                            }
                        }
                    )*
                }
                for g in 0..G {
                    for c in 0..C {
                        if C == 1 {
                            let (low, high) = (self.add(acc[g][c], part[0][g][c]), self.add(part[1][g][c], part[2][g][c]));
                            acc[g][c] = self.add(low, high);
                        } else if C == 2 {
                            acc[g][c] = self.add(acc[g][c], part[0][g][c]);
                        }
                    }
                }
            }
            #[inline(always)]
            fn outer<const R: usize, const C: usize>(
                self,
                acc: &mut [[$v; C]; R],
                a: &[f32],
                a_stride: usize,
                b: &[f32],
                b_stride: usize,
                steps: usize,
            ) {
                let Some(last) = steps.checked_sub(1) else { return };
                let (a_end, b_end) = (ends(last, a_stride, 0, 0, R), ends(last, b_stride, 0, 0, C * $n));
                assert!(a_end <= a.len() && b_end <= b.len(), "outer: a factor ends early");
                for k in 0..steps {
                    // SAFETY: the token exists only where the features were detected; `k <= last`, and the assertion bounds the last loads.
                    unsafe {
                        let (a, b) = (a.as_ptr().add(k * a_stride), b.as_ptr().add(k * b_stride));
                        for c in 0..C {
                            let b = $load(b.add(c * $n));
                            for r in 0..R {
                                acc[r][c] = $fma($set(*a.add(r)), b, acc[r][c]);
                            }
                        }
                    }
                }
            }
            #[inline(always)]
            fn product<const R: usize, const C: usize>(
                self,
                acc: &mut [[$v; C]; R],
                a: &[f32],
                a_stride: usize,
                b: &[f32],
                b_stride: usize,
                steps: usize,
            ) {
                let Some(last) = steps.checked_sub(1) else { return };
                let (a_end, b_end) = (ends(R - 1, a_stride, 0, 0, steps), ends(last, b_stride, 0, 0, C * $n));
                assert!(a_end <= a.len() && b_end <= b.len(), "product: a factor ends early");
                for k in 0..steps {
                    // SAFETY: the token exists only where the features were detected; `k <= last`, and the assertion bounds the last loads.
                    unsafe {
                        let (a, b) = (a.as_ptr().add(k), b.as_ptr().add(k * b_stride));
                        for c in 0..C {
                            let b = $load(b.add(c * $n));
                            for r in 0..R {
                                acc[r][c] = $fma($set(*a.add(r * a_stride)), b, acc[r][c]);
                            }
                        }
                    }
                }
            }
            #[inline(always)]
            fn vectorize<K: Kernel<f32>>(self, kernel: K) -> K::Out {
                #[target_feature(enable = $features)]
                fn go<K: Kernel<f32>>(token: $t, kernel: K) -> K::Out {
                    kernel.call(token)
                }
                // SAFETY: the token exists only where the features were detected.
                unsafe { go(self, kernel) }
            }
        }
    };
}

token!(
    Avx2,
    __m256,
    8,
    12,
    "avx2,fma",
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_div_ps,
    _mm256_fmadd_ps,
    select_256,
    _mm256_max_ps,
    _mm256_min_ps,
    sum_256,
    sum4_256,
    lane_256,
    quad_256,
    _mm256_permute_ps,
    [0 1 2 3 4 5 6 7],
    [0 1 2 3],
    {
        #[inline(always)]
        fn sum_each(self, v: &[__m256; 16]) -> __m256 {
            // SAFETY: the token exists only where the features were detected.
            unsafe { sum_each_256(v) }
        }
    }
);
token!(
    Avx512,
    __m512,
    16,
    30,
    "avx2,fma,avx512f,avx512vl,avx512dq",
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_div_ps,
    _mm512_fmadd_ps,
    select_512,
    _mm512_max_ps,
    _mm512_min_ps,
    _mm512_reduce_add_ps,
    sum4_512,
    lane_512,
    quad_512,
    _mm512_permute_ps,
    [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15],
    [0 1 2 3],
    {
        #[inline(always)]
        fn sum_each(self, v: &[__m512; 16]) -> __m512 {
            // SAFETY: the token exists only where the features were detected.
            unsafe { sum_each_512(v) }
        }
    }
);
token!(
    Twin,
    __m512,
    8,
    30,
    "avx2,fma,avx512f,avx512vl,avx512dq",
    _mm512_set1_ps,
    load_twin,
    store_twin,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_div_ps,
    _mm512_fmadd_ps,
    select_512,
    _mm512_max_ps,
    _mm512_min_ps,
    sum_twin,
    sum4_twin,
    lane_twin,
    quad_512,
    _mm512_permute_ps,
    [0 1 2 3 4 5 6 7],
    [0 1 2 3],
    {
        const STREAMS: usize = 2;
        #[inline(always)]
        fn join(self, a: __m512, b: __m512) -> __m512 {
            // SAFETY: the token exists only where the features were detected.
            unsafe { _mm512_mask_blend_ps(0xff00, a, b) }
        }
        #[inline(always)]
        fn second(self, v: __m512) -> __m512 {
            // SAFETY: as above.
            unsafe { _mm512_shuffle_f32x4::<0b01_00_11_10>(v, v) }
        }
    }
);
