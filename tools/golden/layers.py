"""Reference vectors of layers that no published package has in this form, by torch's automatic differentiation, in float64.

Packages: torch 2.15.0, numpy 2.4.6, Python 3.11. Seed 20660 + case number.
Writes afx-models/tests/golden/{wavenet,wavenet-gated,grey-box,low-rank-gru,low-rank-conv1d,s4d,tfilm,dynamics,state-delay}.safetensors; see README.md beside this file for the tensors.

    python tools/golden/layers.py           write
    python tools/golden/layers.py --check   recompute and compare with the committed files

Tensors have afx' names and shapes. A WaveNet is put together of ``torch.nn.functional.conv1d``. The filters of a grey box are not afx' equations:
each is the transfer function ``(m_h s^2 + m_b s + m_l) / (s^2 + k s + 1)`` under the bilinear transform, run as a difference equation. The weights
of a hypernetwork of low rank are realised as ``W + U diag(g) V`` and given to ``torch.gru_cell`` and ``conv1d``. An S4D layer is run as the
recurrence, and again as its published kernel, a Vandermonde product convolved by FFT; the script stops where the two differ. A temporal modulation is
``torch.nn.functional.max_pool1d``, ``torch.lstm_cell`` and ``torch.lerp`` from one block's modulation to the next one's. Dynamics are in decibels,
by the published gain computer and detector, with poles in place of shares. Cells at another sample rate are torch's, given the memory of some
frames ago, between frames by weights that are right for every polynomial of the order.
"""

import json

import torch
import torch.nn.functional as F

from vectors import ROOT, decode, encode, versions, write_or_check

OUT = ROOT / "afx-models" / "tests" / "golden"
SEED = 20660
FRAMES = 96

# channels, bottleneck, layers of (kernel, dilation), taps of the head, whether the head has a bias
ARRAYS = [(3, 5, [(3, 1), (2, 7)], 1, False), (2, 4, [(1, 1), (3, 5)], 4, True)]
HEAD_SCALE = 0.75


def draw(tensors, name, *shape, bound):
    tensors[name] = ((2 * torch.rand(*shape, dtype=torch.float64) - 1) * bound).requires_grad_()


def wavenet_tensors(gated, inputs, outputs):
    tensors, before = {}, inputs
    for i, (channels, bottleneck, layers, taps, bias) in enumerate(ARRAYS):
        rows = bottleneck * (2 if gated else 1)
        out = ARRAYS[i + 1][1] if i + 1 < len(ARRAYS) else outputs
        draw(tensors, f"{i}.rechannel.weight", before, channels, bound=1.0)
        for n, (kernel, _) in enumerate(layers):
            draw(tensors, f"{i}.{n}.conv.weight", kernel, channels, rows, bound=1 / (kernel * channels) ** 0.5)
            draw(tensors, f"{i}.{n}.conv.bias", rows, bound=0.4)
            draw(tensors, f"{i}.{n}.mixin.weight", inputs, rows, bound=1.0)
            draw(tensors, f"{i}.{n}.residual.weight", bottleneck, channels, bound=1 / bottleneck**0.5)
            draw(tensors, f"{i}.{n}.residual.bias", channels, bound=0.4)
        draw(tensors, f"{i}.head.weight", taps, bottleneck, out, bound=1 / (taps * bottleneck) ** 0.5)
        if bias:
            draw(tensors, f"{i}.head.bias", out, bound=0.4)
        before = channels
    return tensors


def convolve(x, weight, bias=None, dilation=1):
    """``x [channels, frames]``, ``weight [taps, inputs, outputs]`` with the newest frame's tap first; silence before the first frame."""
    padded = F.pad(x, ((weight.shape[0] - 1) * dilation, 0))
    return F.conv1d(padded[None], weight.permute(2, 1, 0).flip(2), bias, dilation=dilation)[0]


def wavenet(w, x, gated):
    carry, head = x, 0.0
    for i, (_, bottleneck, layers, _, _) in enumerate(ARRAYS):
        h = w[f"{i}.rechannel.weight"].T @ carry
        for n, (_, dilation) in enumerate(layers):
            z = convolve(h, w[f"{i}.{n}.conv.weight"], w[f"{i}.{n}.conv.bias"], dilation) + w[f"{i}.{n}.mixin.weight"].T @ x
            a = torch.tanh(z[:bottleneck]) * torch.sigmoid(z[bottleneck:]) if gated else torch.tanh(z)
            head = head + a
            h = h + w[f"{i}.{n}.residual.weight"].T @ a + w[f"{i}.{n}.residual.bias"][:, None]
        carry = h
        head = convolve(head, w[f"{i}.head.weight"], w.get(f"{i}.head.bias"))
    return HEAD_SCALE * head


