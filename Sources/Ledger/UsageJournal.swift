import Glibc
import Synchronization
import Tenancy
import Vocabulary

/// Adds up what calls use in memory that a file backs, so that a process that is killed loses nothing of it.
///
/// Why not the database at once: a transaction for each call takes a hundred times as long as a small call itself.
/// Stores into a shared mapping are the kernel's as soon as they are made; whatever ends the process, the next one
/// finds them in the file. (The end of the machine is another matter: what was not moved to the database by then, a
/// second's worth, may be lost.)
///
/// A *slot* holds the sum for one hour, tenant and model. Slots are *sealed* to be moved to the database, and freed
/// once they are there; each has an id that is never used again, by which the database knows what it has taken already.
///
/// - Isolation: any thread; one short lock.
final class UsageJournal: @unchecked Sendable {
    // @unchecked: the mapping is touched under the lock only.

    /// A slot that is being moved to the database.
    struct Row: Equatable {
        let index: Int
        let id: UInt64
        /// Nil for a slot whose key was damaged on disk.
        let key: LedgerKey?
        let consumption: Consumption
    }

    private struct State {
        var slots: [LedgerKey: Int] = [:]
        var free: [Int] = []
        var sealed: [Int] = []
        var lastID: UInt64
    }

    private static let magic: UInt64 = 0x3154_4547_4445_4c41  // "ALEDGET1", little-endian.
    static let slotCountDefault = 4_096

    /// Which journal this is, among those whose slots are in one database.
    let identity: JournalIdentity
    private let path: String
    private let descriptor: CInt
    private let mapping: UnsafeMutableRawBufferPointer
    private let slotCount: Int
    private let state: Mutex<State>

    /// Opens the journal, or makes it; what an earlier process left in it is sealed.
    ///
    /// - Throws: when the file cannot be had, is another's at the moment, or is no journal.
    init(path: String, slotCount: Int = UsageJournal.slotCountDefault) throws(LedgerError) {
        func failed(_ what: String) -> LedgerError {
            LedgerError(place: path, problem: "\(what): \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed("cannot be opened") }
        do throws(LedgerError) {
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                throw errno == EWOULDBLOCK
                    ? LedgerError(place: path, problem: "is in use by another process") : failed("cannot be locked")
            }
            let byteCount = (1 + slotCount) * JournalSlot.byteCount
            // Reserved now: a store into a hole of a file on a full disk would end the process.
            let result = posix_fallocate(descriptor, 0, off_t(byteCount))
            guard result == 0 else {
                errno = result
                throw failed("has no room for \(byteCount) bytes")
            }
            guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
                base != MAP_FAILED
            else { throw failed("cannot be mapped") }
            let mapping = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
            let magic = mapping.load(fromByteOffset: 0, as: UInt64.self)
            guard magic == Self.magic || magic == 0 else {
                munmap(base, byteCount)
                throw LedgerError(place: path, problem: "is no journal of usage")
            }
            mapping.storeBytes(of: Self.magic, as: UInt64.self)
            self.mapping = mapping
            identity = Self.identity(in: mapping)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
        self.slotCount = slotCount
        var state = State(lastID: mapping.load(fromByteOffset: 8, as: UInt64.self))
        for index in (0..<slotCount).reversed() {
            let slot = Self.slot(index, in: mapping)
            if slot.isInUse { state.sealed.append(index) } else { state.free.append(index) }
            state.lastID = max(state.lastID, slot.id)
        }
        self.state = Mutex(state)
    }

    deinit {
        munmap(mapping.baseAddress, mapping.count)
        close(descriptor)
    }

    /// What stands behind magic number and last id, written there when the journal is made.
    private static func identity(in mapping: UnsafeMutableRawBufferPointer) -> JournalIdentity {
        func word(_ offset: Int) -> UInt64 { mapping.load(fromByteOffset: offset, as: UInt64.self) }
        if word(16) == 0 {
            let identity = JournalIdentity.random()
            mapping.storeBytes(of: identity.low, toByteOffset: 24, as: UInt64.self)
            mapping.storeBytes(of: identity.high, toByteOffset: 16, as: UInt64.self)
        }
        return JournalIdentity(high: word(16), low: word(24))
    }

    private static func slot(_ index: Int, in mapping: UnsafeMutableRawBufferPointer) -> JournalSlot {
        let start = (1 + index) * JournalSlot.byteCount
        return JournalSlot(
            bytes: UnsafeMutableRawBufferPointer(rebasing: mapping[start..<start + JournalSlot.byteCount]))
    }

    /// Adds to the slot of `key`.
    ///
    /// - Returns: false when every slot is in use; nothing was added.
    func add(_ consumption: Consumption, to key: LedgerKey) -> Bool {
        state.withLock { state in
            if let index = state.slots[key] {
                Self.slot(index, in: mapping).add(consumption)
                return true
            }
            guard let index = state.free.popLast() else { return false }
            state.lastID += 1
            mapping.storeBytes(of: state.lastID, toByteOffset: 8, as: UInt64.self)
            let slot = Self.slot(index, in: mapping)
            slot.open(id: state.lastID, key)
            slot.add(consumption)
            state.slots[key] = index
            return true
        }
    }

    /// The slots that are sealed and not released.
    func sealedRows() -> [Row] { state.withLock { rows($0.sealed) } }

    /// Seals every slot in use, and hands out all that are sealed.
    func seal() -> [Row] {
        state.withLock { state in
            state.sealed += state.slots.values
            state.slots = [:]
            return rows(state.sealed)
        }
    }

    /// What is in the journal, sealed or not.
    func rows() -> [Row] { state.withLock { rows($0.sealed + Array($0.slots.values)) } }

    /// Frees slots that are in the database.
    func release(_ rows: [Row]) {
        let indices = Set(rows.map(\.index))
        state.withLock { state in
            state.sealed.removeAll(where: indices.contains)
            for index in indices { Self.slot(index, in: mapping).free() }
            state.free += indices
        }
    }

    private func rows(_ indices: [Int]) -> [Row] {
        indices.map { index in
            let slot = Self.slot(index, in: mapping)
            return Row(index: index, id: slot.id, key: slot.key, consumption: slot.consumption)
        }
    }
}
