"""Tables as editors, spreadsheets and collections write them; one row that does not fit costs that row."""

import builtins
import sys
import zipfile

import openpyxl
import pytest

from mammo.data.manifest.manifest import read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.manifest.table.table import read_table
from mammo.errors import MammoError


def cells(path, **arguments):
    table = read_table(path, **arguments)
    return [list(table.cells.columns), *table.cells.to_numpy().tolist()]


PLACES = [["path", "place"], ["a.png", "Zürich"], ["b.png", "Ménière"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"])
@pytest.mark.parametrize(("separator", "line"), [(",", "\n"), (";", "\r\n"), ("\t", "\r"), ("|", "\n")])
def test_any_encoding_separator_and_end_of_line_gives_the_same_cells(tmp_path, encoding, separator, line):
    path = tmp_path / "set.csv"
    path.write_bytes(line.join(separator.join(row) for row in PLACES).encode(encoding))
    assert cells(path) == PLACES
    assert bool(read_table(path).notes) == (encoding == "cp1252")


def test_one_name_in_another_encoding_costs_no_other_letter(tmp_path):
    path = tmp_path / "set.csv"
    path.write_bytes("path,place\na.png,Zürich\n".encode() + "b.png,Ménière\n".encode("cp1252"))
    table = read_table(path)
    assert table.cells["place"].tolist() == ["Zürich", "Ménière"]
    assert table.notes == [
        "The file is not in UTF-8: other letters were read as Windows-1252 (line 3: 'b.png,Ménière')."
    ]


@pytest.mark.parametrize(
    ("lines", "paths", "aside"),
    [
        (["p,l", "a,B", "b,M,extra", "c,B"], ["a", "c"], {3: "it has 3 cells, the header has 2"}),
        (["p,l", "a,B,,", "b"], ["a", "b"], {}),
        (["p,l,n", "a,B,x", 'b,M,"open', "c,B,y", "d,M,z"], ["a", "c", "d"], {3: "a quotation mark opens a cell"}),
        (["p,l,n", 'a,B,"x', "b,M,y", "c,B,z", 'd,M,"w', "e,B,v"], ["b", "c", "e"], {2: "a quo", 5: "a quo"}),
        (["p,l,n", 'a,B,"two', 'lines"', "b,M,x"], ["a", "b"], {}),
        (["p,l,n", 'a,B,5" lens', "b,M,x"], ["a", "b"], {}),
        (["p,l", "a,B", "b," + "x" * 200_000, "c,M"], ["a", "c"], {3: "a cell is longer than"}),
    ],
)
def test_a_row_that_does_not_fit_is_set_aside_alone(write, lines, paths, aside):
    table = read_table(write(*lines))
    assert table.cells["p"].tolist() == paths
    assert list(table.aside) == list(aside)
    assert all(table.aside[row].startswith(reason) for row, reason in aside.items())


def test_columns_of_one_name_are_kept_apart_or_merged_where_they_are_equal(write):
    table = read_table(write("path,age,age", "a,1,2", "b,3,4"))
    assert list(table.cells) == ["path", "age", "age (2)"] and "Two columns are named 'age'" in table.notes[0]
    table = read_table(write("path,age,age", "a,1,1", "b,3,3"))
    assert list(table.cells) == ["path", "age"] and table.notes == []


def test_white_space_that_is_invisible_is_no_part_of_a_cell(write):
    path = write("\u200bpath\u00a0,label", "\ufeffa.png\u3000,\u00a0B\u200b")
    assert cells(path) == [["path", "label"], ["a.png", "B"]]


def test_a_file_without_a_header_is_named_by_the_user(write):
    path = write("MIAS", "", "mdb001 G CIRC B 535 425 197", "mdb003   D NORM", name="Info.txt")
    header = ["image", "tissue", "finding", "severity", "x", "y", "radius"]
    assert cells(path, header=header)[1:] == [
        ["MIAS", *[""] * 6],
        ["mdb001", "G", "CIRC", "B", "535", "425", "197"],
        ["mdb003", "D", "NORM", "", "", "", ""],
    ]
    assert cells(write("a,B", "b,M"), header=["path", "label"]) == [["path", "label"], ["a", "B"], ["b", "M"]]


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b..", b"PAR1...", b"%PDF-1", b"\x89PNG\r\n", b"SQLite format 3\0", b"\xff\xfeodd", b"a\0b,c\n"]
)
def test_what_is_no_table_is_called_by_its_name(tmp_path, content):
    path = tmp_path / "set.csv"
    path.write_bytes(content)
    with pytest.raises(
        MammoError, match=r"set.csv is (compressed|a Parquet|a PDF|a picture|a database|not in UTF-8|no text)"
    ):
        read_table(path)


def workbook(path, *sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows, state in sheets:
        page = book.create_sheet(title)
        page.sheet_state = state
        for row in rows:
            page.append(row)
    book.save(path)
    return path


ROWS = [["path", "label", "patient", "birads"], ["a.png", "B", 1000, 4.0], ["b.png", "M", 1000.0, "4A"], [None] * 4]


@pytest.mark.parametrize("name", ["set.xlsx", "set.csv"])
def test_a_workbook_is_read_as_the_csv_of_its_first_visible_sheet(tmp_path, name):
    path = workbook(
        tmp_path / name, ("old", [["x"]], "hidden"), ("images", ROWS, "visible"), ("more", [["y"]], "visible")
    )
    manifest = read_manifest(path)
    assert manifest.rows[["path", "patient", "birads"]].to_numpy().tolist() == [
        ["a.png", "1000", 4],
        ["b.png", "1000", 4],
    ]
    assert (
        manifest.remarks[0] == "The workbook has the sheets old, images, more; images was read (--sheet names another)."
    )


def test_a_sheet_is_named_and_a_wrong_name_lists_those_that_are_there(tmp_path):
    path = workbook(tmp_path / "set.xlsx", ("first", [["x"]], "visible"), ("second", ROWS, "visible"))
    assert len(read_manifest(path, options=ManifestOptions(sheet="second")).rows) == 2
    with pytest.raises(MammoError, match="has no sheet 'third'; its sheets are: first, second"):
        read_manifest(path, options=ManifestOptions(sheet="third"))
    csv = tmp_path / "set.csv"
    csv.write_text("path,label\na,B\n")
    with pytest.raises(MammoError, match=r"set.csv is no workbook; --sheet names a sheet of one"):
        read_manifest(csv, options=ManifestOptions(sheet="first"))


def test_a_workbook_that_is_not_read_is_called_one_with_the_way_out(tmp_path, monkeypatch):
    old = tmp_path / "old.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    with pytest.raises(MammoError, match=r"old.xls is a workbook of an old kind .*save the sheet as “CSV UTF-8”"):
        read_table(old)
    for name, inside, words in (
        ("a.ods", "content.xml", "a workbook of another kind"),
        ("a.zip", "a.csv", "an archive"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "x")
        with pytest.raises(MammoError, match=words):
            read_table(tmp_path / name)
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(workbook(tmp_path / "set.xlsx", ("first", ROWS, "visible")).read_bytes()[:-300])
    with pytest.raises(MammoError, match="cut.xlsx is a damaged workbook or archive"):
        read_table(cut)
    import_module = builtins.__import__
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *arguments: import_module(name + "-gone" * (name == "openpyxl"), *arguments),
    )
    monkeypatch.delitem(sys.modules, "openpyxl")
    with pytest.raises(MammoError, match=r"set.xlsx is a workbook; install openpyxl .* to read it, or save the sheet"):
        read_table(tmp_path / "set.xlsx")


@pytest.mark.faults("a manifest of 10,000 columns", "it is refused in a sentence")
def test_very_many_columns_are_refused(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("path,label," + ",".join(f"c{number}" for number in range(10_000)) + "\n")
    with pytest.raises(MammoError, match="has 10,002 columns, and at most 1,000 are read"):
        read_table(path)
