"""Makes schemas/verdicts.json: texts and what jsonschema says of them, for the keywords that are hard to get right.

Numbers are read as decimals, so that 0.07 is a multiple of 0.01. All texts are written as Apus writes JSON (properties
in the order of the schema, no more decimals than the multiple has, only properties that the schema speaks of), so that
it has to take exactly the valid ones.

    python3 Tests/Fixtures/make_schema_verdicts.py
"""

import decimal
import json
import pathlib
import random

import jsonschema

draw = random.Random(7)


def integers(low, high, *more):
    return [str(number) for number in range(low, high)] + [str(number) for number in more]


def decimals(places):
    """Numbers near 0 and elsewhere with up to so many decimals."""
    texts = []
    for count in range(places + 1):
        for _ in range(60):
            number = draw.choice([draw.randrange(-30, 30), draw.randrange(-5000, 5000)])
            text = f"{abs(number):0{count + 1}d}"
            text = text if count == 0 else f"{text[:-count]}.{text[-count:]}"
            texts.append("-" + text if number < 0 else text)
    return sorted(set(texts))


MULTIPLES = [
    ({"type": "number", "multipleOf": 1, "minimum": -9}, integers(-12, 12)),
    ({"type": "integer", "multipleOf": 2}, integers(-40, 40, 10**17, 10**17 + 1)),
    ({"type": "integer", "multipleOf": 3}, integers(-40, 130)),
    ({"type": "integer", "multipleOf": 7, "minimum": -20, "maximum": 700}, integers(-50, 800)),
    ({"type": "integer", "multipleOf": 10}, integers(-40, 40, 100, 101, 110, 10**17, 10**17 + 5)),
    ({"type": "integer", "multipleOf": 60, "exclusiveMinimum": 0}, integers(-61, 400, 3600, 3601, 36000)),
    ({"type": "integer", "multipleOf": 86400, "maximum": 900000},
     integers(-2, 3, *range(0, 1000000, 21600), 8640, -86400, 86401, -864000, 86500)),
    ({"type": "integer", "multipleOf": 1000}, integers(-3, 3, 10, 100, 500, 1000, 1001, 10000, -2000, 123000, 123400)),
    ({"type": "integer", "multipleOf": 997}, integers(990, 1000, *range(0, 30000, 997), *range(1, 30000, 997))),
    ({"type": "integer", "multipleOf": decimal.Decimal("1.5")}, integers(-9, 9)),
    ({"type": "integer", "multipleOf": decimal.Decimal("2.5")}, integers(-30, 30)),
    ({"type": "number", "multipleOf": 3}, integers(-40, 40)),
    ({"type": "number", "multipleOf": decimal.Decimal("0.01")}, [*decimals(2), "0.001", "7.005"]),
    ({"type": "number", "multipleOf": decimal.Decimal("0.25")}, decimals(2)),
    ({"type": "number", "multipleOf": decimal.Decimal("2.5")}, decimals(1)),
    ({"type": "number", "multipleOf": decimal.Decimal("0.07"), "minimum": -1, "exclusiveMaximum": decimal.Decimal("2.8")},
     decimals(2) + ["2.8", "2.80", "2.73", "-0.98", "-1.05"]),
    ({"type": ["number", "null"], "multipleOf": decimal.Decimal("0.125")}, ["null", *decimals(3)]),
]

CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]}
DOG = {"type": "object", "properties": {"kind": {"enum": ["dog", "wolf"]}, "tricks": {"type": "array", "items": {"type": "string"}}},
       "required": ["kind"]}
KINDS = ['{"kind":"cat","lives":9}', '{"kind":"cat"}', '{"kind":"dog","tricks":["sit"]}', '{"kind":"wolf"}', '{"kind":"fish"}',
         "{}", '{"lives":9}', '{"kind":"cat","lives":"x"}']

