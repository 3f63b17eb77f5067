/// How a text is cut into words before pairs are merged; no merge crosses a cut.
enum PreTokenizer: Sendable, Equatable {
    /// The whole text is one word.
    case none
    /// GPT-2's words: contractions, runs of letters, of digits, of other characters, each with one leading space, and
    /// runs of white space.
    case byteLevel(addsPrefixSpace: Bool)

    /// The words of `text`, in order; together they are the text.
    func words(of text: String) -> [Substring.UnicodeScalarView] {
        switch self {
        case .none: return text.isEmpty ? [] : [text[...].unicodeScalars]
        case .byteLevel(let addsPrefixSpace):
            let needsSpace = addsPrefixSpace && text.unicodeScalars.first.map { !$0.properties.isWhitespace } == true
            return byteLevelWords(of: needsSpace ? " " + text : text)
        }
    }
}

/// The matches of GPT-2's pattern, which has these branches in order:
/// `'s 't 're 've 'm 'll 'd`, ` ?letters`, ` ?digits`, ` ?others`, white space not followed by a word, white space.
private func byteLevelWords(of text: String) -> [Substring.UnicodeScalarView] {
    let scalars = text.unicodeScalars
    var words: [Substring.UnicodeScalarView] = []
    var start = scalars.startIndex
    while start < scalars.endIndex {
        let end = endOfWord(in: scalars, from: start)
        words.append(scalars[start..<end])
        start = end
    }
    return words
}

private func endOfWord(in scalars: String.UnicodeScalarView, from start: String.UnicodeScalarView.Index)
    -> String.UnicodeScalarView.Index
{
    if let end = endOfContraction(in: scalars, from: start) { return end }
    let afterSpace = scalars[start] == " " ? scalars.index(after: start) : start
    if afterSpace < scalars.endIndex, ScalarClass(scalars[afterSpace]) != .space {
        let kind = ScalarClass(scalars[afterSpace])
        return scalars[afterSpace...].firstIndex { ScalarClass($0) != kind } ?? scalars.endIndex
    }
    let end = scalars[start...].firstIndex { ScalarClass($0) != .space } ?? scalars.endIndex
    // The last of several white spaces before a word belongs to that word (as its leading space, or on its own).
    let last = scalars.index(before: end)
    return end < scalars.endIndex && last > start ? last : end
}

private func endOfContraction(in scalars: String.UnicodeScalarView, from start: String.UnicodeScalarView.Index)
    -> String.UnicodeScalarView.Index?
{
    guard scalars[start] == "'" else { return nil }
    let rest = scalars[scalars.index(after: start)...].prefix(2)
    let endings: [String] = ["s", "t", "re", "ve", "m", "ll", "d"]
    guard let ending = endings.first(where: { rest.starts(with: $0.unicodeScalars) }) else { return nil }
    return scalars.index(start, offsetBy: 1 + ending.unicodeScalars.count)
}

/// The classes of GPT-2's pattern: `\p{L}`, `\p{N}`, `\s` and everything else.
private enum ScalarClass {
    case letter, number, space, other

    init(_ scalar: Unicode.Scalar) {
        if scalar.properties.isWhitespace {
            self = .space
            return
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = .other
        }
    }
}
