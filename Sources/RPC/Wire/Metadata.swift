package import HTTP2
package import Vocabulary

/// The custom headers or trailers of a call: names with one value or more, text or bytes, in order.
///
/// Names are lower case; those that end in `-bin` carry bytes. Values of one name keep their order.
///
/// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, "Custom-Metadata".
package struct Metadata: Equatable, Sendable {
    /// A value, of the kind its name asks for.
    package enum Value: Equatable, Sendable {
        /// Printable ASCII.
        case text(String)
        /// Any bytes; base64 on the wire.
        case binary(Bytes)
    }

    /// One name and one of its values.
    package struct Entry: Equatable, Sendable {
        package let name: String
        package let value: Value

        /// A value that no other call has would only push others out of the peer's table, and a secret has no business
        /// in one.
        var indexing: HeaderList.Indexing {
            ["traceparent", "token", "authorization"].contains(name) ? .never : .allowed
        }
    }

    /// All entries, in order.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// Whether there are no entries.
    package var isEmpty: Bool { entries.isEmpty }

    /// Adds a text value behind the values `name` has.
    ///
    /// - Throws: `MetadataError` when the name is illegal, reserved or ends in `-bin`, or the value is not printable
    ///   ASCII.
    package mutating func append(_ name: String, _ text: String) throws(MetadataError) {
        try Self.check(name)
        guard !Self.isBinary(name) else { throw .wrongKind(name: name) }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 <= 0x7E }) else { throw .illegalValue(name: name) }
        entries.append(Entry(name: name, value: .text(text)))
    }

    /// Adds a binary value behind the values `name` has.
    ///
    /// - Throws: `MetadataError` when the name is illegal, reserved or does not end in `-bin`.
    package mutating func append(_ name: String, binary bytes: Bytes) throws(MetadataError) {
        try Self.check(name)
        guard Self.isBinary(name) else { throw .wrongKind(name: name) }
        entries.append(Entry(name: name, value: .binary(bytes)))
    }

    /// Removes all values of `name`.
    package mutating func removeAll(_ name: String) { entries.removeAll { $0.name == name } }

    /// The first text value of `name`.
    package func firstText(of name: String) -> String? {
        for entry in entries where entry.name == name {
            if case .text(let text) = entry.value { return text }
        }
        return nil
    }

    /// The first binary value of `name`.
    package func firstBinary(of name: String) -> Bytes? {
        for entry in entries where entry.name == name {
            if case .binary(let bytes) = entry.value { return bytes }
        }
        return nil
    }

    /// All values of `name`, in order.
    package func values(of name: String) -> [Value] {
        entries.filter { $0.name == name }.map(\.value)
    }

    private static func isBinary(_ name: String) -> Bool { name.utf8.suffix(4).elementsEqual("-bin".utf8) }

    private static func check(_ name: String) throws(MetadataError) {
        let bytes = Array(name.utf8)
        guard bytes.withUnsafeBytes({ $0.isMetadataName }) else { throw .illegalName(name) }
        guard bytes.withUnsafeBytes({ !ReservedHeader.contains($0) }) else { throw .reservedName(name) }
    }
}

/// Why an entry cannot be part of metadata.
package enum MetadataError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Names are made of `a-z 0-9 _ - .`.
    case illegalName(String)
    /// Names of HTTP and of gRPC itself.
    case reservedName(String)
    /// Text under a `-bin` name, or bytes under another.
    case wrongKind(name: String)
    /// Text values are printable ASCII.
    case illegalValue(name: String)

    package var description: String {
        switch self {
        case .illegalName(let name): "the metadata name '\(name)' is not made of a-z, 0-9, '_', '-' and '.'"
        case .reservedName(let name): "the metadata name '\(name)' is reserved"
        case .wrongKind(let name): "'\(name)': names that end in -bin take bytes, others take text"
        case .illegalValue(let name): "the value of '\(name)' is not printable ASCII"
        }
    }
}

