/// Ends a streamed text at the stop string that is complete first, and keeps that string itself back.
///
/// Of several that are complete at the same byte the longest counts. So the result does not depend on how the text was
/// cut into pieces.
///
/// A stop string may come in pieces, so text that could be the beginning of one is held back until more of it arrives.
/// Matching is on UTF-8 bytes; both text and stop strings are whole characters, so a cut never splits one.
package struct StopStrings: Sendable {
    /// What may be sent on.
    package struct Progress: Sendable, Equatable {
        /// Text that no stop string can begin in any more; may be empty.
        package let text: String
        /// Whether a stop string came; then `text` is the last there is.
        package let isStopped: Bool

        package init(text: String, isStopped: Bool) {
            self.text = text
            self.isStopped = isStopped
        }
    }

    private let patterns: [[UInt8]]
    /// Text held back: always a proper beginning of some pattern, or empty.
    private var held: [UInt8] = []
    private var isStopped = false

    /// The most stop strings of one request, and the most UTF-8 bytes of each.
    package static let countMax = 16
    package static let byteCountMax = 256

    /// Checks what a caller asked for; an empty list never stops.
    ///
    /// - Throws: `SamplingError` naming the field: too many strings, an empty or a too long one.
    package init(_ strings: [String]) throws(SamplingError) {
        guard strings.count <= Self.countMax else {
            throw SamplingError(
                field: "stop", problem: "expected at most \(Self.countMax) strings, got \(strings.count)")
        }
        for string in strings where string.isEmpty || string.utf8.count > Self.byteCountMax {
            throw SamplingError(
                field: "stop", problem: "expected 1 to \(Self.byteCountMax) bytes each, got \(string.utf8.count)")
        }
        patterns = strings.map { Array($0.utf8) }
    }

    /// Takes the next piece of text.
    ///
    /// - Returns: what may be sent on; nothing more after the stop.
    /// - Complexity: O((held + piece) · patterns · their length).
    package mutating func append(_ piece: String) -> Progress {
        guard !isStopped else { return Progress(text: "", isStopped: true) }
        guard !patterns.isEmpty else { return Progress(text: piece, isStopped: false) }
        held.append(contentsOf: piece.utf8)
        if let start = startOfFirstMatch() {
            isStopped = true
            defer { held = [] }
            return Progress(text: String(decoding: held[..<start], as: UTF8.self), isStopped: true)
        }
        let keep = held.indices.first { index in patterns.contains { matches($0, at: index) == .beginning } }
        let end = keep ?? held.count
        defer { held.removeFirst(end) }
        return Progress(text: String(decoding: held[..<end], as: UTF8.self), isStopped: false)
    }

    /// The text that was held back for a stop string that did not come, when the generation ended otherwise.
    package mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    /// Where the stop string begins that ends first.
    private func startOfFirstMatch() -> Int? {
        var best: (start: Int, end: Int)?
        for start in held.indices {
            for pattern in patterns where matches(pattern, at: start) == .whole {
                // Starts rise, so that of two with the same end the longer one came first.
                if start + pattern.count < best?.end ?? .max { best = (start, start + pattern.count) }
            }
        }
        return best?.start
    }

    private enum Match { case none, beginning, whole }

    /// How much of `pattern` stands at `index`: all of it, its beginning up to the end of the text, or neither.
    private func matches(_ pattern: [UInt8], at index: Int) -> Match {
        let available = held[index...].prefix(pattern.count)
        guard available.elementsEqual(pattern.prefix(available.count)) else { return .none }
        return available.count == pattern.count ? .whole : .beginning
    }
}
