/// Why a ledger cannot be opened or written.
package struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    package let path: String
    package let problem: String

    package var description: String { "\(path): \(problem)" }
}
