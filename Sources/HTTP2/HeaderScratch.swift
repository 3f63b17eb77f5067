/// The header list that is arriving; a connection has at most one at a time (RFC 9113 §4.3).
struct HeaderScratch {
    private let listByteCountMax: Int
    private var ends: [UInt32] = []
    private var bytes: [UInt8] = []
    private var listByteCount = 0
    private var isTruncated = false

    init(listByteCountMax: Int) { self.listByteCountMax = listByteCountMax }

    mutating func begin() {
        ends.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        listByteCount = 0
        isTruncated = false
    }

    /// Keeps a field while the list is within its limit; says whether the list is still tolerable at all.
    mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        listByteCount += name.count + value.count + 32
        if listByteCount > listByteCountMax {
            isTruncated = true
            return listByteCount <= listByteCountMax * 8
        }
        bytes.append(contentsOf: name)
        ends.append(UInt32(bytes.count))
        bytes.append(contentsOf: value)
        ends.append(UInt32(bytes.count))
        return true
    }

    /// Whether this is an interim response (`:status` 1xx), which is followed by another header list.
    var isInformational: Bool {
        let expected: StaticString = ":status"
        guard ends.count >= 2, Int(ends[0]) == expected.utf8CodeUnitCount, ends[1] > ends[0] else { return false }
        let name = UnsafeRawBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount)
        return bytes.withUnsafeBytes {
            UnsafeRawBufferPointer(rebasing: $0[..<name.count]).holdsSameBytes(as: name)
                && $0[name.count] == UInt8(ascii: "1")
        }
    }

    /// The list as it stands, in memory of its own.
    func makeStorage() -> HeaderStorage {
        ends.withUnsafeBytes { ends in
            bytes.withUnsafeBytes { bytes in
                HeaderStorage(ends: ends, bytes: bytes, listByteCount: listByteCount, isTruncated: isTruncated)
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether both hold the same bytes.
    func holdsSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        count == other.count && elementsEqual(other)
    }
}
