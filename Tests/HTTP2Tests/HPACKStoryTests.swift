import Foundation
import TestSupport
import Testing
import Vocabulary

@testable import HTTP2

/// The header lists of real web sites, encoded by other implementations, through a session.
///
/// Each case of a story becomes a frame on a stream of its own; one story is one connection, so the compression
/// tables must stay in step from case to case. The lists were recorded from HTTP/1.1 sites, so the rules for HTTP/2
/// messages are off.
@Suite("HPACK stories", .enabled(if: SharedData.isPresent))
struct HPACKStoryTests {
    struct Story: Decodable {
        struct Case: Decodable {
            let wire: String
            let headers: [[String: String]]
        }
        let cases: [Case]
    }

    @Test(
        "every list comes out as it went in",
        arguments: ["nghttp2", "haskell-http2-naive", "haskell-http2-linear-huffman"])
    func stories(encoder: String) throws {
        let folder = try SharedData.url("hpack/\(encoder)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".json") }
        #expect(!files.isEmpty)
        var caseCount = 0
        for file in files.sorted() {
            let story = try JSONDecoder().decode(Story.self, from: Data(contentsOf: folder.appending(path: file)))
            caseCount += try run(story, file)
        }
        #expect(caseCount > 100)
    }

    private func run(_ story: Story, _ file: String) throws -> Int {
        let isRequests = story.cases.first?.headers.contains { $0.keys.contains(":method") } ?? false
        var configuration = HTTP2Configuration()
        configuration.headerListByteCountMax = 1 << 20
        configuration.requiresHTTPMessages = false
        let end = try Endpoint(isRequests ? .server : .client, configuration)
        end.receive(isRequests ? Frames.clientGreeting : Frames.settings())
        for (index, test) in story.cases.enumerated() {
            let id = UInt32(2 * index + 1)
            if !isRequests { _ = try end.open(.request, .end) }
            _ = end.drainAll()
            end.receive(Frames.frame(type: 1, flags: 5, stream: id, bytes(test.wire)))
            let expected = test.headers.flatMap { $0.map { "\($0.key): \($0.value)" } }
            guard case .headers(_, let lines, end: true) = end.observed(of: Int32(id)).first else {
                Issue.record("\(file) case \(index): no headers, \(String(describing: end.error))")
                return index
            }
            #expect(lines == expected, "\(file) case \(index)")
            end.observed.removeAll()
        }
        return story.cases.count
    }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { UInt8($0 < 58 ? $0 - 48 : ($0 | 32) - 87) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
