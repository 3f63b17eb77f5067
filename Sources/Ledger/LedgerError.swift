/// Why a ledger cannot be opened or written.
package struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, or the database without its secrets.
    package let place: String
    package let problem: String

    package var description: String { "\(place): \(problem)" }
}
