import csv
import re
import shutil

import fathom_report
import h5py
import make_run
import numpy as np
import pytest
from fathom_report import cli
from fathom_report.figures.modes import trusted_line
from fathom_report.report import number_text, write_report
from fathom_report.sweep import configurations

KINDS = ("sweep", "single", "no_law", "digits", "noise_floor", "rank", "untrusted", "one_mode", "long", "many")


@pytest.fixture(scope="session")
def reports(runs, tmp_path_factory):
    """The report folder of every kind of run, made once."""
    root = tmp_path_factory.mktemp("reports")
    for kind in KINDS:
        write_report(fathom_report.open_run(runs[kind]), root / kind)
    return root


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(path, name, **where):
    rows = [r for r in table(path) if all(r[k] == str(v) for k, v in where.items())]
    return np.array([float(r[name]) for r in rows])


@pytest.mark.parametrize("kind", KINDS)
def test_every_plot_has_its_three_files(reports, kind):
    stems = {p.stem for p in (reports / kind).glob("*.png")}
    assert "spectrum" in stems
    for suffix in ("svg", "csv"):
        assert {p.stem for p in (reports / kind).glob(f"*.{suffix}")} == stems
    page = (reports / kind / "report.html").read_text()
    assert page.count("<img ") == len(stems)


