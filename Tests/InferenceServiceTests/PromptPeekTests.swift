import Messages
import Testing
import Vocabulary

@testable import InferenceService

@Suite("A look at the prompt of a serialised request")
struct PromptPeekTests {
    private func peek(_ request: GenerateRequest) -> (prompt: Bytes, salt: String)? { peek(request.encoded()) }

    private func peek(_ bytes: Bytes) -> (prompt: Bytes, salt: String)? {
        guard let fields = GenerateRequest.promptFields else { return nil }
        return bytes.withUnsafeBytes { bytes in
            PromptPeek(bytes, fields).map {
                (Bytes(copying: UnsafeRawBufferPointer(rebasing: bytes[$0.prompt])), $0.salt)
            }
        }
    }

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
