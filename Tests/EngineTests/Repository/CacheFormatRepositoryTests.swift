import Compute
import Foundation
import Models
import Routing
import Scheduling
import TestSupport
import Testing
import TextModels
import Vocabulary

@testable import Engine

/// Goal: `kv_cache` decides how a model's pages are kept, and `cache_memory` is a budget of true bytes.
@Suite("Pages by the settings of a model")
struct CacheFormatRepositoryTests {
    @Test(
        "what is not said follows the weights",
        arguments: [
            ("", CacheFormat.bfloat16), ("weights: f32", .float32), ("weights: bf16", .bfloat16),
            ("weights: int8", .bfloat16), ("weights: int4", .bfloat16), ("weights: f32\nkv_cache: int8", .int8),
            ("kv_cache: f32", .float32), ("weights: f32\nkv_cache: bf16", .bfloat16),
        ])
    func format(lines: String, expected: CacheFormat) throws {
        #expect(try load(lines).model.cacheFormat == expected)
    }

    @Test("the examples keep what they were made with")
    func examples() throws {
        let contents = ModelRepository(path: ExampleModels.path).load([ModelName("storyteller")!])
        let model = try #require(contents.models.first?.model)
        guard case .text(let pipeline, _) = model.kind else { throw Unexpected.kind }
        #expect((pipeline.model as? DecoderModel)?.cacheFormat == .float32)
    }

    @Test("the pages are as many as fit into the budget, and one more does not", arguments: CacheFormat.allCases)
    func budget(format: CacheFormat) throws {
        let (model, limits) = try load(
            "kv_cache: \(format.rawValue)\ntext:\n  cache_memory: 100KiB\n  tokens_per_page: 3")
        let pageByteCount = 3 * model.properties.cacheBytesPerToken
        #expect(limits.pageCount == (100 << 10) / pageByteCount)
        try model.allocateCache(pageCount: limits.pageCount, tokensPerPage: limits.tokensPerPage)
        #expect(model.cacheByteCount <= 100 << 10 && model.cacheByteCount + pageByteCount > 100 << 10)
    }

    private enum Unexpected: Error { case kind }

    /// The storyteller with other settings.
    private func load(_ lines: String) throws -> (model: DecoderModel, limits: TokenLimits) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-pages-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(
            at: folder.appending(path: "story"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: URL(filePath: ExampleModels.path + "/storyteller/1"), to: folder.appending(path: "story/1"))
        try Data("platform: text\n\(lines)\n".utf8).write(to: folder.appending(path: "story/model.yaml"))
        let contents = ModelRepository(path: folder.path).load()
        #expect(contents.problems == [])
        guard case .text(let pipeline, let limits) = try #require(contents.models.first).model.kind,
            let model = pipeline.model as? DecoderModel
        else { throw Unexpected.kind }
        return (model, limits)
    }
}
