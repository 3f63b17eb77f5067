import Synchronization

/// What stands in front of a journal's slots.
///
/// ```
///   0  magic     "ALEDGET1"
///   8  last id   the largest that a slot has had
///  16  identity  high, then low
///  32  checksum  of the identity
///  40  check     the last id inverted; an id behind where the process ended between the two stores
///  48  …         to 512
/// ```
///
/// Journals of earlier versions have zeros behind the identity.
struct JournalHeader {
    private static let magic: UInt64 = 0x3154_4547_4445_4c41  // "ALEDGET1", little-endian.

    /// `JournalSlot.byteCount` bytes, aligned to 8, in the journal that owns them.
    let bytes: UnsafeMutableRawBufferPointer

    enum Condition {
        case usable
        /// No journal at all.
        case foreign
        /// A journal of which it is not known which it is, or which ids it has had.
        case damaged
    }

    /// Looks at a file, and makes the header of an empty one.
    func open() -> Condition {
        if load(at: 0) == 0 || load(at: 0) == Self.magic, load(at: 16) == 0, lastID == 0 {
            let identity = JournalIdentity.random()
            store(identity.low, at: 24)
            store(identity.high, at: 16)
            store(checksum, at: 32)
            store(~lastID, at: 40)
            store(Self.magic, at: 0)
        }
        guard load(at: 0) == Self.magic else { return .foreign }
        if load(at: 32) == 0, load(at: 40) == 0, load(at: 16) != 0 {
            store(checksum, at: 32)
            store(~lastID, at: 40)
        }
        // An id that is too large costs numbers; one that is too small would be of a slot that was moved already.
        guard load(at: 32) == checksum, lastID >= ~load(at: 40), lastID < JournalSlot.idMax else { return .damaged }
        return .usable
    }

    var identity: JournalIdentity { JournalIdentity(high: load(at: 16), low: load(at: 24)) }

    var lastID: UInt64 {
        get { load(at: 8) }
        nonmutating set {
            // The id first: one that is ahead of its check is whole.
            store(newValue, at: 8)
            atomicMemoryFence(ordering: .releasing)
            store(~newValue, at: 40)
        }
    }

    private func load(at offset: Int) -> UInt64 { bytes.load(fromByteOffset: offset, as: UInt64.self) }

    private func store(_ value: UInt64, at offset: Int) {
        bytes.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }

    /// FNV-1a over the identity.
    private var checksum: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes[16..<32] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
