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

extension ModelSelector {
    /// Reads which model a serialised request names, without decoding the rest of it.
    ///
    /// Every request that names a model has its name in field 1 and its version in field 2; whatever else there is, is
    /// passed over. Nil for bytes that name none, and for those that are no message: whoever decodes them says so.
    init?(peekingAt bytes: Bytes) {
        var name = ""
        var version = ""
        let isMessage = bytes.withUnsafeBytes { bytes in
            var cursor = WireCursor(bytes, in: 0..<bytes.count)
            while !cursor.isAtEnd {
                guard let key = cursor.varint() else { return false }
                switch (key >> 3, key & 7) {
                // As in protobuf, the last one counts.
                case (1, 2):
                    guard let text = cursor.text() else { return false }
                    name = text
                case (2, 2):
                    guard let text = cursor.text() else { return false }
                    version = text
                case (_, let type):
                    guard cursor.skipValue(ofType: UInt8(type)) else { return false }
                }
            }
            return true
        }
        guard isMessage, !name.isEmpty, let selector = try? ModelSelector(name: name, version: version) else {
            return nil
        }
        self = selector
    }
}
