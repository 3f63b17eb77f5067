import Compute
import Configuration
import Foundation
import Models
import Routing
import TestSupport
import Testing
import Vocabulary

@testable import Engine

@Suite("ModelRepository")
struct ModelRepositoryTests {
    @Test("every model is loaded, with its latest version, and the built-ins answer")
    func builtIns() async throws {
        let folder = try Repository()
        try folder.add("identity", "platform: identity\n", versions: ["1"])
        try folder.add(
            "slow", "platform: delay\ndelay: 1ms\nmax_batch_size: 4\nqueue_capacity: 7\n",
            versions: ["2", "10", "notes"])
        try folder.add(".hidden", "platform: nonsense\n")
        let contents = ModelRepository(path: folder.path + "/").load()
        #expect(contents.problems == [])
        #expect(contents.models.map(\.name.name).sorted() == ["identity", "slow"])
        let engine = makeEngine()
        for entry in contents.models { try await engine.load(entry.model) }
        #expect(engine.versions(of: ModelName("slow")!).map(\.number) == [10])
        #expect(try engine.description(of: selector("slow")).batchSizeMax == 4)
        let input = try numbers([1, 2])
        #expect(try await engine.infer(selector("slow"), input).output.tensors == input.tensors)
        #expect(try await engine.infer(selector("identity"), input).output.tensors == input.tensors)
        await engine.shutdown()
    }

    @Test("only the wanted models are loaded")
    func wanted() throws {
        let folder = try Repository()
        try folder.add("one", "platform: identity\n")
        try folder.add("two", "platform: broken\n")
        let contents = ModelRepository(path: folder.path).load([ModelName("one")!])
        #expect(contents.problems == [] && contents.models.map(\.name.name) == ["one"])
    }