def grey_tensors():
    tensors = {}
    for place, sections in ((0, 3), (4, 2)):
        tensors[f"{place}.frequency"] = (torch.linspace(-3.5, 0.5, sections, dtype=torch.float64) + torch.rand(1, dtype=torch.float64)).requires_grad_()
        draw(tensors, f"{place}.damping", sections, bound=1.5)
        draw(tensors, f"{place}.mix", sections, 3, bound=1.5)
    draw(tensors, "1.weight", 1, 4, bound=2.0)
    draw(tensors, "1.bias", 4, bound=0.5)
    draw(tensors, "3.weight", 4, 1, bound=1.0)
    draw(tensors, "3.bias", 1, bound=0.5)
    return tensors


def filters(x, frequency, damping, mix):
    for g, k, (high, band, low) in zip(frequency.exp(), damping.exp(), mix):
        b = [high + band * g + low * g * g, 2 * (low * g * g - high), high - band * g + low * g * g]
        a = [1 + k * g + g * g, 2 * (g * g - 1), 1 - k * g + g * g]
        zero = torch.zeros((), dtype=torch.float64)
        x1 = x2 = y1 = y2 = zero
        y = []
        for x0 in x:
            y0 = (b[0] * x0 + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2) / a[0]
            x1, x2, y1, y2 = x0, x1, y0, y1
            y.append(y0)
        x = torch.stack(y)
    return x


def grey_box(w, x):
    v = filters(x[0], w["0.frequency"], w["0.damping"], w["0.mix"])
    v = torch.tanh(v[:, None] * w["1.weight"] + w["1.bias"]) @ w["3.weight"] + w["3.bias"]
    return filters(v[:, 0], w["4.frequency"], w["4.damping"], w["4.mix"])[None]


# columns, rows of each covered weight; numbers of each covered vector
LOW_RANK = {
    "low-rank-gru": ({"0.w_hh": (5, 15)}, {"0.w_ih": 15, "0.b_ih": 15, "0.b_hh": 15}),
    "low-rank-conv1d": ({"0.weight": (6, 5), "2.weight": (5, 2)}, {"0.bias": 5, "2.bias": 2}),
}
LEARNT = {
    "low-rank-gru": {"0.w_ih": (1, 15), "0.w_hh": (5, 15), "0.b_ih": (15,), "0.b_hh": (15,), "1.weight": (5, 1), "1.bias": (1,)},
    "low-rank-conv1d": {"0.weight": (3, 2, 5), "0.bias": (5,), "2.weight": (5, 2), "2.bias": (2,)},
}
KNOBS, WIDTH, RANK = 2, 4, 3


def low_rank_tensors(label):
    tensors = {}
    for name, shape in LEARNT[label].items():
        draw(tensors, name, *shape, bound=0.7)
    for i, inputs in enumerate((KNOBS, WIDTH)):
        draw(tensors, f"mlp.{i}.weight", inputs, WIDTH, bound=1.0)
        draw(tensors, f"mlp.{i}.bias", WIDTH, bound=0.5)
    weights, vectors = LOW_RANK[label]
    for name, (columns, rows) in weights.items():
        draw(tensors, f"low_rank.{name}.u", columns, RANK, bound=0.7)
        draw(tensors, f"low_rank.{name}.v", RANK, rows, bound=0.7)
        draw(tensors, f"head.{name}.weight", WIDTH, RANK, bound=0.7)
    for name, numbers in vectors.items():
        draw(tensors, f"head.{name}.weight", WIDTH, numbers, bound=0.4)
    draw(tensors, "controls", KNOBS, bound=1.0)
    return tensors


def realised(label, w):
    z = w["controls"]
    for i in range(2):
        z = torch.tanh(z @ w[f"mlp.{i}.weight"] + w[f"mlp.{i}.bias"])
    weights, vectors = LOW_RANK[label]
    out = {name: w[name] for name in LEARNT[label]}
    for name in weights:
        low = w[f"low_rank.{name}.u"] @ torch.diag(z @ w[f"head.{name}.weight"]) @ w[f"low_rank.{name}.v"]
        out[name] = w[name] + low.reshape(w[name].shape)
    for name in vectors:
        out[name] = w[name] + (z @ w[f"head.{name}.weight"]).reshape(w[name].shape)
    return out


