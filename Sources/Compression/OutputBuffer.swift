import Glibc
import Vocabulary

/// Memory that zlib fills, and its owner afterwards.
final class OutputBuffer {
    private var base: UnsafeMutableRawPointer
    private(set) var capacity: Int
    /// Bytes written.
    var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        base = Self.checked(malloc(self.capacity))
    }

    deinit { free(base) }

    /// Bytes that can still be written.
    var room: Int { capacity - count }

    /// Where the next byte goes.
    var end: UnsafeMutablePointer<UInt8> { (base + count).assumingMemoryBound(to: UInt8.self) }

    /// Doubles the memory, up to `capacityMax`.
    func grow(capacityMax: Int) {
        capacity = min(capacityMax, capacity * 2)
        base = Self.checked(realloc(base, capacity))
    }

    /// What was written; memory that stayed empty is given back.
    func finished() -> Bytes {
        if count < capacity / 2 { base = Self.checked(realloc(base, max(count, 1))) }
        return Bytes(borrowing: UnsafeRawBufferPointer(start: base, count: count), owner: self)
    }

    /// The memory; without it the process ends, as it does when Swift's own allocations fail.
    private static func checked(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
        guard let memory else { preconditionFailure("out of memory for a message") }
        return memory
    }
}
