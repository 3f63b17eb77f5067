import Glibc
import Synchronization
import Tenancy

/// Usage that a database would not have, set aside in a file of text so that all other usage goes on.
///
/// - Isolation: any thread.
final class RefusedUsage: Sendable {
    private let path: String
    private let untold = Mutex<[LedgerError]>([])

    /// A database that refuses everything must not fill memory with complaints.
    private static let untoldCountMax = 100

    /// - Parameter path: of the file, which is made when there is something to be set aside.
    init(path: String) { self.path = path }

    /// What was set aside since this was asked last, and why.
    func take() -> [LedgerError] {
        untold.withLock { untold in
            defer { untold = [] }
            return untold
        }
    }

    /// Appends a line; it is on the disk when this returns.
    ///
    /// The same slot may stand there twice, with the same id, when the process ends before it was released.
    ///
    /// - Throws: `LedgerError`; the slot is to be kept then.
    func keep(_ row: UsageJournal.Row, of journal: JournalIdentity, _ error: LedgerError) throws(LedgerError) {
        func failed() -> LedgerError {
            LedgerError(place: path, problem: "cannot be written: \(String(cString: strerror(errno)))")
        }
        let counts = zip(LedgerColumns.names, JournalSlot.counts).map { "\($0)=\(row.consumption[keyPath: $1])" }
        let what =
            "hour=\(row.key.hour) tenant=\(row.key.tenant) model=\(row.key.modelText) "
            + counts.joined(separator: " ")
        let line = Array("journal=\(journal) id=\(row.id) \(what)\n".utf8)
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed() }
        defer { close(descriptor) }
        // A part of a line that does not fit a full disk is followed by the whole line later.
        guard write(descriptor, line, line.count) == line.count, fsync(descriptor) == 0 else { throw failed() }
        untold.withLock { untold in
            guard untold.count < Self.untoldCountMax else { return }
            untold.append(LedgerError(place: path, problem: "\(what): \(error.problem)"))
        }
    }
}
