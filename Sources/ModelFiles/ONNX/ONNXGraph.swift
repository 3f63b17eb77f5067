/// Nodes, constants, inputs and outputs of an ONNX model, in the file's order.
package struct ONNXGraph: Sendable {
    package let name: String
    package let nodes: [ONNXNode]
    /// Constants by name.
    package let initializers: [String: ONNXTensor]
    /// Every declared input; in old files that includes the initializers.
    package let inputs: [ONNXValue]
    package let outputs: [ONNXValue]

    init(_ reader: ONNXReader) throws(ONNXError) {
        var reader = reader
        var name = ""
        var nodes: [ONNXNode] = []
        var initializers: [String: ONNXTensor] = [:]
        var inputs: [ONNXValue] = []
        var outputs: [ONNXValue] = []
        while let field = try reader.next() {
            switch field.number {
            case 1:
                nodes.append(
                    try naming("node[\(nodes.count)]") { () throws(ONNXError) in
                        try ONNXNode(try reader.message(field))
                    })
            case 2: name = try naming("name", field.text)
            case 5:
                let tensor = try naming("initializer[\(initializers.count)]") { () throws(ONNXError) in
                    try ONNXTensor.decode(try reader.message(field))
                }
                guard initializers.updateValue(tensor, forKey: tensor.name) == nil else {
                    throw ONNXError(.duplicateName(tensor.name)).inside("initializer")
                }
            case 11:
                inputs.append(
                    try naming("input[\(inputs.count)]") { () throws(ONNXError) in
                        try ONNXValue(try reader.message(field))
                    })
            case 12:
                outputs.append(
                    try naming("output[\(outputs.count)]") { () throws(ONNXError) in
                        try ONNXValue(try reader.message(field))
                    })
            case 15: throw ONNXError(.sparseTensor).inside("sparse_initializer")
            default: break
            }
        }
        self.name = name
        self.nodes = nodes
        self.initializers = initializers
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// One application of an operator.
package struct ONNXNode: Sendable {
    /// May be empty.
    package let name: String
    package let operatorType: String
    /// "" for the standard operators.
    package let domain: String
    /// Names of values; an empty name is an optional input left out.
    package let inputs: [String]
    /// Names of values; an empty name is an optional output nobody wants.
    package let outputs: [String]
    package let attributes: [String: ONNXAttribute]

    init(_ reader: ONNXReader) throws(ONNXError) {
        var reader = reader
        var name = ""
        var operatorType = ""
        var domain = ""
        var inputs: [String] = []
        var outputs: [String] = []
        var attributes: [String: ONNXAttribute] = [:]
        while let field = try reader.next() {
            switch field.number {
            case 1: inputs.append(try naming("input[\(inputs.count)]", field.text))
            case 2: outputs.append(try naming("output[\(outputs.count)]", field.text))
            case 3: name = try naming("name", field.text)
            case 4: operatorType = try naming("op_type", field.text)
            case 5:
                let (key, value) = try naming("attribute[\(attributes.count)]") { () throws(ONNXError) in
                    try ONNXAttribute.decode(try reader.message(field))
                }
                guard attributes.updateValue(value, forKey: key) == nil else {
                    throw ONNXError(.duplicateName(key)).inside("attribute")
                }
            case 7: domain = try naming("domain", field.text)
            default: break
            }
        }
        guard !operatorType.isEmpty else { throw ONNXError(.missingField("op_type")) }
        self.name = name
        self.operatorType = operatorType
        self.domain = domain == "ai.onnx" ? "" : domain
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

/// A declared input or output.
package struct ONNXValue: Sendable, Equatable {
    /// One extent of a declared shape.
    package enum Dimension: Sendable, Equatable {
        case fixed(Int)
        /// Known when the model runs; equal names are equal extents. "" when the file gives no name.
        case symbolic(String)
    }

    package let name: String
    /// Nil when the value is no tensor, or of a type that we do not read.
    package let elementType: ONNXElementType?
    /// Nil when the file gives no shape.
    package let shape: [Dimension]?

    init(_ reader: ONNXReader) throws(ONNXError) {
        var reader = reader
        var name = ""
        var elementType: ONNXElementType?
        var shape: [Dimension]?
        while let field = try reader.next() {
            switch field.number {
            case 1: name = try naming("name", field.text)
            case 2:
                (elementType, shape) = try naming("type") { () throws(ONNXError) in
                    try Self.type(try reader.message(field))
                }
            default: break
            }
        }
        self.name = name
        self.elementType = elementType
        self.shape = shape
    }

    /// A `TypeProto`: only its tensor case means anything to us.
    private static func type(_ reader: ONNXReader) throws(ONNXError) -> (ONNXElementType?, [Dimension]?) {
        var reader = reader
        var elementType: ONNXElementType?
        var shape: [Dimension]?
        while let field = try reader.next() {
            guard field.number == 1 else { continue }
            var tensor = try reader.message(field)
            while let part = try tensor.next() {
                switch part.number {
                case 1:
                    let number = try naming("elem_type", part.integer)
                    elementType = Int64(exactly: number).flatMap(ONNXElementType.init(rawValue:))
                case 2:
                    shape = try naming("shape") { () throws(ONNXError) in try dimensions(try tensor.message(part)) }
                default: break
                }
            }
        }
        return (elementType, shape)
    }

    /// A `TensorShapeProto`.
    private static func dimensions(_ reader: ONNXReader) throws(ONNXError) -> [Dimension] {
        var reader = reader
        var shape: [Dimension] = []
        while let field = try reader.next() {
            guard field.number == 1 else { continue }
            var dimension = Dimension.symbolic("")
            var part = try reader.message(field)
            while let value = try part.next() {
                switch value.number {
                case 1:
                    let extent = Int64(bitPattern: try naming("dim_value", value.integer))
                    guard extent >= 0 else { throw ONNXError(.negativeDimension(extent)) }
                    dimension = .fixed(Int(extent))
                case 2: dimension = .symbolic(try naming("dim_param", value.text))
                default: break
                }
            }
            shape.append(dimension)
            let maximum = reader.budget.limits.rankMax
            guard shape.count <= maximum else { throw ONNXError(.tooManyDimensions(shape.count, maximum: maximum)) }
        }
        return shape
    }
}
