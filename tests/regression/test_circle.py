"""Equispaced circle: the spectrum is known exactly, half of it is a null space (even n), most of it comes in pairs."""
import numpy as np
import pytest

from conftest import deck_of

# Fourier coefficients of the normalised arc-cosine kernels, for k = 0, 1, 2, …


def kappa1(k):
    return {0: 4 / np.pi**2, 1: 0.25}.get(k, 0.0 if k % 2 else 4 / (np.pi**2 * (k * k - 1.0) ** 2))


def ntk(k):
    """u κ₀ + κ₁."""
    return {0: 6 / np.pi**2, 1: 0.5}.get(k, 0.0 if k % 2 else 2 * (k * k + 3) / (np.pi**2 * (k * k - 1.0) ** 2))


def exact_spectrum(coefficient, n, terms=400):
    """λ_m = n Σ_q c_{|m + qn|}, c_k of h(θ) = Σ_k c_|k| e^{ikθ}."""
    values = []
    for m in range(n):
        total = 0.0
        for q in range(-terms // 2, terms // 2):
            k = abs(m + q * n)
            total += coefficient(k)
        values.append(n * total)
    return np.sort(values)[::-1]


def by_fft(h, n):
    """The same by the FFT of the circulant's first row, in extended precision at the entries."""
    theta = 2 * np.arange(n) * np.pi / n
    return np.sort(np.fft.fft(h(np.minimum(theta, 2 * np.pi - theta))).real)[::-1]


def h_kappa1(t):
    return (np.sin(t) + (np.pi - t) * np.cos(t)) / np.pi


def h_ntk(t):
    return np.cos(t) * (np.pi - t) / np.pi + h_kappa1(t)


@pytest.mark.parametrize("n", [4095, 4096])
@pytest.mark.parametrize("kind, coefficient, h", [("nngp", kappa1, h_kappa1), ("ntk", ntk, h_ntk)])
def test_all_eigenvalues_are_within_their_bounds(run, n, kind, coefficient, h):
    # With σ_w² = 2, n₀ = 2 the input kernel is cosθ; one ReLU layer then gives κ₁ (NNGP) and κ₁ + u·κ₀ (NTK).
    result = run(deck_of(study=dict(kind="spectrum"), data=dict(source="circle", spacing="equispaced", n=n),
                         kernel=dict(type=kind, activation="relu", depth=1, weight_variance=2.0, bias_variance=0.0)))
    assert result.code == 0, result.err
    s = result.spectrum()
    exact = exact_spectrum(coefficient, n)
    np.testing.assert_allclose(exact, by_fft(h, n), atol=1e-11 * n)  # the oracle against itself
    error = np.abs(s["eigenvalue"] - exact)
    assert np.all(error <= s["error_bound"]), f"largest error over bound {np.max(error / s['error_bound'])}"
    trusted = s["state"] == 1
    assert np.all(error[trusted] <= 0.1 * exact[trusted])
    assert np.all(s["eigenvalue"] >= -s["error_bound"])
    if n % 2 == 0:  # the exact null space: untrusted, not a tail
        null = exact < 1e-3 * exact[exact > 1e-12].min()
        assert null.sum() >= n // 2 - 1
        assert not np.any(trusted & null)
