"""What is no YAML, or YAML that a contract has no use for, is refused by file and line."""

from pathlib import Path

import pytest
from support.contracts import write_contract

from cbi.contract.parse import read_feed
from cbi.errors import Misconfigured

MINIMAL = """\
# A contract.
table: a.b
key: [id]
schema:
  - {name: id, type: INT64, mode: REQUIRED}
  - name: more
    type: STRUCT
    fields:
      - {name: x, type: STRING}
      - {name: y, type: DATE}
"""


def test_the_contract_that_the_texts_below_change_is_sound(tmp_path: Path) -> None:
    assert [leaf.path for leaf in read_feed(write_contract(tmp_path, MINIMAL)).leaves] == [
        "id",
        "more.x",
        "more.y",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DATE}", "DAY}", "10: schema[1].fields[1].type is 'DAY'; it must be one of STRING"),
        ("type: STRUCT", "typ: STRUCT", "7: schema[1].typ is not known; keys here are name, type"),
        ("    type: STRUCT\n", "", "6: schema[1].type is missing; it must be one of"),
        ("table: a.b\n", "", "2: table is missing; it must be dataset.table"),
        ("table: a.b", "table: a.b\ntable: a.c", "3: table is there twice, first in line 2"),
        (
            "type: DATE}",
            "type: DATE, name: z}",
            "10: schema[1].fields[1].name is there twice, first in line 10",
        ),
        (
            "table: a.b",
            "table: a.b\n5: a",
            "3: the file has a key '5'; keys must be text, in quotes if need be",
        ),
        ("table: a.b", "table: a.b\noff: a", "3: the file has a key 'off'; keys must be text"),
        ("table: a.b", "table: a.b\n? [x]\n: a", "3: the file has a key that is a list or a map; keys must"),
        (
            "table: a.b",
            "table: a.b\n? {x: 1}\n: a",
            "3: the file has a key that is a list or a map; keys must",
        ),
        ("table: a.b", "table: a.b\n<<: {key: [x]}", "3: the file has a key '<<'; keys must be text"),
        (
            "key: [id]",
            "key: &k [id]\ncluster_by: *k",
            "4: cluster_by is an alias of another value; write that",
        ),
        ("key: [id]", "key: &k [*k]", "3: key[0] is an alias of another value; write that value out"),
        ("key: [id]", "key: [&i id, *i]", "3: key[1] is an alias of another value; write that value out"),
        ("key: [id]", "key: !!set {id}", "3: key has the tag 'set'; it must be a plain value"),
        ("key: [id]", "key: !!binary aWQ=", "3: key has the tag 'binary'; it must be a plain value"),
        (
            "key: [id]",
            "key: !!python/name:os.system x",
            "3: key has the tag 'python/name:os.system'; it must be",
        ),
        ("key: [id]", "key: !mine [id]", "3: key has the tag '!mine'; it must be a plain value"),
        (
            "key: [id]",
            "key: [=]",
            "3: key[0] has the tag 'value'; it must be a plain value; text may be",
        ),
        ("key: [id]", "key: [!!int id]", "3: key[0] is 'id', which is no int"),
        ("key: [id]", "key: [!!timestamp id]", "3: key[0] is 'id', which is no timestamp"),
        ("key: [id]", "key: [!!bool id]", "3: key[0] is 'id', which is no bool"),
        ("key: [id]", "key: [2000-02-30]", "3: key[0] is 2000-02-30: day is out of range for month"),
        ("key: [id]", "key: [0x_]", "3: key[0] is 0x_: invalid literal for int()"),
        ("key: [id]", f"key: [0x{'f' * 9_999}]", "3: key[0] is a number of 10001 digits, which is too long"),
        ("key: [id]", f"key: [{'9' * 9_999}]", "3: key[0] is a number of 9999 digits, which is too long"),
        ("key: [id]", "batch_rows: .nan\nkey: [id]", "3: batch_rows is nan; it must be a whole number"),
        (
            "key: [id]",
            "expect_every_hours: .inf\nkey: [id]",
            "3: expect_every_hours is inf; it must be a number",
        ),
        ("key: [id]", "key: [id", "4: not YAML: did not find expected ',' or ']'"),
        ("key: [id]", "key:\t[id]\n\tx: y", "4: not YAML: "),
        ("key: [id]", "key: 'id", "11: not YAML: found unexpected end of stream"),
        ("key: [id]", "key: *id", "3: not YAML: found undefined alias"),
        ("key: [id]", "key: [id]\n---\nkey: [id]", "4: not YAML: but found another document"),
        ("key: [id]", "key: [id\x00]", "1: not YAML: "),
        ("key: [id]", f"key: {'[' * 150}id{']' * 150}", "3: a value is nested more than 100 levels deep"),
        ("key: [id]", f"key: {'[' * 5_000}", "3: not YAML: exceeded maximum nesting depth"),
        ("key: [id]", f"key:\n  {'- ' * 5_000}", "4: not YAML: exceeded maximum nesting depth"),
        (MINIMAL, "", "1: the file is empty; it must be a map of a contract's keys"),
        (MINIMAL, "# nothing yet\n", "1: the file is empty; it must be a map of a contract's keys"),
        (MINIMAL, "\n\n- a\n- b\n", "3: the file is a list; it must be a map with the keys"),
        (MINIMAL, "just text", "1: the file is 'just text'; it must be a map with the keys"),
    ],
)
def test_a_mistake_in_the_text_is_refused_by_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in MINIMAL
    with pytest.raises(Misconfigured) as raised:
        read_feed(write_contract(tmp_path, MINIMAL.replace(old, new)))
    assert str(raised.value).startswith(f"cbi/feeds/small.yaml:{message}")


def test_a_file_that_is_not_utf8_is_refused_by_line(tmp_path: Path) -> None:
    content = MINIMAL.replace("key: [id]", "key: [größe]").encode("latin-1")
    with pytest.raises(Misconfigured, match=r"cbi/feeds/small\.yaml:3: not UTF-8; the file must be saved as"):
        read_feed(write_contract(tmp_path, content))


def test_aliases_of_aliases_are_refused_before_they_are_written_out(tmp_path: Path) -> None:
    """Nine lists of nine of the one before would be a thousand million values."""
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Misconfigured, match=r"small\.yaml:2: a1\[0\] is an alias"):
        read_feed(write_contract(tmp_path, "\n".join(["a0: &a0 [lol]", *lists])))


@pytest.mark.parametrize("name", ["Small", "1st", "a b", "x" * 64])
def test_a_file_whose_name_is_no_feeds_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        read_feed(write_contract(tmp_path, MINIMAL, name))
    said = f"the file is the contract of {name!r}; that name must be at most 63 lowercase letters"
    assert str(raised.value).startswith(f"cbi/feeds/{name}.yaml:2: {said}")
