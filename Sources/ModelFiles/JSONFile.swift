import FoundationEssentials
package import Vocabulary

/// JSON files decoded into values, with errors that name the key.
package enum JSONFile {
    /// Decodes the file at `path`.
    ///
    /// - Throws: `ModelFileError` naming the key path that is missing, of the wrong type or malformed.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, path: String, byteCountMax: Int = 1 << 28
    ) throws(ModelFileError) -> Value {
        try decode(type, from: MappedFile.open(path: path, byteCountMax: byteCountMax), file: path)
    }

    /// Decodes `bytes`; `file` is only named in errors.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: Bytes, file: String
    ) throws(ModelFileError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes.array))
        } catch let error as DecodingError {
            throw ModelFileError(decoding: error, file: file)
        } catch {
            throw ModelFileError(file: file, problem: "is not JSON: \(error)")
        }
    }
}

extension ModelFileError {
    fileprivate init(decoding error: DecodingError, file: String) {
        func field(_ context: DecodingError.Context, _ last: String? = nil) -> String? {
            let keys =
                context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue } + (last.map { [$0] } ?? [])
            return keys.isEmpty ? nil : "\"\(keys.joined(separator: "."))\""
        }
        switch error {
        case .keyNotFound(let key, let context):
            self.init(file: file, field: field(context, key.stringValue), problem: "is missing")
        case .valueNotFound(let type, let context):
            self.init(file: file, field: field(context), problem: "expected \(type), got null")
        case .typeMismatch(let type, let context):
            self.init(file: file, field: field(context), problem: "expected \(type)")
        case .dataCorrupted(let context):
            self.init(file: file, field: field(context), problem: "is malformed: \(context.debugDescription)")
        @unknown default:
            self.init(file: file, problem: "\(error)")
        }
    }
}
