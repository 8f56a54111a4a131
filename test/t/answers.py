"""Says which answers differ from what deploy/openapi.yaml says of them: answers.py YAML FILE

A line of FILE is JSON: method, path without its query, status, body.  Prints nothing where
all is well, also where a module is missing.
"""
import json
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    sys.exit(0)

with open(sys.argv[1], encoding="utf-8") as file:
    document = yaml.safe_load(file)


def closed(node):
    """Makes objects that say their members have no others, so that each answer is all described."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name not in ("properties", "allOf"):
                closed(child)
            elif name == "properties":
                for member in child.values():
                    closed(member)
        # Parts of an object are closed together.
        if ("properties" in node or "allOf" in node) and "additionalProperties" not in node:
            node["unevaluatedProperties"] = False
    elif isinstance(node, list):
        for child in node:
            closed(child)


def resolve(node):
    while "$ref" in node:
        target = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


def expand(node):
    """Returns a copy with every reference followed: a part of an object must stay open."""
    if isinstance(node, dict):
        node = resolve(node)
        return {name: expand(child) for name, child in node.items()}
    if isinstance(node, list):
        return [expand(child) for child in node]
    return node


checkers = {}
for path, item in document["paths"].items():
    # What is spelled out goes before a parameter.
    pattern = re.compile(re.sub(r"{\w+}", "[^/]+", path) + "$")
    for method in item.keys() - {"parameters"}:
        for status, response in item[method]["responses"].items():
            content = resolve(response).get("content", {}).get("application/json")
            if content:
                schema = expand(content["schema"])
                if status == "200":
                    closed(schema)
                checkers.setdefault((method, status), []).append((
                    path.count("{"), pattern, jsonschema.Draft202012Validator(
                        schema, format_checker=jsonschema.FormatChecker())))
seen = set()
with open(sys.argv[2], encoding="utf-8") as file:
    for line in file:
        method, path, status, body = json.loads(line)
        method = {"HEAD": "GET"}.get(method, method).lower()
        kind = "200" if status == "200" else status[0] + "XX"
        found = [(rank, checker) for rank, pattern, checker in checkers.get((method, kind), [])
                 if pattern.match(path)]
        for error in min(found, key=lambda f: f[0])[1].iter_errors(body) if found else []:
            where = "/".join(map(str, error.absolute_path))
            message = f"{method} {path} {status}: {where}: {error.message[:300]}"
            if message not in seen:
                seen.add(message)
                print(message)
