import Glibc

/// How many files, sockets among them, the process may have open: see RLIMIT_NOFILE in getrlimit(2).
struct DescriptorLimit: Equatable {
    /// Descriptors for what is no connection: loops, models, logs, certificates.
    static let reserveCount = 64

    let softCount: Int
    let hardCount: Int

    /// The limit that so many connections need, or the hard limit if that is less; never below what there is.
    func softCount(for connectionCountMax: Int) -> Int {
        max(softCount, min(connectionCountMax + Self.reserveCount, hardCount))
    }

    /// Connections that fit.
    var connectionCount: Int { max(0, softCount - Self.reserveCount) }

    /// Raises the process's limit so that `connectionCountMax` connections fit, as far as it may.
    ///
    /// Why: many systems start services with 1024, for the sake of programs that use select(2); this one does not.
    /// - Returns: the limit from now on.
    static func raise(for connectionCountMax: Int) -> DescriptorLimit {
        let found = current()
        var limit = rlimit(
            rlim_cur: rlim_t(found.softCount(for: connectionCountMax)), rlim_max: rlim_t(found.hardCount))
        if found.softCount < Int(limit.rlim_cur) { _ = setrlimit(resource, &limit) }
        return current()
    }

    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static func current() -> DescriptorLimit {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return DescriptorLimit(softCount: .max, hardCount: .max) }
        return DescriptorLimit(softCount: Int(clamping: limit.rlim_cur), hardCount: Int(clamping: limit.rlim_max))
    }
}
