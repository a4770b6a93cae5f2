"""Reference values and gradients of the published losses and metrics on closed-form signals, in float64.

Packages: torch 2.15.0, auraloss 0.4.0, pyneuralfx 0.1.2, pyloudnorm 0.2.0, librosa 0.11.0, scipy 1.17.1, numpy 2.4.6. No random numbers.
Writes afx-loss/tests/data/losses.json; see README.md beside this file for its form.

    python tools/golden/losses.py           write
    python tools/golden/losses.py --check   recompute and compare with the committed file

``by`` names who computed a value: a package's class, or ``formula`` where the publication has no installable code and the line in
this script is the definition. The packages make their windows and filter taps in float32; here they are replaced by the same
numbers in float64, otherwise no comparison below 1e-6 would mean anything (``float32_constants`` says what that changes).
"""

import contextlib
import copy
import io
import json
import math
import warnings
from decimal import Decimal

import auraloss
import librosa
import numpy as np
import pyloudnorm
import scipy.signal
import torch
from auraloss.freq import MelSTFTLoss, MultiResolutionSTFTLoss, STFTLoss, SumAndDifferenceSTFTLoss
from pyneuralfx.eval_metrics import utils as measures
from pyneuralfx.loss_func import loss_func as toolkit

from vectors import ROOT, versions, worst_difference, write_or_check

OUT = ROOT / "afx-loss" / "tests" / "data" / "losses.json"
FS = 48000
EVERYWHERE = (0, 100, 5000, -1)
AURALOSS_SIZES = ([1024, 2048, 512], [120, 240, 50], [600, 1200, 240])


# ---------------------------------------------------------------------------------------------------------------- signals


def ramp(frames):
    return np.arange(frames, dtype=np.float64)


def noise(frames):
    """Uniform in -0.5..0.5 from ``s = 1664525 s + 1013904223 mod 2^32``, ``s = 1`` before the first: exact in any language."""
    state, out = 1, []
    for _ in range(frames):
        state = (1664525 * state + 1013904223) % 2**32
        out.append(state / 2**32 - 0.5)
    return np.array(out)


def decaying_sines():
    """A 440 Hz sine dying away; the prediction is late, softer, off centre and has a 3 kHz tone."""
    n = ramp(16384)
    e = np.exp(-n / 8000)
    y = np.sin(2 * np.pi * 440 * n / FS) * e
    return y, 0.9 * np.sin(2 * np.pi * 440 * (n - 3) / FS) * e + 0.01 * np.sin(2 * np.pi * 3000 * n / FS) + 0.002


def driven_strings():
    """One second like a guitar through a drive: four slightly inharmonic plucks, 12 partials each, tanh, and a noise floor.

    The floor matters: without it most bins hold nothing but rounding, and gradients of |X| and ln |X| point anywhere there.
    """
    n = ramp(48000)
    x = np.zeros_like(n)
    for start, f in ((0, 82.41), (9600, 123.47), (19200, 196.0), (30000, 329.63)):
        m = np.maximum(n - start, 0)
        for k in range(1, 13):
            hz = f * k * np.sqrt(1 + 5e-5 * k * k)
            level = 0.35 * np.sin(0.18 * np.pi * k) / k
            x += level * np.exp(-m * (0.6 + 0.4 * k) / 24000) * np.sin(2 * np.pi * hz * m / FS)
    y = 0.6 * np.tanh(4 * x)
    return y, 0.58 * np.tanh(3.6 * x + 0.05) + 0.001 * np.cos(2 * np.pi * 5000 * n / FS) + 0.002 * noise(48000)


def knocks():
    """A decaying tone with four 2.5 kHz knocks; the prediction's knocks are 0.7 as strong."""
    n = ramp(48000)
    tone = 0.5 * np.sin(2 * np.pi * 440 * n / FS) * np.exp(-n / 24000)
    hits = np.zeros_like(n)
    for k in range(4):
        m = np.maximum(n - 6000 - 12000 * k, 0)
        hits += np.exp(-m / 30) * np.sin(2 * np.pi * 2500 * m / FS)
    return tone + hits, tone + 0.7 * hits


