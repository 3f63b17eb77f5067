import TestSupport
import Testing

@testable import RPC

@Suite("Work of several owners, in turns")
struct OwnerQueueTests {
    private final class Owner {}

    private let owners = (0..<5).map { _ in Owner() }

    /// A queue with these pieces of work, each named by its owner and its place in that owner's row.
    private func queue(
        _ names: [String], activeOwnerCountMax: Int = 16
    ) -> (OwnerQueue<String>, [String: OwnerQueue<String>.Ticket]) {
        var queue = OwnerQueue<String>(activeOwnerCountMax: activeOwnerCountMax)
        var tickets: [String: OwnerQueue<String>.Ticket] = [:]
        for name in names { tickets[name] = queue.append(name, of: owner(of: name)) }
        return (queue, tickets)
    }

    private func owner(of name: String) -> ObjectIdentifier {
        ObjectIdentifier(owners[Int(name.utf8.first! - UInt8(ascii: "a"))])
    }

    @Test(
        "owners take turns, each with its oldest piece; who has done one goes behind those that wait",
        arguments: [
            // The pieces, how many of their owners are active, the turns each piece takes, and the order of their ends.
            (["a1", "b1", "c1"], 16, 1, ["a1", "b1", "c1"]),
            (["a1", "a2", "a3", "b1"], 16, 1, ["a1", "b1", "a2", "a3"]),
            (["a1", "a2", "b1", "b2"], 16, 3, ["a1", "b1", "a2", "b2"]),
            (["a1", "b1", "c1"], 1, 2, ["a1", "b1", "c1"]),
            (["a1", "a2", "b1", "c1"], 2, 2, ["a1", "b1", "c1", "a2"]),
            ([], 2, 1, []),
        ])
    func order(names: [String], active: Int, turns: Int, ends: [String]) {
        var (queue, tickets) = queue(names, activeOwnerCountMax: active)
        var turnCounts: [String: Int] = [:]
        var seen: [String] = []
        while let name = queue.next() {
            turnCounts[name, default: 0] += 1
            guard turnCounts[name] == turns, let ticket = tickets[name] else { continue }
            queue.remove(ticket)
            seen.append(name)
        }
        #expect(seen == ends)
        #expect(queue.isEmpty && queue.count == 0)
    }

    @Test("new work is active where its owner has none, and others leave room")
    func active() {
        var (queue, tickets) = queue(["a1"], activeOwnerCountMax: 2)
        #expect(!queue.isActive(newOwner: owner(of: "a")) && queue.isActive(newOwner: owner(of: "b")))
        tickets["b1"] = queue.append("b1", of: owner(of: "b"))
        #expect(!queue.isActive(newOwner: owner(of: "c")))
        queue.remove(tickets["b1"]!)
        #expect(queue.isActive(newOwner: owner(of: "c")))
        queue.remove(tickets["b1"]!)
        #expect(queue.count == 1)
    }

    @Test("a walk: what has begun is of few owners and goes on to its end, and nobody waits for ever", arguments: 0..<8)
    func walk(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = OwnerQueue<Int>(activeOwnerCountMax: 2)
        var waiting: [Int: (ticket: OwnerQueue<Int>.Ticket, owner: Int)] = [:]
        var begun: Set<Int> = []
        for number in 0..<600 {
            if number < 500, Bool.random(using: &random) {
                let owner = Int.random(in: 0..<owners.count, using: &random)
                waiting[number] = (queue.append(number, of: ObjectIdentifier(owners[owner])), owner)
            }
            if Int.random(in: 0..<8, using: &random) == 0,
                let given = waiting.keys.sorted().randomElement(using: &random)
            {
                queue.remove(waiting.removeValue(forKey: given)!.ticket)
                begun.remove(given)
            }
            for _ in 0..<2 {
                guard let work = queue.next(), let entry = waiting[work] else { break }
                begun.insert(work)
                // The oldest of its owner.
                #expect(waiting.filter { $0.value.owner == entry.owner }.keys.min() == work)
                if Int.random(in: 0..<3, using: &random) == 0 {
                    queue.remove(entry.ticket)
                    waiting[work] = nil
                    begun.remove(work)
                }
            }
            #expect(begun.count <= 2 && queue.count == waiting.count)
        }
    }
}
