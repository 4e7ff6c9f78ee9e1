import sys
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

import archbo as ab
from archbo.errors import ArchboError, MissingExtraError, StoreError
from archbo.views.plots import Plots, importance_chart

NAMES = ("history", "curves", "calibration", "map", "importance")


class Share(NamedTuple):
    name: str
    value: float
    sd: float


@pytest.fixture
def plots(shown):
    return Plots(lambda: shown.records, shown.settings, "digits", lambda: [Share("lr", 0.4, 0.1)])


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_an_svg_that_a_notebook_shows(plots, name):
    figure = getattr(plots, name)()
    ElementTree.fromstring(figure.svg)
    assert figure._repr_svg_() == figure._repr_html_() == figure.svg
    assert "digits" in figure.svg
    assert repr(figure) == f"<Figure: {figure.label}>"


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_study_without_trials_say_so(shown, name):
    figure = getattr(Plots(list, shown.settings, "new"), name)()
    assert any(word in figure.label for word in ("No ", "not known"))
    ElementTree.fromstring(figure.svg)


def test_study_has_its_figures(tmp_path):
    space = ab.Space(width=ab.Int(1, 9))
    with ab.Study(tmp_path / "small.db", space, maximize="score", method="random") as study:
        study.run(lambda arch, trial: float(arch["width"]), trials=4)
        assert "of 4 finished trials" in study.plot.history().label
        assert "The search: small" in study.plot.history().svg


def test_figure_is_saved_as_svg_and_as_an_image(plots, tmp_path):
    pytest.importorskip("cairosvg", reason="needs CairoSVG", exc_type=(ImportError, OSError))
    figure = plots.history()
    assert figure.save(tmp_path / "a.svg").read_text(encoding="utf-8") == figure.svg
    image = figure.save(tmp_path / "a.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    width, height = (int.from_bytes(image[at : at + 4], "big") for at in (16, 20))
    root = ElementTree.fromstring(figure.svg)
    assert (width, height) == (2 * float(root.get("width")), 2 * float(root.get("height")))


def test_image_without_what_draws_it_says_what_to_install(plots, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cairosvg", None)
    with pytest.raises(MissingExtraError, match=r"needs CairoSVG.*archbo\[png\]"):
        plots.history().save(tmp_path / "a.png")


def test_figure_of_another_kind_is_refused(plots, tmp_path):
    with pytest.raises(ArchboError, match=r"ends \.svg or \.png, got 'a\.pdf'"):
        plots.history().save(tmp_path / "a.pdf")


def test_figure_that_cannot_be_written_says_where(plots, tmp_path):
    with pytest.raises(StoreError, match=r"no.folder.*cannot write it"):
        plots.history().save(tmp_path / "no" / "folder" / "a.svg")


def test_importance_shows_the_largest_shares_first(study):
    shares = [Share(f"space.part_{i}.with_a_long_name", i / 100, 0.01) for i in range(20)]
    chart = importance_chart(shares, study)
    drawn = "".join(chart.elements)
    assert drawn.count("<g ") == 12
    assert drawn.index("19.0% ± 1.0%") < drawn.index("18.0% ± 1.0%")
    assert "part_7." not in drawn
