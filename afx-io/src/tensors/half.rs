//! 16 bit floating point to 32 bit, exactly.

/// IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) to `f32`.
pub fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10) & 0x1F;
    let fraction = u32::from(bits) & 0x3FF;
    match exponent {
        // Zero and subnormal: fraction * 2^-24, exact in f32.
        0 => f32::from_bits(sign | (fraction as f32 * (1.0 / 16_777_216.0)).to_bits()),
        31 => f32::from_bits(sign | 0x7F80_0000 | (fraction << 13)),
        // The bias changes from 15 to 127.
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

/// bfloat16, the upper half of an `f32`, to `f32`.
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_has_the_value_of_its_definition() {
        for bits in 0..=u16::MAX {
            let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
            let (e, f) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3FF) / 1024.0);
            let expected = match e {
                0 => sign * f * 2.0_f64.powi(-14),
                31 if f == 0.0 => sign * f64::INFINITY,
                31 => f64::NAN,
                _ => sign * (1.0 + f) * 2.0_f64.powi(e - 15),
            };
            let found = f64::from(f16_to_f32(bits));
            assert!(found == expected || (found.is_nan() && expected.is_nan()), "{bits:#06x}: {found} for {expected}");
            assert_eq!(found.is_sign_negative(), bits & 0x8000 != 0, "{bits:#06x}");
        }
    }

    #[test]
    fn named_halves_have_their_known_values() {
        assert_eq!(f16_to_f32(0x3C00), 1.0);
        assert_eq!(f16_to_f32(0x7BFF), 65504.0);
        assert_eq!(f16_to_f32(0x0001), 5.960_464_5e-8);
        assert_eq!(bf16_to_f32(0x3F80), 1.0);
        assert_eq!(bf16_to_f32(0xC049), -3.140_625);
    }
}
