#!/usr/bin/env python3
"""Derives the polynomial coefficients of include/bcr/simd/math-inl.h (needs mpmath).

Every polynomial is the minimax one for its relative error, found by Remez exchange in 60 digits; coefficients are then
rounded to the type. The approximation error printed leaves out the rounding of coefficients and of the evaluation.
"""
from mpmath import cos, erfc, exp, factorial, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60


def remez(f, weight, low, high, degree, rounds=12):
    """Coefficients of the polynomial p (lowest first) that minimises max |(f - p) * weight|, and that maximum."""
    n = degree + 2
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * i / (n - 1)) for i in range(n)]
    for _ in range(rounds):
        a, b = matrix(n, n), matrix(n, 1)
        for i, x in enumerate(points):
            for k in range(degree + 1):
                a[i, k] = x**k
            a[i, degree + 1] = (-1) ** i / weight(x)
            b[i] = f(x)
        solution = lu_solve(a, b)
        c = [solution[k] for k in range(degree + 1)]
        error = lambda x: (f(x) - horner(c, x)) * weight(x)
        # The new reference: the largest error between each two sign changes.
        grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * mpf(i) / (40 * n)) for i in range(40 * n + 1)]
        values = [error(x) for x in grid]
        peaks, best = [], 0
        for i in range(1, len(grid) + 1):
            if i == len(grid) or values[i] * values[best] < 0:
                peaks.append(grid[best])
                best = i
            elif abs(values[i]) > abs(values[best]):
                best = i
        while len(peaks) > n:
            peaks.pop(0 if abs(error(peaks[0])) < abs(error(peaks[-1])) else -1)
        if len(peaks) < n:
            break
        points = peaks
    return c, max(abs(v) for v in values)


def horner(c, x):
    result = mpf(0)
    for coefficient in reversed(c):
        result = result * x + coefficient
    return result


def show(name, c, error, bits):
    print(f"// {name}: degree {len(c) - 1}, error 2^{float(log(error, 2)):.1f}")
    print(",\n".join(f"{float(x):.9g}f" if bits == 32 else f"{float(x):.17g}" for x in c))


def exponential(bits, degree):
    """q in exp(r) = 1 + r + r^2 q(r) for |r| <= ln(2) / 2: r^2 is at most 0.12, so q may be less exact than exp is."""
    half = log(mpf(2)) / 2 * mpf("1.0001")
    q, error = remez(lambda r: sum(r**k / factorial(k + 2) for k in range(40)), lambda r: half**2, -half, half, degree)
    show(f"exp, f{bits}", q, error, bits)


def gauss_tail(bits, degree, scale, last):
    """p in z Q(z) = exp(-z^2 / 2) w p(1/2 - w), w = z / (scale + z), for 0 <= z <= last. The shift keeps terms small."""
    p = lambda z: erfc(z / sqrt(mpf(2))) / 2 * exp(z * z / 2) * (scale + z)
    tail = lambda t: (lambda w: p(scale * w / (1 - w)))(mpf(1) / 2 - t)
    c, error = remez(tail, lambda t: 1 / tail(t), mpf(1) / 2 - last / (scale + last), mpf(1) / 2, degree)
    show(f"Gaussian tail, f{bits}, scale {float(scale)}", c, error, bits)


def ln2_parts(bits, kept):
    """ln(2) as a number of few bits, so that its product with a small integer is exact, plus the rest."""
    high = mpf(int(log(mpf(2)) * 2**kept + mpf("0.5"))) / 2**kept
    show("ln 2, high and low", [high, log(mpf(2)) - high], mpf(2) ** -kept, bits)


if __name__ == "__main__":
    ln2_parts(32, 9)
    ln2_parts(64, 32)
    exponential(32, 4)
    exponential(64, 9)
    gauss_tail(32, 9, mpf("3.25"), mpf(15))
    gauss_tail(64, 22, mpf(5), mpf(39))
