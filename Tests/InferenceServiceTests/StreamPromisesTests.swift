import Messages
import Tenancy
import Testing
import Vocabulary

@testable import InferenceService

@Suite("What the requests of a forwarded stream may use")
struct StreamPromisesTests {
    private func tokens(_ count: UInt64) -> MeteredAmounts { MeteredAmounts(tokens: count) }

    private func consumption(_ count: UInt64) -> Consumption {
        Consumption(promptTokenCount: count, generatedTokenCount: 0)
    }

    @Test("is settled with the answers, in the order of the requests, and the rest costs what was promised")
    func order() {
        var promises = StreamPromises()
        #expect(promises.isEmpty && promises.settle(consumption(1)) == nil)
        for count in 1...50 { promises.add(tokens(UInt64(count) * 10)) }
        #expect(!promises.isEmpty)
        for count in 1...47 { #expect(promises.settle(consumption(UInt64(count))) == tokens(UInt64(count) * 10)) }
        #expect(promises.used.promptTokenCount == 47 * 48 / 2)
        #expect(promises.mostUsed.amounts.tokens == 47 * 48 / 2 + 480 + 490 + 500)
        for _ in 0..<3 { #expect(promises.settle(Consumption()) != nil) }
        #expect(promises.settle(Consumption()) == nil)
        #expect(promises.mostUsed.amounts.tokens == 47 * 48 / 2)
    }

    @Test("an answer of tei.v1 says how many tokens its text had")
    func embeddings() {
        let vector = TEIEmbedResponse(embeddings: [1, 2, 3], metadata: TEIMetadata(computeChars: 9, computeTokens: 5))
        #expect(TEIEmbedRequest.used(peekingAt: vector.encoded())?.promptTokenCount == 5)
        let all = TEIEmbedAllResponse(
            tokenEmbeddings: [TEITokenEmbedding(embeddings: [1])], metadata: TEIMetadata(computeTokens: 300))
        #expect(TEIEmbedAllRequest.used(peekingAt: all.encoded())?.promptTokenCount == 300)
        #expect(TEIEmbedRequest.used(peekingAt: TEIEmbedResponse(embeddings: [1]).encoded()) == nil)
        #expect(TEIEmbedRequest.used(peekingAt: Bytes(utf8: "\u{7f}\u{7f}")) == nil)
    }

    @Test("the last response of a streamed request says what it used, the ones before do not")
    func inferences() {
        var used = Consumption(promptTokenCount: 7, generatedTokenCount: 300)
        used.imageCount = 2
        let last = ModelStreamInferResponse(
            inferResponse: ModelInferResponse(modelName: "m", id: "1", parameters: used.parameters))
        #expect(ModelInferRequest.used(peekingAt: last.encoded()) == used)
        let failed = ModelStreamInferResponse(
            errorMessage: "no", inferResponse: ModelInferResponse(parameters: Consumption().parameters))
        #expect(ModelInferRequest.used(peekingAt: failed.encoded()) == Consumption())
        let piece = ModelStreamInferResponse(
            inferResponse: ModelInferResponse(
                parameters: ["triton_final_response": InferParameter(parameterChoice: .boolParam(false))]))
        #expect(ModelInferRequest.used(peekingAt: piece.encoded()) == nil)
        let bytes = last.encoded().array
        for count in bytes.indices { _ = ModelInferRequest.used(peekingAt: Bytes(Array(bytes.prefix(count)))) }
    }
}