def low_rank_gru(w, x):
    p = realised("low-rank-gru", w)
    h, y = torch.zeros(1, 5, dtype=torch.float64), []
    for t in range(x.shape[1]):
        h = torch.gru_cell(x[:, t : t + 1].T, h, p["0.w_ih"].T, p["0.w_hh"].T, p["0.b_ih"], p["0.b_hh"])
        y.append(h @ p["1.weight"] + p["1.bias"])
    return torch.cat(y).T


def low_rank_conv1d(w, x):
    p = realised("low-rank-conv1d", w)
    a = torch.tanh(convolve(x, p["0.weight"], p["0.bias"], 4))
    return p["2.weight"].T @ a + p["2.bias"][:, None]


S4D_CHANNELS, S4D_STATES = 5, 3


def s4d_tensors():
    tensors, shape = {}, (S4D_STATES, S4D_CHANNELS)
    draw(tensors, "log_dt", S4D_CHANNELS, bound=1.5)
    tensors["log_dt"] = (tensors["log_dt"].detach() - 2.5).requires_grad_()
    draw(tensors, "log_decay", *shape, bound=1.0)
    draw(tensors, "frequency", *shape, bound=6.0)
    draw(tensors, "weight", 2 * S4D_STATES + 1, S4D_CHANNELS, bound=1.2)
    draw(tensors, "bias", S4D_CHANNELS, bound=0.5)
    return tensors


def s4d_poles(w):
    """``A``, ``exp(dt A)`` and ``C`` ``[states, channels]``, and ``D``."""
    a = torch.complex(-w["log_decay"].exp(), w["frequency"])
    re, im, d = w["weight"].split((S4D_STATES, S4D_STATES, 1))
    return a, torch.exp(w["log_dt"].exp() * a), torch.complex(re, im), d[0]


def s4d(w, x):
    """As the recurrence, frame by frame."""
    a, step, c, d = s4d_poles(w)
    s, y = torch.zeros_like(a), []
    for t in range(x.shape[1]):
        s = step * s + (step - 1) / a * x[:, t]
        y.append(2 * (c * s).real.sum(0) + d * x[:, t] + w["bias"])
    return torch.stack(y, 1)


def s4d_by_convolution(w, x):
    """As published: the kernel of all frames at once, and a product of spectra long enough not to wrap."""
    a, _, c, d = s4d_poles(w)
    frames = x.shape[1]
    dta = w["log_dt"].exp() * a
    vandermonde = torch.exp(dta[..., None] * torch.arange(frames))
    kernel = 2 * torch.einsum("nc,nct->ct", c * (torch.exp(dta) - 1.0) / a, vandermonde).real
    y = torch.fft.irfft(torch.fft.rfft(kernel, n=2 * frames) * torch.fft.rfft(x, n=2 * frames), n=2 * frames)[:, :frames]
    return y + d[:, None] * x + w["bias"][:, None]


def s4d_both_ways(w, x):
    y = s4d(w, x)
    probe = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    leaves = [*w.values(), x]
    again = s4d_by_convolution(w, x)
    pairs = zip(torch.autograd.grad((probe * y).sum(), leaves, retain_graph=True), torch.autograd.grad((probe * again).sum(), leaves))
    worst = max(((a - b).abs() / b.abs().clamp(min=1)).max().item() for a, b in [(y, again), *pairs])
    if not worst <= 1e-12:
        raise SystemExit(f"s4d: the recurrence and the convolution differ by {worst:.2e}")
    return y


TFILM_CHANNELS, TFILM_BLOCK, TFILM_HIDDEN = 3, 20, 4


def tfilm_tensors():
    tensors, gates = {}, 4 * TFILM_HIDDEN
    draw(tensors, "lstm.w_ih", TFILM_CHANNELS, gates, bound=1.0)
    draw(tensors, "lstm.w_hh", TFILM_HIDDEN, gates, bound=0.5)
    draw(tensors, "lstm.b_ih", gates, bound=0.5)
    draw(tensors, "lstm.b_hh", gates, bound=0.5)
    draw(tensors, "modulation.weight", TFILM_HIDDEN, 2 * TFILM_CHANNELS, bound=2.0)
    draw(tensors, "modulation.bias", 2 * TFILM_CHANNELS, bound=0.5)
    return tensors


