"""Records what the Terraform providers accept, for the resources that `deploy/` uses.

    python tests/deploy/record_provider_schema.py WHEEL... > tests/deploy/provider_schema.json

The WHEELs are those of cdktn-provider-google, -google-beta, -archive and -time, Python bindings generated
from the providers' own schemas. They are only read, never installed or run: the largest have 230 MB unpacked.
"""

import ast
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"

# What every resource has in the bindings, and is Terraform's own.
_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}

_SCALARS = {"builtins.str": "string", "jsii.Number": "number", "builtins.bool": "bool"}
_COMPUTED = {
    **_SCALARS,
    "IResolvable": "bool",
    "typing.List[builtins.str]": ["list", "string"],
    "typing.List[jsii.Number]": ["list", "number"],
    "StringMap": ["map", "string"],
    "BooleanMap": ["map", "bool"],
    "NumberMap": ["map", "number"],
}


def record(wheel: Path) -> tuple[str, dict[str, Any]]:
    """A provider's name, and its version and the schemas of what `deploy/` uses of it."""
    with zipfile.ZipFile(wheel) as archive:
        package = next(name.partition("/")[0] for name in archive.namelist() if name.startswith("cdktn_"))
        name = package.removeprefix("cdktn_provider_").replace("_", "-")
        names = set(archive.namelist())
        metadata = next(each for each in names if each.endswith(".dist-info/METADATA"))
        version = re.search(r"provider version ([\d.]+)", archive.read(metadata).decode())
        assert version, f"{wheel} does not say which version of the provider it is for"

        def module(kind: str) -> dict[str, ast.ClassDef]:
            # A resource whose name begins with its provider's twice over has only one of them cut off.
            folder = next(
                each for each in (kind, f"google_{kind}") if f"{package}/{each}/__init__.py" in names
            )
            tree = ast.parse(archive.read(f"{package}/{folder}/__init__.py"))
            return {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}

        return name, {
            "version": version[1],
            "provider": {
                member: details
                for member, details in schema(module("provider"), f"{_class_name(name)}Provider").items()
                if not member.endswith("_custom_endpoint")
            },
            "resources": {
                f"{_prefix(name)}_{kind}": schema(*_found(module(kind), kind))
                for kind in used("resource", name)
            },
            "data_sources": {
                f"{name}_{kind}": schema(module(f"data_{name}_{kind}"), _class_name(f"data_{name}_{kind}"))
                for kind in used("data", name)
            },
        }


def used(keyword: str, provider: str) -> list[str]:
    """The types of a provider's resources, or data sources, in `deploy/`."""
    text = "\n".join(path.read_text() for path in sorted(DEPLOY.glob("*.tf")))
    block = rf'^( *){keyword} "{_prefix(provider)}_(\w+)" "\w+" \{{(}}|\n.*?^\1}})'
    blocks = re.findall(block, text, re.MULTILINE | re.DOTALL)
    named = [(kind, re.search(r"^ *provider += +([\w-]+)$", body, re.MULTILINE)) for _, kind, body in blocks]
    return sorted({kind for kind, name in named if (name[1] if name else _prefix(provider)) == provider})


def schema(classes: dict[str, ast.ClassDef], name: str) -> dict[str, Any]:
    """The members of a resource or block: scalars as {type, use}, blocks as {block, many, use}."""
    members = {
        argument: _argument(classes, annotation, required)
        for argument, annotation, required in _arguments(classes[name])
    }
    reference = classes.get(f"{name}OutputReference", classes[name])
    for computed, annotation in _properties(reference):
        if computed not in members:
            members[computed] = {"type": _computed(classes, annotation), "use": "computed"}
    return dict(sorted(members.items()))


def _arguments(cls: ast.ClassDef) -> Iterator[tuple[str, str, bool]]:
    init = next((f for f in cls.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
    if init is None:
        return
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.arg not in _META:
            assert argument.annotation is not None
            yield argument.arg, ast.unparse(argument.annotation), default is None


def _argument(classes: dict[str, ast.ClassDef], annotation: str, required: bool) -> dict[str, Any]:
    use = "required" if required else "optional"
    block = next((name for name in re.findall(r"'(\w+)'", annotation) if name in classes), None)
    if block is not None:
        return {"block": schema(classes, block), "many": "typing.Sequence" in annotation, "use": use}
    element = next(
        kind for name, kind in _SCALARS.items() if name in annotation.replace("[builtins.str, ", "[")
    )
    if "typing.Mapping" in annotation:
        return {"type": ["map", element], "use": use}
    return {"type": ["list", element] if "typing.Sequence" in annotation else element, "use": use}


def _properties(cls: ast.ClassDef) -> Iterator[tuple[str, str]]:
    found = {
        each.name: re.sub(r"_cdktn_\w+\.", "", ast.unparse(each.returns)).strip("'")
        for each in cls.body
        if isinstance(each, ast.FunctionDef) and each.returns and _is_property(each)
    }
    for name, annotation in found.items():
        if name != "internal_value" and not name.endswith("_input"):
            yield name, annotation


def _is_property(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(each) == "builtins.property" for each in function.decorator_list)


def _computed(classes: dict[str, ast.ClassDef], annotation: str) -> Any:
    if annotation in _COMPUTED:
        return _COMPUTED[annotation]
    block = re.sub(r"(List|OutputReference)$", "", annotation)
    members = schema(classes, block) if block in classes else {}
    return ["list", ["object", {name: each["type"] for name, each in members.items()}]]


def _prefix(provider: str) -> str:
    """What the names of a provider's resources begin with."""
    return provider.removesuffix("-beta")


def _found(classes: dict[str, ast.ClassDef], kind: str) -> tuple[dict[str, ast.ClassDef], str]:
    name = _class_name(kind)
    return classes, name if name in classes else f"Google{name}"


def _class_name(kind: str) -> str:
    return "".join(part.title() for part in re.split("[_-]", kind))


def written(value: Any, depth: int = 0) -> str:
    """JSON with one line for each member of a resource, which shows well in a diff."""
    if depth == 4 or not isinstance(value, dict) or not value:
        return json.dumps(value)
    lines = [f"{json.dumps(key)}: {written(each, depth + 1)}" for key, each in sorted(value.items())]
    return "{\n" + ",\n".join(" " * (depth + 1) + line for line in lines) + "\n" + " " * depth + "}"


if __name__ == "__main__":
    print(written(dict(record(Path(argument)) for argument in sys.argv[1:])))
