"""Reference vectors of the convolutional cells with carried memory, built of torch's modules, in float64.

Packages: torch 2.15.0, pyneuralfx 0.1.2 (with einops), numpy 2.4.6, Python 3.11. Seed 20640 + case number.
Writes afx-models/tests/golden/{snapshot-tcn,...}.safetensors; see README.md beside this file for the tensors.

    python tools/golden/convolutions.py           write
    python tools/golden/convolutions.py --check   recompute and compare with the committed files

The published classes see no frame before the first and learn through a batch normalisation, so the model is put together here of
``torch.nn.functional``'s convolutions, each with the frames that came before in front. The script stops if the last frames, whose whole past is
known, are not those of pyneuralfx' classes with the same numbers, its normalisation taken out, its residual a frame late.
"""

import json

import torch
import torch.nn.functional as F
from pyneuralfx.models.cnn import gcn, tcn

from models import BUFFERS, CLIP, CONTROLS, FRAMES, RATE, SEQUENCES, gradients, mse, must, numpy_of, signals, state_of
from vectors import ROOT, decode, encode, versions, write_or_check

OUT = ROOT / "afx-models" / "tests" / "golden"
SEED = 20640
STEPS = 10
RATE_OF_ADAM = 1e-3
FILM = {"n_mlp_blocks": 2, "mlp_size": 8}


