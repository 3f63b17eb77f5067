import Vocabulary

/// The features of nodes that tenants have changed for themselves, within a bound of memory.
///
/// A namespace is what one tenant has changed; nobody else sees it. All namespaces share the bound.
struct NodeChanges: Sendable {
    /// For each changed node its features, checked and normalised.
    typealias Rows = [Int32: [Float]]

    /// By tenant; none of them empty.
    private(set) var namespaces: [TenantID?: Rows] = [:]
    /// Of all namespaces together.
    private(set) var byteCount = 0
    let byteCountMax: Int
    /// What one node counts.
    let rowByteCount: Int

    /// An array's header, and a slot of a dictionary that is half full.
    private static let overheadByteCount = 64

    /// - Parameters:
    ///   - byteCountMax: 0 for no changes at all.
    ///   - featureCount: of a node.
    init(byteCountMax: Int, featureCount: Int) {
        self.byteCountMax = byteCountMax
        rowByteCount = featureCount * MemoryLayout<Float>.stride + Self.overheadByteCount
    }

    /// The bytes that were missing.
    struct NoRoom: Error {
        let missingByteCount: Int
    }

    /// Takes nodes back, and then sets others.
    ///
    /// - Parameters:
    ///   - tenant: whose namespace it is.
    ///   - rows: to be set.
    ///   - restored: nodes to be taken back; nil for all.
    /// - Returns: how many nodes the namespace has now.
    /// - Throws: `NoRoom`; then nothing has changed.
    /// - Complexity: O(rows + restored), and O(namespace) while an execution still reads it.
    mutating func change(for tenant: TenantID?, setting rows: Rows, restoring restored: Set<Int32>?) throws(NoRoom)
        -> Int
    {
        let before = namespaces[tenant]?.count ?? 0
        let removedCount = restored.map { nodes in nodes.count { has($0, tenant) } } ?? before
        let addedCount = rows.keys.count { restored?.contains($0) ?? true || !has($0, tenant) }
        let after = before - removedCount + addedCount
        let byteCountAfter = byteCount + (after - before) * rowByteCount
        guard after <= before || byteCountAfter <= byteCountMax else {
            throw NoRoom(missingByteCount: byteCountAfter - byteCountMax)
        }
        byteCount = byteCountAfter
        if let restored {
            for node in restored { namespaces[tenant]?[node] = nil }
        } else {
            namespaces[tenant] = nil
        }
        for (node, row) in rows { namespaces[tenant, default: [:]][node] = row }
        if after == 0 { namespaces[tenant] = nil }
        return after
    }

    private func has(_ node: Int32, _ tenant: TenantID?) -> Bool { namespaces[tenant]?[node] != nil }
}

/// Whose view of the resident graph a request asks about.
enum GraphNamespace: Hashable {
    /// That of all who have changed nothing, as the files have it.
    case unchanged
    case changed(by: TenantID?)
}
