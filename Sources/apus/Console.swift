import Foundation

/// The terminal, written to at once: `print` would keep a piece of text until its line is full.
enum Console {
    /// Writes to stdout; a reader who went away ends the process, as it does every filter.
    static func write(_ text: String) {
        guard !text.isEmpty else { return }
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            exit(EXIT_FAILURE)
        }
    }

    /// Writes a line to stderr; if nobody can read it, there is nobody to tell.
    static func note(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8)) }

    static func error(_ message: String) { note("error: \(message)") }

    /// Whether people look at stderr.
    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Replaces the current line of a terminal on stderr.
    static func replaceLine(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(text)".utf8))
    }

    /// Everything that is on stdin, as text.
    ///
    /// - Throws: `CommandFailure` when it is not UTF-8, `CocoaError` when it cannot be read.
    static func readAll() throws -> String {
        let data = try FileHandle.standardInput.readToEnd() ?? Data()
        guard let text = String(validating: data, as: UTF8.self) else {
            throw CommandFailure("What came on stdin is not UTF-8 text.")
        }
        return text
    }
}

/// Rows of cells under each other, two spaces apart; the last column is not padded.
func columns(_ rows: [[String]]) -> String {
    let columnCount = rows.map(\.count).max() ?? 0
    let widths = (0..<columnCount).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
        row.enumerated().map { column, cell in
            column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
        }.joined(separator: "  ")
    }.joined(separator: "\n")
}

/// A share as a bar of at most 20 characters.
func bar(_ share: Float) -> String {
    String(repeating: "█", count: Int((20 * min(max(share, 0), 1)).rounded()))
}

/// A share as text of a fixed width, such as ` 99.8 %`.
func percent(_ share: Float) -> String { String(format: "%5.1f %%", Double(share) * 100) }
