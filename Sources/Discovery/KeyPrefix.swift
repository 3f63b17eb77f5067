import Vocabulary

/// What the keys of all members begin with, such as `/apus/shards/`; what follows is a member's name.
package struct KeyPrefix: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// - Precondition: the prefix is not empty: that would be every key.
    package init(_ text: String) {
        precondition(!text.isEmpty, "an empty prefix")
        self.text = text
    }

    package var description: String { text }

    /// The first key that may begin so.
    var first: Bytes { Bytes(utf8: text) }

    /// The first key behind all that begin so: the last byte is one higher, and none of UTF-8 is the highest there is.
    var end: Bytes {
        var bytes = Array(text.utf8)
        bytes[bytes.count - 1] += 1
        return Bytes(bytes)
    }

    /// The key of a member.
    func key(of name: String) -> Bytes { Bytes(utf8: text + name) }

    /// The member that a key is of; nil for one that begins otherwise, names nobody or is not text.
    func name(in key: Bytes) -> String? {
        guard let key = key.utf8String, key.utf8.count > text.utf8.count, key.hasPrefix(text) else { return nil }
        return String(key.utf8.dropFirst(text.utf8.count))
    }
}
