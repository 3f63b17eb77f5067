import Foundation
import InferenceService
import Messages
import Models
import RPC
import RPCTransport
import Routing
import TestSupport
import Testing
import TextModels
import Tokenizers
import Vocabulary

@testable import Engine

/// One token a letter, between a begin and an end that have names.
private struct LetterTokenizer: Tokenizer {
    let vocabularySize = 120
    let leadingSpaceCount = 0

    func encode(_ text: String, addsSpecialTokens: Bool) throws(TokenizerError) -> [Int32] {
        let tokens = text.utf8.map { Int32($0) }
        return addsSpecialTokens ? [1] + tokens + [2] : tokens
    }

    func bytes(of token: Int32) -> [UInt8] { (97...119).contains(token) ? [UInt8(token)] : [] }

    func isSpecial(_ token: Int32) -> Bool { token == 1 || token == 2 }

    func name(of token: Int32) -> String? { [1: "<b>", 2: "<e>"][token] }
}

@Suite("tei.v1: embeddings of one text a message") struct EmbeddingsInferenceTests {
    /// A copy of a miniature, with prompts beside it.
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(path: "apus-tei-\(UUID().uuidString)")

        init() throws {
            let fixture = URL(filePath: #filePath).appending(path: "../../Fixtures/Encoders/bert-mean")
            try FileManager.default.copyItem(at: fixture.standardizedFileURL, to: url)
            try Data(#"{"prompts": {"query": "ab", "passage": ""}, "default_prompt_name": null}"#.utf8)
                .write(to: url.appending(path: "config_sentence_transformers.json"))
        }

        deinit { try? FileManager.default.removeItem(at: url) }
    }

    private func load(
        _ name: String, into engine: Engine, queueCapacity: Int = 256, delayNanoseconds: UInt64 = 0
    ) async throws {
        let folder = try Folder()
        let model = try EncoderModel(directory: folder.url.path, name: ModelName(name)!, version: ModelVersion(3)!)
        try await engine.load(
            EngineModel(
                encoder: model, tokenizer: LetterTokenizer(), queueCapacity: queueCapacity,
                queueDelayMaxNanoseconds: delayNanoseconds))
    }

    private func withEncoder(
        queueCapacity: Int = 256, delayNanoseconds: UInt64 = 0, configured: String? = nil,
        _ body: (WholeServer) async throws -> Void
    ) async throws {
        try await WholeServer.with(impliedModel: configured.flatMap(ModelName.init)) { whole in
            try await load(
                "encoder", into: whole.engine, queueCapacity: queueCapacity, delayNanoseconds: delayNanoseconds)
            whole.servingState.isServing = true
            try await body(whole)
        }
    }

    private func failure(_ body: () async throws -> some Any) async -> ServingError? {
        do {
            _ = try await body()
        } catch let failure as RPCFailure {
            return failure.error
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    private let long = String(repeating: "abcd", count: 30)

    @Test("a text has the vector that Embed gives, scaled unless it is said otherwise, and its costs beside it")
    func vector() async throws {
        try await withEncoder { whole in
            let expected = try await whole.call(TextMethods.embed, EmbedRequest(model: "encoder", texts: ["abc"]))
            let answer = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abc"))
            #expect(answer.embeddings == expected.embeddings[0].values)
            let metadata = try #require(answer.metadata)
            #expect(metadata.computeChars == 3 && metadata.computeTokens == 5)
            #expect(metadata.inferenceTimeNs > 0)
            #expect(
                metadata.totalTimeNs
                    >= metadata.inferenceTimeNs + metadata.queueTimeNs + metadata.tokenizationTimeNs)
            let kept = try await whole.call(
                TextMethods.embed, EmbedRequest(model: "encoder", texts: ["abc"], keepLength: true))
            let plain = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abc", normalize: false))
            #expect(plain.embeddings == kept.embeddings[0].values)
        }
    }

    @Test("of a vector the first numbers are kept, and then it is scaled")
    func dimensions() async throws {
        try await withEncoder { whole in
            let plain = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abc", normalize: false))
            let cut = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abc", dimensions: 5))
            #expect(cut.embeddings == normalized(Array(plain.embeddings.prefix(5))))
            let size = UInt32(plain.embeddings.count)
            let whole0 = await failure {
                try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a", dimensions: 0))
            }
            #expect(whole0?.code == .invalidArgument)
            let tooMany = await failure {
                try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a", dimensions: size + 1))
            }
            #expect(tooMany?.message == "dimensions: expected at most \(size), got \(size + 1)")
        }
    }

    @Test("a long text is refused, or loses the end or the beginning of what it says")
    func truncation() async throws {
        try await withEncoder { whole in
            let refused = await failure { try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: long)) }
            #expect(refused?.code == .invalidArgument)
            #expect(refused?.message == "inputs: expected at most 42 tokens for model 'encoder', got 122")
            for (direction, part) in [
                (TEITruncationDirection.right, long.prefix(40)), (.left, long.suffix(40)),
            ] {
                let cut = try await whole.call(
                    TEIEmbedMethods.embed,
                    TEIEmbedRequest(inputs: "\(long)w", truncate: true, truncationDirection: direction))
                let kept = direction == .right ? String(part) : "\(part)w".suffix(40).description
                let fitting = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: kept))
                #expect(cut.embeddings == fitting.embeddings, "\(direction)")
                #expect(cut.metadata?.computeTokens == 42 && cut.metadata?.computeChars == 121)
            }
            let unknown = await failure {
                try await whole.call(
                    TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a", truncationDirection: .unrecognized(7)))
            }
            #expect(unknown?.code == .invalidArgument)
        }
    }

    @Test("a prompt of the model stands in front of the text, and one that it does not have is refused")
    func prompts() async throws {
        try await withEncoder { whole in
            let prompted = try await whole.call(
                TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "cd", promptName: "query"))
            let written = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abcd"))
            #expect(prompted.embeddings == written.embeddings && prompted.metadata?.computeTokens == 6)
            let unknown = await failure {
                try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a", promptName: "other"))
            }
            #expect(unknown?.code == .invalidArgument)
            #expect(
                unknown?.message == "prompt_name: model 'encoder' has no prompt 'other', it has passage, query")
        }
    }

    @Test("every token has a vector, and their mean is that of the text")
    func allTokens() async throws {
        try await withEncoder { whole in
            let all = try await whole.call(TEIEmbedMethods.embedAll, TEIEmbedAllRequest(inputs: "abc"))
            let one = try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "abc", normalize: false))
            #expect(all.tokenEmbeddings.count == 5 && all.metadata?.computeTokens == 5)
            for (index, value) in one.embeddings.enumerated() {
                let sum = all.tokenEmbeddings.reduce(Float(0)) { $0 + $1.embeddings[index] }
                #expect(abs(sum / 5 - value) < 1e-5)
            }
        }
    }

    /// Goal: answers keep the order of the requests, and a queue that is shorter than the stream holds it up, no more.
    @Test("a stream is answered in its order, and waits for places in a short queue")
    func stream() async throws {
        try await withEncoder(queueCapacity: 3) { whole in
            let texts = (0..<200).map { String(repeating: "a", count: $0 % 30 + 1) }
            let call = await whole.channel.stream(Bytes(utf8: TEIEmbedMethods.embedStream.path))
            async let sent: Void = {
                for text in texts { try await call.write(TEIEmbedRequest(inputs: text).encoded()) }
                try await call.finishWriting()
            }()
            var lengths: [UInt32] = []
            while let message = try await call.next() {
                lengths.append(try TEIEmbedResponse(decoding: message).metadata?.computeChars ?? 0)
            }
            try await sent
            #expect(lengths == texts.map { UInt32($0.utf8.count) })
            let trailers = try await call.responseTrailers()
            let tokenCount = texts.reduce(0) { $0 + $1.utf8.count + 2 }
            #expect(trailers.firstText(of: "apus-prompt-tokens") == String(tokenCount))
            let selector = ModelSelector(name: ModelName("encoder")!)
            #expect(try whole.engine.counters(of: selector).queuedRequestCount == 0)
        }
    }

    @Test("the first request of a stream that fails ends it, behind the answers before it")
    func streamFailure() async throws {
        try await withEncoder { whole in
            let call = await whole.channel.stream(Bytes(utf8: TEIEmbedMethods.embedStream.path))
            for text in ["a", "b", long, "c"] { try await call.write(TEIEmbedRequest(inputs: text).encoded()) }
            var count = 0
            let error = await failure {
                while try await call.next() != nil { count += 1 }
                return count
            }
            #expect(count == 2 && error?.code == .invalidArgument)
        }
    }

    @Test("an only call finds a full queue and is told so")
    func fullQueue() async throws {
        try await withEncoder(queueCapacity: 1, delayNanoseconds: 5_000_000_000) { whole in
            async let first = whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a"))
            let selector = ModelSelector(name: ModelName("encoder")!)
            _ = await eventually { (try? whole.engine.counters(of: selector).queuedRequestCount) == 1 }
            let refused = await failure { try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "b")) }
            #expect(refused?.code == .resourceExhausted)
            _ = try await first
        }
    }

    @Test("tokens come with their texts, and become text again")
    func tokens() async throws {
        try await withEncoder { whole in
            let answer = try await whole.call(
                TEITokenizeMethods.tokenize, TEIEncodeRequest(inputs: "bc", addSpecialTokens: true, promptName: "query")
            )
            #expect(answer.tokens.map(\.id) == [1, 97, 98, 98, 99, 2])
            #expect(answer.tokens.map(\.text) == ["<b>", "a", "b", "b", "c", "<e>"])
            #expect(answer.tokens.map(\.special) == [true, false, false, false, false, true])
            let bare = try await whole.call(TEITokenizeMethods.tokenize, TEIEncodeRequest(inputs: "bc"))
            #expect(bare.tokens.map(\.id) == [98, 99])
            let ids = answer.tokens.map(\.id)
            let text = try await whole.call(TEITokenizeMethods.decode, TEIDecodeRequest(ids: ids))
            #expect(text.text == "<b>abbc<e>")
            let plain = try await whole.call(
                TEITokenizeMethods.decode, TEIDecodeRequest(ids: ids, skipSpecialTokens: true))
            #expect(plain.text == "abbc")
            let unknown = await failure {
                try await whole.call(TEITokenizeMethods.decode, TEIDecodeRequest(ids: [1, 120]))
            }
            // Long ones are looked up elsewhere, and longer ones not at all.
            let long = try await whole.call(
                TEITokenizeMethods.decode, TEIDecodeRequest(ids: Array(repeating: 97, count: 5_000)))
            #expect(long.text == String(repeating: "a", count: 5_000))
            let tooLong = await #expect(throws: RPCFailure.self) {
                try await whole.call(
                    TEITokenizeMethods.decode,
                    TEIDecodeRequest(ids: Array(repeating: 97, count: Engine.detokenizedCountMax + 1)))
            }
            #expect(tooLong?.error.code == .invalidArgument && tooLong?.error.message.contains("at most") == true)
            #expect(unknown?.message == "ids[1]: expected a token in 0..<120, got 120")
        }
    }

    @Test("the model is described with its limits")
    func info() async throws {
        try await withEncoder { whole in
            let info = try await whole.call(TEIInfoMethods.info, TEIInfoRequest())
            #expect(info.modelId == "encoder" && info.modelSha == "3" && info.version == "test")
            #expect(info.maxInputLength == 42 && info.maxConcurrentRequests == 256 && info.modelDtype == "float32")
            #expect(info.modelType == .embedding && info.maxClientBatchSize == 1 && info.sha == nil)
        }
    }

    @Test("what needs another kind of model has the codes that the protocol's own server has")
    func otherModels() async throws {
        try await withEncoder { whole in
            let sparse = await failure {
                try await whole.call(TEIEmbedMethods.embedSparse, TEIEmbedSparseRequest(inputs: "a"))
            }
            #expect(sparse?.code == .unimplemented)
            let predict = await failure {
                try await whole.call(TEIPredictMethods.predict, TEIPredictRequest(inputs: "a"))
            }
            #expect(predict?.code == .failedPrecondition)
            let rerank = await failure {
                try await whole.call(TEIRerankMethods.rerank, TEIRerankRequest(query: "a", texts: ["b"]))
            }
            #expect(rerank?.code == .failedPrecondition)
        }
    }

    @Test("of several encoders the metadata choose, or the configuration, and otherwise the choices are named")
    func severalModels() async throws {
        try await withEncoder { whole in
            try await load("another", into: whole.engine)
            let error = await failure { try await whole.call(TEIInfoMethods.info, TEIInfoRequest()) }
            #expect(error?.code == .failedPrecondition && error?.message.contains("another, encoder") == true)
            var options = CallOptions()
            try options.metadata.append("apus-model", "another")
            let answer = try await whole.channel.unary(
                Bytes(utf8: TEIInfoMethods.info.path), TEIInfoRequest().encoded(), options: options)
            #expect(try TEIInfoResponse(decoding: answer.message).modelId == "another")
        }
        try await withEncoder(configured: "another") { whole in
            let missing = await failure { try await whole.call(TEIInfoMethods.info, TEIInfoRequest()) }
            #expect(missing?.code == .notFound)
            try await load("another", into: whole.engine)
            #expect(try await whole.call(TEIInfoMethods.info, TEIInfoRequest()).modelId == "another")
        }
    }

    @Test("without an encoder it is said that there is none")
    func noModel() async throws {
        try await WholeServer.with { whole in
            let error = await failure { try await whole.call(TEIEmbedMethods.embed, TEIEmbedRequest(inputs: "a")) }
            #expect(error?.code == .failedPrecondition && error?.message.hasPrefix("there is no encoder here") == true)
        }
    }
}
