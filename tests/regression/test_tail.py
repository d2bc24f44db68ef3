"""The deep tail: factors, routes, extended precision, null modes, densities, each against an oracle of another kind."""
import mpmath
import numpy as np
import pytest

from conftest import deck_of, population_deck

TRUSTED, NULL = 1, 2


def solved(result):
    assert result.code == 0, result.err
    return result.spectrum()


def within_bounds(a, b, modes=slice(None)):
    """Two spectra agree where both are trusted, each within its own bound; and there is something to compare."""
    both = (a["state"][modes] == TRUSTED) & (b["state"][modes] == TRUSTED)
    assert both.any()
    difference = np.abs(a["eigenvalue"][modes] - b["eigenvalue"][modes])[both]
    allowed = (a["error_bound"][modes] + b["error_bound"][modes])[both]
    assert np.all(difference <= allowed), f"largest difference over bounds {np.max(difference / allowed)}"
    return int(both.sum())


def generic(exponent, n, rows, seed=1):
    """U diag(j^(-exponent/2)) V^T with Haar U (rows x n) and V."""
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.standard_normal((rows, n)))[0]
    v = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (u * np.arange(1.0, n + 1) ** (-exponent / 2)) @ v.T


def features_deck(path, **more):
    return deck_of(study=dict(kind="spectrum"), kernel=dict(type="features_file", file=path, **more.pop("kernel", {})), **more)


# --- routes by a factor -------------------------------------------------------------------------------------------


def test_every_mode_of_a_steep_feature_map(run):
    """p = 2, alpha = 16, d = 70: 9e-28 of the largest; the factor's routes and the extended matrix agree on all 70."""
    deck = population_deck(70, 280, alpha=16, degree=2, kind="spectrum")
    gram = solved(run(deck, sets=["solver.tail=gram"], folder="gram"))
    auto = solved(run(deck, folder="auto"))
    extended = solved(run(deck, sets=["solver.precision=extended"], folder="extended"))
    assert gram["trusted_count"] < 30 and auto["trusted_count"] == 70 and extended["trusted_count"] == 70
    assert auto["route"] in ("cascade", "svd") and extended["route"] == "extended"
    assert auto["eigenvalue"][-1] < 1e-26 * auto["eigenvalue"][0]
    assert within_bounds(auto, extended) == 70
    within_bounds(auto, gram)
    np.testing.assert_allclose(auto["eigenvalue"], extended["eigenvalue"], rtol=1e-5)


def test_a_thousand_modes_of_a_steep_feature_map(run):
    s = solved(run(population_deck(1000, 4000, alpha=10, degree=2, kind="spectrum"), sets=["solver.tail=cascade"]))
    assert s["trusted_count"] == 1000 and s["eigenvalue"][-1] < 1e-26 * s["eigenvalue"][0]


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_generic_factor(run, tmp_path, ranks):
    """lambda_j = j^-8, n = 300: what the Gram matrix loses, the factor keeps, on any number of ranks."""
    n = 300
    np.save(tmp_path / "phi.npy", generic(8, n, 2 * n))
    exact = np.arange(1.0, n + 1) ** -8
    deck = features_deck(tmp_path / "phi.npy")
    gram = solved(run(deck, ranks, sets=["solver.tail=gram"], folder="gram"))
    deep = solved(run(deck, ranks, folder="deep"))
    assert 40 <= gram["trusted_count"] < 120 and deep["trusted_count"] == n
    for s in (gram, deep):
        trusted = s["state"] == TRUSTED
        # The file's own rounding moves singular values by some 1e-16 of the largest.
        stored = 4e-16 * np.sqrt(exact) + 1e-31
        assert np.all(np.abs(s["eigenvalue"] - exact)[trusted] <= (s["error_bound"] + stored)[trusted])
        assert np.all(np.abs(s["eigenvalue"] / exact - 1)[trusted] < 0.1)


def test_svd_and_cascade_agree_with_vectors(run, tmp_path):
    np.save(tmp_path / "phi.npy", generic(6, 120, 300))
    deck = features_deck(tmp_path / "phi.npy", solver=dict(eigenvectors=True))
    cascade = solved(run(deck, sets=["solver.tail=cascade"], folder="cascade"))
    svd = solved(run(deck, sets=["solver.tail=svd"], folder="svd"))
    assert (cascade["route"], svd["route"]) == ("cascade", "svd")
    assert within_bounds(cascade, svd) == 120


