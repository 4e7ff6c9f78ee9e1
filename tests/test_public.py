"""What users may rely on: the names, what importing costs, and the programs that they write."""

import inspect
import subprocess
import sys

import pytest

import archbo as ab
from archbo.errors import ArchboError
from archbo.methods import Method

HEAVY = {"numpy", "scipy", "pandas", "sqlalchemy", "networkx", "torch"}
CLASSES = [name for name in ab.__all__ if inspect.isclass(getattr(ab, name))]


def run(program, **options):
    """What a program of its own prints, and how it ends."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, **options
    )


def test_all_is_what_is_exported():
    exported = [name for names in ab._HOMES.values() for name in names]
    assert sorted(ab.__all__) == sorted(exported)
    assert len(set(ab.__all__)) == len(ab.__all__)
    assert {*ab.__all__, "__version__", "torch"} == {*dir(ab), "torch"}


@pytest.mark.parametrize("name", ab.__all__)
def test_every_name_resolves_to_its_home(name):
    found = getattr(ab, name)
    if inspect.isclass(found):
        assert found.__module__.startswith(ab._HOME[name])


def test_the_names_for_editors_are_those_at_run_time():
    source = inspect.getsource(ab).partition("if TYPE_CHECKING:")[2].partition("_HOMES")[0]
    assert all(f"{name}," in source or f"{name}\n" in source for name in ab.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'archbo' has no attribute 'Spce'"):
        _ = ab.Spce


def test_importing_archbo_loads_nothing_heavy():
    done = run(f"import sys, archbo; print(sorted({HEAVY} & set(sys.modules)))")
    assert (done.returncode, done.stdout) == (0, "[]\n")


def test_a_search_in_memory_loads_neither_torch_nor_pandas_nor_a_database():
    done = run(
        "import sys, archbo as ab\n"
        "opt = ab.Optimizer(ab.Space(depth=ab.Int(1, 8)))\n"
        "opt.tell(opt.ask(), 1.0)\n"
        "print(sorted({'torch', 'pandas', 'sqlalchemy', 'networkx'} & set(sys.modules)))"
    )
    assert (done.returncode, done.stdout) == (0, "[]\n")


def test_without_torch_the_error_names_the_command_that_installs_it():
    done = run(
        "import sys\n"
        "sys.modules['torch'] = None\n"  # importing it is an ImportError now
        "import archbo as ab\n"
        "from archbo.errors import MissingExtraError\n"
        "try:\n    ab.torch.build\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    assert done.stdout == "archbo.torch needs PyTorch. pip install 'archbo[torch]'\n"


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_and_its_members_are_documented(name):
    kind = getattr(ab, name)
    assert inspect.getdoc(kind)
    for member, value in inspect.getmembers(kind):
        if member.startswith("_") or not (callable(value) or isinstance(value, property)):
            continue
        # what implements an interface has its docstring there
        interface = getattr(Method, member, None)
        assert inspect.getdoc(value) or inspect.getdoc(interface), f"{name}.{member}"


def test_every_function_of_the_torch_room_is_documented():
    torch = pytest.importorskip("archbo.torch")
    for name in torch.__all__:
        assert inspect.getdoc(getattr(torch, name)), name


def test_every_error_is_an_archbo_error_and_documented():
    kinds = [kind for _, kind in inspect.getmembers(sys.modules[ArchboError.__module__])
             if inspect.isclass(kind) and issubclass(kind, Exception)]  # fmt: skip
    for kind in kinds:
        assert kind.__doc__
        assert issubclass(kind, ArchboError) or kind is ab.Stopped


SEARCH = """
import archbo as ab

space = ab.Space(
    cell=ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]),
    channels=ab.Int(4, 32, log=True),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    lr=ab.Float(1e-4, 1e-1, log=True),
)

def train(arch: ab.Architecture, trial: ab.Trial) -> float:
    width = arch["head"]["width"] if "mlp" in arch["head"] else 0
    convolutions = sum(op.startswith("conv") for _, _, op in arch["cell"])
    quality = convolutions / 6 + arch["lr"] + width / 256 + arch["channels"] / 32
    accuracy = 0.0
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        accuracy = quality * epoch / trial.epochs
        trial.report(epoch, accuracy)
    return accuracy

if __name__ == "__main__":
    study = ab.Study("digits.db", space, maximize="accuracy", seed=0, epochs=3)
    study.run(train, trials=6, workers=2)
    print(study.best.architecture, study.best.value)
