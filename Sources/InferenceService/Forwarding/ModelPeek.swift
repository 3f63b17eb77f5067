import Messages
import Routing
import Vocabulary

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
