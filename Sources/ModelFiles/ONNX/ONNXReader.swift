/// How much of a file a reader accepts.
///
/// Why: a few bytes of protobuf can ask for many times their size in memory; each field we keep costs at most about
/// 200 bytes, so `fieldCountMax` bounds what a hostile file can make us allocate.
package struct ONNXLimits: ProtobufLimits, Sendable {
    /// Messages inside messages.
    package var depthMax = 24
    /// Tags in the whole file, those of skipped fields included.
    package var fieldCountMax = 4_000_000
    /// Extents of one tensor or value.
    package var rankMax = 16

    package init() {}
}

/// Reads the messages of an ONNX file.
typealias ONNXReader = ProtobufReader<ONNXFormat>

/// How the messages of ONNX files are read.
enum ONNXFormat: ProtobufFormat {
    typealias Limits = ONNXLimits

    static func failure(_ problem: ProtobufProblem) -> ONNXError { ONNXError(.message(problem)) }
}
