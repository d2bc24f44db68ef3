"""Routes and densities: what is read, drawn, tabled and said."""

import csv
import re

import fathom_report
import h5py
import make_deep
import make_run
import numpy as np
import pytest
from fathom_report import RunFileError, cli, measures
from fathom_report.report import write_report
from fathom_report.routes import routes_of

KINDS = ("deep", "deep_sweep", "density", "density_noise", "density_sweep")


@pytest.fixture(scope="module")
def pages(runs, tmp_path_factory):
    root = tmp_path_factory.mktemp("deep_reports")
    for kind in KINDS:
        write_report(fathom_report.open_run(runs[kind]), root / kind)
    return root


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(r[name]) for r in rows])


@pytest.mark.parametrize("kind", KINDS)
def test_every_plot_has_its_files_and_its_place_on_the_page(pages, kind):
    stems = {p.stem for p in (pages / kind).glob("*.png")}
    wanted = {"deep": {"spectrum", "routes"}, "deep_sweep": {"spectrum", "routes", "overlay"},
              "density": {"spectrum", "density", "density_dimension", "density_nodes"},
              "density_noise": {"spectrum", "density", "density_dimension", "density_nodes"},
              "density_sweep": {"density", "density_dimension", "density_nodes"}}[kind]
    assert stems - {"timing", "memory", "slope"} == wanted
    page = (pages / kind / "report.html").read_text()
    assert page.count("<img ") == len(stems)
    for suffix in ("svg", "csv"):
        assert {p.stem for p in (pages / kind).glob(f"*.{suffix}")} == stems


def test_routes_csv_holds_every_mode_of_every_route(runs, pages):
    run = fathom_report.open_run(runs["deep"])
    rows = table(pages / "deep" / "routes.csv")
    assert list(rows[0]) == ["point", "route", "levels", "mode", "eigenvalue", "error_bound", "state"]
    for route in routes_of(run, 1):
        own = [r for r in rows if r["route"] == route.name]
        for name in ("mode", "eigenvalue", "error_bound", "state"):
            np.testing.assert_array_equal(column(own, name), route.data[name].values)
    assert {r["route"] for r in table(pages / "deep" / "spectrum.csv")} == {"cascade"}
    assert {(r["point"], r["route"]) for r in table(pages / "deep_sweep" / "routes.csv")} == {
        ("2", "gram"), ("2", "cascade"), ("3", "gram"), ("3", "svd")}


def test_the_page_names_routes_floors_and_counts(runs, pages):
    page = (pages / "deep" / "report.html").read_text()
    gram, deep = routes_of(fathom_report.open_run(runs["deep"]), 1)
    for route in (gram, deep):
        assert route.sentence() in page
        assert f"{route.floor:.2g}".replace("-", "−") in page
    assert "cascade (3 levels): " in page and "of them negative" in page
    assert f"<td>Gram, replaced</td><td class=\"n\">–</td><td class=\"n\">{gram.count(1)}</td>" in page
    assert f"<td><b>cascade</b></td><td class=\"n\">3</td><td class=\"n\">{deep.count(1)}</td>" in page
    assert "<td>cascade, 3 levels</td>" in page  # in the table of configurations too
    sweep = (pages / "deep_sweep" / "report.html").read_text()
    assert "SVD of the factor: 100 of 150 modes trusted" in sweep and "50 null by rank" in sweep
    assert "Rows show" not in sweep and sweep.count("Gram, replaced") == 2


def test_runs_without_the_additions_say_gram_and_show_no_routes(runs, tmp_path):
    run = fathom_report.open_run(runs["noise_floor"])
    assert [r.name for r in routes_of(run, 1)] == ["gram"] and run.route_spectrum("gram") is None
    assert run.density() is None
    page = write_report(run, tmp_path).read_text()
    assert not (tmp_path / "routes.png").exists() and 'id="density"' not in page and "<td>Gram</td>" in page


def test_density_csv_and_tables(runs, pages):
    run = fathom_report.open_run(runs["density"])
    data, folder = run.density(), pages / "density"
    rows = table(folder / "density.csv")
    assert list(rows[0]) == ["point", "threshold", "count", "count_low", "count_high", "count_standard_error", "trusted",
                             "dense"]
    for name in ("threshold", "count", "count_low", "count_high", "count_standard_error"):
        np.testing.assert_array_equal(column(rows, name), data[name].values)
    true = np.arange(1, 401.0) ** -2.0
    np.testing.assert_array_equal(column(rows, "dense"), [(true > t).sum() for t in data["threshold"].values])
    rows = table(folder / "density_dimension.csv")
    exact = [(true / (true + k)).sum() for k in column(rows, "lambda")]
    np.testing.assert_allclose(column(rows, "dense"), exact, rtol=1e-12)
    rows = table(folder / "density_nodes.csv")
    assert len(rows) == data["node"].size
    for probe in ("1", "8"):
        own = [r for r in rows if r["probe"] == probe]
        np.testing.assert_array_equal(column(own, "node"), data["node"].values[int(probe) - 1])
        assert abs(column(own, "eigenvalues").sum() - 400) < 1e-9
    page = (folder / "report.html").read_text()
    assert "tail exponent" in page and "2.02 [1.93, 2.12]" in page and "8 probes of 30 steps, n = 400." in page
    assert f"± {data.attrs['trace_standard_error']:.2g}" in page


