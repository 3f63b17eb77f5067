/// Why a ledger cannot be opened or written.
package struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file, or the database without its secrets.
    package let place: String
    package let problem: String
    /// Whether a row is at fault that will be refused however often it is given.
    var isRefusal = false

    package var description: String { "\(place): \(problem)" }
}
