"""Writes the Swift values of module Messages, and the code between them and protobuf-c's structs.

    python3 swift_messages.py DESCRIPTOR_SET OUTPUT_FOLDER

DESCRIPTOR_SET is what `protoc --include_imports --include_source_info --descriptor_set_out` writes. For each .proto
file there are two Swift files: `Text.swift`, the values and the methods of the services, documented by the comments
of the .proto file, and `Text+Stored.swift`, one line a field to copy from and to protobuf-c's struct.

Needs nothing but Python: the descriptors are read by the few lines of wire format below.
"""

import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

# The same as grpc.reflection.v1 on the wire, so its messages serve for both.
WITHOUT_SWIFT = {"grpc.reflection.v1alpha"}

# What stands before the Swift names of packages that others made, by how they begin: whose names ours would clash with,
# or whose words Swift code has other uses for, such as Span.
PREFIXES = {"etcdserverpb": "Etcd", "opentelemetry.": "OTLP", "tei.v1": "TEI"}


# The wire format: just enough to read descriptors.

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    """The fields of a message: number -> values, each an int or bytes."""
    found, at = defaultdict(list), 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            count, at = varint(data, at)
            value, at = data[at:at + count], at + count
        else:
            raise ValueError(f"descriptors have no wire type {key & 7}")
        found[key >> 3].append(value)
    return found


def text(found, number):
    return found[number][-1].decode() if found[number] else ""


def number(found, field_number):
    return found[field_number][-1] if found[field_number] else 0


# Descriptors. Field numbers are those of google/protobuf/descriptor.proto.

# Type of a field -> its Swift type and, for scalars, whether protobuf-c keeps it under another type.
SCALARS = {1: "Double", 2: "Float", 3: "Int64", 4: "UInt64", 5: "Int32", 6: "UInt64", 7: "UInt32", 8: "Bool", 9: "String",
           12: "Bytes", 13: "UInt32"}
MESSAGE, ENUM = 11, 14
REPEATED = 3


@dataclass
class Field:
    name: str
    number: int
    type: int
    type_name: str
    repeated: bool
    oneof: int | None
    optional: bool
    comment: str

    @property
    def swift(self):
        return lower_camel(self.name)


@dataclass
class Enum:
    name: str
    values: list  # (name, number, comment)
    comment: str


@dataclass
class Message:
    name: str
    full_name: str
    fields: list
    oneofs: list  # (name, comment)
    messages: list
    enums: list
    is_map_entry: bool
    comment: str


@dataclass
class Method:
    name: str
    input: str
    output: str
    client_streams: bool
    server_streams: bool
    comment: str


@dataclass
class Service:
    name: str
    methods: list
    comment: str


@dataclass
class File:
    name: str
    package: str
    messages: list
    enums: list
    services: list = field(default_factory=list)


class Comments:
    """The comment above each declaration, by its path in the file's descriptor."""

    def __init__(self, source_info):
        self.by_path = {}
        for location in fields(source_info)[1]:
            found = fields(location)
            packed, path, at = (found[1] or [b""])[0], [], 0
            while at < len(packed):
                step, at = varint(packed, at)
                path.append(step)
            self.by_path[tuple(path)] = text(found, 3).strip("\n")

    def of(self, path, what):
        comment = self.by_path.get(path, "")
        if not comment:
            raise ValueError(f"{what} has no comment")
        return "\n".join(line.removeprefix(" ") for line in comment.split("\n"))


def read_enum(data, path, comments):
    found = fields(data)
    name, values = text(found, 1), []
    for index, value in enumerate(map(fields, found[2])):
        values.append((text(value, 1), number(value, 2), comments.of(path + (2, index), text(value, 1))))
    return Enum(name, values, comments.of(path, name))


