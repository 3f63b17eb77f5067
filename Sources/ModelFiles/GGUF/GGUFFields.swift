/// The keys of an architecture in the metadata of a GGUF file, checked as they are read.
///
/// Keys are given without the architecture in front: `block_count` is read from `llama.block_count`.
struct GGUFFields {
    let gguf: GGUFFile
    let architecture: GGUFArchitecture

    /// - Throws: `ModelFileError` when `general.architecture` is missing or none that Apus knows, or when the file is
    ///   one of several, and the others are not there.
    init(_ gguf: GGUFFile) throws(ModelFileError) {
        let key = "general.architecture"
        let known = GGUFArchitecture.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = try gguf.string(key) else { throw gguf.keyError(key, "is missing, expected one of \(known)") }
        guard let architecture = GGUFArchitecture(rawValue: name) else {
            throw gguf.keyError(key, "expected one of \(known), got \"\(name)\"")
        }
        if let count = try gguf.integer("split.count"), count > 1, count != gguf.partCount {
            throw gguf.keyError("split.count", "is one of \(count) files, got no more than \(gguf.partCount)")
        }
        self.gguf = gguf
        self.architecture = architecture
    }

    func key(_ name: String) -> String { "\(architecture.rawValue).\(name)" }

    func error(_ name: String, _ problem: String) -> ModelFileError { gguf.keyError(key(name), problem) }

    /// A size in `1...max`; `fallback` when it is missing.
    func size(_ name: String, max: Int, or fallback: Int? = nil) throws(ModelFileError) -> Int {
        guard let size = try optionalSize(name, max: max) ?? fallback else { throw error(name, "is missing") }
        return size
    }

    /// A size in `1...max`, nil when it is missing.
    func optionalSize(_ name: String, max: Int) throws(ModelFileError) -> Int? {
        guard let size = try gguf.integer(key(name)) else { return nil }
        guard (1...max).contains(size) else { throw error(name, "expected 1...\(max), got \(size)") }
        return size
    }

    /// A number greater than zero, nil when it is missing.
    func positiveNumber(_ name: String) throws(ModelFileError) -> Double? {
        guard let number = try gguf.number(key(name)) else { return nil }
        guard number > 0, Float(number).isNormal else { throw error(name, "expected more than 0, got \(number)") }
        return number
    }

    /// A token id in `0 ..< vocabularySize`, nil when it is missing.
    func tokenID(_ name: String, vocabularySize: Int) throws(ModelFileError) -> Int32? {
        let key = "tokenizer.ggml.\(name)"
        guard let id = try gguf.integer(key) else { return nil }
        guard (0..<vocabularySize).contains(id) else {
            throw gguf.keyError(key, "\(id) is not in the vocabulary of \(vocabularySize)")
        }
        return Int32(id)
    }

    /// `count` positive elements of a tensor of frequencies, nil when it is missing.
    func divisors(_ name: String, count: Int) throws(ModelFileError) -> [Double]? {
        guard gguf[name] != nil else { return nil }
        let divisors = try gguf.floats(name, shape: [count]).map(Double.init)
        guard divisors.allSatisfy({ $0 > 0 }) else { throw gguf.error(name, "has an element that is not positive") }
        return divisors
    }
}
