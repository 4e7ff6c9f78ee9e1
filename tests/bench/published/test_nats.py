import numpy as np
import pytest

from archbo.bench.published.nats import read_nats
from archbo.errors import DataError

SEARCHED = [("cifar10-valid", "x-valid"), ("cifar100", "x-valid"), ("ImageNet16-120", "x-valid")]
TESTED = [("cifar10", "ori-test"), ("cifar100", "x-test"), ("ImageNet16-120", "x-test")]


def cells(formats, count=4, *, keys=("12", "200"), **options):
    """Texts and what is known of each; the last cell was trained with one seed only."""
    rng = np.random.default_rng(3)
    found = []
    for k in range(count):
        text = formats.cell_text(rng.integers(5, size=6))
        seeds = (777, 888, 999) if k < count - 1 else (888,)
        info = {
            key: formats.arch_results(k, text, epochs, rng, seeds=seeds, **options)
            for key, epochs in zip(keys, (12, 200), strict=True)
        }
        found.append((text, info))
    return found


def write(formats, tmp_path, form, found):
    """In one of the authors' forms."""
    if form == "folder":
        path = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
        formats.write_simple(path, found)
        return path
    content = {
        "meta_archs": [text for text, _ in found],
        "total_archs": len(found),
        "arch2infos": {k: info for k, (_, info) in enumerate(found)},
        "evaluated_indexes": set(range(len(found))),
    }
    path = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    formats.write_pickle(path, content)
    return path


def known(info, hp, at, value):
    """A number of each seed, by the structure that the authors describe."""
    dataset, measured_on = at
    state = info[hp]
    results = [state["all_results"][(dataset, seed)] for seed in state["dataset_seed"][dataset]]
    return [value(result, f"{measured_on}@{result['epochs'] - 1}") for result in results]


def accuracy(result, last):
    return result["eval_acc1es"][last]


@pytest.mark.parametrize("form", ["folder", "file"])
def test_both_forms_are_read_as_they_were_written(formats, tmp_path, form):
    found = cells(formats)
    table = read_nats(write(formats, tmp_path, form, found))
    names = table["op_names"].tolist()
    assert names == formats.OPS
    assert table["datasets"].tolist() == ["cifar10", "cifar100", "ImageNet16-120"]
    for k, (text, info) in enumerate(found):
        assert formats.cell_text(table["ops"][k]) == text
        for d in range(3):
            seeds = known(info, "200", SEARCHED[d], accuracy)
            np.testing.assert_allclose(table["val200_seeds"][k, d, : len(seeds)], seeds, rtol=1e-6)
            assert np.isnan(table["val200_seeds"][k, d, len(seeds) :]).all()
            for name, hp, at, value in [
                ("test200_mean", "200", TESTED[d], accuracy),
                ("val12", "12", SEARCHED[d], accuracy),
                ("test12", "12", TESTED[d], accuracy),
                (
                    "train_time200_s",
                    "200",
                    SEARCHED[d],
                    lambda r, _: sum(r["train_times"].values()),
                ),
                ("latency_s", "200", SEARCHED[d], lambda r, _: np.mean(r["latency"])),
            ]:
                wanted = np.mean(known(info, hp, at, value))
                np.testing.assert_allclose(table[name][k, d], wanted, rtol=1e-6, err_msg=name)


def test_counts_are_the_mean_of_equal_ones_and_of_others_those_of_the_seed_888(formats, tmp_path):
    found = cells(formats, 2)
    (_, equal), (_, single) = found
    for result in equal["200"]["all_results"].values():
        result["params"], result["flop"] = np.float64(0.8), 120.0
    equal["200"]["all_results"]["cifar100", 777]["flop"] = 7.0
    equal["200"]["all_results"]["cifar100", 888]["flop"] = 130.0
    table = read_nats(write(formats, tmp_path, "folder", found))
    np.testing.assert_allclose(table["params_M"][0], 0.8)
    np.testing.assert_allclose(table["flops_M"][0], [120, 130, 120])
    wanted = single["200"]["all_results"]["cifar100", 888]["params"]
    np.testing.assert_allclose(table["params_M"][1, 1], wanted, rtol=1e-6)


