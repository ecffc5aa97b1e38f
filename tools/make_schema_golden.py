#!/usr/bin/env python3
"""Writes src/testing/data/schema_cases.jsonl: schemas with texts that Python's jsonschema (with format checks) finds valid or not.

    tools/make_schema_golden.py        # needs `pip install 'jsonschema[format]'`

Texts keep to what docs/structured-output.md promises: properties in the schema's order, integers without a fraction, numbers in a
range without exponent.
"""
import itertools
import json
import pathlib

import jsonschema

ANY = [None, True, False, 0, -3, 17, 2.5, "", "a", "abc", "ä😀", 'q"\\\n', [], [1], ["a", "b"], {}, {"a": 1}, {"b": "x"}, {"a": 1, "b": "x"}]
NUMBERS = [-1000, -101, -100, -99, -50, -12, -10, -9, -5, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 15, 19, 20, 21, 30, 45, 49, 50, 98, 99,
           100, 101, 110, 119, 120, 121, 199, 200, 999, 1000, 1001, 12345, 99999999999]
REALS = [-2.5, -1.25, -0.5, -0.25, -0.1, 0.1, 0.05, 0.25, 0.3, 0.5, 0.75, 0.999, 1.0, 1.5, 1.75, 2.25, 9.99, 10.01, 99.5, 100.5]
WORDS = ["", "a", "ab", "abc", "abcd", "abcde", "ABC", "x1", "1x", "foo-bar", "foo bar", "日本語", "😀", "😀😀", "a\n", "\u0001", 'say "hi"', "\\", "/"]


def objects(keys, values):
    for n in range(len(keys) + 1):
        for chosen in itertools.combinations(keys, n):
            for value in itertools.product(values, repeat=n):
                yield dict(zip(chosen, value))


def lists(values, longest):
    for n in range(longest + 1):
        yield from (list(v) for v in itertools.product(values, repeat=n))


def formats(name, good, bad):
    return ({"type": "string", "format": name}, good + bad)


CASES = [(schema, ANY) for schema in [
    {}, True, {"type": "null"}, {"type": "boolean"}, {"type": "integer"}, {"type": "number"}, {"type": "string"}, {"type": "array"}, {"type": "object"},
    {"type": ["string", "null"]}, {"type": ["integer", "array", "boolean"]}, {"enum": [1, "a", None, [1], {"a": 1}]}, {"const": {"a": 1, "b": "x"}},
    {"const": 'q"\\\n'}, {"enum": ["a", 17, True], "type": ["string", "boolean"]}, {"enum": ["a", "abc", ""], "minLength": 1}, {"const": []},
    {"minLength": 2}, {"minimum": 1}, {"maxItems": 1}, {"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}, {"items": {"type": "string"}},
    {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]}, {"oneOf": [{"type": "string"}, {"type": "array"}]},
    {"oneOf": [{"const": 0}, {"const": 17}, {"type": "object"}]},
    {"allOf": [{"type": ["string", "array"]}, {"minLength": 1, "minItems": 1}]},
    {"allOf": [{"minLength": 1}, {"anyOf": [{"type": "string"}, {"type": "null"}]}], "anyOf": [{"maxLength": 1}, {"type": "null"}]},
    {"title": "t", "description": "d", "default": 3, "examples": [1], "$comment": "c", "type": "integer"},
    {"$ref": "#/$defs/s", "$defs": {"s": {"type": "string", "minLength": 1}}}, {"$ref": "#/$defs/s", "maxLength": 1, "$defs": {"s": {"type": "string"}}},
]]
for low, high in [(None, 5), (0, None), (1, None), (3, 20), (-5, 5), (-100, -10), (10, 99), (12, 121), (100, 100), (-12, 1000), (7, 12345), (-1, 0)]:
    for kind in ("integer", "number"):
        for strict in (False, True):
            schema = {"type": kind}
            if low is not None:
                schema["exclusiveMinimum" if strict else "minimum"] = low
            if high is not None:
                schema["exclusiveMaximum" if strict else "maximum"] = high
            try:
                next(v for v in NUMBERS + REALS if jsonschema.Draft202012Validator(schema).is_valid(v))
            except StopIteration:
                continue
            CASES.append((schema, NUMBERS + (REALS if kind == "number" else [])))
for low, high in [(0.25, 1.75), (-0.5, 0.5), (None, 0.1), (0.05, None), (-1.25, -0.25), (0.999, 10.01)]:
    for strict in (False, True):
        schema = {"type": "number"}
        if low is not None:
            schema["exclusiveMinimum" if strict else "minimum"] = low
        if high is not None:
            schema["exclusiveMaximum" if strict else "maximum"] = high
        CASES.append((schema, NUMBERS + REALS))
        CASES.append((dict(schema, type="integer"), NUMBERS) if not (low and high and int(low) == int(high)) else ({}, ANY))
