// Made by Proto/generate from opentelemetry/proto/common/v1/common.proto.
// swift-format-ignore-file

/// A value of one of several types.
package struct OTLPAnyValue: Message {
    /// The value; absent for the empty value.
    package enum Value: Equatable, Sendable {
        /// A text.
        case stringValue(String)
        /// A truth value.
        case boolValue(Bool)
        /// A whole number.
        case intValue(Int64)
        /// A number.
        case doubleValue(Double)
    }

    /// The value; absent for the empty value.
    package var value: Value?

    package init(value: Value? = nil) {
        self.value = value
    }
}

/// One thing that is said about something.
package struct OTLPKeyValue: Message {
    /// Lower-case words between dots, such as `service.name`.
    package var key: String
    /// What is said.
    package var value: OTLPAnyValue?

    package init(key: String = "", value: OTLPAnyValue? = nil) {
        self.key = key
        self.value = value
    }
}

/// The part of a program that made what is sent.
package struct OTLPInstrumentationScope: Message {
    /// Its name.
    package var name: String
    /// Its version.
    package var version: String

    package init(name: String = "", version: String = "") {
        self.name = name
        self.version = version
    }
}
