import Vocabulary

extension GraphDescription: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case featureNormalization = "feature_normalization"
        case labels, layers
        case residentGraph = "resident_graph"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        featureNormalization =
            try container.decodeIfPresent(FeatureNormalization.self, forKey: .featureNormalization) ?? .none
        labels = try container.decodeIfPresent([String].self, forKey: .labels) ?? []
        layers = try container.decode([LayerDescription].self, forKey: .layers)
        residentGraph = try container.decodeIfPresent(ResidentGraphDescription.self, forKey: .residentGraph)
    }
}

extension ResidentGraphDescription: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case file, features, edges
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        file = try container.decodeIfPresent(String.self, forKey: .file) ?? "model.safetensors"
        features = try container.decode(String.self, forKey: .features)
        edges = try container.decode(String.self, forKey: .edges)
        // A name with a slash could lead out of the model's folder.
        guard !file.isEmpty, !file.contains("/"), file != ".", file != ".." else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: container, debugDescription: "expected the name of a file in the model's folder")
        }
    }
}

extension LayerDescription: Decodable {
    private enum Kind: String, Decodable {
        case gcn, gat
    }

    private enum CodingKeys: String, CodingKey {
        case kind
    }

    package init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: CodingKeys.self).decode(Kind.self, forKey: .kind) {
        case .gcn: self = .convolution(try GraphConvolutionDescription(from: decoder))
        case .gat: self = .attention(try GraphAttentionDescription(from: decoder))
        }
    }
}

extension GraphConvolutionDescription: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, tensors, activation, residual
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        tensors = try container.decode(String.self, forKey: .tensors)
        activation = try container.decodeIfPresent(NodeActivation.self, forKey: .activation) ?? .none
        residual = try container.decodeIfPresent(String.self, forKey: .residual)
    }
}

extension GraphAttentionDescription: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, heads, merge, activation, residual
        case attentionSlope = "attention_slope"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.strictContainer(keyedBy: CodingKeys.self)
        heads = try container.decode([String].self, forKey: .heads)
        merge = try container.decodeIfPresent(HeadMerge.self, forKey: .merge) ?? .concatenate
        activation = try container.decodeIfPresent(NodeActivation.self, forKey: .activation) ?? .none
        residual = try container.decodeIfPresent(String.self, forKey: .residual)
        attentionSlope = try container.decodeIfPresent(Float.self, forKey: .attentionSlope) ?? 0.2
        guard (1...Self.headCountMax).contains(heads.count) else {
            throw DecodingError.dataCorruptedError(
                forKey: .heads, in: container,
                debugDescription: "expected 1 to \(Self.headCountMax) heads, got \(heads.count)")
        }
        guard Set(heads).count == heads.count else {
            throw DecodingError.dataCorruptedError(
                forKey: .heads, in: container, debugDescription: "two heads have the same prefix")
        }
        // The softmax finds its highest logit by the order of its inputs, which a falling slope would turn round.
        guard (0...1).contains(attentionSlope) else {
            throw DecodingError.dataCorruptedError(
                forKey: .attentionSlope, in: container, debugDescription: "expected 0 to 1, got \(attentionSlope)")
        }
    }
}

/// Any key of a JSON object.
private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
}

extension Decoder {
    /// A container of an object that has no other keys than `Keys`, so that a misspelt key is not ignored.
    fileprivate func strictContainer<Keys: CodingKey & CaseIterable>(
        keyedBy type: Keys.Type
    ) throws -> KeyedDecodingContainer<Keys> {
        let all = try container(keyedBy: AnyKey.self)
        if let unknown = all.allKeys.map(\.stringValue).sorted().first(where: { Keys(stringValue: $0) == nil }) {
            let known = Keys.allCases.map(\.stringValue).sorted().joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: codingPath + [AnyKey(stringValue: unknown.shown())],
                    debugDescription: "unknown key, expected one of \(known)"))
        }
        return try container(keyedBy: type)
    }
}
