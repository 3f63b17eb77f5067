import Glibc
package import Vocabulary

/// The fields of a received header list, in order, names in lower case; one allocation, nothing decoded.
///
/// Layout of the storage: `[nameEnd: UInt32, valueEnd: UInt32] × count`, then the bytes of all names and values one
/// after another. Field `i` has its name at `valueEnd(i - 1) ..< nameEnd(i)` and its value at
/// `nameEnd(i) ..< valueEnd(i)`.
///
/// A session that receives the same list again gives the same block again: what was found out about it can be kept with
/// it.
///
/// - Isolation: any thread, for it never changes; but for its note, which is the session's loop's.
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

    /// The index of the last field called `name` (lower case), or nil.
    package func lastIndex(of name: StaticString) -> Int? {
        (0..<storage.fieldCount).last { storage.name(at: $0).equals(name) }
    }

    /// Whether it has the same fields in the same order, whatever the value at `index` is; nil for no exception.
    package func isSame(as other: HeaderBlock, exceptForValueAt index: Int?) -> Bool {
        storage === other.storage || storage.isSame(as: other.storage, exceptForValueAt: index)
    }

    /// Whether the session has received the list before: a note on it may be read again.
    package var isRepeated: Bool { storage.isRepeated }

    /// What the layer above has found out about the list.
    ///
    /// - Isolation: the session's loop.
    package var note: AnyObject? {
        get { storage.note }
        nonmutating set { storage.note = newValue }
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
/// `@unchecked Sendable`: written by `init` alone, but for what is the session's loop's.
final class HeaderStorage: @unchecked Sendable {
    /// Whether another list was the same, and shares this.
    @exclusivity(unchecked) var isRepeated = false
    /// What the layer above has found out about the list.
    @exclusivity(unchecked) fileprivate(set) var note: AnyObject?
    let fieldCount: Int
    let isTruncated: Bool
    let listByteCount: Int
    private let ends: UnsafePointer<UInt32>
    private let bytes: UnsafeRawPointer
    private let memory: UnsafeMutableRawPointer

    /// Copies `ends` (two a field) and `bytes` into one allocation.
    init(ends: UnsafeRawBufferPointer, bytes: UnsafeRawBufferPointer, listByteCount: Int, isTruncated: Bool) {
        // Not by an allocation of Swift's, which asks for an alignment and takes three times as long to give it.
        guard let memory = malloc(max(ends.count + bytes.count, 1)) else { preconditionFailure("no memory") }
        self.memory = memory
        UnsafeMutableRawBufferPointer(start: memory, count: ends.count).copyMemory(from: ends)
        UnsafeMutableRawBufferPointer(start: memory + ends.count, count: bytes.count).copyMemory(from: bytes)
        fieldCount = ends.count / (2 * MemoryLayout<UInt32>.stride)
        self.ends = UnsafePointer(memory.bindMemory(to: UInt32.self, capacity: fieldCount * 2))
        self.bytes = UnsafeRawPointer(memory + ends.count)
        self.listByteCount = listByteCount
        self.isTruncated = isTruncated
    }

    deinit { free(memory) }

    /// Where its fields are, for whoever keeps the list alive: without counting references to it.
    struct Fields {
        let count: Int
        fileprivate let ends: UnsafePointer<UInt32>
        fileprivate let bytes: UnsafeRawPointer

        /// Whether the field at `index` is this; false behind the last one.
        @inline(__always)
        func hold(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, at index: Int) -> Bool {
            guard index < count else { return false }
            let start = index == 0 ? 0 : Int(ends[2 * index - 1])
            let (nameEnd, end) = (Int(ends[2 * index]), Int(ends[2 * index + 1]))
            guard name.count == nameEnd - start, value.count == end - nameEnd, let nameBytes = name.baseAddress,
                memcmp(bytes + start, nameBytes, name.count) == 0
            else { return false }
            guard let valueBytes = value.baseAddress else { return true }
            return memcmp(bytes + nameEnd, valueBytes, value.count) == 0
        }

        func name(at index: Int) -> UnsafeRawBufferPointer {
            let start = index == 0 ? 0 : Int(ends[2 * index - 1])
            return UnsafeRawBufferPointer(start: bytes + start, count: Int(ends[2 * index]) - start)
        }

        func value(at index: Int) -> UnsafeRawBufferPointer {
            let start = Int(ends[2 * index])
            return UnsafeRawBufferPointer(start: bytes + start, count: Int(ends[2 * index + 1]) - start)
        }
    }

    var fields: Fields { Fields(count: fieldCount, ends: ends, bytes: bytes) }

    func name(at index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < fieldCount, "field \(index) of \(fieldCount)")
        return fields.name(at: index)
    }

    func value(at index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < fieldCount, "field \(index) of \(fieldCount)")
        return fields.value(at: index)
    }

    /// As `HeaderBlock.isSame`.
    func isSame(as other: HeaderStorage, exceptForValueAt index: Int?) -> Bool {
        guard fieldCount == other.fieldCount, isTruncated == other.isTruncated else { return false }
        guard let index, index < fieldCount else { return hasSameFields(in: 0..<fieldCount, as: other) }
        return hasSameFields(in: 0..<index, as: other) && hasSameFields(in: index + 1..<fieldCount, as: other)
            && name(at: index).holdsSameBytes(as: other.name(at: index))
    }

    /// Whether the names in `range` are the same, and the values.
    ///
    /// They lie one behind the other, so that it is their ends, as seen from the first, and one comparison.
    private func hasSameFields(in range: Range<Int>, as other: HeaderStorage) -> Bool {
        guard !range.isEmpty else { return true }
        let start = range.lowerBound == 0 ? 0 : ends[2 * range.lowerBound - 1]
        let otherStart = range.lowerBound == 0 ? 0 : other.ends[2 * range.lowerBound - 1]
        for place in 2 * range.lowerBound..<2 * range.upperBound
        where ends[place] &- start != other.ends[place] &- otherStart { return false }
        let byteCount = Int(ends[2 * range.upperBound - 1] &- start)
        return memcmp(bytes + Int(start), other.bytes + Int(otherStart), byteCount) == 0
    }

}
