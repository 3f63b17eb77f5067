/// The addresses of a host, for those who keep a channel to each of them.
package enum HostLookup {
    /// Asks the system's resolver, on a thread of its own.
    ///
    /// - Returns: numeric addresses in the resolver's order, without repetition; nil when there are none, or nobody
    ///   knows. A numeric address is its own.
    package static func addresses(of host: String) async -> [String]? {
        if ServerAddress.isNumeric(host) { return [host] }
        return await withCheckedContinuation { continuation in
            let job = ResolverJob {
                let found = try? SocketAddress.resolve(host: host, port: 0, isNumeric: false)
                var seen: Set<String> = []
                let hosts = (found ?? []).map(\.host).filter { seen.insert($0).inserted }
                continuation.resume(returning: hosts.isEmpty ? nil : hosts)
            }
            if !job.start() { continuation.resume(returning: nil) }
        }
    }
}
