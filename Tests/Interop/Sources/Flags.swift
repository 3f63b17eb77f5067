/// The flags of a command line as the official interop programs spell them.
///
/// `--name=value` and `--name value` are the same; a flag without a value is `true`.
struct Flags {
    /// A command line that cannot be understood.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private var values: [String: String] = [:]

    /// - Throws: `Failure` for a word that is no flag, and for a flag that is not among `known`.
    init(_ arguments: some Sequence<String>, known: Set<String>) throws(Failure) {
        var words = Array(arguments)[...]
        while let word = words.popFirst() {
            guard word.hasPrefix("--") else { throw Failure(description: "'\(word)' is no flag") }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard known.contains(name) else {
                let names = known.sorted().map { "--\($0)" }.joined(separator: " ")
                throw Failure(description: "--\(name) is not known here; these are: \(names)")
            }
            if parts.count == 2 {
                values[name] = String(parts[1])
            } else if let next = words.first, !next.hasPrefix("--") {
                values[name] = next
                words.removeFirst()
            } else {
                values[name] = "true"
            }
        }
    }

    func text(_ name: String) -> String? { values[name] }

    func isSet(_ name: String) throws(Failure) -> Bool {
        switch values[name] {
        case nil, "false", "False", "0": false
        case "true", "True", "1": true
        case let other?: throw Failure(description: "--\(name) is true or false, not '\(other)'")
        }
    }

    func number<Number: FixedWidthInteger>(_ name: String, default number: Number) throws(Failure) -> Number {
        guard let text = values[name] else { return number }
        guard let number = Number(text) else {
            throw Failure(description: "--\(name) is a number up to \(Number.max), not '\(text)'")
        }
        return number
    }
}
