"""What one training step of a conditioned GRU costs in PyTorch on a CPU, as JSON: the other half of our ratios.

Packages: torch 2.15.0, pyneuralfx 0.1.2 (with einops). Seed 1223. Forward, loss, backward, clip-norm 3, Adam 1e-3, on random audio;
defaults are the published recipe: hidden 32, 80 sequences x 2048 frames, two threads.

    python tools/bench/pytorch_training_step.py                       every case (minutes)
    python tools/bench/pytorch_training_step.py --verify              do all formulations give the same gradients?
    python tools/bench/pytorch_training_step.py --models film --forms handwritten --losses hybrid --runs 10

Models: ``concat`` 3 585 parameters, ``film`` 17 217 (N=2, m=32), ``statichyper`` 30 369 (N=3, m=8); two knobs, other ones for each sequence.

Losses: ``hybrid`` = pyneuralfx HybridLoss, ``hybrid-preemph`` = the same behind its 2000-tap DC filter (a convolution there), ``mse`` to see
the model's part alone.

Forms, from what a user of the published toolkit gets to the best we could write in PyTorch:

- ``published``: pyneuralfx' class. Concat is one ``nn.GRU`` call, whose time loop is C++ inside torch. FiLM and StaticHyper loop over
  frames in Python, because every sequence has other weights and ``nn.GRU`` takes one set per call.
- ``hoisted``: the same mathematics, the input projection of all frames in one product before the loop, gates as one matrix, ``lerp``.
  Autograd still records every frame.
- ``compiled``: ``hoisted`` in chunks of ``--chunk`` frames under ``torch.compile`` (needs a C++ compiler; its compile time is not counted).
- ``handwritten``: an ``autograd.Function`` with the derivative written out: 9 operations a frame forward, 4 backward, everything that does
  not depend on the recursion done for all frames at once. It needs no compiler and is the fair opponent.

- ``folded-calls`` (only on request): each sequence alone through ``nn.GRU`` with its folded weights, one call per sequence.

Run it on an idle machine: with both cores busy elsewhere, torch's two threads wait for each other at every small operation and a step
takes ten times as long. The printed ``load`` is there to notice it.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import statistics
import time
import warnings

import torch
from pyneuralfx.loss_func.loss_func import HybridLoss
from pyneuralfx.models.rnn.gru import ConcatGRU, FiLMGRU, StaticHyperGRU

SEED = 1223
MODELS = ("concat", "film", "statichyper")
FORMS = ("published", "hoisted", "compiled", "handwritten", "folded-calls")
LOSSES = ("hybrid", "hybrid-preemph", "mse")


def build(name, hidden):
    torch.manual_seed(SEED)
    if name == "concat":
        return ConcatGRU(1, 1, hidden, 48000, num_conds=2)
    if name == "film":
        return FiLMGRU(1, 1, hidden, 48000, n_mlp_blocks=2, mlp_size=32, num_conds=2)
    return StaticHyperGRU(1, 1, hidden, 48000, n_mlp_blocks=3, mlp_size=8, num_conds=2)


def published(name, model, x, c):
    return model(x, c, torch.zeros(1, x.shape[0], model.rnn_size, dtype=x.dtype))[0]


def realized(name, model, c):
    """Each sequence's own GRU: ``w_ih [B, 1, 3H]``, ``w_hh [B, H, 3H]``, ``b_ih``, ``b_hh [B, 1, 3H]``."""
    size, batch = model.rnn_size, c.shape[0]
    if name == "concat":
        rnn = model.main_rnn
        b_ih = torch.addmm(rnn.bias_ih_l0, c, rnn.weight_ih_l0[:, 1:].T)
        w_ih = rnn.weight_ih_l0[:, :1].T.expand(batch, -1, -1)
        return w_ih, rnn.weight_hh_l0.T.expand(batch, -1, -1), b_ih.unsqueeze(1), rnn.bias_hh_l0.expand(batch, 1, -1)
    if name == "film":
        rnn = model.main_rnn
        s_i, t_i, s_h, t_h = model.gen(c).reshape(batch, 4, 1, 3 * size).unbind(1)
        return rnn.x2h.weight.T * s_i, rnn.h2h.weight.T * s_h, rnn.x2h.bias * s_i + t_i, rnn.h2h.bias * s_h + t_h
    z = model.cond_mlp(c)
    w_ih, w_hh = model.proj_ih(z).reshape(batch, 1, -1), model.proj_hh(z).reshape(batch, size, -1)
    return w_ih, w_hh, model.proj_bih(z).unsqueeze(1), model.proj_bhh(z).unsqueeze(1)


