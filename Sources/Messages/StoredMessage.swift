import CProtobufC
import Vocabulary

/// A message that protobuf-c packs and unpacks: `Stored` is the struct that protoc-c made for it.
///
/// The conformances are made by `Proto/generate`.
protocol StoredMessage: Message {
    associatedtype Stored

    static var storedType: StoredType<Stored> { get }

    /// Copies out of what protobuf-c unpacked into `arena`.
    init(_ stored: Stored, in arena: Arena) throws(MessageError)

    /// Sets every field of a freshly initialised `stored`; what it then points to lives as long as `arena` and `self`.
    func fill(_ stored: inout Stored, in arena: Arena)
}

/// protobuf-c's table of the fields of a message type.
struct StoredType<Stored>: @unchecked Sendable {
    // @unchecked: points to a constant of the C module.
    let descriptor: UnsafePointer<ProtobufCMessageDescriptor>

    /// Finds the table through the type's initialiser, because Swift gives no address of a C constant.
    init(_ initialize: (UnsafeMutablePointer<Stored>?) -> Void) {
        descriptor = withUnsafeTemporaryAllocation(of: Stored.self, capacity: 1) { stored in
            initialize(stored.baseAddress)
            return stored.baseAddress!.asMessage.pointee.descriptor
        }
    }

    /// The full name of the message type.
    var name: String { String(cString: descriptor.pointee.name) }
}

extension UnsafeMutablePointer {
    /// The head that every struct of protobuf-c begins with.
    fileprivate var asMessage: UnsafeMutablePointer<ProtobufCMessage> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: ProtobufCMessage.self)
    }
}

extension StoredMessage {
    package init(decoding bytes: Bytes) throws(MessageError) {
        let type = Self.storedType
        // protobuf-c counts in Int32 in places.
        guard bytes.count <= Int32.max else { throw .tooLong(message: type.name, byteCount: bytes.count) }
        let arena = Arena(byteBudget: Arena.byteBudget(forMessageOf: bytes.count))
        let unpacked = bytes.withUnsafeBytes { source in
            arena.withAllocator { allocator in
                protobuf_c_message_unpack(
                    type.descriptor, allocator, source.count, source.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
        }
        guard let unpacked else {
            throw arena.isExhausted
                ? .tooExpensive(message: type.name, byteCount: bytes.count, byteBudget: arena.byteBudget)
                : .malformed(message: type.name, byteCount: bytes.count)
        }
        let stored = UnsafeMutableRawPointer(unpacked).assumingMemoryBound(to: Stored.self)
        self = try withExtendedLifetime(arena) { () throws(MessageError) in try Self(stored.pointee, in: arena) }
    }

    package func encoded() -> Bytes {
        let arena = Arena(byteBudget: .max)
        // `self` too: the stored form borrows the contents of `bytes` fields.
        return withExtendedLifetime((self, arena)) {
            let message = arena.place(self).asMessage
            return Bytes(byteCount: protobuf_c_message_get_packed_size(message)) { destination in
                let byteCount = protobuf_c_message_pack(
                    message, destination.baseAddress?.assumingMemoryBound(to: UInt8.self))
                precondition(byteCount == destination.count, "packed \(byteCount) of \(destination.count) bytes")
            }
        }
    }
}

extension Arena {
    /// The stored form of a message.
    func place<M: StoredMessage>(_ message: M) -> UnsafeMutablePointer<M.Stored> {
        let stored = storage(for: M.Stored.self, count: 1)
        protobuf_c_message_init(M.storedType.descriptor, stored.asMessage)
        message.fill(&stored.pointee, in: self)
        return stored
    }
}
