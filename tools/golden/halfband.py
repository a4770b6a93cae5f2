"""Designs the half-band filters of afx-dsp/src/oversample/taps.rs and prints them as Rust.

A half-band FIR of 4k+3 taps has a centre tap of 1/2, zeros at the other odd places, and 2k+2 free symmetric even taps. The
even taps doubled are a one-band equiripple problem at half the rate: minimise |1 - 2 H_even| over 0 <= f <= 2 f_p
(Vaidyanathan and Nguyen 1987, "A trick for the design of FIR half-band filters"). Pass and stop ripple are then equal.

The low-latency filters are H = (A0(z^2) + z^-1 A1(z^2)) / 2 with all-pass sections (a + z^-2) / (1 + a z^-2); the
coefficients of the elliptic design follow from theta-function series (Gazsi 1985; Valenzuela and Constantinides 1983).

numpy 2.x, scipy 1.x; no random numbers.
"""

import numpy as np
from scipy.signal import remez

# (name, taps, pass-band edge as a fraction of the stage's output rate): 20 kHz at 48, 96, 192, 384 kHz input.
STAGES = [("STAGE_0", 91, 20 / 96), ("STAGE_1", 23, 20 / 192), ("STAGE_2", 15, 20 / 384), ("STAGE_3", 11, 20 / 768)]


def design(taps, edge):
    """The first half of the even taps (the other half mirrors it)."""
    count = (taps + 1) // 2
    return (remez(count, [0, 2 * edge], [1], fs=1.0, maxiter=200, grid_density=64) / 2)[: count // 2]


def response(half, taps, f):
    h = np.zeros(taps)
    even = np.concatenate([half, half[::-1]])
    h[::2] = even
    h[taps // 2] = 0.5
    n = np.arange(taps) - taps // 2
    return (h * np.cos(2 * np.pi * np.outer(f, n))).sum(1)


# (name, coefficients, transition band as a fraction of the output rate): the same pass bands as above.
ALLPASS = [("ALLPASS_0", 8, 20 / 96), ("ALLPASS_1", 4, 20 / 192), ("ALLPASS_2", 3, 20 / 384), ("ALLPASS_3", 2, 20 / 768)]


def allpass(count, edge):
    transition = 0.5 - 2 * edge
    k = np.tan((1 - 2 * transition) * np.pi / 4) ** 2
    root = (1 - k * k) ** 0.25
    e = 0.5 * (1 - root) / (1 + root)
    q = e * (1 + 2 * e**4 + 15 * e**8 + 150 * e**12)
    order, j = 2 * count + 1, np.arange(8)
    out = []
    for c in range(1, count + 1):
        num = q**0.25 * np.sum((-1.0) ** j * q ** (j * (j + 1)) * np.sin((2 * j + 1) * c * np.pi / order))
        den = 0.5 + np.sum(((-1.0) ** j * q ** (j * j) * np.cos(2 * j * c * np.pi / order))[1:])
        w = (num / den) ** 2
        x = np.sqrt((1 - w * k) * (1 - w / k)) / (1 + w)
        out.append((1 - x) / (1 + x))
    return np.array(out)


def allpass_response(a, f):
    z = np.exp(-2j * np.pi * f)
    branch = [np.ones_like(z), z.copy()]
    for i, c in enumerate(a):
        branch[i % 2] *= (c + z**2) / (1 + c * z**2)
    return (branch[0] + branch[1]) / 2


if __name__ == "__main__":
    for name, taps, edge in STAGES:
        half = design(taps, edge)
        stop = np.abs(response(half, taps, np.linspace(0.5 - edge, 0.5, 20001))).max()
        ripple = np.abs(response(half, taps, np.linspace(0, edge, 20001)) - 1).max()
        print(f"// {taps} taps, pass band to {edge:.6f}, stop band {20*np.log10(stop):.2f} dB, ripple {20*np.log10(1+ripple):.2e} dB")
        print(f"pub(super) const {name}: [f64; {len(half)}] = [")
        for v in half:
            print(f"    {v:.17e},")
        print("];")
    for name, count, edge in ALLPASS:
        a = allpass(count, edge)
        stop = np.abs(allpass_response(a, np.linspace(0.5 - edge, 0.5, 20001))).max()
        print(f"// {count} coefficients, pass band to {edge:.6f}, stop band {20*np.log10(stop):.2f} dB")
        print(f"pub(super) const {name}: [f64; {count}] = [")
        for v in a:
            print(f"    {v:.17e},")
        print("];")
