/// Tells code from comments and strings in a Swift file: as much of the lexical structure as the rules need.
///
/// Regular expression literals are not known to it; a quotation mark in one would mislead it.
struct SwiftCode {
    private enum Context {
        case code
        case interpolation(openParentheses: Int)
        case lineComment
        case blockComment(depth: Int)
        case string(hashCount: Int, isMultiline: Bool)
    }

    private let bytes: [UInt8]
    private var output: [UInt8] = []
    private var position = 0
    private var contexts: [Context] = [.code]

    /// The text, line for line and column for column, with spaces where comments and the text of strings stood.
    static func withoutCommentsAndStrings(_ text: String) -> String {
        var code = SwiftCode(bytes: Array(text.utf8))
        while code.position < code.bytes.count { code.step() }
        return String(decoding: code.output, as: UTF8.self)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        output.reserveCapacity(bytes.count)
    }

    private mutating func step() {
        switch contexts[contexts.count - 1] {
        case .code: stepInCode(openParentheses: nil)
        case .interpolation(let openParentheses): stepInCode(openParentheses: openParentheses)
        case .lineComment: stepInLineComment()
        case .blockComment(let depth): stepInBlockComment(depth: depth)
        case .string(let hashCount, let isMultiline): stepInString(hashCount: hashCount, isMultiline: isMultiline)
        }
    }

    private mutating func stepInCode(openParentheses: Int?) {
        if take("//", as: .blank) { return contexts.append(.lineComment) }
        if take("/*", as: .blank) { return contexts.append(.blockComment(depth: 1)) }
        if startsString() { return }
        if let openParentheses {
            let change = bytes[position] == UInt8(ascii: "(") ? 1 : bytes[position] == UInt8(ascii: ")") ? -1 : 0
            contexts[contexts.count - 1] = .interpolation(openParentheses: openParentheses + change)
            if openParentheses + change == 0 {
                contexts.removeLast()
                return advance(1, as: .blank)
            }
        }
        advance(1, as: .kept)
    }

    private mutating func stepInLineComment() {
        if bytes[position] == UInt8(ascii: "\n") { contexts.removeLast() }
        advance(1, as: .blank)
    }

    private mutating func stepInBlockComment(depth: Int) {
        if take("/*", as: .blank) {
            contexts[contexts.count - 1] = .blockComment(depth: depth + 1)
        } else if take("*/", as: .blank) {
            if depth == 1 {
                contexts.removeLast()
            } else {
                contexts[contexts.count - 1] = .blockComment(depth: depth - 1)
            }
        } else {
            advance(1, as: .blank)
        }
    }

    private mutating func stepInString(hashCount: Int, isMultiline: Bool) {
        let hashes = String(repeating: "#", count: hashCount)
        if take((isMultiline ? "\"\"\"" : "\"") + hashes, as: .blank) {
            contexts.removeLast()
            return
        }
        if take("\\" + hashes + "(", as: .blank) { return contexts.append(.interpolation(openParentheses: 1)) }
        advance(startsWith("\\" + hashes) ? 2 + hashCount : 1, as: .blank)
    }

    /// Takes the opening quotation marks of a string, if one begins here.
    private mutating func startsString() -> Bool {
        guard bytes[position] == UInt8(ascii: "\"") || bytes[position] == UInt8(ascii: "#") else { return false }
        var hashCount = 0
        while position + hashCount < bytes.count, bytes[position + hashCount] == UInt8(ascii: "#") { hashCount += 1 }
        let hashes = String(repeating: "#", count: hashCount)
        for (marks, isMultiline) in [("\"\"\"", true), ("\"", false)] where take(hashes + marks, as: .blank) {
            contexts.append(.string(hashCount: hashCount, isMultiline: isMultiline))
            return true
        }
        return false
    }

    private enum Fate { case kept, blank }

    private mutating func take(_ text: String, as fate: Fate) -> Bool {
        guard startsWith(text) else { return false }
        advance(text.utf8.count, as: fate)
        return true
    }

    private func startsWith(_ text: String) -> Bool {
        var index = position
        for byte in text.utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func advance(_ count: Int, as fate: Fate) {
        for byte in bytes[position..<min(position + count, bytes.count)] {
            output.append(fate == .kept || byte == UInt8(ascii: "\n") ? byte : UInt8(ascii: " "))
        }
        position += count
    }
}