@pytest.mark.parametrize("tail", ["auto", "cascade", "svd"])
def test_as_many_as_asked_for_with_their_vectors(run, tmp_path, tail):
    """40 of 100 modes, null ones among them: values, vectors and counts are those of the 40 alone."""
    np.save(tmp_path / "phi.npy", generic(8, 30, 100))
    np.save(tmp_path / "y.npy", np.ones((100, 1)))
    deck = features_deck(tmp_path / "phi.npy", kernel=dict(side="gram"), data=dict(targets=tmp_path / "y.npy"),
                         solver=dict(tail=tail, eigenvalues=40), run=dict(store_eigenvectors=True))
    result = run(deck)
    s = solved(result)
    assert len(s["eigenvalue"]) == 40 and s["trusted_count"] == 30 and s["null_by_rank"] == 10
    with result.file() as file:
        vectors = file["eigenvectors/eigenvector"][...]
    assert vectors.shape == (40, 100)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(40), atol=1e-12)


def test_what_float32_lost_stands_beside_every_mode(run, tmp_path):
    phi = generic(10, 40, 120)
    np.save(tmp_path / "phi.npy", phi.astype(np.float32))
    s = solved(run(features_deck(tmp_path / "phi.npy", solver=dict(tail="cascade"))))
    exact = np.linalg.svd(phi, compute_uv=False) ** 2
    total = s["error_bound"] + s["representation"]
    assert s["input_epsilon"] == 2.0**-24 and s["trusted_count"] < 40
    np.testing.assert_array_equal(s["state"] == TRUSTED, total < 0.1 * s["eigenvalue"])
    assert np.all(np.abs(s["eigenvalue"] - exact) <= total)


@pytest.mark.parametrize("route", ["cascade", "graded", "extended", "network"])
def test_memory_of_deep_routes_is_foreseen(run, tmp_path, route):
    if route == "extended":
        deck = circle_deck(500, "equispaced", precision="extended")
    elif route == "network":
        deck = network_deck(n=500, dim=100, kernel=dict(width=300), solver=dict(tail="cascade", eigenvectors=True))
    elif route == "graded":
        deck = population_deck(500, 2000, alpha=10, degree=2, kind="spectrum", solver=dict(tail="cascade"))
    else:
        np.save(tmp_path / "phi.npy", generic(8, 500, 1200))
        deck = features_deck(tmp_path / "phi.npy", solver=dict(tail="cascade", eigenvectors=True))
    result = run(deck)
    assert result.code == 0, result.err
    with result.file() as file:
        memory = dict(file["memory"].attrs)
    assert 0.7 < memory["predicted_peak_bytes"] / memory["measured_peak_bytes"] < 1.5


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("kind", ["spectrum", "spectral_reach"])
def test_memory_of_wide_data_is_foreseen(run, tmp_path, kind, ranks):
    """61 MiB of features: how often they stand in memory, and the signals that an assembly makes of them, are counted."""
    rng = np.random.default_rng(9)
    np.save(tmp_path / "x.npy", rng.standard_normal((200, 40000)))
    np.save(tmp_path / "y.npy", rng.standard_normal((200, 1)))
    reach = kind == "spectral_reach"
    result = run(deck_of(study=dict(kind=kind) | (dict(samples=20, snapshots=1) if reach else {}),
                         data=dict(source="npy", file=tmp_path / "x.npy") | (dict(targets=tmp_path / "y.npy") if reach else {}),
                         kernel=dict(type="network", width=16, depth=1, activation="relu"), solver=dict(tail="gram"),
                         **(dict(training=dict(learning_rate=1e-3, steps=3, batch=10)) if reach else {})), ranks)
    assert result.code == 0, result.err
    with result.file() as file:
        memory = dict(file["memory"].attrs)
    predicted, measured = memory["predicted_peak_bytes"], memory["measured_peak_bytes"]
    assert abs(predicted - measured) < max(0.15 * measured, 20 * 2**20), (predicted / 2**20, measured / 2**20)


