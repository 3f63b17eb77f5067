import Messages
import Tenancy
import Vocabulary

/// A request of which a stream has several, whose answers say what it has used.
protocol StreamMeteredRequest: MeteredRequest {
    /// What the request has used, read off a serialised answer without decoding the rest of it; nil unless it is the
    /// request's last and says so.
    static func used(peekingAt answer: Bytes) -> Consumption?
}

extension TEIEmbedRequest: StreamMeteredRequest {
    static func used(peekingAt answer: Bytes) -> Consumption? { Consumption(peekingAtTEIMetadataOf: answer) }
}

extension TEIEmbedAllRequest: StreamMeteredRequest {
    static func used(peekingAt answer: Bytes) -> Consumption? { Consumption(peekingAtTEIMetadataOf: answer) }
}

extension ModelInferRequest: StreamMeteredRequest {
    /// It is among the parameters, as `Consumption.parameters` writes them.
    static func used(peekingAt answer: Bytes) -> Consumption? {
        answer.withUnsafeBytes { bytes in
            // infer_response = 2
            guard let response = bytes.contents(of: 2, in: 0..<bytes.count).last else { return nil }
            var counts: [String: UInt64] = [:]
            // parameters = 4, of entries {key = 1, value = 2}
            for entry in bytes.contents(of: 4, in: response) {
                guard let key = bytes.contents(of: 1, in: entry).last,
                    let value = bytes.contents(of: 2, in: entry).last,
                    let name = String(utf8: UnsafeRawBufferPointer(rebasing: bytes[key]))
                else { continue }
                // uint64_param = 5
                counts[name] = bytes.number(of: 5, in: value)
            }
            return Consumption(parameters: counts)
        }
    }
}

extension Consumption {
    /// Of the answers of `tei.v1`, which have their metadata in field 2.
    fileprivate init?(peekingAtTEIMetadataOf answer: Bytes) {
        let tokenCount: UInt64? = answer.withUnsafeBytes { bytes in
            // compute_tokens = 2
            bytes.contents(of: 2, in: 0..<bytes.count).last.map { bytes.number(of: 2, in: $0) ?? 0 }
        }
        guard let tokenCount else { return nil }
        self.init()
        promptTokenCount = tokenCount
    }
}

extension UnsafeRawBufferPointer {
    /// The places of all length-prefixed values of a field in a message; none in bytes that are no message.
    func contents(of field: UInt64, in message: Range<Int>) -> [Range<Int>] {
        var cursor = WireCursor(self, in: message)
        var found: [Range<Int>] = []
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return [] }
            if key == field << 3 | 2 {
                guard let content = cursor.content() else { return [] }
                found.append(content)
            } else {
                guard cursor.skipValue(ofType: UInt8(key & 7)) else { return [] }
            }
        }
        return found
    }

    /// The last integer of a field in a message.
    fileprivate func number(of field: UInt64, in message: Range<Int>) -> UInt64? {
        var cursor = WireCursor(self, in: message)
        var found: UInt64?
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return nil }
            if key == field << 3 {
                guard let number = cursor.varint() else { return nil }
                found = number
            } else {
                guard cursor.skipValue(ofType: UInt8(key & 7)) else { return nil }
            }
        }
        return found
    }
}
