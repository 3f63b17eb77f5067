import Testing

@testable import InferenceService

@Suite("The window of a stream of requests") struct StreamWindowTests {
    @Test("gives answers in the order of the requests, whatever order they come in")
    func order() async throws {
        let window = StreamWindow<Int>()
        for expected in 0..<3 { #expect(await window.admit(.init(request: 1)) == expected) }
        for number in [2, 0, 1] { window.answer(number, .success(10 * number)) }
        window.end(.success(()))
        for expected in [0, 10, 20] { #expect(try await window.next() == expected) }
        #expect(try await window.next() == nil)
    }

    @Test(
        "holds back the reader while so many requests, or so many bytes, are under way",
        arguments: [(1, StreamWindow<Int>.inFlightCountMax), (StreamWindow<Int>.inFlightByteCountMax / 2, 2)])
    func full(byteCount: Int, countMax: Int) async throws {
        let window = StreamWindow<Int>()
        for number in 0..<countMax { #expect(await window.admit(.init(request: byteCount)) == number) }
        try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask { await window.admit(.init(request: byteCount)) }
            // The one that waits gets its number from the first answer that is taken, and from nothing before.
            window.answer(1, .success(1))
            window.answer(0, .success(0))
            let first = try await window.next()
            let waited = try await group.next()
            #expect(first == 0 && waited == .some(countMax))
        }
    }

    @Test("holds back the reader while answers wait that nobody reads, and while they may still come")
    func answersWait() async throws {
        let window = StreamWindow<Int>()
        let size = StreamWindow<Int>.Size(request: 1, answer: StreamWindow<Int>.answerByteCountMax / 4)
        for number in 0..<4 { #expect(await window.admit(size) == number) }
        try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask { await window.admit(size) }
            for number in 0..<4 { window.answer(number, .success(number)) }
            // All are answered, and hold their memory until they are written.
            let first = try await window.next()
            let waited = try await group.next()
            #expect(first == 0 && waited == .some(4))
        }
    }

    @Test("lets one request through that is larger than all may be")
    func large() async {
        let window = StreamWindow<Int>()
        #expect(await window.admit(.init(request: .max / 2)) == 0)
    }

    @Test("says how the requests ended behind the last answer, and lets go of a reader when it is closed")
    func endings() async throws {
        struct Broken: Error {}
        let window = StreamWindow<Int>()
        #expect(await window.admit(.init(request: StreamWindow<Int>.inFlightByteCountMax)) == 0)
        async let second = window.admit(.init(request: 1))
        window.end(.failure(Broken()))
        window.answer(0, .success(7))
        window.close()
        _ = await second
        #expect(try await window.next() == 7)
        await #expect(throws: Broken.self) { try await window.next() }
        #expect(await window.admit(.init(request: 1)) == nil)
    }
}
