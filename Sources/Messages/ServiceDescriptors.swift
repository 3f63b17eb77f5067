import CMessages
package import Vocabulary

/// What the `.proto` files say, for callers who ask the server: which services there are, and which file declares what.
///
/// Everything is looked up in tables made once from a serialised `google.protobuf.FileDescriptorSet`; the files
/// themselves are passed on as they are.
///
/// - Source: field numbers are those of google/protobuf/descriptor.proto.
package struct ServiceDescriptors: Sendable {
    /// The services of Apus: everything in `Proto/`.
    package static let apus = ServiceDescriptors(
        fileDescriptorSet: Bytes(
            copying: UnsafeRawBufferPointer(
                start: apus_service_descriptors(), count: apus_service_descriptors_byte_count)))

    /// A file: its path and what it imports, by path.
    private struct File {
        let name: String
        let dependencies: [String]
        let descriptor: Bytes
    }

    /// Full names of all services, sorted.
    package let services: [String]
    /// `/package.Service/Method` of every method.
    package var methodPaths: [String] { symbols.methodPaths }
    private let files: [String: File]
    private let symbols: SymbolTable

    /// Indexes the files of a set.
    package init(fileDescriptorSet: Bytes) {
        var files: [String: File] = [:]
        var symbols = SymbolTable()
        for descriptor in WireReader.contents(of: fileDescriptorSet, number: 1) {
            let file = File(
                name: WireReader.text(of: descriptor, number: 1),
                dependencies: WireReader.contents(of: descriptor, number: 3).compactMap(\.utf8String),
                descriptor: descriptor)
            files[file.name] = file
            symbols.addFile(descriptor, named: file.name)
        }
        self.files = files
        self.symbols = symbols
        self.services = symbols.services.sorted()
    }

    /// The file of that path and everything it imports, directly or not; nil when there is no such file.
    ///
    /// - Returns: serialised `google.protobuf.FileDescriptorProto`s, each once, the one asked for first.
    package func files(named name: String) -> [Bytes]? {
        guard let first = files[name] else { return nil }
        var found = [first]
        var names: Set = [name]
        var index = 0
        while index < found.count {
            for dependency in found[index].dependencies where names.insert(dependency).inserted {
                if let file = files[dependency] { found.append(file) }
            }
            index += 1
        }
        return found.map(\.descriptor)
    }

    /// As `files(named:)`, for the file that declares a service, method, message, field, oneof, enum or enum value.
    ///
    /// - Parameter symbol: full name without a leading dot, e.g. `apus.text.v1.Text.Generate`.
    /// - Returns: the file first, then what it imports; nil when nothing has that name.
    package func files(declaring symbol: String) -> [Bytes]? {
        symbols.fileNames[symbol].flatMap { files(named: $0) }
    }

    /// Whether `name` is the full name of a message type.
    package func isMessageType(_ name: String) -> Bool {
        symbols.messageTypes.contains(name)
    }

    /// Full names of all message types, nested ones and map entries included.
    var messageTypes: Set<String> { symbols.messageTypes }
}
