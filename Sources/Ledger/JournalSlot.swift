import Synchronization
import Tenancy
import Vocabulary

/// One row of the journal as it lies in memory that a file backs.
///
/// ```
///   0  state     0 free, 1 in use
///   8  id        never used twice for one journal, and larger than all before it
///  16  hour      seconds since 1970
///  24  tenant    1 byte of length, 63 bytes
///  88  model     1 byte of length, 255 bytes; no length for no model
/// 344  checksum  of all the above but the state
/// 352  counts    10 × UInt64, in the order of `JournalSlot.counts`
/// 432  …         to 512
/// ```
///
/// A process that is killed leaves the file as its stores left it, in their order. The state is stored last when a
/// slot is taken, and only counts change afterwards, so a slot in use always has a whole key; the checksum is for
/// what else may happen to a file.
struct JournalSlot {
    static let byteCount = 512
    static let countsOffset = 352
    /// What a column of 64 bits with a sign holds.
    static let countMax = UInt64(Int64.max)
    static let idMax = UInt64(Int64.max)

    /// The counts of a consumption, in the order of the file.
    static let counts: [any (WritableKeyPath<Consumption, UInt64> & Sendable)] = [
        \.requestCount, \.failureCount, \.promptTokenCount, \.cachedTokenCount, \.generatedTokenCount, \.imageCount,
        \.nodeCount, \.edgeCount, \.queueMicroseconds, \.computeMicroseconds,
    ]

    /// `byteCount` bytes, aligned to 8, in the journal that owns them.
    let bytes: UnsafeMutableRawBufferPointer

    var isInUse: Bool { load(at: 0) == 1 }
    var id: UInt64 { load(at: 8) }

    /// Nil when the bytes are no key, so that the id means nothing either: the file was damaged.
    var key: LedgerKey? {
        guard load(at: 344) == checksum, (1...Self.idMax).contains(id),
            let tenant = TenantID(text(at: 24, capacity: 63))
        else { return nil }
        let name = text(at: 88, capacity: 255)
        guard let model = name.isEmpty ? .some(nil) : ModelName(name).map(Optional.some) else { return nil }
        return LedgerKey(hour: Int64(bitPattern: load(at: 16)), tenant: tenant, model: model)
    }

    /// What a database can hold, whatever the file says.
    var consumption: Consumption {
        var consumption = Consumption()
        for (index, count) in Self.counts.enumerated() {
            consumption[keyPath: count] = min(load(at: Self.countsOffset + 8 * index), Self.countMax)
        }
        return consumption
    }

    /// Takes a free slot.
    func open(id: UInt64, _ key: LedgerKey) {
        precondition(!isInUse, "slot \(self.id) is in use")
        store(id, at: 8)
        store(UInt64(bitPattern: key.hour), at: 16)
        store(key.tenant.name, at: 24, capacity: 63)
        store(key.modelText, at: 88, capacity: 255)
        store(checksum, at: 344)
        for index in Self.counts.indices { store(0, at: Self.countsOffset + 8 * index) }
        // Whoever finds the file after a crash finds the key wherever it finds the state.
        atomicMemoryFence(ordering: .releasing)
        store(1, at: 0)
    }

    func free() { store(0, at: 0) }

    /// Adds; a count stays at `countMax` instead of going beyond it.
    func add(_ consumption: Consumption) {
        for (index, count) in Self.counts.enumerated() {
            let offset = Self.countsOffset + 8 * index
            let (sum, overflow) = load(at: offset).addingReportingOverflow(consumption[keyPath: count])
            store(overflow ? Self.countMax : min(sum, Self.countMax), at: offset)
        }
    }

    private func load(at offset: Int) -> UInt64 { bytes.load(fromByteOffset: offset, as: UInt64.self) }

    private func store(_ value: UInt64, at offset: Int) {
        bytes.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }

    private func text(at offset: Int, capacity: Int) -> String {
        let count = min(Int(bytes[offset]), capacity)
        return String(decoding: bytes[(offset + 1)..<(offset + 1 + count)], as: UTF8.self)
    }

    private func store(_ text: String, at offset: Int, capacity: Int) {
        let utf8 = Array(text.utf8.prefix(capacity))
        bytes[offset] = UInt8(utf8.count)
        for index in 0..<capacity { bytes[offset + 1 + index] = index < utf8.count ? utf8[index] : 0 }
    }

    /// FNV-1a over id and key.
    private var checksum: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes[8..<344] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
