import COpenSSL

/// A name a server is reached by, as it stands among its certificate's alternative names.
package enum ServerName: Hashable, Sendable, CustomStringConvertible {
    /// Letters, digits, hyphens, dots and underscores; 1 to 253 of them; perhaps after `*.`.
    case dns(String)
    /// An IPv4 or IPv6 address, without brackets.
    case address(String)

    /// Tells addresses from DNS names; nil when `text` is neither.
    package init?(_ text: String) {
        if let octets = a2i_IPADDRESS(text) {
            ASN1_OCTET_STRING_free(octets)
            self = .address(text)
            return
        }
        ERR_clear_error()
        guard isHostName(text.hasPrefix("*.") ? text.dropFirst(2) : text[...]) else { return nil }
        self = .dns(text)
    }

    package var description: String {
        switch self {
        case .dns(let name): name
        case .address(let address): address
        }
    }

    /// The name in the notation of x509v3_config(5); the rules above keep its separators out.
    var configuration: String {
        switch self {
        case .dns(let name): "DNS:\(name)"
        case .address(let address): "IP:\(address)"
        }
    }
}

/// Names as RFC 1123 has them, 1 to 253 characters; an underscore is let pass, as internal names do.
func isHostName(_ name: Substring) -> Bool {
    (1...253).contains(name.utf8.count)
        && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { (1...63).contains($0.utf8.count) }
        && name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default: false
            }
        }
}