def projected(w_ih, b_ih, x):
    """``W_ih x + b_ih`` of all frames, ``[T, B, 1, 3H]``."""
    return torch.baddbmm(b_ih, x.transpose(1, 2), w_ih).transpose(0, 1).unsqueeze(2).contiguous()


def recursion(i, h, w_hh, b_hh):
    """Hidden states ``[T, B, 1, H]`` of the recursion over ``i [T, B, 1, 3H]``."""
    size = h.shape[-1]
    states = []
    for frame in i.unbind(0):
        g = torch.baddbmm(b_hh, h, w_hh)
        r, z = torch.sigmoid(frame[..., : 2 * size] + g[..., : 2 * size]).chunk(2, -1)
        n = torch.tanh(torch.addcmul(frame[..., 2 * size :], r, g[..., 2 * size :]))
        h = torch.lerp(n, h, z)
        states.append(h)
    return torch.stack(states)


class Recursion(torch.autograd.Function):
    """``recursion`` with its derivative written out."""

    @staticmethod
    def forward(ctx, i, h, w_hh, b_hh):
        frames, batch, _, width = i.shape
        size = width // 3
        g = torch.empty_like(i)
        states = torch.empty(frames + 1, batch, 1, size, dtype=i.dtype)
        rz = torch.empty(frames, batch, 1, 2 * size, dtype=i.dtype)
        n = torch.empty(frames, batch, 1, size, dtype=i.dtype)
        states[0] = h
        i_rz, i_n, g_rz, g_n = i[..., : 2 * size], i[..., 2 * size :], g[..., : 2 * size], g[..., 2 * size :]
        rows = [t.unbind(0) for t in (g, i_rz, i_n, g_rz, g_n, rz, rz[..., :size], rz[..., size:], n)]
        before, after = states[:-1].unbind(0), states[1:].unbind(0)
        for g_t, i_rz_t, i_n_t, g_rz_t, g_n_t, rz_t, r_t, z_t, n_t, h_t, next_t in zip(*rows, before, after):
            torch.baddbmm(b_hh, h_t, w_hh, out=g_t)
            torch.add(i_rz_t, g_rz_t, out=rz_t).sigmoid_()
            torch.addcmul(i_n_t, r_t, g_n_t, out=n_t).tanh_()
            torch.lerp(n_t, h_t, z_t, out=next_t)
        ctx.save_for_backward(w_hh, states, rz, n, g_n)
        return states[1:]

    @staticmethod
    def backward(ctx, dstates):
        w_hh, states, rz, n, g_n = ctx.saved_tensors
        size = n.shape[-1]
        r, z = rz.chunk(2, -1)
        into_n = (1 - z) * (1 - n * n)
        # d(recurrent pre-activation) = dh * factor, gate by gate
        factor = torch.stack((into_n * g_n * r * (1 - r), (states[:-1] - n) * z * (1 - z), into_n * r), dim=3)
        dg = torch.empty_like(factor)
        dh_all = torch.empty_like(n)
        transposed = w_hh.transpose(1, 2)
        dh = torch.zeros_like(n[0])
        flat = dg.flatten(3)
        loop = zip(*(t.flip(0).unbind(0) for t in (dstates, factor, z)), *(t.unbind(0)[::-1] for t in (dg, flat, dh_all)))
        for dstate_t, factor_t, z_t, dg_t, flat_t, dh_t in loop:
            torch.add(dh, dstate_t, out=dh_t)
            torch.mul(dh_t.unsqueeze(2), factor_t, out=dg_t)
            dh = torch.baddbmm(dh_t * z_t, flat_t, transposed)
        di = torch.cat((flat[..., : 2 * size], dh_all * into_n), -1)
        by_sequence = flat.squeeze(2).transpose(0, 1)
        dw = torch.bmm(states[:-1].squeeze(2).permute(1, 2, 0), by_sequence)
        return di, dh, dw, by_sequence.sum(1, keepdim=True)


def looped(over):
    def run(name, model, x, c):
        w_ih, w_hh, b_ih, b_hh = realized(name, model, c)
        h = torch.zeros(x.shape[0], 1, model.rnn_size, dtype=x.dtype)
        states = over(projected(w_ih, b_ih, x), h, w_hh, b_hh)
        return model.linear_out(states.squeeze(2)).permute(1, 2, 0)

    return run