def read_message(data, scope, path, comments):
    found = fields(data)
    name = text(found, 1)
    full_name = f"{scope}.{name}"
    is_map_entry = bool(number(fields((found[7] or [b""])[0]), 7))
    oneofs = [text(fields(oneof), 1) for oneof in found[8]]

    def comment(below, what):
        return "" if is_map_entry else comments.of(path + below, f"{full_name} {what}")

    message_fields = []
    for index, value in enumerate(map(fields, found[2])):
        optional = bool(number(value, 17))
        message_fields.append(Field(
            text(value, 1), number(value, 3), number(value, 5), text(value, 6).removeprefix("."),
            number(value, 4) == REPEATED, value[9][0] if value[9] and not optional else None, optional,
            comment((2, index), text(value, 1))))
    real = {f.oneof for f in message_fields if f.oneof is not None}
    return Message(
        name, full_name, message_fields,
        [(oneof, comment((8, index), oneof)) if index in real else None for index, oneof in enumerate(oneofs)],
        [read_message(m, full_name, path + (3, i), comments) for i, m in enumerate(found[3])],
        [read_enum(e, path + (4, i), comments) for i, e in enumerate(found[4])],
        is_map_entry, comment((), ""))


def read_service(data, path, comments):
    found = fields(data)
    methods = []
    for index, value in enumerate(map(fields, found[2])):
        methods.append(Method(
            text(value, 1), text(value, 2).removeprefix("."), text(value, 3).removeprefix("."),
            bool(number(value, 5)), bool(number(value, 6)), comments.of(path + (2, index), text(value, 1))))
    return Service(text(found, 1), methods, comments.of(path, text(found, 1)))


def read_file(data):
    found = fields(data)
    package, comments = text(found, 2), Comments((found[9] or [b""])[0])
    return File(
        text(found, 1), package,
        [read_message(m, package, (4, i), comments) for i, m in enumerate(found[4])],
        [read_enum(e, (5, i), comments) for i, e in enumerate(found[5])],
        [read_service(s, (6, i), comments) for i, s in enumerate(found[6])])


def walk(messages):
    for message in messages:
        yield message
        yield from walk(message.messages)


def refuse_recursion(files):
    """protobuf-c calls itself for each message in a message. As no type may contain itself, the schema bounds how
    deep that goes, whatever bytes come in."""
    inside = {m.full_name: {f.type_name for f in m.fields if f.type == MESSAGE} for x in files for m in walk(x.messages)}

    def visit(name, above):
        if name in above:
            raise ValueError(f"{name} contains itself; nothing would bound the stack that decoding it takes")
        for below in inside[name]:
            visit(below, above | {name})

    for name in inside:
        visit(name, frozenset())


# Names.

def lower_camel(name):
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def upper_camel(name):
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def c_type(full_name):
    return "__".join(upper_camel(part) for part in full_name.split("."))


