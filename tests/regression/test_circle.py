"""Equispaced circle: the spectrum is known exactly, half of it is a null space (even n), most of it comes in pairs."""
import numpy as np
import pytest

from conftest import deck_of

PI = np.longdouble("3.14159265358979323846264338327950288")

# Fourier coefficients of the normalised arc-cosine kernels, for k = 0, 1, 2, …


def kappa1(k):
    """c_0, c_1, or even k ≥ 2; odd k ≥ 3 have none."""
    return 0.25 if np.isscalar(k) and k == 1 else 4 / (np.pi**2 * (np.asarray(k) ** 2 - 1.0) ** 2)


def ntk(k):
    """The same of u κ₀ + κ₁."""
    return 0.5 if np.isscalar(k) and k == 1 else 2 * (np.asarray(k) ** 2 + 3) / (np.pi**2 * (np.asarray(k) ** 2 - 1.0) ** 2)


def aliased(coefficient, n, terms=4000):
    """λ_m = n Σ_q c_{|m + qn|}, c_k of h(θ) = Σ_k c_|k| e^{ikθ}; the sum over q cut, so to about n/(n·terms)."""
    k = np.abs(np.arange(n)[:, None] + n * np.arange(-terms // 2, terms // 2)[None, :])
    c = np.zeros(k.shape)
    even = k % 2 == 0
    c[even] = coefficient(np.where(even & (k > 0), k, 2)[even])
    c[k == 0], c[k == 1] = coefficient(0), coefficient(1)
    return n * c.sum(axis=1)


def exact_spectrum(h, n):
    """The circulant matrix's eigenvalues: the cosine transform of its first row, in 80-bit arithmetic."""
    steps = np.arange(n)
    row = h(2 * PI * np.minimum(steps, n - steps) / n)
    cosine = np.cos(2 * PI * steps / n)
    return np.array([np.dot(row, cosine[(m * steps) % n]) for m in range(n)])


def h_kappa1(t):
    return (np.sin(t) + (PI - t) * np.cos(t)) / PI


def h_ntk(t):
    return np.cos(t) * (PI - t) / PI + h_kappa1(t)


@pytest.mark.parametrize("n", [4095, 4096])
@pytest.mark.parametrize("kind, coefficient, h", [("nngp", kappa1, h_kappa1), ("ntk", ntk, h_ntk)])
def test_all_eigenvalues_are_within_their_bounds(run, n, kind, coefficient, h):
    # With σ_w² = 2, n₀ = 2 the input kernel is cosθ; one ReLU layer then gives κ₁ (NNGP) and κ₁ + u·κ₀ (NTK).
    result = run(deck_of(study=dict(kind="spectrum"), data=dict(source="circle", spacing="equispaced", n=n),
                         kernel=dict(type=kind, activation="relu", depth=1, weight_variance=2.0, bias_variance=0.0)))
    assert result.code == 0, result.err
    s = result.spectrum()
    by_mode = exact_spectrum(h, n)
    np.testing.assert_allclose(by_mode.astype(float)[:40], aliased(coefficient, n)[:40], atol=1e-3)  # the oracle itself
    exact = np.sort(by_mode)[::-1]
    error = np.abs(s["eigenvalue"] - exact).astype(float)
    assert np.all(error <= s["error_bound"]), f"largest error over bound {np.max(error / s['error_bound'])}"
    trusted = s["state"] == 1
    assert np.all(error[trusted] <= 0.1 * exact[trusted])
    assert np.all(s["eigenvalue"] >= -s["error_bound"])
    if n % 2 == 0:  # odd modes from the third on vanish: untrusted, not a tail
        null = n // 2 - 2
        assert np.max(np.abs(exact[-null:])) < 1e-15 * n and exact[-null - 1] > 1e-11
        assert not np.any(trusted[-null:])