ONE_OF = [
    ({"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, ["1", '"1"', "null", "true", "[]", "{}"]),
    ({"oneOf": [{"type": ["integer", "null"]}, {"type": ["boolean", "string"]}]}, ["1", "null", "true", '"a"', "[]"]),
    ({"oneOf": [{"type": "integer", "maximum": 5}, {"type": "integer", "exclusiveMinimum": 5, "maximum": 9}]},
     integers(-3, 14)),
    ({"oneOf": [{"type": "integer", "maximum": 5}, {"type": "number", "minimum": decimal.Decimal("5.5")}]},
     integers(-3, 14, 5.4, 5.5, 5.6)),
    ({"oneOf": [{"enum": [1, 2, 3]}, {"enum": [3, 4, "a"]}]}, [*integers(0, 6), '"a"', '"b"']),
    ({"oneOf": [{"enum": [1, 2, 7, "x", None]}, {"type": "integer", "minimum": 5, "maximum": 6}]},
     [*integers(0, 9), '"x"', "null"]),
    ({"oneOf": [{"const": {"a": 1, "b": [2]}}, {"enum": [{"b": [2], "a": 1}, {"b": [2]}]}]},
     ['{"a":1,"b":[2]}', '{"b":[2],"a":1}', '{"b":[2]}']),
    ({"oneOf": [{"enum": ["ab", "b1"]}, {"type": "string", "pattern": "^[0-9]+$"}]}, ['"ab"', '"b1"', '"12"', '"x"']),
    ({"oneOf": [{"enum": [10, 15, 20]}, {"enum": [15, 9]}, {"enum": [15, 20]}]}, integers(8, 22)),
    ({"oneOf": [CAT, DOG]}, KINDS),
    ({"oneOf": [{"$ref": "#/$defs/cat"}, {"allOf": [{"$ref": "#/$defs/dog"}]}], "$defs": {"cat": CAT, "dog": DOG},
      "discriminator": {"propertyName": "kind"}}, KINDS),
    ({"oneOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}]},
     ['{"a":1}', '{"b":1}', "{}", '{"a":1,"b":1}', '{"b":1,"a":1}']),
    ({"oneOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
                {"type": "object", "properties": {"a": {"type": "integer"}, "b": True}, "required": ["b"]}]},
     ['{"a":1}', "{}", '{"b":1}', '{"a":1,"b":null}', '{"a":"x"}']),
    ({"oneOf": [{"type": "object", "patternProperties": {"^x": {"type": "string"}}, "required": ["x1"]},
                {"type": "object", "properties": {"x1": {"type": "integer"}}, "required": ["x1"]}]},
     ['{"x1":"a"}', '{"x1":1}', '{"x1":null}', "{}", '{"x1":"a","x":"b"}', '{"x1":"a","x":1}']),
    ({"oneOf": [{"type": "array", "items": {"type": "integer"}, "maxItems": 2}, {"type": "array", "items": True, "minItems": 3}]},
     ["[]", "[1]", "[1,2]", "[1,2,3]", '["a"]', '[1,"a",null]']),
    ({"oneOf": [{"type": "array", "prefixItems": [{"const": "point"}], "items": {"type": "number"}, "minItems": 1},
                {"type": "array", "prefixItems": [{"const": "text"}, {"type": "string"}], "minItems": 1, "maxItems": 2}]},
     ['["point",1,2]', '["point"]', '["text"]', '["text","a"]', "[]", '["line"]', '["text",1]']),
    ({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "string", "minLength": 4, "maxLength": 6}]},
     [json.dumps("a" * count) for count in range(8)]),
    ({"oneOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}, {"type": "string", "maxLength": 0}]},
     ['""', '"a"', '"b1"', '"c"', '"ab"', '"ba"']),
    ({"oneOf": [{"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"oneOf": [{"type": "string"}, {"type": "boolean"}]}]},
     ["1", "null", '"a"', "true", "[]"]),
    ({"type": "object", "properties": {"next": {"oneOf": [{"type": "null"}, {"$ref": "#"}]}}, "required": ["next"]},
     ['{"next":null}', '{"next":{"next":null}}', '{"next":1}', "{}"]),
    ({"oneOf": [{"type": ["null", "boolean"]}, {"enum": ["x", None]}, {"const": True}]}, ["true", "false", "null", '"x"']),
    ({"oneOf": [{"type": "boolean"}]}, ["true", "false", "null"]),
]

HEADERS = {"type": "object", "patternProperties": {"^x-": {"type": "string"}, "^n-": {"type": "integer"}}}
PATTERNS = [
    (HEADERS, ["{}", '{"x-a":"b"}', '{"n-a":1,"x-":""}', '{"x-a":1}', '{"n-a":"b"}']),
    ({**HEADERS, "additionalProperties": False}, ["{}", '{"x-a":"b"}', '{"y":1}', '{"x":"a"}', '{"":"a"}']),
    ({**HEADERS, "additionalProperties": {"type": "null"}},
     ['{"y":null,"x-a":"b","z":null}', '{"y":1}', '{"x-a":null}', '{"x":null,"":null}', '{"é":null}', '{"x-é":"é"}']),
    ({"type": "object", "properties": {"id": {"type": "integer"}}, "patternProperties": {"^[a-z]{2,3}_": {"type": "boolean"}},
      "required": ["id"], "additionalProperties": False},
     ['{"id":1}', '{"id":1,"ab_x":true,"abc_":false}', '{"ab_x":true}', '{"id":1,"a_":true}', '{"id":1,"abcd_":true}',
      '{"id":1,"id2":true}']),
    ({"type": "object", "patternProperties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "additionalProperties": False},
     ['{"a":1}', '{"b":"x"}', '{"ab":1}', '{"ab":"x"}', '{"xa":1,"xb":""}', '{"c":1}']),
    ({"type": "object", "patternProperties": {"a": {"minimum": 3, "type": "integer"}, "b": True, "c": False}},
     ['{"a":3}', '{"a":2}', '{"ab":3}', '{"ab":1}', '{"b":[1]}', '{"ac":3}', '{"cb":1}']),
    ({"type": "object", "patternProperties": {"^k[0-9]$": {"type": "integer"}}, "required": ["k1", "k2"]},
     ['{"k1":1,"k2":2}', '{"k1":1}', '{"k1":1,"k2":"a"}', '{"k1":1,"k2":2,"k3":3}', '{"k1":1,"k2":2,"k3":"a"}']),
    ({"patternProperties": {"^a": {"const": 1}}, "properties": {"ab": {"const": 1}, "b": {"const": 2}}},
     ['{"ab":1,"b":2,"a":1}', '{"b":2,"a":2}', '{"ab":2}']),
]


def main():
    documents = []
    for schema, texts in MULTIPLES + ONE_OF + PATTERNS:
        jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(schema, default=float)))
        validator = jsonschema.Draft202012Validator(schema)
        verdicts = {True: [], False: []}
        for text in dict.fromkeys(texts):
            verdicts[validator.is_valid(json.loads(text, parse_float=decimal.Decimal))].append(text)
        # Decimals as they are, not as the doubles next to them.
        text = json.dumps(schema, default=lambda number: f"<{number}>").replace('"<', "").replace('>"', "")
        documents.append({"schema": text, "valid": verdicts[True], "invalid": verdicts[False]})
        assert verdicts[True] and verdicts[False], schema
    folder = pathlib.Path(__file__).parent / "schemas"
    folder.mkdir(exist_ok=True)
    (folder / "verdicts.json").write_text(
        "[\n" + ",\n".join(json.dumps(document, ensure_ascii=False) for document in documents) + "\n]\n")


if __name__ == "__main__":
    main()
