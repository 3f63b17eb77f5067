import Compute
import GraphModels
import Models
import TestSupport
import Testing

/// Files that lie: refused by name, never fatal.
@Suite("Files of graph models")
struct GraphModelFileTests {
    private static let shape = NetworkShape(
        description: "gcn and gat", featureCount: 3,
        layers: [
            .init(kind: .convolution(outputs: 4), activation: "relu"),
            .init(kind: .attention(heads: 2, outputs: 2, merge: .mean)),
        ])
    private static let layers = """
        {"kind": "gcn", "tensors": "layers.0"},
        {"kind": "gat", "heads": ["layers.1.heads.0", "layers.1.heads.1"], "merge": "mean"}
        """
    private let random: RandomModel
    private var folder: ModelFolder { random.folder }

    init() throws { random = try RandomModel(Self.shape, seed: 1) }

    @Test(
        "a description that makes no sense is refused by the name of the key",
        arguments: [
            ("", "graph.json: "),
            ("[]", "graph.json: "),
            ("{}", "\"layers\": is missing"),
            (#"{"layers": []}"#, "\"layers\": expected 1 to 64, got 0"),
            (#"{"layers": [{}]}"#, "\"layers.[0].kind\": is missing"),
            (#"{"layers": [{"kind": "sage"}]}"#, "\"layers.[0].kind\": "),
            (#"{"layers": [{"kind": "gcn"}]}"#, "\"layers.[0].tensors\": is missing"),
            (#"{"layers": [{"kind": "gcn", "tensors": 7}]}"#, "\"layers.[0].tensors\": expected String"),
            (
                #"{"layers": [{"kind": "gcn", "tensors": "l", "heads": []}]}"#,
                "\"layers.[0].heads\": is malformed: unknown"
            ),
            (#"{"layers": [{"kind": "gcn", "tensors": "l", "activation": "gelu"}]}"#, "\"layers.[0].activation\": "),
            (#"{"layers": [{"kind": "gat", "heads": []}]}"#, "expected 1 to 256 heads, got 0"),
            (#"{"layers": [{"kind": "gat", "heads": ["a", "a"]}]}"#, "two heads have the same prefix"),
            (#"{"layers": [{"kind": "gat", "heads": ["a"], "attention_slope": -1}]}"#, "expected 0 to 1, got -1"),
            (#"{"layers": [{"kind": "gat", "heads": ["a"], "attention_slope": 1e30}]}"#, "expected 0 to 1, got 1e+30"),
            (#"{"layers": [], "lables": []}"#, "\"lables\": is malformed: unknown key, expected one of"),
            (#"{"layers": [{"kind": "gcn", "tensors": "x"}]}"#, "tensor \"x.weight\": is missing"),
        ])
    func refusesDescriptions(json: String, expected: String) throws {
        try folder.describe(json)
        let complaint = folder.complaint()
        #expect(complaint.contains(expected), "\(complaint)")
    }

    @Test(
        "a resident graph that does not fit is refused by the name of the tensor",
        arguments: [
            (#"{"file": "../graph.safetensors", "features": "x", "edges": "e"}"#, "resident_graph.file"),
            (#"{"file": "none.safetensors", "features": "x", "edges": "e"}"#, "none.safetensors: no such file"),
            (#"{"features": "x", "edges": "e"}"#, "model.safetensors: tensor \"x\": is missing"),
            (#"{"file": "g", "features": "e", "edges": "e"}"#, "g: tensor \"e\": expected shape [1 to "),
            (#"{"file": "g", "features": "zero", "edges": "e"}"#, "g: tensor \"zero\": expected shape [1 to "),
            (#"{"file": "g", "features": "x", "edges": "x"}"#, "g: tensor \"x\": expected shape [2, edges]"),
            (#"{"file": "g", "features": "x", "edges": "none"}"#, "g: tensor \"none\": is missing"),
            (#"{"file": "g", "features": "x", "edges": "far"}"#, "g: resident graph: edge 1 names node 5"),
            (#"{"file": "g", "features": "x", "edges": "float"}"#, "g: tensor \"float\": expected I64 or I32"),
            (#"{"file": "g", "features": "nan", "edges": "e"}"#, "g: tensor \"nan\": has an element"),
            (#"{"file": "g", "features": "x", "edges": "e"}"#, "no error"),
        ])
    func refusesResidentGraphs(json: String, expected: String) throws {
        var graph = StoredTensors()
        graph.add("x", [Float](repeating: 1, count: 9), shape: [3, 3])
        graph.add("nan", [Float](repeating: .nan, count: 9), shape: [3, 3])
        graph.add("zero", [], shape: [0, 3])
        graph.add("e", integers: [0, 1, 1, 2], shape: [2, 2])
        graph.add("far", integers: [0, 1, 1, 5], shape: [2, 2])
        graph.add("float", [0, 1, 1, 2], shape: [2, 2])
        try folder.write(graph.bytes, to: "g")
        try folder.describe("{\"layers\": [\(Self.layers)], \"resident_graph\": \(json)}")
        let complaint = folder.complaint()
        #expect(complaint.contains(expected), "\(complaint)")
    }

    @Test("weights that are missing, misshapen or not finite are refused by name")
    func refusesWeights() throws {
        let optional = [
            "layers.0.bias", "layers.1.heads.0.bias", "layers.1.heads.0.att_src.bias",
            "layers.1.heads.0.att_dst.bias", "layers.1.heads.1.bias", "layers.1.heads.1.att_src.bias",
            "layers.1.heads.1.att_dst.bias",
        ]
        for name in random.tensors.names {
            for (values, shape) in [([Float](repeating: 1, count: 21), [7, 3]), ([.nan, 1], [2]), ([], [0])] {
                var tensors = random.tensors
                tensors.add(name, values, shape: shape)
                try folder.write(tensors.bytes, to: "model.safetensors")
                // Only the first matrix may have any number of rows; then the next one does not fit its outputs.
                let blamed = name == "layers.0.weight" && shape == [7, 3] ? "layers." : name
                #expect(folder.complaint().hasPrefix("model.safetensors: tensor \"\(blamed)"), "\(folder.complaint())")
            }
            var tensors = random.tensors
            tensors.remove(name)
            try folder.write(tensors.bytes, to: "model.safetensors")
            let isOptional = optional.contains(name)
            let expected = isOptional ? "no error" : "model.safetensors: tensor \"\(name)\": is missing"
            #expect(folder.complaint() == expected)
        }
    }

    @Test("labels have to be as many as classes")
    func refusesLabels() throws {
        #expect(folder.complaint(labels: ["a"]).contains("\"labels\": 1 labels for a network with 2 classes"))
        #expect(folder.complaint(labels: ["a", "b"]) == "no error")
        try folder.describe("{\"labels\": [\"a\"], \"layers\": [\(Self.layers)]}")
        #expect(folder.complaint().hasPrefix("graph.json: \"labels\": "))
    }

    @Test("residuals that do not fit are refused")
    func refusesResiduals() throws {
        for (residual, expected) in [
            ("identity", "residual \"identity\": the layer has 3 inputs and 4 outputs"),
            ("layers.0.bias", "tensor \"layers.0.bias\": expected shape [3, 4], got [4]"),
            ("none", "tensor \"none\": is missing"),
        ] {
            try folder.describe(
                #"{"layers": [{"kind": "gcn", "tensors": "layers.0", "residual": "\#(residual)"}]}"#)
            #expect(folder.complaint() == "model.safetensors: \(expected)")
        }
    }

    @Test("missing files are named")
    func refusesMissingFiles() throws {
        let empty = try ModelFolder()
        #expect(empty.complaint() == "graph.json: no such file")
        try empty.describe("{\"layers\": [\(Self.layers)]}")
        #expect(empty.complaint() == "model.safetensors: no such file")
    }

    @Test("weights cut at any byte are refused")
    func survivesTruncation() throws {
        let whole = random.tensors.bytes
        for count in stride(from: 0, to: whole.count, by: 7) {
            try folder.write(Array(whole[..<count]), to: "model.safetensors")
            #expect(folder.complaint() != "no error")
        }
    }

    @Test("random changes to the files load or are refused, and what loads runs")
    func survivesMutations() throws {
        var generator = SeededGenerator(seed: 5)
        let weights = random.tensors.bytes
        let json = Array("{\"layers\": [\(Self.layers)]}".utf8)
        let graph = RandomGraph(nodeCount: 5, edgeCount: 8, featureCount: 3, density: 1, seed: 6)
        let gang = ComputeGang(threadCount: 1)
        for round in 0..<600 {
            let changesJSON = round % 2 == 0
            var bytes = changesJSON ? json : weights
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            try folder.write(changesJSON ? bytes : json, to: "graph.json")
            try folder.write(changesJSON ? weights : bytes, to: "model.safetensors")
            guard let model = try? folder.model() else { continue }
            let input = try InferenceInput(graph: graph)
            guard (try? model.sampleCount(of: input)) != nil else { continue }
            #expect(try model.execute([input], on: gang)[0].get().tensor("scores")?.shape.first == 5)
        }
    }
}
