package import Compression
package import HTTP2
import Vocabulary

/// How the peer compresses its messages, as its `grpc-encoding` header says.
package enum MessageEncoding: Hashable, Sendable {
    /// Not at all; also when there is no header.
    case identity
    case compressed(CompressionFormat)
    /// In a way this side does not understand.
    case unsupported(String)

    /// What both sides announce in `grpc-accept-encoding`.
    static let accepted: StaticString = "identity,deflate,gzip"

    /// The encoding called `name`.
    package init(_ name: UnsafeRawBufferPointer) {
        switch name.count {
        case 4 where name.equals("gzip"): self = .compressed(.gzip)
        case 7 where name.equals("deflate"): self = .compressed(.deflate)
        case 8 where name.equals("identity"): self = .identity
        default: self = .unsupported(String(decoding: name.prefix(100), as: UTF8.self))
        }
    }

    /// What messages with the flag are compressed with; nil when there is no way to read them.
    package var format: CompressionFormat? {
        guard case .compressed(let format) = self else { return nil }
        return format
    }

    /// Whether the sender of `block` lists `format` in `grpc-accept-encoding`.
    package static func isAccepted(_ format: CompressionFormat, by block: HeaderBlock) -> Bool {
        var isListed = false
        block.forEach { name, value in
            guard name.count == 20, name.equals("grpc-accept-encoding") else { return }
            for part in value.split(separator: UInt8(ascii: ",")) {
                let start = part.firstIndex { $0 != UInt8(ascii: " ") } ?? part.endIndex
                let end = part.lastIndex { $0 != UInt8(ascii: " ") }.map { $0 + 1 } ?? start
                if part[start..<end].elementsEqual(format.rawValue.utf8) { isListed = true }
            }
        }
        return isListed
    }
}

extension ServingError {
    /// Why a compressed message from the peer could not be read.
    ///
    /// - Source: grpc/grpc `doc/statuscodes.md`.
    init(_ error: CompressionError) {
        switch error {
        case .malformed:
            self.init(.internal, "a compressed message cannot be decompressed", label: "malformed_compression")
        case .tooLong(let byteCountMax):
            self.init(
                .resourceExhausted, "a compressed message holds more than the limit of \(byteCountMax) bytes",
                label: "message_too_long")
        case .outOfMemory:
            self.init(.resourceExhausted, "no memory to decompress a message", label: "out_of_memory")
        }
    }
}

extension Codec {
    /// A message ready to be sent: compressed when that makes it shorter.
    func frame(_ message: Bytes, _ format: CompressionFormat) -> FramedMessage {
        compress(message, format).map { FramedMessage($0, isCompressed: true) } ?? FramedMessage(message)
    }
}