CASES += [({"type": "integer", "multipleOf": n}, NUMBERS) for n in (1, 2, 3, 7, 10, 12, 100)]
CASES += [({"type": "number", "multipleOf": 0.5 if n == 0 else n, "minimum": 1} if n else {"type": "number", "minimum": 1}, NUMBERS) for n in (0, 5, 25)]
for low, high in [(0, 0), (1, 1), (0, 3), (2, 4), (3, None), (60, 80)]:
    schema = {"type": "string", "minLength": low}
    if high is not None:
        schema["maxLength"] = high
    CASES.append((schema, WORDS + ["x" * n for n in (59, 60, 70, 80, 81)]))
CASES += [({"type": "string", "pattern": p}, WORDS) for p in
          ("^[a-z]+$", "b", "^a", "c$", "^\\S+$", "[0-9]", "^(foo|ab)", "^$", "^.{2}$", "^[^a-z]*$", '"', "\\\\", "^\\p{L}+$", "a|^x")
          if "\\p" not in p]
CASES += [({"type": "string", "pattern": "^[a-z]*$", "minLength": 2, "maxLength": 4}, WORDS),
          ({"type": "string", "allOf": [{"pattern": "a"}, {"pattern": "c"}], "maxLength": 3}, WORDS)]
CASES += [({"type": "array", "items": {"type": "integer"}, "minItems": low, "maxItems": high}, list(lists([1, "a"], 4)))
          for low, high in ((0, 0), (0, 2), (1, 1), (2, 3), (1, 4))]
CASES += [(schema, list(lists([1, "a", None], 3))) for schema in [
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 2},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}, {"type": "null"}], "maxItems": 2, "minItems": 1},
    {"type": "array", "items": {"enum": [1, None]}, "minItems": 1}]]
KEYS = ["a", "b", "c", "d"]
CASES += [(schema, list(objects(KEYS, [1, "x"]))) for schema in [
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "integer"}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a", "b"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
    {"type": "object", "properties": {"a": {}, "b": False}},
    {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
    {"type": "object", "required": ["a", "b"], "maxProperties": 3},
    {"type": "object", "minProperties": 1, "properties": {"a": {"type": "integer"}}},
    {"type": "object", "maxProperties": 0},
    {"type": "object", "properties": {"a": {}}, "patternProperties": {"^[ac]$": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
    {"type": "object", "patternProperties": {"[ab]": {"type": "integer"}, "[bc]": {"minimum": 1}}, "additionalProperties": False},
    {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"a": {"minimum": 1}, "b": {"const": "x"}}, "required": ["b"]}],
     "type": "object"},
    {"type": "object", "oneOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"a": {"const": "x"}}, "required": ["a"]}]},
]]
TREE = {"$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
                           "required": ["v"], "additionalProperties": False}}, "$ref": "#/$defs/node"}
CASES.append((TREE, [{"v": 1}, {"v": 1, "next": None}, {"v": 1, "next": {"v": 2, "next": {"v": 3}}}, {"v": 1, "next": {"v": "x"}}, {"next": None}, {},
                     {"v": 1, "next": {"v": 2, "x": 1}}]))
CASES.append(({"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "additionalProperties": False},
              [{}, {"children": []}, {"children": [{}, {"children": [{}]}]}, {"children": [1]}, {"child": []}]))
CASES += [
    formats("date", ["2024-02-29", "2023-12-31", "2000-02-29", "1999-01-01"],
            ["2023-02-29", "1900-02-29", "2024-13-01", "2024-04-31", "24-01-01", "2024-1-1", "x2024-01-01"]),
    formats("time", ["12:00:00Z", "23:59:59+05:30", "00:00:00.123-08:00"], ["24:00:00Z", "12:60:00Z", "12:00", "1:00:00Z"]),
    formats("date-time", ["2024-02-29T12:00:00Z", "2023-01-01T00:00:00.5+01:00"], ["2023-02-29T12:00:00Z", "2023-01-01", "2023-01-01T25:00:00Z"]),
    formats("uuid", ["123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"],
            ["123e4567e89b12d3a456426614174000", "g23e4567-e89b-12d3-a456-426614174000", ""]),
    formats("email", ["a@b.com", "first.last+tag@sub.example.org"], ["", "a", "nothing here"]),
    formats("ipv4", ["0.0.0.0", "255.255.255.255", "192.168.1.10"], ["256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4"]),
    formats("ipv6", ["::", "::1", "2001:db8::ff00:42:8329", "1:2:3:4:5:6:7:8", "fe80::"], ["1:2:3:4:5:6:7:8:9", ":::", "12345::", "g::"]),
]


def main():
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    path = pathlib.Path(__file__).parent.parent / "src/testing/data/schema_cases.jsonl"
    with open(path, "w") as out:
        for schema, values in CASES:
            validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
            row = {"schema": json.dumps(schema, ensure_ascii=False), "valid": [], "invalid": []}
            for i, value in enumerate(values):
                if "pattern" in str(schema) and "$" in str(schema) and value == "a\n":
                    continue  # Python's $ matches before a line end, ECMAScript's does not
                text = json.dumps(value, ensure_ascii=False, separators=[None, (",", ":")][i % 2])
                if isinstance(value, float) and value == int(value) and "integer" in str(schema):
                    continue  # 1.0 is written 1
                row["valid" if validator.is_valid(value) else "invalid"].append(text)
            assert row["valid"], schema
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


main()
