"""Reference values and gradients of the published losses and metrics on recordings, in float64.

Packages: those of losses.py and metrics.py. No random numbers. Reads the WAV files named in TAKES from the folder ../shared/audio beside
the repository and writes afx-loss/tests/data/recordings.json; see README.md beside this file for its form.

    python tools/golden/recordings.py           write
    python tools/golden/recordings.py --check   recompute and compare with the committed file

The target is an excerpt of a recording, the prediction a closed form of it, so that any language has the same pair without a second
file. The losses are those of losses.py, which says who computed what.
"""

import contextlib
import io
import json
import math
import sys
import types
import warnings
import wave

import numpy as np
import pyloudnorm
import scipy.fft
import scipy.signal
import torch

# PyNeuralFx asks for torch_dct; its one call is answered by scipy
dct = types.ModuleType("torch_dct")
dct.dct = lambda x, norm=None: torch.from_numpy(scipy.fft.dct(x.numpy(), norm=norm))
dct.idct = lambda x, norm=None: torch.from_numpy(scipy.fft.idct(x.numpy(), norm=norm))
sys.modules["torch_dct"] = dct

from pyneuralfx.eval_metrics import eval_metrics as published
from pyneuralfx.eval_metrics import utils as measures
from pyneuralfx.loss_func.loss_func import MRSTFTLoss

from losses import FS, cases, evaluate, in_float32, quiet
from vectors import ROOT, versions, worst_difference, write_or_check

OUT = ROOT / "afx-loss" / "tests" / "data" / "recordings.json"
AUDIO = ROOT.parent / "shared" / "audio"
PREDICTION = "p[n] = tanh(3 x[n-2])/3 + 0.003 sin(2 pi 3000 n/fs) + 0.001, x before the excerpt 0"
TAKES = {
    # name: file, first frame, frames
    "bass": ("bass_woodsy_c.wav", 40000, 32768),
    "fifths": ("guit_e_fifths.wav", 1000, 32768),
    "em9": ("guit_em9.wav", 65536, 32768),
    "di": ("guitar_di_48k.wav", 600000, 65536),
}
STEREO = ("em9", "fifths")
STEREO_LOSSES = {("sum-difference mr-stft", "auraloss"), ("mr-stft", "auraloss"), ("esr", "auraloss"), ("esr", "pyneuralfx"), ("si-sdr", "auraloss")}
# slips of the toolkit, and rows that the closed forms have
LEFT_OUT = {("dc", "pyneuralfx"), ("stft magnitude 2048", "pyneuralfx"), ("mel 1024 128 48k scale-invariant", "auraloss"), ("mel 1024 128 48k scale-invariant l2", "auraloss")}
LOUDNESS = {"em9": ("guit_em9.wav", 0, 384000), "di": ("guitar_di_48k.wav", 0, 768000)}


