"""Constants of the rational tanh in afx-core/src/activation.rs.

`k x prod(x^2 + a) / prod(x^2 + b)` with three a and four b. The minimax problem on [0, 8] is solved by Lawson's iteration on the linearised
error; numerator and denominator then fall into real factors, because all zeros and poles lie on the imaginary axis. Rounded to float32 the
constants are moved by a few units in the last place, at random and with a fixed seed, while the error of the float32 evaluation shrinks.
"""

import numpy as np

LIMIT = 8.0
F = np.float32


def minimax(p_terms=4, q_terms=5, points=1500, rounds=400):
    """Coefficients in x^2, ascending, the first of the denominator 1."""
    x = np.maximum(LIMIT * (1 - np.cos(np.pi * (np.arange(points) + 0.5) / points)) / 2, 1e-6)
    y = np.tanh(x)
    powers = np.stack([(x / LIMIT) ** (2 * i) for i in range(max(p_terms, q_terms))], 1)
    lawson, q = np.ones(points), np.ones(points)
    best = (np.inf, None, None)
    for step in range(rounds):
        matrix = np.concatenate([x[:, None] * powers[:, :p_terms], -y[:, None] * powers[:, 1:q_terms]], 1)
        weight = np.sqrt(lawson) / q
        weighted = matrix * weight[:, None]
        size = np.linalg.norm(weighted, axis=0)
        c = np.linalg.lstsq(weighted / size, y * weight, rcond=1e-18)[0] / size
        p, d = c[:p_terms], np.concatenate([[1], c[p_terms:]])
        q = powers[:, :q_terms] @ d
        error = np.abs(x * (powers[:, :p_terms] @ p) / q - y)
        if error.max() < best[0]:
            best = (error.max(), p / LIMIT ** (2 * np.arange(p_terms)), d / LIMIT ** (2 * np.arange(q_terms)))
        if step > 5:
            lawson = lawson * (error + 1e-16) ** 0.7
            lawson /= lawson.sum() / points
    return best


def evaluate(x, c):
    """In the order of the kernels."""
    k, (a0, a2, a1), (b0, b1, b2, b3) = c[0], c[1:4], c[4:]
    x = np.clip(x, -LIMIT, LIMIT).astype(F)
    t = x * x
    return ((k * x) * (t + a1)) * ((t + a0) * (t + a2)) / (((t + b0) * (t + b1)) * ((t + b2) * (t + b3)))


def main():
    error, p, d = minimax()
    zeros, poles = -np.roots(p[::-1]), -np.roots(d[::-1])
    rng = np.random.default_rng(0)
    x = np.sort(np.concatenate([rng.uniform(0, 8.2, 60000), np.exp(rng.uniform(-10, 0, 5000))])).astype(F)
    exact = np.tanh(x.astype(np.float64))

    def score(c):
        e = evaluate(x, c) - exact
        return np.abs(e).max() + 0.3 * np.sqrt(np.mean(e**2)), np.abs(e).max(), np.sqrt(np.mean(e**2))

    c = np.concatenate([[p[-1] / d[-1]], zeros[[1, 2, 0]], poles[[0, 3, 1, 2]]]).astype(F)
    best = score(c)
    for _ in range(3000):
        near = c.copy()
        for j in rng.choice(len(c), rng.integers(1, 4), replace=False):
            for _ in range(rng.integers(1, 6)):
                near[j] = np.nextafter(near[j], F(1e30) if rng.random() < 0.5 else F(0))
        found = score(near)
        if found[0] < best[0]:
            c, best = near, found
    print(f"error of the rational {error:.2e}; in float32: largest {best[1]:.2e}, mean square {best[2]:.2e}")
    print("K", repr(float(c[0])))
    print("A", [float(v) for v in c[[1, 3, 2]]])
    print("B", [float(v) for v in c[4:]])


if __name__ == "__main__":
    main()