    @Test("broken models are all named, with file, line and key, and the others are loaded")
    func brokenModels() throws {
        let folder = try Repository()
        try folder.add("good", "platform: identity\n")
        try folder.add("typo", "platform: delay\nmax_batchsize: 3\n")
        try folder.add("type", "platform: delay\nqueue_capacity: many\n")
        try folder.add("platform", "platform: tensorflow\n")
        try folder.add("nothing", "")
        try folder.add("noversion", "platform: identity\n", versions: [])
        try folder.add("nofiles", "platform: llama\n")
        try folder.add("weights", "platform: text\nweights: int5\n")
        try folder.add("pages", "platform: text\nkv_cache: int4\n")
        try folder.add("foreign", "platform: identity\ntext:\n  tokens_per_page: 4\n")
        try folder.add("labels", "platform: identity\nlabels: none.txt\n")
        let contents = ModelRepository(path: folder.path).load()
        #expect(contents.models.map(\.name.name) == ["good"])
        #expect(contents.problems.count == 10)
        for (model, words) in [
            ("typo", ["model.yaml:2:1", "max_batchsize", "max_batch_size"]),
            ("type", ["model.yaml:2:", "queue_capacity", "an integer", "many"]),
            ("platform", ["model.yaml:1:", "platform", "text, llama, onnx, graph", "tensorflow"]),
            ("nothing", ["model.yaml", "platform", "is required"]),
            ("noversion", ["noversion", "has no version"]),
            ("nofiles", ["nofiles/1:", "has no model.safetensors"]),
            ("weights", ["model.yaml:2:", "weights", "f32, bf16, int8, int4", "int5"]),
            ("pages", ["model.yaml:2:", "kv_cache", "f32, bf16, int8", "int4"]),
            ("foreign", ["model.yaml:2:1", "text", "unknown key"]),
            ("labels", ["model.yaml:2:9", "labels", "none.txt", "no such file"]),
        ] {
            let problem = contents.problems.first { $0.contains("/\(model)") } ?? ""
            for word in words { #expect(problem.contains(word), "\(model): \(problem)") }
        }
    }

    @Test("a repository that is not there is one problem")
    func missing() {
        let contents = ModelRepository(path: "/nowhere/at/all").load()
        #expect(contents.models.isEmpty && contents.problems.count == 1)
        #expect(contents.problems.first?.contains("/nowhere/at/all") == true)
    }

    @Test("the settings of a text model's steps and cache are read")
    func textSettings() throws {
        let folder = try Repository()
        try folder.add(
            "text",
            """
            platform: llama
            queue_capacity: 9
            text:
              cache_memory: 1MiB
              tokens_per_page: 32
              max_running_sequences: 3
              step_token_budget: 100
              step_time_budget: 20ms
              prefix_cache: false
              shared_prefixes:
                - You are a bird.
                - |
                  Two
                  lines
            """)
        let limits = try ModelSettings(folder: folder.path + "/text").text
        var expected = TextLimits()
        expected.queueCapacity = 9
        expected.cacheByteCount = 1 << 20
        expected.tokensPerPage = 32
        expected.runningSequenceCountMax = 3
        expected.stepTokenBudget = 100
        expected.stepNanosecondsMax = 20_000_000
        expected.reusesPrefixes = false
        expected.sharedPrefixes = ["You are a bird.", "Two\nlines"]
        #expect(limits == expected)
    }

    @Test("the memory for updates of a graph is read, counts in the model's, and is for no other platform")
    func graphSettings() throws {
        let folder = try Repository()
        for (name, lines) in [("off", ""), ("on", "graph: {update_memory: 3MiB}\n")] {
            try FileManager.default.copyItem(
                atPath: "\(ExampleModels.path)/karate", toPath: "\(folder.path)/\(name)")
            try folder.add(name, "platform: graph\n\(lines)", versions: [])
        }
        let models = ModelRepository(path: folder.path).load().models
        let byteCounts = models.map(\.model.residentByteCount).sorted()
        #expect(byteCounts.count == 2 && byteCounts[1] == byteCounts[0] + (3 << 20))
        try folder.add("other", "platform: identity\ngraph: {update_memory: 3MiB}\n")
        #expect(throws: ConfigurationError.self) { try ModelSettings(folder: folder.path + "/other") }
        try folder.add("other", "platform: graph\ngraph: {update_memory: much}\n", versions: [])
        #expect(throws: ConfigurationError.self) { try ModelSettings(folder: folder.path + "/other") }
    }

    @Test(
        "a wrong setting of a text model is named",
        arguments: [
            ("step_time_budget: 1us", "from 1ms to 1min"), ("prefix_cache: maybe", "expected true or false"),
            ("shared_prefixes: 5", "shared_prefixes"),
            ("shared_prefixes: [\(Array(repeating: "a", count: 257).joined(separator: ", "))]", "at most 256, got 257"),
        ])
    func wrongTextSettings(line: String, words: String) throws {
        let folder = try Repository()
        try folder.add("text", "platform: llama\ntext:\n  \(line)\n")
        let error = #expect(throws: ConfigurationError.self) { try ModelSettings(folder: folder.path + "/text") }
        let problem = error?.description ?? ""
        #expect(problem.contains("model.yaml:3:") && problem.contains(words), "\(problem)")
    }

    @Test("versions, aliases and warm-ups are read, each into its place")
    func repositorySettings() throws {
        let folder = try Repository()
        try folder.add(
            "m",
            """
            platform: identity
            versions: [3, 1]
            aliases:
              m-next: latest
              m-stable: 3
            warm_up:
              - {batch_size: 8, count: 2, open_extents: [224, 7]}
              - {text: Hello, max_tokens: 3}
            """)
        let settings = try ModelSettings(folder: folder.path + "/m")
        #expect(settings.versionPolicy == .listed([ModelVersion(1)!, ModelVersion(3)!]))
        #expect(
            settings.aliases == [
                ModelAlias(name: ModelName("m-next")!),
                ModelAlias(name: ModelName("m-stable")!, version: ModelVersion(3)!),
            ])
        var tensors = WarmUpRequest()
        (tensors.batchSize, tensors.count, tensors.openExtents) = (8, 2, [224, 7])
        var text = WarmUpRequest()
        (text.text, text.tokenCountMax) = ("Hello", 3)
        #expect(settings.warmUp == [tensors, text])
        for (line, policy) in [
            ("latest", VersionPolicy.latest(1)), ("all", .all), ("{latest: 3}", .latest(3)),
            ("[2]", .listed([ModelVersion(2)!])),
        ] {
            try folder.add("m", "platform: identity\nversions: \(line)\n")
            #expect(try ModelSettings(folder: folder.path + "/m").versionPolicy == policy)
        }
    }

