import Testing
import Vocabulary

@testable import Messages

/// Bytes that a careless reader would answer with too much memory, too much stack or nonsense.
@Suite struct HostileMessageTests {
    /// Field 1, `name`, of `ModelReadyRequest` with a length that is not there.
    @Test(
        "a length that is negative, too large or endless is malformed",
        arguments: [
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x0A, 0x01],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            [0x0A] + Array(repeating: 0x80, count: 64),
        ] as [[UInt8]])
    func badLengths(_ bytes: [UInt8]) {
        #expect(throws: MessageError.malformed(message: "inference.ModelReadyRequest", byteCount: bytes.count)) {
            try ModelReadyRequest(decoding: Bytes(bytes))
        }
    }

    @Test(
        "a field of another wire type, a group or the number 0 is malformed",
        arguments: [[0x08, 0x01], [0x0B, 0x0C], [0x0C], [0x0E, 0x00], [0x00, 0x00]] as [[UInt8]])
    func badTags(_ bytes: [UInt8]) {
        #expect(throws: MessageError.malformed(message: "inference.ModelReadyRequest", byteCount: bytes.count)) {
            try ModelReadyRequest(decoding: Bytes(bytes))
        }
    }

    /// Two bytes that become a struct, its pointer and its bookkeeping, a million times.
    @Test("many empty submessages run into the budget, not into memory")
    func amplification() {
        let bytes = Bytes((0..<1 << 20).flatMap { _ in [UInt8(0x2A), 0] })
        let budget = Arena.byteBudget(forMessageOf: bytes.count)
        #expect(
            throws: MessageError.tooExpensive(
                message: "inference.ModelInferRequest", byteCount: bytes.count, byteBudget: budget)
        ) { try ModelInferRequest(decoding: bytes) }
    }

    @Test("many unknown fields run into the budget, not into memory")
    func unknownAmplification() {
        let bytes = Bytes((0..<1 << 20).flatMap { _ in [UInt8(0x78), 0] })
        let budget = Arena.byteBudget(forMessageOf: bytes.count)
        #expect(
            throws: MessageError.tooExpensive(
                message: "inference.ModelInferRequest", byteCount: bytes.count, byteBudget: budget)
        ) { try ModelInferRequest(decoding: bytes) }
    }

    @Test("the worst of honest messages fit the budget: packed integers of one byte each")
    func honestIntegers() throws {
        let contents = InferTensorContents(int64Contents: Array(repeating: 1, count: 1 << 20))
        #expect(try InferTensorContents(decoding: contents.encoded()) == contents)
    }

    @Test(
        "what a message may unfold to grows with it up to a point, and from there on by its own length only",
        arguments: [(0, 1), (1, 9), (4, 33), (5, 38), (64, 97)])
    func budget(messageMiB: Int, budgetMiB: Int) {
        #expect(Arena.byteBudget(forMessageOf: messageMiB << 20) == budgetMiB << 20)
    }

    @Test("a long message of integers that unfold is refused, one of bytes is not")
    func longMessages() throws {
        // Field 3, packed, of a tensor's contents: 8 MiB that stand for 64.
        let integers = Bytes([0x1A, 0x80, 0x80, 0x80, 0x04] + [UInt8](repeating: 1, count: 8 << 20))
        let budget = Arena.byteBudget(forMessageOf: integers.count)
        #expect(
            throws: MessageError.tooExpensive(
                message: "inference.InferTensorContents", byteCount: integers.count, byteBudget: budget)
        ) { try InferTensorContents(decoding: integers) }
        // Field 7 of a request: a tensor's bytes.
        let contents = Bytes([0x3A, 0x80, 0x80, 0x80, 0x20] + [UInt8](repeating: 1, count: 64 << 20))
        #expect(try ModelInferRequest(decoding: contents).rawInputContents.map(\.count) == [64 << 20])
    }

    @Test("an empty submessage for every byte pair of a small message fits the budget")
    func smallAmplification() throws {
        let bytes = Bytes((0..<4096).flatMap { _ in [UInt8(0x2A), 0] })
        #expect(try ModelInferRequest(decoding: bytes).inputs.count == 4096)
    }

    /// A hundred thousand levels would take some 100 MB of stack if anything called itself for each.
    @Test("nesting that the schema does not have takes no stack")
    func deepNesting() throws {
        // From the inside out: each level is field 2, length-prefixed, around the one before. Written backwards.
        var reversed: [UInt8] = []
        for _ in 0..<100_000 {
            var length = reversed.count
            var prefix: [UInt8] = [0x12]
            while length >= 0x80 {
                prefix.append(UInt8(length & 0x7F | 0x80))
                length >>= 7
            }
            prefix.append(UInt8(length))
            reversed.append(contentsOf: prefix.reversed())
        }
        // Field 2 is unknown to ServerReadyResponse, and bytes of no meaning to ServiceResponse.
        let bytes = Bytes(reversed.reversed())
        #expect(try ServerReadyResponse(decoding: bytes) == ServerReadyResponse())
        #expect(try ServiceResponse(decoding: bytes) == ServiceResponse())
    }

    @Test(
        "a text that is no UTF-8 is refused by the name of its field",
        arguments: [
            ("inference.ModelReadyRequest.name", [0x0A, 1, 0xFF], ModelReadyRequest.self),
            (
                "inference.ServerMetadataResponse.extensions", [0x1A, 1, 0x61, 0x1A, 2, 0xC3, 0x28],
                ServerMetadataResponse.self
            ),
            (
                "inference.ModelMetadataResponse.PropertiesEntry.key", [0x32, 3, 0x0A, 1, 0x80],
                ModelMetadataResponse.self
            ),
            (
                "inference.ModelMetadataResponse.PropertiesEntry.value", [0x32, 5, 0x12, 3, 0xED, 0xA0, 0x80],
                ModelMetadataResponse.self
            ),
            ("inference.InferParameter.string_param", [0x1A, 1, 0xC0], InferParameter.self),
        ] as [(String, [UInt8], any Message.Type)])
    func invalidUTF8(field: String, bytes: [UInt8], type: any Message.Type) {
        #expect(throws: MessageError.invalidUTF8(field: field)) { _ = try type.init(decoding: Bytes(bytes)) }
    }

    @Test("of a field that comes twice the last one counts, of a map key too, and lists go on")
    func repetition() throws {
        let name = ModelReadyRequest(name: "a").encoded().array + ModelReadyRequest(name: "b").encoded().array
        #expect(try ModelReadyRequest(decoding: Bytes(name)).name == "b")
        let first = ModelMetadataResponse(versions: ["1"], properties: ["k": "a", "x": "c"]).encoded().array
        let second = ModelMetadataResponse(versions: ["2"], properties: ["k": "b"]).encoded().array
        let both = try ModelMetadataResponse(decoding: Bytes(first + second))
        #expect(both.properties == ["k": "b", "x": "c"])
        #expect(both.versions == ["1", "2"])
    }

    @Test("numbers of a list may come packed, one by one, or both")
    func packing() throws {
        let bytes: [UInt8] = [0x08, 5, 0x0A, 2, 6, 7, 0x08, 8]
        #expect(try TokenSequence(decoding: Bytes(bytes)).ids == [5, 6, 7, 8])
    }

    @Test("a map entry without key or value has the empty ones")
    func emptyEntry() throws {
        #expect(try ModelMetadataResponse(decoding: Bytes([0x32, 0])).properties == ["": ""])
        #expect(try ModelInferRequest(decoding: Bytes([0x22, 0])).parameters == ["": InferParameter()])
    }

    @Test("a value that an enum does not know stays what it is", arguments: [5, 1 << 20, -1] as [Int32])
    func openEnums(_ value: Int32) throws {
        let response = GenerateResponse(finishReason: .unrecognized(value))
        #expect(try GenerateResponse(decoding: response.encoded()) == response)
    }

    @Test("an optional number that is 0 is not the same as none")
    func presence() throws {
        let zero = GenerateRequest(temperature: 0, seed: 0)
        #expect(try GenerateRequest(decoding: zero.encoded()) == zero)
        #expect(try GenerateRequest(decoding: Bytes()).temperature == nil)
    }
}
