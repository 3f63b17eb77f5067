package import Vocabulary

/// A protobuf message as a plain Swift value.
///
/// The types come from the files in `Proto/`, comments included. What is particular about them:
/// - a field of a newer schema is skipped and does not come back when the value is encoded;
/// - a value of a newer schema in an enum field is kept as `.unrecognized`;
/// - `bytes` fields are not copied again after decoding: they share the one arena of the whole message, and keep all
///   of it alive;
/// - texts are valid UTF-8 and may contain NUL;
/// - of two map entries with the same key the last one counts.
///
/// A field that comes in another wire type than the schema's makes the whole message malformed, and of a submessage
/// field that is not repeated but comes twice some scalars of the first may be lost: there protobuf-c is stricter, and
/// poorer, than the specification, and no encoder writes such messages.
package protocol Message: Equatable, Sendable {
    /// Decodes the bytes of one message.
    ///
    /// - Complexity: O(bytes), in time and memory; see `Arena.byteBudget(forMessageOf:)` for the limit.
    init(decoding bytes: Bytes) throws(MessageError)

    /// The bytes of this message, map entries ordered by key; equal values have equal bytes.
    ///
    /// - Complexity: one allocation of the exact size; contents of `bytes` fields are copied once, into it.
    func encoded() -> Bytes
}

/// Why bytes are not the message they should be.
package enum MessageError: Error, Equatable, CustomStringConvertible {
    /// The bytes of a message end early, contradict themselves, or hold a field of another type than the schema's.
    case malformed(message: String, byteCount: Int)
    /// A text field, by full name, is not UTF-8.
    case invalidUTF8(field: String)
    /// The bytes would grow beyond all proportion in memory.
    case tooExpensive(message: String, byteCount: Int, byteBudget: Int)
    /// No protobuf message may be this long.
    case tooLong(message: String, byteCount: Int)

    package var description: String {
        switch self {
        case .malformed(let message, let byteCount):
            "the \(byteCount) bytes are not a \(message): truncated, or a field is malformed or of another type"
        case .invalidUTF8(let field):
            "\(field) is not valid UTF-8"
        case .tooExpensive(let message, let byteCount, let byteBudget):
            "the \(byteCount) bytes of a \(message) would take more than \(byteBudget) bytes when decoded"
        case .tooLong(let message, let byteCount):
            "\(byteCount) bytes are too many for a \(message); the limit of protobuf is 2147483647"
        }
    }
}
