import TestSupport
import Testing
import Vocabulary

@testable import GraphModels

@Suite("NodeChanges")
struct NodeChangesTests {
    private static let tenants = [nil, TenantID("acme"), TenantID("globex")]

    /// Goal: the sums and the bound hold whatever is changed in which order.
    ///
    /// Method: a random walk beside plain dictionaries.
    @Test("a random walk of changes keeps to the bound and to what plain dictionaries hold", arguments: 1...5)
    func walk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var changes = NodeChanges(byteCountMax: 20 * (64 + 8) + 71, featureCount: 2)
        var plain: [TenantID?: NodeChanges.Rows] = [:]
        var refusalCount = 0
        for step in 0..<2_000 {
            let tenant = Self.tenants.randomElement(using: &random) ?? nil
            let rows = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                (Int32.random(in: 0..<12, using: &random), [Float(step), 0])
            }
            let update = Dictionary(rows) { $1 }
            let some = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                Int32.random(in: 0..<12, using: &random)
            }
            let restored = step % 17 == 0 ? nil : Set(some)
            var expected = plain[tenant] ?? [:]
            if let restored { for node in restored { expected[node] = nil } } else { expected = [:] }
            expected.merge(update) { $1 }
            do {
                #expect(try changes.change(for: tenant, setting: update, restoring: restored) == expected.count)
                plain[tenant] = expected.isEmpty ? nil : expected
            } catch {
                refusalCount += 1
                let before = plain.values.reduce(0) { $0 + $1.count }
                let after = before - (plain[tenant]?.count ?? 0) + expected.count
                #expect(after == 20 + (error.missingByteCount + 71) / 72 && after > before)
            }
            #expect(changes.namespaces == plain)
            #expect(changes.byteCount == plain.values.reduce(0) { $0 + $1.count } * 72)
            #expect(changes.byteCount <= changes.byteCountMax)
        }
        #expect(refusalCount > 10)
    }
}
