import Glibc
import Vocabulary

/// Cuts the body of a stream into messages.
///
/// A message is one byte of flags (bit 0: compressed), four bytes of length, big-endian, and as many bytes; where DATA
/// frames begin and end means nothing. The prefix alone decides whether a message is acceptable, before memory is
/// spent on it.
///
/// - Source: grpc/grpc `doc/PROTOCOL-HTTP2.md`, "Length-Prefixed-Message".
package struct MessageDeframer {
    /// What was wrong with a prefix; nothing that follows can be understood.
    package enum Failure: Error, Hashable, Sendable {
        case invalidFlag(UInt8)
        /// Flagged as compressed, but not in a way that was announced and is understood.
        case compressed
        case tooLong(byteCount: Int, byteCountMax: Int)
    }

    package static let prefixByteCount = 5
    /// Memory taken at once for a message that was announced but has not come yet; more follows as bytes do.
    static let initialCapacityMax = 1 << 20

    /// The longest message accepted, in bytes without its prefix, and so also the longest compressed one.
    package let messageByteCountMax: Int
    /// Whether messages may be flagged as compressed: their encoding is known and understood.
    package var acceptsCompressed = false
    private var prefix: (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 0, 0, 0, 0)
    private var prefixCount = 0
    private var message: MessageBuffer?
    private var messageByteCount = 0

    package init(messageByteCountMax: Int) {
        self.messageByteCountMax = messageByteCountMax
    }

    /// Whether a message has begun and not ended.
    package var isInsideMessage: Bool { prefixCount > 0 }

    /// Takes the next bytes of the body and hands each message they complete to `deliver`.
    package mutating func append(_ bytes: UnsafeRawBufferPointer, deliver: (FramedMessage) -> Void) throws(Failure) {
        var rest = bytes
        while !rest.isEmpty {
            if prefixCount < Self.prefixByteCount {
                takePrefix(&rest)
                guard prefixCount == Self.prefixByteCount else { return }
                messageByteCount = try checkedLength()
            }
            guard let complete = takeMessage(&rest) else { return }
            prefixCount = 0
            deliver(FramedMessage(complete, isCompressed: prefix.0 == 1))
        }
    }

    private mutating func takePrefix(_ rest: inout UnsafeRawBufferPointer) {
        let taken = min(Self.prefixByteCount - prefixCount, rest.count)
        withUnsafeMutableBytes(of: &prefix) { destination in
            UnsafeMutableRawBufferPointer(rebasing: destination[prefixCount..<prefixCount + taken])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<taken]))
        }
        prefixCount += taken
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }

    private func checkedLength() throws(Failure) -> Int {
        guard prefix.0 <= 1 else { throw .invalidFlag(prefix.0) }
        guard prefix.0 == 0 || acceptsCompressed else { throw .compressed }
        let length = Int(prefix.1) << 24 | Int(prefix.2) << 16 | Int(prefix.3) << 8 | Int(prefix.4)
        guard length <= messageByteCountMax else {
            throw .tooLong(byteCount: length, byteCountMax: messageByteCountMax)
        }
        return length
    }

    /// The message, once `rest` has brought all of it.
    private mutating func takeMessage(_ rest: inout UnsafeRawBufferPointer) -> Bytes? {
        if messageByteCount == 0 { return Bytes() }
        if message == nil, rest.count >= messageByteCount {
            let whole = Bytes(copying: UnsafeRawBufferPointer(rebasing: rest[..<messageByteCount]))
            rest = UnsafeRawBufferPointer(rebasing: rest[messageByteCount...])
            return whole
        }
        let buffer = message ?? MessageBuffer(capacity: min(messageByteCount, max(Self.initialCapacityMax, rest.count)))
        let taken = min(messageByteCount - buffer.count, rest.count)
        buffer.append(UnsafeRawBufferPointer(rebasing: rest[..<taken]), countMax: messageByteCount)
        rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        guard buffer.count == messageByteCount else {
            message = buffer
            return nil
        }
        message = nil
        return buffer.finished()
    }
}

/// The memory of one message while it grows, and its owner afterwards.
private final class MessageBuffer {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = capacity
        base = Self.checked(malloc(capacity))
    }

    deinit { free(base) }

    /// Appends bytes of a message that will hold `countMax` of them in the end.
    func append(_ bytes: UnsafeRawBufferPointer, countMax: Int) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        if count + bytes.count > capacity {
            capacity = min(countMax, max(capacity * 2, count + bytes.count))
            base = Self.checked(realloc(base, capacity))
        }
        memcpy(base + count, source, bytes.count)
        count += bytes.count
    }

    func finished() -> Bytes {
        Bytes(borrowing: UnsafeRawBufferPointer(start: base, count: count), owner: self)
    }

    /// The memory; without it the process ends, as it does when Swift's own allocations fail.
    private static func checked(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
        guard let memory else { preconditionFailure("out of memory for a message") }
        return memory
    }
}