def c_function(full_name, verb):
    return "__".join(re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", part).lower() for part in full_name.split(".") + [verb])


def case_names(enum):
    """Swift case for each value: without the name of the enum that proto3 style puts in front."""
    prefix = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", enum.name).upper() + "_"
    return [lower_camel(name.removeprefix(prefix)) for name, _, _ in enum.values]


def prefix_of(package):
    return next((prefix for start, prefix in PREFIXES.items() if package.startswith(start)), "")


def escaped(name):
    """A case whose name is a word of Swift, where it is declared; behind a dot it needs nothing."""
    return f"`{name}`" if name in {"internal", "public", "private", "default"} else name


class Schema:
    """All files, and what a type's full name is called in Swift."""

    def __init__(self, files):
        self.files = files
        messages = [m for x in files for m in walk(x.messages)]
        self.entries = {m.full_name: m for m in messages if m.is_map_entry}
        self.enums = {f"{x.package}.{e.name}": e for x in files for e in x.enums}
        self.enums |= {f"{m.full_name}.{e.name}": e for m in messages for e in m.enums}
        packages = sorted({x.package for x in files}, key=len, reverse=True)
        self.package_of = lambda name: next(p for p in packages if name.startswith(p + "."))

    def swift_type(self, full_name):
        package = self.package_of(full_name)
        return prefix_of(package) + full_name.removeprefix(package + ".")

    def element(self, f):
        return SCALARS[f.type] if f.type in SCALARS else self.swift_type(f.type_name)

    def entry(self, f):
        return self.entries.get(f.type_name) if f.type == MESSAGE and f.repeated else None

    def property(self, f):
        """Swift type and default value of a field."""
        if entry := self.entry(f):
            return f"[{self.element(entry.fields[0])}: {self.element(entry.fields[1])}]", "[:]"
        if f.repeated:
            return f"[{self.element(f)}]", "[]"
        if f.optional or f.type == MESSAGE:
            return f"{self.element(f)}?", "nil"
        zero = {"Bool": "false", "String": '""', "Bytes": "Bytes()"}
        if f.type == ENUM:
            return self.element(f), f".{case_names(self.enums[f.type_name])[0]}"
        return self.element(f), zero.get(self.element(f), "0")


# Writing Swift.

class Lines:
    def __init__(self):
        self.lines, self.depth = [], 0

    def __call__(self, line=""):
        self.lines.append("    " * self.depth + line if line else "")

    def comment(self, comment):
        for line in comment.split("\n"):
            self(f"/// {line}".rstrip())

    def block(self, opening):
        return Block(self, opening)

    def text(self):
        return "\n".join(self.lines) + "\n"


class Block:
    def __init__(self, out, opening):
        self.out, self.opening = out, opening

    def __enter__(self):
        self.out(self.opening + " {")
        self.out.depth += 1

    def __exit__(self, *_):
        self.out.depth -= 1
        self.out("}")


def properties(message, schema):
    """(name, type, default, comment) of each property; the fields of a oneof share one."""
    seen = set()
    for f in message.fields:
        if f.oneof is None:
            yield f.swift, *schema.property(f), f.comment
        elif f.oneof not in seen:
            seen.add(f.oneof)
            name, comment = message.oneofs[f.oneof]
            yield lower_camel(name), f"{upper_camel(name)}?", "nil", comment


def write_initialiser(out, message, schema, access):
    """A memberwise initialiser with a default for each property, broken over lines only where it must be."""
    all_properties = list(properties(message, schema))
    parameters = [f"{name}: {kind} = {default}" for name, kind, default, _ in all_properties]
    line = f"{access}init({', '.join(parameters)})"
    if not parameters:
        out(f"{access}init() {{}}")
        return
    if len(line) + 4 * out.depth + 2 > 120:
        out(f"{access}init(")
        for index, parameter in enumerate(parameters):
            out(f"    {parameter}" + ("," if index + 1 < len(parameters) else ""))
        line = ")"
    with out.block(line):
        for name, *_ in all_properties:
            out(f"self.{name} = {name}")


def write_enum(out, enum, prefix=""):
    """An open enum: a value that this schema does not know stays what it is."""
    out.comment(enum.comment)
    names = case_names(enum)
    with out.block(f"package enum {prefix}{enum.name}: Hashable, Sendable"):
        for name, (_, _, comment) in zip(names, enum.values):
            out.comment(comment)
            out(f"case {escaped(name)}")
        out("/// A value of a newer schema.")
        out("case unrecognized(Int32)")
        out()
        out("/// The value on the wire.")
        with out.block("package var rawValue: Int32"):
            with out.block("switch self"):
                out.depth -= 1
                for name, (_, value, _) in zip(names, enum.values):
                    out(f"case .{name}: {value}")
                out("case .unrecognized(let value): value")
                out.depth += 1
        out()
        out("/// Any value has a case.")
        with out.block("package init(rawValue: Int32)"):
            with out.block("switch rawValue"):
                out.depth -= 1
                for name, (_, value, _) in zip(names, enum.values):
                    out(f"case {value}: self = .{name}")
                out("default: self = .unrecognized(rawValue)")
                out.depth += 1


def write_struct(out, message, schema, prefix=""):
    out.comment(message.comment)
    with out.block(f"package struct {prefix}{message.name}: Message"):
        for enum in message.enums:
            write_enum(out, enum)
            out()
        for nested in message.messages:
            if not nested.is_map_entry:
                write_struct(out, nested, schema)
                out()
        for index, oneof in enumerate(message.oneofs):
            if oneof:
                out.comment(oneof[1])
                with out.block(f"package enum {upper_camel(oneof[0])}: Equatable, Sendable"):
                    for f in message.fields:
                        if f.oneof == index:
                            out.comment(f.comment)
                            out(f"case {f.swift}({schema.element(f)})")
                out()
        for name, kind, _, comment in properties(message, schema):
            out.comment(comment)
            out(f"package var {name}: {kind}")
        if message.fields:
            out()
        write_initialiser(out, message, schema, "package ")


def write_service(out, service, package, schema):
    out.comment(service.comment)
    with out.block(f"package enum {prefix_of(package)}{service.name}Methods"):
        out("/// The full name of the service.")
        out(f'package static let service = "{package}.{service.name}"')
        for m in service.methods:
            streams = "".join(
                f", {side}Streams: true" for side, on in [("client", m.client_streams), ("server", m.server_streams)] if on)
            out()
            out.comment(m.comment)
            name = m.name[:1].lower() + m.name[1:]
            types = f"{schema.swift_type(m.input)}, {schema.swift_type(m.output)}"
            out(f"package static let {name} = MethodSignature<{types}>(")
            out(f'    path: "/{package}.{service.name}/{m.name}"{streams})')


def start(x):
    out = Lines()
    out(f"// Made by Proto/generate from {x.name}.")
    out("// swift-format-ignore-file")
    out()
    return out


def values_file(x, schema):
    out = start(x)
    if any(f.type == 12 for m in walk(x.messages) for f in m.fields):
        out("package import Vocabulary")
        out()
    for service in x.services:
        write_service(out, service, x.package, schema)
        out()
    for enum in x.enums:
        write_enum(out, enum, prefix_of(x.package))
        out()
    for message in x.messages:
        write_struct(out, message, schema, prefix_of(x.package))
        out()
    out.lines.pop()
    return out.text()


def read_value(f, c, path, schema, in_entry=False):
    """The Swift expression for one value of a field of protobuf-c's struct."""
    label = f'"{path}.{f.name}"'
    if f.type == MESSAGE:
        value = f"try arena.message({c})"
        return f"{value} ?? {schema.element(f)}()" if in_entry else value
    if f.type == ENUM:
        return f"{schema.element(f)}(rawValue: Int32(bitPattern: {c}.rawValue))"
    return {"String": f"try arena.string({c}, {label})", "Bytes": f"arena.bytes({c})", "Bool": f"{c} != 0"}.get(
        SCALARS[f.type], c)


def write_reading(out, message, schema):
    for f in message.fields:
        c = f"stored.{f.name}"
        if f.oneof is not None:
            continue
        if f.repeated:
            pair = f"{c}, stored.n_{f.name}"
            if entry := schema.entry(f):
                out(f"{f.swift} = try arena.dictionary({pair}, of: {entry.name}.self)")
            elif f.type == MESSAGE:
                out(f"{f.swift} = try arena.messages({pair})")
            elif f.type == 9:
                out(f'{f.swift} = try arena.strings({pair}, "{message.full_name}.{f.name}")')
            elif f.type == 12:
                out(f"{f.swift} = arena.byteStrings({pair})")
            elif f.type == 8:
                out(f"{f.swift} = arena.truthValues({pair})")
            else:
                out(f"{f.swift} = arena.values({pair})")
        elif f.optional:
            value = read_value(f, c, message.full_name, schema)
            out(f"{f.swift} = stored.{f.name}_presence_case.rawValue == {f.number} ? {value} : nil")
        else:
            out(f"{f.swift} = {read_value(f, c, message.full_name, schema, message.is_map_entry)}")
    for index, oneof in enumerate(message.oneofs):
        if not oneof:
            continue
        with out.block(f"switch stored.{oneof[0]}_case.rawValue"):
            out.depth -= 1
            for f in message.fields:
                if f.oneof == index:
                    value = read_value(f, f"stored.{f.name}", message.full_name, schema)
                    if f.type == MESSAGE:
                        value += f" ?? {schema.element(f)}()"
                    out(f"case {f.number}: {lower_camel(oneof[0])} = .{f.swift}({value})")
            out(f"default: {lower_camel(oneof[0])} = nil")
            out.depth += 1


def write_value(f, value):
    """The expression that protobuf-c's struct gets for a Swift value."""
    if f.type == MESSAGE or SCALARS.get(f.type) in ("String", "Bytes"):
        return f"arena.store({value})"
    if f.type == ENUM:
        return f"{c_type(f.type_name)}(UInt32(bitPattern: {value}.rawValue))"
    return f"{value} ? 1 : 0" if SCALARS[f.type] == "Bool" else value


def write_writing(out, message, schema):
    for f in message.fields:
        if f.oneof is not None:
            continue
        if f.repeated:
            entry = schema.entry(f)
            value = f"{f.swift}, as: {entry.name}.self" if entry else f.swift
            out(f"(stored.n_{f.name}, stored.{f.name}) = arena.store({value})")
        elif f.optional:
            with out.block(f"if let {f.swift}"):
                out(f"stored.{f.name}_presence_case = .init({f.number})")
                out(f"stored.{f.name} = {write_value(f, f.swift)}")
        else:
            out(f"stored.{f.name} = {write_value(f, f.swift)}")
    for index, oneof in enumerate(message.oneofs):
        if not oneof:
            continue
        with out.block(f"switch {lower_camel(oneof[0])}"):
            out.depth -= 1
            for f in message.fields:
                if f.oneof == index:
                    out(f"case .{f.swift}(let value):")
                    out(f"    stored.{oneof[0]}_case = .init({f.number})")
                    out(f"    stored.{f.name} = {write_value(f, 'value')}")
            out("case nil: break")
            out.depth += 1


def write_entry(out, entry, schema):
    owner, name = schema.swift_type(entry.full_name).rsplit(".", 1)
    with out.block(f"extension {owner}"):
        with out.block(f"struct {name}"):
            for f in entry.fields:
                kind, default = schema.element(f), schema.property(f)[1]
                out(f"var {f.swift}: {kind} = {f'{kind}()' if default == 'nil' else default}")
    out()


def write_stored(out, message, schema):
    if message.is_map_entry:
        write_entry(out, message, schema)
    conformance = "MapEntry" if message.is_map_entry else "StoredMessage"
    with out.block(f"extension {schema.swift_type(message.full_name)}: {conformance}"):
        out(f"typealias Stored = {c_type(message.full_name)}")
        out(f"static let storedType = StoredType({c_function(message.full_name, 'init')})")
        out()
        if not message.fields:
            out("init(_ stored: Stored, in arena: Arena) {}")
            out("func fill(_ stored: inout Stored, in arena: Arena) {}")
            return
        with out.block("init(_ stored: Stored, in arena: Arena) throws(MessageError)"):
            write_reading(out, message, schema)
        out()
        with out.block("func fill(_ stored: inout Stored, in arena: Arena)"):
            write_writing(out, message, schema)


def stored_file(x, schema):
    out = start(x)
    out("import CMessages")
    for message in walk(x.messages):
        out()
        write_stored(out, message, schema)
    return out.text()


def main(descriptor_set, folder):
    files = [read_file(data) for data in fields(Path(descriptor_set).read_bytes())[1]]
    refuse_recursion(files)
    schema = Schema(files)
    written, names = set(), set()
    for x in files:
        if x.package in WITHOUT_SWIFT:
            continue
        for declared in x.messages + x.enums:
            name = prefix_of(x.package) + declared.name
            if name in names:
                raise ValueError(f"two packages declare {name}, which Swift code would mix up")
            names.add(name)
        stem = upper_camel(Path(x.name).stem)
        if not stem.startswith(prefix_of(x.package)):
            stem = prefix_of(x.package) + stem
        if stem in written:
            raise ValueError(f"two files are named {stem}")
        written.add(stem)
        (Path(folder) / f"{stem}.swift").write_text(values_file(x, schema))
        (Path(folder) / f"{stem}+Stored.swift").write_text(stored_file(x, schema))


if __name__ == "__main__":
    main(*sys.argv[1:])