def signals():
    """``{name: (target, prediction, formula)}``, tensors ``[batch, channels, frames]``."""
    y, p, g, q, k, l = map(torch.from_numpy, (*decaying_sines(), *driven_strings(), *knocks()))

    def one(a):
        return a.reshape(1, 1, -1)

    return {
        "sines": (one(y), one(p), "y = sin(2 pi 440 n/fs) e^(-n/8000), p = 0.9 sin(2 pi 440 (n-3)/fs) e^(-n/8000) + 0.01 sin(2 pi 3000 n/fs) + 0.002, n < 16384"),
        "half": (one(y), one(y / 2), "y of sines, p = y/2"),
        "silent_prediction": (one(y), one(y * 0), "y of sines, p = 0"),
        "batch": (torch.stack((y, 0.1 * y)).unsqueeze(1), torch.stack((p, 0.11 * y)).unsqueeze(1), "items (y, p) and (0.1 y, 0.11 y) of sines"),
        "stereo": (torch.stack((y, 0.5 * y.roll(7))).unsqueeze(0), torch.stack((p, 0.5 * p.roll(5))).unsqueeze(0), "channels (y, y/2 rolled by 7) and (p, p/2 rolled by 5) of sines"),
        "strings": (one(g), one(q), "x = sum over (start, f) in (0, 82.41), (9600, 123.47), (19200, 196), (30000, 329.63), over k in 1..=12, for m = max(n - start, 0), of "
                    "0.35 sin(0.18 pi k)/k e^(-m (0.6+0.4k)/24000) sin(2 pi f k sqrt(1+5e-5 k^2) m/fs); y = 0.6 tanh(4x), p = 0.58 tanh(3.6x+0.05) + 0.001 cos(2 pi 5000 n/fs) + 0.002 u[n], n < 48000; "
                    "u[n] = s/2^32 - 0.5 with s = (1664525 s + 1013904223) mod 2^32, s = 1 before u[0]"),
        "knocks": (one(k), one(l), "t = 0.5 sin(2 pi 440 n/fs) e^(-n/24000), h = sum over k < 4, for m = max(n - 6000 - 12000k, 0), of e^(-m/30) sin(2 pi 2500 m/fs); y = t + h, p = t + 0.7 h, n < 48000"),
    }


# ----------------------------------------------------------------------------------------------------------------- losses


def quiet(make, *args, **named):
    """The toolkit's constructors print."""
    with contextlib.redirect_stdout(io.StringIO()):
        return make(*args, **named)


def wide(loss, anew=True):
    """``loss`` in float64, with its windows and pre-emphasis made anew in float64."""
    loss = loss.double()
    if not anew:
        return loss
    for part in loss.modules():
        if isinstance(part, STFTLoss):
            part.window = torch.hann_window(part.win_length, dtype=torch.float64)
            if part.scale == "mel":
                bank = librosa.filters.mel(sr=part.sample_rate, n_fft=part.fft_size, n_mels=part.fb.shape[-2], dtype=np.float64)
                part.fb = torch.from_numpy(bank).unsqueeze(0)
            if part.perceptual_weighting:
                part.prefilter.fir.weight.data = torch.from_numpy(a_weighting_taps()).view(1, 1, -1)
        if isinstance(part, toolkit.STFTLoss):
            part.window.data = torch.from_numpy(np.hanning(part.win_len))
        if isinstance(part, (toolkit.MRSTFTLoss, toolkit.MRSTFTCLoss)):
            for window_of, scale in zip(part.windows, part.scales):
                window_of.data = torch.from_numpy(np.hanning(scale))
        if isinstance(part, toolkit.DC_PreEmph):
            part.pars = dc_taps(2000).flip(0).reshape(1, 1, -1)
    return loss


def difference_equation(x, b):
    """FIR ``b`` from rest, same length."""
    return sum(c * torch.nn.functional.pad(x, (k, 0))[..., : x.shape[-1]] for k, c in enumerate(b))


def dc_taps(frames):
    """Impulse response of ``(1 - z^-1)/(1 - 0.995 z^-1)``."""
    n = torch.arange(frames, dtype=torch.float64)
    return torch.where(n == 0, torch.ones_like(n), -0.005 * 0.995 ** (n - 1).clamp(min=0))


def dc_blocker(x):
    """The same filter from rest, all of its response within the signal."""
    size = 2 * x.shape[-1]
    return torch.fft.irfft(torch.fft.rfft(x, size) * torch.fft.rfft(dc_taps(x.shape[-1]), size), size)[..., : x.shape[-1]]


def error_to_signal(filtered=lambda x: x):
    def loss(p, y):
        p, y = filtered(p), filtered(y)
        return ((y - p) ** 2).sum() / (y**2).sum()

    return loss


