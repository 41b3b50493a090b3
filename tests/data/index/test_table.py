"""Images in a table get label, patient, split and columns, or a one-line error names the row."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.data.cache.hashing import FileDigests
from xray.data.index.base import ROOT_FOLDER
from xray.data.index.patients import KERMANY_PATTERN
from xray.data.index.rows import ImageRow, RowIndex
from xray.data.index.table import MISSING, TableIndex, may_identify
from xray.utils.errors import UserError

CLASSES = ("NORMAL", "PNEUMONIA")
SPLITS = ("train", "val", "test")


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def write(path, rows, header="path,label,patient,split"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def records(index, splits=SPLITS, class_names=CLASSES):
    return index.records(splits, class_names, KERMANY_PATTERN, FileDigests())


def rejection(index, **options):
    with pytest.raises(UserError) as info:
        records(index, **options)
    assert "\n" not in str(info.value)
    return str(info.value)


@pytest.fixture
def folder(tmp_path):
    put(tmp_path, "a.png", "b/c.png", "d.png")
    return tmp_path


ROWS = ("a.png,NORMAL,p1,train", "b/c.png,PNEUMONIA,p2,Validation", "d.png,1,p3,TEST")


def test_each_row_is_an_image(folder):
    index = TableIndex(write(folder / "t.csv", ROWS))
    images = records(index)
    assert [(i.path, i.folder, i.label, i.patient, i.group, i.named) for i in images] == [
        ("a.png", "train", 0, "p1", "p1", True),
        ("b/c.png", "val", 1, "p2", "p2", True),
        ("d.png", "test", 1, "p3", "p3", True),
    ]
    assert [image.digest for image in images] == FileDigests()([folder / image.path for image in images])
    assert [image.path for image in records(index, ["test"])] == ["d.png"]
    assert (index.root, index.name) == (folder, str(folder / "t.csv"))
    assert all(index.has(split) for split in SPLITS)
    assert not index.is_undivided(CLASSES)


def test_columns_may_have_other_names_and_separators(folder):
    rows = (f"{folder}/a.png;0;x", "d.png;1;y")
    table = write(folder / "t.csv", rows, "File;Pneumonia;Subject")
    index = TableIndex(table, path_column="File", label_column="Pneumonia", patient_column="Subject")
    first, second = records(index, [ROOT_FOLDER])
    assert (first.path, first.label, first.patient) == (f"{folder}/a.png", 0, "x")
    assert (second.folder, second.label, second.patient) == ("t.csv", 1, "y")
    assert index.is_undivided(CLASSES)


def test_parquet_gives_the_same_records_as_csv(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [["a.png", 0, "p1", "train", 41, None], ["d.png", 1, "p2", "test", None, "F"]]
    header = ["path", "label", "patient", "split", "age", "sex"]
    parquet.write_table(
        pyarrow.table({name: [row[i] for row in rows] for i, name in enumerate(header)}), folder / "t.parquet"
    )
    with (folder / "t.csv").open("w") as file:
        csv.writer(file).writerows([header, *rows])
    ours, expected = (records(TableIndex(folder / name), ["train", "test"]) for name in ("t.parquet", "t.csv"))
    assert ours == expected
    assert [dict(i.columns) for i in ours] == [dict(i.columns) for i in expected]
    assert dict(ours[0].columns) == {"age": "41", "sex": ""}


def test_paths_are_looked_up_in_several_roots(folder, tmp_path):
    put(tmp_path / "one", "x.png")
    put(tmp_path / "two", "y.png")
    table = write(folder / "t.csv", ("x.png,0", "y.png,1"), "path,label")
    images = records(TableIndex(table, roots=[tmp_path / "one", tmp_path / "two"]), [ROOT_FOLDER])
    assert [image.path for image in images] == [str(tmp_path / "two/y.png"), "x.png"]
    assert f"below {tmp_path / 'one'}" in rejection(TableIndex(table, roots=[tmp_path / "one"]), splits=[ROOT_FOLDER])


def test_without_a_patient_column_the_pattern_is_searched_in_the_path(folder):
    put(folder, "person7_virus_12.jpeg")
    named, unnamed = sorted(
        records(TableIndex(write(folder / "t.csv", ("a.png,0", "person7_virus_12.jpeg,1"), "path,label")), ["."]),
        key=lambda image: not image.named,
    )
    assert (named.patient, named.group) == ("person7_virus", "person7")
    assert (unnamed.patient, unnamed.named) == ("a.png", False)


def test_further_columns_are_kept_except_those_that_may_identify(folder):
    header = "path,label,patient,split,sex,PatientID,Date of Birth,age"
    table = write(folder / "t.csv", (f"{ROWS[0]},F,123,2001,33",), header)
    (image,) = records(TableIndex(table), ["train"])
    assert dict(image.columns) == {"sex": "F", "age": "33"}
    (image,) = records(TableIndex(table, columns=["PatientID"]), ["train"])
    assert dict(image.columns) == {"PatientID": "123"}
    assert may_identify("MRN")
    assert not may_identify("device")


def test_names_of_columns_and_classes_are_found_in_any_case(folder):
    table = write(folder / "t.csv", ("d.png,Pneumonia,p1,train",), "Path,LABEL,Patient,Split")
    (image,) = records(TableIndex(table), ["train"])
    assert (image.path, image.label, image.patient, image.folder, image.columns) == ("d.png", 1, "p1", "train", {})
    table = write(folder / "u.csv", ("gone.png,d.png,1",), "Path,path,label")
    assert [image.path for image in records(TableIndex(table), [ROOT_FOLDER])] == ["d.png"]


def test_blank_rows_and_columns_of_a_spreadsheet_say_nothing_but_count(folder):
    rows = (",,,,,", "a.png,0,p1,train,,", "   ", "gone.png,1,p2,train,,", ",,,,,")
    table = write(folder / "t.csv", rows, "path,label,patient,split,,")
    assert "row 5: gone.png" in rejection(TableIndex(table))
    put(folder, "gone.png")
    assert [(i.path, dict(i.columns)) for i in records(TableIndex(table), ["train"])] == [
        ("a.png", {}),
        ("gone.png", {}),
    ]


def test_row_numbers_of_pandas_are_no_column(folder):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"path": ["a.png", "d.png"], "label": [0, 1], "patient": [7.0, 8.0]}, index=[3, 5])
    frame.to_parquet(folder / "t.parquet")
    frame.reset_index().to_csv(folder / "t.csv")
    for name in ("t.parquet", "t.csv"):
        assert [dict(image.columns) for image in records(TableIndex(folder / name), [ROOT_FOLDER])] == [{}, {}]
    assert [image.patient for image in records(TableIndex(folder / "t.parquet"), [ROOT_FOLDER])] == ["7", "8"]


@pytest.mark.parametrize("argument", ["patient_column", "split_column"])
def test_a_column_that_is_named_must_exist(folder, argument):
    table = write(folder / "t.csv", ROWS)
    assert f"--data.index.init_args.{argument}" in rejection(TableIndex(table, **{argument: "subject"}))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("a.png,NORMAL,nan,train", "b/c.png,NORMAL,NaN,train"), ("row 2", "patient is empty")),
        (("a.png,NORMAL,p1,train", "gone.png,NORMAL,p2,train"), ("row 3", "gone.png")),
        (("a.png,SICK,p1,train",), ("row 2", "SICK", "NORMAL, PNEUMONIA")),
        (("a.png,NORMAL,p1,train", "b/../a.png,NORMAL,p1,train"), ("row 3", "also in row 2")),
        (("a.png,NORMAL,p1,train", "d.png,NORMAL,,train"), ("row 3", "patient is empty")),
        (("a.png,NORMAL,p1,train", "d.png,NORMAL,p2,"), ("row 3", "split is empty")),
        (("a.png,NORMAL,p1,holdout",), ("row 2", "holdout", "valid")),
        (("a.png,NORMAL,p1",), ("row 2", "3 values instead of 4")),
        ((), ("lists no images",)),
    ],
)
def test_a_wrong_row_is_named(folder, rows, expected):
    message = rejection(TableIndex(write(folder / "t.csv", rows)))
    assert all(text in message for text in expected), message


def test_a_missing_table_column_or_split_is_named(folder):
    assert "is not a file" in rejection(TableIndex(folder / "none.csv"))
    table = write(folder / "t.csv", ("a.png,0",), "image,label")
    assert "no column 'path' (found: image, label)" in rejection(TableIndex(table))
    undivided = TableIndex(write(folder / "u.csv", ("a.png,0",), "path,label"))
    assert "--data.test_fraction" in rejection(undivided)
    assert "no rows of split test (found: train)" in rejection(
        TableIndex(write(folder / "v.csv", ROWS[:1])), splits=["test"]
    )
    assert "no column 'sex'" in rejection(TableIndex(table, path_column="image", columns=["sex"]))


def test_an_index_of_ones_own_needs_one_method(folder):
    class Mine(RowIndex):
        root = folder

        def rows(self):
            yield ImageRow("a.png", "NORMAL", "p1", "train", {"sex": "F"})
            yield ImageRow("d.png", "PNEUMONIA", "p2", "training")

    first, second = records(Mine(), ["train"])
    assert (first.path, dict(first.columns), second.label, dict(second.columns)) == ("a.png", {"sex": "F"}, 1, {})


TEXT = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
    .map(str.strip)
    .filter(lambda text: text.lower() not in MISSING)
)


@given(
    rows=st.lists(st.tuples(st.sampled_from(CLASSES), TEXT, st.sampled_from(SPLITS), TEXT), min_size=1, max_size=20),
    separator=st.sampled_from(",;\t"),
)
def test_what_a_table_says_is_what_is_read(tmp_path_factory, rows, separator):
    folder = tmp_path_factory.mktemp("table")
    put(folder, *(f"{i}.png" for i in range(len(rows))))
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["path", "label", "patient", "split", "site"])
        writer.writerows([f"{i}.png", *row] for i, row in enumerate(rows))
    images = records(TableIndex(folder / "t.csv"), {row[2] for row in rows})
    read = {int(i.path[:-4]): (CLASSES[i.label], i.patient, i.folder, i.columns["site"]) for i in images}
    assert read == dict(enumerate(rows))
