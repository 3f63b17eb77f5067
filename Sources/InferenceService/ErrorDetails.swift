import HTTP2
import Messages
import RPC
import Vocabulary

extension ServingError {
    /// Who gives the reasons, in the words of `google.rpc.ErrorInfo`.
    private static let reasonDomain = "apus"

    /// What is sent beside the status of a call that failed: a reason that programs can tell apart, and when to try
    /// again.
    ///
    /// Errors without a label of their own say no more than their code, so nothing is sent for them.
    ///
    /// - Source: googleapis `google/rpc/status.proto` and `error_details.proto`; gRFC A6, "Pushback".
    func appendDetails(to metadata: inout Metadata) {
        do {
            switch retryAdvice {
            case .after(let nanoseconds)?:
                // Rounded up: a millisecond too early is another refusal.
                let milliseconds = min(nanoseconds / 1_000_000 + 1, UInt64(Int32.max))
                try metadata.append("grpc-retry-pushback-ms", String(milliseconds))
            case .never?: try metadata.append("grpc-retry-pushback-ms", "-1")
            case nil: break
            }
            guard label != code.name.lowercased() else { return }
            try metadata.append(StatusDetails.name, binary: statusBytes)
        } catch {
            preconditionFailure("metadata of our own: \(error)")
        }
    }

    /// A `google.rpc.Status` with one `google.rpc.ErrorInfo`, serialised.
    private var statusBytes: Bytes {
        // ErrorInfo {reason = 1, domain = 2}
        let info = Self.message(texts: [(1, label.uppercased()), (2, Self.reasonDomain)])
        // google.protobuf.Any {type_url = 1, value = 2}
        let any = Self.message(texts: [(1, "type.googleapis.com/google.rpc.ErrorInfo")], content: (2, info))
        // Status {code = 1, message = 2, details = 3}
        return Bytes(Self.message(code: UInt8(code.rawValue), texts: [(2, message)], content: (3, any)))
    }

    /// The reason of a server of this kind for a call's failure, as its trailers have it; nil where they have none.
    static func reason(in trailers: HeaderBlock) -> String? {
        Metadata(trailers).firstBinary(of: StatusDetails.name)?.withUnsafeBytes { bytes in
            // As `statusBytes` writes it.
            guard let any = bytes.contents(of: 3, in: 0..<bytes.count).first,
                let info = bytes.contents(of: 2, in: any).first,
                let reason = bytes.contents(of: 1, in: info).first,
                let domain = bytes.contents(of: 2, in: info).first,
                String(utf8: UnsafeRawBufferPointer(rebasing: bytes[domain])) == reasonDomain
            else { return nil }
            return String(utf8: UnsafeRawBufferPointer(rebasing: bytes[reason]))
        }
    }

    /// The serialised fields of a message: a code at number 1, texts, and another message behind them.
    private static func message(
        code: UInt8? = nil, texts: [(number: UInt8, text: String)], content: (number: UInt8, bytes: [UInt8])? = nil
    ) -> [UInt8] {
        let byteCount =
            (code == nil ? 0 : 2) + texts.reduce(0) { $0 + WireWriter.byteCount(of: $1.text) }
            + (content.map { WireWriter.byteCount(ofContent: $0.bytes.count) } ?? 0)
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            var writer = WireWriter(UnsafeMutableRawBufferPointer(buffer))
            if let code {
                writer.byte(WireTag.varint(1))
                writer.byte(code)
            }
            for (number, text) in texts { writer.text(number, text) }
            if let content {
                writer.byte(WireTag.lengthPrefixed(content.number))
                writer.varint(UInt64(content.bytes.count))
                content.bytes.withUnsafeBytes { writer.content($0) }
            }
            count = writer.position
        }
    }
}
