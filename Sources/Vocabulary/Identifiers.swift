/// The tenant a call is made for: the last path component of `spiffe://TRUST-DOMAIN/tenant/NAME`.
///
/// A tenant is a team or a service that Apus accounts, limits and isolates as one.
package struct TenantID: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 63 characters of `a-z 0-9 . _ -`, the first one a letter or digit.
    package let name: String

    /// Nil when `name` breaks the rule above.
    package init?(_ name: String) {
        guard isPlainName(name, lengthMax: 63, allowsUpperCase: false) else { return nil }
        self.name = name
    }

    package var description: String { name }
}

/// The name a model is served under; the folder name in the model repository.
package struct ModelName: Hashable, Sendable, CustomStringConvertible {
    /// 1 to 255 characters of `A-Z a-z 0-9 . _ -`, the first one a letter or digit.
    package let name: String

    /// Nil when `name` breaks the rule above.
    package init?(_ name: String) {
        guard isPlainName(name, lengthMax: 255, allowsUpperCase: true) else { return nil }
        self.name = name
    }

    package var description: String { name }
}

/// The version of a model: a positive integer, the folder name below the model's.
package struct ModelVersion: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// At least 1.
    package let number: Int

    /// Nil for anything but a positive integer.
    package init?(_ number: Int) {
        guard number >= 1 else { return nil }
        self.number = number
    }

    /// Nil for anything but a decimal positive integer without sign or leading zero.
    package init?(_ text: String) {
        guard let first = text.utf8.first, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(first),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(text)
        else { return nil }
        self.init(number)
    }

    package static func < (lhs: ModelVersion, rhs: ModelVersion) -> Bool { lhs.number < rhs.number }

    package var description: String { String(number) }
}

/// Names one call in logs, unique within the life of a process.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    /// Counts up from 1 in each process.
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    package var description: String { String(number) }
}

/// Letters, digits, dot, underscore and hyphen, starting with a letter or digit: safe as a file name, a label and a
/// URI path component.
private func isPlainName(_ name: String, lengthMax: Int, allowsUpperCase: Bool) -> Bool {
    let bytes = name.utf8
    guard let first = bytes.first, bytes.count <= lengthMax else { return false }
    func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): allowsUpperCase
        default: false
        }
    }
    return isLetterOrDigit(first)
        && bytes.allSatisfy {
            isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
        }
}
