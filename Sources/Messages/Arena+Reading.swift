import CProtobufC
import Vocabulary

// From protobuf-c's fields to Swift values. Counts and pointers are protobuf-c's own, so they fit each other.

extension Arena {
    /// A text; protobuf-c does not look at the bytes, so here is where they are checked.
    func string(_ stored: ProtobufCBinaryData, _ field: StaticString) throws(MessageError) -> String {
        guard let string = String(validating: UnsafeBufferPointer(start: stored.data, count: stored.len), as: UTF8.self)
        else { throw .invalidUTF8(field: "\(field)") }
        return string
    }

    /// Contents, left where they are in this arena.
    func bytes(_ stored: ProtobufCBinaryData) -> Bytes {
        stored.len == 0
            ? Bytes() : Bytes(borrowing: UnsafeRawBufferPointer(start: stored.data, count: stored.len), owner: self)
    }

    func message<M: StoredMessage>(_ stored: UnsafeMutablePointer<M.Stored>?) throws(MessageError) -> M? {
        guard let stored else { return nil }
        return try M(stored.pointee, in: self)
    }

    func strings(
        _ stored: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int, _ field: StaticString
    ) throws(MessageError) -> [String] {
        try UnsafeBufferPointer(start: stored, count: count).map { (element) throws(MessageError) in
            try string(element, field)
        }
    }

    func byteStrings(_ stored: UnsafeMutablePointer<ProtobufCBinaryData>?, _ count: Int) -> [Bytes] {
        UnsafeBufferPointer(start: stored, count: count).map(bytes)
    }

    func truthValues(_ stored: UnsafeMutablePointer<protobuf_c_boolean>?, _ count: Int) -> [Bool] {
        UnsafeBufferPointer(start: stored, count: count).map { $0 != 0 }
    }

    /// Numbers.
    func values<Value: BitwiseCopyable>(_ stored: UnsafeMutablePointer<Value>?, _ count: Int) -> [Value] {
        Array(UnsafeBufferPointer(start: stored, count: count))
    }

    func messages<M: StoredMessage>(
        _ stored: UnsafeMutablePointer<UnsafeMutablePointer<M.Stored>?>?, _ count: Int
    ) throws(MessageError) -> [M] {
        try UnsafeBufferPointer(start: stored, count: count).map { (element) throws(MessageError) in
            try M(element!.pointee, in: self)
        }
    }

    func dictionary<Entry: MapEntry>(
        _ stored: UnsafeMutablePointer<UnsafeMutablePointer<Entry.Stored>?>?, _ count: Int, of _: Entry.Type
    ) throws(MessageError) -> [Entry.Key: Entry.Value] {
        var dictionary: [Entry.Key: Entry.Value] = [:]
        for element in UnsafeBufferPointer(start: stored, count: count) {
            let entry = try Entry(element!.pointee, in: self)
            dictionary[entry.key] = entry.value
        }
        return dictionary
    }
}

/// What a map field is on the wire: a repeated message of a key and a value.
protocol MapEntry: StoredMessage {
    associatedtype Key: Hashable & Comparable
    associatedtype Value: Equatable & Sendable

    var key: Key { get set }
    var value: Value { get set }

    init()
}
