/// What is in a model file or folder, without serving it.
package struct ModelInspection: Sendable, Encodable {
    /// One tensor.
    package struct Tensor: Sendable, Encodable {
        package let name: String
        /// Of its elements, as the format calls it.
        package let type: String
        /// Outermost extent first.
        package let shape: [Int]
        package let elementCount: Int
        package let byteCount: Int

        /// The layer that a name such as `model.layers.3.mlp.up_proj.weight` is of, and the name without it.
        var layer: (index: Int, rest: String)? {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard let place = parts.firstIndex(where: { Int($0) != nil }), place > 0, let index = Int(parts[place])
            else { return nil }
            return (index, (parts[..<place] + ["*"] + parts[(place + 1)...]).joined(separator: "."))
        }
    }

    /// All tensors of one element type.
    package struct TypeTotal: Sendable, Encodable {
        package let type: String
        package let tensorCount: Int
        package let elementCount: Int
        package let byteCount: Int
    }

    package let path: String
    /// Such as `safetensors, 2 shards`.
    package let format: String
    /// As the files name it; nil when they do not.
    package let architecture: String?
    /// Positions that the model was made for.
    package let contextLength: Int?
    package let layerCount: Int?
    /// Kind and file.
    package let tokenizer: String?
    /// What an encoder makes the vector of a text of; nil for other models.
    package let pooling: String?
    /// Sorted by name, layers by number.
    package let tensors: [Tensor]
    /// The most bytes first.
    package let types: [TypeTotal]
    package let parameterCount: Int
    package let byteCount: Int
    /// What would keep the model from being served, or be worth a look.
    package let warnings: [String]

    init(
        path: String, format: String, facts: Facts, tensors: [Tensor], warnings: [String]
    ) {
        self.path = path
        self.format = format
        architecture = facts.architecture
        contextLength = facts.contextLength
        layerCount = facts.layerCount
        tokenizer = facts.tokenizer
        pooling = facts.pooling.map { pooling in
            switch pooling {
            case .mean: "mean of all tokens"
            case .firstToken: "first token"
            }
        }
        self.tensors = tensors.sorted(by: Self.precedes)
        types = Dictionary(grouping: tensors, by: \.type).map { type, tensors in
            TypeTotal(
                type: type, tensorCount: tensors.count, elementCount: tensors.reduce(0) { $0 + $1.elementCount },
                byteCount: tensors.reduce(0) { $0 + $1.byteCount })
        }.sorted { ($1.byteCount, $0.type) < ($0.byteCount, $1.type) }
        parameterCount = tensors.reduce(0) { $0 + $1.elementCount }
        byteCount = tensors.reduce(0) { $0 + $1.byteCount }
        self.warnings =
            facts.warnings + warnings + Self.typeWarnings(types)
            + Self.layerWarnings(tensors, layerCount: facts.layerCount)
    }

    /// What the files around the tensors say.
    struct Facts {
        var architecture: String?
        var contextLength: Int?
        var layerCount: Int?
        var tokenizer: String?
        var pooling: EncoderDescription.Pooling?
        var warnings: [String] = []
    }

    private static func precedes(_ left: Tensor, _ right: Tensor) -> Bool {
        switch (left.layer, right.layer) {
        case (nil, nil): left.name < right.name
        case (nil, _?): true
        case (_?, nil): false
        case (let left?, let right?): (left.index, left.rest) < (right.index, right.rest)
        }
    }

    private static func typeWarnings(_ types: [TypeTotal]) -> [String] {
        types.compactMap { total in
            guard let type = TensorElementType(rawValue: total.type), type.block.elementCount > 1,
                !type.isDequantizable
            else { return nil }
            return "\(total.tensorCount) tensors are \(total.type), which Apus cannot read"
        }
    }

    /// Says which layers lack a tensor that most others have, and which layers are not there at all.
    private static func layerWarnings(_ tensors: [Tensor], layerCount: Int?) -> [String] {
        var layers: [String: Set<Int>] = [:]
        for tensor in tensors { if let (index, rest) = tensor.layer { layers[rest, default: []].insert(index) } }
        let present = Set(layers.values.joined())
        guard present.count > 1 || layerCount != nil else { return [] }
        var warnings: [String] = []
        if let layerCount, let missing = (0..<layerCount).first(where: { !present.contains($0) }) {
            warnings.append("layer \(missing) of \(layerCount) has no tensors")
        }
        for (rest, indices) in layers.sorted(by: { $0.key < $1.key }) where 2 * indices.count > present.count {
            let missing = present.subtracting(indices).sorted()
            guard let first = missing.first else { continue }
            let name = rest.replacing("*", with: "\(first)", maxReplacements: 1)
            warnings.append(
                "tensor \(name) is missing" + (missing.count > 1 ? ", and in \(missing.count - 1) more layers" : ""))
        }
        return warnings
    }
}
