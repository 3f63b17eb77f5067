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
}
