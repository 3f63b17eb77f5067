import GraphModels
import TestSupport

/// The shape of a random model.
struct NetworkShape: Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        case convolution(outputs: Int)
        case attention(heads: Int, outputs: Int, merge: HeadMerge)
    }

    struct Layer: Sendable {
        let kind: Kind
        var activation = "none"
        var residual: String?
    }

    let description: String
    let featureCount: Int
    let layers: [Layer]
}

/// A model with random weights in a folder of its own, and the same weights in the reference.
struct RandomModel {
    let folder: ModelFolder
    let tensors: StoredTensors
    let reference: ReferenceNetwork
    /// What `graph.json` says about the layers.
    private let layers: String

    init(_ shape: NetworkShape, seed: UInt64) throws {
        folder = try ModelFolder()
        var width = shape.featureCount
        var maker = LayerMaker(seed: seed)
        for (index, layer) in shape.layers.enumerated() { maker.add(layer, prefix: "layers.\(index)", width: &width) }
        (tensors, reference) = (maker.tensors, maker.reference)
        layers = maker.descriptions.joined(separator: ", ")
        try folder.write(tensors.bytes, to: "model.safetensors")
        try folder.describe("{\"layers\": [\(layers)]}")
    }

    /// Gives the model a graph to hold.
    func hold(_ graph: RandomGraph, normalization: String = "none") throws {
        var stored = StoredTensors()
        stored.add("features", graph.features, shape: [graph.nodeCount, graph.featureCount])
        stored.add("edges", integers: graph.edges, shape: [2, graph.edges.count / 2])
        try folder.write(stored.bytes, to: "graph.safetensors")
        try folder.describe(
            """
            {"feature_normalization": "\(normalization)", "layers": [\(layers)],
             "resident_graph": {"file": "graph.safetensors", "features": "features", "edges": "edges"}}
            """)
    }
}

/// Random weights, and what the files say about them.
private struct LayerMaker {
    private(set) var tensors = StoredTensors()
    private(set) var reference = ReferenceNetwork()
    private(set) var descriptions: [String] = []
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// Adds a layer and its tensors.
    mutating func add(_ layer: NetworkShape.Layer, prefix: String, width: inout Int) {
        let inputs = width
        let kind: ReferenceNetwork.Kind
        var json: String
        switch layer.kind {
        case .convolution(let outputs):
            width = outputs
            kind = .convolution(
                weight: matrix("\(prefix).weight", inputs, outputs), bias: vector("\(prefix).bias", outputs))
            json = "\"kind\": \"gcn\", \"tensors\": \"\(prefix)\""
        case .attention(let heads, let outputs, let merge):
            width = merge == .mean ? outputs : heads * outputs
            let names = (0..<heads).map { "\(prefix).heads.\($0)" }
            kind = .attention(names.map { head($0, inputs, outputs) }, isMean: merge == .mean, slope: 0.25)
            json = "\"kind\": \"gat\", \"heads\": \(names), \"merge\": \"\(merge)\", \"attention_slope\": 0.25"
        }
        json += ", \"activation\": \"\(layer.activation)\""
        var residual = ReferenceNetwork.Residual.none
        if let name = layer.residual {
            json += ", \"residual\": \"\(name)\""
            residual = name == "identity" ? .identity : .projection(matrix(name, inputs, width))
        }
        reference.layers.append(.init(kind: kind, activation: layer.activation, residual: residual))
        descriptions.append("{\(json)}")
    }

    private mutating func head(_ prefix: String, _ inputs: Int, _ outputs: Int) -> ReferenceNetwork.Head {
        ReferenceNetwork.Head(
            weight: matrix("\(prefix).weight", inputs, outputs), source: vector("\(prefix).att_src.weight", outputs),
            destination: vector("\(prefix).att_dst.weight", outputs),
            sourceBias: vector("\(prefix).att_src.bias", 1)[0],
            destinationBias: vector("\(prefix).att_dst.bias", 1)[0], bias: vector("\(prefix).bias", outputs))
    }

    private mutating func matrix(_ name: String, _ rows: Int, _ columns: Int) -> [[Double]] {
        let values = (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &random) }
        tensors.add(name, values, shape: [rows, columns])
        return (0..<rows).map { row in values[row * columns..<(row + 1) * columns].map(Double.init) }
    }

    private mutating func vector(_ name: String, _ count: Int) -> [Double] {
        let values = (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
        tensors.add(name, values, shape: [count])
        return values.map(Double.init)
    }
}

/// A random graph in the layout of a request.
struct RandomGraph {
    let nodeCount: Int
    let featureCount: Int
    let features: [Float]
    /// `[2, edgeCount]`, with duplicates and loops among them.
    let edges: [Int64]

    init(nodeCount: Int, featureCount: Int, features: [Float], edges: [Int64]) {
        self.nodeCount = nodeCount
        self.featureCount = featureCount
        self.features = features
        self.edges = edges
    }

    init(nodeCount: Int, edgeCount: Int, featureCount: Int, density: Double, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        self.nodeCount = nodeCount
        self.featureCount = featureCount
        features = (0..<nodeCount * featureCount).map { _ in
            Double.random(in: 0..<1, using: &random) < density ? Float.random(in: -2...2, using: &random) : 0
        }
        edges = (0..<2 * edgeCount).map { _ in Int64.random(in: 0..<Int64(nodeCount), using: &random) }
    }

    /// For the reference: the nodes that each node hears from.
    var sources: [Set<Int>] {
        var sources = (0..<nodeCount).map { Set([$0]) }
        let edgeCount = edges.count / 2
        for edge in 0..<edgeCount { sources[Int(edges[edgeCount + edge])].insert(Int(edges[edge])) }
        return sources
    }

    /// For the reference: a row for each node.
    var rows: [[Double]] {
        (0..<nodeCount).map { features[$0 * featureCount..<($0 + 1) * featureCount].map(Double.init) }
    }
}
