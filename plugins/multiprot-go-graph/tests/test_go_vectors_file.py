"""Files of vectors: the formats that people have, and what must be refused in them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot_go_graph.vector_file import canonical, read_vectors

IDS = ("GO:0000001", "GO:0000002", "GO:0008150")
VECTORS = np.array([[0.5, -1.0], [2.0, 3.25], [0.0, 1e-7]], np.float32)
IRI = "http://purl.obolibrary.org/obo/"


def rows(separator: str, ids: tuple[str, ...] = IDS) -> str:
    lines = zip(ids, VECTORS.tolist(), strict=True)
    return "".join(separator.join([i, *map(repr, row)]) + "\n" for i, row in lines)


def pandas_heading(text: str) -> str:
    return ",0,1\n" + text


FILES = {
    "plain.tsv": rows("\t"),
    "remarks.tsv": "# made by hand\n\n" + rows("\t"),
    "heading.tsv": "term\tx\ty\n" + rows("\t"),
    "plain.csv": rows(","),
    "pandas.csv": pandas_heading(rows(",")),
    "quoted.csv": '"id","V1","V2"\n' + rows(",", tuple(f'"{i}"' for i in IDS)),
    "windows.tsv": rows("\t").replace("\n", "\r\n"),
    "counted.txt": "3 2\n" + rows(" "),
    "bare.vec": rows(" "),
    "trailing.vec": rows(" ").replace("\n", " \n"),
    "owl.w2v": "3 2\n" + rows(" ", tuple(IRI + i.replace(":", "_") for i in IDS)),
    "brackets.txt": rows(" ", tuple(f"<{IRI}{i.replace(':', '_')}>" for i in IDS)),
    "underscore.tsv": rows("\t", tuple(i.replace(":", "_") for i in IDS)),
}


@pytest.mark.parametrize("name", FILES)
def test_text_formats(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].encode())
    table = read_vectors(path)
    assert table.ids == IDS
    assert table.vectors.dtype == np.float32
    np.testing.assert_array_equal(table.vectors, VECTORS)
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(FILES[name].encode()))
    assert read_vectors(packed).ids == IDS


@pytest.mark.parametrize("ids", [np.array(IDS), np.array(IDS, "S10")])
@pytest.mark.parametrize("kind", ["<f4", "<f8", "<f2", ">f4", "<i2"])
def test_npz(ids: np.ndarray, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, ids=ids, vectors=VECTORS.astype(kind))
    table = read_vectors(path)
    assert table.ids == IDS
    np.testing.assert_array_equal(table.vectors, VECTORS.astype(kind).astype(np.float32))


def test_the_format_may_be_told(tmp_path: Path) -> None:
    path = tmp_path / "AllVectorResults.lst"
    path.write_text(rows(" "))
    assert read_vectors(path, "word2vec").ids == IDS
    with pytest.raises(FileFormatError, match="set the option format"):
        read_vectors(path)


@given(
    vectors=st.lists(
        st.lists(
            st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3
        ),
        min_size=1,
        max_size=6,
    ),
    separator=st.sampled_from(["\t", ",", " "]),
)
@settings(max_examples=60, deadline=None)
def test_numbers_come_back_as_they_were(
    vectors: list[list[float]], separator: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = {"\t": "a.tsv", ",": "a.csv", " ": "a.vec"}[separator]
    path = tmp_path_factory.mktemp("numbers") / name
    lines = [separator.join([f"GO:{n:07d}", *map(repr, v)]) for n, v in enumerate(vectors)]
    path.write_text("\n".join(lines))
    np.testing.assert_array_equal(read_vectors(path).vectors, np.array(vectors, np.float32))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "", "holds no vector"),
        ("a.tsv", "term\tx\n", "holds no vector"),
        ("a.vec", "3 2\n", "the first line says 3"),
        ("a.tsv", "GO:0000001\t1\t2\nGO:0000002\t1\n", "line 2 .*1 numbers, but 2 in the first"),
        ("a.tsv", "GO:0000001\t1\tx\n", r"line 1 \(GO:0000001\)"),
        ("a.tsv", "GO:0000001\t1\t\nGO:0000002\t1\t2\n", "line 2 .*2 numbers, but 1"),
        ("a.csv", "GO:0000001,1,,2\n", r"line 1 \(GO:0000001\)"),
        ("a.tsv", "GO:0000001\n", "no numbers behind the id"),
        ("a.tsv", "GO:0000001\t1\nGO:0000002\tnan\n", "line 2 .*not finite"),
        ("a.tsv", "GO:0000001\t1e300\n", "not finite in single precision"),
        ("a.tsv", "GO:0000001\t-inf\n", "not finite"),
        (
            "a.tsv",
            "GO:0000001\t1\nGO:0000002\t1\nGO_0000001\t1\n",
            r"line 3: GO:0000001 has a vector already \(line 1\)",
        ),
        ("a.vec", "3 2\nGO:0000001 1 2\nGO:0000002 1 2\n", "2 vectors, but the first line says 3"),
        ("a.vec", "1 3\nGO:0000001 1 2\n", "2 numbers, but the first line says 3"),
        ("a.vec", "12 x\nGO:0000001 1 2\n", "neither a vector nor two counts"),
        ("a.tsv", "GO:0000001\t1\0\n", "binary data"),
    ],
)
def test_a_bad_text_file_is_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_vectors(path)
    assert str(path) in str(caught.value)


def test_a_misspelt_first_id_is_no_heading(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("GO:00001\t1\t2\nGO:0000002\t1\t2\n")
    assert read_vectors(path).ids[0] == "GO:00001"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": np.array(IDS)}, "lacks the array vectors; it holds ids"),
        ({"embds": np.zeros(2)}, "lacks the array ids"),
        ({"ids": np.array(IDS), "vectors": VECTORS[:2]}, r"\[2, 2\] for 3 ids"),
        ({"ids": np.array(IDS), "vectors": VECTORS[:, 0]}, r"float32 \[3\]"),
        ({"ids": np.array(IDS), "vectors": VECTORS.astype(complex)}, "complex128"),
        ({"ids": np.arange(3), "vectors": VECTORS}, "ids is int64"),
        ({"ids": np.array(IDS)[:0], "vectors": VECTORS[:0]}, "holds no vector"),
        ({"ids": np.array(IDS), "vectors": VECTORS[:, :0]}, "no numbers"),
        ({"ids": np.array(IDS), "vectors": VECTORS * np.float32("nan")}, "row 1 .*not finite"),
        ({"ids": np.array([*IDS[:2], IDS[0]]), "vectors": VECTORS}, r"row 3.*\(row 1\)"),
    ],
)
def test_a_bad_npz_is_refused(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match=message):
        read_vectors(path)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code ran')",))


@pytest.mark.parametrize("name", ["ids", "vectors"])
def test_pickles_are_never_read(name: str, tmp_path: Path) -> None:
    """Not even as the only way to read what anc2vec saves: a dictionary in an object array."""
    path = tmp_path / "a.npz"
    arrays = {"ids": np.array(IDS), "vectors": VECTORS, name: np.array([_Bomb()] * 3, object)}
    np.savez(path, allow_pickle=True, **arrays)
    with pytest.raises(FileFormatError, match="without pickles"):
        read_vectors(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x93NUMPY", b"no archive"])
def test_a_damaged_npz_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.npz"):
        read_vectors(path)


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, ids=np.array(IDS), vectors=np.zeros((3, 500)))
    content = path.read_bytes()
    for part in (0.2, 0.5, 0.9):
        path.write_bytes(content[: int(part * len(content))])
        with pytest.raises(FileFormatError):
            read_vectors(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for name in ("absent.npz", "absent.tsv"):
        with pytest.raises(FileFormatError, match=name):
            read_vectors(tmp_path / name)


@given(st.text(max_size=40))
def test_what_is_no_go_id_stays_as_it_is(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    if "GO" not in text:
        assert once == text.strip()


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VECTORS)
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match=r"a\.npz: .*savez"):
        read_vectors(tmp_path / "a.npz")


@given(places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_an_altered_npz_is_refused_or_whole(
    places: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever byte is changed: an error of ours, or finite numbers."""
    path = tmp_path_factory.mktemp("altered") / "a.npz"
    np.savez_compressed(path, ids=np.array(IDS), vectors=VECTORS)
    content = bytearray(path.read_bytes())
    for place, value in places:
        content[place % len(content)] = value
    path.write_bytes(bytes(content))
    _refused_or_whole(path)


@given(content=st.binary(max_size=60), suffix=st.sampled_from(["npz", "tsv", "csv", "vec"]))
@settings(max_examples=150, deadline=None)
def test_noise_is_refused_or_whole(
    content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("noise") / f"a.{suffix}"
    path.write_bytes(content)
    _refused_or_whole(path)


def _refused_or_whole(path: Path) -> None:
    try:
        table = read_vectors(path)
    except FileFormatError:
        return
    assert len(table.ids) == len(table.vectors) == len(set(table.ids))
    assert np.isfinite(table.vectors).all()
