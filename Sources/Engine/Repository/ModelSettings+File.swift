import Compute
import Configuration
import FoundationEssentials
import ModelFiles
import VisionModels
import Vocabulary

extension ModelSettings {
    /// Reads `FOLDER/model.yaml`.
    ///
    /// ```yaml
    /// platform: onnx                      # text, onnx, graph, identity or delay
    /// max_batch_size: 32
    /// max_queue_delay_microseconds: 0
    /// queue_capacity: 1024
    /// versions: latest                    # or {latest: 2}, all, or those that are listed: [1, 3]
    /// aliases:                            # other names that lead to it
    ///   digits-next: latest               # to what its own name leads to
    ///   digits-stable: 3                  # always to one version
    /// warm_up:                            # requests of zeros, answered before anybody else's
    ///   - batch_size: 8
    ///     count: 2                        # how often
    ///     open_extents: [224, 224]        # for each -1 in the shapes of its inputs, but that of the batch
    ///   - text: "Once upon a time"        # of a model of texts
    ///     max_tokens: 4                   # to write
    /// labels: labels.txt                  # beside model.yaml, one class a line
    /// preprocessing:                      # onnx
    ///   resize: exact                     # none, exact, or the pixels of the shorter side
    ///   channels: gray                    # rgb, bgr or gray
    ///   inversion: automatic             # never, always or automatic
    ///   scale: 0.00392156862
    ///   mean: [0.1307]
    ///   std: [0.3081]
    /// weights: bf16                       # text: f32, bf16, int8 or int4; without it bf16, of GGUF the file's own
    /// kv_cache: bf16                      # text: f32, bf16 or int8; f32 beside weights in f32, otherwise bf16
    /// text:                               # text
    ///   context_length: 4096              # fewer than the model was made for
    ///   cache_memory: 256MiB
    ///   tokens_per_page: 16
    ///   max_running_sequences: 32
    ///   step_token_budget: 256
    ///   step_time_budget: 50ms            # of a step in which a text is written; what is left of it goes to prompts
    ///   prefix_cache: true                # prompts that begin like earlier ones of their tenant skip what is known
    ///   shared_prefixes:                  # and those that begin like this skip it whichever tenant was first
    ///     - "You are a helpful assistant."
    ///   speculation: ngram                # guess what a text repeats, where that is worth the time; or off
    ///   chat_template: chat.jinja         # beside model.yaml, instead of the model's own; off for none
    /// graph:                              # graph
    ///   update_memory: 16MiB              # for what tenants change of its graph; 0, or nothing, for no changes
    /// delay: 10ms                         # delay
    /// ```
    ///
    /// - Throws: `ConfigurationError` with file, line and key, also for a file of labels that cannot be read.
    init(folder: String) throws {
        let map = try ConfigurationFile.read(path: "\(folder)/model.yaml")
        guard let platform = try map.choice("platform", of: Platform.self) else {
            throw map.error(at: "platform", "is required: \(Platform.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.init(platform: platform)
        batchSizeMax = try map.integer("max_batch_size", in: 1...4096) ?? batchSizeMax
        if let delay = try map.integer("max_queue_delay_microseconds", in: 0...10_000_000) {
            queueDelayMaxNanoseconds = UInt64(delay) * 1000
        }
        queueCapacity = try map.integer("queue_capacity", in: 1...1_000_000) ?? queueCapacity
        if let name = try map.string("labels") {
            do throws(ModelFileError) {
                labels = try Self.labels(path: "\(folder)/\(name)")
            } catch {
                throw map.error(at: "labels", error.description)
            }
        }
        try readRepository(map)
        try readPlatform(map)
        try map.finish()
    }

    /// The keys that only one platform knows: for any other they are unknown.
    private mutating func readPlatform(_ map: ConfigurationMap) throws(ConfigurationError) {
        switch platform {
        case .onnx:
            preprocessing = try map.map("preprocessing").map { section throws(ConfigurationError) in
                try Preprocessing(reading: section)
            }
        case .text, .llama:
            weights = try map.choice("weights", of: WeightFormat.self)
            cacheFormat = try map.choice("kv_cache", of: CacheFormat.self)
            text.queueCapacity = queueCapacity
            if let section = try map.map("text") {
                contextLength = try section.integer("context_length", in: 1...1 << 24)
                chatTemplate = try section.string("chat_template")
                try text.read(section)
            }
        case .delay:
            if let delay = try map.nanoseconds("delay", in: 0...60_000_000_000) {
                delayMilliseconds = delay / 1_000_000
            }
        case .graph:
            if let section = try map.map("graph") {
                graphUpdateByteCountMax = try section.byteCount("update_memory", in: 0...1 << 42) ?? 0
            }
        case .identity: break
        }
    }

    private static func labels(path: String) throws(ModelFileError) -> [String] {
        guard let text = try MappedFile.open(path: path, byteCountMax: 1 << 24).utf8String else {
            throw ModelFileError(file: path, problem: "is not UTF-8 text")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(line.hasSuffix("\r") ? line.dropLast() : line)
        }
        if lines.last == "" { lines.removeLast() }
        return lines
    }
}

extension Preprocessing {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        let resize: Resize
        switch try map.string("resize") {
        case nil, "exact"?: resize = .exact
        case "none"?: resize = .none
        case let text?:
            guard let side = Int(text), side >= 1 else {
                throw map.error(at: "resize", "expected none, exact or the pixels of the shorter side, got \"\(text)\"")
            }
            resize = .shorterSide(side)
        }
        let channels = try map.choice("channels", of: Channels.self) ?? .rgb
        let inversion = try map.choice("inversion", of: Inversion.self) ?? .never
        let scale = try map.double("scale", in: -1e6...1e6) ?? 1.0 / 255
        let mean = try map.doubles("mean") ?? [0]
        let std = try map.doubles("std") ?? [1]
        do {
            try self.init(
                resize: resize, channels: channels, inversion: inversion, scale: Float(scale),
                mean: mean.map { Float($0) },
                std: std.map { Float($0) })
        } catch {
            throw map.error(at: error.field, error.problem)
        }
    }
}

extension TextLimits {
    fileprivate mutating func read(_ map: ConfigurationMap) throws(ConfigurationError) {
        cacheByteCount = try map.byteCount("cache_memory", in: 1 << 16...1 << 42) ?? cacheByteCount
        tokensPerPage = try map.integer("tokens_per_page", in: 1...1024) ?? tokensPerPage
        runningSequenceCountMax = try map.integer("max_running_sequences", in: 1...4096) ?? runningSequenceCountMax
        stepTokenBudget = try map.integer("step_token_budget", in: 1...65_536) ?? stepTokenBudget
        if let nanoseconds = try map.nanoseconds("step_time_budget", in: 1_000_000...60_000_000_000) {
            stepNanosecondsMax = UInt64(nanoseconds)
        }
        reusesPrefixes = try map.bool("prefix_cache") ?? reusesPrefixes
        speculation = try map.choice("speculation", of: Speculation.self) ?? speculation
        sharedPrefixes = try map.strings("shared_prefixes") ?? sharedPrefixes
        guard sharedPrefixes.count <= Self.sharedPrefixCountMax else {
            throw map.error(
                at: "shared_prefixes", "expected at most \(Self.sharedPrefixCountMax), got \(sharedPrefixes.count)")
        }
    }
}