    @Test(
        "a wrong word about versions, aliases and warm-ups is named",
        arguments: [
            ("versions: newest", "expected latest, all, {latest: 2} or [1, 3], got \"newest\""),
            ("versions: {newest: 2}", "expected {latest: 2}"), ("versions: {latest: 0}", "an integer in 1...1000"),
            ("versions: []", "different positive integers"), ("versions: [1, 1]", "different positive integers"),
            ("versions: [0]", "different positive integers"), ("aliases: {a b: latest}", "cannot be the name"),
            ("aliases: {a: newest}", "expected latest or a version"), ("warm_up: [{count: 0}]", "an integer in 1"),
            ("warm_up: [{open_extents: [-1]}]", "positive integers"), ("warm_up: [{batch: 1}]", "unknown key"),
        ])
    func wrongRepositorySettings(line: String, words: String) throws {
        let folder = try Repository()
        try folder.add("m", "platform: identity\n\(line)\n")
        let error = #expect(throws: ConfigurationError.self) { try ModelSettings(folder: folder.path + "/m") }
        let problem = error?.description ?? ""
        #expect(problem.contains("model.yaml:2:") && problem.contains(words), "\(problem)")
    }

    @Test(
        "a truncated or scrambled model file is an error that names it, and never a crash",
        arguments: ["config.json", "model.safetensors", "tokenizer.json"])
    func damagedFiles(file: String) throws {
        let source = ExampleModels.path + "/storyteller"
        let bytes = try Data(contentsOf: URL(filePath: "\(source)/1/\(file)"))
        var random = SeededGenerator(seed: 7)
        for attempt in 0..<5 {
            let folder = try Repository()
            try FileManager.default.copyItem(atPath: source, toPath: folder.path + "/storyteller")
            let cut =
                attempt < 4
                ? bytes.prefix([0, 7, bytes.count / 2, bytes.count - 2][attempt])
                : Data(random.bytes(count: 4096))
            try cut.write(to: URL(filePath: "\(folder.path)/storyteller/1/\(file)"))
            let contents = ModelRepository(path: folder.path).load()
            #expect(contents.models.map(\.name.name) == [], "\(cut.count) bytes of \(file)")
            #expect(contents.problems.first?.contains(file) == true, "\(contents.problems)")
        }
    }
}

/// A model repository in a temporary folder, removed with this object.
final class Repository {
    let path = FileManager.default.temporaryDirectory.appending(path: "apus-repository-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func add(_ name: String, _ settings: String, versions: [String] = ["1"]) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        try Data(settings.utf8).write(to: URL(filePath: "\(path)/\(name)/model.yaml"))
        for version in versions {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(name)/\(version)", withIntermediateDirectories: true)
        }
    }

    /// Adds lines to the settings of a model.
    func append(_ name: String, _ lines: String) throws {
        let file = URL(filePath: "\(path)/\(name)/model.yaml")
        let settings = try Data(contentsOf: file)
        try (settings + Data(lines.utf8)).write(to: file)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
}

/// The models that Apus brings along.
enum ExampleModels {
    static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/ApusServer/ExampleModels")
        .path
}