class Network(torch.nn.Module):
    """A TCN with its head, or a GCN, whose parameters have afx' names and torch's shapes."""

    def __init__(self, kind, channels, blocks, kernel, growth, inputs, outputs, late):
        super().__init__()
        self.form, self.cell = kind.split("-")
        self.sizes = {"channels": channels, "blocks": blocks, "kernel": kernel, "growth": growth}
        self.inputs, self.outputs, self.late = inputs, outputs, late
        gated = self.cell == "gcn"
        rows = channels * (2 if gated else 1)
        tensors = {}

        def uniform(name, *shape, bound):
            tensors[name] = (2 * torch.rand(*shape, dtype=torch.float64) - 1) * bound

        for n in range(blocks):
            width = inputs if n == 0 else channels
            bound = 1.2 / (width * kernel) ** 0.5
            uniform(f"layer.0.{n}.conv.weight", rows, width, kernel, bound=bound)
            uniform(f"layer.0.{n}.conv.bias", rows, bound=bound)
            if not gated or n + 1 < blocks:
                uniform(f"layer.0.{n}.residual.weight", channels, width, 1, bound=1 / width**0.5)
            if n == 0 and (not gated or blocks > 1):
                uniform(f"layer.0.{n}.residual.bias", channels, bound=0.5)
            if gated:
                tensors[f"layer.0.{n}.scale"] = 1 + 0.3 * (torch.rand(channels, 1, dtype=torch.float64) - 0.5)
                uniform(f"layer.0.{n}.shift", channels, bound=0.2)
                if n + 1 < blocks:
                    uniform(f"layer.0.{n}.mix.weight", channels, channels, 1, bound=1 / channels**0.5)
                    uniform(f"layer.0.{n}.mix.bias", channels, bound=1 / channels**0.5)
        if gated:
            uniform("layer.0.output.weight", outputs, blocks * channels, bound=2 / (blocks * channels) ** 0.5)
        else:
            uniform("layer.1.weight", outputs, channels, bound=1 / channels**0.5)
            uniform("layer.1.bias", outputs, bound=1 / channels**0.5)
        knobs = len(CONTROLS[0])
        if self.form == "concat":
            uniform("controls.weight", rows, knobs, bound=0.5)
            if not gated or blocks > 1:
                uniform("controls.1.weight", channels, knobs, bound=0.5)
        if self.form == "film":
            width = FILM["mlp_size"]
            for i in range(FILM["n_mlp_blocks"]):
                size = knobs if i == 0 else width
                uniform(f"mlp.{i}.weight", width, size, bound=1 / size**0.5)
                uniform(f"mlp.{i}.bias", width, bound=1 / size**0.5)
            for n in range(blocks):
                uniform(f"film.{n}.weight", 2 * channels, width, bound=1 / width**0.5)
                uniform(f"film.{n}.bias", 2 * channels, bound=1)
        # torch takes no dots in a parameter's name.
        self.numbers = torch.nn.ParameterDict({name.replace(".", "/"): value for name, value in tensors.items()})

    def named(self):
        return {name.replace("/", "."): p for name, p in self.numbers.items()}

    def spans(self):
        """Frames of memory of each block."""
        s = self.sizes
        return [max((s["kernel"] - 1) * s["growth"] ** n, int(self.late)) for n in range(s["blocks"])]

    def silence(self, rows):
        widths = [self.inputs] + [self.sizes["channels"]] * (self.sizes["blocks"] - 1)
        return [torch.zeros(rows, width, span, dtype=torch.float64) for width, span in zip(widths, self.spans())]

    def forward(self, x, c, memory):
        """``x [sequences, inputs, frames]`` -> ``(y, memory)``."""
        s, w, frames = self.sizes, self.named(), x.shape[2]
        film = None
        if self.form == "film":
            z = c
            for i in range(FILM["n_mlp_blocks"]):
                z = F.leaky_relu(F.linear(z, w[f"mlp.{i}.weight"], w[f"mlp.{i}.bias"]), 0.1)
            film = [F.linear(z, w[f"film.{n}.weight"], w[f"film.{n}.bias"]).unsqueeze(2).chunk(2, dim=1) for n in range(s["blocks"])]
        after, y = [], 0.0
        for n, span in enumerate(self.spans()):
            line = torch.cat((memory[n], x), dim=2)
            after.append(line[:, :, line.shape[2] - span :])
            dilation = s["growth"] ** n
            back = (s["kernel"] - 1) * dilation
            a = F.conv1d(line[:, :, span - back :], w[f"layer.0.{n}.conv.weight"], w[f"layer.0.{n}.conv.bias"], dilation=dilation)
            residual = None
            if f"layer.0.{n}.residual.weight" in w:
                seen = line[:, :, span - int(self.late) :][:, :, :frames]
                residual = F.conv1d(seen, w[f"layer.0.{n}.residual.weight"], w.get(f"layer.0.{n}.residual.bias"))
            if n == 0 and self.form == "concat":
                a = a + F.linear(c, w["controls.weight"]).unsqueeze(2)
                if residual is not None:
                    residual = residual + F.linear(c, w["controls.1.weight"]).unsqueeze(2)
            if self.cell == "tcn":
                if film is not None:
                    a = film[n][0] * a + film[n][1]
                x = F.leaky_relu(a, 0.2) + residual
                continue
            tanh, gate = a.chunk(2, dim=1)
            z = w[f"layer.0.{n}.scale"] * torch.tanh(tanh) * torch.sigmoid(gate) + w[f"layer.0.{n}.shift"][:, None]
            if film is not None:
                z = film[n][0] * z + film[n][1]
            channels = s["channels"]
            y = y + F.linear(z.transpose(1, 2), w["layer.0.output.weight"][:, n * channels : (n + 1) * channels]).transpose(1, 2)
            if residual is not None:
                x = F.conv1d(z, w[f"layer.0.{n}.mix.weight"], w[f"layer.0.{n}.mix.bias"]) + residual
        if self.cell == "tcn":
            y = F.linear(x.transpose(1, 2), w["layer.1.weight"], w["layer.1.bias"]).transpose(1, 2)
        return y, after


