package import Vocabulary

/// An ONNX model file, read and checked field by field; whether the graph makes sense is the executor's question.
///
/// - Source: onnx.proto of ONNX 1.20 (`ModelProto` and below).
package struct ONNXModel: Sendable {
    /// The file, as the caller named it; part of error messages.
    package let fileName: String
    package let irVersion: Int64
    /// The program that wrote the file.
    package let producer: String
    /// Version of each operator set used, by domain; the standard operators' domain is "".
    package let opsetVersions: [String: Int64]
    package let graph: ONNXGraph

    /// Reads a whole file.
    ///
    /// Weights held as raw bytes stay slices of `bytes`.
    ///
    /// - Throws: an error that names the file and the field; also for more than `limits` allow.
    package init(file bytes: Bytes, fileName: String, limits: ONNXLimits = ONNXLimits()) throws(ONNXError) {
        do {
            try self.init(ONNXReader(bytes, budget: ONNXReader.Budget(limits)), fileName: fileName)
        } catch {
            throw error.inFile(fileName)
        }
    }

    private init(_ reader: ONNXReader, fileName: String) throws(ONNXError) {
        var reader = reader
        var irVersion: Int64 = 0
        var producer = ""
        var opsetVersions: [String: Int64] = [:]
        var graph: ONNXGraph?
        while let field = try reader.next() {
            switch field.number {
            case 1: irVersion = Int64(bitPattern: try naming("ir_version", field.integer))
            case 2: producer = try naming("producer_name", field.text)
            case 7:
                guard graph == nil else { throw ONNXError(.repeatedField("graph")) }
                graph = try naming("graph") { () throws(ONNXError) in
                    try ONNXGraph(try reader.message(field))
                }
            case 8:
                let (domain, version) = try naming("opset_import") { () throws(ONNXError) in
                    try Self.operatorSet(try reader.message(field))
                }
                opsetVersions[domain] = version
            default: break
            }
        }
        guard let graph else { throw ONNXError(.missingField("graph")) }
        self.fileName = fileName
        self.irVersion = irVersion
        self.producer = producer
        self.opsetVersions = opsetVersions
        self.graph = graph
    }

    /// An `OperatorSetIdProto`; the standard domain has two spellings.
    private static func operatorSet(_ reader: ONNXReader) throws(ONNXError) -> (String, Int64) {
        var reader = reader
        var domain = ""
        var version: Int64 = 0
        while let field = try reader.next() {
            switch field.number {
            case 1: domain = try naming("domain", field.text)
            case 2: version = Int64(bitPattern: try naming("version", field.integer))
            default: break
            }
        }
        return (domain == "ai.onnx" ? "" : domain, version)
    }
}
