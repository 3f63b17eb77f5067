/// Checks a `tracestate`, whose members are passed on as they came, or not at all.
///
/// ```
/// rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
/// ```
///
/// - Source: W3C Trace Context, level 1, section 3.3.
package enum TraceState {
    /// Members of the list.
    package static let memberCountMax = 32
    /// A longer list is not passed on.
    package static let byteCountMax = 4096

    /// The members of all headers of that name, in their order and without the space between them; empty when one of
    /// them is malformed, when two have the same key, or when there are too many.
    ///
    /// - Returns: printable ASCII, so that it can be metadata; a header may have a tab between its members.
    package static func joined(_ headers: [String]) -> String {
        guard !headers.isEmpty else { return "" }
        let text = headers.joined(separator: ",")
        guard text.utf8.count <= byteCountMax else { return "" }
        var keys: Set<Substring> = []
        var members: [Substring] = []
        for member in text.split(separator: ",") {
            let member = member.drop { isSpace($0) }.trimmingSpaces
            guard !member.isEmpty else { continue }
            guard let equals = member.firstIndex(of: "=") else { return "" }
            let key = member[..<equals]
            guard isKey(key), isValue(member[member.index(after: equals)...]), keys.insert(key).inserted,
                keys.count <= memberCountMax
            else { return "" }
            members.append(member)
        }
        return members.joined(separator: ",")
    }

    /// `key`, or `tenant@system`.
    private static func isKey(_ key: Substring) -> Bool {
        let parts = key.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        switch parts.count {
        case 1:
            guard let first = parts[0].first, isLetter(first) else { return false }
            return parts[0].count <= 256 && parts[0].allSatisfy(isKeyByte)
        case 2:
            guard let tenant = parts[0].first, isLetter(tenant) || isDigit(tenant), let system = parts[1].first,
                isLetter(system)
            else { return false }
            return parts[0].count <= 241 && parts[1].count <= 14 && parts[0].allSatisfy(isKeyByte)
                && parts[1].allSatisfy(isKeyByte)
        default: return false
        }
    }

    /// Printable, without comma and equals sign; spaces at its end are gone already.
    private static func isValue(_ value: Substring) -> Bool {
        (1...256).contains(value.utf8.count)
            && value.utf8.allSatisfy {
                (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=")
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "_-*/".utf8.contains(byte)
    }
}

private func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
