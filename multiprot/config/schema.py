"""JSON schema of a recipe file, for editors."""

from __future__ import annotations

from typing import Any

from multiprot.config.section import Section


def recipe_schema(model: type[Section]) -> dict[str, Any]:
    """JSON schema of the YAML files that `load_config` reads for `model`.

    It differs from the model's own in the key `extends`: a recipe that has it may leave out what
    the other file gives.
    """
    schema = model.model_json_schema()
    required = schema.pop("required", [])
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "A file, relative to this one, or a packaged recipe to lay this one over.",
    }
    if required:
        schema["anyOf"] = [{"required": ["extends"]}, {"required": required}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
