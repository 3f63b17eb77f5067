/// Which servers a channel calls: a name to be resolved, or their addresses.
///
/// Read from text as gRPC writes it: `HOST:PORT`, `dns:///HOST:PORT`, `ipv4:A:PORT,B:PORT`, `ipv6:[A]:PORT,[B]:PORT`.
/// - Source: grpc/grpc `doc/naming.md`.
package struct ChannelTarget: Hashable, Sendable {
    /// Where the addresses come from.
    package enum Source: Hashable, Sendable {
        /// The resolver is asked, and again after connections were lost.
        case name(host: String, port: UInt16)
        /// Known, in the order in which they should be tried.
        case addresses([ServerAddress])
    }

    /// Addresses a target may list; more are refused when the text is read, and cut off in a resolver's answer.
    package static let addressCountMax = 256

    package let source: Source
    /// What `:authority` says, and how messages name the target.
    package let authority: String
    /// The name that the server's certificate must have, unless the configuration names another.
    package let serverName: String

    /// The target as metrics name it, with its scheme whether or not somebody wrote it.
    ///
    /// - Source: gRFC A66, `grpc.target`.
    package var uri: String {
        switch source {
        case .name(let host, let port): "dns:///\(ServerAddress(host: host, port: port))"
        case .addresses(let addresses):
            (addresses.first?.family == .ipv6 ? "ipv6:" : "ipv4:")
                + addresses.map(\.description).joined(separator: ",")
        }
    }

    /// A host by its name or its numeric address, without brackets.
    package init(host: String, port: UInt16) {
        let address = ServerAddress(host: host, port: port)
        source = ServerAddress.isNumeric(host) ? .addresses([address]) : .name(host: host, port: port)
        authority = address.description
        serverName = host
    }

    /// Servers by their addresses.
    ///
    /// - Parameters:
    ///   - addresses: at least one; numeric.
    ///   - serverName: what all of them are called; the first one's host when nil.
    /// - Precondition: there is at least one address.
    package init(addresses: [ServerAddress], serverName: String? = nil) {
        precondition(!addresses.isEmpty, "a target without addresses")
        source = .addresses(addresses)
        authority = serverName ?? addresses[0].description
        self.serverName = serverName ?? addresses[0].host
    }

    /// Reads a target; nil for one that is malformed or has a scheme this client does not know.
    ///
    /// - Parameters:
    ///   - text: what the user wrote.
    ///   - defaultPort: for a name or an address without one.
    package init?(_ text: String, defaultPort: UInt16) {
        if let list = text.removing(prefix: "ipv4:") {
            self.init(list: list, family: .ipv4, defaultPort)
        } else if let list = text.removing(prefix: "ipv6:") {
            self.init(list: list, family: .ipv6, defaultPort)
        } else if let rest = text.removing(prefix: "dns:") {
            // `dns://SERVER/NAME` would choose the name server, which is the system's to choose here.
            let name = rest.removing(prefix: "///") ?? rest
            guard !name.hasPrefix("/") else { return nil }
            self.init(endpoint: name, defaultPort)
        } else {
            self.init(endpoint: text[...], defaultPort)
        }
    }

    private init?(endpoint text: Substring, _ defaultPort: UInt16) {
        guard let (host, port) = Self.split(text, defaultPort) else { return nil }
        self.init(host: host, port: port)
    }

    private init?(list: Substring, family: ServerAddress.Family, _ defaultPort: UInt16) {
        var addresses: [ServerAddress] = []
        for part in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let (host, port) = Self.split(part, defaultPort), ServerAddress.isNumeric(host) else { return nil }
            let address = ServerAddress(host: host, port: port)
            guard address.family == family, addresses.count < Self.addressCountMax else { return nil }
            addresses.append(address)
        }
        guard !addresses.isEmpty else { return nil }
        self.init(addresses: addresses)
    }

    /// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`.
    private static func split(_ text: Substring, _ defaultPort: UInt16) -> (host: String, port: UInt16)? {
        let host: Substring
        let port: Substring?
        if text.hasPrefix("["), let bracket = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<bracket]
            let rest = text[text.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":"), host.contains(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = parts[0]
            port = parts.count == 2 ? parts[1] : nil
        }
        guard !host.isEmpty, !host.contains("/") else { return nil }
        guard let port else { return (String(host), defaultPort) }
        guard let number = UInt16(port), number > 0 else { return nil }
        return (String(host), number)
    }
}

extension StringProtocol {
    fileprivate func removing(prefix: String) -> Substring? {
        hasPrefix(prefix) ? Substring(dropFirst(prefix.count)) : nil
    }
}