"""


def test_a_search_with_training_runs_and_is_resumed(tmp_path):
    program = tmp_path / "digits.py"
    program.write_text(SEARCH)

    def search():
        done = subprocess.run(
            [sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert search().startswith("Architecture(cell=[0→1 ")
    program.write_text(SEARCH.replace("trials=6", "trials=8"))
    search()
    settings = {"maximize": "accuracy", "seed": 0, "epochs": 3}
    scope = {"__name__": "digits"}
    exec(SEARCH, scope)
    with ab.Study(tmp_path / "digits.db", scope["space"], **settings) as study:
        assert [(t.state, len(t.reports)) for t in study.trials] == [(ab.State.FINISHED, 3)] * 8
        assert len({t.architecture_id for t in study.trials}) == 8


SPACE = ab.Space(
    cell=ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"]),
    depth=ab.Int(1, 4),
    lr=ab.Float(1e-4, 1e-1, log=True),
)


def goodness(arch):
    return arch["depth"] + sum(op == "conv" for _, _, op in arch["cell"]) - arch["lr"]


def test_ones_own_loop_asks_and_tells():
    opt = ab.Optimizer(SPACE, maximize="accuracy", seed=0)
    for _ in range(8):
        arch = opt.ask()
        opt.tell(arch, goodness(arch))
    batch = opt.ask(4)
    assert len({arch.id for arch in batch}) == 4
    opt.tell(batch[0], ab.FAILED)
    opt.tell(batch[1:], [goodness(arch) for arch in batch[1:]])
    architecture, value = opt.best
    assert value == goodness(architecture)
    mean, sd = opt.predict(batch)
    assert len(mean) == len(sd) == 4
    proposal = opt.propose()
    assert proposal.origin in ("model", "again")
    assert proposal.prediction is not None


def test_many_results_are_told_at_once():
    opt = ab.Optimizer(SPACE, minimize="loss", method="random")
    archs = [SPACE.sample(seed) for seed in range(200)]
    opt.tell(archs, [-goodness(arch) for arch in archs])
    assert opt.best.value == min(-goodness(arch) for arch in archs)


CELL = ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
NODES = ab.NodeCell(max_nodes=5, max_edges=6, ops=["conv", "pool"])
NET = ab.Grammar(
    start="net",
    rules={
        "net": ["seq(net, net)", "par(net, net)", "op"],
        "op": ["conv(kernel)", "pool"],
        "kernel": ["3", "5"],
    },
    max_depth=5,
)
HEAD = ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))})
VALUES = [
    (ab.Choice(["relu", "gelu"]), "gelu"),
    (HEAD, "linear"),
    (HEAD, {"mlp": {"width": 64}}),
    (ab.Int(1, 8), 3),
    (ab.Int(16, 512, log=True), 32),
    (ab.Float(1e-4, 1e-1, log=True), 0.01),
    (ab.Bool(), True),
    (ab.Space(act=ab.Choice(["relu"]), lr=ab.Float(0, 1)), {"act": "relu", "lr": 0.5}),
    (ab.Chain(ab.Choice(["conv", "pool"]), length=3), ["conv", "pool", "conv"]),
    (ab.Chain(ab.Space(width=ab.Int(1, 9)), length=(1, 3)), [{"width": 4}, {"width": 9}]),
    (CELL, [(0, 1, "conv"), (0, 2, "none"), (1, 2, "skip_connect")]),
    (NODES, {"ops": ["conv", "pool"], "edges": [(0, 1), (0, 2), (1, 3), (2, 3)]}),
    (NET, "seq(conv(3), par(pool, conv(5)))"),
]


@pytest.mark.parametrize(("space", "value"), VALUES, ids=lambda part: repr(part)[:40])
def test_every_kind_of_space_reads_its_plain_value_both_ways(space, value):
    arch = space.architecture(value)
    assert arch.value == value
    assert space.architecture(arch.to_dict()) == arch


def test_an_architecture_is_an_immutable_hashable_mapping_that_prints_in_a_line():
    arch = SPACE.sample(0)
    assert dict(arch) == arch.value
    assert {arch: 1}[SPACE.architecture(arch.value)] == 1
    assert "\n" not in repr(arch)
    assert arch.graph.labels[0] == "input"
    with pytest.raises(AttributeError, match="an architecture does not change"):
        arch.depth = 2
