/// When files that have changed are read anew: once two looks in a row find them the same.
///
/// Why not at the first look: a certificate and its key are two files, and whoever replaces them does so one after the
/// other; between the two they do not belong together.
///
/// ```
/// looks at     A   A   B   C   C   C   C
/// read before  A   A   A   A   A   C   C
/// reads                        ↑
/// ```
struct ReloadPolicy<Version: Equatable> {
    /// What was read last, whether it could be used or not: a broken file is reported once, not at every look.
    private var read: Version
    /// What the last look found, when that was something else.
    private var seen: Version?

    init(read: Version) { self.read = read }

    /// Whether what a look has found is to be read now.
    mutating func look(at version: Version) -> Bool {
        guard version != read else {
            seen = nil
            return false
        }
        guard version == seen else {
            seen = version
            return false
        }
        return true
    }

    /// Notes what was there just before it was read: a change during the reading is found by the next looks.
    mutating func willRead(_ version: Version) {
        read = version
        seen = nil
    }
}