def tfilm(w, x):
    weights = w["lstm.w_ih"].T, w["lstm.w_hh"].T, w["lstm.b_ih"], w["lstm.b_hh"]
    h = c = torch.zeros(1, TFILM_HIDDEN, dtype=torch.float64)
    ends = [torch.zeros(2 * TFILM_CHANNELS, dtype=torch.float64)] * 2
    for peaks in F.max_pool1d(x[None], TFILM_BLOCK)[0].T:
        h, c = torch.lstm_cell(peaks[None], (h, c), *weights)
        ends.append((h @ w["modulation.weight"])[0])
    share = torch.arange(1, TFILM_BLOCK + 1, dtype=torch.float64) / TFILM_BLOCK
    course = torch.cat([torch.lerp(a[:, None], b[:, None], share) for a, b in zip(ends, ends[1:])], 1)
    scale, shift = (course[:, : x.shape[1]] + w["modulation.bias"][:, None]).chunk(2)
    return (1 + scale) * x + shift


def dynamics_tensors():
    tensors = {}
    for name, middle, bound in [("threshold", -1.5, 0.5), ("knee", 1.0, 0.5), ("slope", 0.0, 0.8), ("attack", 2.5, 1.5),
                                ("release", 5.0, 1.0), ("make_up", 0.0, 0.5)]:
        draw(tensors, name, 1, bound=bound)
        tensors[name] = (tensors[name].detach() + middle).requires_grad_()
    return tensors


def dynamics(w, x):
    """Giannoulis, Massberg and Reiss 2012, equations 4 and 17, for a limiter, times the slope."""
    db = 20 / torch.log(torch.tensor(10.0, dtype=torch.float64))
    threshold, knee = db * w["threshold"], db * w["knee"].exp()
    level = 10 * torch.log10(x[0] ** 2 + 1e-16)
    bent = level - (level - threshold + knee / 2) ** 2 / (2 * knee)
    below, above = 2 * (level - threshold) < -knee, 2 * (level - threshold) > knee
    reduction = level - torch.where(below, level, torch.where(above, threshold.expand_as(level), bent))
    alpha_a, alpha_r = (torch.exp(-1 / w[name].exp()) for name in ("attack", "release"))
    y1 = y_l = torch.zeros(1, dtype=torch.float64)
    gain_db = []
    for x_l in reduction:
        y1 = torch.maximum(x_l, alpha_r * y1 + (1 - alpha_r) * x_l)
        y_l = alpha_a * y_l + (1 - alpha_a) * y1
        gain_db.append(db * w["make_up"] - w["slope"] * y_l)
    return x * 10 ** (torch.cat(gain_db) / 20)


# layer's rate, host's, order
RATES = [(44100, 48000, 1), (44100, 48000, 3), (48000, 44100, 4), (44100, 88200, 3), (44100, 96000, 3), (44100, 160000, 2), (44100, 160000, 5)]


def delayed_tensors():
    tensors = {}
    for i, (inputs, hidden, gates) in enumerate([(1, 4, 4), (4, 3, 3), (3, 2, 1)]):
        draw(tensors, f"{i}.w_ih", inputs, gates * hidden, bound=1.2)
        draw(tensors, f"{i}.w_hh", hidden, gates * hidden, bound=0.7)
        draw(tensors, f"{i}.b_ih", gates * hidden, bound=0.5)
        draw(tensors, f"{i}.b_hh", gates * hidden, bound=0.5)
    draw(tensors, "3.weight", 2, 1, bound=1.0)
    draw(tensors, "3.bias", 1, bound=0.5)
    return tensors