def complex_stft(x, size, window, center=False):
    flat = x.reshape(-1, x.shape[-1])
    return torch.stft(flat, size, size // 4, size, window, center=center, return_complex=True)


def complex_l1(p, y, window=lambda n: torch.hann_window(n, dtype=torch.float64)):
    """The seed's loss: L1 of the complex spectrogram, summed over sizes; the mean is over bins, frames and signals."""
    total = 0.0
    for size in (2048, 1024, 512, 256):
        z = complex_stft(p, size, window(size)) - complex_stft(y, size, window(size))
        # sqrt has no gradient at 0: the subgradient there is 0
        power = z.real**2 + z.imag**2
        total = total + torch.where(power > 0, power.clamp(min=1e-300).sqrt(), torch.zeros_like(power)).mean()
    return total


def multi_spec(p, y):
    """CoreAudioML's MultiSpecLoss: rectangular, centred, L1 + L1 of ln max(|X|, 1e-5), mean over sizes."""
    total = 0.0
    sizes = (2048, 1024, 512, 256, 128)
    for size in sizes:
        a, b = (complex_stft(x, size, torch.ones(size, dtype=torch.float64), True).abs() for x in (p, y))
        total = total + (a - b).abs().mean() + (a.clamp(min=1e-5).log() - b.clamp(min=1e-5).log()).abs().mean()
    return total / len(sizes)


def phase(threshold):
    """Angular distance where both |Re|+|Im| exceed ``threshold`` times the target's mean (BinauralSpeechSynthesis)."""

    def loss(p, y):
        window = torch.hann_window(1920, dtype=torch.float64)
        a, b = (torch.stft(x.reshape(-1, x.shape[-1]), 2048, 480, 1920, window, return_complex=True) for x in (p, y))
        size_a, size_b = (z.real.abs() + z.imag.abs() for z in (a.detach(), b))
        floor = threshold * size_b.mean()
        keep = (size_a > floor) & (size_b > floor)
        turn = (torch.atan2(a.imag[keep], a.real[keep]) - torch.atan2(b.imag[keep], b.real[keep])).abs()
        return (math.pi - (turn - math.pi).abs()).mean()

    return loss


def onsets(p, y):
    """Mean |difference| of relu(d/dt log10(|X| + 1e-5)), 1024/256."""

    def rise(x):
        level = torch.log10(complex_stft(x, 1024, torch.hann_window(1024, dtype=torch.float64)).abs() + 1e-5)
        return torch.relu(level[..., 1:] - level[..., :-1])

    return (rise(p) - rise(y)).abs().mean()


def spectra(power, distance):
    """The two readings of "l2 of the power spectrum" and the amplitude error of BinauralSpeechSynthesis."""

    def of(x):
        window = torch.hann_window(1920, dtype=torch.float64)
        z = torch.stft(x.reshape(-1, x.shape[-1]), 2048, 480, 1920, window, return_complex=True)
        size = z.real**2 + z.imag**2
        return size if power else torch.where(size > 0, size.clamp(min=1e-300).sqrt(), torch.zeros_like(size))

    return lambda p, y: distance(of(p), of(y))


def decay(p, y):
    """Mean squared distance of Schroeder's energy decay curves, dB re their first frame, no lower than -80 dB."""

    def curve(x):
        energy = (x**2).flip(-1).cumsum(-1).flip(-1)
        return 10 * torch.log10((energy / energy[..., :1]).clamp(min=1e-8))

    return ((curve(p) - curve(y)) ** 2).mean()


def percussive(x):
    """The percussive part of a signal, after Fitzgerald with the constants of DrummerNet.

    STFT of 1024, hop 256, rectangular, centred, mirrored. V is the median of |X|^2 over 31 bins around a bin and H over 31 columns, the
    edges mirrored; the mask is (V^2 + 1e-5)/(V^2 + H^2 + 1e-5). Back to time with a Hann window, divided by the sum of the windows.
    """
    size, hop, reach = 1024, 256, 15
    x = x.reshape(1, -1)
    ones, hann = torch.ones(size, dtype=torch.float64), torch.hann_window(size, dtype=torch.float64)
    z = torch.stft(x, size, hop, size, ones, return_complex=True)
    power = (z.real**2 + z.imag**2).unsqueeze(0)
    pad = torch.nn.functional.pad(power, (reach,) * 4, mode="reflect")[0]
    vertical = pad[:, :, reach:-reach].unfold(1, 2 * reach + 1, 1).median(-1).values ** 2
    horizontal = pad[:, reach:-reach, :].unfold(2, 2 * reach + 1, 1).median(-1).values ** 2
    mask = (vertical + 1e-5) / (vertical + horizontal + 1e-5)
    frames = torch.fft.irfft(z * mask, size, dim=1) * hann.reshape(1, -1, 1)
    columns = frames.shape[-1]

    def overlap(columns_of):
        return torch.nn.functional.fold(columns_of, (1, size + hop * (columns - 1)), (1, size), stride=(1, hop))[0, 0, 0]

    whole = overlap(frames) / overlap(hann.reshape(1, -1, 1).repeat(1, 1, columns)).clamp(min=1e-12)
    return whole[size // 2 : size // 2 + x.shape[-1]]


def percussive_onsets(p, y):
    """Mean |difference| of log10(|X| + 1e-5) of the percussive parts, 1024/256."""

    def level(x):
        z = complex_stft(percussive(x), 1024, torch.hann_window(1024, dtype=torch.float64), True)
        size = z.real**2 + z.imag**2
        return torch.log10(torch.where(size > 0, size.clamp(min=1e-300).sqrt(), torch.zeros_like(size)) + 1e-5)

    return (level(p) - level(y)).abs().mean()


def squared_phase(p, y):
    """auraloss' w_phs term, (angle - angle)^2 not unwrapped, but with columns within the signal: in a mirrored one angles are rounding."""
    a, b = (complex_stft(x, 1024, torch.hann_window(1024, dtype=torch.float64)).angle() for x in (p, y))
    return ((a - b) ** 2).mean()


class Component(torch.nn.Module):
    """One of the terms that auraloss' class adds up."""

    def __init__(self, index):
        super().__init__()
        self.index, self.loss = index, STFTLoss(1024, 256, 1024, w_lin_mag=1.0, output="full")

    def forward(self, p, y):
        return self.loss(p, y)[self.index]


def a_weighting_taps():
    """The 101 taps of auraloss' A-weighting at 48 kHz, from the response in closed form and before they are rounded to float32.

    The class takes the response through scipy's polynomials of degree 6 in float64, which loses 1e-9 of it near 0 Hz.
    """
    w = np.arange(512) * np.pi / 512
    s = 2j * FS * np.tan(w / 2)
    low, second, third, high = (2 * np.pi * f for f in (20.598997, 107.65265, 737.86223, 12194.217))
    h = high**2 * 10 ** (1.9997 / 20) * s**4 / ((s + high) ** 2 * (s + low) ** 2 * (s + second) * (s + third))
    return scipy.signal.firls(101, w / np.pi * FS / 2, abs(h), fs=FS)


def chroma():
    """The class cannot be built with scale="chroma": librosa's bank stays a numpy array. Its bank is put into one that can."""
    loss = wide(STFTLoss(1024, 256, 1024, sample_rate=FS, scale="mel", n_bins=12))
    loss.fb = torch.from_numpy(librosa.filters.chroma(sr=FS, n_fft=1024, n_chroma=12, dtype=np.float64)).unsqueeze(0)
    return loss


class Folded(torch.nn.Module):
    """The ESR behind auraloss' FIRFilter."""

    def __init__(self, kind):
        super().__init__()
        self.filter, self.loss = auraloss.perceptual.FIRFilter(kind), auraloss.time.ESRLoss()
        taps = {"hp": [1, -0.85, 0], "fd": [1, 0, -0.85]}[kind]
        self.filter.fir.weight.data = torch.tensor(taps, dtype=torch.float64).view(1, 1, -1)

    def forward(self, p, y):
        return self.loss(*self.filter(p, y))


def cases(anew=True):
    """``(name, by, loss(prediction, target), signals, page value on the first of them or None)``."""

    def aura(make, *args, **named):
        return wide(make(*args, **named), anew)

    def pnx(make, *args, **named):
        return wide(quiet(make, *args, **named), anew)

    both = ("sines", "strings")
    more = ("sines", "strings", "half", "silent_prediction")
    everything = (*more, "batch", "stereo")
    f = torch.nn.functional
    a, t = "auraloss", "pyneuralfx"
    rows = [
        ("l1", "torch", f.l1_loss, both, 0.0522835136666),
        ("mse", "torch", f.mse_loss, both, 0.00448100976455),
        ("esr", "formula", error_to_signal(), both, 0.0373308557442),
        ("esr", a, aura(auraloss.time.ESRLoss), (*both, "batch"), 0.037330855744),
        ("esr", t, pnx(toolkit.ESRLoss), (*both, "batch"), None),
        ("esr coreaudioml", "formula", lambda p, y: ((y - p) ** 2).mean() / ((y**2).mean() + 1e-5), both, 0.0373277460061),
        ("dc", a, aura(auraloss.time.DCLoss), both, 2.88833120144e-5),
        ("dc coreaudioml", "formula", lambda p, y: (y.mean() - p.mean()) ** 2 / ((y**2).mean() + 1e-5), both, 2.88809083803e-5),
        ("esr hp 0.85", "formula", error_to_signal(lambda x: difference_equation(x, (1, -0.85))), both, 0.0397897750436),
        ("esr hp 0.95", "formula", error_to_signal(lambda x: difference_equation(x, (1, -0.95))), both, 0.0496438293805),
        ("esr hp lp 0.85", "formula", error_to_signal(lambda x: difference_equation(x, (1, 0, -0.7225))), both, 0.0395009775154),
        ("esr hp 0.85", a, aura(Folded, "hp"), both, None),
        ("esr fd 0.85", "formula", error_to_signal(lambda x: difference_equation(x, (1, 0, -0.85))), both, 0.0438767997516),
        ("esr fd 0.85", a, aura(Folded, "fd"), both, None),
        ("esr dc-blocked", "formula", error_to_signal(dc_blocker), both, 0.0373121121419),
        ("esr dc-blocked", t, pnx(toolkit.ESRLoss, True), both, 0.03731211471),
        ("log-cosh", a, aura(auraloss.time.LogCoshLoss), both, 0.00223523114771),
        ("log-cosh stable", "formula", lambda p, y: (torch.logaddexp(p - y, y - p) - math.log(2)).mean(), both, 0.00223522116998),
        ("snr", a, aura(auraloss.time.SNRLoss), both, -14.2826456673),
        ("si-sdr", a, aura(auraloss.time.SISDRLoss), both, -15.0837108191),
        ("sd-sdr", a, aura(auraloss.time.SDSDRLoss), both, -13.2337919427),
        ("stft 1024 sum", a, aura(STFTLoss, 1024, 256, 1024, w_lin_mag=1.0), both, 0.279678979274),
        ("stft 1024 convergence", a, aura(Component, 1), (*both, "batch"), 0.110878344634),
        ("stft 1024 log", a, aura(Component, 2), both, 0.104744539438),
        ("stft 1024 linear", a, aura(Component, 3), both, 0.0640560952028),
        ("mr-stft", a, aura(MultiResolutionSTFTLoss), everything, 0.337481776811),
        ("mr-stft with linear", a, aura(MultiResolutionSTFTLoss, w_lin_mag=1.0), both, 0.397067527302),
        ("mr-stft a-weighted 48k", a, aura(MultiResolutionSTFTLoss, perceptual_weighting=True, sample_rate=FS), both, 0.384046312867),
        ("mr-stft l2", a, aura(MultiResolutionSTFTLoss, w_lin_mag=1.0, mag_distance="L2"), (*both, "batch"), None),
        ("mr-stft scale-invariant", a, aura(MultiResolutionSTFTLoss, w_lin_mag=1.0, scale_invariance=True), (*both, "half"), None),
        ("mr-stft scale-invariant l2", a, aura(MultiResolutionSTFTLoss, w_lin_mag=1.0, scale_invariance=True, mag_distance="L2"), both, None),
        ("stft phase squared", "formula", squared_phase, both, 0.60910310058),
        ("chroma 1024 12 48k", a, chroma() if anew else None, both, 0.203212217096),
        ("mel 1024 128 44.1k", a, aura(MelSTFTLoss, 44100, 1024, 256, 1024, n_mels=128), both, 0.393360125977),
        ("mel 1024 128 48k", a, aura(MelSTFTLoss, 48000, 1024, 256, 1024, n_mels=128), both, 0.39522717512),
        ("mel 1024 128 48k scale-invariant", a, aura(MelSTFTLoss, 48000, 1024, 256, 1024, n_mels=128, scale_invariance=True), ("strings", "half"), None),
        ("mel 1024 128 48k scale-invariant l2", a, aura(MelSTFTLoss, 48000, 1024, 256, 1024, n_mels=128, scale_invariance=True, mag_distance="L2"), ("strings",), None),
        ("sum-difference mr-stft", a, aura(SumAndDifferenceSTFTLoss, *AURALOSS_SIZES), ("stereo",), 0.407245892165),
        ("complex stft", "formula", complex_l1, more, 0.386298309045),
        ("complex stft symmetric", "formula", lambda p, y: complex_l1(p, y, lambda n: torch.from_numpy(np.hanning(n))), both, 0.38636415475),
        ("mr-stft power", t, pnx(toolkit.MRSTFTLoss), more, 5.63449044607),
        ("mr-stft power 2048", t, pnx(toolkit.MRSTFTLoss, [2048]), both, 15.9366007039),
        ("mr-stft complex", t, pnx(toolkit.MRSTFTCLoss), both, 0.0950803514059),
        ("stft complex 2048", t, pnx(toolkit.STFTLoss), both, None),
        ("hybrid", t, pnx(toolkit.HybridLoss), both, 0.615732558273),
        ("hybrid pre-emphasis", t, pnx(toolkit.HybridLoss, True), both, 0.613588091041),
        ("multi-spec", "formula", multi_spec, both, 0.526045406955),
        ("phase 0.1", "formula", phase(0.1), both, 0.115238791119),
        ("phase 0.2", "formula", phase(0.2), both, 0.0979212245169),
        ("onsets", "formula", onsets, ("knocks", "strings"), 0.00342581675659),
        ("amplitude l1", "formula", spectra(False, f.l1_loss), both, 0.0712762183929),
        ("amplitude l2", "formula", spectra(False, f.mse_loss), both, 1.215066274),
        ("power l2", "formula", spectra(True, f.mse_loss), both, 264910.2078),
        ("decay", "formula", decay, (*both, "half"), None),
        ("percussive onsets", "formula", percussive_onsets, ("knocks", "strings"), None),
        # recorded because users will compare, not because they are right: see "wrong"
        ("dc", t, pnx(toolkit.DCLoss), both, None),
        ("stft magnitude 2048", t, pnx(toolkit.STFTLoss, is_complex=False), ("sines",), None),
    ]
    return [row for row in rows if row[2] is not None]


PAGE_GRADIENTS = {
    # (loss, by, signal): {"norm": ..., frame: ...}
    ("esr", "formula", "sines"): {"norm": 0.008713648288, 100: -6.543539e-5, 5000: 1.3378214e-5},
    ("dc", "auraloss", "sines"): {100: 1.8935621e-6},
    ("esr hp 0.85", "formula", "sines"): {"norm": 0.0115439197},
    ("stft 1024 sum", "auraloss", "sines"): {"norm": 24.51978633},
    ("mr-stft", "auraloss", "sines"): {"norm": 22.70673296, 0: 0.44170022, 100: 0.027043803, 5000: 0.40324736},
    ("mr-stft", "auraloss", "silent_prediction"): {"norm": 0.0},
    ("complex stft", "formula", "sines"): {"norm": 0.07730601068, 100: 3.3086998e-5, 5000: 4.3064501e-4},
    ("complex stft", "formula", "silent_prediction"): {"norm": 0.04711516964},
    ("mr-stft power", "pyneuralfx", "sines"): {"norm": 1.217376379},
    ("hybrid", "pyneuralfx", "sines"): {"norm": 0.1247779462},
}
PAGE_VALUES = {
    ("esr", "auraloss", "batch"): 0.02366542787,
    ("esr", "pyneuralfx", "batch"): 0.03706025321,
    ("stft 1024 convergence", "auraloss", "batch"): 0.110776,
    ("mr-stft", "auraloss", "half"): 0.657348166969,
    ("mr-stft", "auraloss", "silent_prediction"): 1.92839935187,
    ("complex stft", "formula", "silent_prediction"): 1.75664034542,
}


def derivative(loss, p, y):
    p = p.clone().requires_grad_()
    value = loss(p, y)
    value.backward()
    return value.item(), p.grad.flatten()


def evaluate(loss, pair):
    """Value, and the gradient's norm, sum, projection on ``noise`` and a few elements (flattened ``[batch, channels, frames]``).

    ``noise`` says how far the three move when every sample of both signals moves by one unit in the last place: no tolerance can be
    below it, since another libm does just that.
    """
    y, p, _ = pair
    value, g = derivative(loss, p, y)
    signs = [torch.from_numpy(np.sign(np.roll(noise(p.numel()), k))).reshape(p.shape) for k in (0, 1)]
    other, h = derivative(loss, p * (1 + 2.2e-16 * signs[0]), y * (1 + 2.2e-16 * signs[1]))
    moved = [abs(value - other), (g.norm() - h.norm()).abs().item(), (g - h).abs().max().item()]
    row = {"value": value, "noise": dict(zip(("value", "gradient_norm", "gradient"), (float(f"{m:.0e}") for m in moved)))}
    if moved[1] > 1e-3 * g.norm().item():
        return row  # the gradient is an accident of rounding
    elements = [[k % len(g), float(f"{g[k].item():.12e}")] for k in EVERYWHERE]
    projection = (g * torch.from_numpy(noise(len(g)))).sum().item()
    return row | {"gradient_norm": g.norm().item(), "gradient_sum": g.sum().item(), "gradient_projection": projection, "gradient": elements}


def in_float32(name, by, row, pair, narrow, loss):
    """What float32 costs torch: the relative error of the value and of the gradient (its norm) with constants and sums in float32."""
    y, p, _ = pair
    _, g = derivative(loss, p, y)
    if by != "formula":
        loss = copy.deepcopy(narrow[name, by]).float() if (name, by) in narrow and isinstance(narrow[name, by], torch.nn.Module) else loss
    torch.float64, kept = torch.float32, torch.float64  # the formulas ask for their windows by this name
    try:
        value, h = derivative(loss, p.float(), y.float())
    except (RuntimeError, TypeError):
        return row
    finally:
        torch.float64 = kept
    errors = {"value": abs(value / row["value"] - 1) if row["value"] else 0.0}
    if "gradient" in row and row["gradient_norm"] > 0:
        errors["gradient"] = ((h.double() - g).norm() / g.norm()).item()
    return row | {"float32": {part: float(f"{error:.0e}") for part, error in errors.items()}}


def metrics(pairs):
    """Levels and distances that are not training losses."""
    y, p, _ = pairs["sines"]
    rows = []

    def add(name, by, signal, value, page=None):
        rows.append({"metric": name, "by": by, "signal": signal, "value": float(value), "page": page})

    pages = {"target": (-9.88281164236, -9.92541731269, 9.17653405166, 0.0404057942291), "prediction": (-10.7953964594, -10.8380022411, 9.14928418291, 0.0599471460693)}
    for side, x in (("target", y), ("prediction", p)):
        flat = x.flatten()
        tiled = flat.repeat(6)[:96000].numpy()
        itu, default, crest, centroid = pages[side]
        label = f"sines {side}"
        add("lufs itu", "pyloudnorm DeMan", f"{label}, tiled 6 times, first 96000", pyloudnorm.Meter(FS, filter_class="DeMan").integrated_loudness(tiled), itu)
        add("lufs rbj", "pyloudnorm default", f"{label}, tiled 6 times, first 96000", pyloudnorm.Meter(FS).integrated_loudness(tiled), default)
        add("crest factor dB", "formula", label, 20 * torch.log10(flat.abs().max() / (flat**2).mean().sqrt()), crest)
        add("crest factor 20 ln", "pyneuralfx", label, measures.crest_factor(flat))
        add("rms dB", "formula", label, 10 * torch.log10((flat**2).mean()))
        add("rms 20 ln", "pyneuralfx", label, measures.rms_energy(flat))
        magnitude = torch.fft.rfft(flat).abs()
        where = torch.linspace(0, 1, len(magnitude), dtype=torch.float64)
        add("spectral centroid", "formula", label, (where * magnitude).sum() / magnitude.sum(), centroid)
    k, l, _ = pairs["knocks"]
    stn = quiet(measures.STNSeparation, sr=FS)
    parts = [stn(x.float()) for x in (k, l)]
    add("stn transient esr (float32)", "pyneuralfx", "knocks", quiet(toolkit.ESRLoss)(parts[1][1], parts[0][1]), 0.0807328)
    return rows


WRONG = [
    "auraloss: |X| is sqrt(max(power, 1e-8)), so the gradient is exactly 0 in every bin below 1e-4; a silent prediction learns nothing (mr-stft on silent_prediction: gradient_norm 0).",
    "auraloss: spectral convergence is one Frobenius ratio over the whole batch; loud items hide quiet ones (stft 1024 convergence on batch).",
    "auraloss: FIRFilter('hp'), ('fd') correlate instead of convolving, so the filter is time-reversed; same magnitude, other edges (esr hp 0.85: auraloss against formula).",
    "auraloss: FIRFilter pads every filter by ntaps // 2 = 50 frames on each side, so the output of hp and fd, which have 3 taps, is 98 frames longer than the signal (zeros and an edge).",
    "auraloss: log-cosh adds 1e-8 inside the logarithm and overflows where |a e| passes 710 (float64) or 88 (float32); log-cosh stable does not.",
    "auraloss: scale_invariance multiplies an array [items] with one [items, bins, frames] along the wrong axis, so it works for one item only.",
    "auraloss: STFTLoss(scale='chroma') and ChromaSTFTLoss cannot be built: TypeError, librosa's bank is no tensor (0.4.0 with torch 2.15).",
    "auraloss: mel filter rows can be empty (48 kHz, FFT 512, 128 rows: 13 of them), which makes the loss NaN.",
    "pyneuralfx: STFTLoss(is_complex=False) is sqrt(sum of z^2) over the whole tensor, one complex number (stft magnitude 2048).",
    "pyneuralfx: DCLoss takes the mean over the batch, not over time; for one item it is the ESR (dc by pyneuralfx against esr).",
    "pyneuralfx: crest factor and RMS are 20 ln, not 20 log10: 2.302585 times too large.",
    "pyneuralfx: MRSTFTLoss compares power, |X|^2, with a floor of 1e-4 in the logarithm: the loudest bins decide.",
    "pyneuralfx: the gradient of MRSTFTLoss is exactly 0 for a silent prediction, since the derivative of |X|^2 at 0 is 0 (mr-stft power on silent_prediction).",
    "pyneuralfx: the pre-emphasis is the DC blocker's impulse response cut at 2000 taps, restarted with each chunk (esr dc-blocked: pyneuralfx against formula).",
    "auraloss: the A-weighting goes through scipy's polynomials of degree 6, which lose 1e-9 of the response near 0 Hz, and is then rounded to float32; here it is neither.",
    "drummernet: its inverse STFT divides by 2 where the windows do not add up to 2, so the first 256 frames come out too quiet; percussive onsets divides by their sum.",
    "pyloudnorm: a gating block that the signal does not fill is counted from half a step on, and divided by 400 ms all the same (recordings.py cuts the excerpts).",
    "pyloudnorm: loudness_range lets 1.5 s of silence follow, so a recording that is cut while it fades has too wide a range (recordings.json: range_lu against range_lu_pyloudnorm).",
    "pyloudnorm: the default K-weighting is not BS.1770's; filter_class='DeMan' is (lufs itu against lufs rbj).",
]


def compare(label, got, page, tolerance=0.0):
    """Print a disagreement with the reference page: more than one unit of its last printed digit."""
    unit = 10.0 ** Decimal(repr(page)).as_tuple().exponent
    if abs(got - page) > max(1.001 * unit, tolerance):
        print(f"DIFFERS {label}: page {page!r}, here {got!r}, relative {abs(got - page) / max(abs(page), 1e-300):.1e}")


def document():
    pairs = signals()
    losses = []
    narrow = {(name, by): loss for name, by, loss, _, _ in cases(False)}
    for name, by, loss, where, page in cases():
        for k, signal in enumerate(where):
            row = {"loss": name, "by": by, "signals": signal, **evaluate(loss, pairs[signal])}
            if signal == "strings":
                row = in_float32(name, by, row, pairs[signal], narrow, loss)
            label = (name, by, signal)
            expected = page if k == 0 else PAGE_VALUES.get(label)
            if expected is not None:
                # the page's A-weighting taps and mel banks are float32: it asks for 1e-6 there
                compare(label, row["value"], expected, 1e-6 if "weighted" in name or "mel" in name else 0.0)
            for element, number in PAGE_GRADIENTS.get(label, {}).items():
                got = row["gradient_norm"] if element == "norm" else dict(map(tuple, row["gradient"]))[element]
                compare((*label, element), got, number)
            if (name, by) in narrow and by != "formula":
                y, p, _ = pairs[signal]
                with contextlib.suppress(RuntimeError):
                    shift = abs(narrow[name, by](p, y).item() - row["value"])
                    if shift > 1e-12 * max(1.0, abs(row["value"])):
                        row["float32_constants"] = float(f"{shift:.1e}")
            losses.append(row)
    measured = metrics(pairs)
    for row in measured:
        page = row.pop("page")
        if page is not None:
            compare((row["metric"], row["signal"]), row["value"], page)
    described = {
        name: {
            "formula": formula,
            "shape": list(y.shape),
            "sums": {"target": y.sum().item(), "target_squared": (y**2).sum().item(), "prediction": p.sum().item(), "prediction_squared": (p**2).sum().item()},
        }
        for name, (y, p, formula) in pairs.items()
    }
    for name, number in (("target", 16.4258947485201), ("target_squared", 1966.6536573762), ("prediction", 46.9327488938261), ("prediction_squared", 1592.73028317294)):
        compare(("sines", name), described["sines"]["sums"][name], number)
    packages = versions("torch", "auraloss", "pyneuralfx", "pyloudnorm", "librosa", "scipy", "numpy")
    return {"versions": packages, "sample_rate": FS, "signals": described, "losses": losses, "metrics": measured, "wrong": WRONG}


def excess(left, right):
    """The largest difference of two documents in units of what each number may differ by; above 1 is too far."""
    worst = max(worst_difference(left[part], right[part]) for part in ("versions", "sample_rate", "wrong"))
    worst = max(worst, worst_difference(left["signals"], right["signals"]) / 1e-9)
    if [len(left[part]) for part in ("losses", "metrics")] != [len(right[part]) for part in ("losses", "metrics")]:
        return math.inf
    for a, b in zip(left["losses"], right["losses"]):
        if any(a[key] != b[key] for key in ("loss", "by", "signals")) or a.keys() - {"float32_constants"} != b.keys() - {"float32_constants"}:
            return math.inf
        size = a.get("gradient_norm", 0.0)
        worst = max(worst, abs(a["value"] - b["value"]) / (1e-11 * abs(a["value"]) + 100 * a["noise"]["value"]))
        if "gradient" in a:
            worst = max(worst, abs(size - b["gradient_norm"]) / (1e-10 * size + 100 * a["noise"]["gradient_norm"] + 1e-300))
            room = 1e-10 * size + 100 * a["noise"]["gradient"] + 1e-300
            worst = max(worst, *(abs(a[key] - b[key]) / (1000 * room) for key in ("gradient_sum", "gradient_projection")))
            worst = max(worst, *(abs(g - h) / room for (_, g), (_, h) in zip(a["gradient"], b["gradient"])))
    for a, b in zip(left["metrics"], right["metrics"]):
        room = 1e-5 if "float32" in a["metric"] else 1e-11
        worst = max(worst, math.inf if a["metric"] != b["metric"] else abs(a["value"] - b["value"]) / (room * abs(a["value"])))
    return worst


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    text = json.dumps(document(), indent=1).replace("[\n     ", "[").replace(",\n     ", ", ").replace("\n    ]", "]")
    write_or_check(OUT, (text + "\n").encode(), json.loads, 1.0, excess)


if __name__ == "__main__":
    main()
