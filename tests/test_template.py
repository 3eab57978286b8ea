"""Templates: what they say is what a sheet looks like, and every mistake is told with its line."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import experiment_sheet as es
from experiment_sheet import template
from experiment_sheet.cli import main
from experiment_sheet.columns import FRONT, PROVENANCE, Column
from experiment_sheet.errors import UsageError
from experiment_sheet.look import DEFAULT
from experiment_sheet.number_formats import problem
from experiment_sheet.testing import check_workbook
from experiment_sheet.toml_places import places

ROOT = Path(__file__).parents[1]
NAMES = ["default", "classification", "kaggle", "paper"]


def mistakes(text: str) -> dict[int, str]:
    """What is wrong in a template, by line."""
    return {mistake.line: mistake.message for mistake in template.parse(text)[1]}


def test_four_templates_are_shipped() -> None:
    """Each of them is sound, and says in a line what it is for."""
    assert template.names() == NAMES
    for name in NAMES:
        path = template.path_of(name)
        assert template.read(path)[1] == []
        assert template.description(path)


def test_default_template_is_what_a_sheet_looks_like_without_one() -> None:
    """The readable file says the same as the value that is used where none is named; neither is changed alone."""
    look, _ = template.read(template.path_of("default"))
    assert look == DEFAULT


@pytest.mark.parametrize("name", NAMES)
def test_template_makes_a_sound_workbook(name: str) -> None:
    """A sheet of each template breaks no rule, and logging into it adds nothing that is there already."""
    look, _ = template.read(template.path_of(name))
    es.Sheet("runs.xlsx", template=name).log_run({"model": "mlp", "val_acc": 0.9, "cv_score": 0.9, "test_acc": 0.8})
    assert check_workbook("runs.xlsx") == []
    sheet = openpyxl.load_workbook("runs.xlsx").worksheets[0]
    headers = [cell.value for cell in sheet[1]]
    assert headers[: len(look.columns)] == [look.of(column).label or column.key for column in look.columns]
    assert len(headers) == len(set(headers))


def test_columns_of_a_template() -> None:
    """Order, label, width, format, dropdown, help and colours come out as they were said."""
    Path("mine.toml").write_text(
        '[words]\ngood = "123ABC"\n'
        '[[column]]\nrole = "output"\nkey = "f1"\nlabel = "F1 (macro)"\nwidth = 17\nformat = "0.00%"\n'
        'help = "of the test set"\nscale = ["FF0000", "FFFF00", "00FF00"]\n'
        '[[column]]\nrole = "people"\nkey = "seen by"\nchoices = ["good", "bad"]\ncolor = "people"\n'
        '[[column]]\nrole = "run"\nkey = "run"\n',
        encoding="utf-8",
    )
    es.Sheet("runs.xlsx", template="mine.toml").log_run({"f1": 0.5})
    sheet = openpyxl.load_workbook("runs.xlsx").worksheets[0]
    assert [cell.value for cell in sheet[1]][:3] == ["F1 (macro)", "seen by", "run"]
    assert (sheet.column_dimensions["A"].width, sheet["A2"].number_format, sheet["A2"].value) == (17, "0.00%", 0.5)
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules["B2:B1048576"].formula1 == '"good,bad"'
    assert rules["A1"].prompt == "of the test set"
    colors = [rule for ranges in sheet.conditional_formatting for rule in ranges.rules if rule.type == "colorScale"]
    assert [color.rgb for color in colors[0].colorScale.color] == ["FFFF0000", "FFFFFF00", "FF00FF00"]
    assert es.Sheet("runs.xlsx").read()["f1"].tolist() == [0.5]  # by key, whatever the header


def test_columns_of_the_run_are_always_there() -> None:
    """Those of the run's own that a template doesn't list stand behind the listed ones, folded away."""
    look, wrong = template.parse('[[column]]\nrole = "output"\nkey = "f1"\n')
    assert wrong == []
    assert {column.key for column in look.columns} == {"f1", *FRONT, *PROVENANCE}
    assert look.columns[0] == Column("output", "f1")
    assert all(look.of(column).collapsed for column in look.columns[1:])


def test_an_empty_template_is_the_default() -> None:
    """What isn't said is as in the default template."""
    assert template.parse("") == (DEFAULT, [])


