"""Structured output through grpcio: whatever is generated parses, matches and validates, with jsonschema as the judge."""

import json
import random
import re

import grpc
import jsonschema
import pytest

from apus.text.v1 import text_pb2, text_pb2_grpc


@pytest.fixture(scope="module")
def text(channel):
    return text_pb2_grpc.TextStub(channel)


def answer(text, prompt="Once upon a time ", max_tokens=400, **fields):
    """The whole answer, which must have come to its own end."""
    messages = list(text.Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt=prompt, max_tokens=max_tokens, **fields)))
    assert messages[-1].finish_reason == text_pb2.FINISH_REASON_END_OF_TEXT
    return "".join(message.text for message in messages)


@pytest.mark.parametrize("pattern", [
    r"[A-Z][a-z]{2,10}( [A-Z][a-z]{2,10})?", r"\d{4}-\d{2}-\d{2}", r"(king|queen|(little )?mouse)!", r"[äöü🦊]{3}",
    r"(a|b|ab){4,6}c", r"[^a-zA-Z ]{5}", r"\p{Lu}\w{3}"])
def test_the_whole_answer_matches_a_regular_expression(text, pattern):
    for seed in range(4):
        got = answer(text, regex=pattern, temperature=1.2, seed=seed)
        assert re.fullmatch(pattern.replace(r"\p{Lu}", r"[^\W\d_]"), got, re.ASCII if "\\p" not in pattern else 0), got


def test_the_answer_is_one_of_the_choices(text):
    choices = ["wolf", "wolves", "little mouse", "日本"]
    seen = {answer(text, choices=text_pb2.Choices(texts=choices), temperature=10, seed=seed) for seed in range(40)}
    assert seen <= set(choices) and len(seen) > 1


def test_any_json_parses(text):
    for seed in range(5):
        # Any JSON may go on for long; whatever came to its end parses.
        messages = list(text.Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=120, json=True, temperature=1, seed=seed)))
        if messages[-1].finish_reason == text_pb2.FINISH_REASON_END_OF_TEXT:
            json.loads("".join(message.text for message in messages))


PERSON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Person", "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20, "description": "what people call them"},
        "born": {"type": "string", "format": "date"},
        "kind": {"enum": ["king", "mouse", None]},
        "height": {"type": "number", "exclusiveMinimum": 0, "maximum": 2.5},
        "children": {"type": "array", "items": {"$ref": "#/$defs/child"}, "maxItems": 2},
    },
    "required": ["name", "kind", "children"], "additionalProperties": False,
    "$defs": {"child": {"type": "object", "properties": {
        "name": {"type": "string", "pattern": "^[A-Z][a-z]{1,8}$"}, "age": {"type": "integer", "minimum": 0, "maximum": 30},
        "toy": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/child"}]}}, "required": ["name", "age"]}},
}


def check(value, schema):
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


def test_a_person_is_valid(text):
    for seed in range(6):
        value = json.loads(answer(text, json_schema=json.dumps(PERSON), temperature=1, seed=seed))
        check(value, PERSON)


def random_schema(draw, depth):
    kind = draw.randrange(0 if depth else 3, 12)
    if kind == 0:
        names = draw.sample(["name", "a\"b", "é", "age", "long name"], draw.randrange(4))
        schema = {"type": "object", "properties": {name: random_schema(draw, depth - 1) for name in names},
                  "required": draw.sample(names, draw.randrange(len(names) + 1))}
        if draw.random() < 0.3:
            schema["additionalProperties"] = False
        return schema
    if kind == 1:
        low = draw.randrange(3)
        schema = {"type": "array", "items": random_schema(draw, depth - 1), "minItems": low, "maxItems": low + draw.randrange(3)}
        if draw.random() < 0.5:
            schema["prefixItems"] = [random_schema(draw, depth - 1)]
        return schema
    if kind == 2:
        return {"anyOf": [random_schema(draw, depth - 1) for _ in range(2)]}
    if kind == 3:
        low = draw.randrange(-1000, 1000)
        return {"type": "integer", "minimum": low, "exclusiveMaximum": low + 1 + draw.randrange(5000)}
    if kind == 4:
        low = draw.choice([-3, -0.25, 0, 0.125, 7.5])
        return {"type": "number", "minimum": low, "exclusiveMaximum": low + draw.choice([0.5, 1, 12.75, 1000])}
    if kind == 5:
        return {"type": "string", "minLength": (low := draw.randrange(4)), "maxLength": low + draw.randrange(8)}
    if kind == 6:
        return {"type": "string", "pattern": draw.choice(["^a+$", "^[0-9]{2}", "^(x|yz){1,3}$", "^\"\\\\n?$"])} if draw.random() < 0.7 \
            else {"type": "string", "format": draw.choice(["date", "uuid", "ipv4", "email"])}
    if kind == 7:
        return {"enum": draw.sample(["yes", 3, None, 2.5, [1, {"a": "\n"}], {"k": []}], 3)}
    if kind == 8:
        low = draw.randrange(-500, 500)
        return {"type": "integer", "multipleOf": draw.choice([2, 7, 60, 250]), "minimum": low, "maximum": low + 2000}
    if kind == 9:
        return {"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "a"}, "n": {"type": "integer", "multipleOf": 5}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"enum": ["b", "c"]}}, "required": ["kind"]},
            {"type": ["null", "boolean"]}, {"enum": ["x", None]}]}
    if kind == 10:
        return {"type": "object", "patternProperties": {"^[a-c]{1,2}$": {"type": "boolean"}, "^n": {"type": "integer", "maximum": 9}},
                "additionalProperties": draw.choice([False, {"type": "null"}])}
    return {"type": ["boolean", "null"]}


@pytest.mark.parametrize("seed", range(30))
def test_random_schemas_get_valid_answers(text, seed):
    draw = random.Random(seed)
    schema = random_schema(draw, 3)
    # A pattern without an end may go on for long: it is the other schemas' turn to end by themselves.
    messages = list(text.Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt="Once", max_tokens=450, json_schema=json.dumps(schema), temperature=1, seed=seed)))
    if messages[-1].finish_reason == text_pb2.FINISH_REASON_END_OF_TEXT:
        check(json.loads("".join(message.text for message in messages)), schema)
    else:
        assert "pattern" in json.dumps(schema) or len(json.dumps(schema)) > 300, schema


@pytest.mark.parametrize("fields, words", [
    (dict(regex="(a"), "regex: a ( without its )"), (dict(regex="(?=a)b"), "regex: look-ahead is not supported"),
    (dict(choices=text_pb2.Choices()), "choices: expected 1"), (dict(json_schema="{"), "json_schema: is not JSON"),
    (dict(json_schema='{"type":"object","minProperties":1}'), "the keyword 'minProperties' is not supported"),
    (dict(json_schema='{"oneOf":[{"type":"integer"},{"type":"number"}]}'), "what is valid against 0 may be valid against 1 too"),
    (dict(json_schema='{"$ref":"#"}'), "refers to itself")])
def test_what_is_not_supported_is_refused_by_name(text, fields, words):
    with pytest.raises(grpc.RpcError) as error:
        list(text.Generate(text_pb2.GenerateRequest(model="storyteller", prompt="Once", **fields)))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert words in error.value.details()
