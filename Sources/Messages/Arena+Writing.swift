import CProtobufC
import Vocabulary

// From Swift values to protobuf-c's fields: what these return lives as long as the arena, and the contents of `Bytes`
// as long as the value they came from.

extension Arena {
    /// Uninitialised room for `count` values.
    ///
    /// - Precondition: they fit the budget; there is none for what we encode ourselves.
    func storage<Value>(for _: Value.Type, count: Int) -> UnsafeMutablePointer<Value> {
        guard let pointer = allocate(byteCount: count * MemoryLayout<Value>.stride) else {
            preconditionFailure("\(count) × \(Value.self) exceed an arena of \(byteBudget) bytes")
        }
        return pointer.bindMemory(to: Value.self, capacity: count)
    }

    func store(_ string: String) -> ProtobufCBinaryData {
        var string = string
        return string.withUTF8 { source in
            guard source.count > 0 else { return ProtobufCBinaryData(len: 0, data: nil) }
            let copy = storage(for: UInt8.self, count: source.count)
            copy.initialize(from: source.baseAddress!, count: source.count)
            return ProtobufCBinaryData(len: source.count, data: copy)
        }
    }

    /// Not copied: protobuf-c only reads it, although the field's type does not say so.
    func store(_ bytes: Bytes) -> ProtobufCBinaryData {
        bytes.withUnsafeBytes { source in
            let data = UnsafeMutableRawPointer(mutating: source.baseAddress)?.assumingMemoryBound(to: UInt8.self)
            return ProtobufCBinaryData(len: source.count, data: data)
        }
    }

    func store<M: StoredMessage>(_ message: M?) -> UnsafeMutablePointer<M.Stored>? {
        message.map(place)
    }

    func store(_ strings: [String]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
        store(strings) { store($0) }
    }

    func store(_ byteStrings: [Bytes]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) {
        store(byteStrings) { store($0) }
    }

    func store(_ truthValues: [Bool]) -> (Int, UnsafeMutablePointer<protobuf_c_boolean>?) {
        store(truthValues) { $0 ? 1 : 0 }
    }

    func store<Value: BitwiseCopyable>(_ values: [Value]) -> (Int, UnsafeMutablePointer<Value>?) {
        store(values) { $0 }
    }

    func store<M: StoredMessage>(_ messages: [M]) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<M.Stored>?>?) {
        store(messages) { store($0) }
    }

    /// Entries in the order of their keys, so that equal maps have equal bytes.
    func store<Entry: MapEntry>(
        _ dictionary: [Entry.Key: Entry.Value], as _: Entry.Type
    ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Entry.Stored>?>?) {
        store(dictionary.sorted { $0.key < $1.key }) { key, value in
            var entry = Entry()
            entry.key = key
            entry.value = value
            return store(entry)
        }
    }

    private func store<Element, Stored>(
        _ elements: [Element], _ stored: (Element) -> Stored
    ) -> (Int, UnsafeMutablePointer<Stored>?) {
        guard !elements.isEmpty else { return (0, nil) }
        let storage = storage(for: Stored.self, count: elements.count)
        for (index, element) in elements.enumerated() {
            (storage + index).initialize(to: stored(element))
        }
        return (elements.count, storage)
    }
}
