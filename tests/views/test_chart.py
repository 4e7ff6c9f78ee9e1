import re
from xml.etree import ElementTree

from archbo.views.axes import keys
from archbo.views.chart import Chart
from archbo.views.curves import curves_chart, curves_info
from archbo.views.figures import history_chart
from archbo.views.infos import history_info

SVG = "{http://www.w3.org/2000/svg}"


def drawn(shown):
    return history_chart(history_info(shown.records, shown.study), shown.study)


def test_figure_of_its_own_needs_nothing_from_anywhere(shown):
    svg = drawn(shown).svg("The search")
    assert set(re.findall(r"https?://[^\s\"'<]+", svg)) == {"http://www.w3.org/2000/svg"}
    for word in ("var(", "<script", "href=", "data-tip", "tabindex"):
        assert word not in svg


def test_figure_of_its_own_has_title_legend_and_words_of_each_mark(shown):
    root = ElementTree.fromstring(drawn(shown).svg("The <search>"))
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert "The <search>" in texts
    assert {"initial", "model", "user", "failed"} <= set(texts)
    titles = [t.text for t in root.iter(f"{SVG}title")]
    assert len(titles) == 23
    assert titles[0].startswith("Trial 0: accuracy")


def test_every_class_that_a_figure_uses_has_a_rule_for_light_and_for_dark(shown, climbed):
    charts = [
        drawn(shown),
        curves_chart(curves_info(climbed.records, climbed.study), climbed.study),
    ]
    for chart in charts:
        style, _, rest = chart.svg().partition("</style>")
        used = {c for names in re.findall(r'class="([^"]*)"', rest) for c in names.split()}
        light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
        for name in used - {"leader", "tick", "name", "on", "other", "finished"}:
            assert f".{name}" in light, name
            assert f".{name}" in dark, name


def test_long_legend_takes_more_rows_and_more_height():
    short, long = (
        ElementTree.fromstring(Chart("x", ("<path/>",), tuple(keys((), ["name"] * n))).svg())
        for n in (2, 30)
    )
    assert float(long.get("height")) > float(short.get("height"))
    places = {t.get("y") for t in long.iter(f"{SVG}text")}
    assert len(places) > 1


def test_chart_of_nothing_says_why_on_a_page_and_alone():
    nothing = Chart("No <trial> yet.")
    assert nothing.html == '<p class="nothing">No &lt;trial&gt; yet.</p>'
    assert "No &lt;trial&gt; yet." in nothing.svg()