def compiled(chunk):
    step = torch.compile(recursion, fullgraph=True, dynamic=False)

    def over(i, h, w_hh, b_hh):
        parts = []
        for part in i.split(chunk):
            parts.append(step(part, h, w_hh, b_hh))
            h = parts[-1][-1]
        return torch.cat(parts)

    return looped(over)


def folded_calls(name, model, x, c):
    w_ih, w_hh, b_ih, b_hh = realized(name, model, c)
    h = torch.zeros(1, 1, model.rnn_size, dtype=x.dtype)
    rows = []
    for k in range(x.shape[0]):
        weights = [w_ih[k].T.contiguous(), w_hh[k].T.contiguous(), b_ih[k, 0], b_hh[k, 0]]
        rows.append(torch._VF.gru(x[k : k + 1].transpose(1, 2), h, weights, True, 1, 0.0, True, False, True)[0])
    return model.linear_out(torch.cat(rows)).transpose(1, 2)


def form_of(name, chunk):
    if name == "compiled":
        return compiled(chunk)
    return {"published": published, "hoisted": looped(recursion), "handwritten": looped(Recursion.apply), "folded-calls": folded_calls}[name]


def loss_of(name):
    if name == "mse":
        return torch.nn.functional.mse_loss
    with contextlib.redirect_stdout(io.StringIO()):  # the toolkit's losses print
        return HybridLoss(pre_emp=name == "hybrid-preemph")


def batch_of(batch, frames, dtype=torch.float32):
    torch.manual_seed(SEED)
    x = 0.3 * torch.randn(batch, 1, frames, dtype=dtype)
    return x, 2 * torch.rand(batch, 2, dtype=dtype) - 1, torch.tanh(3 * x)


def time_case(name, form, loss_name, args):
    model = build(name, args.hidden)
    run, loss = form_of(form, args.chunk), loss_of(loss_name)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    x, c, target = batch_of(args.batch, args.frames)
    times, busy = [], []
    for k in range(args.warmup + args.runs):
        start, start_busy = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        value = loss(run(name, model, x, c), target)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 3.0)
        optimiser.step()
        if k >= args.warmup:
            times.append(time.perf_counter() - start)
            busy.append(time.process_time() - start_busy)
    return {
        "model": name,
        "form": form,
        "loss": loss_name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "min_s": round(min(times), 4),
        "median_s": round(statistics.median(times), 4),
        "cpu_min_s": round(min(busy), 4),
        "runs": len(times),
        "last_loss": value.item(),
    }


def verify(args):
    """Every form against ``published`` in float64 on a small batch."""
    x, c, target = batch_of(3, 2 * args.chunk, torch.float64)
    worst = 0.0
    for name in args.models:
        model = build(name, 5).double()
        wanted = None
        for form in args.forms:
            model.zero_grad()
            torch.nn.functional.mse_loss(form_of(form, args.chunk)(name, model, x, c), target).backward()
            got = torch.cat([p.grad.flatten() for p in model.parameters()])
            wanted = got if wanted is None else wanted
            difference = (got - wanted).abs().max().item()
            print(json.dumps({"model": name, "form": form, "largest_gradient_difference": difference}))
            worst = max(worst, difference)
    if worst > 1e-14:
        raise SystemExit(f"expected at most 1e-14, found {worst:.1e}")


def cpu_name():
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.processor())
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS[:4]))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--batch", type=int, default=80)
    parser.add_argument("--frames", type=int, default=2048)
    parser.add_argument("--chunk", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--verify", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    warnings.filterwarnings("ignore")
    if args.verify:
        return verify(args)
    results = []
    for name in args.models:
        for form in args.forms:
            if args.frames % args.chunk and form == "compiled":
                raise SystemExit(f"--frames {args.frames}: expected a multiple of --chunk {args.chunk}")
            for loss in args.losses:
                results.append(time_case(name, form, loss, args))
                print(json.dumps(results[-1]), flush=True)
    machine = {"cpu": cpu_name(), "torch": torch.__version__, "threads": args.threads, "load": os.getloadavg()[0]}
    shape = {"hidden": args.hidden, "batch": args.batch, "frames": args.frames, "chunk": args.chunk}
    print(json.dumps({"machine": machine, "shape": shape, "results": results}, indent=1))


if __name__ == "__main__":
    main()
