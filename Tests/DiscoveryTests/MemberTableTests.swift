import TestSupport
import Testing
import Vocabulary

@testable import Discovery

private let start = MonotonicTime(nanoseconds: 1_000_000_000)
private let graceEnd = start.advanced(byNanoseconds: MemberTable.graceNanoseconds)

@Suite("A table of members")
struct MemberTableTests {
    private func table(_ names: String...) -> MemberTable {
        var table = MemberTable()
        table.list(names, at: start)
        return table
    }

    @Test("has whom a list has, and who was written since, and not who was deleted")
    func events() {
        var table = table("a:1", "b:1")
        table.put("c:1")
        table.put("a:1")
        table.delete("b:1")
        table.delete("nobody:1")
        #expect(table.names(at: start) == ["a:1", "c:1"])
    }

    @Test("keeps whom a later list misses for a while, and no longer")
    func grace() {
        var table = table("a:1", "b:1")
        table.list(["b:1"], at: start)
        #expect(table.names(at: MonotonicTime(nanoseconds: graceEnd.nanoseconds - 1)) == ["a:1", "b:1"])
        #expect(table.names(at: graceEnd) == ["b:1"])
        // Another list that misses it does not make it longer.
        let halfway = start.advanced(byNanoseconds: MemberTable.graceNanoseconds / 2)
        table.list(["b:1"], at: halfway)
        #expect(table.names(at: halfway) == ["a:1", "b:1"] && table.names(at: graceEnd) == ["b:1"])
    }

    @Test("an etcd without its data loses nobody who comes again, and nobody stays who was deleted meanwhile")
    func forgetfulEtcd() {
        var table = table("a:1", "b:1", "c:1")
        table.list([String](), at: start)
        table.put("a:1")
        table.list(["a:1", "b:1"], at: start)
        table.delete("c:1")
        let names: Set = ["a:1", "b:1"]
        #expect(table.names(at: start) == names && table.names(at: graceEnd) == names)
    }

    @Test("has a limit, at which those it has stay")
    func limit() {
        var table = table("first:1")
        for port in 0..<MemberTable.memberCountMax + 10 { table.put("host:\(port)") }
        #expect(
            table.names(at: start).count == MemberTable.memberCountMax && table.names(at: start).contains("first:1"))
        table.list((0..<MemberTable.memberCountMax + 10).map { "other:\($0)" }, at: start)
        #expect(table.names(at: start).count == MemberTable.memberCountMax)
    }

    @Test("a random walk has at each step what a plain list of what etcd said has")
    func walk() {
        var random = SeededGenerator(seed: 5)
        let all = (0..<6).map { "host:\($0)" }
        var table = MemberTable()
        var time = start
        var etcd: Set<String> = []
        var missed: [String: MonotonicTime] = [:]
        for _ in 0..<20_000 {
            time = time.advanced(byNanoseconds: UInt64.random(in: 0...2_000_000_000, using: &random))
            let name = all.randomElement(using: &random)!
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                table.put(name)
                etcd.insert(name)
                missed[name] = nil
            case 2:
                table.delete(name)
                etcd.remove(name)
                missed[name] = nil
            default:
                let list = Set(all.filter { _ in Bool.random(using: &random) })
                for name in etcd.subtracting(list) {
                    missed[name] = time.advanced(byNanoseconds: MemberTable.graceNanoseconds)
                }
                for name in list { missed[name] = nil }
                missed = missed.filter { time < $0.value }
                table.list(list, at: time)
                etcd = list
            }
            let expected = etcd.union(missed.filter { time < $0.value }.keys)
            #expect(table.names(at: time) == expected)
        }
    }
}

@Suite("A prefix of keys")
struct KeyPrefixTests {
    @Test("names what follows it, and ends before the next key that begins otherwise")
    func names() {
        let prefix = KeyPrefix("/apus/shards/")
        #expect(prefix.end == Bytes(utf8: "/apus/shards0"))
        #expect(prefix.name(in: prefix.key(of: "10.0.0.1:8461")) == "10.0.0.1:8461")
        #expect(prefix.name(in: Bytes(utf8: "/apus/shards/")) == nil, "nobody")
        #expect(prefix.name(in: Bytes(utf8: "/apus/shard")) == nil)
        #expect(prefix.name(in: Bytes(utf8: "/other/shards/a:1")) == nil)
        #expect(prefix.name(in: Bytes(Array("/apus/shards/".utf8) + [0xFF])) == nil, "no text")
        #expect(KeyPrefix("ü").end == Bytes([0xC3, 0xBD]))
    }
}