def interpolation(ratio, order):
    """Frames ago, and weights with which every polynomial of the order has its value ``ratio`` frames ago."""
    if ratio == round(ratio):
        return [round(ratio)], torch.ones(1, dtype=torch.float64)
    first = max(1, int(ratio) - (order - 1) // 2)
    ago = torch.arange(first, first + order + 1, dtype=torch.float64)
    powers = torch.arange(order + 1, dtype=torch.float64)[:, None]
    return ago.int().tolist(), torch.linalg.solve((ago - ratio) ** powers, (powers[:, 0] == 0).double())


def delayed(w, x, ratio, order):
    """A long short-term memory, a gated recurrent unit, a plain network and an affine map, one after the other."""
    ago, weights = interpolation(ratio, order)
    cells = [[w[f"{i}.w_ih"].T, w[f"{i}.w_hh"].T, w[f"{i}.b_ih"], w[f"{i}.b_hh"]] for i in range(3)]
    past = [[torch.zeros(1, n, dtype=torch.float64) for n in (4, 4, 3, 2)]] * max(ago)
    y = []
    for t in range(x.shape[1]):
        h1, c, h2, h3 = (sum(weight * past[-k][n] for k, weight in zip(ago, weights)) for n in range(4))
        h1, c = torch.lstm_cell(x[:, t : t + 1].T, (h1, c), *cells[0])
        h2 = torch.gru_cell(h1, h2, *cells[1])
        h3 = torch.rnn_tanh_cell(h2, h3, *cells[2])
        past = past[1:] + [[h1, c, h2, h3]]
        y.append(h3 @ w["3.weight"] + w["3.bias"])
    return torch.cat(y).T


def state_delay(label, seed):
    """Outputs alone: what plays at another rate is trained at its own."""
    torch.manual_seed(seed)
    with torch.no_grad():
        w = delayed_tensors()
        x = 1.6 * torch.rand(1, FRAMES, dtype=torch.float64) - 0.8
        outputs = {f"output.{host}.{order}": delayed(w, x, host / layer, order) for layer, host, order in RATES}
    all_ = {name: value.detach().numpy() for name, value in (w | {"input": x} | outputs).items()}
    meta = {"model": label, "seed": str(seed), "rates": json.dumps(RATES), "versions": json.dumps(versions("torch", "numpy"))}
    write_or_check(OUT / f"{label}.safetensors", encode(all_, meta), lambda data: decode(data)[0], 1e-12)


def case(label, seed, tensors, run, inputs, outputs):
    torch.manual_seed(seed)
    w = tensors()
    x = (1.6 * torch.rand(inputs, FRAMES, dtype=torch.float64) - 0.8).requires_grad_()
    target = torch.rand(outputs, FRAMES, dtype=torch.float64) - 0.5
    y = run(w, x)
    loss = ((y - target) ** 2).mean()
    loss.backward()
    kept = {name: value.detach() for name, value in w.items()}
    # The last layer's residual reaches no output.
    gradients = {name: value.grad if value.grad is not None else torch.zeros_like(value) for name, value in w.items()}
    all_ = {**kept, "input": x.detach(), "target": target, "output": y.detach(), "loss": loss.detach(), "grad.input": x.grad}
    all_ |= {f"grad.{name}": value for name, value in gradients.items()}
    print(f"{label}: {sum(v.numel() for v in w.values())} parameters, loss {loss.item():.6f}, "
          f"largest gradient {max(g.abs().max().item() for g in gradients.values()):.2e}")
    meta = {"model": label, "seed": str(seed), "config": json.dumps({"head_scale": HEAD_SCALE}), "versions": json.dumps(versions("torch", "numpy"))}
    write_or_check(OUT / f"{label}.safetensors", encode({name: value.numpy() for name, value in all_.items()}, meta), lambda data: decode(data)[0], 1e-12)


def main():
    torch.set_num_threads(1)
    case("wavenet", SEED, lambda: wavenet_tensors(False, 1, 1), lambda w, x: wavenet(w, x, False), 1, 1)
    case("wavenet-gated", SEED + 1, lambda: wavenet_tensors(True, 2, 2), lambda w, x: wavenet(w, x, True), 2, 2)
    case("grey-box", SEED + 2, grey_tensors, grey_box, 1, 1)
    case("low-rank-gru", SEED + 3, lambda: low_rank_tensors("low-rank-gru"), low_rank_gru, 1, 1)
    case("low-rank-conv1d", SEED + 4, lambda: low_rank_tensors("low-rank-conv1d"), low_rank_conv1d, 2, 2)
    case("s4d", SEED + 5, s4d_tensors, s4d_both_ways, S4D_CHANNELS, S4D_CHANNELS)
    case("tfilm", SEED + 6, tfilm_tensors, tfilm, TFILM_CHANNELS, TFILM_CHANNELS)
    case("dynamics", SEED + 7, dynamics_tensors, dynamics, 1, 1)
    state_delay("state-delay", SEED + 8)


if __name__ == "__main__":
    main()
