//! Vector kernels: one body, run with the widest instructions the machine has.
//!
//! A value of a type that implements [`Simd`] is the proof that its instructions may be used, so every method is safe to
//! call. A kernel is a struct that implements [`Kernel`]; it is written once, generic over the token, and the type of its
//! numbers decides which tokens exist: `f32` has AVX-512, AVX2 with FMA and the portable lanes of the `wide` crate (SSE2,
//! NEON, simd128 or scalar, chosen when compiling); every other [`Scalar`] has [`One`], which is the reference that the
//! others are tested against.
//!
//! Rules learnt by measuring: dispatch once per block, never per gate; multiply-add only through [`Simd::mul_add`] (the
//! method of `f32` is a library call on a baseline build); at least four independent accumulators; NaN must propagate.

mod portable;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::Scalar;
use core::marker::PhantomData;
pub use portable::Portable;
pub use tiles::{outer_sum, put, take};
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512, Twin};

mod sealed {
    pub trait Sealed {}
}

/// From which end a kernel reads the rows of a matrix. The sums round differently; whoever alternates where a matrix is larger than the
/// fastest cache finds there what it read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first row first.
    Forwards,
    /// The last row first.
    Backwards,
}

/// A set of vector instructions over lanes of `Self::T`; holding the value proves that they exist here.
pub trait Simd: Copy + sealed::Sealed {
    /// The number in a lane.
    type T: Scalar;
    /// A vector of [`Simd::N`] lanes.
    type V: Copy;
    /// Lanes in a vector.
    const N: usize;
    /// Sums that a kernel may keep in registers, partial sums counted, beside the numbers that it multiplies; measured where it matters.
    const SUMS: usize = 12;
    /// Whether there are vector registers: then a body of a kernel for each size may pay. In plain numbers one body for all is as fast, and
    /// flash is scarce where there are only those.
    const VECTORS: bool = true;
    /// Streams whose lanes lie beside each other in a vector: 2 where [`dispatch_pair`] found room for both, with [`Simd::N`] lanes each.
    /// What is loaded is then in both, what is stored is the first one's; [`Simd::join`] and [`Simd::second`] tell them apart.
    const STREAMS: usize = 1;

