/// Bytes written at the end and read from the front, in one growing allocation.
///
/// Plain memory, so that callbacks can append without reference counting. The owner calls `deallocate`.
struct ByteQueue {
    private var memory: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    /// The number of bytes not yet removed.
    var count: Int { end - start }

    /// The bytes not yet removed; valid until the next mutation.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.map { UnsafeRawPointer($0 + start) }, count: count)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        extend(by: bytes.count).copyMemory(from: source, byteCount: bytes.count)
    }

    /// Adds `byteCount` bytes that the caller writes before anything else happens to the queue.
    ///
    /// - Precondition: `byteCount` is above 0.
    @inline(__always)
    mutating func extend(by byteCount: Int) -> UnsafeMutableRawPointer {
        if capacity - end < byteCount { makeRoom(for: byteCount) }
        defer { end += byteCount }
        return memory! + end
    }

    mutating func removeFirst(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "removing \(byteCount) of \(count) bytes")
        start += byteCount
        if start == end {
            start = 0
            end = 0
        }
    }

    mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Gives memory beyond `byteCountMax` back to the system when nothing is stored.
    mutating func shrink(to byteCountMax: Int) {
        if count == 0 && capacity > byteCountMax { deallocate() }
    }

    mutating func deallocate() {
        memory?.deallocate()
        self = ByteQueue()
    }

    /// Moves the stored bytes to the front, or into larger memory.
    @inline(never)
    private mutating func makeRoom(for byteCount: Int) {
        let stored = count
        if let memory, capacity - stored >= byteCount && start >= stored {
            memory.copyMemory(from: memory + start, byteCount: stored)
            (start, end) = (0, stored)
            return
        }
        let newCapacity = max(capacity * 2, (stored + byteCount).roundedUp(toMultipleOf: 4096))
        let newMemory = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 64)
        if let memory {
            newMemory.copyMemory(from: memory + start, byteCount: stored)
            memory.deallocate()
        }
        (memory, capacity, start, end) = (newMemory, newCapacity, 0, stored)
    }
}

extension Int {
    fileprivate func roundedUp(toMultipleOf unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
