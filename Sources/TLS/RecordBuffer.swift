/// Bytes on their way into or out of records: appended at the end, taken from the front, without allocation once it has
/// grown to what a connection needs; its owner says when it gives its memory back.
///
/// ```
///  [ taken | waiting            | free        ]
///  0       head                 tail          capacity
/// ```
struct RecordBuffer: ~Copyable {
    private var storage: UnsafeMutableRawBufferPointer
    private var head = 0
    private var tail = 0

    init() {
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { storage.deallocate() }

    /// Bytes waiting to be taken.
    var count: Int { tail - head }

    var isEmpty: Bool { head == tail }

    /// Bytes of memory held.
    var capacity: Int { storage.count }

    /// The bytes waiting; valid until the next mutation.
    var waiting: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[head..<tail]) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        reserve(byteCount: bytes.count)
        UnsafeMutableRawBufferPointer(rebasing: storage[tail...]).copyMemory(from: bytes)
        tail += bytes.count
    }

    /// Makes room for `byteCount` more bytes.
    mutating func reserve(byteCount: Int) {
        guard storage.count - tail < byteCount else { return }
        let needed = count + byteCount
        if needed <= storage.count && head >= count {
            // Enough was taken that sliding the rest down costs less than it freed.
            storage.copyMemory(from: waiting)
        } else {
            let grown = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(needed, storage.count * 2, 4096), alignment: 16)
            grown.copyMemory(from: waiting)
            storage.deallocate()
            storage = grown
        }
        (head, tail) = (0, needed - byteCount)
    }

    /// Drops `byteCount` bytes from the front.
    ///
    /// - Precondition: that many are waiting.
    mutating func take(byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "took \(byteCount) of \(count) bytes")
        head += byteCount
        guard isEmpty else { return }
        (head, tail) = (0, 0)
    }

    /// Gives back all memory, unless bytes wait in it.
    mutating func releaseIfEmpty() {
        guard isEmpty else { return }
        storage.deallocate()
        storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// Moves up to `destination.count` bytes into `destination` and returns how many.
    mutating func move(into destination: UnsafeMutableRawBufferPointer) -> Int {
        let moved = min(count, destination.count)
        guard moved > 0 else { return 0 }
        destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: waiting[..<moved]))
        take(byteCount: moved)
        return moved
    }
}