def test_a_truncated_factor_takes_nothing_away(run):
    """Rows left out say nothing of the modes they held: not null, and the Gram matrix's own stay trusted."""
    deck = population_deck(70, 280, alpha=16, degree=2, kind="spectrum", kernel=dict(truncation=1e-4))
    gram = solved(run(deck, sets=["solver.tail=gram"], folder="gram"))
    auto = solved(run(deck, folder="auto"))
    named = solved(run(deck, sets=["solver.tail=cascade"], folder="named"))
    assert auto["trusted_count"] == gram["trusted_count"] > named["trusted_count"] >= 1
    assert auto["route"] == "gram" and named["null_by_rank"] == 0
    assert np.all(named["error_bound"][1:] >= gram["eigenvalue"][1:])


# --- nobody invents a tail ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", ["auto", "gram", "cascade", "svd"])
def test_missing_modes_are_null_by_rank(run, tmp_path, tail):
    """Fewer features than samples: the Gram side has modes that the shape makes zero."""
    np.save(tmp_path / "phi.npy", np.random.default_rng(2).standard_normal((90, 40)))
    s = solved(run(features_deck(tmp_path / "phi.npy", kernel=dict(side="gram")), sets=[f"solver.tail={tail}"]))
    assert s["null_by_rank"] == 50 and s["trusted_count"] == 40
    assert np.all(s["state"][40:] == NULL)


@pytest.mark.parametrize("tail", ["auto", "gram", "cascade", "svd"])
def test_null_modes_of_a_deficient_factor_stay_untrusted(run, tmp_path, tail):
    """Rank 25 of 60, and d >= n: the shape says nothing, so every null mode must stay untrusted."""
    rng = np.random.default_rng(3)
    np.save(tmp_path / "phi.npy", (rng.standard_normal((60, 25)) @ rng.standard_normal((25, 80))).T)
    s = solved(run(features_deck(tmp_path / "phi.npy", kernel=dict(side="covariance")), sets=[f"solver.tail={tail}"]))
    assert s["trusted_count"] == 25 and s["null_by_rank"] == 0
    assert np.all(s["state"][25:] == 0)


@pytest.mark.parametrize("name, phi, trusted", [
    ("zero", np.zeros((9, 6)), 0),
    ("rank_one", np.outer(np.arange(1.0, 10), np.ones(6)), 1),
    ("all_equal", np.linalg.qr(np.random.default_rng(4).standard_normal((9, 6)))[0], 6),
    ("one_row", np.ones((1, 6)), 1),
    ("one_column", np.ones((9, 1)), 1),
])
@pytest.mark.parametrize("tail", ["auto", "cascade", "svd"])
def test_small_and_odd_factors(run, tmp_path, name, phi, trusted, tail):
    np.save(tmp_path / "phi.npy", phi)
    s = solved(run(features_deck(tmp_path / "phi.npy"), sets=[f"solver.tail={tail}"], timeout=60))
    assert s["trusted_count"] == trusted
    np.testing.assert_allclose(s["eigenvalue"].sum(), np.sum(phi**2), rtol=1e-12, atol=1e-300)


def test_a_factor_with_a_nan_is_refused(run, tmp_path):
    phi = np.ones((50, 20))
    phi[31, 7] = np.nan
    np.save(tmp_path / "phi.npy", phi)
    for tail in ("gram", "cascade", "svd"):
        result = run(features_deck(tmp_path / "phi.npy"), sets=[f"solver.tail={tail}"], timeout=60, folder=tail)
        assert result.code == 82 and len(result.messages) == 1, result.err


def test_where_there_is_no_factor_the_floor_is_said(run):
    result = run(deck_of(study=dict(kind="spectrum"), data=dict(source="circle", n=200),
                         kernel=dict(type="nngp", activation="erf", depth=2, weight_variance=1.5, bias_variance=0.1)))
    s = solved(result)
    assert s["trusted_count"] < 150 and s["route"] == "gram"
    assert "no factor" in result.out


# --- extended precision -------------------------------------------------------------------------------------------


