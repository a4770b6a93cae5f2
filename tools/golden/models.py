"""Reference vectors of GRU, LSTM and vanilla RNN under four kinds of conditioning, and of the two whose rows a smaller cell scales and
shifts (DynamicHyper), from the published classes, in float64.

Packages: torch 2.15.0, pyneuralfx 0.1.2 (with einops), numpy 2.4.6, Python 3.11. Seed 20240 + case number, + 100 for each further cell.
Writes afx-models/tests/golden/*.safetensors; see README.md beside this file for the tensors.

    python tools/golden/models.py           write
    python tools/golden/models.py --check   recompute and compare with the committed files

Outputs, gradients and Adam steps are those of pyneuralfx and torch. Each forward pass is also computed by a second,
plain formulation (``fold`` + ``play``), and the script stops if the two disagree: this guards the *files* against a mistake in
this script, and measures how far rounding alone carries the results (``rounding`` in the metadata).
"""

import json
import math

import numpy as np
import torch
from pyneuralfx.models.rnn import gru, lstm, rnn

from vectors import ROOT, decode, encode, versions, worst_difference, write_or_check

OUT = ROOT / "afx-models" / "tests" / "golden"
SEED = 20240
RATE = 48000
FRAMES = 96
SEQUENCES = 3
STEPS = 10
BUFFERS = 4
CLIP = 3.0
RATE_OF_ADAM = 1e-3
CELLS = ("gru", "lstm", "vanilla_rnn")
FORMS = ("snapshot", "concat", "film", "statichyper")
EXTRA = {
    "snapshot": {},
    "concat": {"num_conds": 2},
    "film": {"num_conds": 2, "n_mlp_blocks": 2, "mlp_size": 8},
    "statichyper": {"num_conds": 2, "n_mlp_blocks": 3, "mlp_size": 8},
    # Its map from the input is made for as many inputs as controls: a mono signal would be spread over two columns of one weight.
    "dynamichyper": {"num_conds": 1, "hyper_rnn_size": 5, "n_z_size": 3},
}
CLASSES = {
    "gru": (gru.SnapShotGRU, gru.ConcatGRU, gru.FiLMGRU, gru.StaticHyperGRU),
    "lstm": (lstm.SnapShotLSTM, lstm.ConcatLSTM, lstm.FiLMLSTM, lstm.StaticHyperLSTM),
    "vanilla_rnn": (rnn.SnapShotVanillaRNN, rnn.ConcatVanillaRNN, rnn.FiLMVanillaRNN, rnn.StaticHyperVanillaRNN),
}
DYNAMIC = {"gru": gru.DynamicHyperGRU, "lstm": lstm.DynamicHyperLSTM}
CONTROLS = [[0.5, -0.25], [-0.9, 0.6], [0.1, 1.0]]


# ---------------------------------------------------------------------------------------------------------------- signals


def signals(channels, outputs, frames):
    """Inputs ``[SEQUENCES, channels, frames]`` and targets ``[SEQUENCES, outputs, frames]``.

    Two decaying sines and seeded noise; the target is a driven tanh with a one-pole memory, drive and mix set by the controls.
    """
    n = torch.arange(frames, dtype=torch.float64)
    noise = torch.rand(SEQUENCES, channels, frames, dtype=torch.float64) - 0.5
    rows = []
    for i in range(SEQUENCES):
        for j in range(channels):
            w = 2 * math.pi * (0.011 * (i + 1) + 0.004 * j)
            rows.append(0.8 * torch.sin(w * n + j) * torch.exp(-n / 200) + 0.3 * torch.sin(5.7 * w * n + i))
    x = torch.stack(rows).reshape(SEQUENCES, channels, frames) + 0.2 * noise
    y = torch.zeros(SEQUENCES, outputs, frames, dtype=torch.float64)
    for i, (drive, mix) in enumerate(CONTROLS):
        for j in range(outputs):
            driven = torch.tanh((2.5 + 2 * drive) * x[i, j % channels] + 0.1)
            memory = 0.0
            for k in range(frames):
                memory += 0.3 * (driven[k] - memory)
                y[i, j, k] = (0.75 + 0.25 * mix) * memory
    return x, y