WRONG = {
    "widht = 3": "did you mean",
    "width = 0": "number of characters",
    'format = "0.0 pct"': "no number format",
    'goal = "up"': '"max", "min"',
    'choices = ["a,b"]': "comma",
    'choices = ["a", "A"]': "twice",
    'color = "reddish"': "hexadecimal",
    'scale = ["FFFFFF"]': "two or three",
    'folded = "yes"': "true or false",
    "label = 3": "text in quotation marks",
    f'help = "{"x" * 256}"': "255",
}


@pytest.mark.parametrize(("line", "said"), WRONG.items())
def test_mistake_in_a_column_is_told_with_its_line(line: str, said: str) -> None:
    """Unknown keys and values that can't be meant are found where they stand."""
    found = mistakes(f'# mine\n[[column]]\nrole = "output"\nkey = "f1"\n{line}\n')
    assert said in found.pop(5)
    assert found == {}


def test_every_mistake_is_told_at_once() -> None:
    """A person mends a template in one go, whatever stands between the mistakes."""
    text = (
        'tab = "a/b"\nnonsense = 1\n'
        '[[column]]\nrole = "outptu"\nkey = "f1"\n'
        '[[column]]\nrole = "output"\nkey = "acc"\nchoices = [\n  "a",\n  "b",  # [\n]\nhelp = """\n[[column]]\n"""\n'
        '[[column]]\nrole = "output"\nkey = "acc"\n'
        '[[column]]\nrole = "input"\nkey = "lr"\nlabel = "ACC"\n'
        '[[column]]\nrole = "run"\nkey = "stauts"\n'
        '[[column]]\nrole = "input"\nkey = "notes"\n'
        '[[column]]\nkey = "x"\n'
        '[overview]\nshow = ["chrt"]\ndays = 0\n'
    )
    found = mistakes(text)
    assert list(found) == [1, 2, 4, 18, 22, 25, 27, 29, 32, 33]
    assert "'output'" in found[4]
    assert "second time" in found[18]
    assert "that of the column in line 6" in found[22]
    assert "'status'" in found[25]
    assert 'role = "run"' in found[27]
    assert "no role" in found[29]
    assert "'chart'" in found[32]


@pytest.mark.parametrize("text", ["tab = ", "[[column]\n", "a = 1\na = 2\n", 'tab = "x'])
def test_text_that_is_no_toml(text: str) -> None:
    """A slip of syntax has a line, too."""
    ((line, message),) = mistakes(text).items()
    assert 1 <= line <= 2
    assert "no TOML" in message


def test_check_names_file_and_line() -> None:
    """``template check`` prints each mistake as file, line and reason, and exits with 1; a sound file with 0."""
    Path("mine.toml").write_text('[[column]]\nrole = "output"\nkey = "f1"\nwidht = 3\n', encoding="utf-8")
    done = CliRunner().invoke(main, ["template", "check", "mine.toml"])
    assert done.exit_code == 1
    assert done.output == "mine.toml, line 4: the key 'widht' is unknown; did you mean 'width'?\n"
    assert CliRunner().invoke(main, ["template", "check", str(template.path_of("paper"))]).exit_code == 0


def test_list_and_show() -> None:
    """Templates can be listed; a shown one is the file, and sound when it is used."""
    listed = CliRunner().invoke(main, ["template", "list"]).output
    assert [line.split()[0] for line in listed.splitlines()] == NAMES
    shown = CliRunner().invoke(main, ["template", "show", "kaggle"]).output
    assert template.parse(shown)[1] == []
    assert CliRunner().invoke(main, ["template", "show", "kagle"]).exit_code == 2