def erf_nngp(points, depth=3, sw=1.5, sb=0.1, digits=50):
    """The recursion in mpmath, entry by entry."""
    mpmath.mp.dps = digits
    sw, sb = mpmath.mpf(sw), mpmath.mpf(sb)  # the doubles of the deck

    def next_layer(a, b, s):
        def mean(p, q, r):
            return 2 / mpmath.pi * mpmath.asin(2 * r / mpmath.sqrt((1 + 2 * p) * (1 + 2 * q)))

        return sw * mean(a, a, a) + sb, sw * mean(b, b, b) + sb, sw * mean(a, b, s) + sb

    def entry(x, y):
        dot = [sw * mpmath.fdot(u, w) / len(x) + sb for u, w in ((x, x), (y, y), (x, y))]
        for _ in range(depth):
            dot = next_layer(*dot)
        return dot[2]

    return entry


def circle_deck(n, spacing, **solver):
    return deck_of(study=dict(kind="spectrum"), data=dict(source="circle", spacing=spacing, n=n),
                   kernel=dict(type="nngp", activation="erf", depth=3, weight_variance=1.5, bias_variance=0.1),
                   solver=solver)


def test_extended_circle_is_the_exact_circulant(run):
    """n = 500 equispaced: eigenvalues of a circulant are the cosine transform of its first row, here at 50 digits."""
    n = 500
    double = solved(run(circle_deck(n, "equispaced", tail="gram"), folder="double"))
    deep = solved(run(circle_deck(n, "equispaced", precision="extended"), folder="deep"))
    entry = erf_nngp(None)
    angle = [2 * mpmath.pi * m / n for m in range(n)]
    row = [entry((mpmath.mpf(1), mpmath.mpf(0)), (mpmath.cos(t), mpmath.sin(t))) for t in angle[:n // 2 + 1]]
    row += row[-2:0:-1]
    cosine = [mpmath.cos(t) for t in angle]
    exact = sorted((mpmath.fsum(row[m] * cosine[k * m % n] for m in range(n)) for k in range(n // 2 + 1)), reverse=True)
    exact = [exact[0]] + [x for x in exact[1:] for _ in (0, 1)]  # pairs, but for the first and the last
    exact = np.array([float(x) for x in exact[:n]])
    assert np.all(np.abs(deep["eigenvalue"] - exact) <= deep["error_bound"] + 1e-16 * exact)
    assert deep["trusted_count"] >= 1.8 * double["trusted_count"]
    trusted = deep["state"] == TRUSTED
    assert np.all(np.abs(deep["eigenvalue"] / exact - 1)[trusted] < 0.1)
    within_bounds(double, deep)


def test_extended_random_circle_sees_further(run):
    double = solved(run(circle_deck(500, "random", tail="gram"), folder="double"))
    result = run(circle_deck(500, "random", precision="extended"), folder="deep")
    deep = solved(result)
    assert deep["trusted_count"] >= 1.8 * double["trusted_count"]
    within_bounds(double, deep)
    with result.file() as file:  # both routes stand in the file, each with its floor
        assert file["gram_spectrum"].attrs["floor"] > 1e6 * file["spectrum"].attrs["floor"]


def test_extended_equals_mpmath(run, tmp_path):
    """n = 60 given points of the plane: all eigenvalues at 60 digits."""
    x = np.random.default_rng(5).uniform(-1, 1, (60, 2))
    np.save(tmp_path / "x.npy", x)
    s = solved(run(deck_of(study=dict(kind="spectrum"), data=dict(source="npy", file=tmp_path / "x.npy"),
                           kernel=dict(type="nngp", activation="erf", depth=3, weight_variance=1.5, bias_variance=0.1),
                           solver=dict(precision="extended"))))
    entry = erf_nngp(None, digits=60)
    points = [[mpmath.mpf(float(c)) for c in p] for p in x]
    k = mpmath.matrix(60, 60)
    for i in range(60):
        for j in range(i + 1):
            k[i, j] = k[j, i] = entry(points[i], points[j])
    exact = sorted((float(value) for value in mpmath.eigsy(k, eigvals_only=True)), reverse=True)
    error = np.abs(s["eigenvalue"] - exact)
    assert np.all(error <= s["error_bound"] + 1e-16 * np.array(exact))
    assert s["trusted_count"] >= 45
    trusted = s["state"] == TRUSTED
    assert np.all(np.abs(s["eigenvalue"] / exact - 1)[trusted] < 0.1)


# --- without the matrix -------------------------------------------------------------------------------------------


def relu_deck(kind, n=600, d=200, **more):
    return deck_of(study=dict(kind=kind, **more.pop("study", {})), data=dict(source="power_law", n=n, dim=100, alpha=1.5),
                   kernel=dict(type="random_features", expectation="empirical", activation="relu", features=d), **more)


def test_largest_eigenvalues_without_the_matrix(run):
    dense = solved(run(relu_deck("spectrum"), folder="dense"))
    result = run(relu_deck("spectrum", solver=dict(backend="slepc", eigenvalues=12, matrix="matrix_free")), folder="free")
    if result.code == 65 and "without SLEPc" in result.err:
        pytest.skip("built without SLEPc")
    free = solved(result)
    assert free["route"] == "matrix_free" and free["trusted_count"] == 12
    difference = np.abs(free["eigenvalue"] - dense["eigenvalue"][:12])
    assert np.all(difference <= free["error_bound"] + dense["error_bound"][:12])
    assert np.nanmax(free["residual_ratio"]) < 10


def check_density(result, dense):
    """Counts, effective dimension and trace within what they claim, from all eigenvalues."""
    with result.file() as file:
        group = file["density"]
        threshold, low, high = (group[name][...] for name in ("threshold", "count_low", "count_high"))
        ridge, dimension = group["lambda"][...], group["effective_dimension"][...]
        error = group["effective_dimension_standard_error"][...]
        trace, trace_error = group.attrs["trace"], group.attrs["trace_standard_error"]
    count = np.array([(dense > t).sum() for t in threshold])
    slack = 0.5 * (high - low) + 0.5  # three times the half-width would never fail; the stated interval may, one in twenty
    assert np.all((count >= low - slack) & (count <= high + slack)), np.c_[threshold, low, count, high]
    assert np.mean((count >= low - 1e-9) & (count <= high + 1e-9)) >= 0.7
    assert abs(trace - dense.sum()) <= 4 * trace_error
    exact = np.array([(dense / (dense + r)).sum() for r in ridge])
    assert np.all(np.abs(dimension - exact) <= 4 * error + 1e-9 * exact)


@pytest.mark.parametrize("matrix", ["gram", "factor", "matrix_free"])
def test_density_against_the_spectrum(run, matrix):
    dense = solved(run(relu_deck("spectrum"), folder="dense"))["eigenvalue"]
    result = run(relu_deck("density", study=dict(matrix=matrix, probes=16, steps=60, thresholds=12)), folder="density")
    assert result.code == 0, result.err
    check_density(result, dense)


# --- tangent kernels of networks ----------------------------------------------------------------------------------


def network_deck(kind="spectrum", n=200, dim=2, alpha=2.0, **more):
    """Smooth and in few dimensions: the spectrum falls below the floor of a Gram matrix."""
    kernel = dict(type="network", width=48, depth=2, activation="tanh", weight_variance=0.5, bias_variance=0.1) | more.pop("kernel", {})
    return deck_of(study=dict(kind=kind, **more.pop("study", {})), data=dict(source="power_law", n=n, dim=dim, alpha=alpha),
                   kernel=kernel, **more)


def test_routes_of_a_network(run):
    """The factor J^T goes deeper than J J^T by both of its routes, each within its bounds of the others."""
    s = {tail: solved(run(network_deck(solver=dict(tail=tail)), folder=tail)) for tail in ("gram", "auto", "cascade", "svd")}
    assert s["gram"]["trusted_count"] < 120 and (s["gram"]["route"], s["cascade"]["route"]) == ("gram", "cascade")
    assert s["auto"]["route"] in ("cascade", "svd") and "empirical NTK" in s["cascade"]["kernel"]
    for tail in ("auto", "cascade", "svd"):
        assert s[tail]["trusted_count"] >= 180
        assert s[tail]["floor"] < 1e-9 * s["gram"]["floor"]
        assert within_bounds(s[tail], s["gram"]) == s["gram"]["trusted_count"]
    assert within_bounds(s["cascade"], s["svd"]) >= 180


def test_fewer_parameters_than_samples(run):
    """2-3-1 without biases: 9 parameters, so 31 of 40 modes are null by the shape of J."""
    for tail in ("gram", "cascade"):
        s = solved(run(network_deck(n=40, kernel=dict(width=3, depth=1, biases=False), solver=dict(tail=tail)), folder=tail))
        assert s["null_by_rank"] == 31 and s["trusted_count"] == 9


def test_targets_of_a_network(run, tmp_path):
    """Two outputs: one target over all rows (sample, output), its coefficients by the vectors of the deep route."""
    rng = np.random.default_rng(6)
    y = rng.standard_normal((30, 2))
    np.save(tmp_path / "x.npy", rng.uniform(-1, 1, (30, 2)))
    np.save(tmp_path / "y.npy", y)
    result = run(deck_of(study=dict(kind="spectrum"),
                         data=dict(source="npy", file=tmp_path / "x.npy", targets=tmp_path / "y.npy"),
                         kernel=dict(type="network", width=40, depth=1, activation="erf"), solver=dict(tail="cascade"),
                         run=dict(store_eigenvectors=True)))
    assert solved(result)["n"] == 60
    with result.file() as file:
        vectors, coefficient = file["eigenvectors/eigenvector"][...], file["targets/coefficient"][...]
    np.testing.assert_allclose(coefficient, vectors @ y.reshape(-1, 1), atol=1e-12)
    np.testing.assert_allclose(np.sum(coefficient**2), np.sum(y**2), rtol=1e-12)


def test_trace_and_sum_of_a_networks_outputs(run, tmp_path):
    """Held against the matrix of all outputs: the mean of its blocks on the diagonal, and the sum of all its blocks."""
    n, outputs = 20, 3
    rng = np.random.default_rng(8)
    y = rng.standard_normal((n, outputs))
    np.save(tmp_path / "x.npy", rng.uniform(-1, 1, (n, 2)))
    np.save(tmp_path / "y.npy", y)

    def result(kind, **solver):
        return run(deck_of(study=dict(kind="spectrum"),
                           data=dict(source="npy", file=tmp_path / "x.npy", targets=tmp_path / "y.npy"),
                           kernel=dict(type="network", width=16, depth=1, activation="tanh", outputs=kind), solver=solver,
                           run=dict(store_eigenvectors=True)), folder=kind + str(solver.get("tail")))

    whole = result("all", tail="gram")
    with whole.file() as file:
        v, value = file["eigenvectors/eigenvector"][...], file["spectrum/eigenvalue"][...]
    k = (v.T @ (value[:, None] * v)).reshape(n, outputs, n, outputs)
    for kind, matrix, targets in [("trace", np.einsum("icjc->ij", k) / outputs, y), ("sum", k.sum(axis=(1, 3)), y.sum(axis=1)[:, None])]:
        expected = np.linalg.eigvalsh(matrix)[::-1]
        for tail in ("gram", "cascade"):
            got = result(kind, tail=tail)
            s = solved(got)
            assert s["n"] == n
            assert np.all(np.abs(s["eigenvalue"] - expected) <= s["error_bound"] + 1e-12 * expected[0])
            with got.file() as file:
                vectors, coefficient = file["eigenvectors/eigenvector"][...], file["targets/coefficient"][...]
            np.testing.assert_allclose(coefficient, vectors @ targets, atol=1e-12)


def test_largest_eigenvalues_of_a_network_without_the_matrix(run):
    dense = solved(run(network_deck(n=300, dim=30), folder="dense"))
    result = run(network_deck(n=300, dim=30, solver=dict(backend="slepc", eigenvalues=8, matrix="matrix_free")), folder="free")
    if result.code == 65 and "without SLEPc" in result.err:
        pytest.skip("built without SLEPc")
    free = solved(result)
    assert free["route"] == "matrix_free" and "J (J^T x)" in free["kernel"] and free["trusted_count"] == 8
    assert np.all(np.abs(free["eigenvalue"] - dense["eigenvalue"][:8]) <= free["error_bound"] + dense["error_bound"][:8])


@pytest.mark.parametrize("matrix", ["auto", "gram", "factor", "matrix_free"])
def test_density_of_a_network(run, matrix):
    deck = dict(n=300, dim=30, alpha=1.5)
    dense = solved(run(network_deck(**deck), folder="dense"))["eigenvalue"]
    result = run(network_deck("density", study=dict(matrix=matrix, probes=16, steps=60, thresholds=12), **deck), folder="density")
    assert result.code == 0, result.err
    if matrix == "matrix_free":
        assert "J (J^T x)" in result.out
    check_density(result, dense)
    with pytest.raises(AssertionError):  # another kernel's spectrum is seen
        check_density(result, 1.5 * dense)
