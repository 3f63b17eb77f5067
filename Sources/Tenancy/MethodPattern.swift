/// One method of a service, or all of them: `apus.text.v1.Text/Generate` or `apus.text.v1.Text/*`.
package struct MethodPattern: Hashable, Sendable, CustomStringConvertible {
    package let service: String
    /// Nil for all methods of the service.
    package let method: String?

    /// Nil unless `text` is `SERVICE/METHOD` or `SERVICE/*`.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) || $0 == "*" }),
            parts[0] != "*"
        else { return nil }
        service = String(parts[0])
        method = parts[1] == "*" ? nil : String(parts[1])
    }

    package var description: String { "\(service)/\(method ?? "*")" }

    /// Whether a gRPC path, such as `/apus.text.v1.Text/Generate`, is one of these.
    package func matches(path: String) -> Bool {
        guard path.hasPrefix("/\(service)/") else { return false }
        return method.map { path.dropFirst(service.utf8.count + 2) == $0 } ?? true
    }
}

/// Letters, digits, underscores and dots.
private func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
    default: false
    }
}
