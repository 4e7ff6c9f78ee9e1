import re
from html.parser import HTMLParser

from archbo.spaces import Choice, EdgeCell, Float, Int, Space
from archbo.views.compare import compare

SPACE = Space(
    cell=EdgeCell(nodes=3, ops=["none", "conv", "pool"]),
    head=Choice({"linear": None, "mlp": Space(width=Int(4, 64))}),
    lr=Float(0.001, 0.1),
)
A = SPACE.architecture(
    {"cell": [(0, 1, "conv"), (0, 2, "pool"), (1, 2, "conv")], "head": "linear", "lr": 0.01}
)
B = SPACE.architecture(
    {
        "cell": [(0, 1, "conv"), (0, 2, "conv"), (1, 2, "conv")],
        "head": {"mlp": {"width": 8}},
        "lr": 0.01,
    }
)


def rows(html):
    return [
        re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", html.partition("<tbody>")[2])
    ]


def test_what_differs_is_counted_marked_and_listed():
    html = compare(A, B, ("one", "other"))
    assert "They differ in 1 operation and 2 settings." in html
    assert html.count('class="differs"') == 2  # on either side
    assert rows(html) == [["head", "linear", "mlp"], ["head.mlp.width", "-", "8"]]


def test_an_architecture_beside_itself_is_the_same():
    html = compare(A, A)
    assert "They are the same." in html
    assert 'class="differs"' not in html
    assert "<table" not in html


def test_names_and_operations_are_no_markup():
    space = Space(op=EdgeCell(nodes=2, ops=["<b>", "<i>"]), lr=Choice(["<u>", "<s>"]))
    one, other = (
        space.architecture({"op": [(0, 1, op)], "lr": lr})
        for op, lr in (("<b>", "<u>"), ("<i>", "<s>"))
    )
    found = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.add(tag)
    parser.feed(compare(one, other, ("<em>", "<strong>")))
    assert not found & {"b", "i", "u", "s", "em", "strong"}


def test_architectures_of_different_spaces_are_compared_too():
    other = Space(width=Int(1, 9)).architecture({"width": 3})
    assert ["width", "-", "3"] in rows(compare(A, other))
