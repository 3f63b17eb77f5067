/// A file of named tensors, or several files that hold one model: safetensors, a folder of its shards, GGUF.
///
/// What conforms has checked every offset, shape and type when it was opened, so finding a tensor cannot go wrong
/// later; whether elements are numbers is checked when they are read.
package protocol TensorFile: Sendable {
    /// The path as it was given to us.
    var file: String { get }
    /// The names of all tensors, sorted.
    var names: [String] { get }
    /// The tensor called `name`, or nil.
    subscript(name: String) -> StoredTensor? { get }
    /// The tensor called `name` as a matrix to be read by rows, in the order of the file, or nil.
    func matrix(_ name: String) -> StoredMatrix?
}

extension TensorFile {
    package func matrix(_ name: String) -> StoredMatrix? { self[name].map { StoredMatrix($0) } }

    /// The tensor called `name`, which must have `shape`.
    ///
    /// - Throws: `ModelFileError` naming the tensor when it is missing or shaped otherwise.
    package func entry(_ name: String, shape: [Int]) throws(ModelFileError) -> StoredTensor {
        guard let tensor = self[name] else { throw error(name, "is missing") }
        guard tensor.shape == shape else { throw error(name, "expected shape \(shape), got \(tensor.shape)") }
        return tensor
    }

    /// The elements of tensor `name` as Float32; it must have `shape` and a type that `dequantize` knows.
    ///
    /// - Throws: `ModelFileError` naming the tensor; also when an element is infinite or not a number.
    package func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        let tensor = try entry(name, shape: shape)
        guard let floats = tensor.floats() else {
            throw error(name, "expected numbers such as F32, F16 or BF16, got \(tensor.elementType.rawValue)")
        }
        guard floats.allSatisfy(\.isFinite) else {
            throw error(name, "has an element that is infinite or not a number")
        }
        return floats
    }

    /// The elements of tensor `name` as Int64; it must have `shape` and be I64 or I32.
    ///
    /// - Throws: `ModelFileError` naming the tensor.
    package func integers(_ name: String, shape: [Int]) throws(ModelFileError) -> [Int64] {
        let tensor = try entry(name, shape: shape)
        guard let integers = tensor.integers() else {
            throw error(name, "expected I64 or I32, got \(tensor.elementType.rawValue)")
        }
        return integers
    }

    /// An error about the tensor `name`, naming the file that it is in.
    package func error(_ name: String, _ problem: String) -> ModelFileError {
        ModelFileError(file: self[name]?.file ?? file, field: "tensor \"\(name)\"", problem: problem)
    }
}