def test_density_alone(runs, pages):
    run = fathom_report.open_run(runs["density_sweep"])
    assert run.spectrum(1) is None and run.density(2).sizes == {"threshold": 24, "lambda": 24, "probe": 3, "step": 12}
    page = (pages / "density_sweep" / "report.html").read_text()
    assert "a density, no single eigenvalues" in page and "Computed spectrum" not in page
    assert all(np.isnan(column(table(pages / "density_sweep" / "density.csv"), "dense")))


def test_noise_below_the_floor_is_marked_in_the_csv(pages):
    for name, scale in (("density", "threshold"), ("density_dimension", "lambda"), ("density_nodes", "node")):
        rows = table(pages / "density_noise" / f"{name}.csv")
        trusted, at = column(rows, "trusted"), column(rows, scale)
        assert 0 < trusted.sum() < trusted.size
        assert at[trusted == 1].min() > 1.9e-15 > at[trusted == 0].max()  # √300 ε = 1.92e-15
    rows = table(pages / "density_noise" / "density.csv")
    dense = column(rows, "dense")
    assert np.isnan(dense[column(rows, "threshold") < 1e-16]).all()  # the spectrum's own noise settles no count
    assert "the estimate says nothing" in (pages / "density_noise" / "report.html").read_text()


def test_a_gram_spectrum_without_states_is_refused(tmp_path):
    path = make_deep.deep(tmp_path, 60)
    with h5py.File(path, "r+") as file:
        del file["gram_spectrum/state"]
    with pytest.raises(RunFileError, match="gram_spectrum lacks state"):
        fathom_report.open_run(path, verify=False)


def test_a_fit_over_untrusted_modes_is_called_so(tmp_path, capsys):
    maker = make_run.RunMaker(tmp_path, "a fit too far", "spectrum")
    value, bound = np.arange(1, 101.0) ** -1.5, np.full(100, 1e-9)
    bound[40:] = 1.0
    make_run.put_spectrum(maker, "/", value, bound=bound, alpha=1.5, exponent=1.5, fit_low=5, fit_high=60)
    group = maker.group("fits").scale("fit", [1])
    for key, entry in {"alpha": 1.5, "exponent": 1.5, "fit_low": 5, "fit_high": 60}.items():
        group.variable(key, [entry], "fit")
    path = maker.finish()
    assert cli.main([str(path)]) == 0
    assert capsys.readouterr().err == ""
    page = (tmp_path / "report" / "report.html").read_text()
    assert '<b class="FAIL">20 untrusted</b>' in page
    assert not re.search("<b class=\"FAIL\">[0-9]* untrusted", _page_of_honest_fit(tmp_path / "honest"))


def _page_of_honest_fit(folder):
    maker = make_run.RunMaker(folder, "a fit", "spectrum")
    make_run.put_spectrum(maker, "/", np.arange(1, 101.0) ** -1.5, alpha=1.5, exponent=1.5, fit_low=5, fit_high=60)
    group = maker.group("fits").scale("fit", [1])
    for key, entry in {"alpha": 1.5, "exponent": 1.5, "fit_low": 5, "fit_high": 60}.items():
        group.variable(key, [entry], "fit")
    return write_report(fathom_report.open_run(maker.finish()), folder / "report").read_text()


def small(value, bound, state, n=None):
    import xarray as xr

    return xr.Dataset({"eigenvalue": ("mode", value), "error_bound": ("mode", bound), "state": ("mode", state)},
                      {"mode": np.arange(1, len(value) + 1)}, {"n": n or len(value)})


def test_counts_know_what_the_bounds_leave_open():
    data = small([1.0, 0.1, 0.01, 1e-9, -1e-9, 0.0], [1e-8] * 5 + [0.0], [1, 1, 1, 0, 0, 2])
    computed, low, high = measures.count_interval(data, np.array([0.5, 0.05, 1e-7, 5e-9]))
    np.testing.assert_array_equal(computed, [1, 2, 3, 3])
    np.testing.assert_array_equal(low, [1, 2, 3, 3])
    np.testing.assert_array_equal(high, [1, 2, 3, 5])
    np.testing.assert_array_equal(measures.count_above(data, np.array([0.5, 5e-9])), [1, np.nan])