def check_against_published(label, kind, channels, blocks, kernel, growth, inputs, outputs):
    """The last frames of pyneuralfx' class with our numbers, its normalisation taken out."""
    net = Network(kind, channels, blocks, kernel, growth, inputs, outputs, late=True)
    form, cell = kind.split("-")
    sizes = {"n_blocks": blocks, "kernel_size": kernel, "dilation_growth": growth, "n_channels": channels}
    module = tcn if cell == "tcn" else gcn
    knobs = len(CONTROLS[0])
    if form == "concat":
        model = (module.ConcatTCN if cell == "tcn" else module.ConcatGCN)(inputs, outputs, knobs, RATE, **sizes)
    else:
        model = (module.SnapShotTCN if cell == "tcn" else module.SnapShotGCN)(inputs, outputs, RATE, **sizes)
    model = model.double()
    w = net.named()
    with torch.no_grad():
        for n, block in enumerate(model.blocks):
            block.affine = torch.nn.Identity()
            # What the toolkit has no number for.
            zeros = [f"layer.0.{n}.residual.bias", f"layer.0.{n}.shift"] + ([f"layer.0.{n}.conv.bias", f"layer.0.{n}.mix.bias"] if n == 0 else [])
            for name in zeros:
                if name in w:
                    w[name].zero_()
            if f"layer.0.{n}.scale" in w:
                w[f"layer.0.{n}.scale"].fill_(1.0)
            width = inputs if n == 0 else channels
            block.conv1.weight[:, :width] = w[f"layer.0.{n}.conv.weight"]
            if n == 0 and form == "concat":
                # All that a knob does at one tap, as it rests.
                block.conv1.weight[:, width:] = 0.0
                block.conv1.weight[:, width:, 0] = w["controls.weight"]
                block.res.weight[:, width:, 0] = w["controls.1.weight"]
            if f"layer.0.{n}.residual.weight" in w:
                block.res.weight[:, :width] = w[f"layer.0.{n}.residual.weight"]
            if n > 0:
                block.conv1.bias.copy_(w[f"layer.0.{n}.conv.bias"])
            if cell == "gcn" and f"layer.0.{n}.mix.weight" in w:
                block.mix.weight.copy_(w[f"layer.0.{n}.mix.weight"])
                if n > 0:
                    block.mix.bias.copy_(w[f"layer.0.{n}.mix.bias"])
        if cell == "tcn":
            model.output.weight.copy_(w["layer.1.weight"][:, :, None])
            model.output.bias.copy_(w["layer.1.bias"])
        else:
            model.mixing_output.weight.copy_(w["layer.0.output.weight"][:, :, None])
        x, _ = signals(inputs, outputs, FRAMES)
        c = torch.tensor(CONTROLS, dtype=torch.float64)
        published = model(x, c)
        ours = net(x, c, net.silence(SEQUENCES))[0][:, :, -published.shape[2] :]
    if published.shape[2] < FRAMES // 4:
        raise SystemExit(f"{label}: only {published.shape[2]} frames to compare")
    return must(f"{label} and pyneuralfx", (published - ours).abs().max().item(), 1e-13)


def meta_of(kind, net, seed, rounding, **more):
    knobs = {} if kind.startswith("snapshot") else {"num_conds": len(CONTROLS[0])}
    film = FILM if kind.startswith("film") else {}
    config = {"inp_channel": net.inputs, "out_channel": net.outputs, "late": int(net.late), "sample_rate": RATE}
    return {
        "model": kind,
        "config": json.dumps({**config, **net.sizes, **knobs, **film}),
        "parameters": str(sum(p.numel() for p in net.parameters())),
        "seed": str(seed),
        "versions": json.dumps(versions("torch", "pyneuralfx", "numpy")),
        "rounding": f"{rounding:.1e}",
        **more,
    }


