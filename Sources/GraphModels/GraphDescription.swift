package import ModelFiles

/// What `graph.json` says about a graph model: its layers, the names of its classes and the graph it holds.
///
/// ```json
/// {
///   "feature_normalization": "row_sum",
///   "labels": ["Mr. Hi", "Officer"],
///   "layers": [
///     { "kind": "gcn", "tensors": "layers.0", "activation": "relu" },
///     { "kind": "gat", "heads": ["out"], "merge": "mean", "attention_slope": 0.2 }
///   ],
///   "resident_graph": { "file": "graph.safetensors", "features": "features", "edges": "edges" }
/// }
/// ```
///
/// All sizes come from the tensors, so the two files cannot contradict each other. An unknown key is an error.
package struct GraphDescription: Sendable, Equatable {
    /// What is done to the features of a node before the first layer; nothing unless the file says so.
    package let featureNormalization: FeatureNormalization
    /// The names of the classes; empty when the file has none.
    package let labels: [String]
    /// First to last, at least one.
    package let layers: [LayerDescription]
    /// The graph that requests without one of their own ask about.
    package let residentGraph: ResidentGraphDescription?

    /// More layers are refused.
    static let layerCountMax = 64
    /// Longer files are refused.
    private static let byteCountMax = 1 << 20

    /// Reads the file at `path`.
    ///
    /// - Throws: `ModelFileError` naming the key.
    package init(path: String) throws(ModelFileError) {
        self = try JSONFile.decode(Self.self, path: path, byteCountMax: Self.byteCountMax)
        guard (1...Self.layerCountMax).contains(layers.count) else {
            throw ModelFileError(
                file: path, field: "\"layers\"", problem: "expected 1 to \(Self.layerCountMax), got \(layers.count)")
        }
    }
}

/// Where the resident graph lies.
package struct ResidentGraphDescription: Sendable, Equatable {
    /// A safetensors file beside `graph.json`; `model.safetensors` unless the file says otherwise.
    package let file: String
    /// The tensor `[nodes, features]`: F32, F16 or BF16.
    package let features: String
    /// The tensor `[2, edges]`: I64 or I32, source nodes and then destination nodes.
    package let edges: String
}

/// What is done to the features of a node before the first layer.
package enum FeatureNormalization: String, Sendable, Decodable {
    case none
    /// Divided by their sum, as the papers' code does for bags of words; a row that sums to zero is left as it is.
    case rowSum = "row_sum"
}

/// One layer as the file describes it.
package enum LayerDescription: Sendable, Equatable {
    case convolution(GraphConvolutionDescription)
    case attention(GraphAttentionDescription)
}

/// A `gcn` layer.
package struct GraphConvolutionDescription: Sendable, Equatable {
    /// The prefix of its tensors `.weight` `[inputs, outputs]` and, if there is one, `.bias` `[outputs]`.
    package let tensors: String
    package let activation: NodeActivation
    /// `identity`, or the tensor `[inputs, outputs]` through which the layer's input is added to its output; nil for
    /// none.
    package let residual: String?
}

/// A `gat` layer.
package struct GraphAttentionDescription: Sendable, Equatable {
    /// For each head the prefix of its tensors `.weight` `[inputs, outputs]`, `.att_src.weight` and `.att_dst.weight`
    /// `[outputs]`, and if they are there `.att_src.bias`, `.att_dst.bias` `[1]` and `.bias` `[outputs]`.
    package let heads: [String]
    package let merge: HeadMerge
    /// The slope of the leaky rectifier for negative attention logits; 0.2 unless the file says otherwise.
    package let attentionSlope: Float
    package let activation: NodeActivation
    /// As in `GraphConvolutionDescription`; its outputs are those of the layer after the merge.
    package let residual: String?

    /// More heads are refused.
    static let headCountMax = 256
}

/// What becomes of the outputs of several attention heads.
package enum HeadMerge: String, Sendable, Decodable {
    case concatenate, mean
}
