import Glibc

/// Where a measurement was made, as far as it matters to read it.
package struct MachineFacts: Codable, Equatable, Sendable {
    /// Processors that the load generator, and a server beside it, may use.
    package var coreCount: Int
    package var architecture: String
    package var operatingSystem: String

    package init(coreCount: Int, architecture: String, operatingSystem: String) {
        self.coreCount = coreCount
        self.architecture = architecture
        self.operatingSystem = operatingSystem
    }

    /// This machine.
    ///
    /// - Source: uname(2), sysconf(3).
    package static func current() -> MachineFacts {
        var names = utsname()
        let result = uname(&names)
        precondition(result == 0, "uname: errno \(errno)")
        let system = withUnsafeBytes(of: &names.sysname, text)
        let release = withUnsafeBytes(of: &names.release, text)
        return MachineFacts(
            coreCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            architecture: withUnsafeBytes(of: &names.machine, text), operatingSystem: "\(system) \(release)")
    }
}

private func text(_ bytes: UnsafeRawBufferPointer) -> String {
    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}
