import Vocabulary

/// The header list that is arriving; a connection has at most one at a time (RFC 9113 §4.3).
///
/// Peers send the same list again and again, so it is first compared with the last one, field by field, and written
/// down from where it differs.
///
/// Plain memory, for it is written field by field from a callback. The owner calls `deallocate`.
struct HeaderScratch {
    private let listByteCountMax: Int
    /// Two `UInt32` a field: where its name and its value end in `bytes`.
    private var ends = ByteQueue()
    private var bytes = ByteQueue()
    private var listByteCount = 0
    private var isTruncated = false
    /// The list whose fields have come so far, so that none is written down; nil once another one has come.
    ///
    /// Its owner keeps it until `takeStorage`.
    private var followed: HeaderStorage.Fields?
    private var followedFieldCount = 0

    init(listByteCountMax: Int) { self.listByteCountMax = listByteCountMax }

    /// Begins a list that may be the same as the one with the fields `last`, which is kept until `takeStorage`.
    mutating func begin(like last: HeaderStorage.Fields?) {
        ends.removeAll()
        bytes.removeAll()
        listByteCount = 0
        isTruncated = false
        followed = last
        followedFieldCount = 0
    }

    /// Also between two lists, to give memory back: the next takes it anew.
    mutating func deallocate() {
        ends.deallocate()
        bytes.deallocate()
        followed = nil
    }

    /// Keeps a field while the list is within its limit; says whether the list is still tolerable at all.
    mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        listByteCount += name.count + value.count + 32
        if listByteCount > listByteCountMax {
            isTruncated = true
            return listByteCount <= listByteCountMax * 8
        }
        if let followed {
            if followed.hold(name, value, at: followedFieldCount) {
                followedFieldCount += 1
                return true
            }
            writeFollowed()
        }
        write(name, value)
        return true
    }

    private mutating func write(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        bytes.append(name)
        let nameEnd = UInt32(bytes.count)
        bytes.append(value)
        let field = ends.extend(by: 8)
        field.storeBytes(of: nameEnd, as: UInt32.self)
        field.storeBytes(of: UInt32(bytes.count), toByteOffset: 4, as: UInt32.self)
    }

    /// Writes down what was only compared.
    private mutating func writeFollowed() {
        guard let followed else { return }
        for index in 0..<followedFieldCount { write(followed.name(at: index), followed.value(at: index)) }
        self.followed = nil
    }

    /// Whether this is an interim response (`:status` 1xx), which is followed by another header list.
    var isInformational: Bool {
        let expected: StaticString = ":status"
        if let followed {
            return followedFieldCount > 0 && followed.name(at: 0).equals(expected)
                && followed.value(at: 0).first == UInt8(ascii: "1")
        }
        let name = UnsafeRawBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount)
        let stored = bytes.bytes
        guard ends.count >= 8, ends.bytes.load(as: UInt32.self) == name.count, stored.count > name.count else {
            return false
        }
        return UnsafeRawBufferPointer(rebasing: stored[..<name.count]).holdsSameBytes(as: name)
            && stored[name.count] == UInt8(ascii: "1")
    }

    /// Whether the list is the same as the one that it was begun like.
    var isRepetition: Bool { followed.map { !isTruncated && followedFieldCount == $0.count } ?? false }

    /// The list as it stands, in memory of its own.
    mutating func takeStorage() -> HeaderStorage {
        writeFollowed()
        return HeaderStorage(
            ends: ends.bytes, bytes: bytes.bytes, listByteCount: listByteCount, isTruncated: isTruncated)
    }
}