def read(file, first, frames):
    """Frames of a mono PCM file as float64 in -1..1: exact, since they have 16 or 24 bits."""
    with wave.open(str(AUDIO / file)) as wav:
        if (wav.getframerate(), wav.getnchannels()) != (FS, 1):
            raise ValueError(f"{file}: expected {FS} Hz mono")
        wav.setpos(first)
        data, width = wav.readframes(frames), wav.getsampwidth()
    padded = np.zeros((frames, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(frames, width)
    return padded.view("<i4")[:, 0] / 2.0**31


def predicted(x):
    n = np.arange(len(x), dtype=np.float64)
    late = np.concatenate((np.zeros(2), x[:-2]))
    return np.tanh(3 * late) / 3 + 0.003 * np.sin(2 * np.pi * 3000 * n / FS) + 0.001


def pairs():
    """``{name: (target, prediction)}``, tensors ``[1, channels, frames]``."""
    out = {}
    for name, (file, first, frames) in TAKES.items():
        x = read(file, first, frames)
        out[name] = tuple(torch.from_numpy(a).reshape(1, 1, -1) for a in (x, predicted(x)))
    out["stereo"] = tuple(torch.cat([out[name][k] for name in STEREO], dim=1) for k in (0, 1))
    return out


def true_peak_db(x):
    """The peak of the signal through the transform, 32 times oversampled, silence on both sides."""
    silence = np.zeros(4096)
    padded = np.concatenate((silence, x, silence))
    return 20 * np.log10(np.abs(scipy.signal.resample(padded, 32 * len(padded))).max())


def levels(x):
    flat = torch.from_numpy(x)
    magnitude = torch.fft.rfft(flat).abs()
    where = torch.linspace(0, 1, len(magnitude), dtype=torch.float64)
    return {
        "lufs_itu": pyloudnorm.Meter(FS, filter_class="DeMan").integrated_loudness(whole_blocks(x)),
        "lufs_default": pyloudnorm.Meter(FS).integrated_loudness(x),
        "true_peak_db": true_peak_db(x),
        "crest_factor_db": (20 * torch.log10(flat.abs().max() / (flat**2).mean().sqrt())).item(),
        "rms_db": (10 * torch.log10((flat**2).mean())).item(),
        "centroid": ((where * magnitude).sum() / magnitude.sum()).item(),
    }


def distances(y, p):
    """Metrics of the toolkit, which prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        stn = quiet(published.STNSeparation, sr=FS).double()(y)
        return {
            "crest_factor": (measures.crest_factor(p) - measures.crest_factor(y)).abs().item(),
            "rms": (measures.rms_energy(p) - measures.rms_energy(y)).abs().item(),
            "stft": MRSTFTLoss(scales=[2048])(p, y).item(),
            "stn_energy": [(part**2).sum().item() for part in stn],
            "transient_stn": float(published.TransientPreservation_v2(FS)(p, y)),
            "transient_tms": float(published.TransientPreservation(FS)(p, y)),
        }


def rows(signals):
    narrow = {(name, by): loss for name, by, loss, _, _ in cases(False)}
    for name, by, loss, _, _ in cases():
        if (name, by) in LEFT_OUT:
            continue
        mono = () if name.startswith("sum-difference") else TAKES
        stereo = ("stereo",) if (name, by) in STEREO_LOSSES else ()
        for signal in (*mono, *stereo):
            y, p = signals[signal]
            pair = (*signals[signal], None)
            row = {"loss": name, "by": by, "signals": signal, **evaluate(loss, pair)}
            yield in_float32(name, by, row, pair, narrow, loss)


def whole_blocks(x):
    """Cut behind the last gating block that is full: pyloudnorm counts one that is not, and divides it by 400 ms all the same."""
    return x[: len(x) - (len(x) - 19200) % 4800]


def loudness_range(x):
    """EBU Tech 3342: windows of 3 s every 100 ms within the signal, nearest rank."""
    filtered = x.copy()
    for stage in pyloudnorm.Meter(FS, filter_class="DeMan")._filters.values():
        filtered = stage.apply_filter(filtered)
    total = np.concatenate(([0.0], np.cumsum(filtered**2)))
    power = np.array([total[k + 144000] - total[k] for k in range(0, len(x) - 144000 + 1, 4800)]) / 144000
    level = -0.691 + 10 * np.log10(power)
    power, level = power[level > -70], level[level > -70]
    kept = np.sort(level[level > -0.691 + 10 * np.log10(power.mean()) - 20])
    rank = [kept[int(np.floor(share * (len(kept) - 1) + 0.5))] for share in (0.95, 0.10)]
    return rank[0] - rank[1]


def document():
    signals = pairs()
    described = {}
    for name, (file, first, frames) in TAKES.items():
        y, p = signals[name]
        sums = {"target": y.sum().item(), "target_squared": (y**2).sum().item(), "prediction": p.sum().item(), "prediction_squared": (p**2).sum().item()}
        described[name] = {"file": file, "first": first, "frames": frames, "sums": sums}
    losses = list(rows(signals))
    metrics = []
    for name in TAKES:
        y, p = signals[name]
        flat = [a.flatten().numpy() for a in (y, p)]
        metrics.append({"signal": name, "target": levels(flat[0]), "prediction": levels(flat[1]), **distances(y, p)})
    loudness = []
    for name, (file, first, frames) in LOUDNESS.items():
        x = read(file, first, frames)
        meter = pyloudnorm.Meter(FS, filter_class="DeMan")
        loudness.append({"file": file, "first": first, "frames": frames, "lufs_itu": meter.integrated_loudness(whole_blocks(x)), "range_lu": loudness_range(x), "range_lu_pyloudnorm": meter.loudness_range(x)})
    packages = versions("torch", "auraloss", "pyneuralfx", "pyloudnorm", "librosa", "scipy", "numpy")
    return {"versions": packages, "sample_rate": FS, "prediction": PREDICTION, "stereo": list(STEREO), "takes": described, "losses": losses, "metrics": metrics, "loudness": loudness}


def text(content):
    """One line per row."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = ",\n".join("  " + json.dumps(row) for row in value)
            lines.append(f' "{key}": [\n{body}\n ]')
        else:
            lines.append(f' "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def excess(left, right):
    """The largest difference of two documents in units of what each number may differ by; above 1 is too far."""
    worst = max(worst_difference(left[part], right[part]) for part in ("versions", "sample_rate", "prediction", "stereo"))
    worst = max(worst, *(worst_difference(left[part], right[part]) / 1e-9 for part in ("takes", "metrics", "loudness")))
    if len(left["losses"]) != len(right["losses"]):
        return math.inf
    for a, b in zip(left["losses"], right["losses"]):
        if any(a[key] != b[key] for key in ("loss", "by", "signals")):
            return math.inf
        worst = max(worst, abs(a["value"] - b["value"]) / (1e-11 * abs(a["value"]) + 100 * a["noise"]["value"]))
        if "gradient" in a:
            room = 1e-10 * a["gradient_norm"] + 100 * a["noise"]["gradient"] + 1e-300
            worst = max(worst, *(abs(g - h) / room for (_, g), (_, h) in zip(a["gradient"], b["gradient"])))
            worst = max(worst, *(abs(a[key] - b[key]) / (1000 * room) for key in ("gradient_norm", "gradient_sum", "gradient_projection")))
    return worst


def main():
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    if not AUDIO.is_dir():
        raise SystemExit(f"the recordings are missing: {AUDIO.relative_to(ROOT.parent)} beside the repository")
    write_or_check(OUT, text(document()).encode(), json.loads, 1.0, excess)


if __name__ == "__main__":
    main()
