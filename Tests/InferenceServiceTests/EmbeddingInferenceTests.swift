import Compute
import Foundation
import InferenceService
import Messages
import Models
import RPC
import RPCTransport
import Routing
import Testing
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

/// One token a letter, between a begin and an end.
private struct LetterTokenizer: Tokenizer {
    let vocabularySize = 120
    let leadingSpaceCount = 0

    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        let tokens = text.utf8.map { Int32($0) }
        return addsSpecialTokens ? [1] + tokens + [2] : tokens
    }

    func bytes(of token: Int32) -> [UInt8] { (97...119).contains(token) ? [UInt8(token)] : [] }
}

@Suite("Open Inference Protocol: embeddings by an encoder") struct EmbeddingInferenceTests {
    private static let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/Encoders/bert-mean")
        .standardizedFileURL

    private func withEncoder(_ body: (WholeServer) async throws -> Void) async throws {
        try await WholeServer.with { whole in
            let model = try EncoderModel(
                directory: Self.folder.path, name: ModelName("encoder")!, version: ModelVersion(1)!)
            try await whole.engine.load(EngineModel(encoder: model, tokenizer: LetterTokenizer(), queueCapacity: 4))
            whole.servingState.isServing = true
            try await body(whole)
        }
    }

    private func request(
        _ texts: [String], to model: String = "encoder", shape: [Int64]? = nil, truncate: Bool? = nil,
        outputs: [String] = []
    ) throws -> ModelInferRequest {
        let tensor = try Tensor(elements: texts.map { Bytes(utf8: $0) }, shape: [texts.count])
        var request = ModelInferRequest(
            modelName: model, id: "7",
            inputs: [.init(name: "text_input", datatype: "BYTES", shape: shape ?? [Int64(texts.count)])],
            outputs: outputs.map { .init(name: $0) }, rawInputContents: [tensor.data])
        if let truncate {
            request.inputs.append(.init(name: "truncate", datatype: "BOOL", shape: [1]))
            request.rawInputContents.append(Bytes([truncate ? 1 : 0]))
        }
        return request
    }

    @Test("texts in one tensor come back as rows with the bits that Embed gives")
    func rows() async throws {
        try await withEncoder { whole in
            let texts = ["hello", "", "abc"]
            let expected = try await whole.call(TextMethods.embed, EmbedRequest(model: "encoder", texts: texts))
            for outputs in [[], ["embedding"]] {
                let answer = try await whole.call(
                    GRPCInferenceServiceMethods.modelInfer, try request(texts, outputs: outputs))
                let width = expected.embeddings[0].values.count
                #expect(answer.id == "7" && answer.modelName == "encoder" && answer.modelVersion == "1")
                #expect(answer.outputs.map(\.name) == ["embedding"] && answer.outputs[0].datatype == "FP32")
                #expect(answer.outputs[0].shape == [3, Int64(width)])
                let tensor = try Tensor(.float32, shape: [3, width], data: answer.rawOutputContents[0])
                #expect(tensor.array(of: Float.self) == expected.embeddings.flatMap(\.values))
            }
        }
    }

    /// Goal: a decoder gives vectors where they are asked for by the name of the output, and texts otherwise.
    @Test("a decoder's vectors are those that Embed gives, in one answer and through a stream")
    func decoder() async throws {
        try await WholeServer.with { whole in
            let folder = Self.folder.appending(path: "../../Decoders/qwen3").standardizedFileURL.path
            let model = try DecoderModel(directory: folder, name: ModelName("decoder")!, version: ModelVersion(1)!)
            try await whole.engine.load(EngineModel(text: model, tokenizer: LetterTokenizer(), endOfSequence: []))
            whole.servingState.isServing = true
            let texts = ["hello", "abc", "hello"]
            let expected = try await whole.call(TextMethods.embed, EmbedRequest(model: "decoder", texts: texts))
            let wanted = try request(texts, to: "decoder", outputs: ["embedding"])
            let answer = try await whole.call(GRPCInferenceServiceMethods.modelInfer, wanted)
            let width = expected.embeddings[0].values.count
            #expect(answer.outputs.map(\.name) == ["embedding"] && answer.outputs[0].shape == [3, Int64(width)])
            let tensor = try Tensor(.float32, shape: [3, width], data: answer.rawOutputContents[0])
            #expect(tensor.array(of: Float.self) == expected.embeddings.flatMap(\.values))
            let stream = await whole.channel.stream(Bytes(utf8: GRPCInferenceServiceMethods.modelStreamInfer.path))
            try await stream.write(wanted.encoded())
            try await stream.finishWriting()
            let streamed = try ModelStreamInferResponse(decoding: try #require(await stream.next()))
            #expect(streamed.inferResponse?.rawOutputContents == answer.rawOutputContents)
            let failure = await #expect(throws: RPCFailure.self) {
                try await whole.call(
                    GRPCInferenceServiceMethods.modelInfer,
                    try request(["a"], to: "decoder", outputs: ["embedding", "text_output"]))
            }
            #expect(failure?.error.code == .invalidArgument)
            let text = try await whole.call(
                GRPCInferenceServiceMethods.modelInfer, try request(["abc"], to: "decoder"))
            #expect(text.outputs.map(\.name) == ["text_output"])
        }
    }

    @Test("the metadata names the tensors")
    func metadata() async throws {
        try await withEncoder { whole in
            let answer = try await whole.call(
                GRPCInferenceServiceMethods.modelMetadata, ModelMetadataRequest(name: "encoder"))
            #expect(answer.inputs.map(\.name) == ["text_input"] && answer.outputs.map(\.name) == ["embedding"])
            #expect(answer.inputs[0].datatype == "BYTES" && answer.inputs[0].shape == [-1])
            #expect(answer.outputs[0].datatype == "FP32" && answer.outputs[0].shape == [-1, 40])
        }
    }

    @Test("what cannot be is refused by the name of the tensor, and a long text is cut where it is asked for")
    func refused() async throws {
        try await withEncoder { whole in
            func message(_ request: ModelInferRequest) async throws -> String? {
                let failure = await #expect(throws: RPCFailure.self) {
                    try await whole.call(GRPCInferenceServiceMethods.modelInfer, request)
                }
                #expect(failure?.error.code == .invalidArgument)
                return failure?.error.message
            }
            let long = String(repeating: "abcd", count: 30)
            #expect(
                try await message(request(["a", long]))
                    == "text_input[1]: expected at most 42 tokens for model 'encoder', got 122")
            #expect(
                try await message(request(["a", long], truncate: false))
                    == "text_input[1]: expected at most 42 tokens for model 'encoder', got 122")
            #expect(
                try await message(request(["a", "b", "c", "d", "e"]))
                    == "text_input: expected 1 to 4 texts, got 5")
            #expect(
                try await message(request(["a", "b"], shape: [2, 1]))
                    == "input 'text_input': expected BYTES [n], n at least 1, got BYTES [2, 1]")
            #expect(
                try await message(request(["a"], outputs: ["text_output"]))
                    == "unexpected inference output 'text_output' for model 'encoder', it has [\"embedding\"]")
            var other = try request(["a"])
            other.inputs[0].name = "max_tokens"
            #expect(
                try await message(other)
                    == "input 'text_input': expected BYTES [n], n at least 1, got nothing")
            let cut = try await whole.call(GRPCInferenceServiceMethods.modelInfer, try request([long], truncate: true))
            let fitting = try await whole.call(
                GRPCInferenceServiceMethods.modelInfer, try request([String(long.prefix(40))]))
            #expect(cut.rawOutputContents == fitting.rawOutputContents)
        }
    }
}
