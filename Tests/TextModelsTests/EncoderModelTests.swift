import Compute
import Foundation
import ModelFiles
import Models
import TestSupport
import Testing
import TextModels
import Vocabulary

/// Goal: every family of encoders computes what Hugging Face transformers computes, from the same files.
@Suite struct EncoderModelTests {
    /// float32 against float32 in another order, through two layers; values are of size 1.
    static let tolerance = 2e-5

    static let tiers = KernelTier.allCases.filter(\.isSupported)

    @Test("the vectors of texts of several lengths", arguments: EncoderFixture.names, tiers)
    func vectors(name: String, tier: KernelTier) throws {
        let fixture = try EncoderFixture(name)
        let gang = ComputeGang(threadCount: 2, kernels: try #require(Kernels(tier: tier)))
        let vectors = try fixture.model().vectors(of: fixture.texts, on: gang)
        #expect(vectors.count == fixture.texts.count)
        for (index, vector) in vectors.enumerated() {
            let expected = fixture.vectors[index]
            #expect(vector.count == expected.count)
            let difference = zip(vector, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
            #expect(difference < Self.tolerance, "text of \(fixture.texts[index].count) tokens")
        }
    }

    /// The bounds are for weights this small and random; real ones lose less.
    @Test(
        "weights of fewer bits keep the direction", arguments: EncoderFixture.names,
        [(WeightFormat.bfloat16, 0.999), (.int8, 0.998), (.int4, 0.985)])
    func formats(name: String, format: (WeightFormat, Double)) throws {
        let fixture = try EncoderFixture(name)
        let vectors = try fixture.model(format.0).vectors(of: fixture.texts, on: ComputeGang(threadCount: 2))
        for (vector, expected) in zip(vectors, fixture.vectors) {
            #expect(cosine(vector.map(Double.init), expected) > format.1)
        }
    }

    /// Goal: the same text gives the same bits alone or in any batch, on any number of threads.
    ///
    /// Method: each text alone on one thread; then all among 63 random ones, in a random order, on 1, 2 and 3 threads.
    @Test("a text has the same bits in any company", arguments: EncoderFixture.names, tiers)
    func companyInvariance(name: String, tier: KernelTier) throws {
        let fixture = try EncoderFixture(name)
        let kernels = try #require(Kernels(tier: tier))
        for format in [WeightFormat.float32, .bfloat16, .int8, .int4] {
            let model = try fixture.model(format)
            let single = ComputeGang(threadCount: 1, kernels: kernels)
            let alone = try fixture.texts.map { try bits(model.vectors(of: [$0], on: single)[0]) }
            var random = SeededGenerator(seed: 5)
            for threadCount in 1...3 {
                let gang = ComputeGang(threadCount: threadCount, kernels: kernels)
                var company: [(own: Int?, tokens: [Int32])] = (0..<63).map { _ in
                    (
                        nil,
                        (0..<Int.random(in: 1...42, using: &random)).map { _ in
                            Int32.random(in: 3..<120, using: &random)
                        }
                    )
                }
                company += fixture.texts.enumerated().map { ($0, $1) }
                company.shuffle(using: &random)
                let vectors = try model.vectors(of: company.map(\.tokens), on: gang)
                for (text, vector) in zip(company, vectors) {
                    guard let own = text.own else { continue }
                    #expect(bits(vector) == alone[own], "\(format), \(threadCount) threads")
                }
            }
        }
    }

    /// Goal: many texts are computed by each thread for itself with the kernels of the gang that is given, whichever
    /// gang came before.
    ///
    /// Method: one model computes enough texts for groups with every tier in turn, twice; each time the bits must be
    /// those of a model that knows that tier alone, text by text.
    @Test("the kernels are those of the gang that is given")
    func changingGangs() throws {
        let fixture = try EncoderFixture("bert-mean")
        let model = try fixture.model()
        let texts = (0..<60).flatMap { _ in fixture.texts }
        for tier in Self.tiers + Self.tiers {
            let kernels = try #require(Kernels(tier: tier))
            let single = ComputeGang(threadCount: 1, kernels: kernels)
            let alone = try fixture.texts.map { try bits(fixture.model().vectors(of: [$0], on: single)[0]) }
            let vectors = try model.vectors(of: texts, on: ComputeGang(threadCount: 2, kernels: kernels))
            #expect(vectors.count == texts.count)
            for (index, vector) in vectors.enumerated() {
                #expect(bits(vector) == alone[index % alone.count], "\(tier), text \(index)")
            }
        }
    }

    @Test("a batch of the engine gives each input its vector")
    func batch() throws {
        let fixture = try EncoderFixture("bert-mean")
        let model = try fixture.model()
        let gang = ComputeGang(threadCount: 1)
        let results = model.execute(fixture.texts.map(EncoderModel.input), on: gang)
        let expected = try model.vectors(of: fixture.texts, on: gang)
        for (result, vector) in zip(results, expected) {
            #expect(try result.get().tensor(EncoderModel.outputName)?.array(of: Float.self) == vector)
        }
        let counts = try fixture.texts.map { try model.sampleCount(of: EncoderModel.input($0)) }
        #expect(counts == fixture.texts.map(\.count))
    }

    @Test(
        "tokens that cannot be are refused",
        arguments: [
            ([], "input_ids: expected 1 to 42 tokens for model 'encoder', got 0"),
            ([Int32](repeating: 5, count: 43), "input_ids: expected 1 to 42 tokens for model 'encoder', got 43"),
            ([3, 120], "input_ids: expected token ids in 0..<120, got 120 at index 1"),
            ([-1], "input_ids: expected token ids in 0..<120, got -1 at index 0"),
        ] as [([Int32], String)])
    func refused(tokens: [Int32], message: String) throws {
        let model = try EncoderFixture("bert-mean").model()
        let error = #expect(throws: ServingError.self) { try model.sampleCount(of: EncoderModel.input(tokens)) }
        #expect(error?.code == .invalidArgument && error?.message == message)
    }
}

/// Goal: what the files say is read, and what would change the result unseen is an error that names file and field.
@Suite struct EncoderDescriptionTests {
    @Test("positions, lengths and pooling of each family")
    func families() throws {
        let bert = try EncoderFolder(copying: "bert-mean").description()
        #expect(bert.family == .bert && bert.pooling == .mean && bert.lengthMax == 42 && bert.firstPosition == 0)
        #expect(!bert.lowercases && bert.activation == .gelu && bert.headSize == 10)
        let first = try EncoderFolder(copying: "bert-cls").description()
        #expect(first.pooling == .firstToken && first.activation == .geluTanh && first.headSize == 20)
        let roberta = try EncoderFolder(copying: "roberta").description()
        #expect(roberta.firstPosition == 2 && roberta.lengthMax == 42 && roberta.tokenTypeCount == 1)
        let distil = try EncoderFolder(copying: "distilbert").description()
        #expect(distil.family == .distilbert && distil.tokenTypeCount == 0 && distil.lowercases)
    }

    @Test("without the files of sentence-transformers: the mean, of as many tokens as there are positions")
    func bare() throws {
        let folder = try EncoderFolder(copying: "bert-cls")
        for file in ["modules.json", "sentence_bert_config.json", "1_Pooling"] {
            try FileManager.default.removeItem(at: folder.url.appending(path: file))
        }
        let description = try folder.description()
        #expect(description.pooling == .mean && description.lengthMax == 44)
        #expect(try EncoderDescription(directory: folder.url.path, contextLength: 9).lengthMax == 9)
    }

    @Test(
        "what is not computed here is refused by name",
        arguments: [
            ("config.json", "\"model_type\": \"bert\"", "\"model_type\": \"t5\"", "\"model_type\""),
            ("config.json", "\"hidden_act\": \"gelu\"", "\"hidden_act\": \"mish\"", "\"hidden_act\""),
            ("config.json", "\"num_attention_heads\": 4", "\"num_attention_heads\": 7", "\"num_attention_heads\""),
            ("config.json", "\"hidden_size\": 40", "\"hidden_size\": 0", "\"hidden_size\""),
            (
                "config.json", "\"hidden_size\": 40",
                "\"position_embedding_type\": \"relative_key\", \"hidden_size\": 40",
                "\"position_embedding_type\""
            ),
            ("modules.json", "models.Normalize", "models.Dense", "\"[2].type\""),
            ("modules.json", "\"1_Pooling\"", "\"../elsewhere\"", "\"[1].path\""),
            (
                "1_Pooling/config.json", "\"pooling_mode_max_tokens\": false", "\"pooling_mode_max_tokens\": true",
                "\"pooling_mode_max_tokens\""
            ),
            (
                "1_Pooling/config.json", "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true",
                "\"pooling_mode_mean_tokens\""
            ),
            ("sentence_bert_config.json", "42", "-1", "\"max_seq_length\""),
        ])
    func refused(file: String, text: String, other: String, field: String) throws {
        let folder = try EncoderFolder(copying: "bert-mean")
        try folder.replace(text, with: other, in: file)
        let error = #expect(throws: ModelFileError.self) { try folder.description() }
        #expect(error?.file == folder.url.appending(path: file).path && error?.field == field)
    }

    @Test("a table of another size is named")
    func shapes() throws {
        let folder = try EncoderFolder(copying: "roberta")
        try folder.replace("\"vocab_size\": 120", with: "\"vocab_size\": 121", in: "config.json")
        let error = #expect(throws: ModelFileError.self) {
            try EncoderModel(directory: folder.url.path, name: ModelName("encoder")!, version: ModelVersion(1)!)
        }
        #expect(error?.field == "tensor \"roberta.embeddings.word_embeddings.weight\"")
    }
}

/// The cosine of the angle between two vectors.
func cosine(_ x: [Double], _ y: [Double]) -> Double {
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    return dot(x, y) / (dot(x, x) * dot(y, y)).squareRoot()
}