def test_modes_that_were_not_computed_may_lie_above():
    data = small([1.0, 0.1], [1e-9, 1e-9], [1, 1], n=50)
    np.testing.assert_array_equal(measures.count_above(data, np.array([0.5, 0.11, 0.05])), [1, 1, np.nan])
    known, rest = measures.effective_dimension(data, np.array([1.0]))
    assert known[0] == pytest.approx(0.5 + 0.1 / 1.1) and rest[0] == pytest.approx(48 * 0.1 / 1.1)


def test_routes_that_contradict_each_other_are_an_alarm(tmp_path):
    path = make_deep.deep(tmp_path, 60)
    page = write_report(fathom_report.open_run(path), tmp_path / "honest").read_text()
    assert "One of the bounds is wrong" not in page
    with h5py.File(path, "r+") as file:  # planted: a bound that does not hold
        file["spectrum/eigenvalue"][4] *= 1.01
    page = write_report(fathom_report.open_run(path, verify=False), tmp_path / "planted").read_text()
    assert "1 of the modes that both routes trust differ between Gram and" in page and "One of the bounds is wrong" in page


def test_what_the_representation_lost_counts():
    data = small([1.0, 0.1], [1e-9, 1e-9], [1, 0])
    data.attrs["representation_error"] = 0.05
    np.testing.assert_allclose(measures.total_bound(data), 0.05 + 1e-9)
    assert measures.count_interval(data, np.array([0.12]))[2][0] == 2


def test_checks_of_a_replaced_route_are_shown_and_do_not_count(tmp_path):
    maker = make_run.RunMaker(tmp_path, "replaced", "spectrum")
    make_deep.put_deep(maker, "/", np.arange(1, 31.0) ** -10.0, 1, slope=False, route_note="bounds: graded & <tight>")
    make_run.put_quality(maker, "/")
    make_run.put_quality(maker, "/", 30.0, "gram_quality")
    page = write_report(fathom_report.open_run(maker.finish()), tmp_path / "report").read_text()
    assert page.count('<p class="soft">bounds: graded &amp; &lt;tight&gt;</p>') == 1
    assert "<td>replaced Gram route: probe residual</td>" in page and '<b class="WARN">WARN</b>' in page
    assert re.search(r'<td>cascade, 3 levels</td><td>elpa2</td><td><b class="PASS">PASS</b></td>', page)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value,state", [([0.0], 2), ([0.0, 0.0, 0.0], 0)])
def test_degenerate_spectra_have_a_page(tmp_path, capsys, value, state):
    """A zero factor: nothing but null modes, or untrusted zeros."""
    maker = make_run.RunMaker(tmp_path, "degenerate", "spectrum")
    for point in ("/sweep/0001", "/sweep/0002"):
        for name in ("spectrum", "gram_spectrum", "data_spectrum"):
            group = maker.group(f"{point}/{name}").scale("mode", np.arange(1, len(value) + 1))
            for key, data in (("eigenvalue", value), ("error_bound", [1e-16] * len(value)),
                              ("state", np.full(len(value), state, np.int8))):
                group.variable(key, data, "mode")
            group.attributes(route="cascade" if name == "spectrum" else "gram", levels=1)
        maker.group(point).attributes(**{"data.alpha": float(point[-1])})
    assert cli.main([str(maker.finish())]) == 0
    assert capsys.readouterr().err == ""
    page = (tmp_path / "report" / "report.html").read_text()
    assert {0: "6 untrusted", 2: "2 null by rank"}[state] in page


def test_a_partial_spectrum_says_so_beside_its_density(tmp_path):
    from fathom_report.figures import density, spectrum
    from fathom_report.sweep import configurations

    maker = make_run.RunMaker(tmp_path, "partial", "spectrum")
    value = np.arange(1, 201.0) ** -1.2
    make_run.put_spectrum(maker, "/", value[:20], slope=False, route="matrix_free")
    maker.group("spectrum").attributes(n=200)
    make_deep.put_density(maker, "/", value, 5, 1.2, probes=3, steps=8)
    run = fathom_report.open_run(maker.finish(), verify=False)
    figure = spectrum.spectrum(run, configurations(run)).figure
    assert "trusted modes (20 of 20 computed, n = 200)" in figure.axes[0].get_legend_handles_labels()[1]
    dense = density.counts(run, configurations(run)).table["dense"]
    at = run.density()["threshold"].values
    np.testing.assert_array_equal(np.isfinite(dense), at >= value[19])  # the rest was not computed