def case(label, kind, seed, sizes, inputs, outputs, late, buffers, scale):
    """Output, gradients and ten Adam steps; with buffers also one step for each of them with the memory carried."""
    torch.manual_seed(seed)
    rounding = check_against_published(label, kind.replace("film", "snapshot"), *sizes, inputs, outputs)
    torch.manual_seed(seed)
    net = Network(kind, *sizes, inputs, outputs, late)
    weights = {name: p.detach().clone() for name, p in net.named().items()}
    x, target = signals(inputs, outputs, FRAMES * max(buffers, 1))
    target = scale * target
    c = torch.tensor(CONTROLS, dtype=torch.float64)
    about = {"loss_is": "mean over all elements of (output - target)^2"}
    if buffers:
        optimiser = torch.optim.Adam(net.parameters(), lr=RATE_OF_ADAM, betas=(0.9, 0.999), eps=1e-8)
        losses, norms, memory = [], [], net.silence(SEQUENCES)
        for start in range(0, x.shape[2], FRAMES):
            optimiser.zero_grad()
            y, memory = net(x[:, :, start : start + FRAMES], c, [m.detach() for m in memory])
            loss = mse(y, target[:, :, start : start + FRAMES])
            loss.backward()
            norms.append(torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP).item())
            optimiser.step()
            losses.append(loss.item())
        if not min(norms) < CLIP < max(norms):
            raise SystemExit(f"{label}: norms {norms} do not straddle {CLIP}")
        tensors = {**weights, "batch.input": x, "batch.controls": c, "batch.target": target}
        tensors |= {"tbptt.losses": losses, "tbptt.norms": norms} | {f"tbptt.{name}": p for name, p in net.named().items()}
        print(f"{label}: losses {losses}, norms {norms}, rounding {rounding:.1e}")
        about["tbptt"] = f"{buffers} buffers of {FRAMES} frames, one Adam step each, clip-norm {CLIP}, memory carried and detached, zero at the start"
        return label, tensors, meta_of(kind, net, seed, rounding, **about)

    def run(x, c):
        return net(x, c, net.silence(x.shape[0]))[0]

    one = gradients(run, net.named(), x[:1], c[:1], target[:1])
    all_ = gradients(run, net.named(), x, c, target)
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE_OF_ADAM, betas=(0.9, 0.999), eps=1e-8)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = mse(run(x, c), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    with torch.no_grad():
        losses.append(mse(run(x, c), target).item())
    tensors = {**weights, "input": x[0], "controls": c[0], "target": target[0], "output": one[1][0], "loss": one[0]}
    tensors |= {f"grad.{name}": g[0] if name in ("input", "controls") else g for name, g in one[2].items()}
    tensors |= {"batch.input": x, "batch.controls": c, "batch.target": target, "batch.output": all_[1]}
    tensors |= {f"batch.grad.{name}": g for name, g in all_[2].items() if name in ("input", "controls")}
    tensors |= {"adam.losses": losses} | {f"adam.{name}": p for name, p in net.named().items()}
    if kind.startswith("snapshot"):
        del tensors["controls"], tensors["batch.controls"]
    smallest = min(g.abs().max().item() for g in all_[2].values())
    print(f"{label}: {sum(p.numel() for p in net.parameters())} parameters, loss {losses[0]:.6f} -> {losses[-1]:.6f}, "
          f"rounding {rounding:.1e}, smallest gradient maximum {smallest:.1e}")
    about["adam"] = "lr 1e-3, betas 0.9 0.999, eps 1e-8, no weight decay, the whole batch each step"
    return label, tensors, meta_of(kind, net, seed, rounding, **about)


def main():
    torch.set_num_threads(1)
    mono, stereo = (4, 4, 3, 2), (5, 3, 2, 3)
    cases = [
        case("snapshot-tcn", "snapshot-tcn", SEED, mono, 1, 1, False, 0, 1),
        case("concat-tcn-stereo", "concat-tcn", SEED + 1, stereo, 2, 2, True, 0, 1),
        case("film-tcn", "film-tcn", SEED + 2, mono, 1, 1, False, 0, 1),
        case("snapshot-gcn-stereo", "snapshot-gcn", SEED + 3, stereo, 2, 2, False, 0, 1),
        case("concat-gcn", "concat-gcn", SEED + 4, mono, 1, 1, True, 0, 1),
        case("film-gcn", "film-gcn", SEED + 5, mono, 1, 1, False, 0, 1),
        case("concat-tcn-tbptt", "concat-tcn", SEED + 6, mono, 1, 1, False, BUFFERS, 5),
        case("film-gcn-tbptt", "film-gcn", SEED + 9, mono, 1, 1, False, BUFFERS, 5),
    ]
    for label, tensors, meta in cases:
        # 1e-11: what another BLAS or libm may change after ten Adam steps.
        write_or_check(OUT / f"{label}.safetensors", encode(numpy_of(tensors), meta), lambda data: decode(data)[0], 1e-11)


if __name__ == "__main__":
    main()
