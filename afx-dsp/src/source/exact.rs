//! Elementary functions from additions and multiplications alone, which IEEE 754 defines to the last bit.

/// `2^x` to 1e-15, for `|x| < 1000`.
pub(super) fn exp2(x: f64) -> f64 {
    let whole = (x + 0.5) as i64 - i64::from(x + 0.5 < 0.0);
    let f = (x - whole as f64) * core::f64::consts::LN_2;
    let mut series = 1.0;
    for k in (1..=14).rev() {
        series = 1.0 + series * f / f64::from(k);
    }
    let power = f64::from_bits(((whole.clamp(-1022, 1023) + 1023) as u64) << 52);
    series * power
}

/// `sin(2 pi t)` to 1e-14 for `t` of a moderate size.
pub(super) fn sin_turns(t: f64) -> f64 {
    // into -1/2 .. 1/2, then folded into -1/4 .. 1/4
    let t = t - ((t + 0.5) as i64 - i64::from(t + 0.5 < 0.0)) as f64;
    let t = if t > 0.25 {
        0.5 - t
    } else if t < -0.25 {
        -0.5 - t
    } else {
        t
    };
    let x = t * core::f64::consts::TAU;
    let q = x * x;
    let mut series = 1.0;
    for k in (1..=10).rev() {
        series = 1.0 - series * q / f64::from(2 * k * (2 * k + 1));
    }
    x * series
}

/// `cos(2 pi t)`
pub(super) fn cos_turns(t: f64) -> f64 {
    sin_turns(t + 0.25)
}

/// The factor of a level in dB.
pub(super) fn db(level: f64) -> f64 {
    exp2(level / 6.020_599_913_279_624)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_library() {
        for n in -3000..3000 {
            let x = f64::from(n) * 0.0137 + 0.001;
            assert!((exp2(x) / x.exp2() - 1.0).abs() < 3e-15, "2^{x}"); // a few roundings of a series of 14 terms
            // the reference loses digits in 2 pi t: half an ulp of 258 at the ends
            assert!((sin_turns(x) - (core::f64::consts::TAU * x).sin()).abs() < 6e-14, "sin {x}");
            assert!((cos_turns(x) - (core::f64::consts::TAU * x).cos()).abs() < 6e-14, "cos {x}");
        }
        assert!((db(-12.0) - 0.251_188_643_150_958).abs() < 1e-15);
        assert_eq!((exp2(0.0), exp2(10.0), exp2(-3.0)), (1.0, 1024.0, 0.125));
    }
}
