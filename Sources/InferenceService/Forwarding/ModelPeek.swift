import Messages
import Routing
import Vocabulary

extension GenerateResponse {
    /// How many tokens a serialised message has, found without decoding the rest; 0 for bytes that are no message.
    ///
    /// They are in field 2, packed or one by one.
    static func tokenCount(peekingAt bytes: Bytes) -> UInt64 {
        bytes.withUnsafeBytes { bytes in
            var cursor = WireCursor(bytes, in: 0..<bytes.count)
            var count: UInt64 = 0
            while !cursor.isAtEnd {
                guard let key = cursor.varint() else { return 0 }
                switch (key >> 3, key & 7) {
                case (2, 2):
                    guard let content = cursor.content() else { return 0 }
                    // Each number ends with the one byte of it that is below 0x80.
                    for index in content where bytes[index] < 0x80 { count += 1 }
                case (let field, let type):
                    guard cursor.skipValue(ofType: UInt8(type)) else { return 0 }
                    if field == 2 { count += 1 }
                }
            }
            return count
        }
    }
}

/// Which model a serialised request names, read without decoding the rest of it.
///
/// Every request that names a model has its name in field 1 and its version in field 2; whatever else there is, is
/// passed over.
enum NamedModel: Equatable {
    /// The bytes are no message, or what should be text is none: whoever decodes them says so.
    case undecodable
    /// A message that names none.
    case unnamed
    /// As it is written, which need not be what a model can be called.
    case named(String, version: String)

    init(peekingAt bytes: Bytes) {
        self = bytes.withUnsafeBytes { bytes in
            guard let (name, version) = Self.places(in: bytes),
                let nameText = String(utf8: UnsafeRawBufferPointer(rebasing: bytes[name])),
                let versionText = String(utf8: UnsafeRawBufferPointer(rebasing: bytes[version]))
            else { return .undecodable }
            return nameText.isEmpty ? .unnamed : .named(nameText, version: versionText)
        }
    }

    /// Where name and version are in a message; nil for bytes that are none.
    fileprivate static func places(in bytes: UnsafeRawBufferPointer) -> (name: Range<Int>, version: Range<Int>)? {
        var cursor = WireCursor(bytes, in: 0..<bytes.count)
        // As in protobuf, the last one counts, and only of that it matters whether it is text.
        var name = 0..<0
        var version = 0..<0
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return nil }
            switch (key >> 3, key & 7) {
            case (1, 2):
                guard let content = cursor.content() else { return nil }
                name = content
            case (2, 2):
                guard let content = cursor.content() else { return nil }
                version = content
            case (_, let type):
                guard cursor.skipValue(ofType: UInt8(type)) else { return nil }
            }
        }
        return (name, version)
    }

    /// Nil also for what no model can be called.
    var selector: ModelSelector? {
        guard case .named(let name, let version) = self else { return nil }
        return try? ModelSelector(name: name, version: version)
    }
}

/// The model that the last request named, which the next one most likely names too: a value.
struct SelectorMemory {
    /// Name and version, one behind the other, and where the name ends.
    private var text: [UInt8] = []
    private var nameCount = 0
    private var selector: ModelSelector?

    /// As `NamedModel.selector`.
    mutating func selector(peekingAt request: Bytes) -> ModelSelector? {
        if let selector, namesSame(request) { return selector }
        selector = NamedModel(peekingAt: request).selector
        guard selector != nil else { return nil }
        request.withUnsafeBytes { bytes in
            guard let (name, version) = NamedModel.places(in: bytes) else { preconditionFailure("no message any more") }
            text = Array(bytes[name]) + bytes[version]
            nameCount = name.count
        }
        return selector
    }

    private func namesSame(_ request: Bytes) -> Bool {
        request.withUnsafeBytes { bytes in
            guard let (name, version) = NamedModel.places(in: bytes), name.count == nameCount,
                name.count + version.count == text.count
            else { return false }
            return text.withUnsafeBytes { text in
                UnsafeRawBufferPointer(rebasing: bytes[name]).holdsSameBytes(
                    as: UnsafeRawBufferPointer(rebasing: text[..<nameCount]))
                    && UnsafeRawBufferPointer(rebasing: bytes[version]).holdsSameBytes(
                        as: UnsafeRawBufferPointer(rebasing: text[nameCount...]))
            }
        }
    }
}
