import Foundation
import Testing
import Vocabulary

@testable import Probes

/// A client that says `text` to a port of this machine and returns everything that comes until the end.
private func exchange(_ address: String, _ text: String) async throws -> String {
    let socket = try ProbeSocket(address)
    defer { socket.close() }
    socket.send(text)
    return await socket.readToEnd()
}

/// A blocking socket of a test.
private final class ProbeSocket: Sendable {
    private let descriptor: Int32

    init(_ address: String) throws {
        let port = try #require(UInt16(address.split(separator: ":").last ?? ""))
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0, "connect: errno \(errno)")
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Everything up to the end, or up to a reset.
    ///
    /// It waits on a thread of its own: those of tasks are few, and the server's pages need one.
    func readToEnd() async -> String {
        await withUnsafeContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.readAll()) }
        }
    }

    private func readAll() -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
        }
    }

    func close() { _ = Glibc.close(descriptor) }
}

@Suite("ProbeServer", .timeLimit(.minutes(10)))
struct ProbeServerTests {
    /// A server of one page for the length of `body`.
    private func with(
        limits: ProbeLimits = ProbeLimits(), _ body: (ProbeServer) async throws -> Void
    ) async throws {
        let server = try await ProbeServer(
            host: "127.0.0.1", port: 0, limits: limits, pages: ["/page": { ProbeAnswer(200, "OK", "hello\n") }])
        let result: Result<Void, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        await server.close()
        try result.get()
    }

    @Test(
        "answers GET and HEAD of its pages and nothing else",
        arguments: [
            ("GET /page HTTP/1.1", "200 OK", "hello\n"), ("HEAD /page HTTP/1.1", "200 OK", ""),
            ("POST /page HTTP/1.1", "405 Method Not Allowed", "405 only GET and HEAD\n"),
            ("GET /other HTTP/1.1", "404 Not Found", "404 not found\n"), ("HEAD /other HTTP/1.1", "404 Not Found", ""),
        ])
    func pages(line: String, status: String, body: String) async throws {
        try await with { server in
            let answer = try await exchange(server.address, "\(line)\r\nHost: x\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n\(body)"))
        }
    }

    @Test("answers although as many clients as it takes say nothing: the oldest of them goes")
    func crowded() async throws {
        var limits = ProbeLimits()
        limits.connectionCountMax = 4
        try await with(limits: limits) { server in
            let idle = try (0..<12).map { _ in try ProbeSocket(server.address) }
            defer { for socket in idle { socket.close() } }
            #expect(try await exchange(server.address, "GET /page HTTP/1.1\r\n\r\n").hasSuffix("hello\n"))
            for socket in idle.prefix(8) { #expect(await socket.readToEnd().isEmpty) }
        }
    }

    @Test("says when its address is taken")
    func taken() async throws {
        try await with { server in
            let port = try #require(UInt16(server.address.split(separator: ":").last ?? ""))
            let error = await #expect(throws: (any Error).self) {
                try await ProbeServer(host: "127.0.0.1", port: port, pages: [:])
            }
            #expect("\(try #require(error))".contains(server.address))
        }
    }
}
