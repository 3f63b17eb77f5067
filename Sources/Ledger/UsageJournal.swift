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
/// once they are there; each has an id that is larger than those of all slots that were sealed before it was taken, so
/// that the database knows by one number what it has taken already.
///
/// - Isolation: any thread; one short lock. `seal`, `synchronize` and `release` are one thread's at a time.
final class UsageJournal: @unchecked Sendable {
    // @unchecked: the mapping is touched under the lock only, but for sealed slots: they do not change, and only
    // `release` frees them, which whoever reads them calls.

    /// A slot that is being moved to the database.
    struct Row: Equatable, Sendable {
        let index: Int
        let id: UInt64
        let key: LedgerKey
        var consumption: Consumption
    }

    private struct Place {
        let index: Int
        let id: UInt64
    }

    private struct State {
        var slots: [LedgerKey: Place] = [:]
        var free: [Int] = []
        /// As they were sealed: taken over whole, because a call that is recorded waits for the lock.
        var sealed: [[LedgerKey: Place]] = []
        var lastID: UInt64
    }

    /// What has become of what was to be added.
    enum Addition {
        case added
        /// Few slots are left: time to move them.
        case addedToLast
        /// Nothing was added: every slot is in use.
        case full
    }

    /// Which journal this is, among those whose slots are in one database.
    let identity: JournalIdentity
    /// Slots that an earlier process left and the disk has spoiled: nobody knows what they were.
    let damagedCount: Int
    private let path: String
    private let descriptor: CInt
    private let mapping: UnsafeMutableRawBufferPointer
    private let header: JournalHeader
    private let slotCount: Int
    private let state: Mutex<State>

    /// Enough for a database that is away for hours.
    static let slotCountDefault = 16_384

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
            mapping = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
            header = JournalHeader(bytes: UnsafeMutableRawBufferPointer(rebasing: mapping[..<JournalSlot.byteCount]))
            if let problem = Self.problem(header) {
                munmap(base, byteCount)
                throw LedgerError(place: path, problem: problem)
            }
            identity = header.identity
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
        self.slotCount = slotCount
        let found = Self.state(in: mapping, slotCount: slotCount, lastID: header.lastID)
        damagedCount = found.damagedCount
        state = Mutex(found.state)
    }

    deinit {
        munmap(mapping.baseAddress, mapping.count)
        close(descriptor)
    }

    private static func problem(_ header: JournalHeader) -> String? {
        switch header.open() {
        case .usable: nil
        case .foreign: "is no journal of usage"
        case .damaged:
            "has a damaged beginning: which of its usage is in the database already cannot be known; "
                + "move the file away to start with an empty one"
        }
    }

    /// What an earlier process left; damaged slots are freed, and their ids believed by nobody.
    private static func state(
        in mapping: UnsafeMutableRawBufferPointer, slotCount: Int, lastID: UInt64
    ) -> (state: State, damagedCount: Int) {
        var state = State(lastID: lastID)
        var damagedCount = 0
        for index in (0..<slotCount).reversed() {
            let slot = slot(index, in: mapping)
            if slot.isInUse, let key = slot.key {
                // An earlier process may have left two slots of a key.
                let batch = state.sealed.firstIndex { $0[key] == nil } ?? state.sealed.endIndex
                if batch == state.sealed.endIndex { state.sealed.append([:]) }
                state.sealed[batch][key] = Place(index: index, id: slot.id)
                state.lastID = max(state.lastID, slot.id)
                continue
            }
            if slot.isInUse {
                damagedCount += 1
                slot.free()
            }
            state.free.append(index)
        }
        return (state, damagedCount)
    }

    private static func slot(_ index: Int, in mapping: UnsafeMutableRawBufferPointer) -> JournalSlot {
        let start = (1 + index) * JournalSlot.byteCount
        return JournalSlot(
            bytes: UnsafeMutableRawBufferPointer(rebasing: mapping[start..<start + JournalSlot.byteCount]))
    }

    /// Adds to the slot of `key`.
    func add(_ consumption: Consumption, to key: LedgerKey) -> Addition {
        state.withLock { state in
            if let place = state.slots[key] {
                Self.slot(place.index, in: mapping).add(consumption)
                return .added
            }
            guard state.lastID < JournalSlot.idMax, let index = state.free.popLast() else { return .full }
            state.lastID += 1
            header.lastID = state.lastID
            let slot = Self.slot(index, in: mapping)
            slot.open(id: state.lastID, key)
            slot.add(consumption)
            state.slots[key] = Place(index: index, id: state.lastID)
            return state.free.count < slotCount / 4 ? .addedToLast : .added
        }
    }

    /// Takes no id from now on that is not larger than this one, which the database has.
    func raiseLastID(to id: UInt64) {
        state.withLock { $0.lastID = max($0.lastID, min(id, JournalSlot.idMax)) }
    }

    /// The slots that are sealed and not released, by id.
    func sealedRows() -> [Row] {
        let sealed = state.withLock { $0.sealed }
        return sealed.flatMap(rows).sorted { $0.id < $1.id }
    }

    /// Seals every slot in use, and hands out all that are sealed, by id.
    func seal() -> [Row] {
        state.withLock { state in
            if !state.slots.isEmpty { state.sealed.append(state.slots) }
            state.slots = [:]
        }
        return sealedRows()
    }

    /// Not under the lock, because sealed slots do not change.
    private func rows(_ places: [LedgerKey: Place]) -> [Row] {
        places.map { key, place in
            Row(
                index: place.index, id: place.id, key: key,
                consumption: Self.slot(place.index, in: mapping).consumption)
        }
    }

    /// What is in the journal of a tenant and a time, sealed or not.
    func rows(of tenant: TenantID, in period: Range<Int64>) -> [Row] {
        state.withLock { state in
            var rows: [Row] = []
            for places in state.sealed + [state.slots] {
                for (key, place) in places where key.tenant == tenant && period.contains(key.hour) {
                    let slot = Self.slot(place.index, in: mapping)
                    rows.append(Row(index: place.index, id: place.id, key: key, consumption: slot.consumption))
                }
            }
            return rows
        }
    }

    /// Slots in use.
    var usedCount: Int { state.withLock { slotCount - $0.free.count } }

    /// Waits until the disk has the journal as it is now.
    ///
    /// Why: a database that remembers having taken a slot survives the end of the machine. Would the journal then come
    /// back as it was before, its next slots had ids that the database takes for old ones.
    func synchronize() throws(LedgerError) {
        guard msync(mapping.baseAddress, mapping.count, MS_SYNC) == 0 else {
            throw LedgerError(place: path, problem: "cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    /// Frees slots that are in the database.
    func release(_ rows: [Row]) {
        let indices = Set(rows.map(\.index))
        state.withLock { state in
            // Mostly all of them; whoever records a call is waiting.
            let isAll = state.sealed.reduce(0) { $0 + $1.count } == indices.count
            state.sealed = isAll ? [] : state.sealed.map { $0.filter { !indices.contains($0.value.index) } }
            for index in indices { Self.slot(index, in: mapping).free() }
            state.free += indices
        }
    }
}