    /// All lanes `value`.
    fn splat(self, value: Self::T) -> Self::V;
    /// The first [`Simd::N`] numbers of `from`, which must hold as many.
    fn load(self, from: &[Self::T]) -> Self::V;
    /// Writes all lanes to the start of `to`, which must hold [`Simd::N`] numbers.
    fn store(self, v: Self::V, to: &mut [Self::T]);
    /// The lanes of `a` for the first stream and of `b` for the second.
    #[inline(always)]
    fn join(self, a: Self::V, _b: Self::V) -> Self::V {
        a
    }
    /// The second stream's lanes in place of the first one's.
    #[inline(always)]
    fn second(self, v: Self::V) -> Self::V {
        v
    }
    /// The first `from.len()` lanes from `from` (at most [`Simd::N`]), zero in the others.
    fn load_partial(self, from: &[Self::T]) -> Self::V;
    /// Writes the first `to.len()` lanes (at most [`Simd::N`]).
    fn store_partial(self, v: Self::V, to: &mut [Self::T]);
    /// `a + b`
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, fused only where the hardware does it in one instruction.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// In each lane `yes` where `a > b`, else `no`, also where either is NaN.
    fn select(self, a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// Sum of all lanes, in a fixed order.
    fn sum(self, v: Self::V) -> Self::T;
    /// The sums of four vectors' lanes, each in the same fixed order, which is not that of [`Simd::sum`].
    #[inline(always)]
    fn sum4(self, v: [Self::V; 4]) -> [Self::T; 4] {
        [self.sum(v[0]), self.sum(v[1]), self.sum(v[2]), self.sum(v[3])]
    }
    /// Lane `i` is the sum of the lanes of `v[i]`, in a fixed order, which is not that of [`Simd::sum`]; of the first [`Simd::N`] vectors.
    #[inline(always)]
    fn sum_each(self, v: &[Self::V; 16]) -> Self::V {
        let mut sums = [Self::T::ZERO; 16];
        for i in 0..Self::N {
            sums[i] = self.sum(v[i]);
        }
        self.load(&sums)
    }
    /// Hyperbolic tangent; for `f32` the rational of [`crate::activation::tanh`], to the same bits whatever the instructions; exact otherwise.
    /// NaN stays NaN.
    fn tanh(self, v: Self::V) -> Self::V;
    /// `0.5 tanh(x / 2)`, the logistic function less a half; where that feeds a product, the half can wait for elsewhere.
    fn half_tanh(self, v: Self::V) -> Self::V;
    /// Logistic function, `0.5 + 0.5 tanh(x / 2)`.
    #[inline(always)]
    fn sigmoid(self, v: Self::V) -> Self::V {
        self.add(self.half_tanh(v), self.splat(Self::T::from_f64(0.5)))
    }
    /// `acc[m][g][c] += Σ_k x[m][k] w[k * stride + g * group + c * N ..]`: some columns of a matrix stored row by row, times `M` vectors.
    ///
    /// The columns are `G` groups of `C` vectors. Where `C` is small, several partial sums hide the latency of the multiply-add; their
    /// number depends on `C` alone, so that one and two vectors at a time give the same bits.
    ///
    /// # Panics
    /// When the vectors differ in length, or `w` ends before the last row does.
    #[inline(always)]
    fn matvec<const M: usize, const G: usize, const C: usize>(
        self,
        acc: &mut [[[Self::V; C]; G]; M],
        x: [&[Self::T]; M],
        w: &[Self::T],
        stride: usize,
        group: usize,
        order: Order,
    ) {
        let mut part = [[[[self.splat(Self::T::ZERO); C]; G]; M]; 3];
        self.add_rows(acc, &mut part, x, w, stride, group, order);
        self.fold(acc, &part);
    }
    /// Some rows of [`Simd::matvec`]; `part` are its partial sums, zero at first and added by [`Simd::fold`] at last. A product that is cut
    /// after a multiple of four rows has the bits of the whole one.
    ///
    /// # Panics
    /// As [`Simd::matvec`].
    #[inline(always)]
    fn add_rows<const M: usize, const G: usize, const C: usize>(
        self,
        acc: &mut [[[Self::V; C]; G]; M],
        _part: &mut [[[[Self::V; C]; G]; M]; 3],
        x: [&[Self::T]; M],
        w: &[Self::T],
        stride: usize,
        group: usize,
        order: Order,
    ) {
        let steps = x[0].len();
        for k in 0..steps {
            let k = if order == Order::Backwards { steps - 1 - k } else { k };
            for g in 0..G {
                for c in 0..C {
                    let w = self.load(&w[k * stride + g * group + c * Self::N..]);
                    for m in 0..M {
                        acc[m][g][c] = self.mul_add(w, self.splat(x[m][k]), acc[m][g][c]);
                    }
                }
            }
        }
    }
    /// Registers that [`Simd::matvec`] takes for the sums of `c` vectors: where there are few, each has partial sums.
    #[inline(always)]
    fn sums_of(c: usize) -> usize {
        if c <= 2 { 4 } else { c }
    }
    /// Adds the partial sums of [`Simd::add_rows`].
    #[inline(always)]
    fn fold<const M: usize, const G: usize, const C: usize>(self, _acc: &mut [[[Self::V; C]; G]; M], _part: &[[[[Self::V; C]; G]; M]; 3]) {}
    /// [`Simd::matvec`] of one vector that is held in `C` registers, for `C` columns in each group: the same bits, and no number waits for
    /// its way through the memory.
    ///
    /// # Panics
    /// When `w` ends before the last row does.
    #[inline(always)]
    fn matvec_held<const G: usize, const C: usize>(
        self,
        acc: &mut [[Self::V; C]; G],
        x: &[Self::V; C],
        w: &[Self::T],
        stride: usize,
        group: usize,
    ) {
        let mut lanes = [Self::T::ZERO; 16];
        for (c, x) in x.iter().enumerate() {
            self.store(*x, &mut lanes);
            for k in 0..Self::N {
                let row = &w[(c * Self::N + k) * stride..];
                for g in 0..G {
                    for c in 0..C {
                        acc[g][c] = self.mul_add(self.load(&row[g * group + c * Self::N..]), self.splat(lanes[k]), acc[g][c]);
                    }
                }
            }
        }
    }
    /// `acc[r][c] += Σ_k a[k * a_stride + r] b[k * b_stride + c * N ..]` over `steps` values of `k`: a tile of a sum of outer products.
    ///
    /// # Panics
    /// When `a` or `b` ends before the last step does.
    #[inline(always)]
    fn outer<const R: usize, const C: usize>(
        self,
        acc: &mut [[Self::V; C]; R],
        a: &[Self::T],
        a_stride: usize,
        b: &[Self::T],
        b_stride: usize,
        steps: usize,
    ) {
        for k in 0..steps {
            for c in 0..C {
                let b = self.load(&b[k * b_stride + c * Self::N..]);
                for r in 0..R {
                    acc[r][c] = self.mul_add(self.splat(a[k * a_stride + r]), b, acc[r][c]);
                }
            }
        }
    }
    /// `acc[r][c] += Σ_k a[r * a_stride + k] b[k * b_stride + c * N ..]` over `steps` values of `k`: a tile of a product of matrices.
    ///
    /// # Panics
    /// When `a` or `b` ends before the last step does.
    #[inline(always)]
    fn product<const R: usize, const C: usize>(
        self,
        acc: &mut [[Self::V; C]; R],
        a: &[Self::T],
        a_stride: usize,
        b: &[Self::T],
        b_stride: usize,
        steps: usize,
    ) {
        for k in 0..steps {
            for c in 0..C {
                let b = self.load(&b[k * b_stride + c * Self::N..]);
                for r in 0..R {
                    acc[r][c] = self.mul_add(self.splat(a[r * a_stride + k]), b, acc[r][c]);
                }
            }
        }
    }
    /// Runs `kernel` with this set of instructions enabled.
    fn vectorize<K: Kernel<Self::T>>(self, kernel: K) -> K::Out;
}

/// A computation over vectors; write `call` with `#[inline(always)]`.
pub trait Kernel<T: Scalar> {
    /// What it returns.
    type Out;
    /// The body, for any instruction set.
    fn call<S: Simd<T = T>>(self, simd: S) -> Self::Out;
}

/// Runs an `f32` kernel with the best instructions of this machine: AVX-512, AVX2 with FMA, else [`Portable`].
///
/// With feature `std` the choice is made at run time (a cached load per call); without it, when compiling.
#[inline]
pub fn dispatch<K: Kernel<f32>>(kernel: K) -> K::Out {
    #[cfg(target_arch = "x86_64")]
    {
        if const { Avx512::POSSIBLE }
            && let Some(token) = Avx512::new()
        {
            return token.vectorize(kernel);
        }
        if const { Avx2::POSSIBLE }
            && let Some(token) = Avx2::new()
        {
            return token.vectorize(kernel);
        }
    }
    Portable.vectorize(kernel)
}

/// [`dispatch`] for rows of `width` numbers: of few, the idle lanes of longer vectors, and their loads from two lines of the cache, are not
/// worth what they bring.
#[inline]
pub fn dispatch_width<K: Kernel<f32>>(width: usize, kernel: K) -> K::Out {
    #[cfg(target_arch = "x86_64")]
    if const { Avx2::POSSIBLE }
        && width <= 48
        && width.div_ceil(Avx2::N) % 2 == 1
        && let Some(token) = Avx2::new()
    {
        return token.vectorize(kernel);
    }
    let _ = width;
    dispatch(kernel)
}

/// [`dispatch_width`] for two streams that share `width` rows of parameters: where the machine has vectors of twice the width, both lie in
/// one, and [`Simd::STREAMS`] is 2.
#[inline]
pub fn dispatch_pair<K: Kernel<f32>>(width: usize, kernel: K) -> K::Out {
    #[cfg(target_arch = "x86_64")]
    if const { Twin::POSSIBLE }
        && width == Twin::N
        && let Some(token) = Twin::new()
    {
        return token.vectorize(kernel);
    }
    dispatch_width(width, kernel)
}

/// One lane of any scalar: plain arithmetic, exact functions. The reference for every other token.
pub struct One<T>(PhantomData<T>);

impl<T> One<T> {
    /// Always available.
    #[inline(always)]
    pub const fn new() -> Self {
        One(PhantomData)
    }
}
impl<T> Default for One<T> {
    fn default() -> Self {
        Self::new()
    }
}
impl<T> Clone for One<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for One<T> {}
impl<T> sealed::Sealed for One<T> {}

impl<T: Scalar> Simd for One<T> {
    type T = T;
    type V = T;
    const N: usize = 1;
    const VECTORS: bool = false;
    #[inline(always)]
    fn splat(self, value: T) -> T {
        value
    }
    #[inline(always)]
    fn load(self, from: &[T]) -> T {
        from[0]
    }
    #[inline(always)]
    fn store(self, v: T, to: &mut [T]) {
        to[0] = v;
    }
    #[inline(always)]
    fn load_partial(self, from: &[T]) -> T {
        from.first().copied().unwrap_or(T::ZERO)
    }
    #[inline(always)]
    fn store_partial(self, v: T, to: &mut [T]) {
        if let Some(first) = to.first_mut() {
            *first = v;
        }
    }
    #[inline(always)]
    fn add(self, a: T, b: T) -> T {
        a + b
    }
    #[inline(always)]
    fn sub(self, a: T, b: T) -> T {
        a - b
    }
    #[inline(always)]
    fn mul(self, a: T, b: T) -> T {
        a * b
    }
    #[inline(always)]
    fn div(self, a: T, b: T) -> T {
        a / b
    }
    #[inline(always)]
    fn mul_add(self, a: T, b: T, c: T) -> T {
        a * b + c
    }
    #[inline(always)]
    fn select(self, a: T, b: T, yes: T, no: T) -> T {
        if a > b { yes } else { no }
    }
    #[inline(always)]
    fn sum(self, v: T) -> T {
        v
    }
    #[inline(always)]
    fn tanh(self, v: T) -> T {
        v.tanh()
    }
    #[inline(always)]
    fn half_tanh(self, v: T) -> T {
        let half = T::from_f64(0.5);
        half * (half * v).tanh()
    }
    #[inline(always)]
    fn sigmoid(self, v: T) -> T {
        v.sigmoid()
    }
    #[inline(always)]
    fn vectorize<K: Kernel<T>>(self, kernel: K) -> K::Out {
        kernel.call(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// `tanh`, `sigmoid` and a dot product over all lanes of a token.
    struct Probe<'a>(&'a [f32], &'a mut [f32]);
    impl Kernel<f32> for Probe<'_> {
        type Out = f32;
        #[inline(always)]
        fn call<S: Simd<T = f32>>(self, s: S) -> f32 {
            let mut total = s.splat(0.0);
            for (x, y) in self.0.chunks(S::N).zip(self.1.chunks_mut(2 * S::N)) {
                let v = s.load_partial(x);
                total = s.mul_add(v, v, total);
                let (a, b) = y.split_at_mut(x.len());
                s.store_partial(s.tanh(v), a);
                s.store_partial(s.sigmoid(v), b);
            }
            s.sum(total)
        }
    }

    /// The sum of each of `N` vectors, and each alone.
    struct Each<'a>(&'a [f32]);
    impl Kernel<f32> for Each<'_> {
        type Out = Vec<[f32; 2]>;
        #[inline(always)]
        fn call<S: Simd<T = f32>>(self, s: S) -> Vec<[f32; 2]> {
            let mut v = [s.splat(f32::NAN); 16];
            for i in 0..S::N {
                v[i] = s.load(&self.0[i * S::N..]);
            }
            let mut sums = [0.0; 16];
            s.store(s.sum_each(&v), &mut sums);
            (0..S::N).map(|i| [sums[i], s.sum(v[i])]).collect()
        }
    }

