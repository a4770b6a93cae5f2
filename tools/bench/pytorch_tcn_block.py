"""What a TCN and a GCN of ten blocks cost in PyTorch while they play in blocks of 64 frames, in nanoseconds a sample.

Packages: torch 2.15.0, numpy 2.4.6. One thread, no gradients, float32, kernel 3, growth 2, random weights, mono. Each convolution has the
frames that came before in front of its block, kept from block to block: the fastest way we know to write it with torch's modules.

    python tools/bench/pytorch_tcn_block.py 8 16 32       channels; prints the least of 1500 blocks

``eager`` calls the modules; ``scripted`` is the same through ``torch.jit.script`` and ``freeze``, which fuses what it can.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 64


class Block(nn.Module):
    def __init__(self, inputs: int, channels: int, dilation: int, gated: bool):
        super().__init__()
        self.conv = nn.Conv1d(inputs, channels * (2 if gated else 1), 3, dilation=dilation)
        self.residual = nn.Conv1d(inputs, channels, 1)
        self.mix = nn.Conv1d(channels, channels, 1)
        self.gated = gated
        self.register_buffer("memory", torch.zeros(1, inputs, 2 * dilation))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        line = torch.cat((self.memory, x), dim=2)
        self.memory.copy_(line[:, :, line.shape[2] - self.memory.shape[2] :])
        a = self.conv(line)
        if self.gated:
            tanh, gate = a.chunk(2, dim=1)
            z = torch.tanh(tanh) * torch.sigmoid(gate)
            return self.mix(z) + self.residual(x), z
        return F.leaky_relu(a, 0.2) + self.residual(x), a


class Network(nn.Module):
    def __init__(self, channels: int, gated: bool):
        super().__init__()
        self.blocks = nn.ModuleList([Block(1 if n == 0 else channels, channels, 2**n, gated) for n in range(10)])
        self.head = nn.Conv1d(10 * channels if gated else channels, 1, 1)
        self.gated = gated

    def forward(self, x: Tensor) -> Tensor:
        gates: list[Tensor] = []
        for block in self.blocks:
            x, z = block(x)
            gates.append(z)
        return self.head(torch.cat(gates, dim=1) if self.gated else x)


def main():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    for channels in map(int, sys.argv[1:] or ("16",)):
        for gated in (False, True):
            torch.manual_seed(1)
            net = Network(channels, gated).eval()
            x = 0.25 * torch.randn(1, 1, BLOCK)
            for form, run in (("eager", net), ("scripted", torch.jit.freeze(torch.jit.script(net)))):
                with torch.inference_mode():
                    best = float("inf")
                    for _ in range(1500):
                        began = time.perf_counter()
                        run(x)
                        best = min(best, (time.perf_counter() - began) / BLOCK)
                print(f"{'gcn' if gated else 'tcn'} {channels} {form}: {best * 1e9:.0f} ns a sample", flush=True)


if __name__ == "__main__":
    main()
