"""No picture shows an untrusted mode as trusted; and this is a test that can fail."""

import fathom_report
import make_deep
import make_run
import matplotlib.pyplot as plt
import numpy as np
import pytest
from audit import density_offences, offences
from fathom_report.figures import density, law, modes, overlay, routes, spectrum
from fathom_report.routes import routes_of
from fathom_report.sweep import configurations

KINDS = ("noise_floor", "rank", "untrusted", "deep", "deep_sweep", "sweep", "with_law")
RATIOS = ("law_ratio", "comparator_ratio")


@pytest.fixture(scope="module")
def opened(runs, tmp_path_factory):
    maker = make_run.RunMaker(tmp_path_factory.mktemp("with_law"), "Law and noise", "random_features")
    value = np.linalg.eigvalsh(make_deep.power_law_matrix(np.arange(1, 161.0) ** -8.0, 1))[::-1]
    make_run.put_spectrum(maker, "/", value, extra=make_run.law_extras(value, 1, 8.0, 200), alpha=8.0, degree=1,
                          exponent=8.0, fit_low=1, fit_high=30)
    path = maker.finish()
    return {kind: fathom_report.open_run(path if kind == "with_law" else runs[kind], verify=False) for kind in KINDS}


def figure_of(run, function):
    plot = function(run, configurations(run))
    if plot is not None:
        plt.close(plot.figure)
    return None if plot is None else plot.figure


def every_route(run):
    return [r.data for p in range(1, run.point_count + 1) for r in routes_of(run, p)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_untrusted_mode_is_drawn_as_trusted(opened, kind):
    run = opened[kind]
    for function in (spectrum.spectrum, routes.route_plot):
        figure = figure_of(run, function)
        assert figure is None or not offences(figure, every_route(run), "eigenvalue")
    finals = [run.spectrum(p) for p in range(1, run.point_count + 1)]
    for function, names in ((law.ratio, RATIOS), (law.slope, ("local_slope",))):
        figure = figure_of(run, function)
        if figure is not None:
            # the window of the theorem is shaded from mode 1/2 on: no band over modes
            bands = [b for ax in figure.axes for b in list(ax.collections)]
            assert not bands and not offences(figure, finals, *names)


def test_the_audit_sees_all_states(opened):
    """The runs above hold what the audit looks for: noise of both signs, deep and Gram, and null modes."""
    gram, deep = routes_of(opened["deep"], 1)
    assert (gram.name, deep.name, deep.levels) == ("gram", "cascade", 3)
    value, state = gram.data["eigenvalue"].values, gram.data["state"].values
    assert ((state == 0) & (value < 0)).sum() > 50 and ((state == 0) & (value > 0)).sum() > 50
    assert gram.count(1) < 30 < 400 < deep.count(1) < 700
    assert routes_of(opened["deep_sweep"], 3)[-1].count(2) == 50


@pytest.mark.parametrize("kind,function,variables", [
    ("deep", routes.route_plot, ("eigenvalue",)), ("deep", spectrum.spectrum, ("eigenvalue",)),
    ("noise_floor", spectrum.spectrum, ("eigenvalue",)), ("with_law", law.ratio, RATIOS)])
def test_planted_untrusted_modes_in_a_line_are_caught(opened, monkeypatch, kind, function, variables):
    run = opened[kind]

    def all_modes(data, variable, positive=True):
        value = np.abs(np.asarray(data[variable].values, float))
        return data["mode"].values.astype(float), np.where(value > 0, value, np.nan)

    for module in (spectrum, routes, law):
        monkeypatch.setattr(module, "trusted_line", all_modes)
    found = offences(figure_of(run, function), every_route(run), *variables)
    assert len(found) > 20


def test_planted_filled_and_joined_marks_are_caught(opened, monkeypatch):
    def joined(axes, data, *arguments, **options):
        axes.plot(data["mode"].values, np.abs(data["eigenvalue"].values), "-o", gid=modes.UNTRUSTED_GID)

    monkeypatch.setattr(routes, "draw_untrusted", joined)
    found = offences(figure_of(opened["deep"], routes.route_plot), every_route(opened["deep"]), "eigenvalue")
    assert any("joined or filled" in f for f in found) and any("mode 1" in f for f in found)


def test_planted_band_over_noise_is_caught(opened):
    figure, axes = plt.subplots()
    data = opened["noise_floor"].spectrum()
    axes.fill_between(data["mode"].values, 0.5, 1.0)
    plt.close(figure)
    assert len(offences(figure, [data], "eigenvalue")) > 100


def test_the_overlay_ends_where_trust_ends(tmp_path):
    """Also where thinning skips the one untrusted mode between two that are drawn."""
    maker = make_run.RunMaker(tmp_path, "gap", "spectrum")
    value = np.arange(1, 5001.0) ** -1.0
    bound = np.full(5000, 1e-9)
    bound[4900] = 1.0
    for point in ("/sweep/0001", "/sweep/0002"):
        make_run.put_spectrum(maker, point, value, bound=bound, extra={"local_slope": np.full(5000, -1.0)})
        maker.group(point).attributes(**{"data.alpha": float(point[-1])})
    run = fathom_report.open_run(maker.finish(), verify=False)
    for line in figure_of(run, overlay.overlay).axes[0].lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        gap = np.flatnonzero(~np.isfinite(x))
        assert gap.size == 1 and x[gap[0] - 1] == 4900 and x[gap[0] + 1] == 4902 and np.isnan(y[gap[0]])


def test_densities_below_the_floor_are_not_drawn_as_trusted(runs, monkeypatch):
    run = fathom_report.open_run(runs["density_noise"], verify=False)
    data = run.density()
    floor = np.sqrt(300) * 2.0**-53 * float(data["node"].max())
    functions = (density.counts, density.dimensions, density.nodes)
    assert not [f for function in functions for f in density_offences(figure_of(run, function), floor)]
    monkeypatch.setattr(density, "rounding_floor", lambda _: 0.0)
    for function in functions:  # planted: a report that believes everything
        assert density_offences(figure_of(run, function), floor)
