// Made by Proto/generate from opentelemetry/proto/resource/v1/resource.proto.
// swift-format-ignore-file

/// The program that made what is sent, and where it runs.
package struct OTLPResource: Message {
    /// Such as `service.name`; each key once.
    package var attributes: [OTLPKeyValue]
    /// How many were left out.
    package var droppedAttributesCount: UInt32

    package init(attributes: [OTLPKeyValue] = [], droppedAttributesCount: UInt32 = 0) {
        self.attributes = attributes
        self.droppedAttributesCount = droppedAttributesCount
    }
}
