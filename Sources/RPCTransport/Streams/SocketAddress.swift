import CLinux
import Glibc

/// An address of TCP: IPv4 or IPv6, and a port.
package struct SocketAddress: Sendable, CustomStringConvertible {
    /// As the kernel has it; `byteCount` bytes of it count.
    private var storage: sockaddr_storage
    private let byteCount: socklen_t

    init(_ storage: sockaddr_storage, byteCount: socklen_t) {
        self.storage = storage
        self.byteCount = byteCount
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withUnsafeAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, byteCount) }
        }
    }

    /// The host in numbers, without brackets.
    package var host: String { names.host }

    package var port: UInt16 { UInt16(names.port) ?? 0 }

    /// `127.0.0.1:8461`, `[::1]:8461`.
    package var description: String {
        let (host, port) = names
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether it is of this host, reached without a network.
    /// - Source: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3; IPv4 in IPv6 by §2.5.5.2.
    var isLoopback: Bool {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET: return bytes[MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!] == 127
            case AF_INET6:
                let address = Array(bytes[MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!...].prefix(16))
                let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
                if address.starts(with: mappedPrefix) { return address[12] == 127 }
                return address == [UInt8](repeating: 0, count: 15) + [1]
            default: return false
            }
        }
    }

    private var names: (host: String, port: String) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let result = withUnsafeAddress { address, byteCount in
            getnameinfo(
                address, byteCount, &host, socklen_t(host.count), &port, socklen_t(port.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        guard result == 0 else { return ("?", "0") }
        return (Self.text(host), Self.text(port))
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The address a bound socket got.
    static func ofSocket(_ descriptor: Int32) -> SocketAddress {
        var storage = sockaddr_storage()
        var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &byteCount) }
        }
        precondition(result == 0, "getsockname: errno \(errno)")
        return SocketAddress(storage, byteCount: byteCount)
    }
}

/// Why a name has no address.
package struct AddressError: Error, Hashable, Sendable, CustomStringConvertible {
    package let host: String
    package let reason: String

    package var description: String { "\(host): \(reason)" }
}

extension SocketAddress {
    /// The addresses of `host`, in the order in which they should be tried.
    ///
    /// When it `isNumeric`, the host must be numbers, and the call does not wait for anyone.
    ///
    /// - Throws: `AddressError` with the resolver's reason.
    static func resolve(
        host: String, port: UInt16, isNumeric: Bool
    ) throws(AddressError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (isNumeric ? AI_NUMERICHOST : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { throw AddressError(host: host, reason: String(cString: gai_strerror(result))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee {
            var storage = sockaddr_storage()
            if let address = entry.ai_addr, Int(entry.ai_addrlen) <= MemoryLayout<sockaddr_storage>.size {
                memcpy(&storage, address, Int(entry.ai_addrlen))
                addresses.append(SocketAddress(storage, byteCount: entry.ai_addrlen))
            }
            next = entry.ai_next
        }
        return addresses
    }
}
