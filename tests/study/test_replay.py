import importlib.util
import sys
from pathlib import Path

import pytest

import archbo as ab
from archbo.errors import ProgramError, StoreError
from archbo.study.program import execute
from archbo.study.replay import replay

PROGRAM = Path(__file__).with_name("programs.py")
spec = importlib.util.spec_from_file_location("replay_programs", PROGRAM)
programs = importlib.util.module_from_spec(spec)
sys.modules["replay_programs"] = programs
spec.loader.exec_module(programs)


@pytest.mark.parametrize("method", ["bo", "random", "evolution"])
def test_every_proposal_comes_out_again(tmp_path, method):
    file = str(tmp_path / "s.db")
    with programs.make(file, method=method) as study:
        study.run(programs.train, trials=12)
    result = replay(file)
    assert len(result.proposals) == 12
    assert result.same


def test_proposals_made_beside_running_trials_come_out_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(PROGRAM.parent))
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    import programs as importable

    file = str(tmp_path / "s.db")
    with importable.make(file) as study:
        study.run(importable.train, trials=14, workers=3)
    assert replay(file).same


def test_a_changed_history_makes_a_difference(tmp_path):
    file = str(tmp_path / "s.db")
    with programs.make(file) as study:
        study.run(lambda arch, trial: float(trial.number), trials=12)
        with study._database._database.writing() as connection:
            connection.exec_driver_sql("update trials set value = -value where number = 3")
    result = replay(file)
    assert not result.same
    first = next(proposal for proposal in result.proposals if not proposal.same)
    assert first.number > 3
    assert first.stored != first.proposed


def test_a_study_with_functions_needs_its_program(tmp_path):
    file = str(tmp_path / "s.db")
    with programs.make(file, constrained=True) as study:
        study.run(programs.train, trials=8)
    with pytest.raises(ProgramError, match="Name it: archbo replay STORE --program PROGRAM"):
        replay(file, tmp_path / "nowhere.py")
    program = tmp_path / "program.py"
    program.write_text(
        PROGRAM.read_text().replace("sys.argv[1]", repr(file)).replace("sys.argv[2]", "'bo'")
        .replace("\"constrained\" in sys.argv", "True").replace("int(sys.argv[3])", "8")
    )  # fmt: skip
    assert replay(file, program).same
    with programs.make(file, constrained=True) as study:
        assert len(study.trials) == 8


def test_a_study_with_a_part_of_its_own_needs_its_program(tmp_path):
    file = tmp_path / "s.db"
    program = tmp_path / "program.py"
    program.write_text(
        "import archbo as ab\n"
        "class Mine(ab.Bool):\n"
        "    def to_dict(self):\n"
        "        return {'kind': 'Mine'}\n"
        f"study = ab.Study({str(file)!r}, ab.Space(a=Mine(), b=ab.Int(1, 9)), method='random')\n"
        "study.run(lambda arch, trial: arch['b'], trials=4)\n"
    )
    assert execute(program) == 0
    assert replay(file).same
    program.rename(tmp_path / "elsewhere.py")
    with pytest.raises(ProgramError, match="a method or parts of its own"):
        replay(file)


def test_a_program_without_this_study_is_refused(tmp_path):
    file = str(tmp_path / "s.db")
    programs.make(file, constrained=True).close()
    program = tmp_path / "other.py"
    program.write_text("print('no study')")
    with pytest.raises(ProgramError, match="no study that this program runs has the settings"):
        replay(file, program)


def test_a_store_that_was_moved_is_replayed_by_its_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(
        "import archbo as ab\n"
        "for seed in (0, 1):\n"
        "    study = ab.Study(f's{seed}.db', ab.Space(x=ab.Int(1, 50)), seed=seed,\n"
        "                     features={'x': lambda a: a['x']}, constraints={'x': '<= 30'})\n"
        "    study.run(lambda arch, trial: arch['x'], trials=7)\n"
        "    print(study.best.value)\n"
        "    study.close()\n"
    )
    assert execute(program) == 0
    (tmp_path / "s1.db").rename("moved.db")
    assert replay("moved.db").same
    changed = tmp_path / "changed.py"
    changed.write_text(program.read_text().replace("<= 30", "<= 20").replace("f's{", "f't{"))
    with pytest.raises(ProgramError, match=r"has the settings of the one in moved\.db"):
        replay("moved.db", changed)


def test_a_missing_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"nothing\.db"):
        replay(tmp_path / "nothing.db")


def test_what_the_user_gave_is_not_proposed_again(tmp_path):
    from archbo.store import NewTrial

    file = str(tmp_path / "s.db")
    with programs.make(file, method="random") as study:
        study.store.add_trial(NewTrial(ab.Proposal(programs.SPACE.sample(1), "user"), value=1.0))
        study.run(programs.train, trials=4)
    result = replay(file)
    assert result.same
    assert result.proposals[0].note == "given by the user"
