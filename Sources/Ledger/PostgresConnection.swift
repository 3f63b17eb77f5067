import CPostgreSQL
import Glibc
import Vocabulary

/// Why PostgreSQL did not do what it was asked to.
struct PostgresError: Error, CustomStringConvertible {
    let description: String
    /// The five characters of the standard for what the server refuses; nil for what did not come from it.
    var state: String?
}

/// One connection to PostgreSQL; whatever goes wrong on it, it is of no more use.
///
/// It is never waited for without end: not for the network, nor for a server that has been stopped, nor for one that
/// waits for a lock.
///
/// - Source: PostgreSQL 15 documentation, chapter 34 (libpq), "Asynchronous Command Processing".
final class PostgresConnection {
    /// For each address of the host; whoever gives a `connect_timeout` of their own gets that.
    private static let connectSeconds = 5
    /// For the answer to one statement.
    static let answerNanosecondsMax: UInt64 = 10_000_000_000
    /// What the server itself allows a statement, and a lock, before it answers with an error.
    private static let settings = """
        SET statement_timeout = 8000; SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 15000
        """

    private let connection: OpaquePointer

    /// Connects.
    ///
    /// - Parameter parameters: `host=… dbname=…` or `postgres://…`, as libpq reads them.
    /// - Throws: `PostgresError` with what libpq says.
    init(_ parameters: String) throws(PostgresError) {
        let given: [(name: String, value: String)] = [
            // What stands in front of `dbname` is only for what it does not say; what stands behind it always holds.
            ("connect_timeout", "\(Self.connectSeconds)"), ("tcp_user_timeout", "10000"),
            ("fallback_application_name", "apus"), ("dbname", parameters), ("client_encoding", "UTF8"),
        ]
        let connection = withCStrings(given.map(\.name)) { names in
            withCStrings(given.map(\.value)) { values in PQconnectdbParams(names, values, 1) }
        }
        guard let connection else { throw PostgresError(description: "no memory for a connection") }
        self.connection = connection
        guard PQstatus(connection) == CONNECTION_OK else { throw failure() }
        guard PQsetnonblocking(connection, 1) == 0 else { throw failure() }
        for setting in Self.settings.split(separator: ";") { try run(String(setting)) }
    }

    deinit { PQfinish(connection) }

    /// Runs one statement.
    ///
    /// - Parameters:
    ///   - sql: with `$1`, `$2` … for the arguments.
    ///   - arguments: as text, without NUL.
    /// - Returns: its rows; nil stands for NULL.
    /// - Throws: `PostgresError` with what the server or libpq says, or when the answer takes too long.
    @discardableResult
    func run(_ sql: String, _ arguments: [String] = []) throws(PostgresError) -> [[String?]] {
        let limit = SystemClock().now().advanced(byNanoseconds: Self.answerNanosecondsMax)
        let isSent = withCStrings(arguments) { values in
            PQsendQueryParams(connection, sql, Int32(arguments.count), nil, values, nil, nil, 0)
        }
        guard isSent == 1 else { throw failure() }
        while true {
            let rest = PQflush(connection)
            guard rest >= 0 else { throw failure() }
            if rest == 0 { break }
            try wait(POLLIN | POLLOUT, until: limit)
        }
        var rows: [[String?]] = []
        while let result = try nextResult(until: limit) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK: rows += Self.rows(of: result)
            case PGRES_COMMAND_OK: break
            default:
                throw PostgresError(
                    description: Self.text(PQresultErrorMessage(result)),
                    state: PQresultErrorField(result, CInt(UInt8(ascii: "C"))).map { String(cString: $0) })
            }
        }
        return rows
    }

    /// Nil behind the last result of a statement.
    private func nextResult(until limit: MonotonicTime) throws(PostgresError) -> OpaquePointer? {
        while PQisBusy(connection) == 1 { try wait(POLLIN, until: limit) }
        return PQgetResult(connection)
    }

    private func wait(_ events: Int32, until limit: MonotonicTime) throws(PostgresError) {
        let now = SystemClock().now()
        guard now < limit else { throw PostgresError(description: "no answer in time") }
        var descriptor = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
        // Whether it is ready, was interrupted or has waited in vain: the loops around this look again.
        poll(&descriptor, 1, Int32(clamping: limit.nanoseconds(since: now) / 1_000_000 + 1))
        guard PQconsumeInput(connection) == 1 else { throw failure() }
    }

    private static func rows(of result: OpaquePointer) -> [[String?]] {
        (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) == 1
                    ? nil : PQgetvalue(result, row, column).map { String(cString: $0) }
            }
        }
    }

    private func failure() -> PostgresError { PostgresError(description: Self.text(PQerrorMessage(connection))) }

    /// A message of libpq as one line.
    private static func text(_ message: UnsafePointer<CChar>?) -> String {
        let lines = message.map { String(cString: $0) } ?? "no reason given"
        return lines.split(separator: "\n").map { $0.trimmingSpaces() }.joined(separator: "; ")
    }
}

/// Where a PostgreSQL is, as libpq reads it.
package struct PostgresLocation: Sendable, Hashable, CustomStringConvertible {
    /// With whatever secrets it has.
    let parameters: String
    /// Host, port and database: what may be logged.
    package let description: String

    /// - Parameter parameters: `host=… dbname=… user=…` or `postgres://user@host/database`.
    /// - Throws: `LedgerError` saying what is understood; nothing of `parameters`.
    package init(_ parameters: String) throws(LedgerError) {
        // Without libpq's own words: they quote what they were given, a part of the password for one.
        guard let options = PQconninfoParse(parameters, nil) else {
            throw LedgerError(
                place: "postgres",
                problem: "cannot be read as a connection: expected host=… dbname=… user=… with the words of libpq, "
                    + "values with spaces in 'quotes', or postgres://user@host:port/database")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.parameters = parameters
        let host = values["host"] ?? values["hostaddr"] ?? "local"
        description =
            "postgres://\(host)" + (values["port"].map { ":\($0)" } ?? "") + (values["dbname"].map { "/\($0)" } ?? "")
    }
}

/// Calls `body` with the texts as C has them and a null behind them, for the length of the call.
private func withCStrings<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let pointers: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) } + [nil]
    return pointers.withUnsafeBufferPointer { body($0.baseAddress!) }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        let head = drop { $0 == " " || $0 == "\t" }
        return head.dropLast(head.reversed().prefix { $0 == " " || $0 == "\t" }.count)
    }
}
