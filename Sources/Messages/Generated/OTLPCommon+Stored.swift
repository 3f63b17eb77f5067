// Made by Proto/generate from opentelemetry/proto/common/v1/common.proto.
// swift-format-ignore-file

import CMessages

extension OTLPAnyValue: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Common__V1__AnyValue
    static let storedType = StoredType(opentelemetry__proto__common__v1__any_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        switch stored.value_case.rawValue {
        case 1: value = .stringValue(try arena.string(stored.string_value, "opentelemetry.proto.common.v1.AnyValue.string_value"))
        case 2: value = .boolValue(stored.bool_value != 0)
        case 3: value = .intValue(stored.int_value)
        case 4: value = .doubleValue(stored.double_value)
        default: value = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        switch value {
        case .stringValue(let value):
            stored.value_case = .init(1)
            stored.string_value = arena.store(value)
        case .boolValue(let value):
            stored.value_case = .init(2)
            stored.bool_value = value ? 1 : 0
        case .intValue(let value):
            stored.value_case = .init(3)
            stored.int_value = value
        case .doubleValue(let value):
            stored.value_case = .init(4)
            stored.double_value = value
        case nil: break
        }
    }
}

extension OTLPKeyValue: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Common__V1__KeyValue
    static let storedType = StoredType(opentelemetry__proto__common__v1__key_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = try arena.string(stored.key, "opentelemetry.proto.common.v1.KeyValue.key")
        value = try arena.message(stored.value)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = arena.store(key)
        stored.value = arena.store(value)
    }
}

extension OTLPInstrumentationScope: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Common__V1__InstrumentationScope
    static let storedType = StoredType(opentelemetry__proto__common__v1__instrumentation_scope__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        name = try arena.string(stored.name, "opentelemetry.proto.common.v1.InstrumentationScope.name")
        version = try arena.string(stored.version, "opentelemetry.proto.common.v1.InstrumentationScope.version")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.name = arena.store(name)
        stored.version = arena.store(version)
    }
}
