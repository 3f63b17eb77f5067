import Messages
import RPC
package import Vocabulary

/// The reason that programs tell errors apart by: `google.rpc.ErrorInfo` among the details of a status.
///
/// - Source: googleapis `google/rpc/status.proto` and `error_details.proto`.
package enum ErrorReason {
    /// Longer reasons, or such with other characters than `A-Z 0-9 _`, are none.
    private static let byteCountMax = 63

    /// The reason in a serialised `google.rpc.Status`; nil when its details say none.
    package static func read(_ details: Bytes) -> String? {
        details.withUnsafeBytes { bytes in
            // Status {details = 3}, each a google.protobuf.Any {type_url = 1, value = 2}
            for any in contents(3, of: 0..<bytes.count, in: bytes) {
                let types = contents(1, of: any, in: bytes).map { text(of: $0, in: bytes) }
                guard types.last?.hasSuffix("/google.rpc.ErrorInfo") == true,
                    let info = contents(2, of: any, in: bytes).last,
                    // ErrorInfo {reason = 1}
                    let reason = contents(1, of: info, in: bytes).last.map({ text(of: $0, in: bytes) })
                else { continue }
                return isReason(reason) ? reason : nil
            }
            return nil
        }
    }

    private static func isReason(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= byteCountMax
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || byte == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }

    private static func text(of range: Range<Int>, in bytes: UnsafeRawBufferPointer) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    /// Where the length-prefixed fields of that number are; what follows something unreadable is left out.
    private static func contents(
        _ number: UInt8, of message: Range<Int>, in bytes: UnsafeRawBufferPointer
    ) -> [Range<Int>] {
        var cursor = WireCursor(bytes, in: message)
        var ranges: [Range<Int>] = []
        while !cursor.isAtEnd, let tag = cursor.tag() {
            if tag == WireTag.lengthPrefixed(number) {
                guard let range = cursor.content() else { break }
                ranges.append(range)
            } else if !cursor.skipValue(ofType: tag & 7) {
                break
            }
        }
        return ranges
    }
}
