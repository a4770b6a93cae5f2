"""Small models in the files of other programs with what PyTorch makes of a signal, in float64 from weights rounded to float32.

Packages: torch 2.15.0, numpy. Seed 20600 + case number. Writes afx-io/tests/exchange/*.json: ``model`` (the file's content), ``controls`` (the knobs as
the network is fed them), ``input``, ``output`` (96 frames, after ``silence`` frames of zeros).

    python tools/golden/exchange.py           write
    python tools/golden/exchange.py --check   recompute and compare with the committed files

The networks are torch.nn's; what this script adds is each format's layout: .nam joins the matrices and sums the biases, Keras turns matrices over and
has the gates of a GRU as z, r, h.
"""

import json

import numpy as np
import torch

from vectors import ROOT, write_or_check

OUT = ROOT / "afx-io" / "tests" / "exchange"
SEED = 20600
FRAMES = 96
WARM = 4000

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def single(module):
    """Weights that float32 holds exactly; matrices four times as large as first values, so that signals come through."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(((4 if parameter.dim() > 1 else 1) * parameter).float().double())
    return module


def signal():
    n = torch.arange(FRAMES)
    return 0.7 * torch.sin(0.21 * n) * torch.exp(-n / 80) + 0.2 * (torch.rand(FRAMES) - 0.5)


def listed(tensor):
    return tensor.detach().tolist()


def gates(tensor, order, hidden):
    """Rows of a torch parameter with the gates in another order."""
    return torch.cat([tensor[g * hidden : (g + 1) * hidden] for g in order])


def nam_lstm():
    net, head = single(torch.nn.LSTM(1, 3, num_layers=2)), single(torch.nn.Linear(3, 1))
    x = torch.cat([torch.zeros(WARM), signal()])
    y = head(net(x[:, None])[0])[WARM:, 0]
    weights = []
    for layer in range(2):
        part = {name: getattr(net, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        bias = (part["bias_ih"] + part["bias_hh"]).float().double()
        weights += listed(torch.cat([part["weight_ih"], part["weight_hh"]], dim=1).flatten()) + listed(bias)
        weights += [0.25] * 3 + [-0.5] * 3  # a learnt start, which warming up forgets
    weights += listed(head.weight.flatten()) + listed(head.bias)
    model = {
        "version": "0.5.4",
        "metadata": {"name": "two cells", "modeled_by": "afx", "gear_type": "pedal", "loudness": -18.5, "gain": None, "training": {"x": [1, 2]}},
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": 3, "num_layers": 2},
        "weights": weights,
        "sample_rate": 44100,
    }
    return model, [], x[WARM:], y, WARM


def nam_wavenet(arrays, functions, head_scale):
    """Arrays (channels, bottleneck, layers (kernel, dilation, function, gate), head kernel, head bias); the order of the numbers is the format's."""
    weights, x = [], torch.cat([torch.zeros(WARM), signal()])[None]

    def take(*shape):
        bound = 1.5 / np.sqrt(np.prod(shape[1:]))
        numbers = (bound * (2 * torch.rand(*shape) - 1)).float().double()
        weights.extend(listed(numbers.flatten()))
        return numbers

    def convolve(h, matrix, dilation=1, bias=None):
        padded = torch.nn.functional.pad(h, ((matrix.shape[2] - 1) * dilation, 0))
        return torch.nn.functional.conv1d(padded[None], matrix, bias, dilation=dilation)[0]

    h, head = x, 0
    for number, (channels, bottleneck, layers, kernel, bias) in enumerate(arrays):
        h = convolve(h, take(channels, h.shape[0], 1))
        for taps, dilation, function, gate in layers:
            rows = bottleneck * (2 if gate else 1)
            z = convolve(h, take(rows, channels, taps), dilation, take(rows)) + take(rows, 1) @ x
            a = functions[function](z[:bottleneck]) * (functions[gate](z[bottleneck:]) if gate else 1)
            head = head + a
            h = h + convolve(a, take(channels, bottleneck, 1), 1, take(channels))
        outputs = arrays[number + 1][1] if number + 1 < len(arrays) else 1
        head = convolve(head, take(outputs, bottleneck, kernel), 1, take(outputs) if bias else None)
    weights.append(head_scale)
    return weights, x[0, WARM:], head_scale * head[0, WARM:]


