/// The names of the files into which a model was split, such as `model-00001-of-00003.gguf`.
///
/// - Source: the names that `gguf-split` of llama.cpp gives.
struct GGUFSeries: Hashable {
    /// More files are refused.
    static let countMax = 1024

    /// What all names begin with, the folder included.
    let prefix: String
    /// How many files there are.
    let count: Int

    /// Nil for the name of a file that is not one of several.
    init?(partAt path: String) {
        let parts = path.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, let last = parts.last, last.hasSuffix(".gguf"), parts[parts.count - 2] == "of",
            let count = Self.number(last.dropLast(".gguf".count)), let number = Self.number(parts[parts.count - 3]),
            (1...Self.countMax).contains(count), (1...count).contains(number)
        else { return nil }
        self.count = count
        prefix = parts[..<(parts.count - 3)].joined(separator: "-")
    }

    /// The paths of all files, in their order.
    var paths: [String] {
        (1...count).map { "\(prefix)-\(Self.digits($0))-of-\(Self.digits(count)).gguf" }
    }

    private static func digits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private static func number(_ text: Substring) -> Int? {
        text.utf8.count == 5 && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }
}
