import Compute
import ModelFiles
import Models
import Vocabulary

@testable import VisionModels

extension Tensor {
    /// The elements of an ONNX tensor.
    init(_ tensor: ONNXTensor) throws {
        try self.init(DataType(tensor.elementType), shape: tensor.shape, data: tensor.data)
    }
}

extension ONNXExecutor {
    /// Runs one sample (or a whole graph that takes none) and returns all outputs.
    func outputs(for inputs: [Tensor], on gang: ComputeGang = ComputeGang(threadCount: 1)) throws -> [Tensor] {
        var results: [Tensor] = []
        try run(
            sampleCount: 1, on: gang,
            fill: { _, targets in
                for (target, input) in zip(targets, inputs) {
                    input.data.withUnsafeBytes { target.copyMemory(from: $0) }
                }
                return true
            },
            take: { _, sources in
                for (source, declared) in zip(sources, self.outputs) {
                    if let tensor = try? Tensor(declared.dataType, shape: declared.shape, data: Bytes(copying: source))
                    {
                        results.append(tensor)
                    }
                }
            })
        return results
    }
}

/// The first difference between two tensors that is larger than rounding explains, in words; nil when there is none.
func difference(_ actual: Tensor, _ expected: Tensor, relative: Double, absolute: Double) -> String? {
    guard actual.dataType == expected.dataType else { return "type \(actual.dataType), expected \(expected.dataType)" }
    guard actual.shape == expected.shape else { return "shape \(actual.shape), expected \(expected.shape)" }
    guard actual.dataType == .float32 else {
        return actual.data == expected.data ? nil : "\(actual.data.array), expected \(expected.data.array)"
    }
    for (index, (a, b)) in zip(actual.array(of: Float.self), expected.array(of: Float.self)).enumerated() {
        if a == b || (a.isNaN && b.isNaN) { continue }
        guard abs(Double(a) - Double(b)) <= absolute + relative * abs(Double(b)) else {
            return "element \(index) is \(a), expected \(b)"
        }
    }
    return nil
}