    /// A tile of a product of two matrices that are not whole vectors wide, from numbers that `f32` multiplies and adds without rounding.
    struct Tile<'a>(&'a [f32], &'a mut [f32]);
    impl Kernel<f32> for Tile<'_> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = f32>>(self, s: S) {
            let mut acc = [[s.splat(1.0); 2]; 3];
            s.product(&mut acc, self.0, 7, self.0, 5, 6);
            for r in 0..3 {
                for c in 0..2 {
                    s.store(acc[r][c], &mut self.1[r * 32 + c * S::N..]);
                }
            }
        }
    }

    fn check_product<S: Simd<T = f32>>(s: S) {
        let x: Vec<f32> = (0..64).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
        let mut y = [0.0; 96];
        s.vectorize(Tile(&x, &mut y));
        for r in 0..3 {
            for c in 0..2 * S::N {
                let expected = 1.0 + (0..6).map(|k| x[r * 7 + k] * x[k * 5 + c]).sum::<f32>();
                assert_eq!(y[r * 32 + c], expected, "{r} {c}");
            }
        }
    }

    /// The larger of each number and its neighbour.
    struct Larger<'a>(&'a [f32], &'a mut [f32]);
    impl Kernel<f32> for Larger<'_> {
        type Out = ();
        #[inline(always)]
        fn call<S: Simd<T = f32>>(self, s: S) {
            for at in (0..self.1.len()).step_by(S::N) {
                let (a, b) = (s.load(&self.0[at..]), s.load(&self.0[at + 1..]));
                s.store(s.select(a, b, a, b), &mut self.1[at..]);
            }
        }
    }

    fn check_select<S: Simd<T = f32>>(s: S) {
        let mut x: Vec<f32> = (0..33).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
        (x[9], x[31]) = (f32::NAN, f32::INFINITY);
        let mut y = [0.0; 32];
        s.vectorize(Larger(&x, &mut y));
        for (i, y) in y.iter().enumerate() {
            let expected = if x[i] > x[i + 1] { x[i] } else { x[i + 1] };
            assert_eq!(y.to_bits(), expected.to_bits(), "{i}"); // a comparison with NaN is no
        }
    }

    fn run<S: Simd<T = f32>>(s: S, x: &[f32]) -> (Vec<f32>, f32) {
        let mut y = vec![0.0; 2 * x.len()];
        let dot = s.vectorize(Probe(x, &mut y));
        // Chunks of a wider token interleave differently: bring both halves of each chunk back in order.
        let mut tanh = Vec::new();
        let mut sigmoid = Vec::new();
        for (x, y) in x.chunks(S::N).zip(y.chunks(2 * S::N)) {
            tanh.extend_from_slice(&y[..x.len()]);
            sigmoid.extend_from_slice(&y[x.len()..]);
        }
        tanh.extend(sigmoid);
        (tanh, dot)
    }

    fn check<S: Simd<T = f32>>(s: S) {
        let x: Vec<f32> = (0..1003).map(|i| (i as f32 - 501.0) * 0.04).collect();
        let (expected, dot) = run(One::new(), &x);
        let (found, d) = run(s, &x);
        for (e, f) in expected.iter().zip(&found) {
            assert!((e - f).abs() < 5e-7, "{e} {f}"); // 4.5e-7 of the rational, and the rounding of the reference
        }
        for (i, x) in x.iter().enumerate() {
            let one = (crate::activation::tanh(*x), crate::activation::sigmoid(*x));
            assert_eq!((found[i].to_bits(), found[1003 + i].to_bits()), (one.0.to_bits(), one.1.to_bits()), "{x}");
        }
        assert!((dot - d).abs() < 1e-5 * dot);
        for [together, alone] in s.vectorize(Each(&x)) {
            assert!((together - alone).abs() < 1e-4, "{together} {alone}"); // sixteen numbers of at most 20, in another order
        }
        check_product(s);
        check_select(s);
        let (nan, _) = run(s, &[0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40]);
        assert!(nan[1].is_nan() && nan[6].is_nan());
        assert!((nan[2] - 1.0).abs() < 1e-6 && (nan[3] + 1.0).abs() < 1e-6 && nan[7] > 0.999 && nan[8] < 1e-3);
    }

    #[test]
    fn portable_agrees_with_one_lane() {
        check(Portable);
        check_product(One::new());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn wide_tokens_agree_with_one_lane() {
        match Avx2::new() {
            Some(token) => check(token),
            None => std::println!("skipped: this processor has no AVX2"),
        }
        match Avx512::new() {
            Some(token) => check(token),
            None => std::println!("skipped: this processor has no AVX-512"),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_stride_that_wraps_is_refused() {
        struct Far;
        impl Kernel<f32> for Far {
            type Out = ();
            #[inline(always)]
            fn call<S: Simd<T = f32>>(self, s: S) {
                // Three times the stride is 3 more than the largest number: it wraps to 2, which would lie in the matrix.
                let mut acc = [[[s.splat(0.0)]]];
                s.matvec(&mut acc, [&[1.0; 4]], &[1.0; 64], usize::MAX / 3 + 1, 0, Order::Forwards);
            }
        }
        let Some(token) = Avx2::new() else {
            return std::println!("skipped: this processor has no AVX2");
        };
        let refusal = std::panic::catch_unwind(|| token.vectorize(Far)).unwrap_err();
        assert_eq!(refusal.downcast_ref(), Some(&"matvec: the matrix ends early"));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn a_twin_computes_for_two_streams() {
        /// The product of a matrix and one vector for each stream, and its `tanh`.
        struct Both<'a>(&'a [f32], [&'a [f32]; 2], [&'a mut [f32]; 2]);
        impl Kernel<f32> for Both<'_> {
            type Out = ();
            #[inline(always)]
            fn call<S: Simd<T = f32>>(self, s: S) {
                let x = s.join(s.load(self.1[0]), s.load(self.1[1]));
                let mut acc = [[s.splat(0.5)]];
                s.matvec_held(&mut acc, &[x], self.0, S::N, 0);
                let y = s.tanh(acc[0][0]);
                s.store(y, self.2[0]);
                s.store(s.second(y), self.2[1]);
            }
        }
        let (Some(twin), Some(single)) = (Twin::new(), Avx2::new()) else {
            return std::println!("skipped: this processor has no AVX-512");
        };
        check(twin);
        let w: Vec<f32> = (0..64).map(|i| (i as f32 * 0.7).sin()).collect();
        let (a, b) = (&w[3..11], &w[20..28]);
        let [mut first, mut second, mut alone, mut other] = [[0.0; 8]; 4];
        twin.vectorize(Both(&w, [a, b], [&mut first, &mut second]));
        single.vectorize(Both(&w, [a, a], [&mut alone, &mut [0.0; 8]]));
        single.vectorize(Both(&w, [b, b], [&mut other, &mut [0.0; 8]]));
        assert_eq!((first, second), (alone, other));
    }
}
