import HTTP2
package import Vocabulary

/// The richer form of a status: a serialised `google.rpc.Status` in `grpc-status-details-bin`.
///
/// Applications write and read it; here it is only kept from contradicting `grpc-status`.
/// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, googleapis `google/rpc/status.proto`.
package enum StatusDetails {
    package static let name = "grpc-status-details-bin"

    /// The field `code` (number 1, a varint) of the message, 0 when absent; nil when the bytes are no such message.
    package static func code(of bytes: Bytes) -> Int? {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            var code = 0
            while !rest.isEmpty {
                guard let tag = varint(&rest) else { return nil }
                switch tag & 7 {
                case 0:
                    guard let value = varint(&rest) else { return nil }
                    if tag >> 3 == 1 { code = Int(truncatingIfNeeded: value) }
                case 2:
                    guard let byteCount = varint(&rest), byteCount <= UInt64(rest.count) else { return nil }
                    rest = rest.dropFirst(Int(byteCount))
                default: return nil
                }
            }
            return code
        }
    }

    private static func varint(_ rest: inout Slice<UnsafeRawBufferPointer>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}

extension Metadata {
    /// The custom trailers of a response that ended with `code`; empty where none came.
    init(trailers: HeaderBlock?, of code: StatusCode) {
        guard let trailers else {
            self.init()
            return
        }
        self.init(trailers)
        removeStatusDetails(unlessOf: code)
    }

    /// Drops status details that say another code than the status, or nothing readable: `grpc-status` is what counts.
    mutating func removeStatusDetails(unlessOf code: StatusCode) {
        guard let details = firstBinary(of: StatusDetails.name) else { return }
        if StatusDetails.code(of: details) != Int(code.rawValue) { removeAll(StatusDetails.name) }
    }
}

extension RPCFailure {
    /// The server's `google.rpc.Status`, serialised; its code is that of `error`.
    package var statusDetails: Bytes? { trailingMetadata.firstBinary(of: StatusDetails.name) }
}
