import HTTP2
import TestSupport
import Testing
import Vocabulary

@testable import RPC

@Suite("The header lists of a connection, the last of which is remembered")
struct RequestListsTests {
    private let headers = RequestHeaders(authority: "shard:1", isSecure: true)
    private static let omitted: [StaticString] = ["apus-tenant"]
    private static let others: [StaticString] = ["x-a"]

    /// What somebody sends: HTTP's and gRPC's own fields, and these.
    private func received(_ fields: [(String, String)], _ patterns: inout RequestPatterns) throws -> RequestHead {
        var list = HeaderList()
        for (name, value) in [
            (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"),
            ("content-type", "application/grpc"),
        ] + fields { try list.append(name: name, value: value) }
        return try patterns.head(list.received(), guess: nil)
    }

    private func added(_ tenant: String) throws -> HeaderList {
        var list = HeaderList()
        try list.append(name: "apus-tenant", value: tenant)
        return list
    }

    private func fields(_ list: HeaderList) throws -> [String] {
        var lines: [String] = []
        try list.received().forEach { name, value in
            lines.append("\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))")
        }
        return lines
    }

    @Test("a list is what it would be without a memory, whatever came before it")
    func lists() throws {
        let lists = RequestLists(headers)
        var patterns = RequestPatterns()
        let heads = try [
            [("x-a", "1"), ("grpc-timeout", "1S"), ("apus-tenant", "forged")],
            [("x-a", "1"), ("grpc-timeout", "999m"), ("apus-tenant", "forged")],
            [("x-a", "2"), ("grpc-timeout", "1S"), ("apus-tenant", "forged")],
            [("x-a", "1"), ("apus-tenant", "forged")],
            [("x-", "a1"), ("grpc-timeout", "1S"), ("apus-tenant", "forged")],
            [("x-a", "1"), ("x-b", ""), ("grpc-timeout", "1S")], [],
        ].map { try received($0, &patterns) }
        let passed = try heads.flatMap { head in
            [
                PassedHeaders(head, omitting: Self.omitted, adding: try added("acme")),
                PassedHeaders(head, omitting: Self.omitted, adding: try added("beta")),
                PassedHeaders(head, omitting: Self.omitted), PassedHeaders(head, omitting: Self.others),
                PassedHeaders(head),
            ]
        }
        // Each behind each, itself included, with and without a time of its own.
        for first in passed {
            for second in passed {
                for (passed, path, timeout) in [(first, "/s/m", nil), (second, "/s/m", 5), (second, "/s/n", nil)] {
                    let timeout = timeout.map(UInt64.init)
                    let got = try lists.list(
                        path: Bytes(utf8: path), timeoutNanoseconds: timeout, compression: nil,
                        previousAttemptCount: 0, passed: passed, metadata: Metadata())
                    let wanted = try headers.list(
                        path: Bytes(utf8: path), timeoutNanoseconds: timeout, passed: passed, metadata: Metadata())
                    #expect(try fields(got) == fields(wanted))
                }
            }
        }
    }

    @Test("only the caller's time may differ for a list to be used again")
    func comparison() throws {
        var patterns = RequestPatterns()
        func passed(_ fields: [(String, String)], _ tenant: String = "acme") throws -> PassedHeaders {
            PassedHeaders(try received(fields, &patterns), omitting: Self.omitted, adding: try added(tenant))
        }
        let one = try passed([("x-a", "1"), ("grpc-timeout", "1S")])
        #expect(try one.sendsSame(as: passed([("x-a", "1"), ("grpc-timeout", "17m")])))
        for other in try [
            passed([("x-a", "1")]), passed([("x-a", "2"), ("grpc-timeout", "1S")]),
            passed([("x-", "a1"), ("grpc-timeout", "1S")]), passed([("x-a", "1"), ("grpc-timeout", "1S")], "beta"),
            passed([("grpc-timeout", "1S"), ("x-a", "1")]),
        ] { #expect(!one.sendsSame(as: other)) }
    }
}
