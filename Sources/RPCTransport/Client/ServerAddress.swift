import Glibc

/// One address of a server: a numeric host and a port.
///
/// In tests the host may be any word, since only a connector looks at it.
package struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    /// Which protocol of the internet an address belongs to.
    package enum Family: Hashable, Sendable {
        case ipv4
        case ipv6
    }

    /// Without brackets.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// By the look of the host: only addresses of IPv6 have colons.
    package var family: Family { host.contains(":") ? .ipv6 : .ipv4 }

    /// `127.0.0.1:8461`, `[::1]:8461`: also how HTTP writes it.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether a host is written in numbers, so that nobody need be asked for its address.
    package static func isNumeric(_ host: String) -> Bool {
        var address = in6_addr()
        // A scope (`%eth0`) is the connector's business.
        let withoutScope = String(host.prefix { $0 != "%" })
        return inet_pton(AF_INET, withoutScope, &address) == 1 || inet_pton(AF_INET6, withoutScope, &address) == 1
    }

    /// Whether a host is a number of this machine, reached without a network; false for every name, whatever it looks
    /// like.
    /// - Source: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; IPv4 in IPv6 by §2.5.5.2.
    package static func isLoopback(_ host: String) -> Bool {
        var address = in6_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return withUnsafeBytes(of: address) { $0[0] == 127 } }
        guard inet_pton(AF_INET6, host, &address) == 1 else { return false }
        return withUnsafeBytes(of: address) { bytes in
            let start = [UInt8](repeating: 0, count: 10)
            guard bytes.starts(with: start) else { return false }
            if bytes[10] == 0xff, bytes[11] == 0xff { return bytes[12] == 127 }
            return bytes[10...14].allSatisfy { $0 == 0 } && bytes[15] == 1
        }
    }
}