def test_wrong_template_is_an_error_of_the_call() -> None:
    """It is raised before anything is made: for an unknown name, a file with mistakes, one that is gone."""
    with pytest.raises(UsageError, match="did you mean 'kaggle'"):
        es.init("runs.xlsx", template="kagle")
    Path("mine.toml").write_text("x = 1", encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml, line 1"):
        es.Sheet("runs.xlsx", template=Path("mine.toml"))
    with pytest.raises(UsageError, match="is not there"):
        es.Sheet("runs.xlsx", template="gone.toml")
    with pytest.raises(UsageError, match="a name or a path"):
        es.Sheet("runs.xlsx", template=3)  # type: ignore[arg-type]
    assert not Path("runs.xlsx").exists()


def test_init_takes_a_template() -> None:
    """A run's first row makes the sheet as its template says; results go where the template has them."""
    with es.init("runs.xlsx", config={"model": "mlp"}, template="paper") as run:
        run.log({"test_acc": 0.5})
    sheet = openpyxl.load_workbook("runs.xlsx").worksheets[0]
    assert sheet.title == "ablations"
    assert sheet["G1"].value == "test acc"
    assert sheet["G2"].value == 0.5


def test_template_that_is_named_later_counts() -> None:
    """A sheet object that was made before, without a template, doesn't keep the template from counting."""
    es.Sheet("runs.xlsx")
    es.Sheet("runs.xlsx", template="kaggle").log_run({"cv_std": 0.1})
    assert openpyxl.load_workbook("runs.xlsx").sheetnames == ["submissions", "Overview"]
    assert es.Sheet("runs.xlsx").columns()["cv_std"] == "output"  # as the template says, not as its name


@pytest.mark.parametrize("target", ["runs.csv", "memory://template"])
def test_other_formats_have_the_columns(target: str) -> None:
    """A format without looks has a template's columns, with their keys as headers."""
    sheet = es.Sheet(target, template="kaggle")
    run = sheet.log_run({"cv_score": 0.5})
    sheet.update(run, {"public LB": 0.4})
    frame = sheet.read()
    assert list(frame.columns[:4]) == ["run", "status", "cv_score", "cv_std"]
    assert frame.loc[run, "public LB"] == 0.4


FORMATS = {
    "0.0000": True,
    "#,##0.00;[Red]-#,##0.00": True,
    "[h]:mm:ss": True,
    "yyyy-mm-dd hh:mm": True,
    '0.0 "pct"': True,
    "[>=1000]0.00E+00;0.000": True,
    "0%": True,
    "General": True,
    "0.0 pct": False,
    '0.0 "pct': False,
    "[h:mm": False,
    "[purple]0": False,
    "0;0;0;0;0": False,
    "yyyy 0": False,
    "  ": False,
}


@pytest.mark.parametrize(("code", "sound"), FORMATS.items())
def test_number_formats_are_checked(code: str, sound: bool) -> None:
    """A format code that Excel would refuse is told, any other is not."""
    assert (problem(code) is None) is sound


@given(st.text(max_size=30))
def test_number_formats_of_any_text(code: str) -> None:
    """Whatever a person writes there is judged, not stumbled over."""
    assert problem(code) is None or isinstance(problem(code), str)


def test_lines_are_found_whatever_a_value_looks_like() -> None:
    """Text over several lines, brackets in text, and dotted keys don't mislead."""
    text = 'a = """\nb = 1\n"""\nc.d = "["\n[e]\nf = [ # ]\n 1,\n]\n[[g]]\nh = 1\n[[g]]\n"i j" = 2\n'
    found = places(text)
    assert {key: found[key] for key in (("a",), ("c", "d"), ("e",), ("e", "f"))} == dict(
        zip([("a",), ("c", "d"), ("e",), ("e", "f")], [1, 4, 5, 6], strict=True)
    )
    assert found["g", 1] == 11
    assert found["g", 1, "i j"] == 12
    assert ("b",) not in found


def test_templates_are_in_the_wheel(tmp_path: Path) -> None:
    """A wheel that is built from the project holds every template, and the code finds them beside itself."""
    pytest.importorskip("hatchling")
    build = "from hatchling.build import build_wheel; import sys; print(build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        wheel.extractall(tmp_path / "there")
    program = "from experiment_sheet import template; print(template.folder()); print(*template.names())"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "there", capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == [str(tmp_path / "there" / "experiment_sheet" / "templates"), *NAMES]
