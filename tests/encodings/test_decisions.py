import archbo as ab
from archbo.encodings.decisions import alike, categorical_columns, numeric_columns, one_hot

SPACE = ab.Space(
    act=ab.Choice(["relu", "gelu", "tanh"]),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    fixed=ab.Choice(["only"]),
)


def rows(value):
    return SPACE.architecture(value | {"fixed": "only"}).rows


def test_options_and_numbers_that_can_differ_are_told_apart():
    space = SPACE.compiled
    names = [decision.path for decision in space.decisions]
    assert [names[d] for d in categorical_columns(space)] == ["space.act", "space.head"]
    assert [names[d] for d in numeric_columns(space)] == ["space.head.mlp.width"]


def test_one_hot_has_a_column_for_each_option_and_one_for_each_number():
    found = one_hot(SPACE.compiled, rows({"act": "tanh", "head": {"mlp": {"width": 256}}}))
    assert found.tolist() == [[0, 0, 1, 0, 1, 1]]
    assert one_hot(SPACE.compiled, rows({"act": "relu", "head": "linear"})).tolist() == [
        [1, 0, 0, 1, 0, 0]
    ]


def test_decisions_of_equal_parts_with_as_many_options_are_alike():
    cell = ab.EdgeCell(nodes=3, ops=["none", "conv"])
    space = ab.Space(
        one=cell,
        body=ab.Chain(ab.Choice(["a", "b"]), length=2),
        two=cell,
        other=ab.Choice(["x", "y"]),
        flag=ab.Choice(["a", "b"]),
    ).compiled
    columns = categorical_columns(space)
    groups: dict[int, set[str]] = {}
    for d, group in zip(columns, alike(space, columns), strict=True):
        groups.setdefault(group, set()).add(space.decisions[d].path.split(".")[1].split("[")[0])
    assert sorted(map(sorted, groups.values())) == [["body", "flag"], ["one", "two"], ["other"]]
    assert list(groups) == [0, 1, 2]
