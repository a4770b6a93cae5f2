"""How near does a model come to itself at another sample rate, and how much does it alias?

Packages: numpy, scipy. Models of 44.1 kHz, such as the captures of GuitarML that `afx import` reads; a dry recording at 44.1 kHz.

    python tools/bench/sample_rates.py afx dry.wav models/*.safetensors

For each model: the output at its own rate, resampled, against the error of `afx render --without-latency`, in dB, at 48, 88.2, 96 and 40.517 kHz (as
44.1 is to 48); and what lies between the harmonics of a sine of 1249 and of 4321 Hz below 20 kHz against the harmonics, in dB, at one, two and four times
the model's rate. Then the medians and the worst. Resampling is by Fourier transform, as in arXiv:2406.06293.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample

OWN = 44100
HOSTS = [48000, 88200, 96000, 40517]
SINES = [1249, 4321]
FACTORS = [1, 2, 4]


def render(afx, model, x, rate):
    with tempfile.TemporaryDirectory() as folder:
        dry, wet = Path(folder, "dry.wav"), Path(folder, "wet.wav")
        wavfile.write(dry, rate, x.astype(np.float32))
        subprocess.run([afx, "render", model, dry, wet, *(["--without-latency"] if rate != OWN else [])], check=True)
        return wavfile.read(wet)[1].astype(np.float64)


def signal_to_error(target, found):
    target, found = target[2000:-2000], found[2000:-2000]
    return 10 * np.log10(np.sum(target**2) / np.sum((target - found) ** 2))


def aliases(y, hertz):
    """A second: bins of one hertz."""
    energy = np.abs(np.fft.rfft(y * np.hanning(len(y)))[:20000]) ** 2
    away = np.abs((np.arange(20000) + hertz / 2) % hertz - hertz / 2)
    heard = np.arange(20000) >= 20
    return 10 * np.log10(energy[heard & (away > 3)].sum() / energy[heard & (away <= 3)].sum())


def main():
    afx, dry, *models = sys.argv[1:]
    rate, x = wavfile.read(dry)
    assert rate == OWN, f"{dry}: expected {OWN} Hz, found {rate} Hz"
    x = x / np.iinfo(x.dtype).max if np.issubdtype(x.dtype, np.integer) else x.astype(np.float64)
    rows = []
    for model in models:
        own, row = render(afx, model, x, OWN), []
        for host in HOSTS:
            frames = round(len(x) * host / OWN)
            row.append(signal_to_error(resample(own, frames), render(afx, model, resample(x, frames), host)))
        for hertz in SINES:
            for factor in FACTORS:
                time = np.arange(2 * OWN * factor) / (OWN * factor)
                y = render(afx, model, 0.25 * np.sin(2 * np.pi * hertz * time), OWN * factor)
                row.append(aliases(resample(y, 2 * OWN)[OWN // 2 : OWN // 2 + OWN], hertz))
        rows.append(row)
        print(f"{Path(model).stem:32}", " ".join(f"{v:6.1f}" for v in row), flush=True)
    rows, worst = np.array(rows), [np.min] * len(HOSTS) + [np.max] * len(SINES) * len(FACTORS)
    print(f"{'median':32}", " ".join(f"{v:6.1f}" for v in np.median(rows, axis=0)))
    print(f"{'worst':32}", " ".join(f"{f(v):6.1f}" for f, v in zip(worst, rows.T)))


if __name__ == "__main__":
    main()
