import Compute
import ModelFiles
import Vocabulary

/// A value as the compiler knows it when it makes an operator that reads it.
struct KnownValue {
    let type: ValueType
    /// The elements, when they do not depend on the model's inputs.
    let constant: Bytes?
}

/// A node as its operator reads it: what is there is checked, and what nobody asked for is an error.
final class NodeReader {
    let node: ONNXNode
    /// Version of the standard operator set.
    let opset: Int
    private let inputs: [KnownValue?]
    private var readAttributes: Set<String> = []

    /// Reads `node`; there is one of `inputs` for each of its inputs, nil where it is left out.
    init(_ node: ONNXNode, opset: Int, inputs: [KnownValue?]) {
        self.node = node
        self.opset = opset
        self.inputs = inputs
    }

    /// Checks that every attribute of the node meant something to its operator.
    func finish() throws(OperatorError) {
        if let unread = node.attributes.keys.filter({ !readAttributes.contains($0) }).min() {
            throw .unsupportedAttribute(unread)
        }
    }

    // MARK: Inputs

    var inputCount: Int { inputs.count }

    func limit(inputs maximumInputs: Int, outputs maximumOutputs: Int = 1) throws(OperatorError) {
        guard inputs.count <= maximumInputs else { throw .tooManyInputs(inputs.count, maximum: maximumInputs) }
        let outputCount = node.outputs.count
        guard outputCount <= maximumOutputs else { throw .tooManyOutputs(outputCount, maximum: maximumOutputs) }
    }

    /// The input at `index`, nil when it is left out.
    func optionalInput(_ index: Int) -> KnownValue? { index < inputs.count ? inputs[index] : nil }

    func input(_ index: Int) throws(OperatorError) -> KnownValue {
        guard let value = optionalInput(index) else { throw .missingInput(index) }
        return value
    }

    func type(_ index: Int) throws(OperatorError) -> ValueType { try input(index).type }

    /// The type of an input that has to be float32.
    func floatType(_ index: Int) throws(OperatorError) -> ValueType {
        let type = try type(index)
        guard type.dataType == .float32 else { throw .unsupportedInputType(index, type.dataType.wireName) }
        return type
    }

    /// The elements of an int64 or int32 input that has to be constant, nil when it is left out.
    func optionalConstantInts(_ index: Int) throws(OperatorError) -> [Int]? {
        guard let value = optionalInput(index) else { return nil }
        guard let data = value.constant else { throw .inputNotConstant(index) }
        switch value.type.dataType {
        case .int64: return loadElements(Int64.self, data).map(Int.init)
        case .int32: return loadElements(Int32.self, data).map(Int.init)
        default: throw .unsupportedInputType(index, value.type.dataType.wireName)
        }
    }

    func constantInts(_ index: Int) throws(OperatorError) -> [Int] {
        guard let values = try optionalConstantInts(index) else { throw .missingInput(index) }
        return values
    }

    /// The elements of a float32 input that has to be constant, nil when it is left out.
    func optionalConstantFloats(_ index: Int) throws(OperatorError) -> [Float]? {
        guard let value = optionalInput(index) else { return nil }
        guard value.type.dataType == .float32 else { throw .unsupportedInputType(index, value.type.dataType.wireName) }
        guard let data = value.constant else { throw .inputNotConstant(index) }
        return loadElements(Float.self, data)
    }

    // MARK: Attributes

    func optionalInt(_ name: String) throws(OperatorError) -> Int? {
        guard let value = attribute(name) else { return nil }
        guard case .int(let number) = value else { throw .wrongAttributeType(name: name) }
        return Int(number)
    }

    func int(_ name: String, default value: Int) throws(OperatorError) -> Int { try optionalInt(name) ?? value }

    /// An int attribute that is a truth value.
    func flag(_ name: String, default value: Bool = false) throws(OperatorError) -> Bool {
        try optionalInt(name).map { $0 != 0 } ?? value
    }

    func ints(_ name: String) throws(OperatorError) -> [Int]? {
        guard let value = attribute(name) else { return nil }
        guard case .ints(let numbers) = value else { throw .wrongAttributeType(name: name) }
        return numbers.map(Int.init)
    }

    func optionalFloat(_ name: String) throws(OperatorError) -> Float? {
        guard let value = attribute(name) else { return nil }
        guard case .float(let number) = value else { throw .wrongAttributeType(name: name) }
        return number
    }

    func float(_ name: String, default value: Float) throws(OperatorError) -> Float {
        try optionalFloat(name) ?? value
    }

    func string(_ name: String, default value: String) throws(OperatorError) -> String {
        guard let attribute = attribute(name) else { return value }
        guard case .string(let bytes) = attribute, let text = bytes.utf8String else {
            throw .wrongAttributeType(name: name)
        }
        return text
    }

    /// The attribute as the file has it, nil when it is left out.
    func attribute(_ name: String) -> ONNXAttribute? {
        readAttributes.insert(name)
        return node.attributes[name]
    }

    /// Axes, starts or sizes that moved from an attribute to an input in a later operator set.
    func ints(attribute name: String, orInput index: Int) throws(OperatorError) -> [Int]? {
        if let values = try ints(name) { return values }
        return try optionalConstantInts(index)
    }
}

/// Copies elements out of bytes of any alignment.
func loadElements<Element: BitwiseCopyable>(_ type: Element.Type, _ data: Bytes) -> [Element] {
    let count = data.count / MemoryLayout<Element>.size
    return data.withUnsafeBytes { source in
        [Element](unsafeUninitializedCapacity: count) { destination, initializedCount in
            UnsafeMutableRawBufferPointer(destination).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[..<(count * MemoryLayout<Element>.size)]))
            initializedCount = count
        }
    }
}