def test_the_older_file_is_read_with_its_gaps(formats, tmp_path):
    """Short trainings on one data set only, and of some nothing but the accuracy."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    found = cells(formats, 3, keys=("less", "full"), times=False, latency=False)
    for k, (text, info) in enumerate(found):
        datasets = ("cifar10-valid",)
        info["less"] = formats.arch_results(k, text, 12, rng, datasets=datasets)
    content = {
        "meta_archs": [text for text, _ in found],
        "arch2infos": {k: info for k, (_, info) in enumerate(found)},
        "evaluated_indexes": {0, 1, 2},
    }
    path = tmp_path / "NAS-Bench-201-v1_0-e61699.pth"
    torch.save(content, path, _use_new_zipfile_serialization=False)
    table = read_nats(path)
    info = found[1][1]
    wanted = known(info, "full", SEARCHED[1], accuracy)
    np.testing.assert_allclose(table["val200_seeds"][1, 1], wanted, rtol=1e-6)
    np.testing.assert_allclose(
        table["val12"][1, 0], np.mean(known(info, "less", SEARCHED[0], accuracy)), rtol=1e-6
    )
    for name in ("val12", "test12"):
        assert np.isnan(table[name][:, 1:]).all()
    assert np.isnan(table["train_time200_s"]).all()
    assert np.isnan(table["latency_s"]).all()


def test_a_file_that_is_missing_from_the_folder_is_named(formats, tmp_path):
    path = write(formats, tmp_path, "folder", cells(formats))
    (path / "000002.pickle.pbz2").unlink()
    with pytest.raises(DataError, match=r"there is no file of cell 2, 000002\.pickle.*each of 4"):
        read_nats(path)
    (path / "meta.pickle.pbz2").unlink()
    with pytest.raises(DataError, match=r"meta\.pickle\.pbz2: cannot be read: .*No such file"):
        read_nats(path)


def test_a_damaged_file_of_the_folder_is_named(formats, tmp_path):
    path = write(formats, tmp_path, "folder", cells(formats))
    damaged = path / "000001.pickle.pbz2"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"000001\.pickle\.pbz2: cannot be read"):
        read_nats(path)


def without(info, *keys):
    *way, last = keys
    for key in way:
        info = info[key]
    del info[last]


@pytest.mark.parametrize(
    "keys",
    [
        ("200",),
        ("12",),
        ("200", "all_results"),
        ("200", "dataset_seed"),
        ("200", "all_results", ("cifar100", 888)),
        ("200", "all_results", ("cifar10", 888), "eval_acc1es", "ori-test@199"),
        ("12", "all_results", ("cifar10-valid", 888), "epochs"),
        ("200", "all_results", ("cifar100", 888), "latency"),
    ],
    ids=str,
)
def test_what_is_not_as_the_authors_write_it_is_refused(formats, tmp_path, keys):
    found = cells(formats, 2)
    without(found[1][1], *keys)
    path = write(formats, tmp_path, "folder", found)
    wanted = r"000001\.pickle\.pbz2: is not as its authors' classes write it: .* \(tss\)"
    with pytest.raises(DataError, match=wanted):
        read_nats(path)


@pytest.mark.parametrize("info", [None, 3, ["12", "200"], {"12": None, "200": None}])
def test_a_pickle_of_something_else_is_refused(formats, tmp_path, info):
    path = write(formats, tmp_path, "folder", [(formats.cell_text([0] * 6), info)])
    with pytest.raises(DataError, match="is not as its authors' classes write it"):
        read_nats(path)


@pytest.mark.parametrize("meta", [[], {"archs": []}, {"meta_archs": None}])
def test_a_list_of_cells_that_is_none_is_refused(formats, tmp_path, meta):
    path = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    formats.write_pickle(path, meta)
    with pytest.raises(DataError, match=r"there is no 'meta_archs' in it.*\(tss\)"):
        read_nats(path)


def test_a_file_without_cells_is_refused(formats, tmp_path):
    with pytest.raises(DataError, match="there is no cell in it"):
        read_nats(write(formats, tmp_path, "file", []))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("8:64:16:32:8", "is no cell of four nodes.*not the sizes"),
        ("|none~0|+|none~0|none~1|", "is no cell of four nodes"),
        ("|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "is no cell of four nodes"),
        ("|none~0|+|none~0|none~1|+|none~0|skip~1|none~2|", "no operation 'skip'"),
    ],
)
def test_other_spaces_are_refused(formats, tmp_path, text, wrong):
    ((_, info),) = cells(formats, 1)
    with pytest.raises(DataError, match=wrong):
        read_nats(write(formats, tmp_path, "file", [(text, info)]))
