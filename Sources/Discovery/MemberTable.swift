package import Vocabulary

/// Who is a member: whose key is in etcd, as far as etcd has said.
///
/// ```
/// put, listed ──▶ member ──deleted──▶ gone
///                   │  ▲
///    not in a list  ▼  │ put, listed
///                 missed ──grace──▶ gone
/// ```
///
/// A key that was deleted is gone at once: its lease has ended. One that is merely not in a list, after etcd was away,
/// is let go only when some time has passed: an etcd that came back without its data has forgotten everybody, and they
/// need a moment to come again.
///
/// A value without clock or I/O.
package struct MemberTable: Sendable {
    /// How long a member stays that a list does not have.
    package static let graceNanoseconds: UInt64 = 15_000_000_000
    /// More are not taken.
    package static let memberCountMax = 4096

    /// When each goes; nil for those that etcd has.
    private var members: [String: MonotonicTime?] = [:]

    package init() {}

    /// Those that there are.
    package func names(at now: MonotonicTime) -> Set<String> {
        Set(members.filter { member in member.value.map { now < $0 } ?? true }.keys)
    }

    /// Takes a list of all keys.
    package mutating func list(_ names: some Sequence<String>, at now: MonotonicTime) {
        let end = now.advanced(byNanoseconds: Self.graceNanoseconds)
        var listed: [String: MonotonicTime?] = [:]
        for name in names where listed.count < Self.memberCountMax { listed[name] = .some(nil) }
        for (name, time) in members where listed[name] == nil && listed.count < Self.memberCountMax {
            let time = time ?? end
            if now < time { listed[name] = time }
        }
        members = listed
    }

    /// A key was written.
    package mutating func put(_ name: String) {
        guard members[name] != nil || members.count < Self.memberCountMax else { return }
        members[name] = .some(nil)
    }

    /// A key is gone.
    package mutating func delete(_ name: String) { members[name] = nil }
}
