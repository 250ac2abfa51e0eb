"""The account as plain values."""

from __future__ import annotations

import json

from multiprot.proteins import (
    AltlocChoice,
    ModifiedResidue,
    ProteinRecord,
    StructureAccount,
    sequence_account,
)

KEYS = [
    *("id", "residues", "resolved", "unresolved", "modified", "unknown", "altlocs"),
    *("breaks", "models", "chains"),
]


def test_keys_and_values() -> None:
    account = StructureAccount(
        id="x_A",
        residues=9,
        resolved=7,
        unresolved=2,
        modified=(ModifiedResidue(3, "MSE", "M"),),
        unknown=1,
        altlocs=(AltlocChoice(2, "B", ("A",), "GLY", ("SER",)),),
        breaks=1,
        models=2,
        chains=("A", "B"),
        left_out=("N (DNA)",),
    )
    plain = account.to_json()
    assert list(plain) == KEYS
    assert json.loads(json.dumps(plain)) == plain
    assert plain["modified"] == [{"position": 3, "component": "MSE", "parent": "M"}]
    assert plain["altlocs"] == [
        {
            "position": 2,
            "chosen": "B",
            "left_out": ["A"],
            "component": "GLY",
            "components_left_out": ["SER"],
        }
    ]


def test_a_sequence_is_unresolved_throughout() -> None:
    account = sequence_account(ProteinRecord(id="a", sequence="MXXB"))
    assert (account.residues, account.resolved, account.unresolved) == (4, 0, 4)
    assert account.unknown == 2
    assert account.models == 0
