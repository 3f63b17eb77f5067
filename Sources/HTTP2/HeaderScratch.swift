import Vocabulary

/// The header list that is arriving; a connection has at most one at a time (RFC 9113 §4.3).
///
/// Plain memory, for it is written field by field from a callback. The owner calls `deallocate`.
struct HeaderScratch {
    private let listByteCountMax: Int
    /// Two `UInt32` a field: where its name and its value end in `bytes`.
    private var ends = ByteQueue()
    private var bytes = ByteQueue()
    private var listByteCount = 0
    private var isTruncated = false

    init(listByteCountMax: Int) { self.listByteCountMax = listByteCountMax }

    mutating func begin() {
        ends.removeAll()
        bytes.removeAll()
        listByteCount = 0
        isTruncated = false
    }

    /// Also between two lists, to give memory back: the next takes it anew.
    mutating func deallocate() {
        ends.deallocate()
        bytes.deallocate()
    }

    /// Keeps a field while the list is within its limit; says whether the list is still tolerable at all.
    mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        listByteCount += name.count + value.count + 32
        if listByteCount > listByteCountMax {
            isTruncated = true
            return listByteCount <= listByteCountMax * 8
        }
        bytes.append(name)
        let nameEnd = UInt32(bytes.count)
        bytes.append(value)
        let field = ends.extend(by: 8)
        field.storeBytes(of: nameEnd, as: UInt32.self)
        field.storeBytes(of: UInt32(bytes.count), toByteOffset: 4, as: UInt32.self)
        return true
    }

    /// Whether this is an interim response (`:status` 1xx), which is followed by another header list.
    var isInformational: Bool {
        let expected: StaticString = ":status"
        let name = UnsafeRawBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount)
        let stored = bytes.bytes
        guard ends.count >= 8, ends.bytes.load(as: UInt32.self) == name.count, stored.count > name.count else {
            return false
        }
        return UnsafeRawBufferPointer(rebasing: stored[..<name.count]).holdsSameBytes(as: name)
            && stored[name.count] == UInt8(ascii: "1")
    }

    /// The list as it stands: `last`, when that is the same, or memory of its own, which is the last one then.
    func storage(orSame last: inout HeaderStorage?) -> HeaderStorage {
        if let last, last.isRepeated(by: ends.bytes, bytes.bytes, isTruncated: isTruncated) { return last }
        let storage = HeaderStorage(
            ends: ends.bytes, bytes: bytes.bytes, listByteCount: listByteCount, isTruncated: isTruncated)
        last = bytes.count <= Self.rememberedByteCountMax ? storage : nil
        return storage
    }

    /// Of a list that is kept to be compared with the next one.
    private static let rememberedByteCountMax = 2 << 10
}
