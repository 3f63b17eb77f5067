/// The entries of a vocabulary, both ways: bytes to id and id to bytes.
///
/// Why not a dictionary of strings: Swift's strings take canonically equivalent ones for equal.
struct PieceTable: Sendable {
    private var arena: [UInt8] = []
    /// `[entries]` where an entry lies in the arena; nil-like (0, 0) for ids without one.
    private var starts: [Int32] = []
    private var counts: [Int32] = []
    private var ids: [Int32] = []
    /// A power of two of slots with an entry's index plus one.
    private var slots: [Int32]
    private var entryOfID: [Int32]

    init(capacity: Int, idCount: Int) {
        var slotCount = 16
        while slotCount < capacity * 2 { slotCount *= 2 }
        slots = Array(repeating: 0, count: slotCount)
        entryOfID = Array(repeating: -1, count: idCount)
    }

    /// One more than the highest id.
    var idCount: Int { entryOfID.count }

    /// Adds an entry; false when the bytes or the id are there already.
    mutating func add(_ bytes: some Collection<UInt8>, id: Int32) -> Bool {
        let slot = slot(of: bytes)
        guard slots[slot] == 0, entryOfID[Int(id)] < 0 else { return false }
        entryOfID[Int(id)] = Int32(ids.count)
        starts.append(Int32(arena.count))
        counts.append(Int32(bytes.count))
        ids.append(id)
        arena.append(contentsOf: bytes)
        slots[slot] = Int32(ids.count)
        return true
    }

    subscript(bytes: some Collection<UInt8>) -> Int32? {
        let entry = slots[slot(of: bytes)]
        return entry == 0 ? nil : ids[Int(entry) - 1]
    }

    /// The bytes of the entry with this id, nil where there is none.
    func bytes(of id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, Int(id) < entryOfID.count, entryOfID[Int(id)] >= 0 else { return nil }
        let entry = Int(entryOfID[Int(id)])
        return arena[Int(starts[entry])..<Int(starts[entry] + counts[entry])]
    }

    private func slot(of bytes: some Collection<UInt8>) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash ^= hash >> 29
        var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let entry = Int(slots[slot]) - 1
            if Int(counts[entry]) == bytes.count,
                arena[Int(starts[entry])..<Int(starts[entry] + counts[entry])].elementsEqual(bytes)
            {
                break
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }
}

/// A tree of byte strings, for all the entries that begin at a place.
struct ByteTrie: Sendable {
    private var slots: [UInt64]
    private var children: [Int32]
    private var values: [Int32] = [-1]
    private var edgeCount = 0
    /// `[256]` which bytes an entry begins with.
    private(set) var startsEntry = [Bool](repeating: false, count: 256)

    init() {
        slots = Array(repeating: 0, count: 64)
        children = Array(repeating: 0, count: 64)
    }

    static let root: Int32 = 0

    /// The value of an entry that ends at `node`, or -1.
    func value(at node: Int32) -> Int32 { values[Int(node)] }

    mutating func add(_ bytes: some Collection<UInt8>, value: Int32) {
        guard let first = bytes.first else { return }
        startsEntry[Int(first)] = true
        var node = Self.root
        for byte in bytes {
            if let next = child(of: node, byte) {
                node = next
                continue
            }
            if edgeCount * 2 >= slots.count { grow() }
            let next = Int32(values.count)
            values.append(-1)
            insert(Self.key(node, byte), next)
            edgeCount += 1
            node = next
        }
        if values[Int(node)] < 0 { values[Int(node)] = value }
    }

    func child(of node: Int32, _ byte: UInt8) -> Int32? {
        let key = Self.key(node, byte)
        var slot = position(of: key)
        while slots[slot] != 0 {
            if slots[slot] == key { return children[slot] }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// The longest entry that begins at `start`: its value and where it ends.
    func longest(in bytes: borrowing [UInt8], from start: Int, to end: Int) -> (value: Int32, end: Int)? {
        var node = Self.root
        var best: (Int32, Int)?
        for index in start..<end {
            guard let next = child(of: node, bytes[index]) else { break }
            node = next
            if values[Int(node)] >= 0 { best = (values[Int(node)], index + 1) }
        }
        return best
    }

    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) | 1 << 48 }

    private func position(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 20) & (slots.count - 1)
    }

    private mutating func insert(_ key: UInt64, _ child: Int32) {
        var slot = position(of: key)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = key
        children[slot] = child
    }

    private mutating func grow() {
        let (oldSlots, oldChildren) = (slots, children)
        slots = Array(repeating: 0, count: oldSlots.count * 2)
        children = Array(repeating: 0, count: oldSlots.count * 2)
        for (key, child) in zip(oldSlots, oldChildren) where key != 0 { insert(key, child) }
    }
}
