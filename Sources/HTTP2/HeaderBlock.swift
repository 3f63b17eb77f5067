import Glibc
package import Vocabulary

/// The fields of a received header list, in order, names in lower case; one allocation, nothing decoded.
///
/// Layout of the storage: `[nameEnd: UInt32, valueEnd: UInt32] × count`, then the bytes of all names and values one
/// after another. Field `i` has its name at `valueEnd(i - 1) ..< nameEnd(i)` and its value at
/// `nameEnd(i) ..< valueEnd(i)`.
///
/// - Isolation: any thread; it never changes.
package struct HeaderBlock: Sendable {
    private let storage: HeaderStorage

    init(storage: HeaderStorage) { self.storage = storage }

    /// The number of fields.
    package var count: Int { storage.fieldCount }

    /// Whether the list was longer than the session's limit; the fields beyond it are missing.
    package var isTruncated: Bool { storage.isTruncated }

    /// The size of the whole list, counted as RFC 9113 §6.5.2 does, including fields that were cut off.
    package var listByteCount: Int { storage.listByteCount }

    /// The name of the field at `index`, sharing this storage.
    package func name(at index: Int) -> Bytes {
        Bytes(borrowing: storage.name(at: index), owner: storage)
    }

    /// The value of the field at `index`, sharing this storage.
    package func value(at index: Int) -> Bytes {
        Bytes(borrowing: storage.value(at: index), owner: storage)
    }

    /// The value of the first field called `name` (lower case), or nil.
    package func firstValue(of name: StaticString) -> Bytes? {
        firstIndex(of: name).map(value(at:))
    }

    /// The index of the first field called `name` (lower case), or nil.
    package func firstIndex(of name: StaticString) -> Int? {
        let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for index in 0..<storage.fieldCount where storage.name(at: index).holdsSameBytes(as: wanted) {
            return index
        }
        return nil
    }

    /// Whether it has the same fields in the same order, whatever the value of those called `name` is.
    package func isSame(as other: HeaderBlock, exceptFor name: StaticString) -> Bool {
        guard count == other.count, isTruncated == other.isTruncated else { return false }
        for index in 0..<count where !storage.hasSameField(at: index, as: other.storage) {
            guard storage.name(at: index).equals(name), other.storage.name(at: index).equals(name) else { return false }
        }
        return true
    }

    /// Whether there is a field that `isWanted`; the pointers do not outlive it.
    package func contains(
        where isWanted: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    ) -> Bool {
        for index in 0..<storage.fieldCount where isWanted(storage.name(at: index), storage.value(at: index)) {
            return true
        }
        return false
    }

    /// Reads all fields in place, in order; the pointers do not outlive `body`.
    package func forEach<Failure: Error>(
        _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        for index in 0..<storage.fieldCount {
            try body(storage.name(at: index), storage.value(at: index))
        }
    }

    /// Reads the value at `index` in place; the pointer does not outlive `body`.
    package func withValue<Result, Failure: Error>(
        at index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(storage.value(at: index))
    }
}

/// The memory of a `HeaderBlock`.
///
/// `@unchecked Sendable`: written by `init` alone.
final class HeaderStorage: @unchecked Sendable {
    let fieldCount: Int
    let isTruncated: Bool
    let listByteCount: Int
    private let ends: UnsafePointer<UInt32>
    private let bytes: UnsafeRawPointer
    private let memory: UnsafeMutableRawPointer

    /// Copies `ends` (two a field) and `bytes` into one allocation.
    init(ends: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer, listByteCount: Int, isTruncated: Bool) {
        memory = .allocate(byteCount: max(ends.count + bytes.count, 1), alignment: 8)
        UnsafeMutableRawBufferPointer(start: memory, count: ends.count).copyMemory(from: ends)
        UnsafeMutableRawBufferPointer(start: memory + ends.count, count: bytes.count).copyMemory(from: bytes)
        fieldCount = ends.count / (2 * MemoryLayout<UInt32>.stride)
        self.ends = UnsafePointer(memory.bindMemory(to: UInt32.self, capacity: fieldCount * 2))
        self.bytes = UnsafeRawPointer(memory + ends.count)
        self.listByteCount = listByteCount
        self.isTruncated = isTruncated
    }

    deinit { memory.deallocate() }

    func name(at index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < fieldCount, "field \(index) of \(fieldCount)")
        let start = index == 0 ? 0 : Int(ends[2 * index - 1])
        return UnsafeRawBufferPointer(start: bytes + start, count: Int(ends[2 * index]) - start)
    }

    /// Whether the names at `index` are the same, and the values.
    ///
    /// - Precondition: `other` has as many fields.
    func hasSameField(at index: Int, as other: HeaderStorage) -> Bool {
        precondition(index >= 0 && index < fieldCount && fieldCount == other.fieldCount, "\(index) of \(fieldCount)")
        let (start, otherStart) = index == 0 ? (0, 0) : (Int(ends[2 * index - 1]), Int(other.ends[2 * index - 1]))
        let (nameEnd, otherNameEnd) = (Int(ends[2 * index]), Int(other.ends[2 * index]))
        let (end, otherEnd) = (Int(ends[2 * index + 1]), Int(other.ends[2 * index + 1]))
        guard nameEnd - start == otherNameEnd - otherStart, end - start == otherEnd - otherStart else { return false }
        // Name and value lie one behind the other.
        return memcmp(bytes + start, other.bytes + otherStart, end - start) == 0
    }

    func value(at index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < fieldCount, "field \(index) of \(fieldCount)")
        let start = Int(ends[2 * index])
        return UnsafeRawBufferPointer(start: bytes + start, count: Int(ends[2 * index + 1]) - start)
    }
}
