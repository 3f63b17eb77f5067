import Messages
import TestSupport
import Testing
import Vocabulary

@testable import InferenceService

@Suite("A look at the prompt of a serialised request")
struct PromptPeekTests {
    private func peek(_ request: GenerateRequest) -> (prompt: Bytes, salt: String)? { peek(request.encoded()) }

    private func peek(
        _ bytes: Bytes, as type: any ModelRequest.Type = GenerateRequest.self
    ) -> (prompt: Bytes, salt: String)? {
        bytes.withUnsafeBytes { bytes in
            type.prompt(peekingAt: bytes).map {
                (Bytes(copying: UnsafeRawBufferPointer(rebasing: bytes[$0.prompt])), $0.salt)
            }
        }
    }

    private func peek(_ request: ModelInferRequest) -> Bytes? {
        peek(request.encoded(), as: ModelInferRequest.self)?.prompt
    }

    /// A raw BYTES tensor.
    private func raw(_ texts: String...) -> Bytes {
        Bytes(texts.flatMap { withUnsafeBytes(of: UInt32($0.utf8.count).littleEndian, Array.init) + Array($0.utf8) })
    }

    private typealias Input = ModelInferRequest.InferInputTensor

    @Test("finds a text, tokens or a conversation, and the salt")
    func kinds() throws {
        let text = try #require(
            peek(GenerateRequest(model: "m", input: .prompt("Once upon"), maxTokens: 3, cacheSalt: "s")))
        #expect(text.prompt == Bytes(utf8: "Once upon") && text.salt == "s")
        let tokens = try #require(peek(GenerateRequest(model: "m", input: .tokens(TokenSequence(ids: [7, 300])))))
        #expect(tokens.prompt == TokenSequence(ids: [7, 300]).encoded() && tokens.salt == "")
        let chat = Chat(messages: [ChatMessage(role: "user", content: "Who?")])
        #expect(try #require(peek(GenerateRequest(model: "m", input: .chat(chat)))).prompt == chat.encoded())
    }

    @Test("conversations that begin alike begin alike in their bytes")
    func conversations() throws {
        let system = ChatMessage(role: "system", content: String(repeating: "Be kind. ", count: 20))
        let beginnings = try ["Who?", "And what, if anything, is it that they want?"].map { question in
            let chat = Chat(messages: [system, ChatMessage(role: "user", content: question)])
            return try #require(peek(GenerateRequest(model: "m", input: .chat(chat)))).prompt.array.prefix(128)
        }
        #expect(beginnings[0] == beginnings[1])
    }

    @Test("finds the text of an inference request, raw or typed, wherever it stands among the inputs")
    func tensors() {
        let number = Input(name: "max_tokens", datatype: "INT32", shape: [1])
        let text = Input(name: "text_input", datatype: "BYTES", shape: [1])
        let four = Bytes([4, 0, 0, 0])
        #expect(
            peek(
                ModelInferRequest(
                    modelName: "m", inputs: [number, text], rawInputContents: [four, raw("Once upon")]))
                == Bytes(utf8: "Once upon"))
        #expect(
            peek(
                ModelInferRequest(
                    modelName: "m", id: "7", inputs: [text, number],
                    outputs: [.init(name: "text_output")], rawInputContents: [raw("Once upon"), four]))
                == Bytes(utf8: "Once upon"))
        let typed = Input(
            name: "text_input", datatype: "BYTES", shape: [1],
            contents: InferTensorContents(bytesContents: [Bytes(utf8: "Once upon")]))
        let typedNumber = Input(
            name: "max_tokens", datatype: "INT32", shape: [1], contents: InferTensorContents(intContents: [4]))
        #expect(
            peek(ModelInferRequest(modelName: "m", inputs: [typedNumber, typed])) == Bytes(utf8: "Once upon"))
    }

    @Test("finds none in an inference request that leaves nothing in a cache, or whose text is not in it")
    func tensorsWithoutPrompt() {
        let text = Input(name: "text_input", datatype: "BYTES", shape: [1])
        func request(_ input: Input, _ raw: Bytes..., outputs: [String] = []) -> ModelInferRequest {
            ModelInferRequest(
                modelName: "m", inputs: [input], outputs: outputs.map { .init(name: $0) }, rawInputContents: raw)
        }
        #expect(peek(request(text, raw("Once", "upon"))) == nil)
        #expect(peek(request(text, raw("Once"), outputs: ["embedding"])) == nil)
        #expect(peek(request(text)) == nil)
        #expect(peek(request(text, Bytes([9, 0, 0, 0, 65]))) == nil && peek(request(text, Bytes([9]))) == nil)
        #expect(peek(request(Input(name: "image", datatype: "BYTES", shape: [1]), raw("Once"))) == nil)
        let shared = Input(
            name: "text_input", datatype: "BYTES", shape: [1],
            parameters: ["shared_memory_region": InferParameter(parameterChoice: .stringParam("r"))])
        #expect(peek(request(shared, raw("Once"))) == nil)
    }

    @Test("an inference request cut anywhere has its text or none")
    func cutTensors() {
        let text = Input(name: "text_input", datatype: "BYTES", shape: [1])
        let bytes = ModelInferRequest(
            modelName: "m", inputs: [text], rawInputContents: [raw("Once upon a time")]
        ).encoded().array
        for count in 0..<bytes.count { #expect(peek(Bytes(bytes[..<count]), as: ModelInferRequest.self) == nil) }
        #expect(peek(Bytes(bytes), as: ModelInferRequest.self)?.prompt == Bytes(utf8: "Once upon a time"))
    }

    @Test("counts the tokens of an answer as a decoder does, whatever else is in it")
    func tokens() {
        for ids in [[], [7], [0, 127, 128, 300, 70_000, .max]] as [[UInt32]] {
            let answer = GenerateResponse(text: "café", tokens: ids, finishReason: .maxTokens, index: 3)
            #expect(GenerateResponse.tokenCount(peekingAt: answer.encoded()) == UInt64(ids.count))
        }
        // One by one, as an encoder may write them too.
        #expect(GenerateResponse.tokenCount(peekingAt: Bytes([0x10, 0x07, 0x10, 0xAC, 0x02])) == 2)
        #expect(GenerateResponse.tokenCount(peekingAt: Bytes([0x12, 0x05, 0x41])) == 0)
        #expect(GenerateResponse.tokenCount(peekingAt: Bytes([0xFF])) == 0)
    }

    @Test("finds nothing in a request without a prompt, nor in what is no message")
    func nothing() {
        #expect(peek(GenerateRequest(model: "m", maxTokens: 3)) == nil)
        let bytes = GenerateRequest(model: "m", input: .prompt("Once upon a time"), cacheSalt: "s").encoded().array
        for count in 1..<bytes.count {
            // A cut between two fields leaves a message, which may have its prompt already.
            if let found = peek(Bytes(bytes[..<count])) { #expect(found.prompt == Bytes(utf8: "Once upon a time")) }
        }
        #expect(peek(Bytes([0xFF])) == nil && peek(Bytes([0x1A, 0x05, 0x41])) == nil)
    }
}

@Suite("A look at the model that a serialised request names")
struct NamedModelTests {
    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        [number << 3 | 2, UInt8(content.count)] + content
    }

    @Test("the last of several counts, as a decoder has it, and whether one before it is text does not matter")
    func repeatedFields() throws {
        let hidden = Bytes(Self.field(1, [0xFF]) + Self.field(1, Array("b".utf8)) + Self.field(2, Array("7".utf8)))
        #expect(NamedModel(peekingAt: hidden) == .named("b", version: "7"))
        #expect(try ModelInferRequest(decoding: hidden).modelName == "b", "what a shard would read")
        let twice = Bytes(Self.field(1, Array("a".utf8)) + Self.field(1, Array("b".utf8)))
        #expect(NamedModel(peekingAt: twice) == .named("b", version: ""))
    }

    @Test("what no decoder takes is told apart from what names no model")
    func undecodable() {
        #expect(NamedModel(peekingAt: Bytes(Self.field(1, Array("a".utf8)) + Self.field(1, [0xFF]))) == .undecodable)
        #expect(NamedModel(peekingAt: Bytes([0x0A, 0x05, 0x61])) == .undecodable)
        #expect(NamedModel(peekingAt: Bytes()) == .unnamed)
        #expect(NamedModel(peekingAt: Bytes(Self.field(3, [0x61]))) == .unnamed)
        #expect(NamedModel(peekingAt: Bytes(Self.field(1, Array("no/model".utf8)))).selector == nil)
    }

    @Test("who remembers the last name reads the same as who does not")
    func memory() {
        var random = SeededGenerator(seed: 3)
        var memory = SelectorMemory()
        var foundCount = 0
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for field in [UInt8(1), 2, 3] where Bool.random(using: &random) {
                // Names and versions that begin alike, some of them illegal.
                let content = ["a", "ab", "abc", "1", "12", "", "a/b", "\u{e9}"].randomElement(using: &random) ?? ""
                bytes += Self.field(field, Array(content.utf8))
            }
            if Int.random(in: 0..<20, using: &random) == 0 { bytes = bytes.dropLast() }
            let message = Bytes(bytes)
            let found = memory.selector(peekingAt: message)
            #expect(found == NamedModel(peekingAt: message).selector)
            if found != nil { foundCount += 1 }
        }
        #expect(foundCount > 1_000)
    }

    @Test("any bytes: the same name as a decoder reads, or it reads none either")
    func agreesWithDecoder() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                let content: [UInt8] = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    [0x61, 0x62, 0x31, 0xC3, 0xFF].randomElement(using: &random) ?? 0
                }
                bytes += Self.field(UInt8.random(in: 1...4, using: &random), content)
            }
            if Bool.random(using: &random) { bytes = bytes.dropLast(Int.random(in: 0...2, using: &random)) }
            let message = Bytes(bytes)
            if let request = try? ModelMetadataRequest(decoding: message) {
                let expected: NamedModel =
                    request.name.isEmpty ? .unnamed : .named(request.name, version: request.version)
                #expect(NamedModel(peekingAt: message) == expected)
            }
        }
    }
}
