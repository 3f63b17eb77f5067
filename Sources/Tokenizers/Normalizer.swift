/// What is done to a text before it is cut into words.
enum Normalizer: Sendable, Equatable {
    /// Puts a text in front of every text that is not empty.
    case prepend(String)
    /// Replaces every occurrence.
    case replace(String, by: String)

    func callAsFunction(_ text: String) -> String {
        switch self {
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let replacement): replacing(pattern, in: text, by: replacement)
        }
    }
}

/// Every occurrence of `pattern` from the left, compared scalar by scalar.
private func replacing(_ pattern: String, in text: String, by replacement: String) -> String {
    let pattern = Array(pattern.unicodeScalars)
    guard !pattern.isEmpty else { return text }
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while !rest.isEmpty {
        if rest.starts(with: pattern) {
            result.append(contentsOf: replacement.unicodeScalars)
            rest = rest.dropFirst(pattern.count)
        } else {
            result.append(rest.removeFirst())
        }
    }
    return String(result)
}
