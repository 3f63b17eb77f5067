import Foundation
import FuzzTargets
import TestSupport
import Testing

/// Goal: no bytes from a peer crash anything, make it hang, or leave something behind.
///
/// Method: what libFuzzer has found and kept is replayed, and so is a bounded number of seeded mutations of it; each
/// target checks its invariants after every input. `make fuzz` searches for more.
@Suite("Fuzz targets", .serialized)
struct CorpusTests {
    @Test("every kept input runs clean", arguments: FuzzTarget.all.map(\.name))
    func corpus(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        for input in try Corpus.inputs(of: name) {
            do { try target.run(input.bytes) } catch { Issue.record("\(input.name): \(error)") }
        }
    }

    @Test("every seed runs clean", arguments: FuzzTarget.all.map(\.name))
    func seeds(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        for seed in try target.seeds() {
            do { try target.run(seed.bytes) } catch { Issue.record("\(name), seed \(seed.name): \(error)") }
        }
    }

    @Test("mutations of kept inputs run clean", arguments: FuzzTarget.all.map(\.name))
    func mutations(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let inputs = try Corpus.inputs(of: name)
        var random = SeededGenerator(seed: 2026)
        for number in 0..<target.mutationCount {
            let input = inputs[number % inputs.count]
            let bytes = target.mutated(input.bytes, &random)
            do { try target.run(bytes) } catch {
                Issue.record("mutation \(number), of \(input.name): \(error); the input is \(bytes)")
            }
        }
    }

    @Test("there is a corpus for every target, none without, and all of it is small")
    func folders() throws {
        #expect(try Corpus.targets() == FuzzTarget.all.map(\.name).sorted())
        #expect(try Corpus.byteCount() < 1 << 20)
    }

    @Test("the script fuzzes every target when none is named, and none that there is not")
    func script() throws {
        let listing = try run("targets")
        #expect(listing.status == 0)
        #expect(
            listing.output.split(whereSeparator: \.isWhitespace).map(String.init) == FuzzTarget.all.map(\.name).sorted()
        )
        #expect(try run("60", "nonsense").status == 2)
        #expect(try !Corpus.targets().contains("nonsense"))
    }

    private func run(_ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(filePath: #filePath).appending(path: "../../Fuzzing/run").standardizedFileURL
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    @Test("every message type has its place among the targets")
    func messageTypes() throws {
        let declared = try GeneratedMessages.names()
        #expect(declared.count > 40)
        #expect(Set(FuzzTarget.messageTypes.map { "\($0)" }) == Set(declared))
        #expect(FuzzTarget.messageTypes.count == declared.count)
    }
}
