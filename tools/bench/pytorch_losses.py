"""What the spectral losses of the field cost in PyTorch on a CPU, as JSON.

Packages: torch 2.15.0, auraloss 0.4.0, pyneuralfx 0.1.2. Seed 1223.

- ``auraloss-mrstft``: MultiResolutionSTFTLoss with its defaults (FFT 1024, 2048, 512), 8 sequences x 131072 frames.
- ``pyneuralfx-hybrid``: HybridLoss without and with its pre-emphasis, 80 sequences x 2048 frames.

    python tools/bench/pytorch_losses.py --threads 2 --runs 5

``forward`` builds the graph as training does; ``both`` is forward and backward to the prediction. Run it on an idle machine: see ``load``.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import time
import warnings

import auraloss
import torch
from pyneuralfx.loss_func.loss_func import HybridLoss

from pytorch_training_step import SEED, cpu_name

SHAPES = {"auraloss-mrstft": (8, 131072), "pyneuralfx-hybrid": (80, 2048), "pyneuralfx-hybrid-preemph": (80, 2048)}


def loss_of(name):
    if name == "auraloss-mrstft":
        return auraloss.freq.MultiResolutionSTFTLoss()
    with contextlib.redirect_stdout(io.StringIO()):  # the toolkit's losses print
        return HybridLoss(pre_emp=name.endswith("preemph"))


def time_case(name, args):
    torch.manual_seed(SEED)
    loss = loss_of(name)
    batch, frames = SHAPES[name]
    target = 0.3 * torch.randn(batch, 1, frames)
    prediction = (target + 0.05 * torch.randn(batch, 1, frames)).requires_grad_()
    forward, both = [], []
    for k in range(args.warmup + args.runs):
        prediction.grad = None
        start = time.perf_counter()
        value = loss(prediction, target)
        middle = time.perf_counter()
        value.backward()
        end = time.perf_counter()
        if k >= args.warmup:
            forward.append(middle - start)
            both.append(end - start)
    row = {"loss": name, "batch": batch, "frames": frames, "runs": args.runs, "value": value.item()}
    for label, times in (("forward", forward), ("both", both)):
        row |= {f"{label}_min_s": round(min(times), 5), f"{label}_median_s": round(statistics.median(times), 5)}
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--losses", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    results = [time_case(name, args) for name in args.losses]
    machine = {"cpu": cpu_name(), "torch": torch.__version__, "threads": args.threads, "load": os.getloadavg()[0]}
    print(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
