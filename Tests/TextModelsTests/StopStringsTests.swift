import TestSupport
import Testing
import TextModels

@Suite struct StopStringsTests {
    @Test("without stop strings every piece passes at once")
    func none() throws {
        var stop = try StopStrings([])
        #expect(stop.append("abc") == .init(text: "abc", isStopped: false))
        #expect(stop.finish() == "")
    }

    @Test("text that may begin a stop string is held back until it is decided")
    func holdsBack() throws {
        var stop = try StopStrings(["END"])
        #expect(stop.append("the E") == .init(text: "the ", isStopped: false))
        #expect(stop.append("N") == .init(text: "", isStopped: false))
        #expect(stop.append("d EEN") == .init(text: "ENd E", isStopped: false))
        #expect(stop.append("D and more") == .init(text: "", isStopped: true))
        #expect(stop.append("x") == .init(text: "", isStopped: true))
        #expect(stop.finish() == "")
    }

    @Test("held text comes out when the generation ends otherwise")
    func finishes() throws {
        var stop = try StopStrings(["END"])
        #expect(stop.append("E").text == "")
        #expect(stop.finish() == "E")
    }

    @Test("the stop string that is complete first wins, the longest of those complete at once")
    func earliest() throws {
        var stop = try StopStrings(["later", "lat", "x"])
        #expect(stop.append("a later x") == .init(text: "a ", isStopped: true))
        stop = try StopStrings(["a later", "te"])
        #expect(stop.append("a later") == .init(text: "a la", isStopped: true))
        stop = try StopStrings(["r", "later"])
        #expect(stop.append("a later") == .init(text: "a ", isStopped: true))
    }

    @Test("characters of several bytes are not split")
    func unicode() throws {
        var stop = try StopStrings(["é!"])
        #expect(stop.append("caf") == .init(text: "caf", isStopped: false))
        #expect(stop.append("é") == .init(text: "", isStopped: false))
        #expect(stop.append("s è") == .init(text: "és è", isStopped: false))
    }

    /// Goal: however the text is cut, the result is the text before the stop string that is complete first.
    @Test("random cuts of random texts agree with a search in the whole text", arguments: 1...200)
    func randomCuts(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        func text(_ lengths: ClosedRange<Int>) -> String {
            String((0..<Int.random(in: lengths, using: &random)).map { _ in "abé".randomElement(using: &random)! })
        }
        let patterns = (0..<3).map { _ in text(1...4) }
        let whole = text(0...40)
        var stop = try StopStrings(patterns)
        var (result, rest, isStopped) = ("", Substring(whole), false)
        while !rest.isEmpty, !isStopped {
            let piece = rest.prefix(Int.random(in: 1...5, using: &random))
            rest = rest.dropFirst(piece.count)
            let progress = stop.append(String(piece))
            result += progress.text
            isStopped = progress.isStopped
        }
        result += stop.finish()
        let expected = textBeforeStop(whole, patterns)
        #expect(isStopped == (expected != nil))
        #expect(result == expected ?? whole)
    }

    /// Looks at ever longer beginnings of the text, until one ends in a stop string.
    private func textBeforeStop(_ text: String, _ patterns: [String]) -> String? {
        for count in 0...text.count {
            let beginning = text.prefix(count)
            let found = patterns.filter { beginning.hasSuffix($0) }.map(\.count).max()
            if let found { return String(beginning.dropLast(found)) }
        }
        return nil
    }

    @Test("too many, empty and too long strings are refused by name")
    func refuses() {
        for strings in [Array(repeating: "a", count: 17), [""], ["ok", String(repeating: "x", count: 257)]] {
            #expect {
                try StopStrings(strings)
            } throws: {
                ($0 as? SamplingError)?.field == "stop"
            }
        }
    }
}
