"""Reference values for afx-loss/tests/data/metrics.json.

Versions: Python 3.11, numpy 2.4.6, scipy 1.17.1, torch 2.15.0, pyneuralfx 0.1.2, pyloudnorm 0.2.0.
Seed: none; the signals are closed forms and a 64-bit linear congruential noise (state 7), written here and again in the Rust test.
PyNeuralFx asks for torch_dct; its one call is answered by scipy.fft.dct(norm="ortho").

    python tools/golden/metrics.py           write
    python tools/golden/metrics.py --check   recompute and compare with the committed file
"""

import contextlib
import io
import json
import sys
import types

import numpy as np
import scipy.fft
import torch

stub = types.ModuleType("torch_dct")
stub.dct = lambda x, norm=None: torch.from_numpy(scipy.fft.dct(x.numpy(), norm=norm))
stub.idct = lambda x, norm=None: torch.from_numpy(scipy.fft.idct(x.numpy(), norm=norm))
sys.modules["torch_dct"] = stub

import pyloudnorm
from pyneuralfx.eval_metrics import eval_metrics as reference
from pyneuralfx.eval_metrics import utils as reference_utils
from pyneuralfx.loss_func.loss_func import MRSTFTLoss
from pyneuralfx.transient_sep.tms_tools import tms_synthesis_tools

from vectors import ROOT, worst_difference, write_or_check

OUT = ROOT / "afx-loss" / "tests" / "data" / "metrics.json"


def noise(frames, state=7):
    out = np.empty(frames)
    for n in range(frames):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out[n] = (state >> 11) / 2**52 - 1.0
    return out


def plucks(frames, rate, damping):
    """Five plucks with three partials each, a click at each start, and noise 60 dB down."""
    n = np.arange(frames)
    x = 1e-3 * noise(frames)
    for k in range(5):
        m = n - (1000 + 8000 * k)
        on, m = m >= 0, np.maximum(m, 0)
        for partial in (1, 2, 3):
            x += on * 0.3 / partial * np.sin(2 * np.pi * 110 * (k + 2) * partial * m / rate) * np.exp(-m / damping)
        x += on * 0.2 * np.exp(-m / 12)
    return x


def tensor(x):
    return torch.from_numpy(x)[None, None]


def values(rate):
    frames = 50000
    y, p = plucks(frames, rate, 9000), 0.8 * np.tanh(1.3 * plucks(frames, rate, 7000))
    with contextlib.redirect_stdout(io.StringIO()):
        stn = reference.STNSeparation(sr=rate).double()(tensor(y))
        return {
            "rate_hz": rate,
            "sum_y2": float((y**2).sum()),
            "sum_p2": float((p**2).sum()),
            "esr": float(((y - p) ** 2).sum() / (y**2).sum()),
            "crest_factor": float((reference_utils.crest_factor(tensor(p)) - reference_utils.crest_factor(tensor(y))).abs()),
            "rms": float((reference_utils.rms_energy(tensor(p)) - reference_utils.rms_energy(tensor(y))).abs()),
            "centroid_y": float(reference_utils.spectral_centroid(torch.from_numpy(y))),
            "stft": float(MRSTFTLoss(scales=[2048])(tensor(p), tensor(y))),
            "lufs_itu_y": float(pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(y)),
            "lufs_default_y": float(pyloudnorm.Meter(rate).integrated_loudness(y)),
            "lufs_default_p": float(pyloudnorm.Meter(rate).integrated_loudness(p)),
            "stn_energy": [float((part**2).sum()) for part in stn],
            "transient_stn": float(reference.TransientPreservation_v2(rate)(tensor(p), tensor(y))),
            "transient_tms": float(reference.TransientPreservation(rate)(tensor(p), tensor(y))),
            "dct_transient_energy": float((tms_synthesis_tools(y, rate).astype(float) ** 2).sum()),
        }


if __name__ == "__main__":
    text = json.dumps([values(48000), values(44100)], indent=1) + "\n"
    # sums of squares in another order, another libm
    write_or_check(OUT, text.encode(), json.loads, 1e-9, worst_difference)
