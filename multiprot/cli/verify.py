"""`multiprot verify`: whether a protein's vector depends on its company on this machine."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from multiprot.embedding.embedder import Embedder
    from multiprot.embedding.verification.verify import Verdict

_OTHER_SEED: Final = 1


def verify(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder of a model bundle, or an encoder alone: esm2:/path/to/weights."
        ),
    ],
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1, mps.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    encoder_options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Option of an encoder alone; repeatable."),
    ] = None,
    allow_other_versions: Annotated[
        bool,
        typer.Option("--allow-other-versions", help="Accept plugins of another version."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON.")] = False,
) -> int:
    """Embed the same proteins alone and in every sort of company, and print how far they differ.

    Exit code 2 if a difference is larger than rounding can make it.
    """
    from multiprot.embedding.embedder import Embedder
    from multiprot.embedding.options import EmbedOptions
    from multiprot.embedding.verification.proteins import trial_proteins
    from multiprot.embedding.verification.verify import verify_model

    embedder = Embedder.open(
        model,
        device=device,
        options=EmbedOptions.model_validate({"precision": precision}),
        encoder_options=encoder_options or (),
        allow_other_versions=allow_other_versions,
    )
    for warning in embedder.model.identity.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    drawn = [
        trial_proteins(
            embedder.max_residues, structures="structure" in embedder.modalities, seed=seed
        )
        for seed in (0, _OTHER_SEED)
    ]
    verdict = verify_model(embedder, drawn[0], drawn[1], _tell)
    print(json.dumps(_as_json(verdict), indent=2) if as_json else _text(verdict, embedder))
    return 0 if verdict.holds else 2


def _tell(company: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[Kembedding {company}", end="", file=sys.stderr, flush=True)


def _as_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "holds": verdict.holds,
        "largest": verdict.largest,
        "tolerance": verdict.tolerance,
        "deviations": [asdict(deviation) for deviation in verdict.deviations],
    }


def _text(verdict: Verdict, embedder: Embedder) -> str:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    width = max(len(deviation.company) for deviation in verdict.deviations)
    precision, device = embedder.options.precision, embedder.model.device
    rows = [
        f"  {d.company:<{width}}  {d.equal:>4} of {d.proteins:>4}  {d.vectors:>9.1e}  "
        f"{d.residues:>9.1e}  {d.worst}"
        for d in verdict.deviations
    ]
    ending = (
        f"holds: the largest difference is {verdict.largest:.1e} of the largest number, rounding "
        f"in {precision} may make {verdict.tolerance:.0e}"
        if verdict.holds
        else f"DOES NOT HOLD: a difference of {verdict.largest:.1e} of the largest number is more "
        f"than rounding in {precision} makes ({verdict.tolerance:.0e}); please report it with this "
        "table"
    )
    return "\n".join(
        [
            f"{embedder.model.identity.name} on {device} in {precision}: each protein alone, and "
            "then",
            f"  {'':<{width}}  {'same bits':>12}  {'vectors':>9}  {'residues':>9}  worst",
            *rows,
            ending,
        ]
    )
