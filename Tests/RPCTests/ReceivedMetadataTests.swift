import HTTP2
import RPC
import TestSupport
import Testing
import Vocabulary

@Suite("Metadata out of received headers")
struct ReceivedMetadataTests {
    private static let usual = [
        (":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "localhost"),
    ]

    /// The headers as the other side of a connection sees them.
    private func received(_ fields: [(String, String)]) throws -> HeaderBlock {
        var list = HeaderList()
        for (name, value) in Self.usual + fields {
            try list.append(name: name, value: value)
        }
        return try list.received()
    }

    @Test(
        "B40: a name that HTTP allows and gRPC does not is no metadata, so that all metadata can be passed on",
        arguments: ["x%y", "x!bin", "a+b", "x~", "x'", "x^y"])
    func names(name: String) throws {
        let metadata = Metadata(try received([(name, "1"), ("x_y.z-0", "2")]))
        #expect(metadata.entries.map(\.name) == ["x_y.z-0"])
    }

    @Test("B42: a binary value that was joined by commas is several, an empty one is one, and what is none is left out")
    func binaryValues() throws {
        let metadata = Metadata(try received([("x-bin", "AQ,Ag=="), ("x-bin", ""), ("y-bin", "AQ,*")]))
        #expect(metadata.values(of: "x-bin") == [.binary(Bytes([1])), .binary(Bytes([2])), .binary(Bytes())])
        #expect(metadata.values(of: "y-bin") == [.binary(Bytes([1]))])
    }

    @Test("B43: values of one name arrive in their order, also where other names stand between them")
    func order() throws {
        let metadata = Metadata(try received([("a", "1"), ("b", "x"), ("a", "2"), ("a", "1")]))
        #expect(metadata.values(of: "a") == [.text("1"), .text("2"), .text("1")])
    }

    @Test("S30: of the names that begin with grpc-, a handler sees those meant for it and no others")
    func reservedNames() throws {
        let fields = [
            ("grpc-unheard-of", "1"), ("grpc-timeout", "1S"), ("grpc-accept-encoding", "gzip"),
            ("grpc-previous-rpc-attempts", "2"), ("grpc-retry-pushback-ms", "5"), ("grpcx", "y"),
        ]
        let metadata = Metadata(try received(fields))
        #expect(
            metadata.entries.map(\.name) == ["grpc-previous-rpc-attempts", "grpc-retry-pushback-ms", "grpcx"])
    }

    @Test("B41: values that are printable are passed on, others are left out and fail nothing")
    func values() throws {
        let metadata = Metadata(try received([("a", "x\ty"), ("b", "caf\u{E9}"), ("c", "~!\"#$%&'(,)"), ("d", "")]))
        #expect(metadata.firstText(of: "a") == nil && metadata.firstText(of: "b") == nil)
        #expect(metadata.firstText(of: "c") == "~!\"#$%&'(,)" && metadata.firstText(of: "d") == "")
        var copy = Metadata()
        for entry in metadata.entries {
            if case .text(let text) = entry.value { try copy.append(entry.name, text) }
        }
        #expect(copy.entries.count == metadata.entries.count, "what was given to a handler can be sent")
    }
}
