// Made by Proto/generate from opentelemetry/proto/resource/v1/resource.proto.
// swift-format-ignore-file

import CMessages

extension OTLPResource: StoredMessage {
    typealias Stored = Opentelemetry__Proto__Resource__V1__Resource
    static let storedType = StoredType(opentelemetry__proto__resource__v1__resource__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        attributes = try arena.messages(stored.attributes, stored.n_attributes)
        droppedAttributesCount = stored.dropped_attributes_count
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_attributes, stored.attributes) = arena.store(attributes)
        stored.dropped_attributes_count = droppedAttributesCount
    }
}