/// The headers that belong to HTTP and gRPC, and are no metadata.
enum ReservedHeader {
    private static let names: [StaticString] = ["content-type", "te", "host", "user-agent", "connection"]
    /// Of the names that begin with `grpc-`, those meant for applications.
    private static let surfaced: [StaticString] = [
        "grpc-previous-rpc-attempts", "grpc-retry-pushback-ms", "grpc-status-details-bin",
    ]

    static func contains(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let first = name.first else { return true }
        switch first {
        case UInt8(ascii: ":"): return true
        case UInt8(ascii: "g") where name.count >= 5 && UnsafeRawBufferPointer(rebasing: name[..<5]).equals("grpc-"):
            return !surfaced.contains { name.equals($0) }
        case UInt8(ascii: "c"), UInt8(ascii: "t"), UInt8(ascii: "h"), UInt8(ascii: "u"):
            return names.contains { name.equals($0) }
        default: return false
        }
    }
}

extension Metadata {
    /// The metadata among received headers: everything that is not reserved.
    ///
    /// Names that HTTP allows and gRPC does not are left out, and so are values that are not what their name promises:
    /// the caller has checked `-bin` values where the protocol asks for it, and text that is not printable ASCII must
    /// not fail a call. So what is here can be sent.
    package init(_ block: HeaderBlock) {
        block.forEachMetadata { name, value in
            let text = String(decoding: name, as: UTF8.self)
            guard name.hasBinarySuffix else {
                entries.append(Entry(name: text, value: .text(String(decoding: value, as: UTF8.self))))
                return
            }
            for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                guard let bytes = Base64.decode(UnsafeRawBufferPointer(rebasing: part)) else { continue }
                entries.append(Entry(name: text, value: .binary(bytes)))
            }
        }
    }

    /// Appends the entries to a header list that is about to be sent.
    ///
    /// - Throws: `HTTP2Error.invalidHeader` for text received from a peer that HTTP/2 forbids.
    package func append(to list: inout HeaderList) throws(HTTP2Error) {
        for entry in entries {
            let name = Bytes(utf8: entry.name)
            let value: Bytes
            switch entry.value {
            case .text(let text): value = Bytes(utf8: text)
            case .binary(let bytes): value = Bytes(bytes.withUnsafeBytes { Base64.encode($0) })
            }
            try name.withUnsafeBytes { (name) throws(HTTP2Error) in
                try value.withUnsafeBytes { (value) throws(HTTP2Error) in
                    try list.append(name: name, value: value, indexing: entry.indexing)
                }
            }
        }
    }
}

extension HeaderBlock {
    /// Reads the fields that are metadata, as they came: none that is reserved or has an illegal name, and no text that
    /// is not printable ASCII, which is thrown away as the protocol allows, because it could not be sent on.
    func forEachMetadata(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        forEach { name, value in
            if Self.isMetadata(name, value) { body(name, value) }
        }
    }

    /// Whether there is one of those fields that `isWanted`.
    func containsMetadata(where isWanted: (_ name: UnsafeRawBufferPointer) -> Bool) -> Bool {
        contains { name, value in Self.isMetadata(name, value) && isWanted(name) }
    }

    private static func isMetadata(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        !ReservedHeader.contains(name) && name.isMetadataName && (value.isPrintableASCII || name.hasBinarySuffix)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isPrintableASCII: Bool { allSatisfy { $0 >= 0x20 && $0 <= 0x7E } }

    /// Whether this may be the name of metadata: not empty, of `a-z 0-9 _ - .`.
    var isMetadataName: Bool {
        !isEmpty
            && allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                    UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    /// Whether a header of this name carries base64.
    var hasBinarySuffix: Bool {
        count >= 4 && self[count - 4] == UInt8(ascii: "-") && self[count - 3] == UInt8(ascii: "b")
            && self[count - 2] == UInt8(ascii: "i") && self[count - 1] == UInt8(ascii: "n")
    }
}
