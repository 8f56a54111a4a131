"""Checks deploy/openapi.yaml: prints what is wrong with it, and nothing if all is well.

Its schemas, examples and references; all of it by a validator and a linter from npm, where
test/js has them.  The calls are those of the table of routes, with the parameters of their
functions; the fields of a lead are those of src/lead_field.h.
"""
import glob
import os
import re
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError:
    sys.exit(0)

with open("deploy/openapi.yaml", encoding="utf-8") as file:
    document = yaml.safe_load(file)


def resolve(node):
    """Follows a reference, and raises KeyError where it leads nowhere."""
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


def walk(node, where):
    """Resolves every reference, and checks every schema with its examples."""
    if isinstance(node, dict):
        if "$ref" in node:
            try:
                resolve(node)
            except KeyError:
                print(f"{where}: {node['$ref']} does not exist")
        if "schema" in node:
            schema = {**node["schema"], "components": document["components"]}
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
                examples = [example["value"] for example in node.get("examples", {}).values()]
                for example in examples + [node[name] for name in ("example",) if name in node]:
                    jsonschema.validate(example, schema, jsonschema.Draft202012Validator)
            except Exception as error:  # A wrong reference raises one of its own.
                print(f"{where}: {str(error).splitlines()[0][:200]}")
        if node.get("type") == "object" and not {"properties", "additionalProperties"} & set(node):
            print(f"{where}: says nothing of its members, so that nobody can send any")
        if isinstance(node.get("properties"), dict):
            for name, member in node["properties"].items():
                if "default" in member:
                    print(f"{where}/{name}: has a default, so that clients have to send it")
        for name in node:
            if str(name).startswith("x-") and (name, node[name]) != ("x-published", False):
                print(f"{where}: there is no mark {name}: {node[name]}")
        for name, child in node.items():
            if name not in ("example", "examples"):
                walk(child, f"{where}/{name}")
    elif isinstance(node, list):
        for index, child in enumerate(node):
            walk(child, f"{where}/{index}")


walk(document, "")
for name, schema in document["components"]["schemas"].items():
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        print(f"{name}: {error.message}")

operations = [operation for item in document["paths"].values()
              for method, operation in item.items() if method != "parameters"]
ids = [operation["operationId"] for operation in operations]
if len(set(ids)) < len(ids):
    print("operations share an id")
for path, item in document["paths"].items():
    named = {resolve(p)["name"] for p in item.get("parameters", []) if resolve(p)["in"] == "path"}
    if named != set(re.findall(r"{(\w+)}", path)):
        print(f"{path}: its parameters are {named}")

# What the functions take: names of arguments.
signatures = {}
HEAD = re.compile(r"^CREATE FUNCTION leadterra\.(http_\w+)\(([^)]*)\)$", re.M)
for name in glob.glob("sql/50_http/*.sql"):
    with open(name, encoding="utf-8") as file:
        for call, arguments in HEAD.findall(file.read()):
            signatures[call] = re.findall(r'(?:^|,)\s*"?(\w+)', arguments)


def published(path, name):
    """Returns the name that an argument has in a query."""
    if path.startswith("/api/v2/"):
        return name
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


# Method, path without the names of its parameters, query, and whether there is a body.
routes = set()
run = subprocess.run(["scripts/routes"], capture_output=True, text=True, check=False)
print(run.stderr, end="")
for method, path, call, scope in map(str.split, run.stdout.splitlines()):
    named = re.findall(r"{(\w+)}", path)
    if call not in signatures or not set(named) <= set(signatures[call]):
        print(f"no function {call}() with the parameters of {path}")
        continue
    query = {published(path, name) for name in signatures[call] if name not in [*named, "body"]}
    has_body = "body" in signatures[call]
    routes.add((method, re.sub(r"{\w+}", "{}", path), tuple(sorted(query)), has_body))
described = set()
for path, item in document["paths"].items():
    for method, operation in item.items():
        # Links in mails are the gateway's.
        if method == "parameters" or path == "/u/{token}":
            continue
        parameters = [resolve(parameter) for parameter in operation.get("parameters", [])]
        query = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        has_body = "requestBody" in operation
        path = re.sub(r"{\w+}", "{}", path)
        described.add((method.upper(), path, tuple(sorted(query)), has_body))
for route in sorted(routes - described):
    print(f"not described: {route}")
for route in sorted(described - routes):
    print(f"described, but no route: {route}")

FIELD = re.compile(r'X\(\w+, "\w+", \w+, "(\w+)",[\s\\]+"(\w+)",[\s\\]+(\w+)\)')
with open("src/lead_field.h", encoding="utf-8") as file:
    fields = FIELD.findall(file.read())
for name, member, its_fields in (
        ("LeadFields", "customFields", {field[0] for field in fields}),
        ("V2LeadFields", "custom_variables", {f[1] for f in fields if f[2] != "ABSENT"})):
    described = set(document["components"]["schemas"][name]["properties"]) - {member}
    if described != its_fields:
        print(f"{name} differs from lead_field.h: {sorted(described ^ its_fields)}")

PROGRAMS = "test/js/node_modules/"
if os.path.exists(PROGRAMS):
    for command in ([PROGRAMS + ".bin/validate-api"], ["node", "test/js/lint.mjs"]):
        run = subprocess.run([*command, "deploy/openapi.yaml"],
                             capture_output=True, text=True, check=False)
        if run.returncode != 0 or (command[0] == "node" and run.stdout):
            print(f"{command[-1]}: {run.stdout}{run.stderr}")