def test_the_right_plots(reports):
    def names(kind):
        return {p.stem for p in (reports / kind).glob("*.png")}

    assert names("sweep") == {"spectrum", "ratio", "slope", "overlay", "timing", "memory"}
    assert names("digits") == {"spectrum", "slope", "overlay", "before_after", "targets", "targets_overlay",
                               "effective_dimension", "timing", "memory"}
    assert names("one_mode") == {"spectrum"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_stands_alone(reports, kind):
    page = (reports / kind / "report.html").read_text()
    for source in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert source.startswith("data:image/svg+xml;base64,")
    assert not re.search(r"https?://|url\(|@import|<script|<link", page)
    assert len(page) < 6_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_name_nothing_outside(reports, kind):
    for path in (reports / kind).glob("*.svg"):
        for target in re.findall(r'(?:xlink:)?href="([^"]*)"', path.read_text()):
            assert target.startswith(("#", "data:"))
        assert path.stat().st_size < 2_500_000


def test_text_is_escaped(reports):
    page = (reports / "single" / "report.html").read_text()
    assert "a &lt;b&gt;bold&lt;/b&gt; &amp; title" in page and "<b>bold" not in page


@pytest.mark.parametrize("kind,badge", [("sweep", "PASS"), ("noise_floor", "WARN"), ("untrusted", "FAIL")])
def test_the_badge_is_the_certificate(reports, kind, badge):
    page = (reports / kind / "report.html").read_text()
    assert f'<span class="badge {badge}">certificate {badge}</span>' in page
    assert ("failed its certificate" in page) == (badge == "FAIL")


def test_without_a_law_none_is_drawn_or_named(reports, tmp_path):
    folder = reports / "no_law"
    for name in ("spectrum", "ratio", "slope"):
        head = table(folder / f"{name}.csv")[0]
        assert not {"law", "law_ratio"} & head.keys()
    assert "comparator_ratio" in table(folder / "ratio.csv")[0]
    page = (folder / "report.html").read_text()
    assert "the theorem states no law" in page and "<td>relu</td>" in page and "decides nothing" in page
    assert "Dashed: −α" not in page and "Ratio to the law" not in page
    assert "minus the fitted exponent" in page
    bare = make_run.no_law(tmp_path / "run", ratio=False)  # nor a comparator
    write_report(fathom_report.open_run(bare), tmp_path / "report")
    assert not (tmp_path / "report" / "ratio.png").exists()


def test_checks_of_the_data_covariance_are_shown_and_count(tmp_path):
    maker = make_run.RunMaker(tmp_path, "in and out", "spectrum")
    make_run.put_spectrum(maker, "/", np.arange(1, 11.0) ** -1.0)
    make_run.put_quality(maker, "/")
    make_run.put_quality(maker, "/", 30.0, "data_quality")
    run = fathom_report.open_run(maker.finish())
    write_report(run, tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<td>probe residual</td>" in page and "<td>data covariance: probe residual</td>" in page
    assert '<b class="WARN">WARN</b>' in page


def test_spectrum_csv_equals_the_file(runs, reports):
    run = fathom_report.open_run(runs["sweep"])
    path = reports / "sweep" / "spectrum.csv"
    for point in (1, 5, 9):
        for name in ("eigenvalue", "error_bound", "law", "comparator"):
            np.testing.assert_array_equal(column(path, name, point=point), run.spectrum(point)[name].values)


def test_targets_csv_equals_the_file(runs, reports):
    power = fathom_report.open_run(runs["digits"]).targets(2)["power"].values
    np.testing.assert_array_equal(column(reports / "digits" / "targets.csv", "power", point=2), power.ravel())


def test_long_spectrum_is_thinned_in_the_picture_only(reports):
    assert len(table(reports / "long" / "spectrum.csv")) == 100_000
    assert (reports / "long" / "spectrum.svg").stat().st_size < 300_000


def test_counts_on_the_page(runs, reports):
    spectrum = fathom_report.open_run(runs["rank"]).spectrum()
    page = (reports / "rank" / "report.html").read_text()
    trusted = int((spectrum["state"] == 1).sum())
    assert trusted == 60
    assert f"<b>{trusted}</b> of 150 modes trusted, 90 null by rank" in page
    assert "90 are zero by rank and not drawn" in page


def test_untrusted_modes_are_never_in_the_trusted_line(runs):
    spectrum = fathom_report.open_run(runs["noise_floor"]).spectrum()
    mode, _ = trusted_line(spectrum, "eigenvalue")
    drawn = mode[np.isfinite(mode)].astype(int)
    state = spectrum["state"].values
    assert (state[drawn - 1] == 1).all() and drawn.max() == (state == 1).sum()


def test_planted_noise_marked_trusted_changes_the_picture(runs, reports, tmp_path):
    """The same spectrum with its noise marked trusted: another line, other words. So the test above can fail."""
    path = tmp_path / "run.h5"
    shutil.copy(runs["noise_floor"], path)
    with h5py.File(path, "r+") as file:
        state = file["spectrum/state"]
        state[...] = np.where(file["spectrum/eigenvalue"][()] > 0, 1, 0)
    run = fathom_report.open_run(path, verify=False)
    mode, _ = trusted_line(run.spectrum(), "eigenvalue")
    honest, _ = trusted_line(fathom_report.open_run(runs["noise_floor"]).spectrum(), "eigenvalue")
    assert np.nanmax(mode) > np.nanmax(honest)
    write_report(run, tmp_path / "report")
    assert (tmp_path / "report/spectrum.svg").read_text() != (reports / "noise_floor/spectrum.svg").read_text()


def test_reports_are_reproducible(runs, reports, tmp_path):
    write_report(fathom_report.open_run(runs["single"]), tmp_path)
    assert (tmp_path / "report.html").read_text() == (reports / "single" / "report.html").read_text()


def test_a_gap_is_not_joined(tmp_path):
    maker = make_run.RunMaker(tmp_path, "gap", "spectrum")
    value = np.arange(1, 11.0) ** -1.0
    bound = np.full(10, 1e-9)
    bound[4:6] = 1.0  # modes 5 and 6 are untrusted
    make_run.put_spectrum(maker, "/", value, bound=bound)
    mode, drawn = trusted_line(fathom_report.open_run(maker.finish()).spectrum(), "eigenvalue")
    np.testing.assert_array_equal(mode, [1, 2, 3, 4, np.nan, 7, 8, 9, 10])
    assert np.isnan(drawn[4])


def test_seeds_make_one_configuration(runs):
    items = configurations(fathom_report.open_run(runs["sweep"]))
    assert [c.label for c in items] == ["p = 1", "p = 2", "p = 3"]
    assert [c.points for c in items] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert len({c.colour for c in items}) == 3


def test_overlay_is_the_geometric_mean_of_seeds(runs, reports):
    run = fathom_report.open_run(runs["sweep"])
    relative = [run.spectrum(p)["eigenvalue"].values / run.spectrum(p)["eigenvalue"].values[0] for p in (4, 5, 6)]
    found = column(reports / "sweep" / "overlay.csv", "relative_mean", configuration="p = 2")
    np.testing.assert_allclose(found, np.exp(np.mean(np.log(relative), axis=0)), rtol=1e-12)


def test_command_line(runs, tmp_path, capsys):
    assert cli.main([str(runs["single"]), "-o", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / "report.html").is_file()
    assert str(tmp_path / "one" / "report.html") in capsys.readouterr().out
    both = [str(runs["one_mode"]), str(tmp_path / "missing"), str(runs["untrusted"]), "-o", str(tmp_path / "all")]
    assert cli.main(both) == 66  # the missing one; the others are written all the same
    assert (tmp_path / "all/one_mode/report.html").is_file() and (tmp_path / "all/untrusted/report.html").is_file()
    with pytest.raises(SystemExit) as caught:
        cli.main([])
    assert caught.value.code == 64


def test_a_folder_that_cannot_be_written(runs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert cli.main([str(runs["one_mode"]), "-o", str(tmp_path / "file")]) == 74


@pytest.mark.parametrize("value,text", [(None, "–"), (float("nan"), "–"), (1.49231, "1.492"), (-3, "−3"),
                                        (4096, "4096"), (1.5e-14, "1.5e−14"), (True, "yes"), ("x", "x")])
def test_numbers_in_tables(value, text):
    assert number_text(value) == text