FUNCTIONS = {"Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "ReLU": torch.relu, "SiLU": torch.nn.functional.silu}
FUNCTIONS |= {"LeakyReLU": lambda z: torch.nn.functional.leaky_relu(z, 0.25), "Softsign": torch.nn.functional.softsign}


def nam_wavenet_a1():
    gated = [(3, dilation, "Tanh", "Sigmoid") for dilation in (1, 2)]
    weights, x, y = nam_wavenet([(3, 3, gated, 1, False), (2, 2, [(2, 7, "ReLU", None)], 1, True)], FUNCTIONS, 0.75)
    first = {"input_size": 1, "condition_size": 1, "head_size": 2, "channels": 3, "kernel_size": 3, "dilations": [1, 2]}
    second = {"input_size": 3, "condition_size": 1, "head_size": 1, "channels": 2, "kernel_size": 2, "dilations": [7]}
    layers = [
        first | {"activation": "Tanh", "gated": True, "head_bias": False},
        second | {"activation": "ReLU", "gated": False, "head_bias": True},
    ]
    config = {"layers": layers, "head": None, "head_scale": 0.75}
    return {"version": "0.5.4", "architecture": "WaveNet", "config": config, "weights": weights, "sample_rate": 48000}, [], x, y, WARM


def nam_wavenet_a2():
    chain = [(3, 1, "LeakyReLU", None), (2, 5, "SiLU", "Softsign"), (4, 2, "Tanh", None)]
    weights, x, y = nam_wavenet([(4, 3, chain, 3, True)], FUNCTIONS, 0.5)
    off = {"active": False, "shift": True, "groups": 1}
    array = {
        "input_size": 1,
        "condition_size": 1,
        "head": {"out_channels": 1, "kernel_size": 3, "bias": True},
        "channels": 4,
        "kernel_sizes": [3, 2, 4],
        "dilations": [1, 5, 2],
        "activation": [{"type": "LeakyReLU", "negative_slope": 0.25}, {"type": "SiLU"}, {"type": "Tanh"}],
        "bottleneck": 3,
        "head1x1": {"active": False, "out_channels": 1, "groups": 1},
        "layer1x1": {"active": True, "groups": 1},
        "groups_input": 1,
        "groups_input_mixin": 1,
        "conv_pre_film": off,
        "activation_post_film": off,
        "gating_mode": ["none", "gated", "none"],
        "secondary_activation": [None, {"type": "Softsign"}, None],
        "slimmable": None,
    }
    config = {"layers": [array], "head": None, "head_scale": 0.5}
    return {"version": "0.7.0", "architecture": "WaveNet", "config": config, "weights": weights, "sample_rate": 48000}, [], x, y, WARM


def nam_linear():
    taps = torch.randn(5).float().double()
    x = signal()
    y = torch.stack([sum(taps[k] * x[n - k] for k in range(5) if n >= k) for n in range(FRAMES)]) + 0.125
    model = {"version": "0.5.0", "architecture": "Linear", "config": {"receptive_field": 5, "bias": True}, "weights": listed(taps) + [0.125]}
    return model, [], x, y, 0


def keras_gru(gru):
    hidden = gru.hidden_size
    kernel, recurrent, b_ih, b_hh = (
        gates(getattr(gru, name), (1, 0, 2), hidden) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    weights = [listed(kernel.T), listed(recurrent.T), [listed(b_ih), listed(b_hh)]]
    return {"type": "gru", "activation": "", "shape": [None, None, hidden], "weights": weights}


def keras_lstm(lstm):
    bias = (lstm.bias_ih_l0 + lstm.bias_hh_l0).float().double()
    with torch.no_grad():
        lstm.bias_ih_l0.copy_(bias)
        lstm.bias_hh_l0.zero_()
    weights = [listed(lstm.weight_ih_l0.T), listed(lstm.weight_hh_l0.T), listed(bias)]
    return {"type": "lstm", "activation": "tanh", "shape": [None, None, lstm.hidden_size], "weights": weights}


def keras_dense(linear, activation=""):
    weights = [listed(linear.weight.T), listed(linear.bias)]
    return {"type": "dense", "activation": activation, "shape": [None, None, linear.out_features], "weights": weights}


def rtneural():
    gru, first, prelu, lstm, last = map(
        single, (torch.nn.GRU(1, 4), torch.nn.Linear(4, 3), torch.nn.PReLU(3), torch.nn.LSTM(3, 2), torch.nn.Linear(2, 1))
    )
    layers = [
        keras_gru(gru),
        {**keras_dense(first, "sigmoid"), "type": "time-distributed-dense"},
        {"type": "activation", "activation": "prelu", "shape": [None, None, 3], "weights": [listed(prelu.weight)]},
        keras_lstm(lstm),
        keras_dense(last),
        {"type": "activation", "activation": "tanh", "shape": [None, None, 1], "weights": []},
    ]
    x = signal()
    y = torch.tanh(last(lstm(prelu(torch.sigmoid(first(gru(x[:, None])[0]))))[0]))[:, 0]
    return {"in_shape": [None, None, 1], "layers": layers}, [], x, y, 0


def keras_conv(conv, activation):
    weights = [listed(conv.weight.permute(2, 1, 0)), listed(conv.bias)]
    sizes = {"kernel_size": list(conv.kernel_size), "dilation": list(conv.dilation)}
    return {"type": "conv1d", "activation": activation, "shape": [None, None, conv.out_channels], **sizes, "weights": weights}


def convolutions():
    first, last = single(torch.nn.Conv1d(1, 3, 3, dilation=2)), single(torch.nn.Conv1d(3, 1, 2))
    x = signal()
    past = torch.cat([torch.zeros(4), x])
    inner = torch.cat([torch.zeros(3, 1), torch.tanh(first(past[None]))], dim=1)
    layers = [keras_conv(first, "tanh"), keras_conv(last, "")]
    return {"in_shape": [None, None, 1], "layers": layers}, [], x, last(inner)[0], 0


def aida(skip):
    lstm, last = single(torch.nn.LSTM(1, 4)), single(torch.nn.Linear(4, 1))
    layers = [keras_lstm(lstm), keras_dense(last)]
    x = signal()
    gained = 10 ** (6 / 20) * x
    y = last(lstm(gained[:, None])[0])[:, 0] + (gained if skip else 0)
    model = {
        "in_shape": [None, None, 1],
        "in_skip": skip,
        "in_gain": 6.0,
        "out_gain": -3.0,
        "metadata": {"name": "a pedal", "author": "afx", "samplerate": "96000"},
        "layers": layers,
    }
    return model, [], x, 10 ** (-3 / 20) * y, 0


def parametric(unit):
    net = single({"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[unit](3, 4))
    head = single(torch.nn.Linear(4, 1))
    controls = [0.25, 1.0]
    x = signal()
    frames = torch.stack([x, torch.full_like(x, controls[0]), torch.full_like(x, controls[1])], dim=1)
    y = head(net(frames)[0])[:, 0] + x
    state = {f"rec.{name}": listed(value) for name, value in net.named_parameters()}
    state |= {f"lin.{name}": listed(value) for name, value in head.named_parameters()}
    data = {
        "model": "SimpleRNN", "input_size": 3, "skip": 1, "output_size": 1, "unit_type": unit, "num_layers": 1, "hidden_size": 4, "bias_fl": True,
    }
    return {"model_data": data, "state_dict": state}, controls, x, y, 0


def state_dict():
    net, head = single(torch.nn.RNN(2, 3, num_layers=2)), single(torch.nn.Linear(3, 1, bias=False))
    controls = [-0.75]
    x = signal()
    y = head(net(torch.stack([x, torch.full_like(x, controls[0])], dim=1))[0])[:, 0]
    # the order of a file with sorted names
    state = {"lin.weight": listed(head.weight)} | {f"rec.{name}": listed(value) for name, value in net.named_parameters()}
    return state, controls, x, y, 0


CASES = {
    "nam-lstm": nam_lstm,
    "nam-linear": nam_linear,
    "rtneural": rtneural,
    "aida-x": lambda: aida(0),
    "aida-x-skip": lambda: aida(1),
    "guitarml-lstm": lambda: parametric("LSTM"),
    "guitarml-gru": lambda: parametric("GRU"),
    "state-dict": state_dict,
    "rtneural-conv": convolutions,
    "nam-wavenet-a1": nam_wavenet_a1,
    "nam-wavenet-a2": nam_wavenet_a2,
}


def main():
    for number, (name, case) in enumerate(CASES.items()):
        torch.manual_seed(SEED + number)
        model, controls, x, y, silence = case()
        content = {"model": model, "controls": controls, "silence": silence, "input": listed(x), "output": listed(y)}
        write_or_check(OUT / f"{name}.json", json.dumps(content, separators=(",", ":")).encode() + b"\n", json.loads, 1e-12)


main()