# ------------------------------------------------------------------------------------------- the second, plain formulation


def mlp(w, prefix, c):
    """Linear + LeakyReLU(0.1) blocks ``prefix.0.0``, ``prefix.1.0``, ... as far as they go."""
    i = 0
    while f"{prefix}.{i}.0.weight" in w:
        a = w[f"{prefix}.{i}.0.weight"] @ c + w[f"{prefix}.{i}.0.bias"]
        c = torch.where(a > 0, a, 0.1 * a)
        i += 1
    return c, i


def fold(form, w, c, channels, hidden):
    """The plain cell ``(w_ih [GH, in], w_hh [GH, H], b_ih, b_hh)`` that a model is while its controls ``c`` rest."""
    if form == "snapshot":
        return tuple(w[f"main_rnn.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    if form == "concat":
        full = w["main_rnn.weight_ih_l0"]
        bias = w["main_rnn.bias_ih_l0"] + full[:, channels:] @ c
        return full[:, :channels], w["main_rnn.weight_hh_l0"], bias, w["main_rnn.bias_hh_l0"]
    if form == "film":
        z, last = mlp(w, "gen", c)
        s_i, t_i, s_h, t_h = (w[f"gen.{last}.weight"] @ z + w[f"gen.{last}.bias"]).reshape(4, -1)
        w_ih = s_i[:, None] * w["main_rnn.x2h.weight"]
        w_hh = s_h[:, None] * w["main_rnn.h2h.weight"]
        return w_ih, w_hh, s_i * w["main_rnn.x2h.bias"] + t_i, s_h * w["main_rnn.h2h.bias"] + t_h
    z, _ = mlp(w, "cond_mlp", c)
    head = {name: w[f"proj_{name}.weight"] @ z + w[f"proj_{name}.bias"] for name in ("ih", "hh", "bih", "bhh")}
    return head["ih"].reshape(channels, -1).T, head["hh"].reshape(hidden, -1).T, head["bih"], head["bhh"]


def step(cell, i, h, state):
    """One frame from the maps' rows ``i``, ``h`` and the memory: ``(output, memory)``."""
    if cell == "gru":
        (ir, iz, i_n), (hr, hz, hn) = i.chunk(3), h.chunk(3)
        z = torch.sigmoid(iz + hz)
        n = torch.tanh(i_n + torch.sigmoid(ir + hr) * hn)
        y = (1 - z) * n + z * state
        return y, y
    if cell == "lstm":
        i, f, g, o = (i + h).chunk(4)
        c = torch.sigmoid(f) * state.chunk(2)[1] + torch.sigmoid(i) * torch.tanh(g)
        y = torch.sigmoid(o) * torch.tanh(c)
        return y, torch.cat((y, c))
    y = torch.tanh(i + h)
    return y, y


def play(cell, folded, w, x, state):
    """``x [channels, frames]`` -> ``(y [outputs, frames], state)``."""
    w_ih, w_hh, b_ih, b_hh = folded
    rows = []
    for k in range(x.shape[1]):
        h = state[: w_hh.shape[1]]
        h, state = step(cell, w_ih @ x[:, k] + b_ih, w_hh @ h + b_hh, state)
        rows.append(w["linear_out.weight"] @ h + w["linear_out.bias"])
    return torch.stack(rows, dim=1), state


def play_dynamic(cell, w, x, c):
    """``x [channels, frames]`` -> ``y [outputs, frames]`` of a cell whose rows a smaller one scales and shifts, from a memory of zeros."""
    gates = 3 if cell == "gru" else 4
    hidden, hyper = w["main_rnn.w_h.0"].shape[0], w["main_rnn.hyper_rnn.h2h.weight"].shape[1]
    size = 1 if cell == "gru" else 2
    state, small = torch.zeros(size * hidden, dtype=torch.float64), torch.zeros(size * hyper, dtype=torch.float64)
    rows = []
    for k in range(x.shape[1]):
        h = state[:hidden]
        i = w["main_rnn.hyper_rnn.x2h.weight"] @ torch.cat((h, c)) + w["main_rnn.hyper_rnn.x2h.bias"]
        u, small = step(cell, i, w["main_rnn.hyper_rnn.h2h.weight"] @ small[:hyper] + w["main_rnn.hyper_rnn.h2h.bias"], small)
        d = {}
        for part in "hxb":
            z = (w[f"main_rnn.z_{part}.weight"] @ u + w.get(f"main_rnn.z_{part}.bias", 0)).chunk(gates)
            d[part] = torch.cat([w[f"main_rnn.d_{part}.{g}.weight"] @ z[g] + w.get(f"main_rnn.d_{part}.{g}.bias", 0) for g in range(gates)])
        w_h, w_x = (torch.cat([w[f"main_rnn.{name}.{g}"] for g in range(gates)]) for name in ("w_h", "w_x"))
        h, state = step(cell, d["x"] * (w_x @ x[:, k]) + d["b"], d["h"] * (w_h @ h), state)
        rows.append(w["linear_out.weight"] @ h + w["linear_out.bias"])
    return torch.stack(rows, dim=1)


def plain(kind, w, x, c, h, hidden):
    """The batch through the plain formulation; ``h [sequences, memory]``."""
    form, cell = kind.split("-")
    if form == "dynamichyper":
        return torch.stack([play_dynamic(cell, w, x[i], c[i]) for i in range(x.shape[0])]), h
    out = [play(cell, fold(form, w, c[i], x.shape[1], hidden), w, x[i], h[i]) for i in range(x.shape[0])]
    return torch.stack([y for y, _ in out]), torch.stack([state for _, state in out])


# ------------------------------------------------------------------------------------------------------- the reference


def reference(model, kind, x, c, h):
    """The batch through the published class; ``h [sequences, memory]`` in and out whatever shape the class wants."""
    if kind.startswith("dynamichyper"):
        large, small = (torch.zeros(1, x.shape[0], size, dtype=torch.float64) for size in (model.rnn_size, model.hyper_rnn_size))
        if kind.endswith("lstm"):
            large, small = (large, large), (small, small)
        return model(x, c, large, small)[0], h
    if not kind.endswith("lstm"):
        y, state, _ = model(x, c, h.unsqueeze(0))
        return y, state.reshape(h.shape)
    parts = [part.contiguous().unsqueeze(0) for part in h.chunk(2, dim=1)]
    y, state, _ = model(x, c, tuple(parts))
    return y, torch.cat([part.reshape(h.shape[0], -1) for part in state], dim=1)


def silence(kind, hidden):
    """The memory at the start: ``h``, and ``c`` behind it where there is one."""
    return torch.zeros(SEQUENCES, 2 * hidden if kind.endswith("lstm") else hidden, dtype=torch.float64)


def build(kind, channels, outputs, hidden):
    form, cell = kind.split("-")
    if form == "dynamichyper":
        # The class draws both weights from a normal distribution, whatever their size.
        model = DYNAMIC[cell](channels, outputs, hidden, RATE, **{**EXTRA[form], "num_conds": channels}).double()
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.mul_(0.5 if ".w_h." in name else 1.6 if ".d_" in name else 1)
        return model
    model = CLASSES[cell][FORMS.index(form)](channels, outputs, hidden, RATE, **EXTRA[form]).double()
    with torch.no_grad():
        # torch's default range 1/sqrt(hidden) leaves every gate near its middle; wider weights reach the bends.
        for name, p in model.named_parameters():
            if form != "statichyper" and name.startswith("main_rnn"):
                p.mul_(1.6)
    return model


def state_of(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def mse(y, target):
    return ((y - target) ** 2).mean()


def gradients(run, named, x, c, target):
    """Loss, output and the gradients of parameters, input and controls."""
    leaves = {"input": x.clone().requires_grad_(), "controls": c.clone().requires_grad_()}
    y = run(leaves["input"], leaves["controls"])
    loss = mse(y, target)
    wanted = {**named, **leaves}
    grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    kept = {name: g for name, g in zip(wanted, grads) if g is not None}
    return loss.detach(), y.detach(), kept


def adam(run, model_parameters, x, c, target):
    """The losses before each of ``STEPS`` Adam steps, and the one after the last."""
    optimiser = torch.optim.Adam(model_parameters, lr=RATE_OF_ADAM, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = mse(run(x, c), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        return losses, mse(run(x, c), target).item()


def truncated(run, parameters, x, c, target, h):
    """One Adam step per buffer of ``FRAMES``, norm clipped to ``CLIP``, state carried from ``h`` on and detached."""
    optimiser = torch.optim.Adam(parameters, lr=RATE_OF_ADAM, betas=(0.9, 0.999), eps=1e-8)
    losses, norms, states = [], [], []
    for start in range(0, x.shape[2], FRAMES):
        part = slice(start, start + FRAMES)
        optimiser.zero_grad()
        y, h = run(x[:, :, part], c, h.detach())
        loss = mse(y, target[:, :, part])
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP).item())
        optimiser.step()
        losses.append(loss.item())
        states.append(h.detach().clone())
    return losses, norms, torch.stack(states)


# ------------------------------------------------------------------------------------------------------------- the cases


def numpy_of(tensors):
    return {name: t.detach().numpy().copy() if torch.is_tensor(t) else np.array(t, dtype=np.float64) for name, t in tensors.items()}


def plain_parameters(weights):
    return {name: p.clone().requires_grad_() for name, p in weights.items()}


def metadata_of(kind, seed, model, rounding, **more):
    config = {"inp_channel": model.inp_channel, "out_channel": model.out_channel, "rnn_size": model.rnn_size, "sample_rate": RATE}
    config |= EXTRA[kind.split("-")[0]]
    if kind.startswith("dynamichyper"):
        config["num_conds"] = model.num_conds
    return {
        "model": kind,
        "config": json.dumps(config),
        "parameters": str(sum(p.numel() for p in model.parameters())),
        "seed": str(seed),
        "versions": json.dumps(versions("torch", "pyneuralfx", "numpy")),
        "rounding": f"{rounding:.1e}",
        **more,
    }


def must(label, difference, limit):
    if not difference <= limit:
        raise SystemExit(f"{label}: the two formulations differ by {difference:.2e}, expected at most {limit:.0e}")
    return difference


def gradient_case(label, kind, channels, outputs, hidden, seed):
    """Output, gradients and ten Adam steps of one model."""
    torch.manual_seed(seed)
    model = build(kind, channels, outputs, hidden)
    weights = state_of(model)
    x, target = signals(channels, outputs, FRAMES)
    c = torch.tensor(CONTROLS, dtype=torch.float64)
    if kind.startswith("dynamichyper"):
        c = c[:, :channels]
    h = silence(kind, hidden)

    def published(rows):
        return lambda x, c: reference(model, kind, x, c, h[:rows])[0]

    def second(w):
        return lambda x, c: plain(kind, w, x, c, h[: x.shape[0]], hidden)[0]

    named = dict(model.named_parameters())
    one = gradients(published(1), named, x[:1], c[:1], target[:1])
    all_ = gradients(published(SEQUENCES), named, x, c, target)

    leaves = plain_parameters(weights)
    rounding = must(f"{label} gradients", worst_difference(numpy_of(all_[2]), numpy_of(gradients(second(leaves), leaves, x, c, target)[2])), 1e-13)
    losses, final = adam(published(SEQUENCES), list(model.parameters()), x, c, target)
    again = adam(second(leaves), list(leaves.values()), x, c, target)
    rounding = max(rounding, must(f"{label} Adam losses", worst_difference((losses, final), again), 1e-13))
    after = state_of(model)
    rounding = max(rounding, must(f"{label} Adam", worst_difference(numpy_of(after), numpy_of(leaves)), 1e-11))

    tensors = {**weights, "input": x[0], "controls": c[0], "target": target[0], "output": one[1][0], "loss": one[0]}
    tensors |= {f"grad.{name}": g[0] if name in ("input", "controls") else g for name, g in one[2].items()}
    tensors |= {"batch.input": x, "batch.controls": c, "batch.target": target, "batch.output": all_[1]}
    # The batch's parameter gradients are left out: the ten steps depend on them, and the files stay small.
    tensors |= {f"batch.grad.{name}": g for name, g in all_[2].items() if name in ("input", "controls")}
    tensors |= {"adam.losses": losses + [final]} | {f"adam.{name}": p for name, p in after.items()}
    if kind.startswith("snapshot"):
        del tensors["controls"], tensors["batch.controls"]
    smallest = min(g.abs().max().item() for g in all_[2].values())
    print(f"{label}: {sum(p.numel() for p in model.parameters())} parameters, loss {losses[0]:.6f} -> {final:.6f}, "
          f"rounding {rounding:.1e}, smallest gradient maximum {smallest:.1e}")
    meta = metadata_of(kind, seed, model, rounding, loss_is="mean over all elements of (output - target)^2",
                       adam="lr 1e-3, betas 0.9 0.999, eps 1e-8, no weight decay, the whole batch each step")
    return label, tensors, meta


def truncated_case(label, kind, hidden, seed, scale):
    """Four buffers of one Adam step each; the state is carried.

    ``scale`` enlarges the targets until the clip bites on some buffers and not on others.
    """
    torch.manual_seed(seed)
    model = build(kind, 1, 1, hidden)
    weights = state_of(model)
    x, target = signals(1, 1, FRAMES * BUFFERS)
    target = scale * target
    c = torch.tensor(CONTROLS, dtype=torch.float64)
    leaves = plain_parameters(weights)

    got = truncated(lambda x, c, h: reference(model, kind, x, c, h), list(model.parameters()), x, c, target, silence(kind, hidden))
    again = truncated(lambda x, c, h: plain(kind, leaves, x, c, h, hidden), list(leaves.values()), x, c, target, silence(kind, hidden))
    rounding = must(f"{label} losses", worst_difference(list(got[:2]), list(again[:2])), 1e-12)
    after = state_of(model)
    rounding = max(rounding, must(label, worst_difference(numpy_of(after), numpy_of(leaves)), 1e-12))
    losses, norms, states = got
    if not min(norms) < CLIP < max(norms):
        raise SystemExit(f"{label}: norms {norms} do not straddle {CLIP}")
    print(f"{label}: losses {losses}, norms {norms}, rounding {rounding:.1e}")

    tensors = {**weights, "batch.input": x, "batch.controls": c, "batch.target": target}
    tensors |= {"tbptt.losses": losses, "tbptt.norms": norms, "tbptt.states": states}
    tensors |= {f"tbptt.{name}": p for name, p in after.items()}
    meta = metadata_of(kind, seed, model, rounding, loss_is="mean over all elements of (output - target)^2, per buffer",
                       adam="lr 1e-3, betas 0.9 0.999, eps 1e-8, no weight decay, one step per buffer",
                       tbptt=f"{BUFFERS} buffers of {FRAMES} frames, clip-norm {CLIP} over all parameters, "
                       "state carried and detached, zero at the start")
    return label, tensors, meta


def main():
    torch.set_num_threads(1)
    cases = []
    for n, cell in enumerate(CELLS):
        for i, form in enumerate(FORMS):
            kind, seed = f"{form}-{cell}", SEED + 100 * n + i
            cases.append(gradient_case(kind, kind, 1, 1, 8, seed))
            cases.append(gradient_case(f"{kind}-stereo", kind, 2, 2, 5, seed + 10))
    for n, cell in enumerate(DYNAMIC):
        kind, seed = f"dynamichyper-{cell}", SEED + 300 + 100 * n
        cases.append(gradient_case(kind, kind, 1, 1, 8, seed))
        cases.append(gradient_case(f"{kind}-stereo", kind, 2, 2, 5, seed + 10))
    for i, (kind, scale) in enumerate((("concat-gru", 8), ("statichyper-gru", 12), ("concat-lstm", 16))):
        cases.append(truncated_case(f"{kind}-tbptt", kind, 8, SEED + 20 + i, scale))
    for label, tensors, meta in cases:
        # 1e-11: what another BLAS or libm may change after ten Adam steps.
        write_or_check(OUT / f"{label}.safetensors", encode(numpy_of(tensors), meta), lambda data: decode(data)[0], 1e-11)


if __name__ == "__main__":
    main()
